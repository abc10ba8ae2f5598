/* SPDX-License-Identifier: BSD-3-Clause */
#include "seccomp/apply.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "path-wall.h"
#include "spawn/base/macros.h"

/* The kernel looks at the program only after it knows the mode: EFAULT means it does. */
bool
nb_seccomp_is_available (void)
{
  return prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) < 0 && errno == EFAULT;
}

int
nb_seccomp_enter_path_wall (void)
{
  struct sock_fprog program = {
    .len = NB_ARRAY_SIZE (nb_path_wall),
    .filter = (struct sock_filter *)nb_path_wall,
  };

  return prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * without-landlock PROGRAM [ARGUMENT…]: runs it, and all that it starts, as on a kernel
 * that has no Landlock: the three system calls answer ENOSYS. In the portal's place it
 * shows what a sub-sandbox is on such a kernel.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/macros.h"

_Static_assert(SYS_landlock_restrict_self == SYS_landlock_create_ruleset + 2,
               "one range of numbers");

int
main (int argc, char **argv)
{
  struct sock_filter filter[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JGE | BPF_K, SYS_landlock_create_ruleset, 0, 2),
    BPF_JUMP (BPF_JMP | BPF_JGT | BPF_K, SYS_landlock_restrict_self, 1, 0),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = { NB_ARRAY_SIZE (filter), filter };

  if (argc < 2)
    return 2;
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
      && prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
    (void)execv (argv[1], argv + 1);
  perror (argv[1]);
  return 127;
}

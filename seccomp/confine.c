/* SPDX-License-Identifier: BSD-3-Clause */
#include "seccomp/confine.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "seccomp/apply.h"
#include "seccomp/landlock.h"

/* Not for those that end others, and not for what Chromium runs without any sandbox. */
static bool
is_alone (NbKind kind)
{
  return kind != NB_KIND_NONE && kind != NB_KIND_ZYGOTE
         && kind != NB_KIND_UNSANDBOXED_ZYGOTE;
}

int
nb_confine_before_exec (NbKind kind, int *listener_out)
{
  /* libxcb gives up when an abstract socket is refused: xcb_util.c, _xcb_open. */
  unsigned scope = kind == NB_KIND_GPU ? NB_LANDLOCK_SIGNALS
                                       : NB_LANDLOCK_SIGNALS | NB_LANDLOCK_ABSTRACT_SOCKETS;
  int result = is_alone (kind) ? nb_landlock_enter_scope (scope) : 0;

  if (result == 0 && is_alone (kind) && listener_out == NULL)
    result = nb_seccomp_enter_own_pid ((pid_t)syscall (SYS_getpid), true);
  if (result == 0 && listener_out == NULL)
    return nb_seccomp_enter_policy (kind);
  if (result == 0)
    result = *listener_out = nb_seccomp_enter_watched_policy (kind);
  return result < 0 ? result : 0;
}

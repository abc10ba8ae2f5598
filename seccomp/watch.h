/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NESTBOX_DEBUG=seccomp: the holder's side of a watched base filter. Whoever started the
 * child holds the listener, sees each denied call before it is answered, and answers as
 * the filter would have done (linux: Documentation/userspace-api/seccomp_filter.rst,
 * "Userspace Notification"). Libc only. The holder must see the child's PIDs as the child
 * does: it stands in for the own-PID filter as well.
 */
#pragma once

#include <sys/types.h>

#include "spawn/base/denial.h"

/*
 * Answers one call that waits at the listener. base: the kind that the filter is of;
 * child: the process that was started with it. 1: it was denied, for the first time from
 * this address; 0: nothing to tell; -errno: the listener is of no more use, its last
 * process has ended.
 */
int nb_watch_serve (int listener, NbKind base, pid_t child, NbDenial *denial_out);

/* The name of a call that can be denied, for people; "call" when the table has none. */
const char *nb_watch_call_name (int number);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attaching ready-made seccomp programs: raw system calls only, async-signal-safe, no
 * libseccomp. For good, for the calling thread and all it starts. Needs no_new_privs,
 * which Flatpak sets on everything it starts. All return 0 or -errno unless said.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "spawn/base/kind.h"

/* Whether this kernel can attach filters, found out without attaching one. */
bool nb_seccomp_is_available (void);

/*
 * The wall for kernels without Landlock: files can no longer be reached by name (see
 * seccomp/path-wall.def).
 */
int nb_seccomp_enter_path_wall (void);

/* The base filter of a kind (see seccomp/policy.def). */
int nb_seccomp_enter_policy (NbKind kind);

/*
 * The same for NESTBOX_DEBUG=seccomp: what the filter would deny stops until the holder
 * of the listener answers (see seccomp/watch.h), and so does every signal, of which the
 * holder lets those to the process itself pass. A close-on-exec listener, or -errno;
 * -EBUSY where the process has one already.
 */
int nb_seccomp_enter_watched_policy (NbKind kind);

/*
 * The own-PID filter: kill, tgkill and rt_tgsigqueueinfo reach the process `self` (as it
 * sees its own pid) and nobody else; the base filter has closed the other doors to a
 * signal. Survives an exec, for the pid does; in a process forked later it lets nothing
 * pass. may_execute false: no program can be executed any more either, also none that
 * lies in memory, which Landlock cannot tell.
 */
int nb_seccomp_enter_own_pid (pid_t self, bool may_execute);

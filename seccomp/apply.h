/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attaching ready-made seccomp programs: raw system calls only, async-signal-safe, no
 * libseccomp. Needs no_new_privs.
 */
#pragma once

#include <stdbool.h>

/* Whether this kernel can attach filters, found out without attaching one. */
bool nb_seccomp_is_available (void);

/*
 * The wall for kernels without Landlock: files can no longer be reached by name (see
 * seccomp/path-wall.def). For good, for this process and all it starts. 0 or -errno.
 */
int nb_seccomp_enter_path_wall (void);

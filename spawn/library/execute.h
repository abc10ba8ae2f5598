/* SPDX-License-Identifier: BSD-3-Clause */
/* Programs of nestbox's own that are to be no children of the host. Libc only. */
#pragma once

#include <stddef.h>

enum
{
  NB_EXECUTE_MAX_FDS = 3,
};

/*
 * Executes program with argv, with the borrowed fds, NB_EXECUTE_MAX_FDS at most, from
 * descriptor 3 on, /dev/null as 0 and 1, the host's 2, nothing else, and the host's
 * environment. Returns when it is executed; it belongs to whoever collects orphans, and
 * sends no SIGCHLD. 0 or a positive errno: nothing was executed then.
 */
int nb_library_execute (const char *program, const char *const *argv, const int *fds,
                        size_t n_fds);

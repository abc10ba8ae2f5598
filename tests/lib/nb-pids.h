/* SPDX-License-Identifier: BSD-3-Clause */
/* PIDs that a test has to itself: a namespace of its own, and numbers of its choice. */
#pragma once

#include <sys/types.h>

/* Runs body as pid 1 of a new PID namespace with its /proc; what it starts ends with it.
 * For the body of a child: calls nb_test_child_check(). */
void nb_pids_run_first (void (*body) (void));

/* A child of this PID, that runs body and ends with status 0; else what clone3(2) says. */
pid_t nb_pids_clone (pid_t wanted, void (*body) (void));

/* A body that waits to be ended. */
void nb_pids_wait_forever (void);

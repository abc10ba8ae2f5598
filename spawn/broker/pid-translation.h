/* SPDX-License-Identifier: BSD-3-Clause */
/* PIDs of one process in two namespaces, where both can be seen. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/*
 * The pid that a process, known here as pid, has in the namespace right below ours; 0
 * when it does not live in one, or does not live (linux: /proc/PID/status, NSpid).
 */
pid_t nb_pid_below (pid_t pid);

/* The pid here of the process that pidfd refers to; 0 when it cannot be seen, or is gone.
 */
pid_t nb_pid_of (int pidfd);

/* Whether a process lives in our namespace itself; false when it does not live. */
bool nb_pid_is_here (pid_t pid);

/*
 * Whether a process, known here as pid, descends from the one that pidfd refers to, such
 * as the first of a PID namespace below ours; false where either cannot be seen.
 */
bool nb_pid_is_below (pid_t pid, int pidfd);

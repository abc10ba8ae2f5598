/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "tests/attack/runner.h"

/*
 * A filter that lets a process signal its own PID alone is inherited by what the process
 * forks. When the process has ended and its PID is another child's, the fork may signal
 * that, as far as the filter goes. Prints its line as every attack does, and before that
 *
 *     PLACE wants pid N
 *
 * whereupon whoever may has the PID namespace go on at N (/proc/sys/kernel/ns_last_pid):
 * counting up to there takes the attacker minutes, which a test does not have.
 */
void nb_pid_reuse_run (NbRunner *runner);

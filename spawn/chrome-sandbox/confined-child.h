/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The helper as a step on the way to a child in the app's own sandbox: for what cannot put
 * on the child's filters itself, and to have them watched (NESTBOX_DEBUG=seccomp).
 */
#pragma once

#include <stdbool.h>

/*
 * argv: the executable, then the child's arguments from argv[0] on. Takes the filters of
 * its kind upon itself and executes it. watched: hands the listener to the broker, which
 * NESTBOX_BROKER names and the child does not get to know. An exit status on failure.
 */
int nb_become_confined_child (char **argv, bool watched);

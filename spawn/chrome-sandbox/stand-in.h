/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A process of the browser's that stands in for one in a sub-sandbox: it was executed in
 * its place, has the broker start it there, and ends as it ended.
 */
#pragma once

#include "spawn/chrome-sandbox/output-relay.h"
#include "spawn/library/connection.h"

/* Of standard output and error; -1 in both members where none is needed. */
typedef struct
{
  NbOutputRelay items[2];
} NbOutputRelays;

/*
 * Puts everything that the browser left open for the program into exec. 0, or -errno when
 * that is more than fits one message.
 */
int nb_stand_in_collect_fds (NbLaunch *exec, NbOutputRelays *relays);

/* One line on standard error that says so; the exit status. */
int nb_stand_in_refuse (NbKind kind, const char *reason);

/*
 * Whether it was not started because the pages' zygote was not: that one's stand-in says
 * why, and one line is enough.
 */
bool nb_stand_in_is_said_elsewhere (const NestboxFailure *failure);

/*
 * All of it for one program, argv[0] absolute: the exit status, if it does not end by the
 * signal that ended the program. A zygote's stand-in also has the nursery.
 */
int nb_stand_in_run (NbKind kind, char **argv);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of nestbox besides `nestbox run`. Each gets its own argv, argv[0] being its
 * name.
 */
#pragma once

#include "spawn/base/exit-status.h"

/* Says what works here and what does not; 0 when browsers can be sandboxed, else 1. */
int nb_command_doctor (int argc, char **argv);
int nb_command_policy (int argc, char **argv);

/* Says what confines a browser's children; an exit status from below. */
int nb_command_audit (int argc, char **argv);

/* For `nestbox run`: the browser in the newest version of its app. */
int nb_command_restart (int argc, char **argv);

/* Lists browsers, sub-sandboxes and children. */
int nb_command_ps (int argc, char **argv);

/* Prints what was recorded of a browser. */
int nb_command_trace (int argc, char **argv);
/* Says which child's a process is. */
int nb_command_identify (int argc, char **argv);

/* Runs a program in a sub-sandbox; its exit status, or one of ours. */
int nb_command_spawn (int argc, char **argv);

/* What a policy gives a child on the session bus; for the broker: a child's endpoint. */
int nb_command_bus_gate (int argc, char **argv);

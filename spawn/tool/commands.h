/* SPDX-License-Identifier: BSD-3-Clause */
/* The subcommands of nestbox. Each gets its own argv, argv[0] being its name. */
#pragma once

/* Replaces itself by the browser; returns an exit status only on failure. */
int nb_command_run (int argc, char **argv);

/* The same, called by the name of zypak's wrapper, as which it takes no options. */
int nb_command_zypak_wrapper (int argc, char **argv);

/* Says what works here and what does not; 0 when browsers can be sandboxed, else 1. */
int nb_command_doctor (int argc, char **argv);
int nb_command_policy (int argc, char **argv);

/* Says what confines a browser's children; an exit status from below. */
int nb_command_audit (int argc, char **argv);

/* Serves one host of libnestbox, which executes it; an exit status at its end. */
int nb_command_broker (int argc, char **argv);

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

enum
{
  NB_EXIT_BAD = 1, /* something is not as it has to be */
  NB_EXIT_USAGE = 2,
  NB_EXIT_UNMEASURED = 3, /* nothing bad was found, and not all was measured */
  NB_EXIT_NO_CHILD = 4,   /* there is nothing to be measured */
  NB_EXIT_REFUSED = 125,  /* nothing was started, for a reason of ours */
  NB_EXIT_CANNOT_EXECUTE = 126,
  NB_EXIT_NOT_FOUND = 127,
};

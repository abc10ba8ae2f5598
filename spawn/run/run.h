/* SPDX-License-Identifier: BSD-3-Clause */
/* Both get their own argv, argv[0] being their name. */
#pragma once

/* Replaces itself by the browser; returns an exit status only on failure. */
int nb_command_run (int argc, char **argv);

/* The same, called by the name of zypak's wrapper, as which it takes no options. */
int nb_command_zypak_wrapper (int argc, char **argv);

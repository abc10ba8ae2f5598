/* SPDX-License-Identifier: BSD-3-Clause */
/* A browser that starts itself anew, in the newest version of its app. */
#pragma once

#include <glib.h>

/* Set by the host preload for what it executes in place of the browser's own executable. */
#define NB_RESTART_VARIABLE "NESTBOX_RESTART"

/*
 * Has command, NULL-terminated and [0] absolute, run in a new instance of the app as it is
 * installed by now (spawn/tool/restart.c). FALSE when it is not: one line says why.
 */
gboolean nb_restart_in_latest (char *const *command);

/*
 * What to run there: the app's own wrapper, if the browser was told of one by
 * CHROME_WRAPPER (Chromium: shell_integration_linux.cc), else `nestbox run` with these
 * options; then the arguments of browser, its argv. Owned, NULL-terminated.
 */
char **nb_restart_command (const char *wrapper, const char *options, char *const *browser);

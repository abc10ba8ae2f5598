/* SPDX-License-Identifier: BSD-3-Clause */
/* What manifests say to zypak (https://github.com/refi64/zypak), said to `nestbox run`. */
#pragma once

#include <glib.h>

/* Whether the program was called by one of the names that zypak's wrapper has. */
gboolean nb_zypak_is_name (const char *argv0);

/*
 * Translates the variables that begin with ZYPAK_ of that environment. What has a meaning
 * here is put into *environment or appended to options, of owned strings; for what has
 * none, or would take from the sandbox, a line is appended to notes, of owned strings.
 * None of the variables is left.
 */
void nb_zypak_translate (char ***environment, GPtrArray *options, GPtrArray *notes);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What flatpak, bubblewrap and the controller print while a sub-sandbox is made: the only
 * explanation there is when Spawn "succeeds" and nothing comes. Kept off the terminal.
 */
#pragma once

#include <glib.h>

typedef struct _NbDiagnostics NbDiagnostics;

NbDiagnostics *nb_diagnostics_new (void);

/* The write end for the sandbox, to be closed by the caller; or -errno. */
int nb_diagnostics_open (NbDiagnostics *diagnostics);

/* The last line printed that says something, "" when there is none. */
char *nb_diagnostics_last_line (NbDiagnostics *diagnostics);

void nb_diagnostics_free (NbDiagnostics *diagnostics);

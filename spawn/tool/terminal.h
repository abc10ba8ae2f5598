/* SPDX-License-Identifier: BSD-3-Clause */
/* The terminal, where there is one. */
#pragma once

#include <glib.h>

/* Whether standard output is a terminal, and NO_COLOR is not set, or empty. */
gboolean nb_terminal_has_colours (void);

/*
 * Shows what draw() appends to its frame, in lines, on the terminal that standard output
 * is: anew every so many milliseconds and whenever its size changes, cut to that. Until a
 * key q, the end of standard input, or a signal that asks to end; then the terminal is as
 * it was. While it is stopped (Ctrl-Z), too. 0, or a positive errno.
 */
int nb_terminal_watch (guint interval_ms, void (*draw) (GString *frame, gpointer data),
                       gpointer data);

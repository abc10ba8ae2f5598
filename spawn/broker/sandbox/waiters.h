/* SPDX-License-Identifier: BSD-3-Clause */
/* Who waits for a sub-sandbox to be ready, or to have ended. */
#pragma once

#include <glib.h>

/* reason: NULL when it is ready, else why it ended. */
typedef void (*NbSettled) (gpointer data, const char *reason);

/* A list of waiters; NULL is the empty one. */
typedef GList *NbWaiters;

void nb_waiters_add (NbWaiters *waiters, NbSettled settled, gpointer data);

/* Calls each once, in the order they were added, and empties the list. */
void nb_waiters_tell (NbWaiters *waiters, const char *reason);

/* Takes those out that were added with this data, telling them nothing. */
void nb_waiters_forget (NbWaiters *waiters, gpointer data);

void nb_waiters_clear (NbWaiters *waiters);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What nestbox says to people: one line per event on standard error. GLib-free, one
 * write(2) per line, so lines of several processes do not mix.
 */
#pragma once

#include <stdbool.h>

#include "spawn/base/macros.h"

/* Categories of NESTBOX_DEBUG, a list of these names, or "all" but seccomp. */
typedef enum
{
  NB_LOG_PORTAL = 1 << 0,  /* D-Bus calls and signals of the Flatpak portal */
  NB_LOG_STATE = 1 << 1,   /* state changes of broker, sandbox, child */
  NB_LOG_CHANNEL = 1 << 2, /* messages between broker, controller and clients */
  NB_LOG_SANDBOX = 1 << 3, /* what the sub-sandbox itself prints while it is made */
  NB_LOG_SECCOMP = 1 << 4, /* system calls that base filters deny; slows these down */
  NB_LOG_BUS = 1 << 5,     /* what children say on the session bus; not in "all" either */
} NbLogCategory;

/* What to say when nb_log_init() returns false. */
#define NB_LOG_USAGE                                                                       \
  "NESTBOX_DEBUG knows portal, state, channel, sandbox, bus, seccomp and all"

/* Reads NESTBOX_DEBUG's value (NULL: nothing is logged). Returns false on an unknown name.
 */
bool nb_log_init (const char *debug);

/* An error or a refusal: always printed, as "nestbox: …". */
void nb_log_error (const char *format, ...) NB_PRINTF (1, 2);

/*
 * Printed as "nestbox[pid] SECONDS category: …" when the category is on; the seconds are
 * the monotonic clock's.
 */
void nb_log_debug (NbLogCategory category, const char *format, ...) NB_PRINTF (2, 3);

/* Whether the category is on, for messages that are costly to make. */
bool nb_log_is_on (NbLogCategory category);

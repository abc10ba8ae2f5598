/* SPDX-License-Identifier: BSD-3-Clause */
/* NESTBOX_DEBUG=seccomp: one line for each call that a base filter denied. */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "spawn/base/denial.h"

/* "renderer pid=7: socket 41 (0x2, 0x1, 0x0, …) = EAFNOSUPPORT, called before 0x7f…" */
void nb_denials_log (const NbDenial *denied);

/*
 * Answers the listener of a process in the app's own sandbox for as long as one with its
 * filter lives, and logs what it denies. Takes over listener.
 */
void nb_denials_watch (int listener, NbKind kind, pid_t child);

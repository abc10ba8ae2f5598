/* SPDX-License-Identifier: BSD-3-Clause */
/* The browsers in the instance of the app that a command runs in. */
#pragma once

#include "spawn/audit/find.h"

/*
 * Those of the /proc open as proc. A child is held open for as long as the family lives,
 * and browsers have many: the limit of descriptors is raised.
 */
NbFamily *nb_here_find (int proc);

/* One line on standard error: why there is no browser, and where to `verb` instead. */
void nb_here_say_why_nothing (const NbFamily *family, const char *verb);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The browser's side of a zygote that is launched through libnestbox, without a helper and
 * without `nestbox run`: what third_party/chromium makes of ZygoteHostImpl, step for step.
 * What goes wrong ends the program with a line that says so.
 */
#pragma once

#include "tests/lib/browser-side.h"

/* Launches command, and returns when it runs and the library has confirmed its sandbox. */
void nb_browser_launch_by_library (NbBrowserSide *side, char *const *command);

/* Has a child's OOM score set; wait_ms: how long the answer may take. */
void nb_browser_adjust_oom (pid_t pid, int score, int wait_ms);

/* Ends all that was launched. */
void nb_browser_close_library (void);

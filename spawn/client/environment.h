/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of the browser's environment a sandboxed child is given. Libc only. */
#pragma once

#include <stdbool.h>

#include "spawn/base/kind.h"

/*
 * Whether NAME=value passes: locale, time zone, fonts, library path, terminal-free
 * things that Chromium's children read. No bus, display or agent address, no home of
 * secrets, no loader variable but LD_LIBRARY_PATH. The GPU process and its zygote get what
 * drivers read as well; the display is told them in the sub-sandbox.
 */
bool nb_environment_allows (NbKind kind, const char *entry);

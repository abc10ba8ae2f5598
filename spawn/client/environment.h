/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of the browser's environment a sandboxed child is given. Libc only. */
#pragma once

#include <stdbool.h>

/*
 * Whether NAME=value passes: locale, time zone, fonts, library path, terminal-free
 * things that Chromium's children read. No bus, display or agent address, no home of
 * secrets, no loader variable but LD_LIBRARY_PATH.
 */
bool nb_environment_allows (const char *entry);

/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * In the browser's place, as far as it starts what forks its GPU process, or is one
 * (--type=gpu-process): executes this very program, as Chromium does, with these arguments.
 * Run under `nestbox run`. Ends when that has ended; an exit status.
 */
int nb_attack_browser_main (char **arguments);

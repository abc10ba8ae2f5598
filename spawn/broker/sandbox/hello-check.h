/* SPDX-License-Identifier: BSD-3-Clause */
/* Is a place that a controller describes one in which untrusted code may run? */
#pragma once

#include <glib.h>

#include "spawn/broker/sandbox/profile.h"
#include "zygote/wire/message.h"

#define NB_PIDS_HIDDEN                                                                     \
  "--pids=visible was asked for, but the sub-sandbox's PIDs cannot be seen by the "        \
  "browser: bubblewrap is set-uid on the "                                                 \
  "host, "                                                                                 \
  "or its Flatpak is older than 1.6"

/*
 * NULL when it is; else one line that says what is wrong. uid: as the kernel attached it.
 * The IPC or the network namespace may be the app's where the profile says so.
 */
const char *nb_hello_check (const NbHello *hello, uid_t uid, NbWall wall,
                            const NbProfileTraits *traits);

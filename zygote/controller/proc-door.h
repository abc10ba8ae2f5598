/* SPDX-License-Identifier: BSD-3-Clause */
/* The controller's side of zygote/preload/proc-door-client.h. */
#pragma once

#include "zygote/controller/loop.h"

/*
 * Answers one request on the door: a socket to reply on. The sender, as the kernel names
 * it, has its OOM score opened and kept, and gets its own /proc/PID/fd and nothing else.
 * 0; -EPIPE when the door was closed.
 */
int nb_proc_door_serve (int door, const NbLoop *loop);

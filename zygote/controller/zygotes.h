/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a zygote is given beyond other children: the environment that confines it, a door
 * for its children (see zygote/preload/proc-door-client.h), and a relay to its browser
 * where PIDs are hidden.
 */
#pragma once

#include <stdbool.h>

#include "zygote/controller/exec.h"
#include "zygote/controller/relay.h"
#include "zygote/wire/message.h"

/*
 * Completes spawn for a zygote. exec's environment gets more entries; descriptors of the
 * packet that the zygote is not to have are taken out of it. made: descriptors to close
 * when the zygote runs, at most 2, -1 for none. 0 or -errno.
 */
int nb_zygote_prepare (NbExec *exec, NbPacket *packet, bool relayed, const NbLoop *loop,
                       NbSpawn *spawn, int made_out[2]);

/* As nb_zygote_prepare(), for a GPU process that no zygote forks: its display, its Landlock
 * domain. */
int nb_gpu_prepare (NbExec *exec, NbSpawn *spawn);

/*
 * Sets the OOM score of a zygote's child. pid: where zygotes are relayed the browser's,
 * else the one in here. 0; -ESRCH, -EINVAL, or -EACCES where the kernel refuses.
 */
int nb_zygotes_adjust_oom (bool relayed, int32_t pid, int32_t score);

/* By which PID the browser knows a child of a relayed zygote; 0: it is none. */
int32_t nb_zygotes_find_stand_in (pid_t pid);

/* The pidfd, borrowed, of the child that a stand-in of this PID stands for; -1: none. */
int nb_zygotes_find_pidfd (int32_t browser_pid);

/* Serves a readable descriptor if it belongs to a zygote's door, relay or child. */
void nb_zygotes_serve (int fd);

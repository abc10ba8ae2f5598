/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A browser opens its first pages while it still starts itself. A zygote and its pages are
 * a session of their own, which the kernel gives as much processor time as all threads of
 * the browser together (sched(7), "The autogroup feature"): the browser would start later
 * than without a sandbox, where all of them are one session. So they weigh less at first.
 * Where there are no autogroups, or control groups weigh in their place, nothing changes.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "zygote/controller/loop.h"

enum
{
  NB_BACKGROUND_MS
  = 1000, /* by then a browser has started, or the machine has much to do */
  NB_BACKGROUND_NICE = 10, /* a tenth of the weight of others: pages go on */
};

/*
 * pid is a zygote just executed: weight can be taken from its session later, when /proc no
 * longer lets anybody do so. One at a time: another keeps its weight.
 */
void nb_background_prepare (pid_t pid);

/*
 * Takes it for that time, once, if a zygote was prepared; it has its first child now. Until
 * then somebody may wait for the zygote itself: a browser that does not defer its
 * handshake.
 */
void nb_background_begin (const NbLoop *loop);

/* Whether fd, which got readable, belongs to this. */
bool nb_background_serve (int fd, const NbLoop *loop);

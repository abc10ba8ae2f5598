/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A zygote and its first pages start while their browser does. They lead a session of their
 * own, which the kernel gives as much processor time as all threads of the browser together
 * (sched(7), "The autogroup feature"): the browser would start later than without a
 * sandbox, where all of them are one session. So they weigh less at first. Where there are
 * no autogroups, or control groups weigh in their place, nothing changes.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "zygote/controller/loop.h"

enum
{
  NB_BACKGROUND_MS = 2000, /* of the clock; by then a browser is there */
  NB_BACKGROUND_NICE = 5,  /* a third of the weight of others: pages are not kept waiting */
};

/*
 * Takes weight from the session of pid, a child just executed, for that time. One at a
 * time: another keeps its weight, as does one that it could not be given back to.
 */
void nb_background_begin (pid_t pid, const NbLoop *loop);

/* Whether fd, which got readable, belongs to this. */
bool nb_background_serve (int fd, const NbLoop *loop);

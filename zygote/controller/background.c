/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/controller/background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "spawn/base/fd.h"

enum
{
  /* linux: kernel/sched/autogroup.c takes one change in 100 ms, whoever makes it. */
  AGAIN_MS = 10,
};

static int weight = -1; /* /proc/PID/autogroup of the prepared; -1: none is */
static int timer = -1;  /* until it is given back; -1: not taken */

/* 0, also when there is no such session any more; -EAGAIN; -errno. */
static int
set_nice (int nice)
{
  if (dprintf (weight, "%d", nice) < 0)
    return errno == ESRCH ? 0 : -errno;
  return 0;
}

static int
set_timer (int milliseconds)
{
  const struct itimerspec when
      = { .it_value = { .tv_sec = milliseconds / 1000,
                        .tv_nsec = (long)(milliseconds % 1000) * 1000000 } };

  return timerfd_settime (timer, 0, &when, NULL);
}

static void
forget (const NbLoop *loop)
{
  if (timer >= 0)
    loop->unwatch (timer);
  nb_fd_clear (&timer);
  nb_fd_clear (&weight);
}

/* Opened now: a zygote makes itself undumpable, and its /proc files are then root's. */
void
nb_background_prepare (pid_t pid)
{
  char path[40];

  if (timer >= 0)
    return;
  nb_fd_clear (&weight); /* of one that never had a child */
  (void)snprintf (path, sizeof path, "/proc/%d/autogroup", (int)pid);
  weight = open (path, O_WRONLY | O_CLOEXEC);
}

void
nb_background_begin (const NbLoop *loop)
{
  if (weight < 0 || timer >= 0)
    return;
  timer = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (timer < 0 || set_timer (NB_BACKGROUND_MS) < 0 || loop->watch (timer) < 0
      || set_nice (NB_BACKGROUND_NICE) < 0)
    forget (loop);
}

bool
nb_background_serve (int fd, const NbLoop *loop)
{
  if (fd < 0 || fd != timer)
    return false;
  if (set_nice (0) != -EAGAIN || set_timer (AGAIN_MS) < 0)
    forget (loop);
  return true;
}

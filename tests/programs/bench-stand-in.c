/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench-stand-in ROUNDS: time from the request for a stand-in to its ping, in µs, one
 * line each: fork, first run and message included.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/chrome-sandbox/nursery.h"
#include "zygote/wire/message.h"

enum
{
  WAIT_MS = 5000,
};

static int64_t
now_ns (void)
{
  struct timespec now;

  (void)clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
die (const char *what)
{
  perror (what);
  exit (1);
}

static void
request (int link, NbNursery *nursery, NbMessageType type, uint32_t id, int fd)
{
  NbMessage message = { .type = type, .child = id };

  struct pollfd work = { .fd = nb_nursery_fd (nursery), .events = POLLIN };

  if (nb_message_send (link, &message, &fd, fd >= 0) < 0)
    die ("link");
  while (poll (&work, 1, 0) == 1)
    if (nb_nursery_serve (nursery) < 0)
      die ("nursery");
}

int
main (int argc, char **argv)
{
  int link[2], control[2], rounds = argc > 1 ? atoi (argv[1]) : 1;
  NbNursery *nursery;

  if (nb_channel_pair (link) < 0 || nb_channel_pair (control) < 0)
    die ("socketpair");
  nursery = nb_nursery_new (link[1], control[1]);
  for (int i = 1; nursery != NULL && i <= rounds; i++)
    {
      int oracle[2];
      int64_t begin;
      struct pollfd ping = { .events = POLLIN };

      if (nb_channel_pair (oracle) < 0)
        die ("socketpair");
      begin = now_ns ();
      request (link[0], nursery, NB_MESSAGE_BORN, (uint32_t)i, oracle[1]);
      ping.fd = oracle[0];
      if (poll (&ping, 1, WAIT_MS) != 1)
        die ("no ping");
      (void)printf ("%.1f\n", (double)(now_ns () - begin) / 1000);
      nb_fd_clear (&oracle[0]);
      nb_fd_clear (&oracle[1]);
      request (link[0], nursery, NB_MESSAGE_EXITED, (uint32_t)i, -1);
    }
  nb_nursery_free (nursery);
  return 0;
}

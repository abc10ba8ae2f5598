/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench-exec CONTROLLER ROUNDS: time from the request to the child's
 * main(), by an EXEC to a controller of its own and by posix_spawn(), in turns, of the
 * same program: this one. Prints "METHOD MICROSECONDS" lines.
 */
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "zygote/wire/message.h"

enum
{
  CHANNEL_FD = 3,
  WAIT_MS = 5000,
};

static int64_t
now_ns (void)
{
  struct timespec now;

  (void)clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static _Noreturn void
die (const char *what)
{
  perror (what);
  exit (1);
}

static int
start_controller (const char *path)
{
  int ends[2];
  pid_t pid;

  if (nb_channel_pair (ends) < 0)
    die ("socketpair");
  pid = fork ();
  if (pid < 0)
    die ("fork");
  if (pid == 0)
    {
      if (dup2 (ends[1], CHANNEL_FD) < 0 || nb_fd_set_cloexec (CHANNEL_FD, false) < 0)
        _exit (126);
      execl (path, path, "--channel=3", (char *)NULL);
      _exit (127);
    }
  nb_fd_clear (&ends[1]);
  return ends[0];
}

/* What the child wrote first thing in main(): its clock. */
static int64_t
read_start (int fd)
{
  struct pollfd ready = { .fd = fd, .events = POLLIN };
  int64_t start;

  if (poll (&ready, 1, WAIT_MS) != 1 || read (fd, &start, sizeof start) != sizeof start)
    die ("child");
  return start;
}

static void
wait_message (int channel, NbMessageType type)
{
  static NbPacket packet;
  static NbMessage message;

  do
    {
      if (nb_channel_receive (channel, &packet) <= 0
          || nb_message_decode (&packet, &message) < 0)
        die ("controller");
      nb_packet_clear (&packet);
    }
  while (message.type != type);
}

static int64_t
by_controller (int channel, char *self, uint32_t id)
{
  static NbMessage message;
  NbMessage forget = { .type = NB_MESSAGE_REAP, .serial = 1, .child = id };
  bool overflow = false;
  int pipe_ends[2];
  int64_t start, begin;

  if (pipe2 (pipe_ends, O_CLOEXEC) < 0)
    die ("pipe");
  message = (NbMessage){ .type = NB_MESSAGE_EXEC, .serial = id, .child = id };
  nb_strings_append (&message.exec.argv, self, &overflow);
  nb_strings_append (&message.exec.argv, "child", &overflow);
  message.exec.n_targets = 1;
  message.exec.targets[0] = STDOUT_FILENO;
  begin = now_ns ();
  if (nb_message_send (channel, &message, &pipe_ends[1], 1) < 0)
    die ("send");
  nb_fd_clear (&pipe_ends[1]);
  start = read_start (pipe_ends[0]);
  nb_fd_clear (&pipe_ends[0]);
  wait_message (channel, NB_MESSAGE_EXITED);
  if (nb_message_send (channel, &forget, NULL, 0) < 0)
    die ("send");
  wait_message (channel, NB_MESSAGE_RESULT);
  return start - begin;
}

static int64_t
by_posix_spawn (char *self)
{
  char *argv[] = { self, (char *)"child", NULL }, *envp[] = { NULL };
  posix_spawn_file_actions_t actions;
  int pipe_ends[2];
  int64_t start, begin;
  pid_t pid;

  if (pipe2 (pipe_ends, O_CLOEXEC) < 0)
    die ("pipe");
  begin = now_ns ();
  (void)posix_spawn_file_actions_init (&actions);
  (void)posix_spawn_file_actions_adddup2 (&actions, pipe_ends[1], STDOUT_FILENO);
  if (posix_spawn (&pid, self, &actions, NULL, argv, envp) != 0)
    die ("posix_spawn");
  (void)posix_spawn_file_actions_destroy (&actions);
  nb_fd_clear (&pipe_ends[1]);
  start = read_start (pipe_ends[0]);
  nb_fd_clear (&pipe_ends[0]);
  (void)waitpid (pid, NULL, 0);
  return start - begin;
}

int
main (int argc, char **argv)
{
  int64_t start = now_ns ();
  char self[4096] = { 0 };
  int channel, rounds;

  if (argc == 2 && strcmp (argv[1], "child") == 0)
    return write (STDOUT_FILENO, &start, sizeof start) != sizeof start;
  if (argc != 3 || readlink ("/proc/self/exe", self, sizeof self - 1) <= 0)
    return 2;
  channel = start_controller (argv[1]);
  rounds = atoi (argv[2]);
  wait_message (channel, NB_MESSAGE_HELLO);
  for (int i = 0; i < rounds; i++)
    {
      (void)printf ("controller %.1f\n",
                    (double)by_controller (channel, self, (uint32_t)i + 1) / 1000);
      (void)printf ("posix_spawn %.1f\n", (double)by_posix_spawn (self) / 1000);
    }
  nb_fd_clear (&channel);
  return 0;
}

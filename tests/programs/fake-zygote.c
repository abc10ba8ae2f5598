/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fake-zygote --type=zygote [--no-zygote-sandbox]: speaks as Chromium's zygotes do, in the
 * order they do (content/zygote/zygote_linux.cc), but its children do something known by
 * their --type=: "pause" until a signal, "exit" with 7, "crash" by SIGSEGV, "stubborn"
 * ignores SIGTERM, "silent" never pings, "look" prints what it can open.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "zygote/wire/channel.h"
#include "zygote/wire/zygote-command.h"

enum
{
  CONTROL_FD = 3,
  MAX_CHILDREN = 4096,
  REAP_AFTER_MS = 2000,
};

typedef struct
{
  int32_t real_pid; /* what the browser calls it */
  pid_t pid;
  int64_t kill_at_ms; /* 0: not to be reaped */
} Child;

static Child children[MAX_CHILDREN];
static size_t n_children;

static int64_t
now_ms (void)
{
  struct timespec now;

  (void)clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
die (const char *what)
{
  perror (what);
  exit (1);
}

static void
reply (const void *words, size_t bytes)
{
  if (nb_channel_send (CONTROL_FD, words, bytes, NULL, 0) < 0)
    exit (0);
}

static Child *
find (int32_t real_pid)
{
  for (size_t i = 0; i < n_children; i++)
    if (children[i].real_pid == real_pid)
      return &children[i];
  return NULL;
}

static void
forget (Child *child)
{
  *child = children[--n_children];
}

/* As setuid_sandbox_client.cc: ChrootMe. */
static void
enter_chroot (void)
{
  const char *fd = getenv ("SBX_D"), *helper = getenv ("SBX_HELPER_PID");
  char answer = '\0';

  if (fd == NULL || helper == NULL || write (atoi (fd), "C", 1) != 1
      || waitpid (atoi (helper), NULL, 0) < 0 || read (atoi (fd), &answer, 1) != 1
      || answer != 'O' || getpid () != 1)
    die ("chroot");
}

static bool
is (NbSlice type, const char *name)
{
  return type.length == strlen (name) && memcmp (type.data, name, type.length) == 0;
}

static void
try_open (const char *who, const char *path, int flags)
{
  nb_autofd fd = open (path, flags | O_CLOEXEC, 0600);

  (void)printf ("%s %s %s = %s\n", who,
                (flags & O_ACCMODE) == O_RDONLY ? "reads" : "writes", path,
                fd >= 0 ? "ok" : strerrorname_np (errno));
}

/* Not by fork(): what the zygote forks is confined. */
static void
try_execute (const char *who)
{
  char *argv[] = { (char *)"true", NULL };
  pid_t pid;
  int error = posix_spawn (&pid, "/usr/bin/true", NULL, NULL, argv, NULL);

  if (error == 0)
    (void)waitpid (pid, NULL, 0);
  (void)printf ("%s executes = %s\n", who, error == 0 ? "ok" : strerrorname_np (error));
}

/* In a GPU process, and first in its zygote, which is free to do all of this. */
static void
look (const char *who)
{
  try_open (who, "/usr/bin/sh", O_RDONLY);
  try_open (who, "/etc/passwd", O_RDONLY);
  try_open (who, "/proc/self/status", O_RDONLY);
  try_open (who, "/dev/null", O_RDWR);
  try_open (who, "/dev/shm/look", O_RDWR | O_CREAT);
  try_open (who, "/tmp/look", O_RDWR | O_CREAT);
  try_open (who, "/", O_RDONLY | O_DIRECTORY);
  try_open (who, "/run", O_RDONLY | O_DIRECTORY);
  try_open (who, "/var/tmp", O_RDONLY | O_DIRECTORY);
  try_open (who, "/var/tmp/look", O_RDWR | O_CREAT);
  try_execute (who);
  (void)printf ("%s signals its parent = %s\n", who,
                kill (getppid (), 0) == 0 ? "ok" : "no");
  (void)fflush (stdout);
}

static _Noreturn void
run_child (NbSlice type, int oracle)
{
  static const struct rlimit no_core;

  if (is (type, "silent"))
    exit (0);
  /* Before the ping, after which a signal may come at any time. */
  (void)setrlimit (RLIMIT_CORE, &no_core);
  if (is (type, "stubborn"))
    (void)signal (SIGTERM, SIG_IGN);
  if (nb_channel_send (oracle, NB_ZYGOTE_PING, sizeof NB_ZYGOTE_PING, NULL, 0) < 0)
    exit (1);
  (void)nb_fd_close_from (CONTROL_FD);
  if (is (type, "look"))
    {
      look ("process");
      _exit (0);
    }
  if (is (type, "exit"))
    _exit (7);
  if (is (type, "crash"))
    (void)raise (SIGSEGV);
  for (;;)
    (void)pause ();
}

static int32_t
receive_real_pid (void)
{
  static NbPacket packet;
  static NbZygoteCommand command;

  if (nb_channel_receive (CONTROL_FD, &packet) <= 0
      || nb_zygote_command_decode (packet.bytes, packet.size, 0, &command) < 0
      || command.type != NB_ZYGOTE_FORK_REAL_PID)
    die ("real pid");
  return command.pid;
}

static void
handle_fork (NbPacket *packet, const NbZygoteCommand *command)
{
  static const char option[] = "--type=";
  NbSlice type = command->arguments[1];
  int32_t real_pid;
  pid_t pid;

  type = (NbSlice){ type.data + strlen (option), type.length - strlen (option) };
  if (is (type, "look"))
    look ("zygote");
  pid = fork ();
  if (pid < 0)
    die ("fork");
  if (pid == 0)
    run_child (type, packet->fds[0]);
  nb_packet_clear (packet);
  real_pid = receive_real_pid ();
  if (real_pid <= 0)
    {
      (void)kill (pid, SIGKILL);
      (void)waitpid (pid, NULL, 0);
    }
  else
    children[n_children++] = (Child){ .real_pid = real_pid, .pid = pid };
  reply ((uint32_t[]){ 8, (uint32_t)(real_pid > 0 ? real_pid : -1), 0 }, 12);
}

static uint32_t
termination_status (int wait_status)
{
  if (WIFEXITED (wait_status))
    return WEXITSTATUS (wait_status) != 0;
  switch (WTERMSIG (wait_status))
    {
    case SIGKILL:
    case SIGINT:
    case SIGTERM:
      return 2;
    case SIGSEGV:
      return 3;
    default:
      return 0;
    }
}

static void
handle_status (const NbZygoteCommand *command)
{
  Child *child = find (command->pid);
  int wait_status = 0;
  pid_t ended;

  if (child == NULL)
    die ("unknown pid");
  if (command->known_dead)
    (void)kill (child->pid, SIGKILL);
  ended = waitpid (child->pid, &wait_status, command->known_dead ? 0 : WNOHANG);
  if (ended == child->pid)
    forget (child);
  reply ((uint32_t[]){ 8, ended == 0 ? 4 : termination_status (wait_status),
                       (uint32_t)wait_status },
         12);
}

static void
handle_reap (const NbZygoteCommand *command)
{
  Child *child = find (command->pid);

  if (child == NULL)
    die ("unknown pid");
  child->real_pid = 0;
  child->kill_at_ms = now_ms () + REAP_AFTER_MS;
}

static void
reap_children (void)
{
  for (size_t i = n_children; i-- > 0;)
    {
      Child *child = &children[i];

      if (child->kill_at_ms == 0)
        continue;
      if (now_ms () >= child->kill_at_ms)
        (void)kill (child->pid, SIGKILL);
      if (waitpid (child->pid, NULL, WNOHANG) == child->pid)
        forget (child);
    }
}

static void
handle_command (void)
{
  static NbPacket packet;
  static NbZygoteCommand command;

  if (nb_channel_receive (CONTROL_FD, &packet) <= 0)
    exit (0);
  if (nb_zygote_command_decode (packet.bytes, packet.size, packet.n_fds, &command) < 0)
    die ("command");
  if (command.type == NB_ZYGOTE_FORK)
    handle_fork (&packet, &command);
  else if (command.type == NB_ZYGOTE_TERMINATION_STATUS)
    handle_status (&command);
  else if (command.type == NB_ZYGOTE_REAP)
    handle_reap (&command);
  else if (command.type == NB_ZYGOTE_SANDBOX_STATUS)
    reply ((uint32_t[]){ 0x2f }, 4);
}

static void
greet (void)
{
  reply (NB_ZYGOTE_BOOT, sizeof NB_ZYGOTE_BOOT);
  enter_chroot ();
  reply (NB_ZYGOTE_HELLO, sizeof NB_ZYGOTE_HELLO);
}

int
main (int argc, char **argv)
{
  if (argc < 3 || strcmp (argv[2], "--no-zygote-sandbox") != 0)
    greet ();
  for (;;)
    {
      struct pollfd ready = { .fd = CONTROL_FD, .events = POLLIN };

      if (poll (&ready, 1, 100) == 1)
        handle_command ();
      reap_children ();
    }
}

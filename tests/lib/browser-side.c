/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lib/browser-side.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "zygote/wire/channel.h"
#include "zygote/wire/zygote-command.h"

enum
{
  CONTROL_FD = 3,
  SANDBOX_IPC_FD = 4,
  DUMMY_FD = 7,
  MAX_WORDS = 64,
  WAIT_MS = 20000,
};

void
nb_browser_die (const char *what)
{
  (void)fprintf (stderr, "browser side: %s: %s\n", what, strerror (errno));
  exit (9);
}

bool
nb_browser_find_helper (char *path, size_t size)
{
  struct stat found;
  ssize_t length = readlink ("/proc/self/exe", path, size - 16);

  if (length <= 0)
    nb_browser_die ("/proc/self/exe");
  path[length] = '\0';
  (void)strcpy (strrchr (path, '/') + 1, "chrome-sandbox");
  return access (path, F_OK) == 0 && stat (path, &found) == 0 && access (path, X_OK) == 0
         && found.st_uid == 0 && (found.st_mode & S_ISUID) != 0
         && (found.st_mode & S_IXOTH) != 0;
}

static void
place (int fd, int target)
{
  int high = fcntl (fd, F_DUPFD_CLOEXEC, 20);

  if (high < 0 || dup2 (high, target) < 0)
    _exit (126);
}

static bool
is_unsandboxed (char *const *command)
{
  for (; *command != NULL; command++)
    if (strcmp (*command, "--no-zygote-sandbox") == 0)
      return true;
  return false;
}

static _Noreturn void
become_zygote (int control, int ipc, char *const *command)
{
  place (control, CONTROL_FD);
  place (ipc, SANDBOX_IPC_FD);
  execvp (command[0], command);
  perror (command[0]);
  _exit (127);
}

static _Noreturn void
become_helper (const char *helper, int control, int ipc, int dummy, char *const *command)
{
  char *argv[MAX_WORDS + 2] = { (char *)"chrome-sandbox" };

  for (int i = 0; i < MAX_WORDS && command[i] != NULL; i++)
    argv[i + 1] = command[i];
  place (control, CONTROL_FD);
  place (ipc, SANDBOX_IPC_FD);
  place (dummy, DUMMY_FD);
  execvp (helper, argv);
  perror (helper);
  _exit (127);
}

void
nb_browser_launch (NbBrowserSide *side, char *const *command)
{
  char helper[4096];
  int control[2], ipc[2], dummy[2];

  side->unsandboxed = is_unsandboxed (command);
  if (!side->unsandboxed && !nb_browser_find_helper (helper, sizeof helper))
    {
      (void)fprintf (stderr, "FATAL: No usable sandbox! (%s)\n", helper);
      exit (3);
    }
  if (nb_channel_pair (control) < 0 || nb_channel_pair (ipc) < 0
      || pipe2 (dummy, O_CLOEXEC) < 0 || nb_channel_pass_credentials (control[0]) < 0)
    nb_browser_die ("sockets");
  (void)close (dummy[1]);
  side->control = control[0];
  side->helper = fork ();
  if (side->helper < 0)
    nb_browser_die ("fork");
  if (side->helper == 0 && side->unsandboxed)
    become_zygote (control[1], ipc[1], command);
  if (side->helper == 0)
    become_helper (helper, control[1], ipc[1], dummy[0], command);
  (void)close (control[1]);
  (void)close (ipc[1]);
  (void)close (dummy[0]);
}

/* One message, which has to come in time. */
static NbPacket *
receive (int fd, const char *what)
{
  static NbPacket packet;
  struct pollfd ready = { .fd = fd, .events = POLLIN };

  if (poll (&ready, 1, WAIT_MS) != 1 || nb_channel_receive (fd, &packet) <= 0)
    nb_browser_die (what);
  return &packet;
}

static void
expect_text (int fd, const char *text)
{
  NbPacket *packet = receive (fd, text);

  if (packet->size != strlen (text) + 1 || memcmp (packet->bytes, text, packet->size) != 0
      || packet->pid <= 1 || kill (packet->pid, 0) < 0)
    nb_browser_die (text);
}

void
nb_browser_greet (const NbBrowserSide *side)
{
  expect_text (side->control, NB_ZYGOTE_BOOT);
  expect_text (side->control, NB_ZYGOTE_HELLO);
}

static void
ask (const NbBrowserSide *side, const NbZygoteCommand *command, const int *fds,
     size_t n_fds)
{
  static NbPickleWriter writer;
  size_t size = 0;

  if (nb_zygote_command_encode (&writer, command, &size) < 0
      || nb_channel_send (side->control, writer.bytes, size, fds, n_fds) < 0)
    nb_browser_die ("command");
}

uint32_t
nb_browser_sandbox_status (const NbBrowserSide *side)
{
  static NbZygoteCommand command = { .type = NB_ZYGOTE_SANDBOX_STATUS };
  NbPacket *packet;
  uint32_t word = 0;

  ask (side, &command, NULL, 0);
  packet = receive (side->control, "status word");
  if (packet->size != sizeof word)
    nb_browser_die ("status word");
  memcpy (&word, packet->bytes, sizeof word);
  return word;
}

/* The pid of whoever pings, or -1: what the browser tells the zygote. */
static pid_t
receive_ping (int oracle)
{
  struct pollfd ready = { .fd = oracle, .events = POLLIN };
  static NbPacket packet;

  if (poll (&ready, 1, WAIT_MS) != 1 || nb_channel_receive (oracle, &packet) <= 0
      || packet.size != sizeof NB_ZYGOTE_PING)
    return -1;
  return packet.pid;
}

static NbSlice
slice_of (const char *text)
{
  return (NbSlice){ text, strlen (text) };
}

pid_t
nb_browser_fork (const NbBrowserSide *side, const char *type)
{
  static NbZygoteCommand command;
  char option[64];
  int ends[2];
  NbZygoteForkReply reply = { .pid = -1 };
  NbPacket *packet;

  (void)snprintf (option, sizeof option, "--type=%s", type);
  if (nb_channel_pair (ends) < 0 || nb_channel_pass_credentials (ends[0]) < 0)
    nb_browser_die ("oracle");
  command = (NbZygoteCommand){ .type = NB_ZYGOTE_FORK, .n_arguments = 2 };
  command.process_type = slice_of (side->gpu ? "gpu-process" : type);
  command.arguments[0] = (NbSlice){ "/proc/self/exe", strlen ("/proc/self/exe") };
  command.arguments[1] = (NbSlice){ option, strlen (option) };
  ask (side, &command, &ends[1], 1);
  (void)close (ends[1]);
  command.type = NB_ZYGOTE_FORK_REAL_PID;
  command.pid = receive_ping (ends[0]);
  (void)close (ends[0]);
  ask (side, &command, NULL, 0);
  packet = receive (side->control, "fork reply");
  if (nb_zygote_fork_reply_decode (packet->bytes, packet->size, &reply) < 0)
    nb_browser_die ("fork reply");
  return reply.pid;
}

NbBrowserStatus
nb_browser_status (const NbBrowserSide *side, pid_t pid, bool known_dead)
{
  static NbZygoteCommand command;
  NbZygoteStatusReply reply = { 0 };
  NbPacket *packet;

  command = (NbZygoteCommand){ .type = NB_ZYGOTE_TERMINATION_STATUS,
                               .known_dead = known_dead,
                               .pid = pid };
  ask (side, &command, NULL, 0);
  packet = receive (side->control, "termination status");
  if (nb_zygote_status_reply_decode (packet->bytes, packet->size, &reply) < 0)
    nb_browser_die ("termination status");
  return (NbBrowserStatus){ reply.status, reply.wait_status };
}

void
nb_browser_reap (const NbBrowserSide *side, pid_t pid)
{
  static NbZygoteCommand command;

  command = (NbZygoteCommand){ .type = NB_ZYGOTE_REAP, .pid = pid };
  ask (side, &command, NULL, 0);
}

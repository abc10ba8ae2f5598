/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reach-bus: in a sandbox that somebody made by hand, whether a bus is within reach, and
 * what the controller and the zygote preload make of that. One line each:
 *
 *     connect = ok | errno name           to the session bus, as a child would
 *     hello bus = NUMBER                   what the controller tells its broker of
 *     KIND = started | errno name          an EXEC of a kind, bare
 *     KIND with address = …                the same, with a bus in its environment
 *     KIND with connection = …             the same, connected to the bus
 *     preload = passes | refuses           a program with the zygote preload, bare
 *     preload with address = …, preload with connection = …
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/kind.h"
#include "zygote/wire/message.h"

#define ADDRESS "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/flatpak/bus"

enum
{
  CHANNEL_FD = 3,
  CONNECTION_FD = 9,
};

static int
connect_to_bus (void)
{
  const struct sockaddr_un address
      = { .sun_family = AF_UNIX, .sun_path = "/run/flatpak/bus" };
  nb_autofd fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (connect (fd, (const struct sockaddr *)&address, sizeof address) < 0)
    return -errno;
  return nb_fd_steal (&fd);
}

static void
say (const char *what, const char *with, const char *result)
{
  (void)printf ("%s%s = %s\n", what, with, result);
  (void)fflush (stdout);
}

/* --- the controller --- */

static int
start_controller (void)
{
  int ends[2];
  pid_t pid;

  if (nb_channel_pair (ends) < 0)
    exit (1);
  pid = fork ();
  if (pid == 0)
    {
      if (ends[1] == CHANNEL_FD)
        (void)nb_fd_set_cloexec (ends[1], false);
      else
        (void)dup2 (ends[1], CHANNEL_FD);
      (void)execl (NB_PKGLIBEXECDIR "/nestbox-controller", "nestbox-controller",
                   "--channel=3", (char *)NULL);
      _exit (127);
    }
  (void)close (ends[1]);
  return ends[0];
}

static NbMessage *
receive (int channel, NbMessageType type)
{
  static NbPacket packet;
  static NbMessage message;

  do
    {
      nb_packet_clear (&packet);
      if (nb_channel_receive (channel, &packet) <= 0
          || nb_message_decode (&packet, &message) < 0)
        exit (1);
    }
  while (message.type != type);
  return &message;
}

static void
try_kind (int channel, NbKind kind, const char *with, const char *entry, int fd)
{
  static NbMessage message;
  static uint32_t serial;
  bool overflow = false;
  int error;

  memset (&message, 0, sizeof message);
  message.type = NB_MESSAGE_EXEC;
  message.serial = message.child = ++serial;
  message.exec.kind = kind;
  nb_strings_append (&message.exec.argv, "/usr/bin/true", &overflow);
  if (entry != NULL)
    nb_strings_append (&message.exec.envp, entry, &overflow);
  message.exec.n_targets = fd >= 0;
  message.exec.targets[0] = CONNECTION_FD;
  (void)nb_message_send (channel, &message, &fd, fd >= 0);
  error = receive (channel, NB_MESSAGE_RESULT)->result.error;
  say (nb_kind_name (kind), with, error == 0 ? "started" : strerrorname_np (error));
}

static void
try_controller (int connection)
{
  static const NbKind kinds[]
      = { NB_KIND_ZYGOTE, NB_KIND_RENDERER, NB_KIND_UTILITY, NB_KIND_GPU, NB_KIND_NONE };
  int channel = start_controller ();

  (void)printf ("hello bus = %u\n", receive (channel, NB_MESSAGE_HELLO)->hello.bus);
  for (size_t i = 0; i < NB_ARRAY_SIZE (kinds); i++)
    {
      try_kind (channel, kinds[i], "", NULL, -1);
      try_kind (channel, kinds[i], " with address", ADDRESS, -1);
      if (connection >= 0)
        try_kind (channel, kinds[i], " with connection", NULL, connection);
    }
  (void)close (channel);
  (void)wait (NULL);
}

/* --- the zygote preload --- */

static void
try_preload (const char *with, const char *entry, int fd)
{
  static char helper[] = "SBX_D=0000", role[] = "NESTBOX_ZYGOTE=1",
              preload[] = "LD_PRELOAD=" NB_PKGLIBDIR "/libnestbox-zygote.so";
  char *environment[] = { helper, role, preload, (char *)entry, NULL };
  int status = 0;
  pid_t pid = fork ();

  if (pid == 0)
    {
      if (fd >= 0)
        (void)dup2 (fd, CONNECTION_FD);
      (void)execle ("/usr/bin/true", "true", (char *)NULL, environment);
      _exit (127);
    }
  (void)waitpid (pid, &status, 0);
  say ("preload", with, status == 0 ? "passes" : "refuses");
}

int
main (void)
{
  nb_autofd connection = connect_to_bus ();

  say ("connect", "", connection >= 0 ? "ok" : strerrorname_np (-connection));
  try_controller (connection);
  try_preload ("", NULL, -1);
  try_preload (" with address", ADDRESS, -1);
  if (connection >= 0)
    try_preload (" with connection", NULL, connection);
  else
    connection = -1;
  return 0;
}

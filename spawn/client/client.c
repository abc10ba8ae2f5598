/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/client/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "spawn/base/fd.h"
#include "zygote/wire/message.h"

int
nb_client_connect_within (const char *path, int timeout_ms)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  struct timeval limit
      = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000L };
  nb_autofd fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  if (strlen (path) >= sizeof address.sun_path)
    return -ENAMETOOLONG;
  memcpy (address.sun_path, path, strlen (path) + 1);
  if (fd < 0 || setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0
      || connect (fd, (struct sockaddr *)&address, sizeof address) < 0)
    return -errno;
  return nb_fd_steal (&fd);
}

int
nb_client_connect (const char *path)
{
  return nb_client_connect_within (path, 0);
}

static int
receive (int broker, NbPacket *packet, NbMessage *message)
{
  int result = nb_channel_receive (broker, packet);

  if (result <= 0)
    return -EPIPE;
  return nb_message_decode (packet, message);
}

int
nb_client_adjust_oom (int broker, int pid, int score)
{
  static NbMessage message;
  static NbPacket packet;
  int result;

  message = (NbMessage){ .type = NB_MESSAGE_OOM_ADJUST, .serial = 1 };
  message.oom.pid = pid;
  message.oom.score = score;
  result = nb_message_send (broker, &message, NULL, 0);
  if (result == 0)
    result = receive (broker, &packet, &message);
  if (result == 0)
    nb_packet_clear (&packet);
  return result < 0 ? result : -message.result.error;
}

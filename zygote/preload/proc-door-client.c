/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/preload/proc-door-client.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "spawn/base/fd.h"
#include "zygote/wire/channel.h"

static int door = -1;
static int own_list = -1;

void
nb_proc_door_init (int socket)
{
  door = socket >= 0 && nb_fd_is_socket (socket, SOCK_SEQPACKET) ? socket : -1;
}

static int
ask (char what)
{
  static NbPacket packet; /* 64 KiB: not on the stack of a child just forked */
  struct timeval patience = { .tv_sec = 5 };
  nb_autofd ours = -1, theirs = -1;
  int ends[2], result = nb_channel_pair (ends);

  if (result < 0)
    return result;
  ours = ends[0];
  theirs = ends[1];
  (void)setsockopt (ours, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  result = nb_channel_send (door, &what, 1, &theirs, 1);
  if (result < 0)
    return result;
  nb_fd_clear (&theirs);
  result = nb_channel_receive (ours, &packet);
  if (result <= 0 || packet.n_fds != 1)
    {
      nb_packet_clear (&packet);
      return result < 0 ? result : -EPROTO;
    }
  own_list = nb_packet_steal_fd (&packet, 0);
  return 0;
}

int
nb_proc_door_use (char what, bool keep_list)
{
  int dumpable = prctl (PR_GET_DUMPABLE), result;

  if (door < 0 || dumpable < 0)
    return -ENOTCONN;
  nb_fd_clear (&own_list);
  if (prctl (PR_SET_DUMPABLE, 1) < 0)
    return -errno;
  result = ask (what);
  nb_fd_clear (&door); /* what the child becomes is not to knock again */
  if (prctl (PR_SET_DUMPABLE, dumpable) < 0)
    return -errno;
  if (!keep_list)
    nb_fd_clear (&own_list);
  return result;
}

int
nb_proc_door_open (int folder, const char *path)
{
  if (strcmp (path, "self/fd/") == 0 && own_list >= 0)
    return nb_fd_steal (&own_list);
  if (strcmp (path, ".") == 0 && folder >= 0)
    return nb_fd_dup (folder, 0);
  return -ENOENT;
}

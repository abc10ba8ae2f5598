/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/controller/proc-door.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "spawn/base/fd.h"
#include "zygote/controller/oom-scores.h"
#include "zygote/preload/proc-door-client.h"
#include "zygote/wire/channel.h"

static int
open_list (pid_t pid)
{
  char path[32];

  (void)snprintf (path, sizeof path, "/proc/%d/fd", (int)pid);
  return open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int
nb_proc_door_serve (int door, const NbLoop *loop)
{
  static NbPacket packet;
  nb_autofd list = -1, reply = -1;
  int score, result = nb_channel_receive (door, &packet);

  if (result == -EAGAIN || result == -EPROTO)
    return 0;
  if (result <= 0)
    return -EPIPE;
  score = packet.size == 1 && packet.bytes[0] == NB_DOOR_RENDERER ? NB_OOM_SCORE_RENDERER
                                                                  : NB_OOM_SCORE_OTHER;
  reply = nb_packet_steal_fd (&packet, 0);
  nb_packet_clear (&packet);
  if (!packet.has_credentials || packet.pid <= 1 || !nb_fd_is_socket (reply, SOCK_SEQPACKET)
      || fcntl (reply, F_SETFL, O_NONBLOCK) < 0)
    return 0;
  nb_oom_scores_add (packet.pid, score, loop);
  list = open_list (packet.pid);
  if (list >= 0)
    (void)nb_channel_send (reply, "L", 1, &list, 1);
  return 0;
}

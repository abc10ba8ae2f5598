/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/chrome-sandbox/bridge.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/client/trace.h"
#include "zygote/wire/channel.h"

int
nb_bridge_init (NbBridge *bridge, int control, int *zygote_end_out)
{
  int ends[2], result = nb_channel_pair (ends);

  if (result < 0)
    return result;
  bridge->zygote = ends[0];
  bridge->browser = nb_fd_dup (control, STDERR_FILENO + 2);
  if (bridge->browser < 0 || fcntl (bridge->browser, F_SETFL, O_NONBLOCK) < 0
      || fcntl (bridge->zygote, F_SETFL, O_NONBLOCK) < 0)
    {
      nb_bridge_clear (bridge);
      nb_fd_clear (&ends[1]);
      return -EMFILE;
    }
  nb_trace_follow (bridge->browser, NB_TRACE_ZYGOTE, "zygote", "zygote", "browser");
  *zygote_end_out = ends[1];
  return 0;
}

/* Never waits: who does not take what is for it is given up, as by a relay. */
void
nb_bridge_serve (NbBridge *bridge, int fd)
{
  static NbPacket packet;
  int to = fd == bridge->browser ? bridge->zygote : bridge->browser;
  int result = nb_channel_receive (fd, &packet);

  if (result == -EAGAIN)
    return;
  if (result > 0
      && nb_channel_send (to, packet.bytes, packet.size, packet.fds, packet.n_fds) == 0)
    nb_packet_clear (&packet);
  else
    {
      if (result > 0)
        nb_packet_clear (&packet);
      nb_bridge_clear (bridge);
    }
}

void
nb_bridge_clear (NbBridge *bridge)
{
  nb_fd_clear (&bridge->browser);
  nb_fd_clear (&bridge->zygote);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox-controller --channel=FD: started by the broker through the Flatpak portal, with
 * the channel as one of its descriptors. Not meant to be run by hand.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "zygote/controller/controller.h"

int
main (int argc, char **argv)
{
  static const char option[] = "--channel=";
  int channel;

  if (argc != 2 || strncmp (argv[1], option, sizeof option - 1) != 0)
    {
      nb_log_error ("nestbox-controller is started by nestbox itself: see nestbox(1)");
      return 2;
    }
  channel = atoi (argv[1] + sizeof option - 1);
  if (channel != 3 || !nb_fd_is_socket (channel, SOCK_SEQPACKET))
    {
      nb_log_error ("nestbox-controller: descriptor %d is not a channel", channel);
      return 2;
    }
  /* bubblewrap leaks namespace descriptors when PIDs are exposed (bubblewrap.c, main). */
  if (nb_fd_set_cloexec (channel, true) < 0 || nb_fd_close_from (channel + 1) < 0)
    return 1;
  return nb_controller_run (channel);
}

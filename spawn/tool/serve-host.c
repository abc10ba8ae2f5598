/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox broker: the broker of a host that uses libnestbox, which executes it with its
 * connection, a pidfd of itself, and a socket on which it listens, so that `nestbox ps` and
 * the like find it (spawn/library/open.c). It ends with either of the first two.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/tool/commands.h"
#include "spawn/tool/start-broker.h"

enum
{
  CLIENT_FD = STDERR_FILENO + 1,
  HOST_FD,
  LISTENER_FD,
  FIRST_UNUSED_FD,
};

int
nb_command_broker (int argc, char **argv)
{
  NbBrokerOptions options = { .listener = -1,
                              .host = CLIENT_FD,
                              .browser = HOST_FD,
                              .sandboxes = { .has[NB_PROFILE_GPU] = TRUE } };
  gboolean help = argc == 2 && strcmp (argv[1], "--help") == 0;

  if (argc > 1 || !nb_fd_is_socket (CLIENT_FD, SOCK_SEQPACKET)
      || nb_fd_set_cloexec (CLIENT_FD, true) < 0 || nb_fd_set_cloexec (HOST_FD, true) < 0)
    {
      (void)fputs ("Usage: nestbox broker\n\nIs executed by libnestbox, with its "
                   "descriptors 3 to 5: see nestbox-library(3).\n",
                   help ? stdout : stderr);
      return help ? 0 : NB_EXIT_USAGE;
    }
  if (nb_fd_set_cloexec (LISTENER_FD, true) == 0)
    options.listener = LISTENER_FD;
  (void)nb_fd_close_from (FIRST_UNUSED_FD);
  return nb_become_broker (&options);
}

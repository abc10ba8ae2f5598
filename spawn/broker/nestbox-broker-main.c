/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox-broker LISTENER BROWSER DIRECTORY WALL: started by `nestbox run`, which passes
 * a listening socket and a pidfd of itself. Not meant to be run by hand.
 */
#include <stdlib.h>
#include <sys/prctl.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/broker/broker.h"

int
main (int argc, char **argv)
{
  NbBrokerOptions options;

  if (argc != 5)
    {
      nb_log_error ("nestbox-broker is started by `nestbox run`: see nestbox(1)");
      return 2;
    }
  (void)nb_log_init (g_getenv ("NESTBOX_DEBUG"));
  options = (NbBrokerOptions){
    .listener = atoi (argv[1]),
    .browser = atoi (argv[2]),
    .directory = argv[3],
    .wall = (NbWall)atoi (argv[4]),
  };
  if (nb_fd_set_cloexec (options.listener, TRUE) < 0
      || nb_fd_set_cloexec (options.browser, TRUE) < 0 || options.wall > NB_WALL_SECCOMP)
    {
      nb_log_error ("nestbox-broker: bad descriptors");
      return 2;
    }
  /* Holds the sockets that the sandbox hangs on: not for others of this user to trace. */
  (void)prctl (PR_SET_DUMPABLE, 0, 0, 0, 0);
  return nb_broker_run (&options);
}

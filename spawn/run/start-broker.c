/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/run/start-broker.h"

#include "spawn/base/macros.h"
#include "spawn/broker/command-line.h"
#include "spawn/library/execute.h"

#ifndef NB_PKGLIBEXECDIR
#  error "where nestbox is installed is not defined"
#endif

int
nb_start_broker (const NbBrokerOptions *options)
{
  const int fds[] = { options->browser, options->listener };
  g_auto (GStrv) argv = nb_broker_command_line (options);

  return nb_library_execute (NB_PKGLIBEXECDIR "/nestbox-broker", (const char *const *)argv,
                             fds, NB_ARRAY_SIZE (fds));
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How nestbox-broker is executed: by `nestbox run` for a browser, by libnestbox for a host.
 *
 * Descriptor 3 is a pidfd of the browser or host. A host's broker has the host's connection
 * as 4, and may have a listener (spawn/base/rendezvous) as 5; a browser's has it as 4.
 */
#pragma once

#include "spawn/broker/broker.h"

/* What `nestbox run` and the broker call them, by NbWall and NbPids; NULL-terminated. */
extern const char *const nb_wall_names[], *const nb_pids_names[];

/*
 * The index of an option's value among the names that it may have; NULL, not given, is the
 * first. -1 and error: it is none of them.
 */
int nb_choose (const char *option, const char *value, const char *const *names,
               GError **error);

/* Without the descriptors: these are no words. Owned, NULL-terminated, [0] the program. */
char **nb_broker_command_line (const NbBrokerOptions *options);

typedef struct
{
  NbBrokerOptions options; /* whose texts are these */
  gboolean is_of_host;
  char *widevine;
  char **argv;
} NbBrokerCommandLine;

/*
 * What nb_broker_command_line() wrote, or "--host" alone. FALSE and error: it is not of
 * these. Cleared by the caller in both cases.
 */
gboolean nb_broker_command_line_parse (NbBrokerCommandLine *line, int argc, char **argv,
                                       GError **error);
void nb_broker_command_line_clear (NbBrokerCommandLine *line);

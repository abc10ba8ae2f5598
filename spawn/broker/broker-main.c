/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox-broker. A program of its own, because it needs D-Bus and `nestbox run` does not:
 * loading that takes longer than all that has to be done before the browser is executed.
 */
#include <locale.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spawn/base/exit-status.h"
#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/broker/command-line.h"

enum
{
  BROWSER_FD = STDERR_FILENO + 1,
  FIRST_SOCKET_FD,
  SECOND_SOCKET_FD,
  FIRST_UNUSED_FD,
};

/* FALSE: it was executed by somebody else. */
static gboolean
take_descriptors (NbBrokerOptions *options, gboolean is_of_host)
{
  int listener = is_of_host ? SECOND_SOCKET_FD : FIRST_SOCKET_FD;

  if (!nb_fd_is_socket (FIRST_SOCKET_FD, SOCK_SEQPACKET))
    return FALSE;
  options->browser = BROWSER_FD;
  options->host = is_of_host ? FIRST_SOCKET_FD : -1;
  options->listener = nb_fd_is_socket (listener, SOCK_SEQPACKET) ? listener : -1;
  for (int fd = BROWSER_FD; fd < FIRST_UNUSED_FD; fd++)
    (void)nb_fd_set_cloexec (fd, true);
  return nb_fd_close_from (FIRST_UNUSED_FD) == 0;
}

int
main (int argc, char **argv)
{
  NbBrokerCommandLine line;
  g_autoptr (GError) error = NULL;
  int status = NB_EXIT_USAGE;

  /* Holds the sockets that the sandbox hangs on: not for others of this user to trace. */
  (void)prctl (PR_SET_DUMPABLE, 0, 0, 0, 0);
  (void)setlocale (LC_ALL, "");
  (void)nb_log_init (g_getenv ("NESTBOX_DEBUG")); /* who executes it says what is unknown */
  if (!nb_broker_command_line_parse (&line, argc, argv, &error))
    nb_log_error ("nestbox-broker: %s", error->message);
  else if (!take_descriptors (&line.options, line.is_of_host))
    nb_log_error ("nestbox-broker is executed by `nestbox run` and libnestbox alone");
  else
    status = nb_broker_run (&line.options);
  nb_broker_command_line_clear (&line);
  return status;
}

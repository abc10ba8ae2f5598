/* SPDX-License-Identifier: BSD-3-Clause */
/* A broker of the host's own: no child of it, and ended by the end of either. */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/flatpak-level.h"
#include "spawn/base/rendezvous.h"
#include "spawn/library/connection.h"
#include "spawn/library/execute.h"
#include "spawn/library/failure.h"
#include "zygote/wire/channel.h"

#ifndef NB_PKGLIBEXECDIR
#  error "where nestbox is installed is not defined"
#endif

const char *
nestbox_version (void)
{
  return NB_VERSION;
}

NestboxLevel
nestbox_level (NestboxFailure *failure)
{
  NbFlatpakInfo info = { .level = NB_FLATPAK_NONE };
  int result = nb_flatpak_info_read (NB_FLATPAK_INFO, &info);

  if (result == 0)
    return (NestboxLevel)info.level;
  nb_failure_set (failure, NESTBOX_ERROR_UNAVAILABLE, -result, NB_FLATPAK_INFO,
                  "start the app anew, by flatpak run", "%s", "");
  return NESTBOX_LEVEL_UNKNOWN;
}

/*
 * Where PIDs are hidden a host's zygote has a nursery in a process of its own: a host has
 * threads, and memory that its forks would keep.
 */
static int
start_nursery (int link, int control)
{
  static const char *const argv[] = { "nestbox-chrome-sandbox", "--nursery", NULL };

  const int fds[] = { link, control };

  return -nb_library_execute (NB_PKGLIBEXECDIR "/nestbox-chrome-sandbox", argv, fds,
                              NB_ARRAY_SIZE (fds));
}

static void
fail_to_start (NestboxFailure *failure, const char *program, int error)
{
  bool is_missing = error == ENOENT || error == EACCES;

  nb_failure_set (
      failure, is_missing ? NESTBOX_ERROR_UNAVAILABLE : NESTBOX_ERROR_LIMIT, error, program,
      error == ENOENT ? "install nestbox with the PREFIX that the library was built for"
                      : "raise `ulimit -u` and `ulimit -n`",
      "%s", "");
}

/*
 * It is this process that listens, so that whoever connects to the broker is told by the
 * kernel whose it is. Without a listener it serves its host as well, found by nobody else.
 * 0 or a positive errno; rendezvous_out is "" when there is none.
 */
static int
execute_broker (const char *program, int connection, char *rendezvous_out)
{
  static const char *const argv[] = { "nestbox-broker", "--host", NULL };
  nb_autofd host = (int)syscall (SYS_pidfd_open, getpid (), 0), listener = -1;
  int error;

  if (host < 0)
    return errno;
  listener = nb_rendezvous_make (NULL, rendezvous_out);
  error = nb_library_execute (program, argv, (int[]){ host, connection, listener },
                              listener < 0 ? 2 : 3);
  if (listener >= 0 && error != 0)
    nb_rendezvous_remove (rendezvous_out);
  if (listener < 0 || error != 0)
    rendezvous_out[0] = '\0';
  return error;
}

NestboxConnection *
nb_connection_start_broker (const char *program, NestboxFailure *failure)
{
  char rendezvous[NB_RENDEZVOUS_PATH] = "";
  nb_autofd ours = -1, theirs = -1;
  int ends[2] = { -1, -1 }, error;
  NestboxConnection *connection;

  error = nb_channel_pair (ends) < 0 ? errno : 0;
  ours = ends[0];
  theirs = ends[1];
  if (error == 0)
    error = execute_broker (program, theirs, rendezvous);
  if (error != 0)
    {
      fail_to_start (failure, program, error);
      return NULL;
    }
  connection = nb_connection_new (nb_fd_steal (&ours), failure);
  if (connection == NULL)
    return NULL; /* and its broker, which sees that, takes the rendezvous away */
  nb_connection_own_rendezvous (connection, rendezvous);
  nb_connection_serve_links (connection, start_nursery);
  nb_connection_probe (connection);
  return connection;
}

NestboxConnection *
nestbox_connection_open (NestboxFailure *failure)
{
  NestboxLevel level = nestbox_level (failure);

  if (level == NESTBOX_LEVEL_APP)
    return nb_connection_start_broker (NB_PKGLIBEXECDIR "/nestbox-broker", failure);
  if (level == NESTBOX_LEVEL_NONE)
    nb_failure_set (failure, NESTBOX_ERROR_NOT_IN_FLATPAK, 0, "no sub-sandbox",
                    "use another sandbox", "this process is not in Flatpak");
  else if (level == NESTBOX_LEVEL_SUB_SANDBOX)
    nb_failure_set (failure, NESTBOX_ERROR_UNAVAILABLE, EPERM, "no sub-sandbox",
                    "have the app itself open the connection",
                    "this process is in a sub-sandbox already");
  return NULL;
}

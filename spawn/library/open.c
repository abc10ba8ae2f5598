/* SPDX-License-Identifier: BSD-3-Clause */
/* A broker of the host's own: no child of it, and ended by the end of either. */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/flatpak-level.h"
#include "spawn/library/connection.h"
#include "spawn/library/execute.h"
#include "spawn/library/failure.h"
#include "zygote/wire/channel.h"

#if !defined(NB_BINDIR) || !defined(NB_PKGLIBEXECDIR)
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

  return -nb_library_execute (NB_PKGLIBEXECDIR "/nestbox-chrome-sandbox", argv, link,
                              control);
}

NestboxConnection *
nb_connection_start_broker (const char *program, NestboxFailure *failure)
{
  static const char *const argv[] = { "nestbox", "broker", NULL };
  nb_autofd ours = -1, theirs = -1, host = (int)syscall (SYS_pidfd_open, getpid (), 0);
  int ends[2] = { -1, -1 }, error;
  NestboxConnection *connection;

  error = host < 0 || nb_channel_pair (ends) < 0 ? errno : 0;
  ours = ends[0];
  theirs = ends[1];
  if (error == 0)
    error = nb_library_execute (program, argv, theirs, host);
  if (error != 0)
    {
      nb_failure_set (failure,
                      error == ENOENT || error == EACCES ? NESTBOX_ERROR_UNAVAILABLE
                                                         : NESTBOX_ERROR_LIMIT,
                      error, program,
                      error == ENOENT
                          ? "install nestbox with the PREFIX that the library was built for"
                          : "raise `ulimit -u` and `ulimit -n`",
                      "%s", "");
      return NULL;
    }
  connection = nb_connection_new (nb_fd_steal (&ours), failure);
  if (connection == NULL)
    return NULL;
  nb_connection_serve_links (connection, start_nursery);
  nb_connection_probe (connection);
  return connection;
}

NestboxConnection *
nestbox_connection_open (NestboxFailure *failure)
{
  NestboxLevel level = nestbox_level (failure);

  if (level == NESTBOX_LEVEL_APP)
    return nb_connection_start_broker (NB_BINDIR "/nestbox", failure);
  if (level == NESTBOX_LEVEL_NONE)
    nb_failure_set (failure, NESTBOX_ERROR_NOT_IN_FLATPAK, 0, "no sub-sandbox",
                    "use another sandbox", "this process is not in Flatpak");
  else if (level == NESTBOX_LEVEL_SUB_SANDBOX)
    nb_failure_set (failure, NESTBOX_ERROR_UNAVAILABLE, EPERM, "no sub-sandbox",
                    "have the app itself open the connection",
                    "this process is in a sub-sandbox already");
  return NULL;
}

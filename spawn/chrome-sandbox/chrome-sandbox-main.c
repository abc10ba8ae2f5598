/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the browser executes instead of its set-uid helper: has the broker start the
 * zygote in a sub-sandbox, stays for as long as the zygote lives, ends as it ended. The
 * same instead of a service that is to have a sub-sandbox of its own.
 * The command line is the helper's (Chromium: sandbox/linux/suid/sandbox.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/chrome-sandbox/confined-child.h"
#include "spawn/chrome-sandbox/nursery.h"
#include "spawn/chrome-sandbox/stand-in.h"
#include "spawn/client/client.h"

static bool
is_zygote (char *const *argv)
{
  for (; *argv != NULL; argv++)
    if (strcmp (*argv, "--type=zygote") == 0)
      return true;
  return false;
}

/* Children that are not in the sub-sandbox have files that can be written from here. */
static bool
write_oom_score (const char *pid, const char *score)
{
  char path[64];
  nb_autofd fd = -1;

  (void)snprintf (path, sizeof path, "/proc/%s/oom_score_adj", pid);
  fd = open (path, O_WRONLY | O_CLOEXEC);
  return fd >= 0 && write (fd, score, strlen (score)) > 0;
}

static bool
is_number (const char *text)
{
  return *text != '\0' && strlen (text) <= 9
         && strspn (text, "0123456789") == strlen (text);
}

/* As the helper: exits 1 on success, 0 on failure. */
static int
adjust_oom_score (const char *pid, const char *score)
{
  const char *path = getenv ("NESTBOX_BROKER");
  nb_autofd broker = path != NULL ? nb_client_connect (path) : -1;
  int result = -ESRCH;

  if (!is_number (pid) || !is_number (score))
    return 0;
  if (broker >= 0)
    result = nb_client_adjust_oom (broker, atoi (pid), atoi (score));
  return result == 0 || (result == -ESRCH && write_oom_score (pid, score));
}

/* EXECUTABLE ARGV…, of a service: the executable is argv[0]. */
static int
stand_in_for_service (char **argv)
{
  NbKind kind = nb_kind_of_command ((const char *const *)argv + 1);

  if (kind != NB_KIND_NETWORK && kind != NB_KIND_AUDIO)
    return nb_stand_in_refuse (kind, "it is no service that is started this way");
  argv[1] = argv[0];
  return nb_stand_in_run (kind, argv + 1);
}

/*
 * The nursery of a zygote that a host of the library has launched, and nothing else: it
 * ends with the link, as which the library has executed it (spawn/library/open.c).
 */
static int
keep_nursery (void)
{
  enum
  {
    LINK_FD = STDERR_FILENO + 1,
    NURSERY_CONTROL_FD,
  };
  NbNursery *nursery = NULL;
  struct pollfd ready = { .events = POLLIN };

  if (nb_fd_is_socket (LINK_FD, SOCK_SEQPACKET)
      && nb_fd_is_socket (NURSERY_CONTROL_FD, SOCK_SEQPACKET)
      && nb_fd_set_cloexec (LINK_FD, true) == 0
      && nb_fd_set_cloexec (NURSERY_CONTROL_FD, true) == 0)
    nursery = nb_nursery_new (LINK_FD, NURSERY_CONTROL_FD);
  if (nursery == NULL)
    return 1;
  ready.fd = nb_nursery_fd (nursery);
  while (nb_nursery_serve (nursery) == 0)
    (void)poll (&ready, 1, -1);
  nb_nursery_free (nursery);
  return 0;
}

int
main (int argc, char **argv)
{
  if (argc == 2 && strcmp (argv[1], "--get-api") == 0)
    return puts ("1") < 0;
  if (argc == 4 && strcmp (argv[1], "--adjust-oom-score") == 0)
    return adjust_oom_score (argv[2], argv[3]);
  if (argc > 3 && strcmp (argv[1], "--confine") == 0)
    return nb_become_confined_child (argv + 2, false);
  if (argc > 3 && strcmp (argv[1], "--watch") == 0)
    return nb_become_confined_child (argv + 2, true);
  if (argc < 2)
    {
      nb_log_error ("this is the browser's sandbox helper: see nestbox(1)");
      return 1;
    }
  /* The browser's terminal is not ours to end by. */
  (void)signal (SIGINT, SIG_IGN);
  (void)signal (SIGHUP, SIG_IGN);
  (void)signal (SIGPIPE, SIG_IGN);
  if (argc == 2 && strcmp (argv[1], "--nursery") == 0)
    return keep_nursery ();
  if (argc > 3 && strcmp (argv[1], "--stand-in") == 0)
    return stand_in_for_service (argv + 2);
  if (getenv ("NESTBOX_BROKER") != NULL && !is_zygote (argv + 1))
    return nb_stand_in_refuse (NB_KIND_ZYGOTE, "only a zygote can be started this way");
  return nb_stand_in_run (NB_KIND_ZYGOTE, argv + 1);
}

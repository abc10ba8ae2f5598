/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/client/lost-zygote.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/log.h"

static bool
is_executable_of (pid_t process, const char *path)
{
  char link[64];
  struct stat running, named;

  (void)snprintf (link, sizeof link, "/proc/%d/exe", (int)process);
  return stat (link, &running) == 0 && stat (path, &named) == 0
         && running.st_dev == named.st_dev && running.st_ino == named.st_ino;
}

void
nb_tell_zygote_is_lost (int browser_pidfd, pid_t browser, const char *zygote,
                        const char *what_ended)
{
  if (!is_executable_of (browser, zygote))
    {
      nb_log_error ("%s: no new pages can be opened, restart the program", what_ended);
      return;
    }
  nb_log_error ("%s: there can be no pages any more, so the browser ends", what_ended);
  (void)syscall (SYS_pidfd_send_signal, browser_pidfd, SIGTERM, NULL, 0);
}

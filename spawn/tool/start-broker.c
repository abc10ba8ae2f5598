/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/tool/start-broker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"

enum
{
  LISTENER_FD = STDERR_FILENO + 1,
  BROWSER_FD,
  FIRST_UNUSED_FD,
};

/*
 * What the browser inherits is not ours to hold open: pipes of whoever started it would
 * never come to their end.
 */
static int
keep_only (int listener, int browser)
{
  int nothing = open ("/dev/null", O_RDWR | O_CLOEXEC);
  int high_listener = nb_fd_dup (listener, FIRST_UNUSED_FD);
  int high_browser = nb_fd_dup (browser, FIRST_UNUSED_FD);

  if (nothing < 0 || high_listener < 0 || high_browser < 0
      || dup2 (nothing, STDIN_FILENO) < 0 || dup2 (nothing, STDOUT_FILENO) < 0
      || dup3 (high_listener, LISTENER_FD, O_CLOEXEC) < 0
      || dup3 (high_browser, BROWSER_FD, O_CLOEXEC) < 0)
    return -EMFILE;
  return nb_fd_close_from (FIRST_UNUSED_FD);
}

int
nb_become_broker (const NbBrokerOptions *options)
{
  (void)prctl (PR_SET_NAME, "nestbox-broker");
  /* Holds the sockets that the sandbox hangs on: not for others of this user to trace. */
  (void)prctl (PR_SET_DUMPABLE, 0, 0, 0, 0);
  return nb_broker_run (options);
}

static _Noreturn void
run_broker (NbBrokerOptions options)
{
  options.listener = LISTENER_FD;
  options.browser = BROWSER_FD;
  _exit (nb_become_broker (&options));
}

int
nb_start_broker (const NbBrokerOptions *options)
{
  pid_t pid = fork ();
  int status = 0;

  if (pid < 0)
    return errno;
  if (pid == 0)
    {
      status = keep_only (options->listener, options->browser);
      if (status < 0)
        _exit (-status);
      (void)setsid ();
      pid = fork ();
      if (pid == 0)
        run_broker (*options);
      _exit (pid < 0 ? errno : 0);
    }
  if (waitpid (pid, &status, 0) < 0)
    return errno;
  return WIFEXITED (status) ? WEXITSTATUS (status) : ECHILD;
}

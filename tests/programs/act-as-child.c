/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * act-as-child --type=… […]: a browser that executes itself as one of its children, the
 * way Chromium does it. The child tries what base filters deny, and prints one line each:
 *
 *     ATTEMPT = ok | errno name
 *
 * The browser's own attempts, before that, show that they work without a filter.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void
report (const char *who, const char *attempt, long result)
{
  int error = errno;

  (void)printf ("%s %s = %s\n", who, attempt, result >= 0 ? "ok" : strerrorname_np (error));
  (void)fflush (stdout);
}

static void
try_all (const char *who)
{
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  report (who, "internet socket", fd);
  if (fd >= 0)
    (void)close (fd);
  report (who, "signal parent", kill (getppid (), 0));
  report (who, "signal self", kill (getpid (), 0));
  report (who, "signal group", kill (0, 0));
  report (who, "signal thread", syscall (SYS_tkill, gettid (), 0));
}

int
main (int argc, char **argv)
{
  int status = 0;
  pid_t pid;

  if (argc < 2)
    return 2;
  if (getenv ("IS_CHILD") != NULL)
    {
      try_all ("child");
      return 0;
    }
  try_all ("browser");
  (void)setenv ("IS_CHILD", "1", 1);
  pid = fork ();
  if (pid == 0)
    {
      execv ("/proc/self/exe", argv);
      _exit (126);
    }
  return waitpid (pid, &status, 0) == pid && WIFEXITED (status) ? WEXITSTATUS (status) : 3;
}

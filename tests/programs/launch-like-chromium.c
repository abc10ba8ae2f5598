/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * launch-like-chromium PROGRAM [ARGUMENT…]: what Chromium does to start its zygote, and
 * no more, so that another program can be put in the zygote's place. It looks for its
 * set-uid helper beside its own executable, checks it the way PrependWrapper does, and
 * executes it with the descriptors that a zygote gets (Chromium:
 * sandbox/linux/suid/client/setuid_sandbox_host.cc, zygote_host_impl_linux.cc).
 * Run under `nestbox run`. Ends with the exit status of what it started.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum
{
  CONTROL_FD = 3,
  SANDBOX_IPC_FD = 4,
  DUMMY_FD = 7,
};

static int
helper_is_good (const char *helper)
{
  struct stat found;

  if (access (helper, F_OK) < 0 || stat (helper, &found) < 0 || access (helper, X_OK) < 0)
    return 0;
  return found.st_uid == 0 && (found.st_mode & S_ISUID) != 0
         && (found.st_mode & S_IXOTH) != 0;
}

static void
place (int fd, int target)
{
  int high = fcntl (fd, F_DUPFD, 20);

  if (high < 0 || dup2 (high, target) < 0)
    _exit (126);
  (void)close (high);
}

static void
become_helper (const char *helper, int control, int ipc, int dummy, char **command)
{
  char *argv[64] = { (char *)"chrome-sandbox" };
  int count = 1;

  for (char **word = command; *word != NULL && count < 63; word++)
    argv[count++] = *word;
  place (control, CONTROL_FD);
  place (ipc, SANDBOX_IPC_FD);
  place (dummy, DUMMY_FD);
  execvp (helper, argv);
  perror (helper);
  _exit (127);
}

int
main (int argc, char **argv)
{
  char helper[4096] = { 0 };
  int control[2], ipc[2], dummy[2], status = 0;
  pid_t pid;

  if (argc < 2 || readlink ("/proc/self/exe", helper, sizeof helper - 16) <= 0)
    return 2;
  (void)strcpy (strrchr (helper, '/') + 1, "chrome-sandbox");
  if (!helper_is_good (helper))
    {
      (void)fprintf (stderr, "FATAL: No usable sandbox! (%s)\n", helper);
      return 3;
    }
  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0
      || socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ipc) < 0
      || pipe2 (dummy, O_CLOEXEC) < 0)
    return 2;
  (void)close (dummy[1]);
  pid = fork ();
  if (pid == 0)
    become_helper (helper, control[1], ipc[1], dummy[0], argv + 1);
  (void)close (control[1]);
  if (pid < 0 || waitpid (pid, &status, 0) < 0)
    return 2;
  return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}

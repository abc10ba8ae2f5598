/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/controller/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp/confine.h"
#include "spawn/base/fd.h"

/* --- in the child, which shares the parent's memory until it executes ---
 *
 * async-signal-safe; changes no variable that the parent reads, except *error. */

static int
reset_signals (void)
{
  sigset_t none;

  for (int number = 1; number < NSIG; number++)
    (void)signal (number, SIG_DFL);
  sigemptyset (&none);
  return sigprocmask (SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

/*
 * Two passes: a source may have the number of another one's target. After the first, all
 * sources lie above every target.
 */
static int
map_fds (const NbSpawn *spawn)
{
  int high[NB_CHANNEL_MAX_FDS + 1];

  for (size_t i = 0; i < spawn->n_fds; i++)
    {
      high[i] = nb_fd_dup (spawn->fds[i], NB_SPAWN_MAX_TARGET + 1);
      if (high[i] < 0)
        return high[i];
    }
  for (size_t i = 0; i < spawn->n_fds; i++)
    if (dup2 (high[i], spawn->targets[i]) < 0)
      return -errno;
  return 0;
}

static _Noreturn void
become (const NbSpawn *spawn, volatile int *error)
{
  int result = reset_signals ();

  if (result == 0 && prctl (PR_SET_PDEATHSIG, SIGKILL) < 0)
    result = -errno;
  if (result == 0 && setsid () < 0)
    result = -errno;
  if (result == 0)
    result = map_fds (spawn);
  if (result == 0)
    result = nb_confine_before_exec (spawn->kind, NULL);
  if (result == 0)
    {
      execve (spawn->argv[0], spawn->argv, spawn->envp);
      result = -errno;
    }
  *error = result;
  _exit (127);
}

/* --- in the controller --- */

static int
check (const NbSpawn *spawn)
{
  if (spawn->argv[0] == NULL || spawn->argv[0][0] != '/')
    return -EINVAL;
  for (size_t i = 0; i < spawn->n_fds; i++)
    {
      if (spawn->targets[i] < 0 || spawn->targets[i] > NB_SPAWN_MAX_TARGET)
        return -EBADF;
      for (size_t other = 0; other < i; other++)
        if (spawn->targets[i] == spawn->targets[other])
          return -EBADF;
    }
  return 0;
}

/*
 * vfork: the controller has one thread, and the child's error comes back in memory. No
 * pid can be reused before it is waited for, so the pidfd is the child's.
 */
int
nb_spawn (const NbSpawn *spawn, pid_t *pid_out, int *pidfd_out)
{
  volatile int error = check (spawn);
  int pidfd;
  pid_t pid;

  if (error < 0)
    return error;
  pid = vfork ();
  if (pid < 0)
    return -errno;
  if (pid == 0)
    become (spawn, &error);
  if (error < 0)
    {
      (void)waitpid (pid, NULL, 0);
      return error;
    }
  pidfd = (int)syscall (SYS_pidfd_open, pid, 0);
  if (pidfd < 0)
    {
      error = -errno;
      (void)kill (pid, SIGKILL);
      (void)waitpid (pid, NULL, 0);
      return error;
    }
  *pid_out = pid;
  *pidfd_out = pidfd;
  return 0;
}

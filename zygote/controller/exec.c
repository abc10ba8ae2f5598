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
#include "spawn/base/no-bus.h"

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

/* What the controller was asked for may be wrong, and so may the controller. */
static int
check_bus (const NbSpawn *spawn)
{
  if (!nb_kind_has_no_bus (spawn->kind))
    return 0;
  if (!spawn->has_bus && nb_bus_in_environment ((const char *const *)spawn->envp) != NULL)
    return -EISCONN;
  return nb_bus_check_descriptors (spawn->targets, spawn->n_fds);
}

/* The listener is in the child's table of descriptors, and wanted in the parent's. */
static int
confine (const NbSpawn *spawn, int listener_socket)
{
  nb_autofd listener = -1;
  int result = nb_confine_before_exec (spawn->kind, spawn->watch ? &listener : NULL);

  if (result == 0 && spawn->watch)
    result = nb_channel_send (listener_socket, "", 1, &listener, 1);
  return result;
}

static _Noreturn void
become (const NbSpawn *spawn, int listener_socket, volatile int *error)
{
  int result = reset_signals ();

  if (result == 0 && prctl (PR_SET_PDEATHSIG, SIGKILL) < 0)
    result = -errno;
  if (result == 0 && setsid () < 0)
    result = -errno;
  if (result == 0)
    result = confine (spawn, listener_socket);
  if (result == 0)
    result = map_fds (spawn);
  if (result == 0)
    result = check_bus (spawn);
  if (result == 0 && spawn->confine != NULL)
    result = spawn->confine ();
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

static int
receive_listener (int socket)
{
  static NbPacket packet;
  int listener, result = nb_channel_receive (socket, &packet);

  if (result <= 0)
    return result < 0 ? result : -EPIPE;
  listener = nb_packet_steal_fd (&packet, 0);
  nb_packet_clear (&packet);
  return listener < 0 ? -EPROTO : listener;
}

/* What the parent needs of a child that runs; else it is ended. */
static int
take_over (pid_t pid, int listener_socket, int *pidfd_out, int *listener_out)
{
  nb_autofd pidfd = (int)syscall (SYS_pidfd_open, pid, 0);
  int result = pidfd < 0 ? -errno : 0;

  if (result == 0 && listener_socket >= 0)
    result = *listener_out = receive_listener (listener_socket);
  if (result < 0)
    {
      (void)kill (pid, SIGKILL);
      (void)waitpid (pid, NULL, 0);
      return result;
    }
  *pidfd_out = nb_fd_steal (&pidfd);
  return 0;
}

/*
 * vfork: the controller has one thread, and the child's error comes back in memory. No
 * pid can be reused before it is waited for, so the pidfd is the child's.
 */
int
nb_spawn (const NbSpawn *spawn, pid_t *pid_out, int *pidfd_out, int *listener_out)
{
  volatile int error = check (spawn);
  nb_autofd ours = -1, theirs = -1;
  int ends[2] = { -1, -1 };
  pid_t pid;

  *listener_out = -1;
  if (error == 0 && spawn->watch)
    error = nb_channel_pair (ends);
  if (error < 0)
    return error;
  ours = ends[0];
  theirs = ends[1];
  pid = vfork ();
  if (pid < 0)
    return -errno;
  if (pid == 0)
    become (spawn, theirs, &error);
  if (error < 0)
    {
      (void)waitpid (pid, NULL, 0);
      return error;
    }
  *pid_out = pid;
  return take_over (pid, ours, pidfd_out, listener_out);
}

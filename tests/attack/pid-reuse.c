/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/attack/pid-reuse.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "spawn/base/fd.h"

enum
{
  WAIT_S = 20,
  BETWEEN_MS = 2, /* between two tries at the PID */
};

static const char name[] = "PID reuse: a dead child's fork";

static bool
await (int fd)
{
  struct pollfd ready = { .fd = fd, .events = POLLIN };
  int n;

  do
    n = poll (&ready, 1, WAIT_S * 1000);
  while (n < 0 && errno == EINTR);
  return n == 1;
}

/* The fork: waits to be told, signals the PID, ends. */
static _Noreturn void
attack_pid (const NbRunner *runner, int channel, pid_t pid)
{
  char byte;

  (void)alarm (WAIT_S * 2);
  if (read (channel, &byte, 1) == 1)
    *runner->result = nb_attack_result (syscall (SYS_kill, pid, NB_ATTACK_SIGNAL));
  _exit (0);
}

/* A child, which leaves a fork of itself behind. Its PID. */
static pid_t
leave_fork_behind (const NbRunner *runner, int channel)
{
  pid_t child = nb_runner_fork (runner);

  if (child == 0)
    {
      pid_t own = (pid_t)syscall (SYS_getpid);

      if (syscall (SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0)
        attack_pid (runner, channel, own);
      _exit (0);
    }
  while (child > 0 && waitpid (child, NULL, 0) < 0 && errno == EINTR)
    continue;
  return child;
}

/* Children that end at once use up PIDs; a victim is started where the next one fits. */
static bool
start_victim_as (NbRunner *runner, NbVictim *victim, pid_t wanted)
{
  time_t deadline = time (NULL) + WAIT_S;

  (void)printf ("%s wants pid %d\n", runner->place_name, (int)wanted);
  (void)fflush (stdout);
  while (time (NULL) < deadline)
    {
      if (nb_runner_start_victim (runner, victim) && victim->pid == wanted)
        return true;
      nb_victim_end (victim);
      (void)poll (NULL, 0, BETWEEN_MS);
    }
  return false;
}

static const char *
signal_reused (const NbRunner *runner, const NbVictim *victim, int channel)
{
  sig_atomic_t before = runner->state->signals;
  char byte = '!';

  if (send (channel, &byte, 1, MSG_NOSIGNAL) != 1 || !await (channel))
    return "broken";
  if (!nb_victim_look (victim) || runner->state->signals > before)
    return "open";
  return *runner->result == 0 ? "broken" : "refused";
}

void
nb_pid_reuse_run (NbRunner *runner)
{
  nb_autofd ours = -1, theirs = -1;
  const char *outcome = "broken";
  NbVictim victim;
  pid_t pid;
  int ends[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
    return;
  ours = ends[0];
  theirs = ends[1];
  *runner->result = -ECHILD;
  pid = leave_fork_behind (runner, theirs);
  nb_fd_clear (&theirs);
  if (pid > 0 && start_victim_as (runner, &victim, pid))
    {
      outcome = signal_reused (runner, &victim, ours);
      nb_victim_end (&victim);
    }
  nb_runner_report (runner, name, outcome, *runner->result);
}

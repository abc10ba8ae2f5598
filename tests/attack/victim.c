/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/attack/victim.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"

enum
{
  LOOK_MS = 5000,
  LIFE_S = 60, /* whatever happens */
  IO_WHO_PROCESS = 1,
};

static volatile sig_atomic_t *counter;

/* What attacks on memory are after. Its address is the same in all forks. */
static volatile uint64_t private_word;

static void
on_signal (int number)
{
  (void)number;
  *counter = *counter + 1;
}

void
nb_victim_count_signals (volatile sig_atomic_t *where)
{
  struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

  counter = where;
  (void)sigaction (NB_ATTACK_SIGNAL, &action, NULL);
  (void)sigaction (SIGIO, &action, NULL);
}

/* --- the victim --- */

static void
listen_for_siblings (NbVictimState *state)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  (void)snprintf (state->socket, sizeof state->socket, "nb-victim-%d", (int)getpid ());
  memcpy (address.sun_path + 1, state->socket, strlen (state->socket));
  if (fd < 0
      || bind (fd, (struct sockaddr *)&address,
               (socklen_t)(offsetof (struct sockaddr_un, sun_path) + 1
                           + strlen (state->socket)))
             < 0
      || listen (fd, 4) < 0)
    nb_fd_clear (&fd);
}

/* Marked at once as to be removed, so that it does not outlive the victim. */
static int
make_segment (void)
{
  int id = shmget (IPC_PRIVATE, 4096, IPC_CREAT | 0600);

  if (id < 0)
    return -errno;
  if (shmat (id, NULL, 0) == (void *)-1)
    {
      int result = -errno;

      (void)shmctl (id, IPC_RMID, NULL);
      return result;
    }
  (void)shmctl (id, IPC_RMID, NULL);
  return id;
}

/* As careless as a process can be: traceable, and with something to take. */
static void
prepare (NbVictimState *state)
{
  (void)alarm (LIFE_S);
  (void)prctl (PR_SET_PDEATHSIG, SIGKILL);
  (void)prctl (PR_SET_DUMPABLE, 1);
  (void)setpgid (0, 0);
  nb_victim_count_signals (&state->signals);
  private_word = 0x5ec2e7;
  state->word_at = (uint64_t *)(uintptr_t)&private_word;
  state->memory_fd = memfd_create ("victim", MFD_CLOEXEC);
  state->segment = make_segment ();
  listen_for_siblings (state);
}

static void
look (NbVictimState *state)
{
  struct rlimit limit = { .rlim_cur = 0 };

  (void)getrlimit (RLIMIT_CPU, &limit);
  state->cpu_limit = limit.rlim_cur;
  state->word = private_word;
  state->nice = getpriority (PRIO_PROCESS, 0);
  state->scheduler = (int)syscall (SYS_sched_getscheduler, 0);
  state->io_priority = (int)syscall (SYS_ioprio_get, IO_WHO_PROCESS, 0);
}

void
nb_victim_main (NbVictimState *state, int channel)
{
  char question;

  prepare (state);
  while (read (channel, &question, 1) == 1)
    {
      look (state);
      if (write (channel, &question, 1) != 1)
        break;
    }
  _exit (0);
}

/* --- whoever asks it --- */

bool
nb_victim_look (const NbVictim *victim)
{
  struct pollfd ready = { .fd = victim->channel, .events = POLLIN };
  char answer = '?';
  int n;

  if (send (victim->channel, &answer, 1, MSG_NOSIGNAL) != 1)
    return false;
  do
    n = poll (&ready, 1, LOOK_MS);
  while (n < 0 && errno == EINTR);
  return n == 1 && read (victim->channel, &answer, 1) == 1;
}

void
nb_victim_end (NbVictim *victim)
{
  nb_fd_clear (&victim->channel);
  while (waitpid (victim->pid, NULL, 0) < 0 && errno == EINTR)
    continue;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/attack/runner.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/macros.h"
#include "tests/attack/pid-reuse.h"

enum
{
  ATTACK_S = 5,
  CONTROL_FD = 3, /* of a zygote: the browser's */
};

static const NbAttackTable *const tables[] = {
  &nb_attacks_by_signal,
  &nb_attacks_on_settings,
  &nb_attacks_on_memory,
  &nb_attacks_on_files,
  &nb_attacks_on_sockets,
  &nb_attacks_on_namespaces,
  &nb_attacks_on_kernel,
  &nb_attacks_on_ipc,
  /* Last: a relay hangs up on a zygote that says what it should not. */
  &nb_attacks_on_channels,
};

static const char *const place_names[] = {
  [NB_PLACE_BARE] = "bare",     [NB_PLACE_APP] = "app",
  [NB_PLACE_ZYGOTE] = "zygote", [NB_PLACE_CHILD] = "child",
  [NB_PLACE_GPU] = "gpu",       [NB_PLACE_GPU_EXECUTED] = "gpu-executed",
};

static void
die (const char *what)
{
  (void)fprintf (stderr, "nb-attack: %s: %s\n", what, strerror (errno));
  exit (1);
}

/* --- preparing --- */

static void *
shared_memory (size_t size)
{
  void *memory
      = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  if (memory == MAP_FAILED)
    die ("shared memory");
  return memory;
}

/* The master stays open for as long as we live: without it there is no terminal. */
static int
open_terminal (void)
{
  int master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
  const char *name;

  if (master < 0 || grantpt (master) < 0 || unlockpt (master) < 0)
    return -1;
  name = ptsname (master);
  return name != NULL ? open (name, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
}

void
nb_runner_init (NbRunner *runner, const NbHost *host)
{
  *runner = (NbRunner){ .host = host, .controller = getppid () };
  runner->state = shared_memory (sizeof *runner->state);
  runner->result = shared_memory (sizeof *runner->result);
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, runner->pair) < 0)
    die ("socketpair");
  for (int i = 0; i < NB_RUNNER_TERMINALS; i++)
    runner->terminals[i] = open_terminal ();
  nb_victim_count_signals (&runner->state->zygote_signals);
}

/* --- victim and attacker --- */

/*
 * A zygote's child is forked by fork(3), so that the preload's handlers run. What has
 * taken over a process does not ask them: it is forked by the kernel alone, and has what
 * the process has.
 */
pid_t
nb_runner_fork (const NbRunner *runner)
{
  if (runner->place == NB_PLACE_CHILD || runner->place == NB_PLACE_GPU)
    return fork ();
  return (pid_t)syscall (SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

bool
nb_runner_start_victim (NbRunner *runner, NbVictim *victim)
{
  int ends[2];

  *victim = (NbVictim){ .channel = -1 };
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
    die ("socketpair");
  /* Always a child as the zygote makes them: an attacker has no say in it. */
  victim->pid = fork ();
  if (victim->pid < 0)
    die ("fork");
  if (victim->pid == 0)
    {
      (void)close (ends[0]);
      nb_victim_main (runner->state, ends[1]);
    }
  (void)close (ends[1]);
  victim->channel = ends[0];
  return nb_victim_look (victim);
}

static pid_t
target_of (const NbRunner *runner, const NbAttack *attack, const NbVictim *victim)
{
  if (attack->target == NB_TARGET_CONTROLLER)
    return runner->controller;
  return attack->target == NB_TARGET_ZYGOTE ? getpid () : victim->pid;
}

static _Noreturn void
attack_main (const NbRunner *runner, const NbAttack *attack, NbScene *scene)
{
  (void)signal (NB_ATTACK_SIGNAL, SIG_IGN);
  (void)signal (SIGIO, SIG_IGN);
  (void)alarm (ATTACK_S);
  if (runner->place == NB_PLACE_CHILD || runner->place == NB_PLACE_GPU)
    (void)close (CONTROL_FD); /* as Chromium's children do */
  *runner->result = attack->attack (scene);
  _exit (0);
}

/* What the attacker's own end says: NULL when it got through. */
static const char *
end_of_attacker (pid_t pid)
{
  int status = 0;

  while (waitpid (pid, &status, 0) < 0)
    if (errno != EINTR)
      return "broken";
  if (WIFSIGNALED (status))
    return WTERMSIG (status) == SIGSYS ? "killed" : "broken";
  return WEXITSTATUS (status) == 0 ? NULL : "broken";
}

static const char *
attack_victim (NbRunner *runner, const NbAttack *attack, NbVictim *victim)
{
  NbVictimState before = *runner->state;
  NbScene scene = { .victim = victim->pid,
                    .zygote = getpid (),
                    .controller = runner->controller,
                    .target = target_of (runner, attack, victim),
                    .state = runner->state,
                    .host = runner->host,
                    .zygote_pair = runner->pair[0],
                    .terminal = -1 };
  const char *end;
  pid_t pid;

  if (attack->needs_terminal && runner->n_terminals < NB_RUNNER_TERMINALS)
    scene.terminal = runner->terminals[runner->n_terminals++];
  *runner->result = -ECHILD;
  pid = nb_runner_fork (runner);
  if (pid < 0)
    die ("fork");
  if (pid == 0)
    attack_main (runner, attack, &scene);
  end = end_of_attacker (pid);
  if (!nb_victim_look (victim)
      || (attack->hit != NULL && attack->hit (&before, runner->state)))
    return "open"; /* whatever the attacker was told */
  if (end != NULL)
    return end;
  return attack->hit == NULL && *runner->result == 0 ? "open" : "refused";
}

/* --- all of them --- */

void
nb_runner_report (const NbRunner *runner, const char *name, const char *outcome, int result)
{
  const char *error = result < 0 ? strerrorname_np (-result) : "";

  (void)printf ("%s | %s | %s | %s\n", runner->place_name, name, outcome,
                error != NULL ? error : "?");
  (void)fflush (stdout);
}

static void
run_attack (NbRunner *runner, const NbAttack *attack)
{
  NbVictim victim;
  const char *outcome = "broken";

  if (nb_runner_start_victim (runner, &victim))
    outcome = attack_victim (runner, attack, &victim);
  nb_victim_end (&victim);
  nb_runner_report (runner, attack->name, outcome, *runner->result);
}

void
nb_runner_run (NbRunner *runner, NbPlace place)
{
  runner->place = place;
  runner->place_name = place_names[place];
  nb_pid_reuse_run (runner);
  for (size_t table = 0; table < NB_ARRAY_SIZE (tables); table++)
    for (size_t i = 0; i < tables[table]->n; i++)
      run_attack (runner, &tables[table]->attacks[i]);
}

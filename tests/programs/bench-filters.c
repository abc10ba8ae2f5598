/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench-filters ROUNDS: what nestbox's filters cost on top of Flatpak's, measured in
 * forked children that take them upon themselves; one "NAME VALUE" line each, interleaved:
 *
 *     isolate   µs for the own-PID filter and the Landlock domain of a forked child
 *     policy    µs for the base filter of the largest kind
 *     before    ns for one getppid() under Flatpak's filter alone
 *     after     ns for one getppid() under all of it
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "seccomp/apply.h"
#include "seccomp/landlock.h"

enum
{
  CHUNKS = 40, /* the fastest counts: the others were interrupted */
  CALLS = 5000,
  CALLS_EVERY = 5, /* rounds: these take long */
};

/* Of this thread: what others do meanwhile does not count. */
static int64_t
now_ns (void)
{
  struct timespec now;

  (void)clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static double
call_ns (void)
{
  int64_t fastest = INT64_MAX;

  for (int chunk = 0; chunk < CHUNKS; chunk++)
    {
      int64_t begin = now_ns ();

      for (int i = 0; i < CALLS; i++)
        (void)syscall (SYS_getppid);
      if (now_ns () - begin < fastest)
        fastest = now_ns () - begin;
    }
  return (double)fastest / CALLS;
}

/* Each in a process that has just been made, as in the browser. */
static int
measure_isolation (void)
{
  int64_t begin = now_ns ();

  if (nb_landlock_enter_child_domain () < 0
      || nb_seccomp_enter_own_pid ((pid_t)syscall (SYS_getpid), false) < 0)
    return 1;
  return printf ("isolate %f\n", (double)(now_ns () - begin) / 1000) < 0;
}

static int
measure_policy (void)
{
  int64_t begin = now_ns ();

  if (nb_seccomp_enter_policy (NB_KIND_NETWORK) < 0)
    return 1;
  return printf ("policy %f\n", (double)(now_ns () - begin) / 1000) < 0;
}

/* Under the filters of a page. */
static int
measure_calls (void)
{
  double before = call_ns ();

  if (nb_seccomp_enter_policy (NB_KIND_ZYGOTE) < 0 || nb_landlock_enter_child_domain () < 0
      || nb_seccomp_enter_own_pid ((pid_t)syscall (SYS_getpid), false) < 0)
    return 1;
  return printf ("before %f\nafter %f\n", before, call_ns ()) < 0;
}

static int
run (int (*measure) (void))
{
  int status = 0;
  pid_t pid = fork ();

  if (pid == 0)
    _exit (measure () != 0 || fflush (stdout) != 0);
  return waitpid (pid, &status, 0) == pid ? status : -1;
}

/* What a zygote forks has its filter already. */
static int
measure_in_zygote (void)
{
  return nb_seccomp_enter_policy (NB_KIND_ZYGOTE) < 0 || run (measure_isolation) != 0;
}

int
main (int argc, char **argv)
{
  const int rounds = argc == 2 ? atoi (argv[1]) : 0;
  int failed = 0;

  for (int round = 0; round < rounds; round++)
    failed |= run (measure_in_zygote) | run (measure_policy);
  for (int round = 0; round < rounds; round += CALLS_EVERY)
    failed |= run (measure_calls);
  if (failed != 0)
    (void)fprintf (stderr, "bench-filters: a child failed\n");
  return failed != 0;
}

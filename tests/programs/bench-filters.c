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

static int
measure (void)
{
  double before = call_ns ();
  int64_t begin = now_ns (), isolated, confined;

  if (nb_landlock_enter_child_domain () < 0
      || nb_seccomp_enter_own_pid ((pid_t)syscall (SYS_getpid), false) < 0)
    return 1;
  isolated = now_ns ();
  if (nb_seccomp_enter_policy (NB_KIND_NETWORK) < 0)
    return 1;
  confined = now_ns ();
  (void)printf ("isolate %f\npolicy %f\nbefore %f\nafter %f\n",
                (double)(isolated - begin) / 1000, (double)(confined - isolated) / 1000,
                before, call_ns ());
  return fflush (stdout) != 0;
}

int
main (int argc, char **argv)
{
  for (int round = argc == 2 ? atoi (argv[1]) : 0; round > 0; round--)
    {
      int status = 0;
      pid_t pid = fork ();

      if (pid == 0)
        _exit (measure ());
      if (waitpid (pid, &status, 0) != pid || status != 0)
        {
          (void)fprintf (stderr, "bench-filters: a child failed\n");
          return 1;
        }
    }
  return 0;
}

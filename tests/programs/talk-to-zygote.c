/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * talk-to-zygote [--library] table|gpu-table|look|types|oom|scale=N PROGRAM [ARGUMENT…]:
 * holds the browser's side of the conversation with a zygote. Run under `nestbox run`; with
 * --library it is a host of libnestbox, and run without.
 *
 *   table  every way a child of tests/programs/fake-zygote.c can end, one line each
 *   gpu-table  the same, of GPU processes
 *   look   a GPU process that says what it can open
 *   types  fork, status and reap of a renderer and a utility by Chromium's own zygote
 *   oom    what becomes of a child's OOM score, and of one of this program's own
 *   scale  cost of fork, status and kill with 10 and with N children, in µs
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/browser-library.h"

enum
{
  STILL_RUNNING = 4,
  FEW = 10,
  SAMPLES = 100,
  WAIT_MS = 10000,
  POLL_MS = 5,
};

static NbBrowserSide side;

/* --- waiting, always bounded --- */

static int64_t
now_us (void)
{
  struct timespec now;

  (void)clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static NbBrowserStatus
wait_end (pid_t pid)
{
  int64_t deadline = now_us () + WAIT_MS * 1000;
  NbBrowserStatus status;

  do
    {
      status = nb_browser_status (&side, pid, false);
      if (status.status == STILL_RUNNING)
        (void)poll (NULL, 0, POLL_MS);
    }
  while (status.status == STILL_RUNNING && now_us () < deadline);
  return status;
}

/* Whether the pid that the browser knew stops to exist, as it must once all is told. */
static bool
wait_gone (pid_t pid)
{
  int64_t deadline = now_us () + WAIT_MS * 1000;

  while (kill (pid, 0) == 0 && now_us () < deadline)
    (void)poll (NULL, 0, POLL_MS);
  return kill (pid, 0) < 0 && errno == ESRCH;
}

static pid_t
fork_child (const char *type)
{
  pid_t pid = nb_browser_fork (&side, type);

  if (pid <= 1 || kill (pid, 0) < 0)
    nb_browser_die (type);
  return pid;
}

static void
print_end (const char *what, pid_t pid, NbBrowserStatus status)
{
  (void)printf ("%s = %d 0x%x %s\n", what, status.status, (unsigned)status.wait_status,
                wait_gone (pid) ? "gone" : "left over");
}

/* --- table --- */

static void
signal_child (const char *what, const char *type, int first, int second)
{
  pid_t pid = fork_child (type);

  if (nb_browser_status (&side, pid, false).status != STILL_RUNNING)
    nb_browser_die (what);
  (void)kill (pid, first);
  if (second != 0)
    {
      (void)poll (NULL, 0, POLL_MS);
      (void)kill (pid, second);
    }
  print_end (what, pid, wait_end (pid));
}

static void
reap_child (const char *what, const char *type)
{
  pid_t pid = fork_child (type);
  int64_t begin = now_us ();
  bool gone;

  (void)kill (pid, SIGTERM);
  nb_browser_reap (&side, pid);
  gone = wait_gone (pid);
  (void)printf ("%s = %s after %s\n", what, gone ? "gone" : "left over",
                now_us () - begin > 1500000 ? "2 s" : "no time");
}

static void
table (void)
{
  pid_t pid;

  pid = fork_child ("exit");
  print_end ("exit", pid, wait_end (pid));
  pid = fork_child ("crash");
  print_end ("crash", pid, wait_end (pid));
  pid = fork_child ("pause");
  print_end ("known dead", pid, nb_browser_status (&side, pid, true));
  signal_child ("SIGKILL", "pause", SIGKILL, 0);
  signal_child ("SIGTERM", "pause", SIGTERM, 0);
  signal_child ("SIGSEGV", "pause", SIGSEGV, 0);
  signal_child ("SIGTERM then SIGKILL", "stubborn", SIGTERM, SIGKILL);
  reap_child ("reap", "pause");
  reap_child ("reap of a stubborn one", "stubborn");
  (void)printf ("silent = %d\n", nb_browser_fork (&side, "silent"));
  pid = fork_child ("pause");
  print_end ("after the silent one", pid, nb_browser_status (&side, pid, true));
}

static void
look (void)
{
  pid_t pid;

  (void)fflush (stdout); /* it prints as well */
  pid = fork_child ("look");
  print_end ("look", pid, wait_end (pid));
}

/* --- types --- */

static void
types (void)
{
  static const char *const names[] = { "renderer", "utility" };

  for (int i = 0; i < 2; i++)
    {
      char what[64];
      pid_t pid = fork_child (names[i]);

      (void)snprintf (what, sizeof what, "%s ends", names[i]);
      print_end (what, pid, wait_end (pid));
      pid = fork_child (names[i]);
      (void)snprintf (what, sizeof what, "%s known dead", names[i]);
      print_end (what, pid, nb_browser_status (&side, pid, true));
      pid = fork_child (names[i]);
      (void)snprintf (what, sizeof what, "%s reap", names[i]);
      reap_child (what, names[i]);
      print_end ("another", pid, nb_browser_status (&side, pid, true));
    }
}

/* --- OOM scores, where the library sets them --- */

static int
read_score (pid_t pid)
{
  char path[64];
  FILE *file;
  int score = -1;

  (void)snprintf (path, sizeof path, "/proc/%d/oom_score_adj", pid);
  file = fopen (path, "re");
  if (file == NULL || fscanf (file, "%d", &score) != 1)
    nb_browser_die (path);
  (void)fclose (file);
  return score;
}

static void
oom (void)
{
  pid_t child = fork_child ("pause"), own = fork ();

  if (own == 0)
    for (;;)
      (void)pause ();
  nb_browser_adjust_oom (child, 300, WAIT_MS);
  (void)printf ("child = %d\n", read_score (child));
  nb_browser_adjust_oom (own, 300, WAIT_MS);
  (void)printf ("own = %d\n", read_score (own));
  (void)kill (own, SIGKILL);
  (void)waitpid (own, NULL, 0);
  print_end ("known dead", child, nb_browser_status (&side, child, true));
}

/* --- scale --- */

static int
compare (const void *a, const void *b)
{
  int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

  return (left > right) - (left < right);
}

static int
median (int64_t *samples)
{
  qsort (samples, SAMPLES, sizeof *samples, compare);
  return (int)samples[SAMPLES / 2];
}

/* Medians, with that many children besides. */
static void
measure (int others)
{
  int64_t forks[SAMPLES], statuses[SAMPLES], kills[SAMPLES];

  for (int i = 0; i < SAMPLES; i++)
    {
      int64_t begin = now_us ();
      pid_t pid = fork_child ("pause");

      forks[i] = now_us () - begin;
      begin = now_us ();
      (void)nb_browser_status (&side, pid, false);
      statuses[i] = now_us () - begin;
      begin = now_us ();
      (void)nb_browser_status (&side, pid, true);
      kills[i] = now_us () - begin;
    }
  (void)printf ("with %d: fork %d status %d kill %d\n", others, median (forks),
                median (statuses), median (kills));
}

/* Holds the children until it is told to go on, so that memory can be measured. */
static void
hold (int count)
{
  sigset_t resume;
  int number;

  sigemptyset (&resume);
  sigaddset (&resume, SIGUSR1);
  (void)printf ("holding %d\n", count);
  (void)fflush (stdout);
  (void)sigwait (&resume, &number);
}

static void
scale (int most)
{
  int count = 0;

  while (count < FEW)
    count += fork_child ("pause") > 0;
  measure (count);
  hold (count);
  while (count < most)
    count += fork_child ("pause") > 0;
  measure (count);
  hold (count);
}

int
main (int argc, char **argv)
{
  sigset_t resume;

  bool by_library = argc > 1 && strcmp (argv[1], "--library") == 0;

  argc -= by_library;
  argv += by_library;
  if (argc < 3)
    return 2;
  sigemptyset (&resume);
  sigaddset (&resume, SIGUSR1);
  (void)sigprocmask (SIG_BLOCK, &resume, NULL);
  if (by_library)
    nb_browser_launch_by_library (&side, argv + 2);
  else
    nb_browser_launch (&side, argv + 2);
  if (!side.unsandboxed)
    nb_browser_greet (&side);
  side.gpu = strcmp (argv[1], "gpu-table") == 0 || strcmp (argv[1], "look") == 0;
  (void)printf ("status word = 0x%x\n", nb_browser_sandbox_status (&side));
  if (strcmp (argv[1], "table") == 0 || strcmp (argv[1], "gpu-table") == 0)
    table ();
  if (strcmp (argv[1], "look") == 0)
    look ();
  if (strcmp (argv[1], "types") == 0)
    types ();
  if (strcmp (argv[1], "oom") == 0)
    oom ();
  if (strncmp (argv[1], "scale=", 6) == 0)
    scale (atoi (argv[1] + 6));
  (void)close (side.control);
  if (by_library)
    nb_browser_close_library ();
  else
    (void)waitpid (side.helper, NULL, 0);
  (void)printf ("done\n");
  return 0;
}

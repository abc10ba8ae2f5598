/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a killed bubblewrap leaves behind, in a PID namespace of the test's own, whose pid 1
 * has it for a child as the app's first process would.
 */
#include "spawn/broker/sandbox/orphans.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-pids.h"
#include "tests/lib/nb-test.h"

#define CONTROLLER NB_PKGLIBEXECDIR "/nestbox-controller"

typedef struct
{
  const char *name;    /* the process's */
  const char *program; /* that it was to execute */
  bool has_child, ends;
} Case;

static const Case cases[] = {
  { "bwrap", CONTROLLER, false, true },
  { "bwrap", CONTROLLER, true, false },
  { "bwrap", "/app/bin/other", false, false },
  { "other", CONTROLLER, false, false },
};

/* As this program, by the words NAME READY HAS-CHILD bwrap … . */
static int
be_bubblewrap (char **words)
{
  int ready = atoi (words[1]);

  (void)prctl (PR_SET_NAME, words[0]);
  if (words[2][0] == '1')
    (void)fork ();
  (void)close (ready); /* when all have, who waits goes on */
  nb_pids_wait_forever ();
  return 0;
}

static pid_t
start (const Case *row)
{
  int ends[2];
  char number[12], byte;
  pid_t pid;

  nb_test_child_check (pipe (ends) == 0);
  pid = fork ();
  nb_test_child_check (pid >= 0);
  if (pid == 0)
    {
      (void)g_snprintf (number, sizeof number, "%d", ends[1]);
      (void)close (ends[0]);
      (void)execl ("/proc/self/exe", "be-bubblewrap", row->name, number,
                   row->has_child ? "1" : "0", "--args", "57", "--", row->program,
                   "--channel=3", (char *)NULL);
      _exit (1);
    }
  (void)close (ends[1]);
  nb_test_child_check (read (ends[0], &byte, 1) == 0);
  (void)close (ends[0]);
  return pid;
}

static void
be_first_process (void)
{
  pid_t pids[G_N_ELEMENTS (cases)];

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    pids[i] = start (&cases[i]);
  nb_orphans_end ();
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      int status = 0;

      if (!cases[i].ends)
        nb_test_child_check (waitpid (pids[i], &status, WNOHANG) == 0);
      else
        nb_test_child_check (waitpid (pids[i], &status, 0) == pids[i]
                             && WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
    }
}

static void
in_namespace (gconstpointer data)
{
  (void)data;
  nb_pids_run_first (be_first_process);
}

static void
test_ended (void)
{
  nb_test_in_child (in_namespace, NULL);
}

/* Here pid 1 has none. */
static void
test_none (void)
{
  nb_orphans_end ();
}

int
main (int argc, char **argv)
{
  if (argc > 0 && g_str_equal (argv[0], "be-bubblewrap"))
    return be_bubblewrap (argv + 1);
  nb_test_init (&argc, &argv);
  nb_test_add ("/orphans/none", test_none);
  nb_test_add ("/orphans/ended", test_ended);
  return g_test_run ();
}

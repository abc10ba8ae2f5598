/* SPDX-License-Identifier: BSD-3-Clause */
/* The OOM scores of children: real ones, since the kernel keeps them. */
#include "zygote/controller/oom-scores.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/nb-test.h"

/* --- a loop that remembers; it refuses once asked to --- */

static GArray *watched;
static int refusal;

static int
watch (int fd)
{
  if (refusal == 0)
    g_array_append_val (watched, fd);
  return refusal;
}

static void
unwatch (int fd)
{
  guint index = 0;

  while (index < watched->len && g_array_index (watched, int, index) != fd)
    index++;
  g_assert_cmpuint (index, <, watched->len);
  g_array_remove_index (watched, index);
}

static const NbLoop loop = { .watch = watch, .unwatch = unwatch };

/* --- children --- */

static void
stay (gconstpointer data)
{
  (void)data;
  for (;;)
    (void)pause ();
}

typedef struct
{
  pid_t pid;
  int pidfd; /* as the loop has it */
} Child;

static Child
child_new (void)
{
  Child child = { .pid = nb_test_fork (stay, NULL) };
  guint before = watched->len;

  nb_oom_scores_add (child.pid, NB_OOM_SCORE_OTHER, &loop);
  g_assert_cmpuint (watched->len, ==, before + 1);
  child.pidfd = g_array_index (watched, int, before);
  return child;
}

static void
child_end (const Child *child)
{
  g_assert_cmpint (kill (child->pid, SIGKILL), ==, 0);
  g_assert_cmphex ((guint)nb_test_wait (child->pid), ==, SIGKILL);
}

/* As the controller does when the child has ended. */
static void
child_forget (const Child *child)
{
  nb_test_wait_readable (child->pidfd);
  g_assert_true (nb_oom_scores_serve (child->pidfd, &loop));
}

static int
score_of (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/oom_score_adj", (int)pid);
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return atoi (text);
}

/* --- tests --- */

static void
test_set (void)
{
  static const int scores[] = { 300, 301, 1000 }; /* a lower one is for root to set */
  Child child = child_new ();

  g_assert_cmpint (score_of (child.pid), ==, NB_OOM_SCORE_OTHER);
  for (size_t i = 0; i < G_N_ELEMENTS (scores); i++)
    {
      g_assert_cmpint (nb_oom_scores_set (child.pid, scores[i]), ==, 0);
      g_assert_cmpint (score_of (child.pid), ==, scores[i]);
    }
  child_end (&child);
  child_forget (&child);
}

/* Of this child and no other; and of the other yet when the first is forgotten. */
static void
test_two_children (void)
{
  Child first = child_new (), second = child_new ();
  int before = score_of (first.pid);

  g_assert_cmpint (nb_oom_scores_set (second.pid, 300), ==, 0);
  g_assert_cmpint (score_of (first.pid), ==, before);
  child_end (&first);
  child_forget (&first);
  g_assert_cmpint (nb_oom_scores_set (first.pid, 400), ==, -ESRCH);
  g_assert_cmpint (nb_oom_scores_set (second.pid, 400), ==, 0);
  g_assert_cmpint (score_of (second.pid), ==, 400);
  child_end (&second);
  child_forget (&second);
}

static void
test_out_of_range (void)
{
  static const int scores[] = { -1, 1001, -1000, INT_MIN, INT_MAX };
  Child child = child_new ();
  int before = score_of (child.pid);

  for (size_t i = 0; i < G_N_ELEMENTS (scores); i++)
    {
      g_assert_cmpint (nb_oom_scores_set (child.pid, scores[i]), ==, -EINVAL);
      g_assert_cmpint (score_of (child.pid), ==, before);
    }
  child_end (&child);
  child_forget (&child);
}

/* A process that was not added is not this module's, be it the test's own. */
static void
test_unknown (void)
{
  const pid_t pids[] = { getpid (), getppid (), 1, 0, -1, INT_MAX };
  int before = score_of (getpid ());

  for (size_t i = 0; i < G_N_ELEMENTS (pids); i++)
    g_assert_cmpint (nb_oom_scores_set (pids[i], 300), ==, -ESRCH);
  g_assert_cmpint (score_of (getpid ()), ==, before);
}

/* Also before the loop has seen the end: the number may be another's by then. */
static void
test_after_end (void)
{
  Child child = child_new ();

  g_assert_cmpint (nb_oom_scores_set (child.pid, 300), ==, 0);
  child_end (&child);
  g_assert_cmpint (nb_oom_scores_set (child.pid, 300), ==, -ESRCH);
  child_forget (&child);
  g_assert_cmpint (nb_oom_scores_set (child.pid, 300), ==, -ESRCH);
}

static void
test_serve_forgets (void)
{
  Child child = child_new ();

  g_assert_false (nb_oom_scores_serve (-1, &loop));
  g_assert_false (nb_oom_scores_serve (STDERR_FILENO, &loop));
  g_assert_cmpint (nb_oom_scores_set (child.pid, 300), ==, 0);
  child_end (&child);
  child_forget (&child);
  g_assert_cmpuint (watched->len, ==, 0);
  g_assert_false (nb_oom_scores_serve (child.pidfd, &loop));
}

static void
test_add_of_nobody (void)
{
  pid_t ended = nb_test_fork (stay, NULL);
  const pid_t pids[] = { ended, 0, -1, INT_MAX };

  g_assert_cmpint (kill (ended, SIGKILL), ==, 0);
  (void)nb_test_wait (ended);
  for (size_t i = 0; i < G_N_ELEMENTS (pids); i++)
    nb_oom_scores_add (pids[i], NB_OOM_SCORE_OTHER, &loop);
  g_assert_cmpuint (watched->len, ==, 0);
  g_assert_cmpint (nb_oom_scores_set (ended, 300), ==, -ESRCH);
}

/* A child that asks again and again has one place. */
static void
test_asks_again (void)
{
  Child child = child_new ();

  g_assert_cmpint (nb_oom_scores_set (child.pid, 300), ==, 0);
  for (int i = 0; i < 10000; i++)
    nb_oom_scores_add (child.pid, NB_OOM_SCORE_OTHER, &loop);
  g_assert_cmpuint (watched->len, ==, 1);
  g_assert_cmpint (score_of (child.pid), ==, 300);
  child_end (&child);
  child_forget (&child);
}

/* What cannot be watched would never be forgotten. */
static void
test_watch_refused (void)
{
  pid_t pid = nb_test_fork (stay, NULL);

  refusal = -ENOSPC;
  nb_oom_scores_add (pid, NB_OOM_SCORE_OTHER, &loop);
  refusal = 0;
  g_assert_cmpint (nb_oom_scores_set (pid, 300), ==, -ESRCH);
  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  (void)nb_test_wait (pid);
}

/* More than the table begins with. */
static void
test_many (void)
{
  Child children[40];

  for (size_t i = 0; i < G_N_ELEMENTS (children); i++)
    children[i] = child_new ();
  for (size_t i = 0; i < G_N_ELEMENTS (children); i++)
    g_assert_cmpint (nb_oom_scores_set (children[i].pid, 300 + (int)i), ==, 0);
  for (size_t i = 0; i < G_N_ELEMENTS (children); i++)
    {
      g_assert_cmpint (score_of (children[i].pid), ==, 300 + (int)i);
      child_end (&children[i]);
      child_forget (&children[i]);
    }
}

int
main (int argc, char **argv)
{
  int result;

  nb_test_init (&argc, &argv);
  watched = g_array_new (FALSE, FALSE, sizeof (int));
  nb_test_add ("/oom-scores/set", test_set);
  nb_test_add ("/oom-scores/two-children", test_two_children);
  nb_test_add ("/oom-scores/out-of-range", test_out_of_range);
  nb_test_add ("/oom-scores/unknown", test_unknown);
  nb_test_add ("/oom-scores/after-end", test_after_end);
  nb_test_add ("/oom-scores/serve-forgets", test_serve_forgets);
  nb_test_add ("/oom-scores/add-of-nobody", test_add_of_nobody);
  nb_test_add ("/oom-scores/asks-again", test_asks_again);
  nb_test_add ("/oom-scores/watch-refused", test_watch_refused);
  nb_test_add ("/oom-scores/many", test_many);
  result = g_test_run ();
  g_array_free (watched, TRUE);
  return result;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The weight that the session of a zygote has, as the kernel tells it. */
#include "zygote/controller/background.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

enum
{
  TRIES = 50, /* the kernel takes one change in 100 ms, of everybody on the machine */
  TRY_AGAIN_US = 50000,
};

static int watched = -1;

static int
watch (int fd)
{
  g_assert_cmpint (watched, ==, -1);
  watched = fd;
  return 0;
}

static void
unwatch (int fd)
{
  g_assert_cmpint (watched, ==, fd);
  watched = -1;
}

static const NbLoop loop = { .watch = watch, .unwatch = unwatch };

/* --- a zygote --- */

static int told[2]; /* it leads its session when it closes its end */

static void
stay (gconstpointer data)
{
  (void)data;
  (void)prctl (PR_SET_PDEATHSIG, SIGKILL);
  (void)setsid ();
  (void)close (told[0]);
  (void)close (told[1]);
  for (;;)
    (void)pause ();
}

static pid_t
start_zygote (void)
{
  pid_t pid;

  g_assert_cmpint (pipe2 (told, O_CLOEXEC), ==, 0);
  pid = nb_test_fork (stay, NULL);
  (void)close (told[1]);
  nb_test_wait_readable (told[0]);
  (void)close (told[0]);
  return pid;
}

static void
end_zygote (pid_t pid)
{
  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  (void)nb_test_wait (pid);
}

/* "/autogroup-17 nice 0": 0; G_MININT when the kernel has no autogroups. */
static int
nice_of (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/autogroup", (int)pid), *text = NULL;
  int nice = G_MININT;
  const char *word;

  if (g_file_get_contents (path, &text, NULL, NULL)
      && (word = strstr (text, " nice ")) != NULL)
    nice = atoi (word + strlen (" nice "));
  return nice;
}

static gboolean
skip_without_autogroups (void)
{
  if (nice_of (getpid ()) != G_MININT)
    return FALSE;
  g_test_skip ("this kernel has no autogroups (CONFIG_SCHED_AUTOGROUP)");
  return TRUE;
}

/* Somebody else may have changed another session just now; it then keeps its weight. */
static void
begin (pid_t pid)
{
  for (int i = 0; i < TRIES && watched < 0; i++)
    {
      nb_background_prepare (pid);
      nb_background_begin (&loop);
      if (watched < 0)
        g_usleep (TRY_AGAIN_US);
    }
  g_assert_cmpint (watched, >=, 0);
}

/* As the controller does when it is readable, for as long as it wants to be served. */
static void
serve_to_the_end (void)
{
  while (watched >= 0)
    {
      nb_test_wait_readable (watched);
      g_assert_true (nb_background_serve (watched, &loop));
    }
}

/* --- tests --- */

static void
test_weight (void)
{
  gint64 started_us = g_get_monotonic_time ();
  pid_t pid, other;

  if (skip_without_autogroups ())
    return;
  pid = start_zygote ();
  other = start_zygote ();
  nb_background_prepare (other);
  begin (pid); /* in its place: that had no child */
  g_assert_cmpint (nice_of (pid), ==, NB_BACKGROUND_NICE);
  nb_background_prepare (other); /* one at a time */
  nb_background_begin (&loop);
  g_assert_cmpint (nice_of (other), ==, 0);
  g_assert_false (nb_background_serve (-1, &loop));
  g_assert_false (nb_background_serve (STDERR_FILENO, &loop));
  serve_to_the_end ();
  g_assert_cmpint (nice_of (pid), ==, 0);
  nb_background_begin (&loop); /* once */
  g_assert_cmpint (watched, ==, -1);
  g_assert_cmpint (g_get_monotonic_time () - started_us, >=, NB_BACKGROUND_MS * 1000);
  end_zygote (other);
  end_zygote (pid);
}

/* That has ended by then: nothing of it is kept open. */
static void
test_ended (void)
{
  pid_t pid;

  if (skip_without_autogroups ())
    return;
  pid = start_zygote ();
  begin (pid);
  end_zygote (pid);
  serve_to_the_end ();
  nb_background_prepare (pid);
  nb_background_begin (&loop);
  g_assert_cmpint (watched, ==, -1);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/background/weight", test_weight);
  nb_test_add ("/background/ended", test_ended);
  return g_test_run ();
}

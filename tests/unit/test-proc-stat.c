/* SPDX-License-Identifier: BSD-3-Clause */
/* /proc/PID/stat as the kernel writes it, with names that a program may give itself. */
#include "spawn/base/proc-stat.h"

#include <unistd.h>

#include "tests/lib/nb-test.h"

#define NUMBERS " 5 6 7 -1 9 10 11 12 13 14 15 16 17 18 19 20 21 2200 23 24\n"

typedef struct
{
  const char *name, *text;
  bool good;
  const char *process;
  char state;
  pid_t parent;
} StatCase;

static const StatCase cases[] = {
  { "usual", "107 (chromium) S 19" NUMBERS, true, "chromium", 'S', 19 },
  { "zombie", "107 (chromium) Z 1" NUMBERS, true, "chromium", 'Z', 1 },
  { "no-parent-here", "107 (chromium) S 0" NUMBERS, true, "chromium", 'S', 0 },
  { "name-with-brackets", "107 (a) Z 1 (b) S 19" NUMBERS, true, "a) Z 1 (b", 'S', 19 },
  { "name-with-line-break", "107 (a\nb) S 19" NUMBERS, true, "a\nb", 'S', 19 },
  { "name-empty", "107 () S 19" NUMBERS, true, "", 'S', 19 },
  { "no-name", "107 S 19" NUMBERS, false, NULL, 0, 0 },
  { "brackets-the-wrong-way", "107 ) S 19 (" NUMBERS, false, NULL, 0, 0 },
  { "ends-with-the-name", "107 (chromium)", false, NULL, 0, 0 },
  { "ends-with-the-state", "107 (chromium) S", false, NULL, 0, 0 },
  { "cut-off", "107 (chromium) S 19 4 5 6", false, NULL, 0, 0 },
  { "cut-off-in-a-number",
    "107 (chromium) S 19 5 6 7 -1 9 10 11 12 13 14 15 16 17 18 19 20 21 2200 23 2", false,
    NULL, 0, 0 },
  { "no-state", "107 (chromium) 19" NUMBERS, false, NULL, 0, 0 },
  { "parent-below-0", "107 (chromium) S -1" NUMBERS, false, NULL, 0, 0 },
  { "parent-too-large", "107 (chromium) S 4294967297" NUMBERS, false, NULL, 0, 0 },
  { "parent-not-a-number", "107 (chromium) S 1x" NUMBERS, false, NULL, 0, 0 },
  { "empty", "", false, NULL, 0, 0 },
};

static void
test_parse (gconstpointer data)
{
  const StatCase *test = data;
  g_autofree char *process = NULL;
  NbProcStat stat;

  g_assert_cmpint (nb_proc_stat_parse (test->text, &stat), ==, test->good);
  if (!test->good)
    return;
  process = g_strndup (stat.name, stat.name_length);
  g_assert_cmpstr (process, ==, test->process);
  g_assert_cmpint (stat.state, ==, test->state);
  g_assert_cmpint (stat.parent, ==, test->parent);
  g_assert_cmpuint (stat.start, ==, 2200);
  g_assert_cmpuint (stat.resident, ==, 24);
}

static void
test_own (void)
{
  g_autofree char *text = NULL;
  NbProcStat stat;

  g_assert_true (g_file_get_contents ("/proc/self/stat", &text, NULL, NULL));
  g_assert_true (nb_proc_stat_parse (text, &stat));
  g_assert_cmpint (stat.state, ==, 'R');
  g_assert_cmpint (stat.parent, ==, getppid ());
  g_assert_cmpuint (stat.start, >, 0);
  g_assert_cmpuint (stat.resident, >, 100); /* GLib alone is more */
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/proc-stat/parse", cases, test_parse);
  nb_test_add ("/proc-stat/own", test_own);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What a controller says of the processes around it, from a folder that looks like /proc.
 */
#include "zygote/controller/survey.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

enum
{
  SELF = 2,
};

typedef struct
{
  const char *name; /* of the test */
  const char *pid;  /* of the folder */
  const char *stat, *status, *command;
  gsize command_size; /* 0: as a string, with its NUL */
  gboolean listed;
  NbSurveyProcess process;
} Case;

#define STAT(name, state, parent, start, pages)                                            \
  "7 (" name ") " state " " parent " 7 7 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 1 0 " start     \
  " 100000 " pages " 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0\n"
#define STATUS "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t4\nSpeculation:\tx\n"

static const Case cases[] = {
  { "renderer",
    "12",
    STAT ("chromium", "S", "3", "123456", "256"),
    STATUS,
    "/app/x\0--type=renderer\0-a",
    26,
    TRUE,
    { 12, 3, 112, NB_KIND_RENDERER, 4, 123456, 1024 } },
  { "title",
    "12",
    STAT ("chromium", "S", "3", "1", "1"),
    STATUS,
    "/app/x --type=gpu-process --b",
    30,
    TRUE,
    { 12, 3, 112, NB_KIND_GPU, 4, 1, 4 } },
  { "unsandboxed-zygote",
    "5",
    STAT ("x", "R", "1", "1", "1"),
    STATUS,
    "x\0--type=zygote\0--no-zygote-sandbox",
    36,
    TRUE,
    { 5, 1, 105, NB_KIND_UNSANDBOXED_ZYGOTE, 4, 1, 4 } },
  { "name-like-the-kernels-words",
    "12",
    STAT (") R 9 (", "S", "3", "1", "1"),
    STATUS,
    "x",
    2,
    TRUE,
    { 12, 3, 112, NB_KIND_NONE, 4, 1, 4 } },
  { "without-filters",
    "12",
    STAT ("x", "S", "3", "1", "1"),
    "Name:\tx\n",
    "x",
    2,
    TRUE,
    { 12, 3, 112, NB_KIND_NONE, -1, 1, 4 } },
  { "without-status",
    "12",
    STAT ("x", "S", "3", "1", "1"),
    NULL,
    NULL,
    0,
    TRUE,
    { 12, 3, 112, NB_KIND_NONE, -1, 1, 4 } },
  { "zombie", "12", STAT ("x", "Z", "3", "1", "0"), STATUS, "", 1, FALSE },
  { "cut-off", "12", "12 (x) S 3 7 7", STATUS, "x", 2, FALSE },
  { "nothing", "12", "", STATUS, "x", 2, FALSE },
  { "gone", "12", NULL, NULL, NULL, 0, FALSE },
  { "first-process", "1", STAT ("x", "S", "0", "1", "1"), STATUS, "x", 2, FALSE },
  { "self", "2", STAT ("x", "S", "1", "1", "1"), STATUS, "x", 2, FALSE },
  { "no-process", "self", STAT ("x", "S", "1", "1", "1"), STATUS, "x", 2, FALSE },
  { "number-and-more", "12a", STAT ("x", "S", "1", "1", "1"), STATUS, "x", 2, FALSE },
};

static int32_t
stand_in (pid_t pid)
{
  return pid + 100;
}

static void
write_file (const char *folder, const char *name, const char *text, gssize size)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  if (text != NULL)
    g_assert_true (g_file_set_contents (path, text, size, NULL));
}

static void
remove_file (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  (void)g_unlink (path);
}

static void
test_process (gconstpointer data)
{
  const Case *test = data;
  g_autofree NbSurvey *survey = g_new0 (NbSurvey, 1);
  g_autofree char *root = g_dir_make_tmp ("nestbox-test-XXXXXX", NULL);
  g_autofree char *folder = g_build_filename (root, test->pid, NULL);
  nb_autofd proc = open (root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const NbSurveyProcess *found = survey->processes, *wanted = &test->process;

  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  write_file (folder, "stat", test->stat, -1);
  write_file (folder, "status", test->status, -1);
  write_file (folder, "cmdline", test->command, (gssize)test->command_size);
  nb_survey_take (survey, proc, SELF, stand_in);
  g_assert_cmpuint (survey->n, ==, test->listed ? 1 : 0);
  g_assert_cmpuint (survey->left_out, ==, 0);
  if (test->listed)
    {
      g_assert_cmpint (found->pid, ==, wanted->pid);
      g_assert_cmpint (found->parent, ==, wanted->parent);
      g_assert_cmpint (found->browser_pid, ==, wanted->browser_pid);
      g_assert_cmpint (found->kind, ==, wanted->kind);
      g_assert_cmpint (found->filters, ==, wanted->filters);
      g_assert_cmpuint (found->start, ==, wanted->start);
      g_assert_cmpuint (found->resident_kib, ==,
                        wanted->resident_kib * (guint64)sysconf (_SC_PAGESIZE) / 4096);
    }
  remove_file (folder, "stat");
  remove_file (folder, "status");
  remove_file (folder, "cmdline");
  g_assert_cmpint (g_rmdir (folder), ==, 0);
  g_assert_cmpint (g_rmdir (root), ==, 0);
}

/* What does not fit the message is counted. */
static void
test_many (void)
{
  g_autofree NbSurvey *survey = g_new0 (NbSurvey, 1);
  nb_autofd proc = open ("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  survey->n = NB_SURVEY_MAX_PROCESSES;
  nb_survey_take (survey, proc, 0, stand_in);
  g_assert_cmpuint (survey->n, ==, NB_SURVEY_MAX_PROCESSES);
  g_assert_cmpuint (survey->left_out, >, 0);
}

static void
test_no_folder (void)
{
  g_autofree NbSurvey *survey = g_new0 (NbSurvey, 1);

  nb_survey_take (survey, -1, SELF, stand_in);
  g_assert_cmpuint (survey->n + survey->left_out, ==, 0);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/survey/process", cases, test_process);
  nb_test_add ("/survey/many", test_many);
  nb_test_add ("/survey/no-folder", test_no_folder);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Text that others chose, on its way to a terminal and into JSON. */
#include "spawn/tool/audit-print.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

typedef struct
{
  const char *name, *text, *clean, *json;
} Case;

static const Case cases[] = {
  { "plain", "/home/u/a b", "/home/u/a b", "\"/home/u/a b\"" },
  { "empty", "", "", "\"\"" },
  { "letters", "/home/ü/…", "/home/ü/…", "\"/home/ü/…\"" },
  { "quotes", "a\"b\\c", "a\"b\\c", "\"a\\\"b\\\\c\"" },
  { "line-breaks", "a\nb\rc\td", "a?b?c?d", "\"a\\u000ab\\u000dc\\u0009d\"" },
  { "escape-sequence", "\033[31mok\033]0;title\a", "?[31mok?]0;title?",
    "\"\\u001b[31mok\\u001b]0;title\\u0007\"" },
  { "delete", "a\x7f", "a?", "\"a\\u007f\"" },
  { "second-control-set",
    "a\xc2\x9b"
    "31m",
    "a?31m",
    "\"a\xc2\x9b"
    "31m\"" },
  { "no-utf-8", "a\xff\xfe", "a\xef\xbf\xbd\xef\xbf\xbd", "\"a\xef\xbf\xbd\xef\xbf\xbd\"" },
};

static void
test_text (gconstpointer data)
{
  const Case *test = data;
  g_autofree char *clean = nb_print_clean (test->text);
  g_autofree char *json = nb_print_json_string (test->text);

  g_assert_cmpstr (clean, ==, test->clean);
  g_assert_cmpstr (json, ==, test->json);
}

/* --- whole outputs --- */

static NbProcess *
process_with_pid (pid_t pid)
{
  return nb_process_take (open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), pid);
}

/* One browser, one child, and a stand-in. */
static NbFamily *
make_family (void)
{
  NbFamily *family = g_new0 (NbFamily, 1);
  NbBrowser *browser = g_new0 (NbBrowser, 1);
  const NbSubjectType types[] = { NB_SUBJECT_CHILD, NB_SUBJECT_STAND_IN };

  family->browsers = g_ptr_array_new_with_free_func ((GDestroyNotify)nb_browser_free);
  family->subjects = g_ptr_array_new ();
  family->hidden = TRUE;
  browser->process = process_with_pid (2);
  g_ptr_array_add (family->browsers, browser);
  for (int i = 0; i < 2; i++)
    {
      NbSubject subject = { .process = process_with_pid (7 + i),
                            .type = types[i],
                            .role = NB_ROLE_RENDERER };

      g_ptr_array_add (family->subjects, g_memdup2 (&subject, sizeof subject));
    }
  return family;
}

static void
free_family (NbFamily *family)
{
  for (guint i = 0; i < family->subjects->len; i++)
    {
      NbSubject *subject = family->subjects->pdata[i];

      nb_process_free (subject->process);
      g_free (subject);
    }
  nb_family_free (family);
}

static void
make_report (NbReport *report)
{
  *report = (NbReport){ .verdict = NB_VERDICT_BAD };
  for (int i = 0; i < NB_N_PROPERTIES; i++)
    report->rows[i] = (NbRow){ NB_VERDICT_OK, NB_STATE_CLOSED, g_strdup ("x") };
  report->rows[NB_PROPERTY_BUS].verdict = NB_VERDICT_BAD;
  report->rows[NB_PROPERTY_BUS].state = NB_STATE_OPEN;
  report->rows[NB_PROPERTY_USER].verdict = NB_VERDICT_FACT;
  report->rows[NB_PROPERTY_USER].state = NB_STATE_UNKNOWN;
  report->rows[NB_PROPERTY_IPC].verdict = NB_VERDICT_UNMEASURED;
  report->rows[NB_PROPERTY_IPC].state = NB_STATE_UNKNOWN;
}

static void
print_all (NbPrintStyle style)
{
  NbFamily *family = make_family ();
  NbPrinter printer = { .style = style };
  NbReport report;

  make_report (&report);
  nb_print_begin (&printer, family);
  nb_print_report (&printer, family, family->subjects->pdata[0], &report);
  nb_print_stand_in (&printer, family, family->subjects->pdata[1]);
  nb_print_end (&printer, 1);
  nb_report_clear (&report);
  free_family (family);
}

/* What goes to standard output, which is the test's own as well. */
static char *
capture (NbPrintStyle style)
{
  nb_autofd saved = nb_fd_dup (STDOUT_FILENO, 3);
  nb_autofd memory = memfd_create ("output", MFD_CLOEXEC);

  (void)fflush (stdout);
  g_assert_cmpint (dup2 (memory, STDOUT_FILENO), ==, STDOUT_FILENO);
  print_all (style);
  (void)fflush (stdout);
  g_assert_cmpint (dup2 (saved, STDOUT_FILENO), ==, STDOUT_FILENO);
  g_assert_cmpint (lseek (memory, 0, SEEK_SET), ==, 0);
  return nb_test_read_all (nb_fd_steal (&memory));
}

static void
test_for_people (void)
{
  g_autofree char *text = capture (NB_PRINT_TEXT);

  g_assert_cmpstr (text, ==,
                   "browser: PID 2\n"
                   "\nrenderer, PID 7: BAD: bus\n"
                   "  ok              PID namespace      x\n"
                   "  ok              network            x\n"
                   "  ok              mounts             x\n"
                   "  not measurable  IPC namespace      x\n"
                   "  fact            user namespace     not measurable: x\n"
                   "  ok              home               x\n"
                   "  BAD             bus                x\n"
                   "  ok              display, sound     x\n"
                   "  ok              devices            x\n"
                   "  ok              descriptors        x\n"
                   "  ok              no new privileges  x\n"
                   "  ok              capabilities       x\n"
                   "  ok              seccomp            x\n"
                   "  ok              seccomp filters    x\n"
                   "\nstand-in, PID 8: not measurable: PIDs are hidden, this is the "
                   "stand-in of a child of a zygote\n"
                   "\nchildren: 2, bad: 1, not wholly measurable: 1\n"
                   "Not seen from outside: Landlock, and what a seccomp filter denies.\n");
}

static void
test_with_colours (void)
{
  g_autofree char *text = capture (NB_PRINT_COLOURS);

  g_assert_nonnull (strstr (text, "PID 7: \033[1;31mBAD: bus\033[0m\n"));
  g_assert_nonnull (strstr (text, "  \033[32mok             \033[0m PID namespace"));
}

static void
test_for_programs (void)
{
  static const char begin[]
      = "{\n  \"browsers\": [2],\n  \"children\": [\n"
        "    {\"pid\": 7, \"browser\": 2, \"role\": \"renderer\", \"verdict\": \"bad\",\n"
        "      \"summary\": \"BAD: bus\",\n      \"properties\": {\n"
        "        \"pid-namespace\": {\"verdict\": \"ok\", \"state\": \"closed\", "
        "\"text\": \"x\"},\n";
  static const char end[]
      = "},\n    {\"pid\": 8, \"browser\": 2, \"role\": \"stand-in\", \"verdict\": "
        "\"not-measurable\",\n      \"summary\": \"not measurable: PIDs are hidden, this "
        "is the stand-in of a child of a zygote\"}\n"
        "  ],\n  \"bad\": 1,\n  \"not-measurable\": 1,\n  \"status\": 1\n}\n";
  g_autofree char *text = capture (NB_PRINT_JSON);

  g_assert_true (g_str_has_prefix (text, begin));
  g_assert_true (g_str_has_suffix (text, end));
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/audit-print/text", cases, test_text);
  nb_test_add ("/audit-print/for-people", test_for_people);
  nb_test_add ("/audit-print/with-colours", test_with_colours);
  nb_test_add ("/audit-print/for-programs", test_for_programs);
  return g_test_run ();
}

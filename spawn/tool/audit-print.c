/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/tool/audit-print.h"

#include <stdio.h>
#include <string.h>

static const struct
{
  const char *word, *name, *colour;
} verdicts[] = {
  [NB_VERDICT_OK] = { "ok", "ok", "\033[32m" },
  [NB_VERDICT_FACT] = { "fact", "fact", "\033[36m" },
  [NB_VERDICT_UNMEASURED] = { "not measurable", "not-measurable", "\033[33m" },
  [NB_VERDICT_BAD] = { "BAD", "bad", "\033[1;31m" },
};

static const char *const state_names[] = {
  [NB_STATE_UNKNOWN] = "unknown", [NB_STATE_CLOSED] = "closed", [NB_STATE_OPEN] = "open"
};

/* --- text --- */

char *
nb_print_clean (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *clean = g_string_new (NULL);

  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char (at))
    {
      gunichar character = g_utf8_get_char (at);

      g_string_append_unichar (clean, g_unichar_isprint (character) ? character : '?');
    }
  return g_string_free (clean, FALSE);
}

char *
nb_print_json_string (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *string = g_string_new ("\"");

  for (const char *at = valid; *at != '\0'; at++)
    if (*at == '"' || *at == '\\')
      g_string_append_printf (string, "\\%c", *at);
    else if (g_ascii_iscntrl (*at))
      g_string_append_printf (string, "\\u%04x", (guint)(guchar)*at);
    else
      g_string_append_c (string, *at);
  g_string_append_c (string, '"');
  return g_string_free (string, FALSE);
}

static void
print_json_pair (const char *name, const char *text, const char *end)
{
  g_autofree char *string = nb_print_json_string (text);

  (void)printf ("\"%s\": %s%s", name, string, end);
}

/* --- begin --- */

void
nb_print_begin (NbPrinter *printer, const NbFamily *family)
{
  gboolean json = printer->style == NB_PRINT_JSON;

  (void)printf (json ? "{\n  \"browsers\": [" : "");
  for (guint i = 0; i < family->browsers->len; i++)
    {
      const NbBrowser *browser = family->browsers->pdata[i];
      int pid = (int)nb_process_get_pid (browser->process);

      if (json)
        (void)printf ("%s%d", i > 0 ? ", " : "", pid);
      else
        (void)printf ("browser: PID %d\n", pid);
    }
  (void)printf (json ? "],\n  \"children\": [" : "");
}

static int
browser_of (const NbFamily *family, const NbSubject *subject)
{
  const NbBrowser *browser = family->browsers->pdata[subject->browser];

  return (int)nb_process_get_pid (browser->process);
}

/* --- one child --- */

/* Titles of the rows with that verdict, as a list. */
static char *
list_rows (const NbReport *report, NbVerdict verdict)
{
  GString *list = g_string_new (NULL);

  for (int i = 0; i < NB_N_PROPERTIES; i++)
    if (report->rows[i].verdict == verdict)
      g_string_append_printf (list, "%s%s", list->len > 0 ? ", " : "",
                              nb_property_title ((NbProperty)i));
  return g_string_free (list, FALSE);
}

static char *
summary_of (const NbReport *report)
{
  g_autofree char *bad = list_rows (report, NB_VERDICT_BAD);
  g_autofree char *unmeasured = list_rows (report, NB_VERDICT_UNMEASURED);

  if (report->verdict == NB_VERDICT_BAD)
    return g_strconcat ("BAD: ", bad, NULL);
  if (report->verdict == NB_VERDICT_UNMEASURED)
    return g_strconcat ("nothing bad found; not measurable: ", unmeasured, NULL);
  if (report->rows[NB_PROPERTY_MOUNTS].verdict != NB_VERDICT_FACT)
    return g_strdup ("all good");
  return g_strdup (report->rows[NB_PROPERTY_MOUNTS].state == NB_STATE_OPEN
                       ? "as expected of this kind: it is in the app's own sandbox"
                       : "as expected of this kind");
}

static void
print_verdict (const NbPrinter *printer, NbVerdict verdict, int width, const char *text)
{
  if (printer->style == NB_PRINT_COLOURS)
    (void)printf ("%s%-*s\033[0m", verdicts[verdict].colour, width, text);
  else
    (void)printf ("%-*s", width, text);
}

static void
print_row (const NbPrinter *printer, NbProperty property, const NbRow *row)
{
  g_autofree char *clean = nb_print_clean (row->text);
  gboolean unknown_fact = row->verdict == NB_VERDICT_FACT && row->state == NB_STATE_UNKNOWN;

  (void)printf ("  ");
  print_verdict (printer, row->verdict, 15, verdicts[row->verdict].word);
  (void)printf (" %-18s %s%s\n", nb_property_title (property),
                unknown_fact ? "not measurable: " : "", clean);
}

static void
print_json_rows (const NbReport *report)
{
  for (int i = 0; i < NB_N_PROPERTIES; i++)
    {
      const NbRow *row = &report->rows[i];

      (void)printf ("%s\n        \"%s\": {\"verdict\": \"%s\", \"state\": \"%s\", ",
                    i > 0 ? "," : "", nb_property_name ((NbProperty)i),
                    verdicts[row->verdict].name, state_names[row->state]);
      print_json_pair ("text", row->text, "}");
    }
}

static void
print_json_head (const NbPrinter *printer, const NbFamily *family, const NbSubject *subject,
                 const char *role, NbVerdict verdict)
{
  (void)printf ("%s\n    {\"pid\": %d, \"browser\": %d, \"role\": \"%s\", \"verdict\": "
                "\"%s\",\n      ",
                printer->n > 0 ? "," : "", (int)nb_process_get_pid (subject->process),
                browser_of (family, subject), role, verdicts[verdict].name);
}

static void
count (NbPrinter *printer, NbVerdict verdict)
{
  printer->n++;
  printer->n_bad += verdict == NB_VERDICT_BAD;
  printer->n_unmeasured += verdict == NB_VERDICT_UNMEASURED;
  (void)fflush (stdout);
}

void
nb_print_report (NbPrinter *printer, const NbFamily *family, const NbSubject *subject,
                 const NbReport *report)
{
  g_autofree char *summary = summary_of (report);

  if (printer->style == NB_PRINT_JSON)
    {
      print_json_head (printer, family, subject, nb_role_name (subject->role),
                       report->verdict);
      print_json_pair ("summary", summary, ",\n      \"properties\": {");
      print_json_rows (report);
      (void)printf ("}}");
    }
  else
    {
      (void)printf ("\n%s, PID %d: ", nb_role_name (subject->role),
                    (int)nb_process_get_pid (subject->process));
      print_verdict (printer, report->verdict, 0, summary);
      (void)printf ("\n");
      for (int i = 0; i < NB_N_PROPERTIES; i++)
        print_row (printer, (NbProperty)i, &report->rows[i]);
    }
  count (printer, report->verdict);
}

/* Where PIDs are visible and stand-ins were asked for, the child itself is listed too. */
void
nb_print_stand_in (NbPrinter *printer, const NbFamily *family, const NbSubject *subject)
{
  static const struct
  {
    const char *role, *of;
  } words[] = { [NB_SUBJECT_STAND_IN] = { "stand-in", "a child of a zygote" },
                [NB_SUBJECT_HELPER] = { "zygote", "the zygote" },
                [NB_SUBJECT_ROUTER] = { "gpu-zygote", "the GPU process's zygote" } };
  g_autofree char *text = g_strdup_printf (
      "not measurable: %s, this is the stand-in of %s",
      family->hidden ? "PIDs are hidden" : "the child itself has another PID",
      words[subject->type].of);

  if (printer->style == NB_PRINT_JSON)
    {
      print_json_head (printer, family, subject, words[subject->type].role,
                       NB_VERDICT_UNMEASURED);
      print_json_pair ("summary", text, "}");
    }
  else
    {
      (void)printf ("\nstand-in, PID %d: ", (int)nb_process_get_pid (subject->process));
      print_verdict (printer, NB_VERDICT_UNMEASURED, 0, text);
      (void)printf ("\n");
    }
  count (printer, NB_VERDICT_UNMEASURED);
}

/* --- end --- */

void
nb_print_end (const NbPrinter *printer, int status)
{
  if (printer->style == NB_PRINT_JSON)
    (void)printf (
        "\n  ],\n  \"bad\": %u,\n  \"not-measurable\": %u,\n  \"status\": %d\n}\n",
        printer->n_bad, printer->n_unmeasured, status);
  else
    (void)printf ("\nchildren: %u, bad: %u, not wholly measurable: %u\n"
                  "Not seen from outside: Landlock, and what a seccomp filter denies.\n",
                  printer->n, printer->n_bad, printer->n_unmeasured);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox audit: what confines a browser's children, measured from outside. It runs beside
 * the browser, in its app.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "spawn/audit/find.h"
#include "spawn/audit/measure.h"
#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/base/macros.h"
#include "spawn/tool/audit-print.h"
#include "spawn/tool/commands.h"
#include "spawn/tool/here.h"
#include "spawn/tool/terminal.h"

enum
{
  SETTLED_MS = 2000, /* a child that is older has all of its sandbox, or none */
  AGAIN_US = 100 * 1000,
  MAX_TRIES = 50, /* for children that change while they are looked at */
};

typedef struct
{
  gboolean all, json;
  pid_t pid; /* 0 with all */
} Options;

/* --- command line --- */

static gboolean
parse_pid (const char *word, Options *options, GError **error)
{
  guint64 pid;

  if (!g_ascii_string_to_unsigned (word, 10, 1, G_MAXINT, &pid, NULL))
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "\"%s\" is no PID",
                   word);
      return FALSE;
    }
  options->pid = (pid_t)pid;
  return TRUE;
}

static gboolean
parse (int argc, char **argv, Options *options, GError **error)
{
  const GOptionEntry entries[] = {
    { "all", 0, 0, G_OPTION_ARG_NONE, &options->all, "every child of every browser here",
      NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "for programs", NULL },
    { 0 },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("PID|--all");

  g_set_prgname ("nestbox audit");
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (
      context,
      "Measures from outside what confines a browser's child, row by row: ok, BAD, not\n"
      "measurable, or a fact that is not judged. Run it in the browser's app.");
  g_option_context_set_description (
      context,
      "Exit status: 0 all good, 1 something is bad, 2 usage, 3 nothing bad but not\n"
      "all could be measured, 4 no such child.");
  if (!g_option_context_parse (context, &argc, &argv, error))
    return FALSE;
  if (argc == 2 && !options->all)
    return parse_pid (argv[1], options, error);
  if (argc == 1 && options->all)
    return TRUE;
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                       "one PID or --all: nestbox audit [--json] PID|--all");
  return FALSE;
}

/* --- the browsers here --- */

static void
say_why_not (const NbFamily *family, int proc, pid_t pid)
{
  int error = 0;
  g_autoptr (NbProcess) process = nb_process_open (proc, pid, &error);

  for (guint i = 0; i < family->browsers->len; i++)
    if (nb_process_get_pid (((NbBrowser *)family->browsers->pdata[i])->process) == pid)
      {
        nb_log_error ("PID %d is the browser itself, in the app's own sandbox", (int)pid);
        return;
      }
  if (process == NULL)
    nb_log_error ("PID %d: %s", (int)pid, g_strerror (error));
  else
    nb_log_error ("PID %d is no child of a browser", (int)pid);
}

static NbSockets *
open_sockets (void)
{
  static const char *const buses[]
      = { "/run/flatpak/bus", "/run/flatpak/at-spi-bus", "/run/dbus/system_bus_socket" };
  NbSockets *sockets = nb_sockets_new ();

  for (gsize i = 0; i < NB_ARRAY_SIZE (buses); i++)
    (void)nb_sockets_add_bus (sockets, buses[i]);
  return sockets;
}

/* --- one child --- */

/* Ticks are counted from the machine's start, suspension included. */
static gboolean
is_settled (const NbSubject *subject)
{
  struct timespec now;
  guint64 start_ms = subject->start * 1000 / (guint64)sysconf (_SC_CLK_TCK);

  if (clock_gettime (CLOCK_BOOTTIME, &now) < 0)
    return TRUE;
  return (guint64)now.tv_sec * 1000 > start_ms + SETTLED_MS;
}

/* FALSE when there was no rest long enough to look at it. */
static gboolean
measure (NbSubject *subject, const NbBrowser *browser, NbSockets *sockets,
         NbReport *report_out)
{
  g_auto (GStrv) command = nb_process_command (subject->process);
  NbMeasurement measurement;

  if (nb_role_of_command ((const char *const *)command, &subject->role))
    subject->role = nb_role_in_place (subject->role, subject->in_app, subject->routed);
  if (!nb_measure (subject->process, browser, sockets, &measurement))
    return FALSE;
  nb_report_make (&measurement, subject->role, report_out);
  nb_measurement_clear (&measurement);
  return TRUE;
}

/*
 * A child gets its sandbox step by step after its fork: one that is bad and new is looked
 * at again. Its kind may change with its title until then. FALSE when it has ended.
 */
static gboolean
report_on (NbSubject *subject, const NbBrowser *browser, NbSockets *sockets,
           NbReport *report_out)
{
  NbMeasurement nothing = { .filters = -1, .descriptors.error = EAGAIN };

  for (int i = 0; i < MAX_TRIES; i++)
    {
      if (!nb_process_is_alive (subject->process))
        return FALSE;
      if (measure (subject, browser, sockets, report_out))
        {
          if (report_out->verdict != NB_VERDICT_BAD || is_settled (subject))
            return TRUE;
          nb_report_clear (report_out);
        }
      g_usleep (AGAIN_US);
    }
  for (int i = 0; i < NB_N_PROPERTIES; i++)
    nothing.findings[i].text = g_strdup ("it changed whenever it was looked at");
  nb_report_make (&nothing, subject->role, report_out);
  nb_measurement_clear (&nothing);
  return TRUE;
}

static void
audit_one (NbPrinter *printer, const NbFamily *family, NbSubject *subject,
           NbSockets *sockets)
{
  NbReport report;

  if (subject->type != NB_SUBJECT_CHILD)
    nb_print_stand_in (printer, family, subject);
  else if (report_on (subject, family->browsers->pdata[subject->browser], sockets, &report))
    {
      nb_print_report (printer, family, subject, &report);
      nb_report_clear (&report);
    }
}

/* --- all --- */

static int
status_of (const NbPrinter *printer, const Options *options, const NbFamily *family)
{
  if (printer->n_bad > 0)
    return NB_EXIT_BAD;
  if (printer->n_unmeasured > 0 || (options->all && family->missed > 0))
    return NB_EXIT_UNMEASURED;
  return printer->n == 0 ? NB_EXIT_NO_CHILD : 0;
}

/* What is not in the rows. */
static void
say_what_is_missing (const NbPrinter *printer, const Options *options,
                     const NbFamily *family)
{
  if (printer->n == 0)
    nb_log_error ("%s", options->all ? "no browser here has a child" : "it has ended");
  if (options->all && family->missed > 0)
    nb_log_error ("processes that cannot be looked at, and may be children: %u",
                  family->missed);
}

static NbPrintStyle
choose_style (const Options *options)
{
  if (options->json)
    return NB_PRINT_JSON;
  return nb_terminal_has_colours () ? NB_PRINT_COLOURS : NB_PRINT_TEXT;
}

static int
audit (const Options *options, const NbFamily *family)
{
  g_autoptr (NbSockets) sockets = open_sockets ();
  NbPrinter printer = { .style = choose_style (options) };
  int status;

  nb_print_begin (&printer, family);
  for (guint i = 0; i < family->subjects->len; i++)
    {
      NbSubject *subject = family->subjects->pdata[i];

      if (options->all || nb_process_get_pid (subject->process) == options->pid)
        audit_one (&printer, family, subject, sockets);
    }
  status = status_of (&printer, options, family);
  nb_print_end (&printer, status);
  say_what_is_missing (&printer, options, family);
  return status;
}

int
nb_command_audit (int argc, char **argv)
{
  Options options = { 0 };
  nb_autofd proc = open ("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autoptr (NbFamily) family = NULL;
  g_autoptr (GError) error = NULL;

  if (!parse (argc, argv, &options, &error))
    {
      nb_log_error ("%s", error->message);
      return NB_EXIT_USAGE;
    }
  family = nb_here_find (proc);
  if (family->browsers->len == 0)
    nb_here_say_why_nothing (family, "audit");
  else if (!options.all && nb_family_lookup (family, options.pid) == NULL)
    say_why_not (family, proc, options.pid);
  else
    return audit (&options, family);
  return NB_EXIT_NO_CHILD;
}

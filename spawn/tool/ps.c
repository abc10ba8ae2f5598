/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox ps: browsers, sub-sandboxes and children. It runs beside the browser, in its app:
 * what /proc does not tell, the browser's broker is asked for.
 */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/ps/tree.h"
#include "spawn/tool/commands.h"
#include "spawn/tool/here.h"
#include "spawn/tool/ps-print.h"
#include "spawn/tool/terminal.h"

enum
{
  ASK_MS = 2000, /* a broker answers within milliseconds, as its controllers do */
  REPAINT_MS = 2000,
};

typedef struct
{
  gboolean json, watch;
} Options;

static gboolean
parse (int argc, char **argv, Options *options, GError **error)
{
  const GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "for programs", NULL },
    { "watch", 0, 0, G_OPTION_ARG_NONE, &options->watch,
      "show it until q or Ctrl-C, anew every 2 seconds", NULL },
    { 0 },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  g_set_prgname ("nestbox ps");
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (
      context,
      "Lists the browsers of this app, their sub-sandboxes and the children in each:\n"
      "the PID that the browser knows, that in the sub-sandbox, kind, memory (pss, or rss\n"
      "where that may not be read), age, seccomp filters. Run it in the browser's app.");
  g_option_context_set_description (context, "Exit status: 0, 2 usage, 4 no browser.");
  if (!g_option_context_parse (context, &argc, &argv, error))
    return FALSE;
  if (argc == 1 && !(options->json && options->watch)
      && (!options->watch || isatty (STDOUT_FILENO)))
    return TRUE;
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                       argc > 1        ? "nestbox ps takes no arguments"
                       : options->json ? "--json or --watch, not both"
                                       : "--watch needs a terminal");
  return FALSE;
}

static NbPsStyle
choose_style (void)
{
  struct timespec now = { 0 };

  (void)clock_gettime (CLOCK_BOOTTIME, &now);
  return (NbPsStyle){ .colours = nb_terminal_has_colours (),
                      .utf8 = g_get_charset (NULL),
                      .now_ms
                      = (guint64)now.tv_sec * 1000 + (guint64)now.tv_nsec / 1000000 };
}

/* FALSE when there is no browser; said unless it is for a screen. */
static gboolean
list (GString *out, const Options *options)
{
  nb_autofd proc = open ("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_auto (GStrv) folders = nb_brokers_folders ();
  g_autoptr (GPtrArray) words = nb_brokers_ask ((const char *const *)folders, ASK_MS);
  g_autoptr (NbFamily) family = nb_here_find (proc);
  g_autoptr (GPtrArray) tree = nb_ps_tree (proc, family, words);
  NbPsStyle style = choose_style ();

  if (tree->len == 0 && !options->watch)
    nb_here_say_why_nothing (family, "look");
  if (options->json)
    nb_ps_print_json (out, tree, &style);
  else if (tree->len > 0 || options->watch)
    nb_ps_print_text (out, tree, &style);
  return tree->len > 0;
}

static void
draw_cb (GString *frame, gpointer data)
{
  if (!list (frame, data))
    g_string_append (frame, "no browser with children here\n");
}

int
nb_command_ps (int argc, char **argv)
{
  Options options = { 0 };
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  int watch_error;
  gboolean found;

  if (!parse (argc, argv, &options, &error))
    {
      nb_log_error ("%s", error->message);
      return NB_EXIT_USAGE;
    }
  if (options.watch)
    {
      watch_error = nb_terminal_watch (REPAINT_MS, draw_cb, &options);
      if (watch_error != 0)
        nb_log_error ("the terminal: %s", g_strerror (watch_error));
      return watch_error == 0 ? 0 : 1;
    }
  found = list (out, &options);
  (void)fputs (out->str, stdout);
  return found ? 0 : NB_EXIT_NO_CHILD;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox trace: what broker, helper and GPU router recorded of a browser that was started
 * by `nestbox run --trace=FILE`. Beside the browser it finds the file by itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/base/rendezvous.h"
#include "spawn/client/client.h"
#include "spawn/client/trace.h"
#include "spawn/ps/brokers.h"
#include "spawn/tool/commands.h"
#include "spawn/tool/terminal.h"
#include "spawn/tool/trace-print.h"

enum
{
  READ_BYTES = 65536,
};

typedef struct
{
  gboolean json, watch;
  const char *file; /* NULL: that of the browser here */
} Options;

typedef struct
{
  NbTracePrinter printer;
  GString *rest; /* of a line that is not whole yet */
  guint strange; /* lines that are none of a trace */
} Reader;

static gboolean
parse (int argc, char **argv, Options *options, GError **error)
{
  const GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json,
      "for programs: an object for each line", NULL },
    { "watch", 0, 0, G_OPTION_ARG_NONE, &options->watch,
      "go on until the browser has ended, or Ctrl-C", NULL },
    { 0 },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("[FILE]");

  g_set_prgname ("nestbox trace");
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (
      context,
      "Prints what was recorded of a browser that was started with `nestbox run\n"
      "--trace=FILE`: messages of zygotes, sub-sandboxes and helpers, decoded, with their\n"
      "sizes and how long answers took. Without FILE: of the browser in this app.");
  g_option_context_set_description (
      context, "Exit status: 0, 1 cannot be read, 2 usage, 4 no browser is traced here.");
  if (!g_option_context_parse (context, &argc, &argv, error))
    return FALSE;
  options->file = argc > 1 ? argv[1] : NULL;
  if (argc <= 2)
    return TRUE;
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                       "nestbox trace takes one file at most");
  return FALSE;
}

/* --- which --- */

static void
find_in (const char *folder, GPtrArray *found)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      char *path = g_build_filename (folder, name, NB_TRACE_FILE, NULL);

      if (g_str_has_prefix (name, NB_RENDEZVOUS_PREFIX) && access (path, R_OK) == 0)
        g_ptr_array_add (found, path);
      else
        g_free (path);
    }
  g_clear_pointer (&dir, g_dir_close);
}

/* Of all browsers here that are traced. */
static GPtrArray *
find_all (void)
{
  GPtrArray *found = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) folders = nb_brokers_folders ();

  for (char **folder = folders; *folder != NULL; folder++)
    find_in (*folder, found);
  return found;
}

/* NULL, after it was said why. */
static char *
choose (const Options *options)
{
  g_autoptr (GPtrArray) found = options->file == NULL ? find_all () : NULL;

  if (found == NULL)
    return g_strdup (options->file);
  if (found->len == 1)
    return g_strdup (found->pdata[0]);
  if (found->len == 0)
    nb_log_error ("no browser is traced here; start it with `nestbox run --trace=FILE`, "
                  "and look in its app");
  else
    nb_log_error ("%u browsers are traced here; name a file, such as %s", found->len,
                  (const char *)found->pdata[0]);
  return NULL;
}

/* --- reading --- */

static void
print_lines (Reader *reader)
{
  g_autoptr (GString) out = g_string_new (NULL);
  char *from = reader->rest->str, *end;

  while ((end = strchr (from, '\n')) != NULL)
    {
      *end = '\0';
      reader->strange += !nb_trace_print (&reader->printer, from, out);
      from = end + 1;
    }
  g_string_erase (reader->rest, 0, from - reader->rest->str);
  (void)fputs (out->str, stdout);
  (void)fflush (stdout);
}

/* What there is by now. 0 or -errno. */
static int
read_on (Reader *reader, int fd)
{
  char bytes[READ_BYTES];
  ssize_t got;

  while ((got = read (fd, bytes, sizeof bytes)) > 0)
    {
      g_string_append_len (reader->rest, bytes, got);
      print_lines (reader);
    }
  return got < 0 ? -errno : 0;
}

/* Until the broker has said that it ended; nobody knows when it was killed. */
static int
follow (Reader *reader, int fd, const char *path)
{
  nb_autofd changes = inotify_init1 (IN_CLOEXEC);
  char events[4096];
  int result = 0;

  if (changes < 0 || inotify_add_watch (changes, path, IN_MODIFY) < 0)
    return -errno;
  result = read_on (reader, fd);
  while (result == 0 && !reader->printer.is_ended)
    {
      if (read (changes, events, sizeof events) < 0 && errno != EINTR)
        return -errno;
      result = read_on (reader, fd);
    }
  return result;
}

static int
print_file (const Options *options, const char *path)
{
  Reader reader = { .printer = NB_TRACE_PRINTER_INIT, .rest = g_string_new (NULL) };
  nb_autofd fd = open (path, O_RDONLY | O_CLOEXEC);
  int result = fd < 0 ? -errno : 0;

  reader.printer.json = options->json;
  reader.printer.colours = !options->json && nb_terminal_has_colours ();
  if (result == 0)
    result = read_on (&reader, fd);
  if (result == 0 && options->watch && !reader.printer.is_ended)
    result = follow (&reader, fd, path);
  if (result < 0)
    nb_log_error ("%s: %s", path, g_strerror (-result));
  else if (reader.strange > 0)
    nb_log_error ("%s: %u lines are none of a trace, and left out", path, reader.strange);
  g_string_free (reader.rest, TRUE);
  return result < 0 || reader.strange > 0 ? NB_EXIT_BAD : 0;
}

int
nb_command_trace (int argc, char **argv)
{
  Options options = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;

  if (!parse (argc, argv, &options, &error))
    {
      nb_log_error ("%s", error->message);
      return NB_EXIT_USAGE;
    }
  path = choose (&options);
  return path != NULL ? print_file (&options, path) : NB_EXIT_NO_CHILD;
}

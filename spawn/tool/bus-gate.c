/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox bus-gate: what a policy gives a child on the session bus; and, executed by the
 * broker, the endpoint of one child: it tries the proxy that is there and becomes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/flatpak-level.h"
#include "spawn/base/log.h"
#include "spawn/base/macros.h"
#include "spawn/bus-gate/policy.h"
#include "spawn/bus-gate/proxy-check.h"
#include "spawn/tool/commands.h"

enum
{
  MAX_DESCRIPTORS = 256, /* of a proxy: two for each connection of its one child */
};

typedef struct
{
  gboolean check, log;
  char *app, *socket;
  int fd; /* the broker's, -1 with check */
} Options;

/* --- command line --- */

static gboolean
parse (int *argc, char ***argv, Options *options, GError **error)
{
  const GOptionEntry entries[] = {
    { "check", 0, 0, G_OPTION_ARG_NONE, &options->check,
      "try the proxy that is there as well", NULL },
    { "app", 0, 0, G_OPTION_ARG_STRING, &options->app,
      "for this app; default: the one here", "ID" },
    { "socket", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &options->socket, "",
      NULL },
    { "fd", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT, &options->fd, "", NULL },
    { "log", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &options->log, "", NULL },
    { 0 },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("POLICY");

  g_set_prgname ("nestbox bus-gate");
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (
      context,
      "Prints what a policy, a file, gives a child on the session bus: the options of\n"
      "xdg-dbus-proxy. What is never given is refused, with the line and the reason.");
  g_option_context_set_description (
      context, "Exit status: 0, 1 refused or cannot be relied on, 2 usage.");
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (*argc == 2 && (options->socket == NULL || options->fd > STDERR_FILENO))
    return TRUE;
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                       "one policy: nestbox bus-gate [--check] [--app=ID] POLICY");
  return FALSE;
}

/* --- the policy --- */

static char **
compile (const char *path, const Options *options)
{
  NbFlatpakInfo info = { .level = NB_FLATPAK_NONE };
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  gsize size = 0;
  char **compiled;

  (void)nb_flatpak_info_read (NB_FLATPAK_INFO, &info);
  if (!g_file_get_contents (path, &text, &size, &error))
    {
      nb_log_error ("%s", error->message);
      return NULL;
    }
  if (strlen (text) != size)
    {
      nb_log_error ("%s: it has a NUL byte; write plain ASCII", path);
      return NULL;
    }
  compiled = nb_bus_policy_compile (text, options->app != NULL ? options->app : info.app_id,
                                    &error);
  if (compiled == NULL)
    nb_log_error ("%s: %s", path, error->message);
  return compiled;
}

/* --- the proxy --- */

/* The app's own comes first: a runtime may be older. */
static const char *
find_proxy (void)
{
  static const char *const places[]
      = { "/app/bin/xdg-dbus-proxy", "/app/libexec/xdg-dbus-proxy",
          "/usr/bin/xdg-dbus-proxy" };
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < NB_ARRAY_SIZE (places); i++)
    if (access (places[i], X_OK) == 0)
      {
        if (nb_proxy_check (places[i], &error))
          return places[i];
        nb_log_error ("%s", error->message);
        return NULL;
      }
  nb_log_error ("there is no xdg-dbus-proxy; bundle it in the app, " NB_PROXY_ADVICE);
  return NULL;
}

static char *
bus_address (void)
{
  const char *address = g_getenv ("DBUS_SESSION_BUS_ADDRESS");

  return address != NULL ? g_strdup (address)
                         : g_strdup_printf ("unix:path=%s/bus", g_get_user_runtime_dir ());
}

/* Arguments that NUL bytes end, which the proxy reads from a descriptor. */
static int
write_arguments (const char *socket, char **compiled, gboolean log)
{
  g_autofree char *address = bus_address ();
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  nb_autofd fd = memfd_create ("bus-gate", MFD_CLOEXEC);

  g_byte_array_append (bytes, (const guint8 *)address, (guint)strlen (address) + 1);
  g_byte_array_append (bytes, (const guint8 *)socket, (guint)strlen (socket) + 1);
  for (; *compiled != NULL; compiled++)
    g_byte_array_append (bytes, (const guint8 *)*compiled, (guint)strlen (*compiled) + 1);
  if (log)
    g_byte_array_append (bytes, (const guint8 *)"--log", sizeof "--log");
  if (fd < 0 || write (fd, bytes->data, bytes->len) != (ssize_t)bytes->len
      || lseek (fd, 0, SEEK_SET) < 0 || nb_fd_set_cloexec (fd, false) < 0)
    return -1;
  return nb_fd_steal (&fd);
}

/* Returns only on failure. The broker reads of fd when it listens, and ends it by that. */
static int
become_proxy (const char *program, const Options *options, char **compiled)
{
  const struct rlimit limit = { MAX_DESCRIPTORS, MAX_DESCRIPTORS };
  int arguments = write_arguments (options->socket, compiled, options->log);
  g_autofree char *alive = g_strdup_printf ("--fd=%d", options->fd),
                  *from = g_strdup_printf ("--args=%d", arguments);
  const char *argv[] = { program, alive, from, NULL };

  if (arguments < 0 || setrlimit (RLIMIT_NOFILE, &limit) < 0)
    {
      nb_log_error ("the proxy cannot be started: %s", g_strerror (errno));
      return NB_EXIT_BAD;
    }
  (void)unsetenv ("G_DEBUG"); /* makes an end of its warnings */
  (void)execv (program, (char **)argv);
  nb_log_error ("%s: %s", program, g_strerror (errno));
  return NB_EXIT_BAD;
}

int
nb_command_bus_gate (int argc, char **argv)
{
  Options options = { .fd = -1 };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) compiled = NULL;
  const char *program = NULL;
  int status = NB_EXIT_BAD;

  if (!parse (&argc, &argv, &options, &error))
    {
      nb_log_error ("%s", error->message);
      status = NB_EXIT_USAGE;
    }
  else
    compiled = compile (argv[1], &options);
  if (compiled != NULL && (options.check || options.socket != NULL))
    program = find_proxy ();
  if (program != NULL && options.socket != NULL)
    status = become_proxy (program, &options, compiled);
  else if (compiled != NULL && (program != NULL || !options.check))
    {
      for (char **option = compiled; *option != NULL; option++)
        (void)printf ("%s\n", *option);
      status = 0;
    }
  g_free (options.app);
  g_free (options.socket);
  return status;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/tool/restart.h"

#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <unistd.h>

#include "spawn/base/log.h"
#include "spawn/portal/portal-names.h"

#ifndef NB_BINDIR
#  error "where nestbox is installed is not defined"
#endif

enum
{
  DEADLINE_MS = 10000,
};

/* One option a line, as they are kept for a restart. */
char **
nb_restart_command (const char *wrapper, const char *options, char *const *browser)
{
  GPtrArray *words = g_ptr_array_new ();
  g_auto (GStrv) lines = g_strsplit (options, "\n", -1);

  if (wrapper != NULL && g_path_is_absolute (wrapper))
    g_ptr_array_add (words, g_strdup (wrapper));
  else
    {
      g_ptr_array_add (words, g_strdup (NB_BINDIR "/nestbox"));
      g_ptr_array_add (words, g_strdup ("run"));
      for (char **line = lines; *line != NULL; line++)
        if (**line != '\0')
          g_ptr_array_add (words, g_strdup (*line));
      g_ptr_array_add (words, g_strdup ("--"));
      g_ptr_array_add (words, g_strdup (browser[0]));
    }
  for (char *const *word = browser + 1; *word != NULL; word++)
    g_ptr_array_add (words, g_strdup (*word));
  g_ptr_array_add (words, NULL);
  return (char **)g_ptr_array_free (words, FALSE);
}

static GVariant *
standard_descriptors (GUnixFDList *list, GError **error)
{
  GVariantBuilder map;

  g_variant_builder_init (&map, G_VARIANT_TYPE ("a{uh}"));
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    {
      int handle = g_unix_fd_list_append (list, fd, error);

      if (handle < 0)
        {
          g_variant_builder_clear (&map);
          return NULL;
        }
      g_variant_builder_add (&map, "{uh}", (guint32)fd, handle);
    }
  return g_variant_builder_end (&map);
}

/*
 * The app's other variables are of its own start: Flatpak makes them again. Neither SANDBOX
 * nor NO_NETWORK: this is no sub-sandbox.
 */
static GVariant *
spawn_arguments (const char *const *command, GVariant *descriptors)
{
  GVariantBuilder environment;
  const char *debug = g_getenv ("NESTBOX_DEBUG");

  g_variant_builder_init (&environment, G_VARIANT_TYPE ("a{ss}"));
  if (debug != NULL && g_utf8_validate (debug, -1, NULL))
    g_variant_builder_add (&environment, "{ss}", "NESTBOX_DEBUG", debug);
  return g_variant_new ("(^ay^aay@a{uh}@a{ss}u@a{sv})", "", command, descriptors,
                        g_variant_builder_end (&environment), NB_SPAWN_LATEST_VERSION,
                        g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0));
}

static GDBusConnection *
connect_to_bus (GError **error)
{
  GDBusConnection *bus = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, error);

  if (bus != NULL)
    g_dbus_connection_set_exit_on_close (bus, FALSE);
  return bus;
}

gboolean
nb_restart_in_latest (const char *const *command, GError **error)
{
  g_autoptr (GDBusConnection) bus = connect_to_bus (error);
  g_autoptr (GUnixFDList) list = g_unix_fd_list_new ();
  g_autoptr (GVariant) answer = NULL;
  GVariant *descriptors = bus != NULL ? standard_descriptors (list, error) : NULL;

  if (descriptors == NULL)
    return FALSE;
  answer = g_dbus_connection_call_with_unix_fd_list_sync (
      bus, NB_PORTAL_NAME, NB_PORTAL_PATH, NB_PORTAL_INTERFACE, "Spawn",
      spawn_arguments (command, descriptors), G_VARIANT_TYPE ("(u)"),
      G_DBUS_CALL_FLAGS_NONE, DEADLINE_MS, list, NULL, NULL, error);
  if (answer == NULL && error != NULL && *error != NULL)
    (void)g_dbus_error_strip_remote_error (*error);
  return answer != NULL;
}

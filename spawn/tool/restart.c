/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox restart: has the portal run a command in a new instance of the app, for
 * `nestbox run --restart=latest`, which itself does without D-Bus.
 */
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <unistd.h>

#include "spawn/base/log.h"
#include "spawn/portal/portal-names.h"
#include "spawn/tool/commands.h"

enum
{
  DEADLINE_MS = 10000,
};

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

/* With this process's standard descriptors. The instance has the app's rights: it is it. */
static gboolean
restart (const char *const *command, GError **error)
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

int
nb_command_restart (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;

  if (argc < 2 || !g_path_is_absolute (argv[1]))
    {
      nb_log_error ("nestbox restart is executed by `nestbox run` alone");
      return NB_EXIT_USAGE;
    }
  if (restart ((const char *const *)argv + 1, &error))
    return 0;
  nb_log_error ("the browser restarts in this version of the app, because the newest "
                "cannot be had: %s",
                error->message);
  return NB_EXIT_REFUSED;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fault-portal FAULT: owns the Flatpak portal's name on the session bus and misbehaves.
 *
 *   old       version 2, without the `supports` property
 *   set-uid   version 6, supports 0
 *   refuse    Spawn is answered by an error
 *   silent    nothing is ever answered
 *   hang      Spawn is answered, and nothing follows
 *   exit      Spawn is answered, SpawnExited follows, with a line on the sandbox's stderr
 *   early     as exit, but SpawnExited comes before the answer
 *   stranger  as hang, with a SpawnExited from a connection that is not the portal's
 */
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char introspection[]
    = "<node><interface name='org.freedesktop.portal.Flatpak'>"
      "<property name='version' type='u' access='read'/>"
      "<property name='supports' type='u' access='read'/>"
      "<method name='Spawn'><arg type='ay' direction='in'/><arg type='aay' direction='in'/>"
      "<arg type='a{uh}' direction='in'/><arg type='a{ss}' direction='in'/>"
      "<arg type='u' direction='in'/><arg type='a{sv}' direction='in'/>"
      "<arg type='u' direction='out'/></method>"
      "<method name='SpawnSignal'><arg type='u' direction='in'/><arg type='u' "
      "direction='in'/>"
      "<arg type='b' direction='in'/></method>"
      "<signal name='SpawnExited'><arg type='u'/><arg type='u'/></signal>"
      "</interface></node>";

enum
{
  PID = 4711, /* the handle of every Spawn */
};

static const char *fault;

static gboolean
is (const char *name)
{
  return strcmp (fault, name) == 0;
}

static void
emit_exited (GDBusConnection *connection, const char *target)
{
  (void)g_dbus_connection_emit_signal (connection, target,
                                       "/org/freedesktop/portal/Flatpak",
                                       "org.freedesktop.portal.Flatpak", "SpawnExited",
                                       g_variant_new ("(uu)", PID, 256U), NULL);
  (void)g_dbus_connection_flush_sync (connection, NULL, NULL);
}

static void
emit_as_stranger (const char *target)
{
  g_autoptr (GDBusConnection) other = g_dbus_connection_new_for_address_sync (
      g_getenv ("DBUS_SESSION_BUS_ADDRESS"),
      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
          | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
      NULL, NULL, NULL);

  if (other != NULL)
    emit_exited (other, target);
}

/* As bubblewrap would: the only diagnosis there is. */
static void
complain (GDBusMethodInvocation *invocation)
{
  GUnixFDList *list
      = g_dbus_message_get_unix_fd_list (g_dbus_method_invocation_get_message (invocation));
  int fd = list != NULL ? g_unix_fd_list_get (list, 2, NULL) : -1;

  if (fd < 0)
    return;
  (void)!write (fd, "bwrap: no such luck\n", strlen ("bwrap: no such luck\n"));
  (void)close (fd);
}

/* A sandbox that hangs holds what it was given. */
static void
keep_fds (GDBusMethodInvocation *invocation)
{
  (void)g_object_ref (
      g_dbus_message_get_unix_fd_list (g_dbus_method_invocation_get_message (invocation)));
}

static void
method_cb (GDBusConnection *connection, const char *sender, const char *path,
           const char *interface, const char *method, GVariant *parameters,
           GDBusMethodInvocation *invocation, gpointer data)
{
  (void)path, (void)interface, (void)parameters, (void)data;
  if (is ("silent"))
    return;
  if (strcmp (method, "Spawn") != 0)
    {
      g_dbus_method_invocation_return_value (invocation, NULL);
      return;
    }
  if (is ("refuse"))
    {
      g_dbus_method_invocation_return_error_literal (
          invocation, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED, "Spawning is not for you");
      return;
    }
  if (is ("hang") || is ("stranger"))
    keep_fds (invocation);
  if (is ("exit") || is ("early"))
    complain (invocation);
  if (is ("early"))
    emit_exited (connection, sender);
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(u)", PID));
  if (is ("exit"))
    emit_exited (connection, sender);
  if (is ("stranger"))
    emit_as_stranger (sender);
}

static GVariant *
property_cb (GDBusConnection *connection, const char *sender, const char *path,
             const char *interface, const char *property, GError **error, gpointer data)
{
  gboolean version = strcmp (property, "version") == 0;

  (void)connection, (void)sender, (void)path, (void)interface, (void)error, (void)data;
  if (is ("old"))
    return g_variant_new_uint32 (version ? 2 : 0);
  return g_variant_new_uint32 (version ? 6 : !is ("set-uid"));
}

/* Swallows every call before it gets an answer, also for properties. */
static GDBusMessage *
silence_cb (GDBusConnection *connection, GDBusMessage *message, gboolean incoming,
            gpointer data)
{
  (void)connection, (void)data;
  if (incoming
      && g_dbus_message_get_message_type (message) == G_DBUS_MESSAGE_TYPE_METHOD_CALL)
    {
      g_object_unref (message);
      return NULL;
    }
  return message;
}

static void
bus_acquired_cb (GDBusConnection *connection, const char *name, gpointer data)
{
  static const GDBusInterfaceVTable vtable
      = { .method_call = method_cb, .get_property = property_cb };
  GDBusNodeInfo *info = g_dbus_node_info_new_for_xml (introspection, NULL);

  (void)name, (void)data;
  if (is ("silent"))
    (void)g_dbus_connection_add_filter (connection, silence_cb, NULL, NULL);
  (void)g_dbus_connection_register_object (connection, "/org/freedesktop/portal/Flatpak",
                                           info->interfaces[0], &vtable, NULL, NULL, NULL);
}

int
main (int argc, char **argv)
{
  GMainLoop *loop = g_main_loop_new (NULL, FALSE);

  fault = argc > 1 ? argv[1] : "";
  (void)g_bus_own_name (G_BUS_TYPE_SESSION, "org.freedesktop.portal.Flatpak",
                        G_BUS_NAME_OWNER_FLAGS_NONE, bus_acquired_cb, NULL, NULL, NULL,
                        NULL);
  g_main_loop_run (loop);
  return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/portal/portal-client.h"

#include <signal.h>

#include "spawn/base/log.h"
#include "spawn/portal/portal-reply.h"

struct _NbPortal
{
  GObject parent;
  GDBusConnection *connection; /* private; NULL until connected */
  char *owner;                 /* unique name of the portal; NULL until probed */
  gboolean is_lost;            /* that one has ended, and no other was seen yet */
  NbPortalFeatures features;
  GCancellable *cancellable;
  guint exited_subscription;
  guint owner_subscription;
};

G_DEFINE_TYPE (NbPortal, nb_portal, G_TYPE_OBJECT)

enum
{
  SIGNAL_SPAWN_EXITED,
  SIGNAL_LOST,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

static void
nb_portal_dispose (GObject *object)
{
  NbPortal *portal = NB_PORTAL (object);

  g_cancellable_cancel (portal->cancellable);
  if (portal->connection != NULL)
    {
      g_dbus_connection_signal_unsubscribe (portal->connection,
                                            portal->exited_subscription);
      g_dbus_connection_signal_unsubscribe (portal->connection, portal->owner_subscription);
      g_signal_handlers_disconnect_by_data (portal->connection, portal);
      g_clear_object (&portal->connection);
    }
  g_clear_object (&portal->cancellable);
  g_clear_pointer (&portal->owner, g_free);
  G_OBJECT_CLASS (nb_portal_parent_class)->dispose (object);
}

static void
nb_portal_class_init (NbPortalClass *class)
{
  G_OBJECT_CLASS (class)->dispose = nb_portal_dispose;
  signals[SIGNAL_SPAWN_EXITED]
      = g_signal_new ("spawn-exited", G_TYPE_FROM_CLASS (class), G_SIGNAL_RUN_LAST, 0, NULL,
                      NULL, NULL, G_TYPE_NONE, 2, G_TYPE_UINT, G_TYPE_UINT);
  signals[SIGNAL_LOST] = g_signal_new ("lost", G_TYPE_FROM_CLASS (class), G_SIGNAL_RUN_LAST,
                                       0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
nb_portal_init (NbPortal *portal)
{
  portal->cancellable = g_cancellable_new ();
}

NbPortal *
nb_portal_new (void)
{
  return g_object_new (NB_TYPE_PORTAL, NULL);
}

const NbPortalFeatures *
nb_portal_get_features (NbPortal *portal)
{
  return &portal->features;
}

/* --- what comes unasked --- */

static void
spawn_exited_cb (GDBusConnection *connection, const char *sender, const char *path,
                 const char *interface, const char *signal, GVariant *parameters,
                 gpointer data)
{
  NbPortal *portal = data;
  guint pid, wait_status;

  (void)connection, (void)path, (void)interface, (void)signal;
  if (g_strcmp0 (sender, portal->owner) != 0
      || !nb_portal_parse_exited (parameters, &pid, &wait_status))
    return;
  nb_log_debug (NB_LOG_PORTAL, "SpawnExited pid=%u status=0x%x", pid, wait_status);
  g_signal_emit (portal, signals[SIGNAL_SPAWN_EXITED], 0, pid, wait_status);
}

/*
 * SpawnExited is sent to our unique name, so it needs no match rule at the bus and
 * nothing is waited for here.
 */
static void
subscribe_to_owner (NbPortal *portal)
{
  portal->exited_subscription = g_dbus_connection_signal_subscribe (
      portal->connection, portal->owner, NB_PORTAL_INTERFACE, "SpawnExited", NB_PORTAL_PATH,
      NULL, G_DBUS_SIGNAL_FLAGS_NO_MATCH_RULE, spawn_exited_cb, portal, NULL);
}

/* It ends when it is idle or updated, is started anew, and never gets older. */
static void
take_up (NbPortal *portal, const char *owner)
{
  nb_log_debug (NB_LOG_PORTAL, "the Flatpak portal is back: owner=%s", owner);
  g_dbus_connection_signal_unsubscribe (portal->connection, portal->exited_subscription);
  g_free (portal->owner);
  portal->owner = g_strdup (owner);
  portal->is_lost = FALSE;
  subscribe_to_owner (portal);
}

static void
owner_changed_cb (GDBusConnection *connection, const char *sender, const char *path,
                  const char *interface, const char *signal, GVariant *parameters,
                  gpointer data)
{
  NbPortal *portal = data;

  const char *owner;

  (void)connection, (void)sender, (void)path, (void)interface, (void)signal;
  if (nb_portal_parse_owner_lost (parameters, portal->owner))
    {
      portal->is_lost = TRUE;
      g_signal_emit (portal, signals[SIGNAL_LOST], 0, "the Flatpak portal ended");
    }
  owner = nb_portal_parse_new_owner (parameters);
  if (portal->is_lost && owner != NULL)
    take_up (portal, owner);
}

static void
closed_cb (GDBusConnection *connection, gboolean vanished, GError *error, gpointer data)
{
  (void)connection, (void)vanished, (void)error;
  g_signal_emit (data, signals[SIGNAL_LOST], 0, "the session bus ended");
}

static void
subscribe (NbPortal *portal)
{
  subscribe_to_owner (portal);
  portal->owner_subscription = g_dbus_connection_signal_subscribe (
      portal->connection, "org.freedesktop.DBus", "org.freedesktop.DBus",
      "NameOwnerChanged", "/org/freedesktop/DBus", NB_PORTAL_NAME, G_DBUS_SIGNAL_FLAGS_NONE,
      owner_changed_cb, portal, NULL);
}

/* --- probe --- */

typedef struct
{
  gint64 deadline_us;
  GCancellable *connecting; /* cancelled at the deadline: GDBus has none for this step */
  guint timer;
} Probe;

static void
probe_free (gpointer data)
{
  Probe *probe = data;

  g_clear_handle_id (&probe->timer, g_source_remove);
  g_clear_object (&probe->connecting);
  g_free (probe);
}

static gboolean
connecting_too_long_cb (gpointer data)
{
  Probe *probe = data;

  probe->timer = 0;
  g_cancellable_cancel (probe->connecting);
  return G_SOURCE_REMOVE;
}

static int
milliseconds_left (const Probe *probe)
{
  gint64 left = (probe->deadline_us - g_get_monotonic_time ()) / 1000;

  return left < 1 ? 1 : (int)left;
}

/* Why no call was answered, where not even an error came back. */
static void
return_unanswered (GTask *task, const GError *error)
{
  g_autofree char *why = nb_portal_describe_error (error);

  g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                           "the Flatpak portal does not answer: %s", why);
}

static void
properties_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  NbPortal *portal = g_task_get_source_object (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusMessage) reply = g_dbus_connection_send_message_with_reply_finish (
      G_DBUS_CONNECTION (source), result, &error);

  if (reply == NULL)
    {
      return_unanswered (task, error);
      return;
    }
  portal->owner = nb_portal_parse_probe (reply, &portal->features, &error);
  if (portal->owner == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  nb_log_debug (NB_LOG_PORTAL, "portal version=%u supports=0x%x owner=%s",
                portal->features.version, portal->features.supports, portal->owner);
  subscribe (portal);
  g_task_return_boolean (task, TRUE);
}

static void
connected_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  NbPortal *portal = g_task_get_source_object (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusMessage) call = NULL;
  GDBusConnection *connection = g_dbus_connection_new_for_address_finish (result, &error);
  Probe *probe = g_task_get_task_data (task);
  int timeout_ms = milliseconds_left (probe);

  (void)source;
  if (connection == NULL)
    {
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                               "no connection to the session bus: %s",
                               probe->timer == 0 ? "it does not answer" : error->message);
      return;
    }
  g_clear_handle_id (&probe->timer, g_source_remove);
  portal->connection = connection;
  g_signal_connect (connection, "closed", G_CALLBACK (closed_cb), portal);
  call = g_dbus_message_new_method_call (NB_PORTAL_NAME, NB_PORTAL_PATH,
                                         "org.freedesktop.DBus.Properties", "GetAll");
  g_dbus_message_set_body (call, g_variant_new ("(s)", NB_PORTAL_INTERFACE));
  g_dbus_connection_send_message_with_reply (
      connection, call, G_DBUS_SEND_MESSAGE_FLAGS_NONE, timeout_ms, NULL,
      portal->cancellable, properties_cb, g_steal_pointer (&task));
}

static char *
bus_address (void)
{
  const char *address = g_getenv ("DBUS_SESSION_BUS_ADDRESS");
  const char *runtime_dir = g_getenv ("XDG_RUNTIME_DIR");

  if (address != NULL && *address != '\0')
    return g_strdup (address);
  return runtime_dir != NULL ? g_strdup_printf ("unix:path=%s/bus", runtime_dir) : NULL;
}

void
nb_portal_probe_async (NbPortal *portal, guint deadline_ms, GAsyncReadyCallback callback,
                       gpointer data)
{
  g_autoptr (GTask) task = g_task_new (portal, portal->cancellable, callback, data);
  g_autofree char *address = bus_address ();
  Probe *probe = g_new0 (Probe, 1);

  probe->deadline_us = g_get_monotonic_time () + (gint64)deadline_ms * 1000;
  probe->connecting = g_cancellable_new ();
  probe->timer = g_timeout_add (deadline_ms, connecting_too_long_cb, probe);
  g_task_set_task_data (task, probe, probe_free);
  if (address == NULL)
    {
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                               "there is no session bus");
      return;
    }
  g_dbus_connection_new_for_address (address,
                                     G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                         | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                     NULL, probe->connecting, connected_cb,
                                     g_steal_pointer (&task));
}

gboolean
nb_portal_probe_finish (NbPortal *portal, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, portal), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* --- Spawn and SpawnSignal --- */

static void
spawned_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish (
      G_DBUS_CONNECTION (source), NULL, result, &error);
  guint pid;

  if (reply == NULL)
    {
      gboolean silent = nb_portal_is_unanswered (error);
      g_autofree char *why = nb_portal_describe_error (error);

      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_FAILED,
                               "the Flatpak portal %s a sub-sandbox: %s",
                               silent ? "does not answer a request for" : "refused", why);
      return;
    }
  g_variant_get (reply, "(u)", &pid);
  if (pid == 0)
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                             "the Flatpak portal's answer makes no sense");
  else
    g_task_return_int (task, pid);
}

void
nb_portal_spawn_async (NbPortal *portal, const NbSpawnRequest *request, guint deadline_ms,
                       GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (portal, portal->cancellable, callback, data);
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GError) error = NULL;
  GVariant *parameters = nb_spawn_request_build (request, &portal->features, &fds, &error);

  if (parameters == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  g_dbus_connection_call_with_unix_fd_list (
      portal->connection, portal->is_lost ? NB_PORTAL_NAME : portal->owner, NB_PORTAL_PATH,
      NB_PORTAL_INTERFACE, "Spawn", parameters, G_VARIANT_TYPE ("(u)"),
      portal->is_lost ? G_DBUS_CALL_FLAGS_NONE : G_DBUS_CALL_FLAGS_NO_AUTO_START,
      (int)deadline_ms, fds, portal->cancellable, spawned_cb, g_steal_pointer (&task));
}

gboolean
nb_portal_spawn_finish (NbPortal *portal, GAsyncResult *result, guint *pid_out,
                        GError **error)
{
  gssize pid;

  g_return_val_if_fail (g_task_is_valid (result, portal), FALSE);
  pid = g_task_propagate_int (G_TASK (result), error);
  if (pid < 0)
    return FALSE;
  *pid_out = (guint)pid;
  return TRUE;
}

/* Without the group only the outer bubblewrap would end (flatpak-portal.c). */
void
nb_portal_kill (NbPortal *portal, guint pid)
{
  if (portal->connection == NULL)
    return;
  nb_log_debug (NB_LOG_PORTAL, "SpawnSignal pid=%u SIGKILL", pid);
  g_dbus_connection_call (portal->connection, portal->owner, NB_PORTAL_PATH,
                          NB_PORTAL_INTERFACE, "SpawnSignal",
                          g_variant_new ("(uub)", pid, (guint)SIGKILL, TRUE), NULL,
                          G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lib/nb-portal.h"

#include <gio/gunixfdlist.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/portal/portal-names.h"
#include "tests/lib/nb-test.h"

static const char introspection[]
    = "<node><interface name='org.freedesktop.portal.Flatpak'>"
      "<property name='version' type='u' access='read'/>"
      "<property name='supports' type='u' access='read'/>"
      "<method name='Spawn'><arg type='ay' direction='in'/><arg type='aay' direction='in'/>"
      "<arg type='a{uh}' direction='in'/><arg type='a{ss}' direction='in'/>"
      "<arg type='u' direction='in'/><arg type='a{sv}' direction='in'/>"
      "<arg type='u' direction='out'/></method>"
      "<method name='SpawnSignal'><arg type='u' direction='in'/>"
      "<arg type='u' direction='in'/><arg type='b' direction='in'/></method>"
      "</interface></node>";

enum
{
  OUTPUT_FD = 2,
  CHANNEL_FD = 3,
  QUIET_MS = 50,
};

/* Of the program: kept open from nb_test_portal_init() on. */
static GDBusConnection *bus, *strangers_bus;
static guint registration;
static pthread_mutex_t caller_lock = PTHREAD_MUTEX_INITIALIZER; /* as TSan sees it */
static char *caller; /* unique name of who asked last; signals go to it alone */
static NbTestPortal behaviour;
static GDBusMethodInvocation *unanswered; /* holds descriptors */
static GAsyncQueue *spawns, *kills;

static GDBusConnection *
connect_to_bus (void)
{
  GDBusConnection *connection = g_dbus_connection_new_for_address_sync (
      g_getenv ("DBUS_SESSION_BUS_ADDRESS"),
      G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
          | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
      NULL, NULL, NULL);

  g_assert_nonnull (connection);
  return connection;
}

/*
 * GDBus closes in its own thread what it opened for a synchronous call, and says so to
 * nobody: it is over when nothing has changed for a while.
 */
static void
let_gdbus_close (void)
{
  guint before = 0;

  for (int same = 0; same < QUIET_MS; same++)
    {
      g_autoptr (GDir) folder = g_dir_open ("/proc/self/fd", 0, NULL);
      guint n = 0;

      while (g_dir_read_name (folder) != NULL)
        n++;
      same = n == before ? same : 0;
      before = n;
      g_usleep (G_TIME_SPAN_MILLISECOND);
    }
}

void
nb_test_portal_init (int argc, char **argv)
{
  g_autofree char *config = nb_test_data_path ("bus.conf");
  g_autoptr (GPtrArray) again = g_ptr_array_new ();

  if (g_getenv ("NESTBOX_TEST_BUS") == NULL)
    {
      g_ptr_array_add (again, (char *)"dbus-run-session");
      g_ptr_array_add (again, (char *)"--config-file");
      g_ptr_array_add (again, config);
      g_ptr_array_add (again, (char *)"--");
      for (int i = 0; i < argc; i++)
        g_ptr_array_add (again, argv[i]);
      g_ptr_array_add (again, NULL);
      (void)g_setenv ("NESTBOX_TEST_BUS", "1", TRUE);
      execvp ("dbus-run-session", (char **)again->pdata);
      g_error ("dbus-run-session cannot be executed: is the package dbus installed?");
    }
  nb_test_warm_up_gio ();
  bus = connect_to_bus ();
  strangers_bus = connect_to_bus ();
  spawns = g_async_queue_new ();
  kills = g_async_queue_new ();
  let_gdbus_close ();
}

/*
 * GLib's locks are system calls that ThreadSanitizer does not see; what is handed from one
 * thread to the other is told to it here.
 */
extern void __tsan_release (void *address) __attribute__ ((weak));
extern void __tsan_acquire (void *address) __attribute__ ((weak));

static void
hand_over (GAsyncQueue *queue, gpointer item)
{
  if (__tsan_release != NULL)
    __tsan_release (queue);
  g_async_queue_push (queue, item);
}

/* --- what it is asked --- */

void
nb_test_portal_emit_exited (guint handle, guint wait_status)
{
  GDBusConnection *from = behaviour.by_stranger ? strangers_bus : bus;
  g_autofree char *target = NULL;

  (void)pthread_mutex_lock (&caller_lock);
  target = g_strdup (caller);
  (void)pthread_mutex_unlock (&caller_lock);
  (void)g_dbus_connection_emit_signal (from, target, NB_PORTAL_PATH, NB_PORTAL_INTERFACE,
                                       "SpawnExited",
                                       g_variant_new ("(uu)", handle, wait_status), NULL);
  (void)g_dbus_connection_flush_sync (from, NULL, NULL);
}

static void
note_spawn (GDBusMethodInvocation *invocation, GVariant *parameters)
{
  GUnixFDList *list
      = g_dbus_message_get_unix_fd_list (g_dbus_method_invocation_get_message (invocation));
  g_autoptr (GVariant) argv = g_variant_get_child_value (parameters, 1);
  NbTestSpawn *spawn = g_new0 (NbTestSpawn, 1);

  g_assert_nonnull (list);
  g_assert_cmpint (g_unix_fd_list_get_length (list), ==, CHANNEL_FD + 1);
  spawn->output = g_unix_fd_list_get (list, OUTPUT_FD, NULL);
  spawn->channel = g_unix_fd_list_get (list, CHANNEL_FD, NULL);
  g_variant_get_child (parameters, 4, "u", &spawn->flags);
  g_variant_get_child (argv, 0, "^ay", &spawn->argv0);
  hand_over (spawns, spawn);
}

static void
answer_spawn (GDBusMethodInvocation *invocation)
{
  guint handle = behaviour.handle != 0 ? behaviour.handle : NB_TEST_HANDLE;

  if (behaviour.is_silent)
    {
      unanswered = invocation;
      return;
    }
  if (behaviour.refusal != NULL)
    {
      g_dbus_method_invocation_return_error_literal (
          invocation, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED, behaviour.refusal);
      return;
    }
  if (behaviour.exits_early)
    nb_test_portal_emit_exited (handle, 256);
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(u)", handle));
  if (behaviour.exits)
    nb_test_portal_emit_exited (handle, 256);
}

static void
method_cb (GDBusConnection *connection, const char *sender, const char *path,
           const char *interface, const char *method, GVariant *parameters,
           GDBusMethodInvocation *invocation, gpointer data)
{
  guint handle;

  (void)connection, (void)path, (void)interface, (void)data;
  (void)pthread_mutex_lock (&caller_lock);
  g_free (caller);
  caller = g_strdup (sender);
  (void)pthread_mutex_unlock (&caller_lock);
  if (strcmp (method, "Spawn") == 0)
    {
      note_spawn (invocation, parameters);
      answer_spawn (invocation);
      return;
    }
  g_variant_get_child (parameters, 0, "u", &handle);
  hand_over (kills, GUINT_TO_POINTER (handle));
  g_dbus_method_invocation_return_value (invocation, NULL);
}

static GVariant *
property_cb (GDBusConnection *connection, const char *sender, const char *path,
             const char *interface, const char *property, GError **error, gpointer data)
{
  (void)connection, (void)sender, (void)path, (void)interface, (void)error, (void)data;
  return g_variant_new_uint32 (strcmp (property, "version") == 0 ? behaviour.version
                                                                 : behaviour.supports);
}

/* Swallows what asks for properties before it gets an answer. In GDBus's thread. */
static GDBusMessage *
filter_cb (GDBusConnection *connection, GDBusMessage *message, gboolean incoming,
           gpointer data)
{
  (void)connection;
  if (incoming && g_atomic_int_get ((gint *)data)
      && g_strcmp0 (g_dbus_message_get_member (message), "GetAll") == 0)
    {
      g_object_unref (message);
      return NULL;
    }
  return message;
}

/* --- the name --- */

static void
call_bus (const char *method, GVariant *parameters)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_sync (
      bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", method,
      parameters, G_VARIANT_TYPE ("(u)"), G_DBUS_CALL_FLAGS_NONE, NB_TEST_DEADLINE_MS, NULL,
      &error);

  g_assert_no_error (error);
  g_assert_nonnull (reply);
}

void
nb_test_portal_start (const NbTestPortal *portal)
{
  static const GDBusInterfaceVTable vtable
      = { .method_call = method_cb, .get_property = property_cb };
  static gint swallow;
  static guint filter;
  g_autoptr (GDBusNodeInfo) info = g_dbus_node_info_new_for_xml (introspection, NULL);

  behaviour = *portal;
  g_atomic_int_set (&swallow, portal->no_properties); /* before the name is there */
  if (filter == 0)
    filter = g_dbus_connection_add_filter (bus, filter_cb, &swallow, NULL);
  registration = g_dbus_connection_register_object (
      bus, NB_PORTAL_PATH, info->interfaces[0], &vtable, NULL, NULL, NULL);
  g_assert_cmpuint (registration, !=, 0);
  call_bus ("RequestName", g_variant_new ("(su)", NB_PORTAL_NAME, 0U));
}

void
nb_test_portal_lose (void)
{
  call_bus ("ReleaseName", g_variant_new ("(s)", NB_PORTAL_NAME));
}

void
nb_test_portal_stop (void)
{
  NbTestSpawn *spawn;

  nb_test_portal_lose ();
  if (unanswered != NULL)
    g_dbus_method_invocation_return_value (unanswered, g_variant_new ("(u)", 0U));
  unanswered = NULL;
  (void)g_dbus_connection_unregister_object (bus, registration);
  while ((spawn = g_async_queue_try_pop (spawns)) != NULL)
    nb_test_spawn_free (spawn);
  while (g_async_queue_try_pop (kills) != NULL)
    ;
}

/* --- for the test --- */

static gpointer
take (GAsyncQueue *queue)
{
  gpointer item = g_async_queue_timeout_pop (queue, NB_TEST_DEADLINE_MS * 1000);

  g_assert_nonnull (item);
  if (__tsan_acquire != NULL)
    __tsan_acquire (queue);
  return item;
}

NbTestSpawn *
nb_test_portal_take_spawn (void)
{
  return take (spawns);
}

void
nb_test_spawn_free (NbTestSpawn *spawn)
{
  nb_fd_clear (&spawn->channel);
  nb_fd_clear (&spawn->output);
  g_free (spawn->argv0);
  g_free (spawn);
}

guint
nb_test_portal_take_kill (void)
{
  return GPOINTER_TO_UINT (take (kills));
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lib/nb-portal.h"

#include <fcntl.h>
#include <gio/gunixfdlist.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
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
  OTHERS_HANDLE = 100000, /* the first of those that nobody asked for */
};

/* From nb_test_portal_start() to nb_test_portal_stop(). */
static GDBusConnection *bus, *strangers_bus;
static guint registration;
static NbTestPortal behaviour;
static gint swallow; /* GetAll; read in GDBus's thread */
static guint n_spawns;
static GDBusMethodInvocation *unanswered; /* holds descriptors; under lock, as its handle */
static guint unanswered_handle;
/* Of the program. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* as TSan sees it */
static char *caller; /* unique name of who asked last; signals go to it alone */
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

static void
disconnect (GDBusConnection **connection)
{
  if (*connection != NULL)
    (void)g_dbus_connection_close_sync (*connection, NULL, NULL);
  g_clear_object (connection);
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

/* The pipe's end that the address is written to is all that it is given. */
static void
become_bus (gconstpointer data)
{
  int told = *(const int *)data;
  g_autofree char *config = nb_test_data_path ("bus.conf");
  g_autofree char *print = g_strdup_printf ("--print-address=%d", told);

  /* It tidies up, which it would not at SIGKILL. */
  nb_test_child_check (prctl (PR_SET_PDEATHSIG, SIGTERM) == 0
                       && fcntl (told, F_SETFD, 0) == 0);
  (void)execlp ("dbus-daemon", "dbus-daemon", "--nofork", "--config-file", config, print,
                (char *)NULL);
  nb_test_child_verify (FALSE, __FILE__, __LINE__,
                        "dbus-daemon: is the package installed?");
}

/* It ends with this process, however that ends. */
static void
start_bus (void)
{
  int ends[2];
  g_autofree char *address = NULL;

  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  (void)nb_test_fork_beside (become_bus, &ends[1]);
  nb_fd_clear (&ends[1]);
  address = g_strstrip (nb_test_read_all (ends[0]));
  g_assert_cmpstr (address, !=, "");
  (void)g_setenv ("DBUS_SESSION_BUS_ADDRESS", address, TRUE);
}

void
nb_test_portal_init (void)
{
  start_bus ();
  (void)nb_log_init (g_getenv ("NESTBOX_DEBUG"));
  nb_test_warm_up_gio ();
  bus = connect_to_bus ();
  disconnect (&bus);
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

/* --- the bus --- */

static GVariant *
ask (GDBusConnection *connection, const char *who, const char *method, GVariant *parameters)
{
  g_autoptr (GError) error = NULL;
  const char *interface = strcmp (method, "Ping") == 0 ? "org.freedesktop.DBus.Peer"
                                                       : "org.freedesktop.DBus";
  GVariant *reply = g_dbus_connection_call_sync (
      connection, who, "/org/freedesktop/DBus", interface, method, parameters, NULL,
      G_DBUS_CALL_FLAGS_NONE, NB_TEST_DEADLINE_MS, NULL, &error);

  g_assert_no_error (error);
  return reply;
}

static void
call_bus (GDBusConnection *connection, const char *method, GVariant *parameters)
{
  g_variant_unref (ask (connection, "org.freedesktop.DBus", method, parameters));
}

/* --- what it says unasked --- */

static char *
get_caller (void)
{
  char *name;

  (void)pthread_mutex_lock (&lock);
  name = g_strdup (caller);
  (void)pthread_mutex_unlock (&lock);
  return name;
}

static void
emit (GDBusConnection *from, const char *signal, guint handle, guint number)
{
  g_autofree char *target = get_caller ();

  (void)g_dbus_connection_emit_signal (from, target, NB_PORTAL_PATH, NB_PORTAL_INTERFACE,
                                       signal, g_variant_new ("(uu)", handle, number),
                                       NULL);
  (void)g_dbus_connection_flush_sync (from, NULL, NULL);
}

void
nb_test_portal_emit_exited (guint handle, guint wait_status)
{
  emit (behaviour.by_stranger ? strangers_bus : bus, "SpawnExited", handle, wait_status);
}

/* How often on this side of the answer. */
static guint
count (NbTestWhen when, gboolean before)
{
  if (when == NB_TEST_AROUND)
    return 1;
  if (before)
    return when == NB_TEST_BEFORE;
  return when == NB_TEST_TWICE ? 2 : when == NB_TEST_AFTER;
}

/* One side of the answer. */
static void
emit_beside_answer (GDBusConnection *from, const NbTestPortal *now, guint handle,
                    gboolean before)
{
  GDBusConnection *exits_from = now->by_stranger ? strangers_bus : from;

  for (guint i = 0; before && i < now->exits_of_others; i++)
    emit (from, "SpawnExited", OTHERS_HANDLE + i, 0);
  for (guint i = count (now->starts, before); i > 0; i--)
    emit (from, "SpawnStarted", handle, now->started_pid);
  for (guint i = count (now->exits, before); i > 0; i--)
    emit (exits_from, "SpawnExited", handle, 256);
}

/* --- what it is asked --- */

static NbTestSpawn *
note_spawn (GDBusMethodInvocation *invocation, GVariant *parameters, guint handle)
{
  GUnixFDList *list
      = g_dbus_message_get_unix_fd_list (g_dbus_method_invocation_get_message (invocation));
  g_autoptr (GVariant) argv = g_variant_get_child_value (parameters, 1);
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 5);
  g_autoptr (GVariant) unset = g_variant_lookup_value (options, "unset-env", NULL);
  NbTestSpawn *spawn = g_new0 (NbTestSpawn, 1);

  g_assert_nonnull (list);
  g_assert_cmpint (g_unix_fd_list_get_length (list), ==, CHANNEL_FD + 1);
  spawn->output = g_unix_fd_list_get (list, OUTPUT_FD, NULL);
  spawn->channel = g_unix_fd_list_get (list, CHANNEL_FD, NULL);
  spawn->unsets = unset != NULL;
  spawn->handle = handle;
  g_variant_get_child (parameters, 4, "u", &spawn->flags);
  (void)g_variant_lookup (options, "sandbox-flags", "u", &spawn->sandbox_flags);
  g_variant_get_child (argv, 0, "^ay", &spawn->argv0);
  return spawn;
}

static void
keep_back (GDBusMethodInvocation *invocation, guint handle, NbTestLoss loss)
{
  GDBusConnection *connection = g_dbus_method_invocation_get_connection (invocation);

  (void)pthread_mutex_lock (&lock);
  unanswered = invocation;
  unanswered_handle = handle;
  (void)pthread_mutex_unlock (&lock);
  if (loss == NB_TEST_LOSES_NAME)
    call_bus (connection, "ReleaseName", g_variant_new ("(s)", NB_PORTAL_NAME));
  else if (loss == NB_TEST_DIES)
    (void)g_dbus_connection_close_sync (connection, NULL, NULL);
}

static void
answer_spawn (GDBusMethodInvocation *invocation, const NbTestPortal *now, guint handle)
{
  g_autoptr (GDBusConnection) connection
      = g_object_ref (g_dbus_method_invocation_get_connection (invocation));

  if (now->is_silent || now->loss != NB_TEST_STAYS)
    {
      keep_back (invocation, handle, now->loss);
      return;
    }
  if (now->refusal != NULL)
    {
      g_dbus_method_invocation_return_error_literal (
          invocation, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED, now->refusal);
      return;
    }
  emit_beside_answer (connection, now, handle, TRUE);
  g_dbus_method_invocation_return_value (
      invocation, g_variant_new ("(u)", now->no_handle ? 0 : handle));
  emit_beside_answer (connection, now, handle, FALSE);
}

static void
handle_spawn (GDBusMethodInvocation *invocation, GVariant *parameters)
{
  const NbTestPortal *now
      = n_spawns > 0 && behaviour.second != NULL ? behaviour.second : &behaviour;
  guint handle = (now->handle != 0 ? now->handle : NB_TEST_HANDLE) + n_spawns++;

  NbTestSpawn *spawn
      = now->refuses_later ? NULL : note_spawn (invocation, parameters, handle);

  answer_spawn (invocation, now, handle);
  if (spawn != NULL)
    hand_over (spawns, spawn);
}

static void
method_cb (GDBusConnection *connection, const char *sender, const char *path,
           const char *interface, const char *method, GVariant *parameters,
           GDBusMethodInvocation *invocation, gpointer data)
{
  guint handle;

  (void)connection, (void)path, (void)interface, (void)data;
  (void)pthread_mutex_lock (&lock);
  g_free (caller);
  caller = g_strdup (sender);
  (void)pthread_mutex_unlock (&lock);
  if (strcmp (method, "Spawn") == 0)
    {
      handle_spawn (invocation, parameters);
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
  (void)connection, (void)data;
  if (incoming && g_atomic_int_get (&swallow)
      && g_strcmp0 (g_dbus_message_get_member (message), "GetAll") == 0)
    {
      g_object_unref (message);
      return NULL;
    }
  return message;
}

/* --- the name --- */

/* Calls come to the main thread, whichever this one is. */
static void
own_name (void)
{
  static const GDBusInterfaceVTable vtable
      = { .method_call = method_cb, .get_property = property_cb };
  g_autoptr (GDBusNodeInfo) info = g_dbus_node_info_new_for_xml (introspection, NULL);

  bus = connect_to_bus ();
  (void)g_dbus_connection_add_filter (bus, filter_cb, NULL, NULL);
  registration = g_dbus_connection_register_object (
      bus, NB_PORTAL_PATH, info->interfaces[0], &vtable, NULL, NULL, NULL);
  g_assert_cmpuint (registration, !=, 0);
  call_bus (bus, "RequestName", g_variant_new ("(su)", NB_PORTAL_NAME, 0U));
}

void
nb_test_portal_start (const NbTestPortal *portal)
{
  behaviour = *portal;
  n_spawns = 0;
  g_atomic_int_set (&swallow, portal->no_properties); /* before the name is there */
  strangers_bus = connect_to_bus ();
  own_name ();
}

/* GDBus answers in its thread, and hands on first what came before. */
void
nb_test_portal_sync (void)
{
  g_autofree char *name = get_caller ();

  g_variant_unref (ask (bus, name, "Ping", NULL));
}

void
nb_test_portal_lose (void)
{
  call_bus (bus, "ReleaseName", g_variant_new ("(s)", NB_PORTAL_NAME));
  nb_test_portal_sync ();
}

void
nb_test_portal_restart (void)
{
  disconnect (&bus);
  own_name ();
  nb_test_portal_sync ();
}

void
nb_test_portal_end_bus (void)
{
  g_autoptr (GVariant) reply
      = ask (bus, "org.freedesktop.DBus", "GetConnectionUnixProcessID",
             g_variant_new ("(s)", "org.freedesktop.DBus"));
  guint pid;

  g_variant_get (reply, "(u)", &pid);
  g_assert_cmpint (kill ((pid_t)pid, SIGTERM), ==, 0); /* it removes its socket */
}

static gboolean
answer_kept_back (void)
{
  GDBusMethodInvocation *invocation;
  guint handle;

  (void)pthread_mutex_lock (&lock);
  invocation = g_steal_pointer (&unanswered);
  handle = unanswered_handle;
  (void)pthread_mutex_unlock (&lock);
  if (invocation != NULL)
    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(u)", handle));
  return invocation != NULL;
}

void
nb_test_portal_answer (void)
{
  g_assert_true (answer_kept_back ());
  nb_test_portal_sync ();
}

void
nb_test_portal_stop (void)
{
  NbTestSpawn *spawn;

  (void)answer_kept_back ();
  (void)g_dbus_connection_unregister_object (bus, registration);
  disconnect (&bus);
  disconnect (&strangers_bus);
  while ((spawn = nb_test_portal_try_spawn ()) != NULL)
    nb_test_spawn_free (spawn);
  while (g_async_queue_try_pop (kills) != NULL)
    ;
}

gboolean
nb_test_bus_drops (int n_fds)
{
  GDBusConnection *connection = connect_to_bus ();
  g_autoptr (GUnixFDList) list = g_unix_fd_list_new ();
  g_autoptr (GVariant) reply = NULL;

  for (int i = 0; i < n_fds; i++)
    g_assert_cmpint (g_unix_fd_list_append (list, STDERR_FILENO, NULL), ==, i);
  reply = g_dbus_connection_call_with_unix_fd_list_sync (
      connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
      "org.freedesktop.DBus.Peer", "Ping", NULL, NULL, G_DBUS_CALL_FLAGS_NONE,
      NB_TEST_DEADLINE_MS, list, NULL, NULL, NULL);
  disconnect (&connection);
  return reply == NULL;
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

NbTestSpawn *
nb_test_portal_try_spawn (void)
{
  NbTestSpawn *spawn = g_async_queue_try_pop (spawns);

  if (__tsan_acquire != NULL)
    __tsan_acquire (spawns);
  return spawn;
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

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bus-host POLICY [--pair] [COMMAND...]: a host of libnestbox with a service on the session
 * bus. One child, or with --pair two, each run COMMAND by a shell, with an endpoint by
 * POLICY, standard output as here, CHILD telling which it is, as $0, and with --pair one
 * end of a socket pair as number 9. Says of each what became of it.
 *
 * bus-host give: as such a child, connects to its endpoint and hands that to the other.
 * bus-host take: calls the service on what it is handed.
 */
#include <gio/gio.h>
#include <gio/gunixconnection.h>
#include <glib-unix.h>
#include <nestbox.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "zygote/wire/channel.h"

#define NAME "org.nestbox.Chromium.Service"
#define OPEN_PATH "/org/nestbox/Service/open/x"
#define CLOSED_PATH "/org/nestbox/Service/closed"

enum
{
  PAIR_FD = 9,
  EVERY_MS = 100,
};

static struct
{
  NestboxConnection *connection;
  GDBusConnection *bus;
  GMainLoop *loop;
  char **words; /* of the command line, from the policy on */
  int ends[2];
  int left; /* children that run */
  gboolean launched;
} host = { .ends = { -1, -1 } };

/* --- the service --- */

static void
called (GDBusConnection *connection, const char *sender, const char *path,
        const char *interface, const char *method, GVariant *parameters,
        GDBusMethodInvocation *invocation, gpointer data)
{
  (void)connection, (void)sender, (void)interface, (void)parameters, (void)data;
  g_dbus_method_invocation_return_value (
      invocation, g_variant_new ("(s)", g_strcmp0 (method, "Get") == 0 ? path : "secret"));
}

static gboolean
signal_cb (gpointer data)
{
  static const char *const paths[] = { OPEN_PATH, CLOSED_PATH };

  (void)data;
  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      (void)g_dbus_connection_emit_signal (host.bus, NULL, paths[i], "org.nestbox.Service",
                                           "Changed", NULL, NULL);
      (void)g_dbus_connection_emit_signal (host.bus, NULL, paths[i], "org.nestbox.Service",
                                           "Hidden", NULL, NULL);
    }
  return G_SOURCE_CONTINUE;
}

static void
add_interface (const char *path, const char *name)
{
  static const GDBusInterfaceVTable table = { .method_call = called };
  g_autofree char *xml
      = g_strdup_printf ("<node><interface name='%s'><method name='Get'><arg type='s' "
                         "direction='out'/></method><method name='Secret'><arg type='s' "
                         "direction='out'/></method></interface></node>",
                         name);
  g_autoptr (GDBusNodeInfo) info = g_dbus_node_info_new_for_xml (xml, NULL);

  (void)g_dbus_connection_register_object (host.bus, path, info->interfaces[0], &table,
                                           NULL, NULL, NULL);
}

/* --- children --- */

static void
launch (const char *who, int end)
{
  const char *argv[] = { "/bin/sh", "-c", host.words[1], who, NULL };
  NestboxFd fds[] = { { STDOUT_FILENO, 1 }, { STDOUT_FILENO, 2 }, { end, PAIR_FD } };
  NestboxLaunch request = { .kind = NESTBOX_KIND_WORKER,
                            .argv = argv,
                            .fds = fds,
                            .n_fds = end >= 0 ? 3 : 2,
                            .bus_policy = host.words[0] };
  NestboxFailure failure;

  if (nestbox_connection_launch (host.connection, &request, &failure) == 0)
    g_error ("%s", failure.text);
  host.left++;
}

static void
name_acquired_cb (GDBusConnection *bus, const char *name, gpointer data)
{
  (void)bus, (void)name, (void)data;
  if (host.launched)
    return;
  host.launched = TRUE;
  launch ("first", host.ends[0]);
  if (host.ends[1] < 0)
    return;
  launch ("second", host.ends[1]);
  (void)close (host.ends[0]);
  (void)close (host.ends[1]);
}

static void
tell (const NestboxEvent *event)
{
  if (event->type == NESTBOX_EVENT_STARTED)
    g_print ("child %u started\n", event->child);
  else if (event->type == NESTBOX_EVENT_EXITED)
    g_print ("child %u exited %d\n", event->child, event->wait_status);
  else if (event->type == NESTBOX_EVENT_FAILED)
    g_print ("child %u failed: %s\n", event->child, event->failure.text);
  host.left -= event->type == NESTBOX_EVENT_EXITED || event->type == NESTBOX_EVENT_FAILED;
}

static gboolean
event_cb (int fd, GIOCondition condition, gpointer data)
{
  NestboxEvent event;
  int result;

  (void)fd, (void)condition, (void)data;
  while ((result = nestbox_connection_dispatch (host.connection, &event)) > 0)
    tell (&event);
  if (result < 0 || (host.launched && host.left == 0))
    g_main_loop_quit (host.loop);
  return result == 0;
}

static int
be_host (void)
{
  NestboxFailure failure;
  g_autoptr (GError) error = NULL;

  host.connection = nestbox_connection_open (&failure);
  if (host.connection == NULL)
    g_error ("%s", failure.text);
  host.bus = g_bus_get_sync (G_BUS_TYPE_SESSION, NULL, &error);
  if (host.bus == NULL)
    g_error ("%s", error->message);
  host.loop = g_main_loop_new (NULL, FALSE);
  add_interface (OPEN_PATH, "org.nestbox.Service");
  add_interface (OPEN_PATH, "org.nestbox.Other");
  add_interface (CLOSED_PATH, "org.nestbox.Service");
  (void)g_unix_fd_add (nestbox_connection_get_fd (host.connection), G_IO_IN, event_cb,
                       NULL);
  (void)g_timeout_add (EVERY_MS, signal_cb, NULL);
  (void)g_bus_own_name_on_connection (host.bus, NAME, G_BUS_NAME_OWNER_FLAGS_NONE,
                                      name_acquired_cb, NULL, NULL, NULL);
  g_main_loop_run (host.loop);
  nestbox_connection_close (host.connection);
  return 0;
}

/* --- as a child --- */

static int
give (void)
{
  const char *address = g_getenv ("DBUS_SESSION_BUS_ADDRESS");
  struct sockaddr_un name = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  char byte;

  g_assert (address != NULL && g_str_has_prefix (address, "unix:path="));
  (void)g_strlcpy (name.sun_path, strchr (address, '/'), sizeof name.sun_path);
  if (connect (fd, (struct sockaddr *)&name, sizeof name) < 0
      || nb_channel_send (PAIR_FD, "x", 1, &fd, 1) < 0)
    return 1;
  /* Its endpoint ends with it: it stays until the other has gone. */
  (void)!read (PAIR_FD, &byte, 1);
  return 0;
}

static int
take (void)
{
  static NbPacket packet;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GSocketConnection) stream = NULL;
  g_autoptr (GDBusConnection) bus = NULL;
  g_autoptr (GVariant) answer = NULL;

  if (nb_channel_receive (PAIR_FD, &packet) != 1)
    return 1;
  socket = g_socket_new_from_fd (nb_packet_steal_fd (&packet, 0), &error);
  if (socket == NULL)
    return 1;
  stream = g_socket_connection_factory_create_connection (socket);
  bus = g_dbus_connection_new_sync (G_IO_STREAM (stream), NULL,
                                    G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                        | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                    NULL, NULL, &error);
  if (bus != NULL)
    answer = g_dbus_connection_call_sync (bus, NAME, OPEN_PATH, "org.nestbox.Service",
                                          "Get", NULL, NULL, G_DBUS_CALL_FLAGS_NONE, 5000,
                                          NULL, &error);
  g_print ("taken: %s\n", answer != NULL ? "answered" : error->message);
  return answer == NULL;
}

int
main (int argc, char **argv)
{
  if (argc == 2 && strcmp (argv[1], "give") == 0)
    return give ();
  if (argc == 2 && strcmp (argv[1], "take") == 0)
    return take ();
  host.words = argv + 1;
  if (argc == 4 && strcmp (argv[2], "--pair") == 0)
    {
      if (nb_channel_pair (host.ends) < 0)
        return 1;
      argv[2] = argv[1];
      host.words = argv + 2;
    }
  else if (argc != 3)
    return 2;
  return be_host ();
}

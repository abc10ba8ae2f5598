/* SPDX-License-Identifier: BSD-3-Clause */
/* libnestbox: the broker that a host starts for itself, and where others find that. */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/rendezvous.h"
#include "tests/lib/nb-broker.h"
#include "tests/lib/nb-host.h"
#include "tests/lib/nb-test.h"

static const NbTestPortal good_portal = { .version = 6, .supports = 1 };

/* --- the folder in which it is found --- */

/* Where brokers are found: those of hosts in this folder, which is to be empty after. */
static char *
use_runtime_folder (void)
{
  char *folder = g_dir_make_tmp ("nestbox-test-XXXXXX", NULL);

  g_assert_true (g_setenv ("XDG_RUNTIME_DIR", folder, TRUE));
  return folder;
}

static guint
count_entries (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  g_assert_nonnull (dir);
  while (g_dir_read_name (dir) != NULL)
    n++;
  g_dir_close (dir);
  return n;
}

static void
drop_runtime_folder (char *folder)
{
  g_unsetenv ("XDG_RUNTIME_DIR");
  g_assert_cmpint (g_rmdir (folder), ==, 0); /* it is empty */
  g_free (folder);
}

/* By what is in it: a folder with a socket. The connection. */
static int
connect_beside (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  g_autofree char *path = NULL;

  g_assert_nonnull (dir);
  path = g_build_filename (folder, g_dir_read_name (dir), NB_RENDEZVOUS_SOCKET, NULL);
  g_dir_close (dir);
  return nb_client_connect (path);
}

/* What `nestbox ps` and others do; who asks is told whose broker it is. */
static void
ask_beside (const char *folder)
{
  g_autofree NbMessage *message = g_new0 (NbMessage, 1);
  g_autofree NbPacket *packet = g_new (NbPacket, 1);
  nb_autofd client = connect_beside (folder);
  struct ucred peer = { 0 };
  socklen_t size = sizeof peer;

  g_assert_cmpint (client, >=, 0);
  g_assert_cmpint (getsockopt (client, SOL_SOCKET, SO_PEERCRED, &peer, &size), ==, 0);
  g_assert_cmpint (peer.pid, ==, getpid ());
  message->type = NB_MESSAGE_PROBE;
  message->serial = 1;
  message->version = NB_PROTOCOL_VERSION;
  g_assert_cmpint (nb_message_send (client, message, NULL, 0), ==, 0);
  nb_test_client_receive (client, packet, message);
  g_assert_cmpint (message->type, ==, NB_MESSAGE_PROBED);
  nb_packet_clear (packet);
}

/* The host's sub-sandbox is for the host's children. */
static void
ask_for_a_program (const char *folder)
{
  nb_autofd client = connect_beside (folder);

  nb_test_client_ask (client, 1, NB_KIND_NONE);
  nb_test_client_expect_end (client);
}

/* --- tests --- */

static void
own_broker_script (NbTestBroker *broker, gconstpointer data)
{
  g_autofree char *program
      = g_build_filename (g_getenv ("NESTBOX_TEST_BUILD"), "nestbox-broker", NULL);
  unsigned n_children = nb_test_count_children (getpid ());
  NestboxConnection *connection;
  NestboxFailure failure;
  NestboxHandle child;
  const char *folder = data;

  nb_test_broker_greet (broker);
  connection = nb_connection_start_broker (program, &failure);
  if (connection == NULL)
    g_error ("%s", failure.text);
  g_assert_cmpuint (nb_test_count_children (getpid ()), ==, n_children);
  child = nb_test_host_launch (connection);
  nb_test_broker_greet (broker);
  (void)nb_test_host_expect (connection, NESTBOX_EVENT_READY, 0);
  ask_beside (folder);
  ask_for_a_program (folder);
  g_assert_cmphex (nestbox_connection_get_layers (connection, NESTBOX_KIND_GPU), !=, 0);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_EXEC);
  nb_test_broker_answer_exec (broker, 0);
  (void)nb_test_host_expect (connection, NESTBOX_EVENT_STARTED, child);
  nestbox_connection_close (connection);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_KILL);
  nb_test_broker_expect_end (broker);
  g_clear_pointer (&broker->spawns[1], nb_test_spawn_free);
  nb_test_broker_end (broker);
}

static void
test_own_broker (void)
{
  char *folder = use_runtime_folder ();

  nb_test_broker_run (&good_portal, NB_WALL_AUTO, NB_PIDS_AUTO, own_broker_script, folder);
  drop_runtime_folder (folder);
}

static void
test_no_program (void)
{
  char *folder = use_runtime_folder ();
  NestboxFailure failure;

  g_assert_null (nb_connection_start_broker ("/nowhere/nestbox", &failure));
  g_assert_cmpint (failure.code, ==, NESTBOX_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (failure.text, "/nowhere/nestbox: No such file"));
  g_assert_null (nb_connection_start_broker ("/nowhere/nestbox", NULL));
  drop_runtime_folder (folder);
}

/* What is executed is no broker, and ends at once. */
static void
test_wrong_program (void)
{
  char *folder = use_runtime_folder ();
  NestboxConnection *connection = nb_connection_start_broker ("/bin/true", NULL);

  g_assert_nonnull (connection);
  nb_test_host_expect_closed (connection);
  g_assert_cmpuint (count_entries (folder), ==, 1);
  nestbox_connection_close (connection);
  drop_runtime_folder (folder);
}

int
main (int argc, char **argv)
{
  nb_test_portal_init ();
  nb_test_init (&argc, &argv);
  nb_test_add ("/library-broker/own", test_own_broker);
  nb_test_add ("/library-broker/not-there", test_no_program);
  nb_test_add ("/library-broker/wrong", test_wrong_program);
  return g_test_run ();
}

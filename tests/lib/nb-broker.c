/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lib/nb-broker.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/flatpak-level.h"
#include "spawn/base/rendezvous.h"
#include "tests/lib/nb-test.h"

typedef struct
{
  NbTestBroker *broker;
  void (*script) (NbTestBroker *, gconstpointer);
  gconstpointer data;
} Script;

static void
end_at_once (gconstpointer data)
{
  (void)data;
}

/* The pidfd of what a broker then takes for the sandbox's pid 1, and knows to be gone. */
static int
make_ended_init (void)
{
  pid_t pid = nb_test_fork (end_at_once, NULL);
  int pidfd = (int)syscall (SYS_pidfd_open, pid, 0);

  g_assert_cmpint (pidfd, >=, 0);
  (void)nb_test_wait (pid);
  return pidfd;
}

static gpointer
run_script (gpointer data)
{
  const Script *script = data;

  script->script (script->broker, script->data);
  return NULL;
}

static guint
count_fds (void)
{
  g_autoptr (GDir) folder = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (folder) != NULL)
    n++;
  return n;
}

/* GDBus closes a connection in a thread of its own, and when its calls have ended. */
static void
settle (guint n_fds)
{
  gint64 deadline = g_get_monotonic_time () + NB_TEST_DEADLINE_MS * G_TIME_SPAN_MILLISECOND;

  while (count_fds () > n_fds)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      if (!g_main_context_iteration (NULL, FALSE))
        g_usleep (G_TIME_SPAN_MILLISECOND); /* there is no event to wait for */
    }
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* browser: an eventfd or a pidfd; taken over. */
static void
run_broker (int browser, const NbTestPortal *portal, NbBrokerOptions options,
            void (*script) (NbTestBroker *, gconstpointer), gconstpointer data)
{
  NbTestBroker *broker = g_new0 (NbTestBroker, 1);
  Script running = { .broker = broker, .script = script, .data = data };
  guint n_fds = count_fds () - 1;
  char path[NB_RENDEZVOUS_PATH];
  GThread *thread;

  options.listener = nb_rendezvous_make ("/tmp", path);
  g_assert_cmpint (options.listener, >=, 0);
  broker->socket = g_strdup (path);
  broker->directory = g_path_get_dirname (path);
  broker->browser = browser;
  broker->init = make_ended_init ();
  options.browser = nb_fd_dup (broker->browser, STDERR_FILENO + 1);
  if (portal != NULL)
    nb_test_portal_start (portal);
  thread = g_thread_new ("script", run_script, &running);
  g_assert_cmpint (nb_broker_run (&options), ==, 0);
  (void)g_thread_join (thread);
  if (portal != NULL)
    nb_test_portal_stop ();
  g_assert_cmpint (g_access (broker->directory, F_OK), ==, -1);
  nb_packet_clear (&broker->packet);
  for (size_t i = 0; i < NB_ARRAY_SIZE (broker->spawns); i++)
    g_clear_pointer (&broker->spawns[i], nb_test_spawn_free);
  nb_fd_clear (&broker->browser);
  nb_fd_clear (&broker->init);
  settle (n_fds);
  g_free (broker->directory);
  g_free (broker->socket);
  g_free (broker);
}

void
nb_test_broker_run (const NbTestPortal *portal, NbWall wall, NbPids pids,
                    void (*script) (NbTestBroker *, gconstpointer), gconstpointer data)
{
  run_broker (eventfd (0, EFD_CLOEXEC), portal,
              (NbBrokerOptions){ .host = -1, .sandboxes = { .wall = wall, .pids = pids } },
              script, data);
}

void
nb_test_broker_run_with (const NbTestPortal *portal, const NbSandboxOptions *sandboxes,
                         void (*script) (NbTestBroker *, gconstpointer), gconstpointer data)
{
  run_broker (eventfd (0, EFD_CLOEXEC), portal,
              (NbBrokerOptions){ .host = -1, .sandboxes = *sandboxes }, script, data);
}

void
nb_test_broker_run_for (pid_t browser, const NbTestPortal *portal,
                        void (*script) (NbTestBroker *, gconstpointer), gconstpointer data)
{
  int pidfd = (int)syscall (SYS_pidfd_open, browser, 0);

  g_assert_cmpint (pidfd, >=, 0);
  run_broker (pidfd, portal, (NbBrokerOptions){ .host = -1 }, script, data);
}

void
nb_test_broker_end (NbTestBroker *broker)
{
  guint64 one = 1;

  for (size_t i = 0; i < NB_ARRAY_SIZE (broker->spawns); i++)
    if (broker->spawns[i] != NULL)
      nb_test_portal_emit_exited (broker->spawns[i]->handle, 0);
  g_assert_cmpint (write (broker->browser, &one, sizeof one), ==, sizeof one);
}

/* --- as the controller --- */

NbMessage
nb_test_broker_hello (void)
{
  NbMessage message = { .type = NB_MESSAGE_HELLO };

  message.hello.version = NB_PROTOCOL_VERSION;
  message.hello.level = NB_FLATPAK_SUB_SANDBOX;
  message.hello.landlock_abi = 1;
  message.hello.seccomp = message.hello.no_new_privs = true;
  for (int i = 0; i < NB_N_NAMESPACES; i++)
    message.hello.namespaces[i] = 1; /* no namespace's */
  return message;
}

void
nb_test_broker_take_spawn (NbTestBroker *broker)
{
  size_t slot = broker->spawns[0] != NULL;

  g_assert_null (broker->spawns[slot]);
  broker->spawn = broker->spawns[slot] = nb_test_portal_take_spawn ();
}

void
nb_test_broker_greet (NbTestBroker *broker)
{
  NbMessage hello = nb_test_broker_hello ();

  nb_test_broker_take_spawn (broker);
  nb_test_broker_send (broker, &hello, broker->init);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_WELCOME);
}

void
nb_test_broker_send (NbTestBroker *broker, const NbMessage *message, int fd)
{
  g_assert_cmpint (nb_message_send (broker->spawn->channel, message, &fd, fd >= 0), ==, 0);
}

const NbMessage *
nb_test_broker_expect_any (NbTestBroker *broker)
{
  nb_packet_clear (&broker->packet);
  nb_test_client_receive (broker->spawn->channel, &broker->packet, &broker->message);
  return &broker->message;
}

const NbMessage *
nb_test_broker_expect (NbTestBroker *broker, NbMessageType type)
{
  (void)nb_test_broker_expect_any (broker);
  g_assert_cmpstr (nb_message_type_name (broker->message.type), ==,
                   nb_message_type_name (type));
  return &broker->message;
}

void
nb_test_broker_expect_end (NbTestBroker *broker)
{
  nb_test_client_expect_end (broker->spawn->channel);
}

void
nb_test_broker_answer_exec (NbTestBroker *broker, int error)
{
  NbMessage answer = { .type = NB_MESSAGE_RESULT };

  answer.serial = broker->message.serial;
  answer.child = broker->message.child;
  answer.result.error = error;
  answer.result.state = error == 0 ? NB_CHILD_RUNNING : NB_CHILD_NONE;
  answer.result.detail = nb_slice ("");
  nb_test_broker_send (broker, &answer, -1);
}

/* --- as a client --- */

static void
ask_for (int client, guint32 id, NbKind kind, const char *path)
{
  g_autofree NbMessage *message = g_new0 (NbMessage, 1);
  bool overflow = false;

  message->type = NB_MESSAGE_EXEC;
  message->serial = id + 1;
  message->child = id;
  message->exec.kind = kind;
  nb_strings_append (&message->exec.argv, path, &overflow);
  nb_strings_append (&message->exec.envp, "LANG=C", &overflow);
  nb_strings_append (&message->exec.envp, "LD_PRELOAD=/x", &overflow);
  g_assert_cmpint (nb_message_send (client, message, NULL, 0), ==, 0);
}

int
nb_test_broker_ask_for (NbTestBroker *broker, NbKind kind, const char *path)
{
  int client = nb_client_connect (broker->socket);

  g_assert_cmpint (client, >=, 0);
  ask_for (client, 0, kind, path);
  return client;
}

int
nb_test_broker_ask (NbTestBroker *broker, NbKind kind)
{
  return nb_test_broker_ask_for (broker, kind, "/app/bin/x");
}

void
nb_test_client_ask (int client, guint32 id, NbKind kind)
{
  ask_for (client, id, kind, "/app/bin/x");
}

void
nb_test_client_receive (int client, NbPacket *packet, NbMessage *message)
{
  packet->n_fds = 0;
  nb_test_wait_readable (client);
  g_assert_cmpint (nb_channel_receive (client, packet), ==, 1);
  g_assert_cmpint (nb_message_decode (packet, message), ==, 0);
}

void
nb_test_client_expect_result (int client, int error, const char *text)
{
  g_autofree NbPacket *packet = g_new (NbPacket, 1);
  g_autofree NbMessage *message = g_new (NbMessage, 1);
  g_autofree char *detail = NULL;

  nb_test_client_receive (client, packet, message);
  g_assert_cmpint (message->type, ==, NB_MESSAGE_RESULT);
  detail = g_strndup (message->result.detail.data, message->result.detail.length);
  if (message->result.error != error || strstr (detail, text) == NULL)
    g_error ("RESULT is %d \"%s\", not %d \"%s\"", message->result.error, detail, error,
             text);
  nb_packet_clear (packet);
}

void
nb_test_client_expect_exited (int client, int wait_status)
{
  g_autofree NbPacket *packet = g_new (NbPacket, 1);
  g_autofree NbMessage *message = g_new (NbMessage, 1);

  nb_test_client_receive (client, packet, message);
  g_assert_cmpint (message->type, ==, NB_MESSAGE_EXITED);
  g_assert_cmphex ((guint)message->wait_status, ==, (guint)wait_status);
  nb_packet_clear (packet);
}

static void
expect_of (int client, NbMessageType type, guint32 id, int value)
{
  g_autofree NbPacket *packet = g_new (NbPacket, 1);
  g_autofree NbMessage *message = g_new (NbMessage, 1);

  nb_test_client_receive (client, packet, message);
  g_assert_cmpstr (nb_message_type_name (message->type), ==, nb_message_type_name (type));
  g_assert_cmpuint (message->child, ==, id);
  g_assert_cmpint (type == NB_MESSAGE_EXITED ? message->wait_status : message->result.error,
                   ==, value);
  nb_packet_clear (packet);
}

void
nb_test_client_expect_result_of (int client, guint32 id, int error)
{
  expect_of (client, NB_MESSAGE_RESULT, id, error);
}

void
nb_test_client_expect_exited_of (int client, guint32 id, int wait_status)
{
  expect_of (client, NB_MESSAGE_EXITED, id, wait_status);
}

void
nb_test_client_expect_end (int client)
{
  g_autofree NbPacket *packet = g_new (NbPacket, 1);
  int result;

  nb_test_wait_readable (client);
  result = nb_channel_receive (client, packet);
  g_assert_true (result == 0 || result == -ECONNRESET);
}

/* It reads one message of each in turn; one that means nothing is hung up on. */
void
nb_test_broker_round_trip (NbTestBroker *broker)
{
  for (int i = 0; i < 3; i++)
    {
      nb_autofd client = nb_client_connect (broker->socket);

      g_assert_cmpint (client, >=, 0);
      (void)nb_channel_send (client, "x", 1, NULL, 0); /* there may be no place for it */
      nb_test_client_expect_end (client);
    }
}

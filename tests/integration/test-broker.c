/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A broker between controllers and clients, good ones and others. Portals:
 * test-broker-faults.c.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/flatpak-level.h"
#include "tests/lib/nb-broker.h"
#include "tests/lib/nb-test.h"

enum
{
  BROWSERS_PID = 4242,
  SCORE = 300,
  FEW_FDS = 64,
  MAX_CLIENTS = 32, /* zygote/PROTOCOL.md, section 12 */
};

static const NbTestPortal good_portal = { .version = 6, .supports = 1 };

static void
run (void (*script) (NbTestBroker *, gconstpointer))
{
  nb_test_broker_run (&good_portal, NB_WALL_AUTO, NB_PIDS_AUTO, script, NULL);
}

/* --- a program, from its request to its end --- */

static void
expect_exec (NbTestBroker *broker, NbKind kind)
{
  const NbMessage *message = nb_test_broker_expect (broker, NB_MESSAGE_EXEC);

  g_assert_cmpuint (message->serial, !=, 0);
  g_assert_cmpuint (message->serial, ==, message->child);
  g_assert_cmpint (message->exec.kind, ==, kind);
  g_assert_cmpuint (message->exec.argv.n, ==, 1);
  g_assert_cmpuint (message->exec.envp.n, ==, 1); /* LANG; LD_PRELOAD does not pass */
}

static void
end_program (NbTestBroker *broker, int client, int wait_status)
{
  NbMessage exited = { .type = NB_MESSAGE_EXITED, .child = broker->message.child };

  exited.wait_status = wait_status;
  nb_test_broker_send (broker, &exited, -1);
  nb_test_client_expect_exited (client, wait_status);
  g_assert_cmpuint (nb_test_broker_expect (broker, NB_MESSAGE_REAP)->child, ==,
                    exited.child);
}

static void
program_script (NbTestBroker *broker, gconstpointer data)
{
  NbMessage born = { .type = NB_MESSAGE_BORN };
  nb_autofd client = -1;

  (void)data;
  nb_test_broker_greet (broker);
  g_assert_false (broker->message.welcome.relay);
  client = nb_test_broker_ask (broker, NB_KIND_NONE);
  expect_exec (broker, NB_KIND_NONE);
  nb_test_broker_answer_exec (broker, 0);
  nb_test_client_expect_result (client, 0, "");
  born.child = broker->message.child;
  nb_test_broker_send (broker, &born, -1);
  end_program (broker, client, 7 << 8);
  nb_test_broker_end (broker);
  nb_test_broker_expect_end (broker);
}

static void
test_program (void)
{
  run (program_script);
}

/* The client may ask at once: it is served when the sandbox is ready. */
static void
early_client_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = nb_test_broker_ask (broker, NB_KIND_ZYGOTE);
  g_autofree NbPacket *packet = g_new (NbPacket, 1);
  g_autofree NbMessage *message = g_new (NbMessage, 1);

  (void)data;
  nb_test_broker_greet (broker);
  g_assert_true (broker->message.welcome.relay);
  expect_exec (broker, NB_KIND_ZYGOTE);
  g_assert_cmpuint (broker->message.exec.n_targets, ==, 1);
  g_assert_cmpint (broker->message.exec.targets[0], ==, NB_TARGET_LINK);
  nb_test_broker_answer_exec (broker, 0);
  nb_test_client_receive (client, packet, message);
  g_assert_cmpint (message->result.error, ==, 0);
  g_assert_cmpuint (packet->n_fds, ==, 1); /* the link */
  nb_packet_clear (packet);
  nb_test_broker_end (broker);
  nb_test_client_expect_exited (client, SIGKILL);
}

static void
test_early_client (void)
{
  nb_test_broker_run (&good_portal, NB_WALL_AUTO, NB_PIDS_STAND_IN, early_client_script,
                      NULL);
}

static void
failing_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = nb_test_broker_ask (broker, NB_KIND_NONE);

  (void)data;
  nb_test_broker_greet (broker);
  expect_exec (broker, NB_KIND_NONE);
  nb_test_broker_answer_exec (broker, ENOENT);
  nb_test_client_expect_result (client, ENOENT, "only /app and /usr exist: No such file");
  nb_test_broker_end (broker);
}

static void
test_program_fails (void)
{
  run (failing_script);
}

static void
too_large_script (NbTestBroker *broker, gconstpointer data)
{
  g_autofree NbMessage *message = g_new0 (NbMessage, 1);
  nb_autofd client = nb_client_connect (broker->socket);
  int fds[NB_CHANNEL_MAX_FDS] = { 0 };

  (void)data;
  message->type = NB_MESSAGE_EXEC;
  message->serial = 1;
  message->exec.kind = NB_KIND_ZYGOTE;
  message->exec.n_targets = NB_CHANNEL_MAX_FDS; /* no room for the link */
  g_assert_cmpint (nb_message_send (client, message, fds, NB_CHANNEL_MAX_FDS), ==, 0);
  nb_test_client_expect_result (client, ECONNREFUSED, "too large");
  nb_test_broker_greet (broker);
  nb_test_broker_end (broker);
}

static void
test_too_large (void)
{
  run (too_large_script);
}

/* --- clients that go --- */

static void
client_goes_script (NbTestBroker *broker, gconstpointer data)
{
  int unsent = nb_test_broker_ask (broker, NB_KIND_NONE), client;

  (void)data;
  nb_fd_clear (&unsent);
  nb_test_broker_round_trip (broker);
  nb_test_broker_greet (broker);
  client = nb_test_broker_ask (broker, NB_KIND_NONE);
  expect_exec (broker, NB_KIND_NONE); /* of this client, not the one that went */
  nb_test_broker_answer_exec (broker, 0);
  nb_test_client_expect_result (client, 0, "");
  nb_fd_clear (&client);
  g_assert_cmpint (nb_test_broker_expect (broker, NB_MESSAGE_KILL)->signal, ==, SIGKILL);
  nb_test_broker_end (broker);
}

static void
test_client_goes (void)
{
  run (client_goes_script);
}

static void
wrong_client_script (NbTestBroker *broker, gconstpointer data)
{
  static const NbMessage wrong[] = {
    { .type = NB_MESSAGE_OOM_ADJUST, .serial = 0 },
    { .type = NB_MESSAGE_PROBE, .serial = 0, .version = NB_PROTOCOL_VERSION },
    { .type = NB_MESSAGE_PROBE, .serial = 1, .version = NB_PROTOCOL_VERSION + 1 },
    { .type = NB_MESSAGE_STATUS, .serial = 1 },
    { .type = NB_MESSAGE_WELCOME, .serial = 1 },
  };

  (void)data;
  for (size_t i = 0; i < NB_ARRAY_SIZE (wrong); i++)
    {
      nb_autofd client = nb_client_connect (broker->socket);

      g_assert_cmpint (nb_message_send (client, &wrong[i], NULL, 0), ==, 0);
      nb_test_client_expect_end (client);
    }
  nb_test_broker_round_trip (broker); /* malformed */
  {
    nb_autofd client = nb_test_broker_ask (broker, NB_KIND_NONE);

    g_assert_cmpint (nb_message_send (client, &wrong[0], NULL, 0), ==, 0);
    nb_test_client_expect_end (client);
  }
  nb_test_broker_greet (broker);
  nb_test_broker_end (broker);
}

static void
test_wrong_clients (void)
{
  run (wrong_client_script);
}

/* One more than there may be is hung up on, and another one that ends makes room. */
static void
many_clients_script (NbTestBroker *broker, gconstpointer data)
{
  int clients[MAX_CLIENTS], more;

  (void)data;
  for (int i = 0; i < MAX_CLIENTS; i++)
    clients[i] = nb_test_broker_ask (broker, NB_KIND_NONE);
  more = nb_client_connect (broker->socket);
  nb_test_client_expect_end (more);
  nb_fd_clear (&more);
  nb_test_broker_greet (broker);
  for (int i = 0; i < MAX_CLIENTS; i++)
    {
      expect_exec (broker, NB_KIND_NONE);
      nb_test_broker_answer_exec (broker, ENOENT);
    }
  for (int i = 0; i < MAX_CLIENTS; i++)
    {
      nb_test_client_expect_result (clients[i], ENOENT, "");
      nb_fd_clear (&clients[i]);
    }
  nb_test_broker_end (broker);
}

static void
test_many_clients (void)
{
  run (many_clients_script);
}

/* Whoever comes when no descriptor is left is told so, and does not wait for ever. */
static void
no_descriptors_script (NbTestBroker *broker, gconstpointer data)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  struct rlimit before, none;
  int fillers[FEW_FDS], n = 0;
  nb_autofd client = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  (void)data;
  nb_test_broker_greet (broker);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
  none = (struct rlimit){ .rlim_cur = FEW_FDS, .rlim_max = before.rlim_max };
  (void)strcpy (address.sun_path, broker->socket);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &none), ==, 0);
  while ((fillers[n] = nb_fd_dup (client, 0)) >= 0)
    n++;
  g_assert_cmpint (connect (client, (struct sockaddr *)&address, sizeof address), ==, 0);
  nb_test_client_expect_end (client);
  while (n > 0)
    nb_fd_clear (&fillers[--n]);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
  g_assert_cmpint (nb_client_connect (broker->socket), ==, -ECONNREFUSED);
  nb_test_broker_end (broker);
}

static void
test_no_descriptors (void)
{
  run (no_descriptors_script);
}

/* --- OOM scores --- */

static int
ask_for_score (NbTestBroker *broker)
{
  NbMessage message = { .type = NB_MESSAGE_OOM_ADJUST, .serial = 9 };
  int client = nb_client_connect (broker->socket);

  message.oom.pid = BROWSERS_PID;
  message.oom.score = SCORE;
  g_assert_cmpint (nb_message_send (client, &message, NULL, 0), ==, 0);
  return client;
}

static void
scores_script (NbTestBroker *broker, gconstpointer data)
{
  NbMessage answer = { .type = NB_MESSAGE_RESULT };
  nb_autofd early = ask_for_score (broker), client = -1, last = -1;

  (void)data;
  nb_test_client_expect_result (early, ESRCH, "");
  nb_test_broker_greet (broker);
  client = ask_for_score (broker);
  answer.serial = nb_test_broker_expect (broker, NB_MESSAGE_OOM_ADJUST)->serial;
  g_assert_cmpint (broker->message.oom.pid, ==, BROWSERS_PID);
  g_assert_cmpint (broker->message.oom.score, ==, SCORE);
  answer.result.detail = nb_slice ("");
  answer.result.error = EACCES;
  nb_test_broker_send (broker, &answer, -1);
  nb_test_client_expect_result (client, EACCES, "");
  last = ask_for_score (broker);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_OOM_ADJUST);
  nb_test_broker_end (broker);
  nb_test_client_expect_result (last, ECONNREFUSED, "");
}

static void
test_scores (void)
{
  nb_test_broker_run (&good_portal, NB_WALL_AUTO, NB_PIDS_STAND_IN, scores_script, NULL);
}

/* Where PIDs are visible the broker translates; this process has no sandbox's PID. */
static void
visible_score_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = -1;

  (void)data;
  nb_test_broker_greet (broker);
  client = ask_for_score (broker);
  nb_test_client_expect_result (client, ESRCH, "");
  nb_test_broker_end (broker);
}

static void
test_visible_score (void)
{
  run (visible_score_script);
}

/* --- no bus --- */

static void
no_bus_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = nb_test_broker_ask (broker, NB_KIND_NONE);

  nb_test_client_expect_result (client, ECONNREFUSED, data);
  nb_test_broker_end (broker);
}

static void
test_no_bus (void)
{
  g_autofree char *address = g_strdup (g_getenv ("DBUS_SESSION_BUS_ADDRESS"));

  g_unsetenv ("DBUS_SESSION_BUS_ADDRESS");
  g_unsetenv ("XDG_RUNTIME_DIR");
  nb_test_broker_run (NULL, NB_WALL_AUTO, NB_PIDS_AUTO, no_bus_script,
                      "there is no session bus");
  (void)g_setenv ("XDG_RUNTIME_DIR", "/nowhere", TRUE);
  nb_test_broker_run (NULL, NB_WALL_AUTO, NB_PIDS_AUTO, no_bus_script,
                      "no connection to the session bus: ");
  (void)g_setenv ("DBUS_SESSION_BUS_ADDRESS", address, TRUE);
}

/* --- controllers --- */

typedef struct
{
  const char *name;
  const char *bytes; /* instead of a message */
  NbMessage message;
  gboolean after_hello;
  const char *reason;
} ControllerCase;

static const ControllerCase controller_cases[] = {
  { "malformed", "x", .reason = "sent a malformed message" },
  { "born-before-hello", .message = { .type = NB_MESSAGE_BORN }, .reason = "the protocol" },
  { "welcome", .message = { .type = NB_MESSAGE_WELCOME }, .reason = "broke the protocol" },
  { "hello-twice", .message = { .type = NB_MESSAGE_HELLO }, .after_hello = TRUE,
    .reason = "broke the protocol" },
  { "listed", .message = { .type = NB_MESSAGE_LISTED }, .after_hello = TRUE,
    .reason = "broke the protocol" },
  { "hello-of-nothing", .message = { .type = NB_MESSAGE_HELLO },
    .reason = "another version of nestbox" },
  { "hello-of-an-app",
    .message = { .type = NB_MESSAGE_HELLO,
                 .hello = { .version = NB_PROTOCOL_VERSION, .level = NB_FLATPAK_APP } },
    .reason = "is not a sub-sandbox" },
};

static void
controller_script (NbTestBroker *broker, gconstpointer data)
{
  const ControllerCase *test = data;
  nb_autofd client = -1;

  if (test->after_hello)
    nb_test_broker_greet (broker);
  else
    nb_test_broker_take_spawn (broker);
  client = nb_test_broker_ask (broker, NB_KIND_ZYGOTE);
  if (test->bytes != NULL)
    g_assert_cmpint (nb_channel_send (broker->spawn->channel, test->bytes,
                                      strlen (test->bytes), NULL, 0),
                     ==, 0);
  else
    nb_test_broker_send (broker, &test->message, -1);
  nb_test_client_expect_result (client, ECONNREFUSED, test->reason);
  nb_test_broker_end (broker);
}

static void
test_controller (gconstpointer data)
{
  nb_test_broker_run (&good_portal, NB_WALL_AUTO, NB_PIDS_AUTO, controller_script, data);
}

/* The only explanation there is stands in what was printed. */
static void
diagnosed_script (NbTestBroker *broker, gconstpointer data)
{
  static const char text[] = "bwrap: first\n\nbwrap: no such luck\n";
  nb_autofd client = nb_test_broker_ask (broker, NB_KIND_ZYGOTE);

  (void)data;
  nb_test_broker_take_spawn (broker);
  g_assert_cmpint (write (broker->spawn->output, text, strlen (text)), >, 0);
  nb_fd_clear (&broker->spawn->output);
  nb_fd_clear (&broker->spawn->channel);
  nb_test_client_expect_result (
      client, ECONNREFUSED,
      "the sub-sandbox ended before it was ready: bwrap: no such luck");
  nb_test_broker_end (broker);
}

static void
test_ends_before_hello (void)
{
  run (diagnosed_script);
}

static void
ends_later_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = -1, late = -1;

  (void)data;
  nb_test_broker_greet (broker);
  client = nb_test_broker_ask (broker, NB_KIND_NONE);
  expect_exec (broker, NB_KIND_NONE);
  nb_test_broker_answer_exec (broker, 0);
  nb_test_client_expect_result (client, 0, "");
  nb_fd_clear (&broker->spawn->channel);
  nb_test_client_expect_exited (client, SIGKILL);
  late = nb_test_broker_ask (broker, NB_KIND_NONE);
  nb_test_client_expect_result (late, ECONNREFUSED, "the sub-sandbox ended");
  nb_test_broker_end (broker);
}

static void
test_ends_later (void)
{
  run (ends_later_script);
}

/* --- the end --- */

static void
terminated_script (NbTestBroker *broker, gconstpointer data)
{
  (void)data;
  nb_test_broker_greet (broker);
  g_assert_cmpint (kill (getpid (), SIGTERM), ==, 0);
  nb_test_broker_expect_end (broker);
}

static void
test_terminated (void)
{
  run (terminated_script);
}

static void
wait_for_ever (gconstpointer data)
{
  (void)data;
  for (;;)
    (void)pause ();
}

/* A sandbox that does not go: first the portal is asked to end it, then its pid 1 is. */
static void
stubborn_script (NbTestBroker *broker, gconstpointer data)
{
  const pid_t *init = data;
  NbMessage hello = nb_test_broker_hello ();
  nb_autofd pidfd = (int)syscall (SYS_pidfd_open, *init, 0);

  g_assert_cmpint (pidfd, >=, 0);
  nb_test_broker_take_spawn (broker);
  nb_test_broker_send (broker, &hello, pidfd);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_WELCOME);
  nb_test_broker_end (broker);
  g_assert_cmpuint (nb_test_portal_take_kill (), ==, NB_TEST_HANDLE);
  nb_test_wait_readable (pidfd);
}

static void
test_stubborn (void)
{
  pid_t init = nb_test_fork (wait_for_ever, NULL);

  nb_test_broker_run (&good_portal, NB_WALL_AUTO, NB_PIDS_AUTO, stubborn_script, &init);
  g_assert_cmphex ((guint)nb_test_wait (init), ==, SIGKILL);
}

/* The browser ends while the portal has not answered yet. */
static void
early_end_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = nb_test_broker_ask (broker, NB_KIND_ZYGOTE);

  (void)data;
  nb_test_broker_end (broker);
  nb_test_client_expect_result (client, ECONNREFUSED, "the browser ended");
}

static void
test_early_end (void)
{
  run (early_end_script);
}

int
main (int argc, char **argv)
{
  nb_test_portal_init ();
  nb_test_init (&argc, &argv);
  nb_test_add ("/broker/program", test_program);
  nb_test_add ("/broker/program/asked-for-early", test_early_client);
  nb_test_add ("/broker/program/fails", test_program_fails);
  nb_test_add ("/broker/program/too-large", test_too_large);
  nb_test_add ("/broker/client/goes", test_client_goes);
  nb_test_add ("/broker/client/wrong", test_wrong_clients);
  nb_test_add ("/broker/client/many", test_many_clients);
  nb_test_add ("/broker/client/no-descriptors", test_no_descriptors);
  nb_test_add ("/broker/scores", test_scores);
  nb_test_add ("/broker/scores/visible", test_visible_score);
  nb_test_add ("/broker/no-bus", test_no_bus);
  nb_test_add_cases ("/broker/controller", controller_cases, test_controller);
  nb_test_add ("/broker/controller/ends-before-hello", test_ends_before_hello);
  nb_test_add ("/broker/controller/ends-later", test_ends_later);
  nb_test_add ("/broker/end/terminated", test_terminated);
  nb_test_add ("/broker/end/stubborn", test_stubborn);
  nb_test_add ("/broker/end/early", test_early_end);
  return g_test_run ();
}

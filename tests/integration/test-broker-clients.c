/* SPDX-License-Identifier: BSD-3-Clause */
/* What one client may ask of a broker: several programs, signals, what there is. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-broker.h"
#include "tests/lib/nb-test.h"

enum
{
  MAX_PROGRAMS = 128, /* zygote/PROTOCOL.md, section 12 */
  MAX_QUESTIONS = 128,
  FLOOD = 40, /* times 20000 bytes: several times what a socket holds */
};

static const NbTestPortal good_portal = { .version = 6, .supports = 1 };

static void
run (void (*script) (NbTestBroker *, gconstpointer))
{
  nb_test_broker_run (&good_portal, NB_WALL_AUTO, NB_PIDS_AUTO, script, NULL);
}

static void
expect_exec (NbTestBroker *broker, NbKind kind)
{
  g_assert_cmpint (nb_test_broker_expect (broker, NB_MESSAGE_EXEC)->exec.kind, ==, kind);
}

static void
tell_exit (NbTestBroker *broker, guint32 child, int wait_status)
{
  NbMessage exited = { .type = NB_MESSAGE_EXITED, .child = child };

  exited.wait_status = wait_status;
  nb_test_broker_send (broker, &exited, -1);
}

/* Ids are the client's; the controller has others. One that is taken is not taken twice. */
static void
programs_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = nb_test_broker_ask (broker, NB_KIND_UTILITY);
  guint32 first, second;

  (void)data;
  nb_test_broker_greet (broker);
  nb_test_client_ask (client, 77, NB_KIND_UTILITY);
  nb_test_client_ask (client, 77, NB_KIND_UTILITY);
  nb_test_client_expect_result_of (client, 77, EEXIST);
  expect_exec (broker, NB_KIND_UTILITY);
  first = broker->message.child;
  nb_test_broker_answer_exec (broker, 0);
  expect_exec (broker, NB_KIND_UTILITY);
  second = broker->message.child;
  nb_test_broker_answer_exec (broker, 0);
  nb_test_client_expect_result_of (client, 0, 0);
  nb_test_client_expect_result_of (client, 77, 0);
  tell_exit (broker, second, 7 << 8);
  tell_exit (broker, second, 7 << 8); /* exactly once */
  nb_test_client_expect_exited_of (client, 77, 7 << 8);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_REAP);
  nb_test_client_ask (client, 77, NB_KIND_UTILITY); /* free again */
  expect_exec (broker, NB_KIND_UTILITY);
  nb_test_broker_answer_exec (broker, ENOENT);
  nb_test_client_expect_result_of (client, 77, ENOENT);
  tell_exit (broker, first, 9);
  nb_test_client_expect_exited_of (client, 0, 9);
  nb_test_broker_end (broker);
}

static void
test_programs (void)
{
  run (programs_script);
}

static void
too_many_programs_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = nb_client_connect (broker->socket);

  (void)data;
  for (guint32 id = 0; id <= MAX_PROGRAMS; id++)
    nb_test_client_ask (client, id, NB_KIND_UTILITY);
  nb_test_client_expect_result_of (client, MAX_PROGRAMS, ENOSPC);
  nb_test_broker_greet (broker);
  for (guint32 id = 0; id < MAX_PROGRAMS; id++)
    {
      expect_exec (broker, NB_KIND_UTILITY);
      nb_test_broker_answer_exec (broker, 0);
      nb_test_client_expect_result_of (client, id, 0);
    }
  nb_fd_clear (&broker->spawn->channel); /* all of it can be told at once */
  for (guint32 id = 0; id < MAX_PROGRAMS; id++)
    nb_test_client_expect_exited (client, SIGKILL);
  nb_test_broker_end (broker);
}

static void
test_too_many_programs (void)
{
  run (too_many_programs_script);
}

static void
send_kill (int client, guint32 id, int number)
{
  NbMessage message = { .type = NB_MESSAGE_KILL, .child = id };

  message.signal = number;
  g_assert_cmpint (nb_message_send (client, &message, NULL, 0), ==, 0);
}

/* Of one client's programs, and of no other's, by whatever id. */
static void
kills_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = -1, other = -1;
  guint32 child;

  (void)data;
  nb_test_broker_greet (broker);
  client = nb_test_broker_ask (broker, NB_KIND_UTILITY);
  expect_exec (broker, NB_KIND_UTILITY);
  child = broker->message.child;
  nb_test_broker_answer_exec (broker, 0);
  nb_test_client_expect_result_of (client, 0, 0);
  other = nb_client_connect (broker->socket);
  send_kill (other, 0, SIGKILL);
  send_kill (other, child, SIGKILL);
  send_kill (client, child, SIGKILL); /* an id of the broker's own */
  nb_test_broker_round_trip (broker);
  send_kill (client, 0, SIGTERM);
  g_assert_cmpint (nb_test_broker_expect (broker, NB_MESSAGE_KILL)->signal, ==, SIGTERM);
  g_assert_cmpuint (broker->message.child, ==, child);
  tell_exit (broker, child, SIGTERM);
  nb_test_client_expect_exited_of (client, 0, SIGTERM);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_REAP);
  send_kill (client, 0, SIGKILL); /* it was told: nobody gets it */
  nb_test_broker_round_trip (broker);
  nb_test_client_ask (client, 1, NB_KIND_UTILITY);
  expect_exec (broker, NB_KIND_UTILITY);
  nb_test_broker_end (broker);
}

static void
test_kills (void)
{
  run (kills_script);
}

/* What was not started need not be ended. */
static void
kills_early_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = nb_client_connect (broker->socket);

  (void)data;
  nb_test_client_ask (client, 1, NB_KIND_UTILITY);
  nb_test_client_ask (client, 2, NB_KIND_RENDERER);
  send_kill (client, 2, SIGTERM);
  send_kill (client, 1, SIGKILL);
  nb_test_client_expect_result_of (client, 1, ECANCELED);
  nb_test_broker_greet (broker);
  expect_exec (broker, NB_KIND_RENDERER);
  nb_test_broker_answer_exec (broker, 0);
  nb_test_client_expect_result_of (client, 2, 0);
  nb_test_broker_end (broker);
}

static void
test_kills_early (void)
{
  run (kills_early_script);
}

/* More than the controller's socket holds waits in the broker; what is killed goes last. */
static void
floods_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = nb_client_connect (broker->socket);
  g_autofree NbMessage *message = g_new0 (NbMessage, 1);
  g_autofree char *word = g_strnfill (20000, 'x');
  bool overflow = false;

  (void)data;
  message->type = NB_MESSAGE_EXEC;
  message->exec.kind = NB_KIND_UTILITY;
  nb_strings_append (&message->exec.argv, word, &overflow);
  nb_test_broker_greet (broker);
  for (guint32 id = 1; id <= FLOOD; id++)
    {
      message->serial = message->child = id;
      g_assert_cmpint (nb_message_send (client, message, NULL, 0), ==, 0);
    }
  send_kill (client, 1, SIGTERM);
  send_kill (client, 1, SIGKILL);
  send_kill (client, 1, SIGTERM);
  nb_test_broker_round_trip (broker);
  for (guint32 id = 1; id <= FLOOD; id++)
    {
      while (nb_test_broker_expect_any (broker)->type == NB_MESSAGE_KILL)
        g_assert_cmpuint (broker->message.child, ==, 1);
      g_assert_cmpint (broker->message.type, ==, NB_MESSAGE_EXEC);
      g_assert_cmpuint (broker->message.child, ==, id);
      nb_test_broker_answer_exec (broker, 0);
      nb_test_client_expect_result_of (client, id, 0);
    }
  nb_test_broker_end (broker);
}

static void
test_floods (void)
{
  run (floods_script);
}

/* It would believe that what has ended runs. */
static void
does_not_read_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = nb_client_connect (broker->socket);
  NbMessage probe = { .type = NB_MESSAGE_PROBE, .serial = 1 };
  int result = 0;

  (void)data;
  probe.version = NB_PROTOCOL_VERSION;
  nb_test_broker_greet (broker);
  while (result == 0)
    result = nb_message_send (client, &probe, NULL, 0);
  g_assert_true (result == -EPIPE || result == -ECONNRESET);
  nb_test_broker_end (broker);
}

static void
test_does_not_read (void)
{
  run (does_not_read_script);
}

static void
too_many_questions_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = nb_client_connect (broker->socket);
  NbMessage probe = { .type = NB_MESSAGE_PROBE, .version = NB_PROTOCOL_VERSION };

  (void)data;
  for (probe.serial = 1; probe.serial <= MAX_QUESTIONS; probe.serial++)
    g_assert_cmpint (nb_message_send (client, &probe, NULL, 0), ==, 0);
  nb_test_broker_round_trip (broker);
  g_assert_false (nb_test_is_readable (client));
  g_assert_cmpint (nb_message_send (client, &probe, NULL, 0), ==, 0);
  nb_test_client_expect_end (client);
  nb_test_broker_greet (broker);
  nb_test_broker_end (broker);
}

static void
test_too_many_questions (void)
{
  run (too_many_questions_script);
}

/* --- what there is --- */

static int
probe (NbTestBroker *broker)
{
  NbMessage message = { .type = NB_MESSAGE_PROBE, .serial = 5 };
  int client = nb_client_connect (broker->socket);

  message.version = NB_PROTOCOL_VERSION;
  g_assert_cmpint (nb_message_send (client, &message, NULL, 0), ==, 0);
  return client;
}

static void
expect_probed (int client, int error, const char *text)
{
  g_autofree NbPacket *packet = g_new (NbPacket, 1);
  g_autofree NbMessage *message = g_new (NbMessage, 1);
  g_autofree char *detail = NULL;

  nb_test_client_receive (client, packet, message);
  g_assert_cmpint (message->type, ==, NB_MESSAGE_PROBED);
  g_assert_cmpuint (message->serial, ==, 5);
  g_assert_cmpint (message->place.error, ==, error);
  detail = g_strndup (message->place.detail.data, message->place.detail.length);
  g_assert_nonnull (strstr (detail, text));
  if (error != 0)
    return;
  g_assert_cmpuint (message->place.portal_version, ==, 6);
  g_assert_cmpuint (message->place.portal_supports, ==, 1);
  g_assert_cmpuint (message->place.landlock_abi, ==, 1);
  g_assert_true (message->place.pids_visible);
  g_assert_false (message->place.gpu);
}

static void
probes_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd early = probe (broker), gone = probe (broker), late = -1;

  (void)data;
  nb_fd_clear (&gone);
  nb_test_broker_round_trip (broker);
  g_assert_false (nb_test_is_readable (early));
  nb_test_broker_greet (broker);
  expect_probed (early, 0, "");
  late = probe (broker);
  expect_probed (late, 0, "");
  nb_fd_clear (&late);
  nb_fd_clear (&broker->spawn->channel);
  nb_test_broker_end (broker);
}

static void
test_probes (void)
{
  run (probes_script);
}

typedef struct
{
  const char *name;
  NbTestPortal portal;
  const char *reason;
} ProbeCase;

static const ProbeCase probe_cases[] = {
  { "too-old", { .version = 0 }, "too old (version 0)" },
  { "refused", { 6, 1, .refusal = "not you" }, "refused a sub-sandbox: not you" },
  { "exits", { 6, 1, .exits = TRUE }, "the sub-sandbox ended before it was ready" },
};

static void
probe_refused_script (NbTestBroker *broker, gconstpointer data)
{
  const ProbeCase *test = data;
  nb_autofd early = probe (broker), late = -1;

  expect_probed (early, ECONNREFUSED, test->reason);
  late = probe (broker);
  expect_probed (late, ECONNREFUSED, test->reason);
  nb_test_broker_end (broker);
}

static void
test_probe_refused (gconstpointer data)
{
  const ProbeCase *test = data;

  nb_test_broker_run (&test->portal, NB_WALL_AUTO, NB_PIDS_AUTO, probe_refused_script,
                      test);
}

int
main (int argc, char **argv)
{
  nb_test_portal_init ();
  nb_test_init (&argc, &argv);
  nb_test_add ("/broker-clients/programs", test_programs);
  nb_test_add ("/broker-clients/too-many-programs", test_too_many_programs);
  nb_test_add ("/broker-clients/kills", test_kills);
  nb_test_add ("/broker-clients/kills-early", test_kills_early);
  nb_test_add ("/broker-clients/floods", test_floods);
  nb_test_add ("/broker-clients/does-not-read", test_does_not_read);
  nb_test_add ("/broker-clients/too-many-questions", test_too_many_questions);
  nb_test_add ("/broker-clients/probes", test_probes);
  nb_test_add_cases ("/broker-clients/probes", probe_cases, test_probe_refused);
  return g_test_run ();
}

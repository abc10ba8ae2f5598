/* SPDX-License-Identifier: BSD-3-Clause */
/* A broker that is asked what its sub-sandboxes are, and what runs in them. */
#include <errno.h>
#include <string.h>

#include "spawn/base/fd.h"
#include "spawn/ps/brokers.h"
#include "tests/lib/nb-broker.h"
#include "tests/lib/nb-test.h"

enum
{
  ASK_MS = 100,
};

static const NbTestPortal good_portal = { .version = 6, .supports = 1 };

static void
run (void (*script) (NbTestBroker *, gconstpointer))
{
  nb_test_broker_run (&good_portal, NB_WALL_LANDLOCK, NB_PIDS_STAND_IN, script, NULL);
}

/* --- the client --- */

static int
ask (NbTestBroker *broker)
{
  g_autofree NbMessage *message = g_new0 (NbMessage, 1);
  int client = nb_client_connect (broker->socket);

  g_assert_cmpint (client, >=, 0);
  message->type = NB_MESSAGE_SURVEY;
  message->serial = 3;
  g_assert_cmpint (nb_message_send (client, message, NULL, 0), ==, 0);
  return client;
}

/* The one that comes; its text is lost. */
static NbSurvey *
expect_survey (int client, NbSandboxState state, const char *reason)
{
  g_autofree NbPacket *packet = g_new (NbPacket, 1);
  g_autofree NbMessage *message = g_new (NbMessage, 1);

  nb_test_client_receive (client, packet, message);
  g_assert_cmpint (message->type, ==, NB_MESSAGE_SURVEYED);
  g_assert_cmpuint (message->serial, ==, 3);
  g_assert_cmpuint (message->survey.profile, ==, NB_PROFILE_PAGES);
  g_assert_cmpint (message->survey.state, ==, state);
  g_assert_cmpint (message->survey.wall, ==, NB_WALL_LANDLOCK);
  nb_test_assert_bytes (message->survey.reason.data, message->survey.reason.length, reason,
                        strlen (reason));
  return g_memdup2 (&message->survey, sizeof message->survey);
}

/* --- the controller --- */

static void
answer (NbTestBroker *broker, guint32 serial)
{
  g_autofree NbMessage *message = g_new0 (NbMessage, 1);

  message->type = NB_MESSAGE_SURVEYED;
  message->serial = serial;
  message->survey = (NbSurvey){ .profile = 1,
                                .state = NB_SANDBOX_ENDED,
                                .landlock_abi = 99,
                                .first_pid = 99,
                                .reason = nb_slice ("all lies"),
                                .left_out = 7,
                                .n = 1 };
  message->survey.processes[0] = (NbSurveyProcess){ .pid = 5, .kind = NB_KIND_RENDERER };
  nb_test_broker_send (broker, message, -1);
}

/* --- tests --- */

/* What the broker knows better is the broker's word. */
static void
ready_script (NbTestBroker *broker, gconstpointer data)
{
  g_autofree NbSurvey *survey = NULL;
  nb_autofd client = -1;

  (void)data;
  nb_test_broker_greet (broker);
  client = ask (broker);
  answer (broker, nb_test_broker_expect (broker, NB_MESSAGE_SURVEY)->serial);
  survey = expect_survey (client, NB_SANDBOX_READY, "");
  g_assert_true (survey->relayed);
  g_assert_cmpuint (survey->landlock_abi, ==, 1);
  g_assert_cmpint (survey->first_pid, ==, 0); /* it has ended */
  g_assert_cmpuint (survey->left_out, ==, 7);
  g_assert_cmpuint (survey->n, ==, 1);
  g_assert_cmpint (survey->processes[0].pid, ==, 5);
  nb_test_client_expect_result (client, 0, "");
  nb_test_broker_end (broker);
}

static void
test_ready (void)
{
  run (ready_script);
}

/* Nothing is waited for where nobody could answer. */
static void
starting_script (NbTestBroker *broker, gconstpointer data)
{
  g_autofree NbSurvey *survey = NULL;
  nb_autofd client = -1;

  (void)data;
  nb_test_broker_take_spawn (broker);
  client = ask (broker);
  survey = expect_survey (client, NB_SANDBOX_STARTING, "");
  g_assert_cmpuint (survey->n + survey->landlock_abi, ==, 0);
  nb_test_client_expect_result (client, 0, "");
  nb_test_broker_end (broker);
}

static void
test_starting (void)
{
  run (starting_script);
}

static void
ends_script (NbTestBroker *broker, gconstpointer data)
{
  g_autofree NbSurvey *asked = NULL, *late = NULL;
  nb_autofd client = -1, second = -1;

  (void)data;
  nb_test_broker_greet (broker);
  client = ask (broker);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_SURVEY);
  nb_fd_clear (&broker->spawn->channel);
  asked = expect_survey (client, NB_SANDBOX_ENDED, "the sub-sandbox ended");
  nb_test_client_expect_result (client, 0, "");
  second = ask (broker);
  late = expect_survey (second, NB_SANDBOX_ENDED, "the sub-sandbox ended");
  g_assert_cmpuint (asked->n + late->n, ==, 0);
  nb_test_client_expect_result (second, 0, "");
  nb_test_broker_end (broker);
}

static void
test_ends (void)
{
  run (ends_script);
}

/* An answer to one who has gone, and one that nobody asked for, change nothing. */
static void
gone_script (NbTestBroker *broker, gconstpointer data)
{
  g_autofree NbSurvey *survey = NULL;
  int gone;
  nb_autofd client = -1;
  guint32 serial;

  (void)data;
  nb_test_broker_greet (broker);
  gone = ask (broker);
  serial = nb_test_broker_expect (broker, NB_MESSAGE_SURVEY)->serial;
  nb_fd_clear (&gone);
  answer (broker, serial);
  answer (broker, 4711);
  client = ask (broker);
  g_assert_cmpuint (nb_test_broker_expect (broker, NB_MESSAGE_SURVEY)->serial, >, serial);
  answer (broker, broker->message.serial);
  survey = expect_survey (client, NB_SANDBOX_READY, "");
  nb_test_client_expect_result (client, 0, "");
  nb_test_broker_end (broker);
}

static void
test_gone (void)
{
  run (gone_script);
}

/* A controller that hangs does not hang who asks. */
static void
fail_if_called (gpointer data, const NbSurvey *survey)
{
  (void)data, (void)survey;
  g_assert_not_reached ();
}

static void
hangs_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = -1;

  (void)data;
  nb_test_broker_greet (broker);
  client = nb_client_connect (broker->socket);
  g_assert_cmpint (nb_broker_survey (client, ASK_MS, fail_if_called, NULL), ==, -ETIMEDOUT);
  nb_fd_clear (&client);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_SURVEY);
  nb_test_broker_end (broker);
}

static void
test_hangs (void)
{
  run (hangs_script);
}

int
main (int argc, char **argv)
{
  nb_test_portal_init ();
  nb_test_init (&argc, &argv);
  nb_test_add ("/broker/survey/ready", test_ready);
  nb_test_add ("/broker/survey/starting", test_starting);
  nb_test_add ("/broker/survey/ends", test_ends);
  nb_test_add ("/broker/survey/gone", test_gone);
  nb_test_add ("/broker/survey/hangs", test_hangs);
  return g_test_run ();
}

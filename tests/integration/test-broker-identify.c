/* SPDX-License-Identifier: BSD-3-Clause */
/* A broker that is asked whose a process is. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/pidfd.h"
#include "spawn/ps/brokers.h"
#include "tests/lib/nb-broker.h"
#include "tests/lib/nb-test.h"

static const NbTestPortal good_portal = { .version = 6, .supports = 1 };

static void
run (NbPids pids, void (*script) (NbTestBroker *, gconstpointer))
{
  nb_test_broker_run (&good_portal, NB_WALL_LANDLOCK, pids, script, NULL);
}

/* --- processes --- */

static int
open_pidfd (pid_t pid)
{
  int pidfd = (int)syscall (SYS_pidfd_open, pid, 0);

  g_assert_cmpint (pidfd, >=, 0);
  return pidfd;
}

static void
wait_forever (gconstpointer data)
{
  (void)data;
  for (;;)
    (void)pause ();
}

static void
end (pid_t pid)
{
  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  (void)nb_test_wait (pid);
}

/* --- the client --- */

static void
ask_on (int client, int pidfd)
{
  g_autofree NbMessage *message = g_new0 (NbMessage, 1);

  message->type = NB_MESSAGE_IDENTIFY;
  message->serial = 3;
  message->stand_in = 4711; /* has no meaning */
  g_assert_cmpint (nb_message_send (client, message, &pidfd, pidfd >= 0), ==, 0);
}

static int
ask (NbTestBroker *broker, int pidfd)
{
  int client = nb_client_connect (broker->socket);

  ask_on (client, pidfd);
  return client;
}

/* The answer; its text is in instance_out, which the caller frees. */
static NbMessage *
expect_identity (int client, int error, char **instance_out)
{
  g_autofree NbPacket *packet = g_new (NbPacket, 1);
  NbMessage *message = g_new (NbMessage, 1);
  const NbIdentity *identity = &message->identity;

  nb_test_client_receive (client, packet, message);
  g_assert_cmpint (message->type, ==, NB_MESSAGE_IDENTIFIED);
  g_assert_cmpuint (message->serial, ==, 3);
  g_assert_cmpint (identity->error, ==, error);
  if (error != 0)
    g_assert_cmpuint (message->child + identity->program + identity->kind
                          + (guint)identity->pid + identity->instance.length,
                      ==, 0);
  if (instance_out != NULL)
    *instance_out = g_strndup (identity->instance.data, identity->instance.length);
  return message;
}

static void
expect_none (int client, int error)
{
  g_free (expect_identity (client, error, NULL));
}

/* --- the controller --- */

static void
answer (NbTestBroker *broker, guint32 serial, int error, guint32 program)
{
  NbMessage message = { .type = NB_MESSAGE_IDENTIFIED, .serial = serial, .child = 99 };

  message.identity = (NbIdentity){ .error = error,
                                   .profile = 2,
                                   .program = program,
                                   .kind = NB_KIND_NETWORK,
                                   .descends = true,
                                   .claim = NB_KIND_RENDERER,
                                   .pid = 5,
                                   .start = 17,
                                   .instance = nb_slice ("1234") };
  nb_test_broker_send (broker, &message, -1);
}

/* A stand-in is asked for by its PID, and so is every process of the app. */
static guint32
expect_stand_in (NbTestBroker *broker, pid_t pid)
{
  const NbMessage *message = nb_test_broker_expect (broker, NB_MESSAGE_IDENTIFY);

  g_assert_cmpint (message->stand_in, ==, pid);
  g_assert_cmpuint (broker->packet.n_fds, ==, 0);
  return message->serial;
}

/* --- tests --- */

/* What the broker knows better is the broker's word; a program is the asker's, or not. */
static void
found_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd own = -1, other = -1, pidfd = open_pidfd (getpid ());
  g_autofree char *instance = NULL, *again = NULL;
  g_autofree NbMessage *first = NULL, *second = NULL;
  guint32 id;

  (void)data;
  nb_test_broker_greet (broker);
  own = nb_client_connect (broker->socket);
  nb_test_client_ask (own, 8, NB_KIND_UTILITY);
  id = nb_test_broker_expect (broker, NB_MESSAGE_EXEC)->child;
  nb_test_broker_answer_exec (broker, 0);
  nb_test_client_expect_result_of (own, 8, 0);
  ask_on (own, pidfd);
  answer (broker, expect_stand_in (broker, getpid ()), 0, id);
  first = expect_identity (own, 0, &instance);
  g_assert_cmpuint (first->child, ==, 8);
  g_assert_cmpuint (first->identity.program, ==, id);
  g_assert_cmpuint (first->identity.profile, ==, NB_PROFILE_PAGES);
  g_assert_cmpint (first->identity.kind, ==, NB_KIND_UTILITY);
  g_assert_true (first->identity.descends);
  g_assert_cmpint (first->identity.claim, ==, NB_KIND_RENDERER);
  g_assert_cmpint (first->identity.pid, ==, 5);
  g_assert_cmpuint (first->identity.start, ==, 17);
  g_assert_cmpstr (instance, ==, "1234");
  other = ask (broker, pidfd);
  answer (broker, expect_stand_in (broker, getpid ()), 0, id);
  second = expect_identity (other, 0, &again);
  g_assert_cmpuint (second->child, ==, 0);
  g_assert_cmpuint (second->identity.program, ==, id);
  nb_test_broker_end (broker);
}

static void
test_found (void)
{
  run (NB_PIDS_STAND_IN, found_script);
}

/* A program that the broker does not know has no id and no kind. */
static void
spoofed_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = -1, pidfd = open_pidfd (getpid ());
  g_autofree char *instance = NULL;
  g_autofree NbMessage *message = NULL;

  (void)data;
  nb_test_broker_greet (broker);
  client = ask (broker, pidfd);
  answer (broker, expect_stand_in (broker, getpid ()), 0, 4711);
  message = expect_identity (client, 0, &instance);
  g_assert_cmpuint (message->child + message->identity.program, ==, 0);
  g_assert_cmpint (message->identity.kind, ==, NB_KIND_NONE);
  nb_test_broker_end (broker);
}

static void
test_spoofed (void)
{
  run (NB_PIDS_STAND_IN, spoofed_script);
}

/* Answers of another type, or to nobody, tell of no process. */
static void
wrong_answer_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = -1, pidfd = open_pidfd (getpid ());
  NbMessage result = { .type = NB_MESSAGE_RESULT };

  (void)data;
  nb_test_broker_greet (broker);
  answer (broker, 4711, 0, 1);
  client = ask (broker, pidfd);
  result.serial = expect_stand_in (broker, getpid ());
  result.result.detail = nb_slice ("");
  nb_test_broker_send (broker, &result, -1);
  expect_none (client, ENOENT);
  nb_test_broker_end (broker);
}

static void
test_wrong_answer (void)
{
  run (NB_PIDS_STAND_IN, wrong_answer_script);
}

/* Where PIDs are visible nothing of the app stands in for anybody: no one is asked. */
static void
app_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = -1, pidfd = open_pidfd (getpid ());

  (void)data;
  nb_test_broker_greet (broker);
  client = ask (broker, pidfd);
  expect_none (client, ENOENT);
  g_assert_false (nb_test_is_readable (broker->spawn->channel));
  nb_test_broker_end (broker);
}

static void
test_app (void)
{
  run (NB_PIDS_AUTO, app_script);
}

/* It ends while the controller looks: what that said is not passed on. */
static void
ends_script (NbTestBroker *broker, gconstpointer data)
{
  pid_t pid = nb_test_fork (wait_forever, NULL);
  nb_autofd client = -1, late = -1, pidfd = open_pidfd (pid);
  guint32 serial;

  (void)data;
  nb_test_broker_greet (broker);
  client = ask (broker, pidfd);
  serial = expect_stand_in (broker, pid);
  end (pid);
  answer (broker, serial, 0, 1);
  expect_none (client, ESRCH);
  late = ask (broker, pidfd);
  answer (broker, nb_test_broker_expect (broker, NB_MESSAGE_IDENTIFY)->serial, ESRCH, 0);
  expect_none (late, ESRCH);
  nb_test_broker_end (broker);
}

static void
test_ends (void)
{
  run (NB_PIDS_STAND_IN, ends_script);
}

static void
not_ready_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd early = -1, client = -1, pidfd = open_pidfd (getpid ());

  (void)data;
  early = ask (broker, pidfd);
  expect_none (early, ENOENT);
  nb_test_broker_greet (broker);
  client = ask (broker, pidfd);
  (void)expect_stand_in (broker, getpid ());
  nb_fd_clear (&broker->spawn->channel);
  expect_none (client, ENOENT);
  nb_test_broker_end (broker);
}

static void
test_not_ready (void)
{
  run (NB_PIDS_STAND_IN, not_ready_script);
}

/* Who asked has gone; the broker goes on. */
static void
gone_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = -1, pidfd = open_pidfd (getpid ());
  int gone;
  guint32 serial;

  (void)data;
  nb_test_broker_greet (broker);
  gone = ask (broker, pidfd);
  serial = expect_stand_in (broker, getpid ());
  nb_fd_clear (&gone);
  answer (broker, serial, 0, 1);
  client = ask (broker, pidfd);
  answer (broker, expect_stand_in (broker, getpid ()), ESRCH, 0);
  expect_none (client, ENOENT);
  nb_test_broker_end (broker);
}

static void
test_gone (void)
{
  run (NB_PIDS_STAND_IN, gone_script);
}

static void
bad_requests_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd file = nb_test_text_file ("Pid:\t1\n"), no_pidfd = -1, nothing = -1;

  (void)data;
  nb_test_broker_greet (broker);
  no_pidfd = ask (broker, file);
  expect_none (no_pidfd, EBADF);
  nothing = ask (broker, -1);
  nb_test_client_expect_end (nothing);
  nb_test_broker_end (broker);
}

static void
test_bad_requests (void)
{
  run (NB_PIDS_STAND_IN, bad_requests_script);
}

/* As `nestbox identify` asks: the first broker that knows it. */
static void
search_script (NbTestBroker *broker, gconstpointer data)
{
  g_autofree char *folder = g_path_get_dirname (broker->directory);
  const char *const folders[] = { folder, NULL };
  nb_autofd pidfd = open_pidfd (getpid ());
  NbBrokerIdentity found;

  (void)data;
  nb_test_broker_take_spawn (broker);
  g_assert_cmpint (nb_brokers_identify (folders, pidfd, 2000, &found), ==, -ENOENT);
  g_assert_null (found.instance);
  nb_test_broker_end (broker);
}

static void
test_search (void)
{
  run (NB_PIDS_STAND_IN, search_script);
}

int
main (int argc, char **argv)
{
  nb_test_portal_init ();
  nb_test_init (&argc, &argv);
  nb_test_add ("/broker/identify/found", test_found);
  nb_test_add ("/broker/identify/spoofed-program", test_spoofed);
  nb_test_add ("/broker/identify/wrong-answer", test_wrong_answer);
  nb_test_add ("/broker/identify/app", test_app);
  nb_test_add ("/broker/identify/ends", test_ends);
  nb_test_add ("/broker/identify/not-ready", test_not_ready);
  nb_test_add ("/broker/identify/gone", test_gone);
  nb_test_add ("/broker/identify/bad-requests", test_bad_requests);
  nb_test_add ("/broker/identify/search", test_search);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* libnestbox: as a host uses it, with a broker, and with what claims to be one. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/library/connection.h"
#include "tests/lib/nb-broker.h"
#include "tests/lib/nb-host.h"
#include "tests/lib/nb-test.h"

enum
{
  FLOOD = 40, /* times 20000 bytes: several times what a socket holds */
};

static const NbTestPortal good_portal = { .version = 6, .supports = 1 };
static const char *const program[] = { "/app/bin/x", NULL };
static const NestboxLaunch worker = { .kind = NESTBOX_KIND_WORKER, .argv = program };

static void
run (void (*script) (NbTestBroker *, gconstpointer))
{
  nb_test_broker_run (&good_portal, NB_WALL_AUTO, NB_PIDS_AUTO, script, NULL);
}

/* --- as the host --- */

static void
kill_child (NestboxConnection *connection, NestboxHandle child, int number)
{
  NestboxFailure failure;

  if (!nestbox_connection_kill (connection, child, number, &failure))
    g_error ("%s", failure.text);
}

static void
assert_no_child (NestboxConnection *connection, NestboxHandle child)
{
  NestboxFailure failure;

  g_assert_cmpint (nestbox_connection_get_state (connection, child), ==,
                   NESTBOX_STATE_NONE);
  g_assert_false (nestbox_connection_kill (connection, child, SIGKILL, &failure));
  g_assert_cmpint (failure.code, ==, NESTBOX_ERROR_NO_CHILD);
  g_assert_cmpint (failure.error_number, ==, ESRCH);
}

/* --- a child's life --- */

static void
life_script (NbTestBroker *broker, gconstpointer data)
{
  NestboxConnection *connection = nb_connection_connect (broker->socket);
  NestboxHandle child = nb_test_host_launch (connection);
  NestboxFailure failure;
  guint32 id;

  (void)data;
  g_assert_cmpint (nestbox_connection_get_state (connection, child), ==,
                   NESTBOX_STATE_STARTING);
  nb_test_broker_greet (broker);
  id = nb_test_broker_expect (broker, NB_MESSAGE_EXEC)->child;
  g_assert_cmpint (broker->message.exec.kind, ==, NB_KIND_UTILITY);
  nb_test_host_expect_nothing (connection);
  nb_test_broker_answer_exec (broker, 0);
  (void)nb_test_host_expect (connection, NESTBOX_EVENT_STARTED, child);
  g_assert_cmpint (nestbox_connection_get_state (connection, child), ==,
                   NESTBOX_STATE_RUNNING);
  g_assert_false (nestbox_connection_kill (connection, child, 0, &failure));
  g_assert_cmpint (failure.code, ==, NESTBOX_ERROR_INVALID);
  assert_no_child (connection, child + 1);
  kill_child (connection, child, SIGTERM);
  g_assert_cmpint (nb_test_broker_expect (broker, NB_MESSAGE_KILL)->signal, ==, SIGTERM);
  g_assert_cmpuint (broker->message.child, ==, id);
  {
    NbMessage exited = { .type = NB_MESSAGE_EXITED, .child = id };

    exited.wait_status = SIGTERM;
    nb_test_broker_send (broker, &exited, -1);
  }
  g_assert_cmpint (
      nb_test_host_expect (connection, NESTBOX_EVENT_EXITED, child).wait_status, ==,
      SIGTERM);
  assert_no_child (connection, child);
  g_assert_cmpuint (nb_test_host_launch (connection), !=, child);
  nestbox_connection_close (connection);
  nb_test_broker_end (broker);
}

static void
test_life (void)
{
  run (life_script);
}

static void
not_started_script (NbTestBroker *broker, gconstpointer data)
{
  NestboxConnection *connection = nb_connection_connect (broker->socket);
  NestboxHandle killed = nb_test_host_launch (connection),
                missing = nb_test_host_launch (connection), late;
  NestboxEvent event;

  (void)data;
  kill_child (connection, killed, SIGKILL);
  event = nb_test_host_expect (connection, NESTBOX_EVENT_FAILED, killed);
  g_assert_cmpint (event.failure.code, ==, NESTBOX_ERROR_CANCELLED);
  nb_test_broker_greet (broker);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_EXEC);
  nb_test_broker_answer_exec (broker, ENOENT);
  event = nb_test_host_expect (connection, NESTBOX_EVENT_FAILED, missing);
  g_assert_cmpint (event.failure.code, ==, NESTBOX_ERROR_NO_PROGRAM);
  g_assert_cmpint (event.failure.error_number, ==, ENOENT);
  g_assert_nonnull (strstr (event.failure.text, "/app/bin/x: the program cannot be"));
  assert_no_child (connection, missing);
  nb_fd_clear (&broker->spawn->channel);
  late = nb_test_host_launch (connection);
  event = nb_test_host_expect (connection, NESTBOX_EVENT_FAILED, late);
  g_assert_cmpint (event.failure.code, ==, NESTBOX_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (event.failure.text, "nestbox doctor"));
  nestbox_connection_close (connection);
  nb_test_broker_end (broker);
}

static void
test_not_started (void)
{
  run (not_started_script);
}

/* What the host does not hold open any more, the child gets. */
static void
descriptors_script (NbTestBroker *broker, gconstpointer data)
{
  NestboxConnection *connection = nb_connection_connect (broker->socket);
  int fd = nb_test_text_file ("for the child");
  const NestboxFd map[] = { { fd, 9 } };
  static const char *const environment[] = { "LANG=C", NULL };
  NestboxLaunch request = worker;
  char text[32] = "";

  (void)data;
  request.fds = map;
  request.n_fds = 1;
  request.envp = environment;
  g_assert_cmpuint (nestbox_connection_launch (connection, &request, NULL), !=, 0);
  nb_fd_clear (&fd);
  nb_test_broker_greet (broker);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_EXEC);
  g_assert_cmpuint (broker->message.exec.envp.n, ==, 1);
  g_assert_cmpuint (broker->packet.n_fds, ==, 1);
  g_assert_cmpint (broker->message.exec.targets[0], ==, 9);
  g_assert_cmpint (pread (broker->packet.fds[0], text, sizeof text, 0), ==, 13);
  g_assert_cmpstr (text, ==, "for the child");
  nestbox_connection_close (connection);
  nb_test_broker_end (broker);
}

static void
test_descriptors (void)
{
  run (descriptors_script);
}

/* The host's own environment: what may pass does, and nothing else. */
static void
environment_script (NbTestBroker *broker, gconstpointer data)
{
  NestboxConnection *connection = nb_connection_connect (broker->socket);

  (void)data;
  (void)nb_test_host_launch (connection);
  nb_test_broker_greet (broker);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_EXEC);
  g_assert_cmpuint (broker->message.exec.envp.n, >, 0);
  for (size_t i = 0; i < broker->message.exec.envp.n; i++)
    {
      NbSlice entry = broker->message.exec.envp.items[i];

      g_assert_null (g_strstr_len (entry.data, (gssize)entry.length, "DBUS_SESSION"));
      g_assert_null (g_strstr_len (entry.data, (gssize)entry.length, "XDG_RUNTIME"));
    }
  nestbox_connection_close (connection);
  nb_test_broker_end (broker);
}

static void
test_environment (void)
{
  run (environment_script);
}

/* --- limits --- */

/* All of them are asked for before anything is read: what has no room waits here. */
static void
flood_script (NbTestBroker *broker, gconstpointer data)
{
  NestboxConnection *connection = nb_connection_connect (broker->socket);
  g_autofree char *word = g_strnfill (20000, 'x');
  const char *const argv[] = { "/app/bin/x", word, NULL };
  nb_autofd file = nb_test_text_file ("");
  const NestboxFd map[] = { { file, 3 } };
  NestboxLaunch request = worker;
  NestboxHandle first = 0;

  (void)data;
  request.argv = argv;
  request.fds = map;
  request.n_fds = 1;
  for (NestboxHandle i = 0; i < FLOOD; i++)
    {
      NestboxHandle child = nestbox_connection_launch (connection, &request, NULL);

      first = i == 0 ? child : first;
      g_assert_cmpuint (child, ==, first + i);
    }
  nb_test_broker_greet (broker);
  for (NestboxHandle i = 0; i < FLOOD; i++)
    {
      NestboxEvent event;

      if (nestbox_connection_dispatch (connection, &event) != 0)
        g_assert_not_reached ();
      (void)nb_test_broker_expect (broker, NB_MESSAGE_EXEC);
      g_assert_cmpuint (broker->packet.n_fds, ==, 1);
      nb_test_broker_answer_exec (broker, 0);
      (void)nb_test_host_expect (connection, NESTBOX_EVENT_STARTED, first + i);
    }
  nestbox_connection_close (connection);
  nb_test_broker_end (broker);
}

static void
test_flood (void)
{
  run (flood_script);
}

/* --- the place --- */

static const NestboxLayers all_layers[] = {
  NESTBOX_LAYER_SUB_SANDBOX, NESTBOX_LAYER_NO_NETWORK, NESTBOX_LAYER_BASE_FILTER,
  NESTBOX_LAYER_OWN_PID,     NESTBOX_LAYER_LANDLOCK,
};

static void
expect_layers (const NestboxConnection *connection, NestboxKind kind, size_t n)
{
  uint32_t expected = 0;

  for (size_t i = 0; i < n; i++)
    expected |= all_layers[i];
  g_assert_cmphex (nestbox_connection_get_layers (connection, kind), ==, expected);
}

static void
place_script (NbTestBroker *broker, gconstpointer data)
{
  const guint32 *abi = data;
  NestboxConnection *connection = nb_connection_connect (broker->socket);
  NbMessage hello = nb_test_broker_hello ();
  NestboxPlace place;

  nb_connection_probe (connection);
  nestbox_connection_get_place (connection, &place);
  g_assert_false (place.settled);
  expect_layers (connection, NESTBOX_KIND_WORKER, 0);
  hello.hello.landlock_abi = *abi;
  nb_test_broker_take_spawn (broker);
  nb_test_broker_send (broker, &hello, broker->init);
  (void)nb_test_host_expect (connection, NESTBOX_EVENT_READY, 0);
  nestbox_connection_get_place (connection, &place);
  g_assert_true (place.settled && place.available && place.pids_visible);
  g_assert_false (place.gpu);
  g_assert_cmpuint (place.portal_version, ==, 6);
  g_assert_cmpuint (place.landlock_abi, ==, *abi);
  expect_layers (connection, NESTBOX_KIND_TOOL, 3);
  expect_layers (connection, NESTBOX_KIND_ZYGOTE, 3);
  expect_layers (connection, NESTBOX_KIND_WORKER, *abi >= 6 ? 5 : 4);
  expect_layers (connection, NESTBOX_KIND_RENDERER, *abi >= 6 ? 5 : 4);
  expect_layers (connection, NESTBOX_KIND_GPU, 0);
  nb_fd_clear (&broker->spawn->channel);
  nb_test_broker_end (broker);
  nb_test_host_expect_closed (connection);
  expect_layers (connection, NESTBOX_KIND_WORKER, 0);
  nestbox_connection_close (connection);
}

static void
test_place (void)
{
  for (guint32 abi = 5; abi <= 6; abi++)
    nb_test_broker_run (&good_portal, NB_WALL_AUTO, NB_PIDS_AUTO, place_script, &abi);
}

static void
unavailable_script (NbTestBroker *broker, gconstpointer data)
{
  NestboxConnection *connection = nb_connection_connect (broker->socket);
  NestboxEvent event;
  NestboxPlace place;

  (void)data;
  nb_connection_probe (connection);
  event = nb_test_host_expect (connection, NESTBOX_EVENT_UNAVAILABLE, 0);
  g_assert_cmpint (event.failure.code, ==, NESTBOX_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (event.failure.text, "too old (version 0)"));
  nestbox_connection_get_place (connection, &place);
  g_assert_true (place.settled);
  g_assert_false (place.available);
  expect_layers (connection, NESTBOX_KIND_WORKER, 0);
  nestbox_connection_close (connection);
  nb_test_broker_end (broker);
}

static void
test_unavailable (void)
{
  static const NbTestPortal old = { .version = 0 };

  nb_test_broker_run (&old, NB_WALL_AUTO, NB_PIDS_AUTO, unavailable_script, NULL);
}

/* Not under Flatpak, where this test runs. */
static void
test_outside (void)
{
  NestboxFailure failure;

  g_assert_cmpint (nestbox_level (&failure), ==, NESTBOX_LEVEL_NONE);
  g_assert_null (nestbox_connection_open (&failure));
  g_assert_cmpint (failure.code, ==, NESTBOX_ERROR_NOT_IN_FLATPAK);
  g_assert_null (nestbox_connection_open (NULL));
  g_assert_cmpstr (nestbox_version (), ==, NB_VERSION);
}

/* --- the end --- */

/* Each child is told of once, whatever it was doing, and then the end. */
static void
broker_ends_script (NbTestBroker *broker, gconstpointer data)
{
  NestboxConnection *connection = nb_connection_connect (broker->socket);
  NestboxHandle running = nb_test_host_launch (connection), starting;
  NestboxFailure failure;
  NestboxEvent event;

  (void)data;
  nb_test_broker_greet (broker);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_EXEC);
  nb_test_broker_answer_exec (broker, 0);
  (void)nb_test_host_expect (connection, NESTBOX_EVENT_STARTED, running);
  starting = nb_test_host_launch (connection);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_EXEC);
  nb_test_broker_end (broker);
  for (int i = 0; i < 2; i++)
    {
      while (nestbox_connection_dispatch (connection, &event) == 0)
        nb_test_wait_readable (nestbox_connection_get_fd (connection));
      g_assert_cmpint (event.type, ==,
                       event.child == running ? NESTBOX_EVENT_EXITED
                                              : NESTBOX_EVENT_FAILED);
      g_assert_true (event.child == starting || event.wait_status == SIGKILL);
    }
  nb_test_host_expect_closed (connection);
  g_assert_cmpuint (nestbox_connection_launch (connection, &worker, &failure), ==, 0);
  g_assert_cmpint (failure.code, ==, NESTBOX_ERROR_CLOSED);
  assert_no_child (connection, running);
  nestbox_connection_close (connection);
}

static void
test_broker_ends (void)
{
  run (broker_ends_script);
}

/* Where PIDs are hidden a zygote's children need somebody to stand in for them. */
static void
hidden_script (NbTestBroker *broker, gconstpointer data)
{
  NestboxConnection *connection = nb_connection_connect (broker->socket);
  NestboxLaunch request = worker;
  NestboxHandle zygote;
  NestboxEvent event;

  (void)data;
  request.kind = NESTBOX_KIND_ZYGOTE;
  zygote = nestbox_connection_launch (connection, &request, NULL);
  nb_test_broker_greet (broker);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_EXEC);
  nb_test_broker_answer_exec (broker, 0);
  event = nb_test_host_expect (connection, NESTBOX_EVENT_FAILED, zygote);
  g_assert_nonnull (strstr (event.failure.text, "PIDs are hidden"));
  g_assert_cmpint (nb_test_broker_expect (broker, NB_MESSAGE_KILL)->signal, ==, SIGKILL);
  nestbox_connection_close (connection);
  nb_test_broker_end (broker);
}

static void
test_hidden_zygote (void)
{
  nb_test_broker_run (&good_portal, NB_WALL_AUTO, NB_PIDS_STAND_IN, hidden_script, NULL);
}

/* --- a broker that says what it likes --- */

static void
say (int broker, NbMessageType type, NestboxHandle child, int value)
{
  NbMessage message = { .type = type, .serial = child, .child = child };

  if (type == NB_MESSAGE_RESULT)
    {
      message.result.error = value;
      message.result.detail = nb_slice (value == 0 ? NB_DETAIL_NO_X11 : "no");
    }
  else
    message.wait_status = value;
  g_assert_cmpint (nb_message_send (broker, &message, NULL, 0), ==, 0);
}

static void
test_wrong_broker (void)
{
  NestboxConnection *connection;
  NestboxHandle child, failed;
  int ends[2];

  g_assert_cmpint (nb_channel_pair (ends), ==, 0);
  connection = nb_connection_new (ends[0], NULL);
  child = nb_test_host_launch (connection);
  failed = nb_test_host_launch (connection);
  say (ends[1], NB_MESSAGE_EXITED, child, 0);      /* it does not run */
  say (ends[1], NB_MESSAGE_RESULT, child + 10, 0); /* there is none */
  say (ends[1], NB_MESSAGE_BORN, child, 0);        /* not for clients */
  say (ends[1], NB_MESSAGE_RESULT, child, 0);
  say (ends[1], NB_MESSAGE_RESULT, child, ENOENT); /* it runs */
  say (ends[1], NB_MESSAGE_RESULT, failed, ENOTSUP);
  say (ends[1], NB_MESSAGE_RESULT, failed, 0);
  say (ends[1], NB_MESSAGE_EXITED, failed, 0);
  say (ends[1], NB_MESSAGE_EXITED, child, 7 << 8);
  say (ends[1], NB_MESSAGE_EXITED, child, 9);
  g_assert_true (nb_test_host_expect (connection, NESTBOX_EVENT_STARTED, child).no_x11);
  g_assert_cmpint (
      nb_test_host_expect (connection, NESTBOX_EVENT_FAILED, failed).failure.code, ==,
      NESTBOX_ERROR_REFUSED);
  g_assert_cmpint (
      nb_test_host_expect (connection, NESTBOX_EVENT_EXITED, child).wait_status, ==,
      7 << 8);
  nb_test_host_expect_nothing (connection);
  child = nb_test_host_launch (connection);
  g_assert_cmpint (nb_channel_send (ends[1], "x", 1, NULL, 0), ==, 0); /* malformed */
  (void)nb_test_host_expect (connection, NESTBOX_EVENT_FAILED, child);
  nb_test_host_expect_closed (connection);
  nestbox_connection_close (connection);
  nb_fd_clear (&ends[1]);
}

/* --- whose a process is --- */

static void
refused_to_identify (NestboxConnection *connection, int fd, NestboxError code, int error)
{
  NestboxFailure failure = { 0 };

  g_assert_cmpuint (nestbox_connection_identify (connection, fd, &failure), ==, 0);
  g_assert_cmpint (failure.code, ==, code);
  g_assert_cmpint (failure.error_number, ==, error);
  g_assert_cmpstr (failure.text, !=, "");
}

static void
answer_identify (NbTestBroker *broker, guint32 started, int error)
{
  NbMessage message = { .type = NB_MESSAGE_IDENTIFIED };

  message.serial = nb_test_broker_expect (broker, NB_MESSAGE_IDENTIFY)->serial;
  message.identity = (NbIdentity){ .error = error,
                                   .program = started,
                                   .descends = true,
                                   .pid = 12,
                                   .start = 34,
                                   .instance = nb_slice ("5678") };
  nb_test_broker_send (broker, &message, -1);
}

static void
identify_script (NbTestBroker *broker, gconstpointer data)
{
  NestboxConnection *connection = nb_connection_connect (broker->socket);
  NestboxHandle child = nb_test_host_launch (connection);
  nb_autofd pidfd = (int)syscall (SYS_pidfd_open, getpid (), 0),
            file = nb_test_text_file ("");
  NestboxEvent event;
  uint32_t question;
  guint32 id;
  int ends[2];

  (void)data;
  nb_test_broker_greet (broker);
  id = nb_test_broker_expect (broker, NB_MESSAGE_EXEC)->child;
  nb_test_broker_answer_exec (broker, 0);
  (void)nb_test_host_expect (connection, NESTBOX_EVENT_STARTED, child);
  question = nestbox_connection_identify (connection, pidfd, NULL);
  g_assert_cmpuint (question, !=, 0);
  answer_identify (broker, id, 0);
  event = nb_test_host_expect (connection, NESTBOX_EVENT_IDENTIFIED, 0);
  g_assert_cmpuint (event.question, ==, question);
  g_assert_cmpint ((int)event.failure.code, ==, 0);
  g_assert_cmpuint (event.identity.child, ==, child);
  g_assert_cmpint (event.identity.kind, ==, NESTBOX_KIND_WORKER);
  g_assert_true (event.identity.descends);
  g_assert_cmpstr (event.identity.sandbox, ==, "pages");
  g_assert_cmpstr (event.identity.instance, ==, "5678");
  g_assert_cmpint (event.identity.pid, ==, 12);
  g_assert_cmpuint (event.identity.start, ==, 34);
  g_assert_cmpuint (nestbox_connection_identify (connection, pidfd, NULL), >, question);
  answer_identify (broker, 0, ESRCH);
  event = nb_test_host_expect (connection, NESTBOX_EVENT_IDENTIFIED, 0);
  g_assert_cmpint (event.failure.code, ==, NESTBOX_ERROR_NO_CHILD);
  g_assert_cmpint (event.failure.error_number, ==, ENOENT);
  g_assert_cmpuint (event.identity.child, ==, 0);
  g_assert_cmpint (nb_channel_pair (ends), ==, 0);
  refused_to_identify (connection, ends[0], NESTBOX_ERROR_REFUSED, EISCONN);
  refused_to_identify (connection, file, NESTBOX_ERROR_INVALID, EBADF);
  refused_to_identify (connection, -1, NESTBOX_ERROR_INVALID, EBADF);
  nb_fd_clear (&ends[0]);
  nb_fd_clear (&ends[1]);
  nestbox_connection_close (connection);
  nb_test_broker_end (broker);
}

static void
test_identify (void)
{
  nb_test_broker_run (&good_portal, NB_WALL_AUTO, NB_PIDS_STAND_IN, identify_script, NULL);
}

int
main (int argc, char **argv)
{
  nb_test_portal_init ();
  nb_test_init (&argc, &argv);
  nb_test_add ("/library/child", test_life);
  nb_test_add ("/library/child/not-started", test_not_started);
  nb_test_add ("/library/child/descriptors", test_descriptors);
  nb_test_add ("/library/child/environment", test_environment);
  nb_test_add ("/library/limits/flood", test_flood);
  nb_test_add ("/library/identify", test_identify);
  nb_test_add ("/library/place", test_place);
  nb_test_add ("/library/place/unavailable", test_unavailable);
  nb_test_add ("/library/place/outside", test_outside);
  nb_test_add ("/library/end", test_broker_ends);
  nb_test_add ("/library/hidden-zygote", test_hidden_zygote);
  nb_test_add ("/library/wrong-broker", test_wrong_broker);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* libnestbox: what a browser needs besides children, with a broker and stand-ins. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/library/connection.h"
#include "spawn/library/execute.h"
#include "tests/lib/nb-broker.h"
#include "tests/lib/nb-host.h"
#include "tests/lib/nb-test.h"

static const NbTestPortal good_portal = { .version = 6, .supports = 1 };

/* --- where PIDs are hidden --- */

static int
start_nursery (int link, int control)
{
  static const char *const argv[] = { "nestbox-chrome-sandbox", "--nursery", NULL };
  g_autofree char *path = g_build_filename (g_getenv ("NESTBOX_TEST_BUILD"), argv[0], NULL);

  const int fds[] = { link, control };

  return -nb_library_execute (path, argv, fds, NB_ARRAY_SIZE (fds));
}

static int
start_nothing (int link, int control)
{
  static const char *const argv[] = { "nestbox-chrome-sandbox", NULL };

  const int fds[] = { link, control };

  return -nb_library_execute ("/nowhere/nestbox-chrome-sandbox", argv, fds,
                              NB_ARRAY_SIZE (fds));
}

/* A zygote that was asked for, and whose link is the test's, who is its relay. */
typedef struct
{
  NestboxConnection *connection;
  NestboxHandle handle;
  int control, link; /* the browser's end, the relay's; owned */
  NbPacket packet;
} Zygote;

static void
zygote_launch (Zygote *zygote, NbTestBroker *broker, NbLinkServer server)
{
  static const char *const program[] = { "/app/bin/x", NULL };
  NestboxLaunch request = { .kind = NESTBOX_KIND_ZYGOTE, .argv = program };
  NestboxFd fd = { .target = NB_CONTROL_FD };
  int ends[2];

  zygote->connection = nb_connection_connect (broker->socket);
  nb_connection_serve_links (zygote->connection, server);
  g_assert_cmpint (nb_channel_pair (ends), ==, 0);
  g_assert_cmpint (nb_channel_pass_credentials (ends[0]), ==, 0);
  fd.fd = ends[1];
  request.fds = &fd;
  request.n_fds = 1;
  zygote->handle = nestbox_connection_launch (zygote->connection, &request, NULL);
  nb_fd_clear (&ends[1]);
  zygote->control = ends[0];
  nb_test_broker_greet (broker);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_EXEC);
  g_assert_cmpuint (broker->packet.n_fds, ==, 2);
  zygote->link = nb_packet_steal_fd (&broker->packet, 1);
  nb_packet_clear (&broker->packet);
  nb_test_broker_answer_exec (broker, 0);
}

/* The greeting has to come from a process of its own, which no one has to wait for. */
static void
zygote_greet (Zygote *zygote, guint32 serial, const char *text, size_t size)
{
  NbMessage message = { .type = NB_MESSAGE_SAY, .serial = serial };

  message.text = (NbSlice){ text, size };
  g_assert_cmpint (nb_message_send (zygote->link, &message, NULL, 0), ==, 0);
  nb_test_wait_readable (zygote->control);
  g_assert_cmpint (nb_channel_receive (zygote->control, &zygote->packet), ==, 1);
  nb_test_assert_bytes (zygote->packet.bytes, zygote->packet.size, text, size);
  g_assert_cmpint (zygote->packet.pid, >, 1);
  g_assert_cmpint (zygote->packet.pid, !=, getpid ());
  nb_test_wait_readable (zygote->link);
  g_assert_cmpint (nb_channel_receive (zygote->link, &zygote->packet), ==, 1);
  g_assert_cmpint (nb_message_decode (&zygote->packet, &message), ==, 0);
  g_assert_cmpint (message.result.error, ==, 0);
}

/* A stand-in for a child of this id. Its PID. */
static pid_t
zygote_bear (Zygote *zygote, guint32 id)
{
  NbMessage message = { .type = NB_MESSAGE_BORN, .child = id };
  int ends[2];
  pid_t pid;

  g_assert_cmpint (nb_channel_pair (ends), ==, 0);
  g_assert_cmpint (nb_channel_pass_credentials (ends[0]), ==, 0);
  g_assert_cmpint (nb_message_send (zygote->link, &message, &ends[1], 1), ==, 0);
  nb_fd_clear (&ends[1]);
  nb_test_wait_readable (ends[0]);
  g_assert_cmpint (nb_channel_receive (ends[0], &zygote->packet), ==, 1);
  nb_test_assert_bytes (zygote->packet.bytes, zygote->packet.size, NB_ZYGOTE_PING,
                        sizeof NB_ZYGOTE_PING);
  pid = zygote->packet.pid;
  nb_fd_clear (&ends[0]);
  return pid;
}

static void
nursery_script (NbTestBroker *broker, gconstpointer data)
{
  unsigned n_children = nb_test_count_children (getpid ()); /* the bus */
  Zygote zygote;
  NbMessage message;
  int ended;
  pid_t pid;

  (void)data;
  zygote_launch (&zygote, broker, start_nursery);
  (void)nb_test_host_expect (zygote.connection, NESTBOX_EVENT_STARTED, zygote.handle);
  g_assert_cmpuint (nb_test_count_children (getpid ()), ==, n_children);
  zygote_greet (&zygote, 2, NB_ZYGOTE_BOOT, sizeof NB_ZYGOTE_BOOT);
  zygote_greet (&zygote, 1, NB_ZYGOTE_HELLO, sizeof NB_ZYGOTE_HELLO);
  /* Nobody else has the zygote's end: in life the relay has. */
  nb_test_wait_readable (zygote.control);
  g_assert_cmpint (nb_channel_receive (zygote.control, &zygote.packet), ==, 0);
  pid = zygote_bear (&zygote, 7);
  ended = (int)syscall (SYS_pidfd_open, pid, 0);
  g_assert_cmpint (ended, >=, 0);
  g_assert_cmpint (kill (pid, SIGTERM), ==, 0);
  nb_test_wait_readable (zygote.link);
  g_assert_cmpint (nb_channel_receive (zygote.link, &zygote.packet), ==, 1);
  g_assert_cmpint (nb_message_decode (&zygote.packet, &message), ==, 0);
  g_assert_cmpint (message.type, ==, NB_MESSAGE_KILL);
  g_assert_cmpuint (message.child, ==, 7);
  g_assert_cmpint (message.signal, ==, SIGTERM);
  nb_fd_clear (&zygote.link);
  nb_test_wait_readable (ended);
  nb_fd_clear (&ended);
  nb_fd_clear (&zygote.control);
  nestbox_connection_close (zygote.connection);
  nb_test_broker_end (broker);
}

static void
test_nursery (void)
{
  nb_test_broker_run (&good_portal, NB_WALL_AUTO, NB_PIDS_STAND_IN, nursery_script, NULL);
}

static void
no_nursery_script (NbTestBroker *broker, gconstpointer data)
{
  Zygote zygote;
  NestboxEvent event;

  (void)data;
  zygote_launch (&zygote, broker, start_nothing);
  event = nb_test_host_expect (zygote.connection, NESTBOX_EVENT_FAILED, zygote.handle);
  g_assert_cmpint (event.failure.error_number, ==, ENOENT);
  g_assert_nonnull (strstr (event.failure.text, "PIDs are hidden"));
  g_assert_cmpint (nb_test_broker_expect (broker, NB_MESSAGE_KILL)->signal, ==, SIGKILL);
  /* The browser does not wait for a greeting that cannot come. */
  nb_test_wait_readable (zygote.control);
  g_assert_cmpint (nb_channel_receive (zygote.control, &zygote.packet), ==, 0);
  nb_fd_clear (&zygote.link);
  nb_fd_clear (&zygote.control);
  nestbox_connection_close (zygote.connection);
  nb_test_broker_end (broker);
}

static void
test_no_nursery (void)
{
  nb_test_broker_run (&good_portal, NB_WALL_AUTO, NB_PIDS_STAND_IN, no_nursery_script,
                      NULL);
}

/* --- OOM scores --- */

static void
pause_cb (gconstpointer data)
{
  (void)data;
  (void)pause ();
}

static int
read_oom_score (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/oom_score_adj", pid), *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return atoi (text);
}

static void
adjust (NestboxConnection *connection, int pid, int score)
{
  NestboxFailure failure;

  if (!nestbox_connection_adjust_oom (connection, pid, score, &failure))
    g_error ("%s", failure.text);
}

/* What no sub-sandbox knows is set by the host; what one knows, and what has ended, not. */
static void
oom_script (NbTestBroker *broker, gconstpointer data)
{
  NestboxConnection *connection = nb_connection_connect (broker->socket);
  pid_t outside = *(const pid_t *)data;
  int answered = read_oom_score (outside) + 100;
  NestboxFailure failure;

  nb_connection_probe (connection);
  nb_test_broker_greet (broker);
  (void)nb_test_host_expect (connection, NESTBOX_EVENT_READY, 0);
  g_assert_false (nestbox_connection_adjust_oom (connection, 1, 300, &failure));
  g_assert_cmpint (failure.code, ==, NESTBOX_ERROR_INVALID);
  g_assert_false (nestbox_connection_adjust_oom (connection, outside, 1001, &failure));
  g_assert_false (nestbox_connection_adjust_oom (connection, outside, -1, NULL));
  adjust (connection, outside, answered);
  while (read_oom_score (outside) != answered)
    {
      nb_test_wait_readable (nestbox_connection_get_fd (connection));
      nb_test_host_expect_nothing (connection);
    }
  nestbox_connection_close (connection);
  nb_test_broker_end (broker);
}

static void
test_oom (void)
{
  pid_t outside = nb_test_fork (pause_cb, NULL);

  nb_test_broker_run (&good_portal, NB_WALL_AUTO, NB_PIDS_VISIBLE, oom_script, &outside);
  g_assert_cmpint (kill (outside, SIGKILL), ==, 0);
  (void)nb_test_wait (outside);
}

int
main (int argc, char **argv)
{
  nb_test_portal_init ();
  nb_test_init (&argc, &argv);
  nb_test_add ("/library-zygote/nursery", test_nursery);
  nb_test_add ("/library-zygote/no-nursery", test_no_nursery);
  nb_test_add ("/library-zygote/oom-score", test_oom);
  return g_test_run ();
}

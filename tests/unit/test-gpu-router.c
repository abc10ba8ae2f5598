/* SPDX-License-Identifier: BSD-3-Clause */
/* One browser and its two zygotes, all played by the test: who gets to hear what. */
#include "spawn/gpu-router/router.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "spawn/base/fd.h"
#include "spawn/gpu-router/routed-children.h"
#include "tests/lib/nb-test.h"
#include "zygote/wire/channel.h"
#include "zygote/wire/zygote-command.h"

enum
{
  GPU_PID = 0x7001,
  APP_PID = 0x7002,
  NOBODYS_PID = 0x7fff,
  WAS_KILLED = 2, /* base/process/kill.h */
  RUNS = 4,
  MORE_THAN_FIT = 1000, /* short messages, into a socket's buffer */
};

typedef struct
{
  NbRouter *router;
  int browser;           /* our end; -1 once closed */
  int ends[NB_N_ROUTES]; /* the zygotes' ends; -1: not there */
  unsigned starts;       /* of the app's zygote */
  unsigned gpu_forks;    /* asked whether they may be */
  bool refuse_to_start, refuse_gpu;
} Fixture;

static NbPacket packet;

/* --- the fixture --- */

static int
start_app_zygote (void *data)
{
  Fixture *self = data;
  int ends[2];

  self->starts++;
  if (self->refuse_to_start)
    return -1;
  g_assert_cmpint (nb_channel_pair (ends), ==, 0);
  self->ends[NB_ROUTE_APP] = ends[1];
  return ends[0];
}

static bool
may_fork_gpu (void *data, const NbZygoteCommand *fork)
{
  Fixture *self = data;

  g_assert_cmpuint (fork->n_arguments, ==, 1);
  self->gpu_forks++;
  return !self->refuse_gpu;
}

static Fixture *
fixture_new (void)
{
  Fixture *self = g_new0 (Fixture, 1);
  NbRouterHooks hooks = { start_app_zygote, may_fork_gpu, self };
  int control[2], gpu[2];

  g_assert_cmpint (nb_channel_pair (control), ==, 0);
  g_assert_cmpint (nb_channel_pair (gpu), ==, 0);
  self->browser = control[0];
  self->ends[NB_ROUTE_APP] = -1;
  self->ends[NB_ROUTE_GPU] = gpu[1];
  self->router = nb_router_new (control[1], gpu[0], &hooks);
  g_assert_nonnull (self->router);
  return self;
}

static void
fixture_free (Fixture *self)
{
  nb_router_free (self->router);
  nb_packet_clear (&packet);
  nb_fd_clear (&self->browser);
  for (NbRoute route = 0; route < NB_N_ROUTES; route++)
    nb_fd_clear (&self->ends[route]);
  g_free (self);
}

/* Serves what is there. */
static void
settle (Fixture *self)
{
  while (nb_test_is_readable (nb_router_fd (self->router)))
    g_assert_cmpint (nb_router_serve (self->router), ==, 0);
}

static void
send_words (Fixture *self, int from, const int32_t *words, size_t n)
{
  g_assert_cmpint (nb_channel_send (from, words, n * sizeof *words, NULL, 0), ==, 0);
  settle (self);
}

#define SEND(self, from, ...)                                                              \
  send_words (self, from, (const int32_t[]){ __VA_ARGS__ },                                \
              sizeof ((int32_t[]){ __VA_ARGS__ }) / sizeof (int32_t))

static void
expect_words (int at, const int32_t *words, size_t n)
{
  nb_packet_clear (&packet);
  nb_test_wait_readable (at);
  g_assert_cmpint (nb_channel_receive (at, &packet), ==, 1);
  nb_test_assert_bytes (packet.bytes, packet.size, words, n * sizeof *words);
}

#define EXPECT(at, ...)                                                                    \
  expect_words (at, (const int32_t[]){ __VA_ARGS__ },                                      \
                sizeof ((int32_t[]){ __VA_ARGS__ }) / sizeof (int32_t))

static void
expect_quiet (Fixture *self)
{
  settle (self);
  g_assert_false (nb_test_is_readable (self->browser));
  for (NbRoute route = 0; route < NB_N_ROUTES; route++)
    g_assert_true (self->ends[route] < 0 || !nb_test_is_readable (self->ends[route]));
}

/* --- parts of conversations --- */

/* Sends a Fork; what is returned is the browser's end of the oracle. */
static int
ask_fork (Fixture *self, const char *type)
{
  static NbPickleWriter writer;
  static NbZygoteCommand command;
  size_t size;
  int oracle[2];

  command = (NbZygoteCommand){ .type = NB_ZYGOTE_FORK,
                               .process_type = { type, strlen (type) },
                               .n_arguments = 1,
                               .arguments = { { "/proc/self/exe", 14 } } };
  g_assert_cmpint (nb_zygote_command_encode (&writer, &command, &size), ==, 0);
  g_assert_cmpint (nb_channel_pair (oracle), ==, 0);
  g_assert_cmpint (nb_channel_send (self->browser, writer.bytes, size, &oracle[1], 1), ==,
                   0);
  nb_fd_clear (&oracle[1]);
  settle (self);
  return oracle[0];
}

/* The zygote has it, with the oracle, on which a ping reaches the browser. */
static void
expect_fork (int zygote, int oracle)
{
  static NbZygoteCommand command;
  char text[sizeof NB_ZYGOTE_PING];

  nb_packet_clear (&packet);
  nb_test_wait_readable (zygote);
  g_assert_cmpint (nb_channel_receive (zygote, &packet), ==, 1);
  g_assert_cmpuint (packet.n_fds, ==, 1);
  g_assert_cmpint (nb_zygote_command_decode (packet.bytes, packet.size, 1, &command), ==,
                   0);
  g_assert_cmpint (command.type, ==, NB_ZYGOTE_FORK);
  g_assert_cmpint (
      nb_channel_send (packet.fds[0], NB_ZYGOTE_PING, sizeof NB_ZYGOTE_PING, NULL, 0), ==,
      0);
  nb_packet_clear (&packet);
  g_assert_cmpint (read (oracle, text, sizeof text), ==, sizeof text);
}

static void
fork_child (Fixture *self, const char *type, NbRoute route, int32_t pid)
{
  nb_autofd oracle = ask_fork (self, type);

  expect_fork (self->ends[route], oracle);
  SEND (self, self->browser, 8, NB_ZYGOTE_FORK_REAL_PID, pid);
  EXPECT (self->ends[route], 8, NB_ZYGOTE_FORK_REAL_PID, pid);
  SEND (self, self->ends[route], 8, pid, 0);
  EXPECT (self->browser, 8, pid, 0);
  expect_quiet (self);
}

/* The oracle just ends, and the browser says so. */
static void
expect_failed_fork (Fixture *self, int oracle)
{
  char byte;

  nb_test_wait_readable (oracle);
  g_assert_cmpint (read (oracle, &byte, 1), ==, 0);
  SEND (self, self->browser, 8, NB_ZYGOTE_FORK_REAL_PID, -1);
  EXPECT (self->browser, 8, -1, 0);
}

static Fixture *
fixture_new_with_children (void)
{
  Fixture *self = fixture_new ();

  fork_child (self, "gpu-process", NB_ROUTE_GPU, GPU_PID);
  fork_child (self, "utility", NB_ROUTE_APP, APP_PID);
  return self;
}

/* --- what goes where --- */

static void
test_forks (void)
{
  Fixture *self = fixture_new ();

  g_assert_cmpuint (self->starts, ==, 0);
  fork_child (self, "gpu-process", NB_ROUTE_GPU, GPU_PID);
  g_assert_cmpuint (self->starts, ==, 0);
  fork_child (self, "utility", NB_ROUTE_APP, APP_PID);
  fork_child (self, "gpu-process-broker", NB_ROUTE_APP, APP_PID + 1);
  g_assert_cmpuint (self->starts, ==, 1);
  g_assert_cmpuint (self->gpu_forks, ==, 1);
  fixture_free (self);
}

static void
test_sandbox_status (void)
{
  Fixture *self = fixture_new ();

  SEND (self, self->browser, 4, NB_ZYGOTE_SANDBOX_STATUS);
  EXPECT (self->browser, 0);
  expect_quiet (self);
  g_assert_cmpuint (self->starts, ==, 0);
  fixture_free (self);
}

static void
check_status (Fixture *self, NbRoute route, int32_t pid)
{
  SEND (self, self->browser, 12, NB_ZYGOTE_TERMINATION_STATUS, 0, pid);
  EXPECT (self->ends[route], 12, NB_ZYGOTE_TERMINATION_STATUS, 0, pid);
  SEND (self, self->ends[route], 8, RUNS, 0);
  EXPECT (self->browser, 8, RUNS, 0);
}

/* A running child is asked after again; of one that has ended nothing is known any more. */
static void
test_status (void)
{
  Fixture *self = fixture_new_with_children ();

  check_status (self, NB_ROUTE_APP, APP_PID);
  check_status (self, NB_ROUTE_GPU, GPU_PID);
  SEND (self, self->browser, 12, NB_ZYGOTE_TERMINATION_STATUS, 1, GPU_PID);
  EXPECT (self->ends[NB_ROUTE_GPU], 12, NB_ZYGOTE_TERMINATION_STATUS, 1, GPU_PID);
  SEND (self, self->ends[NB_ROUTE_GPU], 8, WAS_KILLED, 9);
  EXPECT (self->browser, 8, WAS_KILLED, 9);
  SEND (self, self->browser, 12, NB_ZYGOTE_TERMINATION_STATUS, 1, GPU_PID);
  EXPECT (self->browser, 8, 0, 0);
  check_status (self, NB_ROUTE_APP, APP_PID);
  expect_quiet (self);
  fixture_free (self);
}

/* A zygote ends when it is told of a child that it does not know. */
static void
test_reap (void)
{
  Fixture *self = fixture_new_with_children ();

  SEND (self, self->browser, 8, NB_ZYGOTE_REAP, NOBODYS_PID);
  expect_quiet (self);
  SEND (self, self->browser, 8, NB_ZYGOTE_REAP, GPU_PID);
  EXPECT (self->ends[NB_ROUTE_GPU], 8, NB_ZYGOTE_REAP, GPU_PID);
  SEND (self, self->browser, 8, NB_ZYGOTE_REAP, GPU_PID);
  expect_quiet (self);
  fork_child (self, "gpu-process", NB_ROUTE_GPU, GPU_PID);
  fixture_free (self);
}

/* A pid that is used again lives where it was forked last. */
static void
test_pid_again (void)
{
  Fixture *self = fixture_new_with_children ();

  fork_child (self, "utility", NB_ROUTE_APP, GPU_PID);
  check_status (self, NB_ROUTE_APP, GPU_PID);
  fixture_free (self);
}

/* --- what fails --- */

/* The Fork waits in the zygote's socket until it is known that none will come. */
static void
test_gpu_refused (void)
{
  Fixture *self = fixture_new ();
  nb_autofd oracle = ask_fork (self, "gpu-process");

  g_assert_false (nb_test_is_readable (oracle));
  nb_fd_clear (&self->ends[NB_ROUTE_GPU]);
  nb_router_drop_gpu (self->router);
  expect_failed_fork (self, oracle);
  nb_fd_clear (&oracle);
  oracle = ask_fork (self, "gpu-process");
  expect_failed_fork (self, oracle);
  g_assert_cmpuint (self->gpu_forks, ==, 2);
  fork_child (self, "utility", NB_ROUTE_APP, APP_PID);
  fixture_free (self);
}

/* Its zygote hears nothing of it, and may be of use later. */
static void
test_gpu_may_not_be_forked (void)
{
  Fixture *self = fixture_new ();
  nb_autofd oracle = -1;

  self->refuse_gpu = true;
  oracle = ask_fork (self, "gpu-process");
  g_assert_false (nb_test_is_readable (self->ends[NB_ROUTE_GPU]));
  expect_failed_fork (self, oracle);
  self->refuse_gpu = false;
  fork_child (self, "gpu-process", NB_ROUTE_GPU, GPU_PID);
  fixture_free (self);
}

static void
test_gpu_zygote_ends (gconstpointer data)
{
  bool asked = data != NULL;
  Fixture *self = fixture_new_with_children ();

  if (asked)
    SEND (self, self->browser, 12, NB_ZYGOTE_TERMINATION_STATUS, 0, GPU_PID);
  nb_fd_clear (&self->ends[NB_ROUTE_GPU]);
  settle (self);
  if (!asked)
    SEND (self, self->browser, 12, NB_ZYGOTE_TERMINATION_STATUS, 0, GPU_PID);
  EXPECT (self->browser, 8, 0, 0);
  check_status (self, NB_ROUTE_APP, APP_PID);
  fixture_free (self);
}

static void
test_zygote_ends_while_it_forks (void)
{
  Fixture *self = fixture_new ();
  nb_autofd oracle = ask_fork (self, "gpu-process");

  expect_fork (self->ends[NB_ROUTE_GPU], oracle);
  SEND (self, self->browser, 8, NB_ZYGOTE_FORK_REAL_PID, GPU_PID);
  nb_fd_clear (&self->ends[NB_ROUTE_GPU]);
  settle (self);
  EXPECT (self->browser, 8, -1, 0);
  fixture_free (self);
}

static void
test_app_zygote_cannot_start (void)
{
  Fixture *self = fixture_new ();

  self->refuse_to_start = true;
  for (int i = 0; i < 2; i++)
    {
      nb_autofd oracle = ask_fork (self, "utility");

      expect_failed_fork (self, oracle);
    }
  g_assert_cmpuint (self->starts, ==, 1);
  fork_child (self, "gpu-process", NB_ROUTE_GPU, GPU_PID);
  fixture_free (self);
}

/* It would take the real PID for a command, and end. */
static void
test_zygote_refuses (void)
{
  Fixture *self = fixture_new ();
  nb_autofd oracle = ask_fork (self, "gpu-process");

  g_assert_cmpint (oracle, >=, 0);
  nb_packet_clear (&packet);
  g_assert_cmpint (nb_channel_receive (self->ends[NB_ROUTE_GPU], &packet), ==, 1);
  nb_packet_clear (&packet);
  SEND (self, self->ends[NB_ROUTE_GPU], 8, -1, 0);
  EXPECT (self->browser, 8, -1, 0);
  SEND (self, self->browser, 8, NB_ZYGOTE_FORK_REAL_PID, -1);
  expect_quiet (self);
  fork_child (self, "gpu-process", NB_ROUTE_GPU, GPU_PID);
  fixture_free (self);
}

/* The browser would signal whatever pid it gets. */
static void
test_zygote_names_another_pid (void)
{
  Fixture *self = fixture_new ();
  nb_autofd oracle = ask_fork (self, "gpu-process");

  expect_fork (self->ends[NB_ROUTE_GPU], oracle);
  SEND (self, self->browser, 8, NB_ZYGOTE_FORK_REAL_PID, GPU_PID);
  EXPECT (self->ends[NB_ROUTE_GPU], 8, NB_ZYGOTE_FORK_REAL_PID, GPU_PID);
  SEND (self, self->ends[NB_ROUTE_GPU], 8, NOBODYS_PID, 0);
  EXPECT (self->browser, 8, -1, 0);
  SEND (self, self->browser, 12, NB_ZYGOTE_TERMINATION_STATUS, 0, NOBODYS_PID);
  EXPECT (self->browser, 8, 0, 0);
  fixture_free (self);
}

/* What nobody asked for is not passed on, and ends the conversation with who said it. */
static void
test_zygote_speaks_unasked (void)
{
  Fixture *self = fixture_new_with_children ();

  SEND (self, self->ends[NB_ROUTE_GPU], 8, GPU_PID, 0);
  g_assert_false (nb_test_is_readable (self->browser));
  g_assert_cmpint (nb_channel_receive (self->ends[NB_ROUTE_GPU], &packet), ==, 0);
  check_status (self, NB_ROUTE_APP, APP_PID);
  fixture_free (self);
}

/* While the one is asked, the other has nothing to say. */
static void
test_wrong_zygote_answers (void)
{
  Fixture *self = fixture_new_with_children ();

  SEND (self, self->browser, 12, NB_ZYGOTE_TERMINATION_STATUS, 0, APP_PID);
  SEND (self, self->ends[NB_ROUTE_GPU], 8, WAS_KILLED, 9);
  g_assert_false (nb_test_is_readable (self->browser));
  EXPECT (self->ends[NB_ROUTE_APP], 12, NB_ZYGOTE_TERMINATION_STATUS, 0, APP_PID);
  SEND (self, self->ends[NB_ROUTE_APP], 8, RUNS, 0);
  EXPECT (self->browser, 8, RUNS, 0);
  fixture_free (self);
}

/* Of the browser nothing is believed to be perfect either. */
static void
test_nonsense_is_ignored (void)
{
  Fixture *self = fixture_new_with_children ();

  SEND (self, self->browser, 0x7fffffff);
  SEND (self, self->browser, 4, 99);
  SEND (self, self->browser, 8, NB_ZYGOTE_FORK_REAL_PID, GPU_PID);
  expect_quiet (self);
  check_status (self, NB_ROUTE_GPU, GPU_PID);
  fixture_free (self);
}

static void
test_browser_ends (void)
{
  Fixture *self = fixture_new_with_children ();

  nb_fd_clear (&self->browser);
  nb_test_wait_readable (nb_router_fd (self->router));
  g_assert_cmpint (nb_router_serve (self->router), <, 0);
  fixture_free (self);
}

/* --- who does not read is given up: the others are to be served --- */

/* Questions that the router answers itself, more than the browser's socket holds. */
static void
test_browser_reads_nothing (void)
{
  static const int32_t question[] = { 4, NB_ZYGOTE_SANDBOX_STATUS };
  Fixture *self = fixture_new ();
  int result = 0, n = 0;

  while (result == 0 && n++ < MORE_THAN_FIT)
    {
      g_assert_cmpint (nb_channel_send (self->browser, question, sizeof question, NULL, 0),
                       ==, 0);
      while (result == 0 && nb_test_is_readable (nb_router_fd (self->router)))
        result = nb_router_serve (self->router);
    }
  g_assert_cmpint (result, ==, -EPIPE); /* and its program ends */
  fixture_free (self);
}

/* Reaps have no answer, so they can be many; the other zygote's children go on. */
static void
test_zygote_reads_nothing (void)
{
  Fixture *self = fixture_new_with_children ();

  for (int32_t pid = APP_PID + 1; pid < APP_PID + MORE_THAN_FIT; pid++)
    {
      nb_autofd oracle = ask_fork (self, "utility");

      nb_packet_clear (&packet);
      if (!nb_test_is_readable (self->ends[NB_ROUTE_APP]))
        break;
      expect_fork (self->ends[NB_ROUTE_APP], oracle);
      SEND (self, self->browser, 8, NB_ZYGOTE_FORK_REAL_PID, pid);
      EXPECT (self->ends[NB_ROUTE_APP], 8, NB_ZYGOTE_FORK_REAL_PID, pid);
      SEND (self, self->ends[NB_ROUTE_APP], 8, pid, 0);
      EXPECT (self->browser, 8, pid, 0);
    }
  for (int32_t pid = APP_PID; pid < APP_PID + MORE_THAN_FIT; pid++)
    SEND (self, self->browser, 8, NB_ZYGOTE_REAP, pid);
  while (nb_test_is_readable (self->ends[NB_ROUTE_APP])
         && nb_channel_receive (self->ends[NB_ROUTE_APP], &packet) > 0)
    ;
  nb_test_wait_readable (self->ends[NB_ROUTE_APP]); /* the router has closed it */
  check_status (self, NB_ROUTE_GPU, GPU_PID);
  fixture_free (self);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/gpu-router/forks-by-type", test_forks);
  nb_test_add ("/gpu-router/sandbox-status-is-none", test_sandbox_status);
  nb_test_add ("/gpu-router/status-by-pid", test_status);
  nb_test_add ("/gpu-router/reap-by-pid", test_reap);
  nb_test_add ("/gpu-router/pid-used-again", test_pid_again);
  nb_test_add ("/gpu-router/gpu-sandbox-is-refused", test_gpu_refused);
  nb_test_add ("/gpu-router/gpu-may-not-be-forked", test_gpu_may_not_be_forked);
  nb_test_add_case ("/gpu-router/gpu-zygote-ends", "before-it-is-asked", NULL,
                    test_gpu_zygote_ends);
  nb_test_add_case ("/gpu-router/gpu-zygote-ends", "when-it-was-asked", "",
                    test_gpu_zygote_ends);
  nb_test_add ("/gpu-router/gpu-zygote-ends/while-it-forks",
               test_zygote_ends_while_it_forks);
  nb_test_add ("/gpu-router/app-zygote-cannot-start", test_app_zygote_cannot_start);
  nb_test_add ("/gpu-router/zygote/refuses", test_zygote_refuses);
  nb_test_add ("/gpu-router/zygote/names-another-pid", test_zygote_names_another_pid);
  nb_test_add ("/gpu-router/zygote/speaks-unasked", test_zygote_speaks_unasked);
  nb_test_add ("/gpu-router/zygote/answers-for-the-other", test_wrong_zygote_answers);
  nb_test_add ("/gpu-router/nonsense-is-ignored", test_nonsense_is_ignored);
  nb_test_add ("/gpu-router/browser-ends", test_browser_ends);
  nb_test_add ("/gpu-router/browser-reads-nothing", test_browser_reads_nothing);
  nb_test_add ("/gpu-router/zygote-reads-nothing", test_zygote_reads_nothing);
  return g_test_run ();
}

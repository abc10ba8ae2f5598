/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A broker between portals that do what they should not: one row for each behaviour, and
 * each row for the sub-sandbox of the pages and, where it can differ, for the GPU's.
 * Whatever the portal does, a client hears of it once, within the bound that
 * zygote/PROTOCOL.md (section 12) names; what was started is told to go; the broker ends
 * with its browser; and no child, descriptor, socket or folder is left.
 *
 * Rows that wait for a deadline of the broker, or end the bus, have a process and a bus of
 * their own, and all of these run at the same time.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/portal/portal-names.h"
#include "tests/lib/nb-beside.h"
#include "tests/lib/nb-broker.h"
#include "tests/lib/nb-test.h"

enum
{
  /* zygote/PROTOCOL.md, section 12 */
  PORTAL_MS = 4000,
  SPAWN_MS = 10000,
  HELLO_MS = 20000,
  END_MS = 1800,
  SLACK_MS = 3000, /* of a loaded machine */
  STOPPED_MS = 2500,

  FLAGS_1 = NB_SPAWN_SANDBOX | NB_SPAWN_NO_NETWORK,
  FLAGS_2 = FLAGS_1 | NB_SPAWN_WATCH_BUS,
  FLAGS_3 = FLAGS_2 | NB_SPAWN_EXPOSE_PIDS,
};

typedef enum
{
  IN_BOTH,
  IN_PAGES,
  IN_GPU,
} Where;

typedef struct
{
  const char *name;
  NbTestPortal portal;
  const char *reason; /* that the client hears; NULL: its program runs to its end */
  guint bound_ms;     /* which deadline it hears it at; 0: at once */
  Where where;
  gboolean alone;     /* in a process of its own, as all that wait for a deadline */
  gboolean is_killed; /* at the end, by SpawnSignal: nobody has said that it is gone */
  gboolean no_portal;
  NbPids pids;
  guint flags; /* of Spawn; 0: not looked at */
  gboolean unsets, has_display;
  void (*script) (NbTestBroker *, gconstpointer);  /* NULL: by happen and reason */
  void (*happen) (NbTestBroker *, gboolean again); /* while a program runs */
} Row;

/* A row, for one of the sub-sandboxes. */
typedef struct
{
  const Row *row;
  NbProfile profile;
  char *path;
  NbTestBeside beside; /* where it has a process of its own */
} Case;

static const NbKind kinds[]
    = { [NB_PROFILE_PAGES] = NB_KIND_NONE, [NB_PROFILE_GPU] = NB_KIND_GPU };

/* --- parts of conversations --- */

static gint64
now_ms (void)
{
  return g_get_monotonic_time () / 1000;
}

/* What the client is told comes within the bound, and not before. */
static void
expect_error (int client, int error, const char *reason, guint bound_ms)
{
  gint64 since = now_ms ();

  g_assert_true (nb_test_is_readable_within (client, bound_ms + SLACK_MS));
  g_assert_cmpint (now_ms () - since, >=, (gint64)bound_ms * 3 / 4);
  nb_test_client_expect_result (client, error, reason);
}

static void
expect_refusal (int client, const char *reason, guint bound_ms)
{
  expect_error (client, ECONNREFUSED, reason, bound_ms);
}

/* In the sub-sandbox that broker->spawn means, from its request to its end. */
static void
finish_program (NbTestBroker *broker, int client, NbKind kind)
{
  NbMessage exited = { .type = NB_MESSAGE_EXITED, .wait_status = 7 << 8 };

  g_assert_cmpint (nb_test_broker_expect (broker, NB_MESSAGE_EXEC)->exec.kind, ==, kind);
  nb_test_broker_answer_exec (broker, 0);
  nb_test_client_expect_result (client, 0, "");
  exited.child = broker->message.child;
  nb_test_broker_send (broker, &exited, -1);
  nb_test_client_expect_exited (client, exited.wait_status);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_REAP);
  g_assert_false (nb_test_is_readable (client));
}

static void
run_program (NbTestBroker *broker, NbProfile profile)
{
  nb_autofd client = nb_test_broker_ask (broker, kinds[profile]);

  finish_program (broker, client, kinds[profile]);
}

/* Asks for a program where the row is about; with the GPU's, the pages are ready. */
static int
begin (NbTestBroker *broker, const Case *test)
{
  if (test->profile == NB_PROFILE_GPU)
    nb_test_broker_greet (broker);
  return nb_test_broker_ask (broker, kinds[test->profile]);
}

/* If there is anything, it sees its channel end. */
static void
expect_told_to_go (void)
{
  NbTestSpawn *spawn = nb_test_portal_try_spawn ();

  if (spawn == NULL)
    return;
  nb_test_client_expect_end (spawn->channel);
  nb_test_spawn_free (spawn);
}

/* --- what rows do --- */

static void
check_request (const Case *test, const NbTestSpawn *spawn)
{
  const Row *row = test->row;
  guint display = NB_SANDBOX_DISPLAY | NB_SANDBOX_GPU;

  if (row->flags == 0)
    return;
  g_assert_cmphex (spawn->flags, ==, row->flags);
  g_assert_cmpint (spawn->unsets, ==, row->unsets);
  g_assert_cmphex (spawn->sandbox_flags, ==,
                   test->profile == NB_PROFILE_GPU && row->has_display ? display : 0);
}

static void
runs_script (NbTestBroker *broker, gconstpointer data)
{
  const Case *test = data;
  nb_autofd client = begin (broker, test);

  nb_test_broker_greet (broker);
  check_request (test, broker->spawn);
  finish_program (broker, client, kinds[test->profile]);
  run_program (broker, test->profile);
  nb_test_broker_end (broker);
}

static void
refused_script (NbTestBroker *broker, gconstpointer data)
{
  const Case *test = data;
  const Row *row = test->row;
  nb_autofd client = begin (broker, test), late = -1;

  expect_refusal (client, row->reason, row->bound_ms);
  late = nb_test_broker_ask (broker, kinds[test->profile]);
  expect_refusal (late, row->reason, 0);
  expect_told_to_go ();
  if (test->profile == NB_PROFILE_GPU) /* the pages have theirs yet */
    run_program (broker, NB_PROFILE_PAGES);
  nb_test_broker_end (broker);
  if (row->is_killed)
    g_assert_cmpuint (nb_test_portal_take_kill (), ==,
                      test->profile == NB_PROFILE_GPU ? NB_TEST_HANDLE + 1
                                                      : NB_TEST_HANDLE);
}

/* An answer that comes when nobody waits for it any more. */
static void
late_answer_script (NbTestBroker *broker, gconstpointer data)
{
  const Case *test = data;
  nb_autofd client = begin (broker, test), late = -1;

  expect_refusal (client, test->row->reason, test->row->bound_ms);
  nb_test_portal_answer ();
  late = nb_test_broker_ask (broker, kinds[test->profile]);
  expect_refusal (late, test->row->reason, 0);
  expect_told_to_go ();
  nb_test_broker_end (broker);
}

/* The bus itself ends while Spawn waits for its answer. */
static void
bus_ends_script (NbTestBroker *broker, gconstpointer data)
{
  const Case *test = data;
  nb_autofd client = begin (broker, test);

  nb_test_broker_take_spawn (broker);
  nb_test_portal_end_bus ();
  expect_refusal (client, test->row->reason, 0);
  nb_test_broker_expect_end (broker);
  nb_test_broker_end (broker);
}

/* What runs goes on, and new programs start, whatever the portal says or does. */
static void
goes_on_script (NbTestBroker *broker, gconstpointer data)
{
  const Case *test = data;
  nb_autofd client = begin (broker, test);

  nb_test_broker_greet (broker);
  test->row->happen (broker, FALSE);
  finish_program (broker, client, kinds[test->profile]);
  test->row->happen (broker, TRUE);
  run_program (broker, test->profile);
  nb_test_broker_end (broker);
}

/* Of the outer process, twice in all, and of somebody else's. */
static void
emit_exits (NbTestBroker *broker, gboolean again)
{
  (void)again;
  nb_test_portal_emit_exited (broker->spawn->handle, 256);
  nb_test_portal_emit_exited (broker->spawn->handle + 1, 256);
}

static void
lose (NbTestBroker *broker, gboolean again)
{
  (void)broker;
  if (!again)
    nb_test_portal_lose ();
}

static void
restart (NbTestBroker *broker, gboolean again)
{
  (void)broker, (void)again;
  nb_test_portal_restart ();
}

static void
end_bus (NbTestBroker *broker, gboolean again)
{
  (void)broker;
  if (!again)
    nb_test_portal_end_bus ();
}

/* The portal's answer is lost, or never comes; what it was asked for is there. */
static void
answer_lost_script (NbTestBroker *broker, gconstpointer data)
{
  const Case *test = data;
  nb_autofd client = begin (broker, test);

  nb_test_broker_greet (broker);
  if (test->row->bound_ms == 0)
    nb_test_portal_restart ();
  finish_program (broker, client, kinds[test->profile]);
  g_assert_false (
      nb_test_is_readable_within (broker->spawn->channel, test->row->bound_ms + 500));
  run_program (broker, test->profile);
  nb_test_broker_end (broker);
}

/* Between the two Spawns: the GPU's is asked of the new one. */
static void
restarts_between_script (NbTestBroker *broker, gconstpointer data)
{
  (void)data;
  nb_test_broker_greet (broker);
  nb_test_portal_restart ();
  {
    nb_autofd client = nb_test_broker_ask (broker, NB_KIND_GPU);

    nb_test_broker_greet (broker);
    finish_program (broker, client, NB_KIND_GPU);
  }
  broker->spawn = broker->spawns[0];
  run_program (broker, NB_PROFILE_PAGES);
  nb_test_broker_end (broker);
}

static void
lost_between_script (NbTestBroker *broker, gconstpointer data)
{
  const Case *test = data;

  nb_test_broker_greet (broker);
  nb_test_portal_lose ();
  {
    nb_autofd client = nb_test_broker_ask (broker, NB_KIND_GPU);

    expect_refusal (client, test->row->reason, 0);
  }
  run_program (broker, NB_PROFILE_PAGES);
  nb_test_broker_end (broker);
}

/* The GPU's is asked for when that of the pages is ready, and not before. */
static void
asked_first_script (NbTestBroker *broker, gconstpointer data)
{
  NbMessage hello = nb_test_broker_hello ();
  nb_autofd client = nb_test_broker_ask (broker, NB_KIND_GPU);

  (void)data;
  nb_test_broker_take_spawn (broker);
  g_assert_cmphex (broker->spawn->sandbox_flags, ==, 0);
  nb_test_broker_round_trip (broker);
  g_assert_null (nb_test_portal_try_spawn ());
  nb_test_broker_send (broker, &hello, broker->init);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_WELCOME);
  nb_test_broker_greet (broker);
  g_assert_cmphex (broker->spawn->sandbox_flags, !=, 0);
  finish_program (broker, client, NB_KIND_GPU);
  nb_test_broker_end (broker);
}

/*
 * No second Spawn where the first has failed: the GPU process hears what pages hear, and
 * that they do.
 */
static void
pages_refused_script (NbTestBroker *broker, gconstpointer data)
{
  const Case *test = data;
  nb_autofd client = nb_test_broker_ask (broker, NB_KIND_GPU);
  NbTestSpawn *spawn = NULL;

  expect_error (client, ESHUTDOWN, test->row->reason, 0);
  spawn = nb_test_portal_take_spawn ();
  nb_test_spawn_free (spawn);
  g_assert_null (nb_test_portal_try_spawn ());
  nb_test_broker_end (broker);
}

/*
 * The bus ends a connection that sends one descriptor too many, and all that hangs on it.
 * So a client's go another way, however many there are.
 */
static void
most_descriptors_script (NbTestBroker *broker, gconstpointer data)
{
  g_autofree NbMessage *message = g_new0 (NbMessage, 1);
  nb_autofd client = nb_client_connect (broker->socket);
  int fds[NB_CHANNEL_MAX_FDS] = { 0 };
  bool overflow = false;

  (void)data;
  g_assert_true (nb_test_bus_drops (NB_PORTAL_MAX_FDS + 1));
  g_assert_false (nb_test_bus_drops (NB_PORTAL_MAX_FDS));
  message->type = NB_MESSAGE_EXEC;
  message->serial = 1;
  nb_strings_append (&message->exec.argv, "/app/bin/x", &overflow);
  message->exec.n_targets = NB_CHANNEL_MAX_FDS;
  for (int i = 0; i < NB_CHANNEL_MAX_FDS; i++)
    message->exec.targets[i] = i;
  g_assert_cmpint (nb_message_send (client, message, fds, NB_CHANNEL_MAX_FDS), ==, 0);
  nb_test_broker_greet (broker);
  finish_program (broker, client, NB_KIND_NONE);
  nb_test_broker_end (broker);
}

/* From a sandbox of which only SpawnExited could say that it is gone. */
static NbTestSpawn *
greet_without_init (NbTestBroker *broker)
{
  NbMessage hello = nb_test_broker_hello ();
  NbTestSpawn *spawn = nb_test_portal_take_spawn ();

  nb_test_portal_sync ();
  g_assert_cmpint (nb_message_send (spawn->channel, &hello, NULL, 0), ==, 0);
  g_assert_cmpint (nb_channel_receive (spawn->channel, &broker->packet), ==, 1);
  return spawn;
}

/* The stopping and going on are the fault itself. */
static void
stop_parent (gconstpointer data)
{
  const struct timespec stopped = { STOPPED_MS / 1000, STOPPED_MS % 1000 * 1000000L };
  pid_t parent = getppid ();

  (void)data;
  nb_test_child_check (kill (parent, SIGSTOP) == 0);
  (void)nanosleep (&stopped, NULL);
  nb_test_child_check (kill (parent, SIGCONT) == 0);
}

/*
 * Nothing says that it is gone: first the portal is asked, then the broker gives up. Alone,
 * the broker does not run meanwhile, for longer than it would wait.
 */
static void
exit_lost_at_end_script (NbTestBroker *broker, gconstpointer data)
{
  const Case *test = data;
  NbTestSpawn *spawn = greet_without_init (broker);
  pid_t stopper = 0;

  nb_test_broker_end (broker);
  nb_test_client_expect_end (spawn->channel); /* it has begun to end */
  if (test->row->alone)
    stopper = nb_test_fork (stop_parent, NULL);
  g_assert_cmpuint (nb_test_portal_take_kill (), ==, spawn->handle);
  if (stopper > 0)
    g_assert_cmphex ((guint)nb_test_wait (stopper), ==, 0);
  nb_test_spawn_free (spawn);
}

/* --- the table --- */

#define GOOD 6, 1
#define REFUSED "the Flatpak portal refused a sub-sandbox: "
#define UNANSWERED "the Flatpak portal does not answer a request for a sub-sandbox: "
#define EARLY_END "the sub-sandbox ended before it was ready"
#define NOT_READY "the sub-sandbox was not ready in time"
#define NOT_VISIBLE "--pids=visible was asked for"

#define VERSION(number, bits, spawn_flags, can_unset, can_display)                         \
  {                                                                                        \
    "version-" #number "-supports-" #bits, { number, bits },                               \
        .flags = (spawn_flags), .unsets = (can_unset), .has_display = (can_display)        \
  }

static char huge_text[1000000];

static const Row rows[] = {
  /* --- which portal --- */
  { "version-0", { 0, 1 }, "the Flatpak portal is too old (version 0)", .where = IN_PAGES },
  VERSION (1, 0, FLAGS_1, FALSE, FALSE),
  VERSION (1, 1, FLAGS_1, FALSE, FALSE),
  VERSION (2, 0, FLAGS_2, FALSE, FALSE),
  VERSION (2, 1, FLAGS_2, FALSE, FALSE),
  VERSION (3, 0, FLAGS_2, FALSE, TRUE),
  VERSION (3, 1, FLAGS_3, FALSE, TRUE),
  VERSION (4, 0, FLAGS_2, FALSE, TRUE),
  VERSION (4, 1, FLAGS_3, FALSE, TRUE),
  VERSION (5, 0, FLAGS_2, TRUE, TRUE),
  VERSION (5, 1, FLAGS_3, TRUE, TRUE),
  VERSION (6, 0, FLAGS_2, TRUE, TRUE),
  VERSION (6, 1, FLAGS_3, TRUE, TRUE),
  VERSION (7, 0, FLAGS_2, TRUE, TRUE),
  VERSION (7, 1, FLAGS_3, TRUE, TRUE),
  VERSION (8, 0, FLAGS_2, TRUE, TRUE),
  VERSION (8, 1, FLAGS_3, TRUE, TRUE),
  VERSION (9, 1, FLAGS_3, TRUE, TRUE), /* not made yet */
  { "visible-pids-of-version-2",
    { 2, 1 },
    NOT_VISIBLE,
    .where = IN_PAGES,
    .pids = NB_PIDS_VISIBLE },
  { "visible-pids-of-supports-0",
    { 6, 0 },
    NOT_VISIBLE,
    .where = IN_PAGES,
    .pids = NB_PIDS_VISIBLE },
  {
      "properties-unanswered",
      { GOOD, .no_properties = TRUE },
      "the Flatpak portal does not answer: ",
      PORTAL_MS,
      IN_PAGES,
  },
  { "none",
    { 0 },
    "the Flatpak portal does not answer: ",
    .where = IN_PAGES,
    .no_portal = TRUE },

  /* --- the answer to Spawn --- */
  { "refuses", { GOOD, .refusal = "not\nyou\033[2J" }, REFUSED "not you [2J" },
  { "refuses-at-length", { GOOD, .refusal = huge_text }, REFUSED "xxx" },
  { "silent", { GOOD, .is_silent = TRUE }, UNANSWERED, SPAWN_MS },
  { "silent-then-answers",
    { GOOD, .is_silent = TRUE },
    UNANSWERED,
    SPAWN_MS,
    .script = late_answer_script },
  { "silent-but-does-it",
    { GOOD, .is_silent = TRUE },
    .bound_ms = SPAWN_MS,
    .script = answer_lost_script },
  { "handle-0", { GOOD, .no_handle = TRUE }, "the Flatpak portal's answer makes no sense" },
  { "answers-and-fails",
    { GOOD, .refuses_later = TRUE, .exits = NB_TEST_AFTER },
    EARLY_END },
  { "answers-and-fails-and-says-nothing",
    { GOOD, .refuses_later = TRUE },
    EARLY_END,
    .is_killed = TRUE },
  { "answers-and-hangs",
    { GOOD },
    NOT_READY,
    HELLO_MS,
    .is_killed = TRUE,
    .script = refused_script },

  /* --- SpawnStarted: nothing hangs on it --- */
  { "started-never", { GOOD } },
  { "started-before-the-answer", { GOOD, .starts = NB_TEST_BEFORE, .started_pid = 7 } },
  { "started-after-the-answer", { GOOD, .starts = NB_TEST_AFTER, .started_pid = 7 } },
  { "started-twice", { GOOD, .starts = NB_TEST_TWICE, .started_pid = 7 } },
  { "started-with-pid-0", { GOOD, .starts = NB_TEST_AFTER, .started_pid = 0 } },
  { "started-with-a-wrong-pid", { GOOD, .starts = NB_TEST_AFTER, .started_pid = 1 } },
  { "started-and-fails",
    { GOOD, .starts = NB_TEST_AFTER, .refuses_later = TRUE, .exits = NB_TEST_AFTER },
    EARLY_END },

  /* --- SpawnExited --- */
  { "exits", { GOOD, .exits = NB_TEST_AFTER }, EARLY_END },
  { "exits-before-the-answer", { GOOD, .exits = NB_TEST_BEFORE }, EARLY_END },
  { "exits-twice", { GOOD, .exits = NB_TEST_TWICE }, EARLY_END },
  { "exits-before-and-after", { GOOD, .exits = NB_TEST_AROUND }, EARLY_END },
  { "exits-of-others", { GOOD, .exits_of_others = 100 } },
  { "exits-of-others-hide-ours",
    { GOOD, .exits_of_others = 100, .exits = NB_TEST_BEFORE },
    NOT_READY,
    HELLO_MS,
    .is_killed = TRUE },
  { "exits-says-a-stranger", { GOOD, .exits = NB_TEST_AROUND, .by_stranger = TRUE } },
  { "hangs-and-a-stranger-says-exited",
    { GOOD, .exits = NB_TEST_AROUND, .by_stranger = TRUE },
    NOT_READY,
    HELLO_MS,
    .is_killed = TRUE },
  { "exits-while-it-runs", { GOOD }, .happen = emit_exits },
  { "exit-is-lost-at-the-end",
    { GOOD },
    .where = IN_PAGES,
    .script = exit_lost_at_end_script },
  { "broker-stopped-at-the-end",
    { GOOD },
    .where = IN_PAGES,
    .alone = TRUE,
    .script = exit_lost_at_end_script },

  /* --- the portal's end, and the bus's --- */
  {
      "loses-its-name-in-spawn",
      { GOOD, .loss = NB_TEST_LOSES_NAME },
      UNANSWERED,
      SPAWN_MS,
  },
  { "dies-in-spawn", { GOOD, .loss = NB_TEST_DIES }, UNANSWERED "Message recipient" },
  { "lost-while-it-runs", { GOOD }, .happen = lose },
  { "restarted-while-it-runs", { GOOD }, .happen = restart },
  { "restarted-before-it-answers",
    { GOOD, .is_silent = TRUE },
    .script = answer_lost_script },
  { "restarted-between", { GOOD }, .where = IN_GPU, .script = restarts_between_script },
  { "lost-between", { GOOD }, UNANSWERED, .where = IN_GPU, .script = lost_between_script },
  { "bus-ends-in-spawn",
    { GOOD, .is_silent = TRUE },
    UNANSWERED "The connection is closed",
    .alone = TRUE,
    .script = bus_ends_script },
  { "bus-ends-while-it-runs", { GOOD }, .alone = TRUE, .happen = end_bus },
  { "more-than-16-descriptors",
    { GOOD },
    .where = IN_PAGES,
    .script = most_descriptors_script },

  /* --- two sub-sandboxes --- */
  { "asked-for-first", { GOOD }, .where = IN_GPU, .script = asked_first_script },
  { "pages-refused",
    { GOOD, .refusal = "no pages" },
    REFUSED "no pages",
    .where = IN_GPU,
    .script = pages_refused_script },
};

/* --- running them --- */

/* Of a row for the GPU's sub-sandbox what is wrong begins with the second Spawn. */
static NbTestPortal
portal_of (const Case *test)
{
  const Row *row = test->row;
  NbTestPortal portal
      = { row->portal.version, row->portal.supports, .second = &row->portal };

  return test->profile == NB_PROFILE_GPU && row->script != pages_refused_script
             ? portal
             : row->portal;
}

static void
run_here (const Case *test)
{
  const Row *row = test->row;
  NbTestPortal portal = portal_of (test);
  NbSandboxOptions options
      = { .pids = row->pids, .has[NB_PROFILE_GPU] = test->profile == NB_PROFILE_GPU };

  nb_test_broker_run_with (row->no_portal ? NULL : &portal, &options,
                           row->script != NULL   ? row->script
                           : row->happen != NULL ? goes_on_script
                           : row->reason != NULL ? refused_script
                                                 : runs_script,
                           test);
}

static gboolean
is_alone (const Row *row)
{
  return row->alone || row->bound_ms > 0;
}

static void
test_row (gconstpointer data)
{
  Case *test = (Case *)data;

  if (is_alone (test->row) && !nb_test_is_beside ())
    nb_test_beside_finish (&test->beside, test->path);
  else
    run_here (test);
}

static Case cases[2 * G_N_ELEMENTS (rows)];
static gsize n_cases;

static void
make_cases (void)
{
  static const char *const names[]
      = { [NB_PROFILE_PAGES] = "pages", [NB_PROFILE_GPU] = "gpu" };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    for (NbProfile profile = 0; profile < G_N_ELEMENTS (kinds); profile++)
      if (rows[i].where != (profile == NB_PROFILE_GPU ? IN_PAGES : IN_GPU))
        cases[n_cases++] = (Case){ .row = &rows[i],
                                   .profile = profile,
                                   .path = g_strdup_printf ("/broker-faults/%s/%s",
                                                            names[profile], rows[i].name) };
}

/* Those in processes of their own come last: the others run while they wait. */
static void
add_cases (gboolean alone)
{
  for (gsize i = 0; i < n_cases; i++)
    if (is_alone (cases[i].row) == alone)
      {
        g_autofree char *folder = g_path_get_dirname (cases[i].path);

        nb_test_add_case (folder, cases[i].row->name, &cases[i], test_row);
      }
}

int
main (int argc, char **argv)
{
  memset (huge_text, 'x', sizeof huge_text - 1);
  make_cases ();
  for (gsize i = 0; i < n_cases; i++)
    if (argc == 1 && is_alone (cases[i].row))
      nb_test_beside_start (&cases[i].beside, cases[i].path);
  nb_test_portal_init ();
  nb_test_init (&argc, &argv);
  add_cases (FALSE);
  add_cases (TRUE);
  return g_test_run ();
}

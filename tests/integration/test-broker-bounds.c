/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one side asks or says without end costs a bounded amount of memory, and the others
 * are served meanwhile: the limits of zygote/PROTOCOL.md, section 12, at the broker. How
 * much it was is in the diagnostics.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-beside.h"
#include "tests/lib/nb-broker.h"
#include "tests/lib/nb-test.h"

enum
{
  /* zygote/PROTOCOL.md, section 12 */
  MAX_CLIENTS = 32,
  REQUEST_MS = 10000,
  RESULT_MS = 10000,

  N_REQUESTS = 10000,
  BATCH = 500, /* connections open at the same time */
  N_BATCHES = N_REQUESTS / BATCH,
  N_RUNNING = N_BATCHES, /* programs that run all the while, one of which ends each time */
  SERVED_WITHIN_MS = 2000,
  MORE_MEMORY_KIB = 8192,
  SLACK_MS = 3000,
};

/* The sanitizers keep what was freed. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#  define MEMORY_IS_BOUNDED false
#else
#  define MEMORY_IS_BOUNDED true
#endif

static const NbTestPortal good_portal = { .version = 6, .supports = 1 };

static void
run (NbPids pids, void (*script) (NbTestBroker *, gconstpointer))
{
  nb_test_broker_run (&good_portal, NB_WALL_AUTO, pids, script, NULL);
}

/* --- measuring --- */

typedef struct
{
  long memory_kib;
  gint64 cpu_us, us;
} Use;

/* A line of /proc/self/status, in KiB. */
static long
read_memory (const char *name)
{
  g_autofree char *text = NULL;
  const char *line;

  g_assert_true (g_file_get_contents ("/proc/self/status", &text, NULL, NULL));
  line = strstr (text, name);
  g_assert_nonnull (line);
  return strtol (line + strlen (name), NULL, 10);
}

static gint64
cpu_us (void)
{
  struct timespec used;

  g_assert_cmpint (clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &used), ==, 0);
  return used.tv_sec * G_TIME_SPAN_SECOND + used.tv_nsec / 1000;
}

/* From now on the highest mark of memory is that of what follows (proc(5), clear_refs). */
static Use
begin_use (void)
{
  FILE *file = fopen ("/proc/self/clear_refs", "we");

  if (file != NULL)
    {
      (void)fputs ("5", file);
      (void)fclose (file);
    }
  return (Use){ read_memory ("VmRSS:"), cpu_us (), g_get_monotonic_time () };
}

/* Broker and test together: they are one process. */
static void
end_use (const Use *use, int n, const char *what)
{
  long more_kib = read_memory ("VmHWM:") - use->memory_kib;

  g_test_message ("%d %s: %ld KiB more at most, %.0f ms of processor time, %.0f ms", n,
                  what, more_kib, (double)(cpu_us () - use->cpu_us) / 1000,
                  (double)(g_get_monotonic_time () - use->us) / 1000);
  if (MEMORY_IS_BOUNDED)
    g_assert_cmpint (more_kib, <, MORE_MEMORY_KIB);
}

/* --- clients and programs --- */

/* The next message to the controller of this type; others mean nothing here. */
static guint32
take (NbTestBroker *broker, NbMessageType type)
{
  do
    {
      nb_packet_clear (&broker->packet);
      nb_test_client_receive (broker->spawn->channel, &broker->packet, &broker->message);
    }
  while (broker->message.type != type);
  return broker->message.child;
}

static int
start_program (NbTestBroker *broker, guint32 *child_out)
{
  int client = nb_test_broker_ask (broker, NB_KIND_NONE);

  *child_out = take (broker, NB_MESSAGE_EXEC);
  nb_test_broker_answer_exec (broker, 0);
  nb_test_client_expect_result (client, 0, "");
  return client;
}

/* Its client hears of it soon, whatever else goes on. */
static void
end_program (NbTestBroker *broker, int client, guint32 child)
{
  NbMessage exited = { .type = NB_MESSAGE_EXITED, .child = child };

  nb_test_broker_send (broker, &exited, -1);
  g_assert_true (nb_test_is_readable_within (client, SERVED_WITHIN_MS));
  nb_test_client_expect_exited (client, 0);
  nb_fd_clear (&client);
  g_assert_cmpuint (take (broker, NB_MESSAGE_REAP), ==, child);
}

/* As the controller: no program can be started; whatever else is asked, is done. */
static int
answer_all (NbTestBroker *broker)
{
  int n = 0;

  while (nb_test_is_readable (broker->spawn->channel))
    {
      nb_packet_clear (&broker->packet);
      nb_test_client_receive (broker->spawn->channel, &broker->packet, &broker->message);
      if (broker->message.type != NB_MESSAGE_EXEC)
        continue;
      nb_test_broker_answer_exec (broker, ENOENT);
      n++;
    }
  return n;
}

/* --- bursts --- */

/* Some are hung up on before they have asked. */
static int
try_to_ask (NbTestBroker *broker)
{
  g_autofree NbMessage *message = g_new0 (NbMessage, 1);
  int client = nb_client_connect (broker->socket);
  bool overflow = false;

  g_assert_cmpint (client, >=, 0);
  message->type = NB_MESSAGE_EXEC;
  message->serial = 1;
  nb_strings_append (&message->exec.argv, "/app/bin/x", &overflow);
  (void)nb_message_send (client, message, NULL, 0);
  return client;
}

/* So many ask at once; all but a few are hung up on. */
static int
ask_in_batch (NbTestBroker *broker)
{
  int clients[BATCH], n_reached;

  for (int i = 0; i < BATCH; i++)
    clients[i] = try_to_ask (broker);
  for (int i = 0; i < BATCH; i++)
    nb_fd_clear (&clients[i]);
  nb_test_broker_round_trip (broker);
  n_reached = answer_all (broker);
  g_assert_cmpint (n_reached, <=, 2 * MAX_CLIENTS); /* who waited for a place, too */
  return n_reached;
}

static void
clients_script (NbTestBroker *broker, gconstpointer data)
{
  int running[N_RUNNING], n_reached = 0;
  guint32 children[N_RUNNING];
  Use use;

  (void)data;
  nb_test_broker_greet (broker);
  for (int i = 0; i < N_RUNNING; i++)
    running[i] = start_program (broker, &children[i]);
  use = begin_use ();
  for (int i = 0; i < N_BATCHES; i++)
    {
      n_reached += ask_in_batch (broker);
      end_program (broker, running[i], children[i]);
    }
  end_use (&use, N_REQUESTS, "clients");
  g_test_message ("%d of them got as far as the sub-sandbox", n_reached);
  {
    guint32 child;
    int client = start_program (broker, &child);

    end_program (broker, client, child);
  }
  nb_test_broker_end (broker);
}

static void
test_clients (void)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  g_assert_cmpuint (limit.rlim_cur, >=, BATCH + 100);
  run (NB_PIDS_AUTO, clients_script);
}

/* Each waits for its answer. */
static void
scores_script (NbTestBroker *broker, gconstpointer data)
{
  NbMessage question = { .type = NB_MESSAGE_OOM_ADJUST, .serial = 1 },
            answer = { .type = NB_MESSAGE_RESULT };
  guint32 child;
  int running;
  Use use;

  (void)data;
  nb_test_broker_greet (broker);
  running = start_program (broker, &child);
  question.oom.pid = 4242;
  answer.result.detail = nb_slice ("");
  use = begin_use ();
  for (int i = 0; i < N_REQUESTS; i++)
    {
      nb_autofd client = nb_client_connect (broker->socket);

      g_assert_cmpint (nb_message_send (client, &question, NULL, 0), ==, 0);
      answer.serial = nb_test_broker_expect (broker, NB_MESSAGE_OOM_ADJUST)->serial;
      nb_test_broker_send (broker, &answer, -1);
      nb_test_client_expect_result (client, 0, "");
    }
  end_use (&use, N_REQUESTS, "scores");
  end_program (broker, running, child);
  nb_test_broker_end (broker);
}

static void
test_scores (void)
{
  run (NB_PIDS_STAND_IN, scores_script);
}

/* One connection is one request. */
static void
one_client_script (NbTestBroker *broker, gconstpointer data)
{
  NbMessage question = { .type = NB_MESSAGE_OOM_ADJUST, .serial = 1 };
  nb_autofd client = -1;
  int n = 0;

  (void)data;
  nb_test_broker_greet (broker);
  client = nb_test_broker_ask (broker, NB_KIND_NONE);
  while (n < N_REQUESTS && nb_message_send (client, &question, NULL, 0) == 0)
    n++;
  g_test_message ("hung up on after %d more", n);
  g_assert_cmpint (n, <, N_REQUESTS);
  nb_test_broker_round_trip (broker);
  (void)answer_all (broker);
  nb_test_broker_end (broker);
}

static void
test_one_client (void)
{
  run (NB_PIDS_AUTO, one_client_script);
}

/* --- a sub-sandbox that says too much --- */

/* Of all that this process has open a child keeps this; its number. */
static int
keep_only (int fd)
{
  enum
  {
    KEPT = STDERR_FILENO + 1,
  };

  nb_test_child_check ((fd == KEPT || dup2 (fd, KEPT) == KEPT)
                       && nb_fd_close_from (KEPT + 1) == 0);
  return KEPT;
}

static void
flood_channel (gconstpointer data)
{
  NbMessage born = { .type = NB_MESSAGE_BORN };
  int channel = keep_only (*(const int *)data);

  for (born.child = 1; born.child <= N_REQUESTS; born.child++)
    nb_test_child_check (nb_message_send (channel, &born, NULL, 0) == 0);
}

static void
controller_script (NbTestBroker *broker, gconstpointer data)
{
  pid_t flood;
  Use use;

  (void)data;
  nb_test_broker_greet (broker);
  use = begin_use ();
  flood = nb_test_fork (flood_channel, &broker->spawn->channel);
  for (int n = 0; n < N_RUNNING; n++)
    {
      guint32 child;
      int client = start_program (broker, &child);

      end_program (broker, client, child);
    }
  g_assert_cmphex ((guint)nb_test_wait (flood), ==, 0);
  end_use (&use, N_REQUESTS, "messages of a controller");
  nb_test_broker_end (broker);
}

static void
test_controller (void)
{
  run (NB_PIDS_AUTO, controller_script);
}

static void
flood_output (gconstpointer data)
{
  static char text[4096];
  int output = keep_only (*(const int *)data);

  memset (text, 'x', sizeof text);
  while (write (output, text, sizeof text) > 0)
    ;
}

/* What is looked through for a reason has no end: the reason comes all the same. */
static void
output_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = nb_test_broker_ask (broker, NB_KIND_NONE);
  pid_t flood;
  Use use;

  (void)data;
  nb_test_broker_take_spawn (broker);
  use = begin_use ();
  flood = nb_test_fork (flood_output, &broker->spawn->output);
  g_assert_cmpint (write (broker->spawn->output, "xxx", 3), ==, 3); /* it may be slow */
  nb_fd_clear (&broker->spawn->channel);
  g_assert_true (nb_test_is_readable_within (client, SERVED_WITHIN_MS));
  nb_test_client_expect_result (client, ECONNREFUSED, "before it was ready: xxx");
  end_use (&use, 1, "refusal");
  nb_test_broker_end (broker);
  (void)nb_test_wait (flood); /* the broker has closed the pipe */
}

static void
test_output (void)
{
  run (NB_PIDS_AUTO, output_script);
}

/* --- who says nothing --- */

/*
 * All places are taken by who asks for nothing, and one by a question that is never
 * answered. All end at their deadlines, and there is room again.
 */
static void
silent_script (NbTestBroker *broker, gconstpointer data)
{
  NbMessage question = { .type = NB_MESSAGE_OOM_ADJUST, .serial = 1 };
  int silent[MAX_CLIENTS - 1];
  nb_autofd asking = -1, more = -1;
  gint64 since = g_get_monotonic_time ();
  guint32 child;
  int client;

  (void)data;
  nb_test_broker_greet (broker);
  question.oom.pid = 4242;
  asking = nb_client_connect (broker->socket);
  g_assert_cmpint (nb_message_send (asking, &question, NULL, 0), ==, 0);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_OOM_ADJUST);
  for (int i = 0; i < MAX_CLIENTS - 1; i++)
    silent[i] = nb_client_connect (broker->socket);
  more = nb_client_connect (broker->socket);
  nb_test_client_expect_end (more);
  for (int i = 0; i < MAX_CLIENTS - 1; i++)
    {
      g_assert_true (nb_test_is_readable_within (silent[i], REQUEST_MS + SLACK_MS));
      nb_test_client_expect_end (silent[i]);
      nb_fd_clear (&silent[i]);
    }
  g_assert_cmpint (g_get_monotonic_time () - since, >=, REQUEST_MS * 900);
  g_assert_true (nb_test_is_readable_within (asking, SLACK_MS));
  nb_test_client_expect_result (asking, ETIMEDOUT, "");
  client = start_program (broker, &child); /* the sub-sandbox is not given up for that */
  end_program (broker, client, child);
  nb_test_broker_end (broker);
}

static void
test_silent (void)
{
  run (NB_PIDS_STAND_IN, silent_script);
}

/* A program that is asked for and never answered costs the sub-sandbox, but not for ever.
 */
static void
unanswered_script (NbTestBroker *broker, gconstpointer data)
{
  nb_autofd client = -1;
  gint64 since;

  (void)data;
  nb_test_broker_greet (broker);
  client = nb_test_broker_ask (broker, NB_KIND_NONE);
  since = g_get_monotonic_time ();
  (void)nb_test_broker_expect (broker, NB_MESSAGE_EXEC);
  g_assert_true (nb_test_is_readable_within (client, RESULT_MS + SLACK_MS));
  nb_test_client_expect_result (client, ECONNREFUSED, "the sub-sandbox does not answer");
  g_assert_cmpint (g_get_monotonic_time () - since, >=, RESULT_MS * 900);
  nb_test_broker_expect_end (broker);
  nb_test_broker_end (broker);
}

static void
test_unanswered (void)
{
  run (NB_PIDS_AUTO, unanswered_script);
}

/* A controller that does not read is given up, however full its socket is. */
static void
takes_nothing_script (NbTestBroker *broker, gconstpointer data)
{
  int clients[N_RUNNING], n = 0;

  (void)data;
  nb_test_broker_greet (broker);
  for (bool given_up = false; !given_up; n = 0)
    {
      for (; n < N_RUNNING; n++)
        clients[n] = nb_test_broker_ask (broker, NB_KIND_NONE);
      nb_test_broker_round_trip (broker);
      for (int i = 0; i < n; i++)
        {
          given_up = given_up || nb_test_is_readable (clients[i]);
          if (nb_test_is_readable (clients[i]))
            nb_test_client_expect_result (clients[i], ECONNREFUSED, "does not answer");
          nb_fd_clear (&clients[i]);
        }
    }
  nb_test_broker_end (broker);
}

static void
test_takes_nothing (void)
{
  run (NB_PIDS_AUTO, takes_nothing_script);
}

/* Those that wait for deadlines do it at the same time. */
static struct
{
  const char *name, *path;
  void (*test) (void);
  NbTestBeside beside;
} silent[] = {
  { "clients", "/broker-bounds/silent/clients", test_silent },
  { "program", "/broker-bounds/silent/program", test_unanswered },
};

static void
test_beside (gconstpointer data)
{
  gsize i = GPOINTER_TO_SIZE (data);

  if (nb_test_is_beside ())
    silent[i].test ();
  else
    nb_test_beside_finish (&silent[i].beside, silent[i].path);
}

int
main (int argc, char **argv)
{
  for (gsize i = 0; i < G_N_ELEMENTS (silent) && argc == 1; i++)
    nb_test_beside_start (&silent[i].beside, silent[i].path);
  nb_test_portal_init ();
  nb_test_init (&argc, &argv);
  nb_test_add ("/broker-bounds/burst/clients", test_clients);
  nb_test_add ("/broker-bounds/burst/scores", test_scores);
  nb_test_add ("/broker-bounds/burst/one-client", test_one_client);
  nb_test_add ("/broker-bounds/flood/controller", test_controller);
  nb_test_add ("/broker-bounds/flood/output", test_output);
  nb_test_add ("/broker-bounds/silent/controller", test_takes_nothing);
  for (gsize i = 0; i < G_N_ELEMENTS (silent); i++)
    nb_test_add_case ("/broker-bounds/silent", silent[i].name, GSIZE_TO_POINTER (i),
                      test_beside);
  return g_test_run ();
}

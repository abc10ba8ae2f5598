/* SPDX-License-Identifier: BSD-3-Clause */
/* The conversation of a real browser with its zygotes: tests/data/zygote-chromium-156.txt.
 */
#include <string.h>

#include "tests/lib/nb-test.h"
#include "zygote/wire/zygote-command.h"

/* Kilobytes each: not on the stack. */
static NbZygoteCommand received;
static NbPickleWriter writer;

static void
assert_slice (NbSlice slice, const char *text)
{
  nb_test_assert_bytes (slice.data, slice.length, text, strlen (text));
}

/* --- the recording --- */

typedef struct
{
  char *from, *type;
  uint8_t *bytes;
  size_t size;
  size_t n_fds; /* as the comment above the line has it */
} Recorded;

static void
recorded_free (gpointer data)
{
  Recorded *recorded = data;

  g_free (recorded->from);
  g_free (recorded->type);
  g_free (recorded->bytes);
  g_free (recorded);
}

static Recorded *
parse_line (const char *line, size_t n_fds)
{
  g_auto (GStrv) words = g_strsplit (line, " ", 0);
  Recorded *recorded = g_new0 (Recorded, 1);

  g_assert_cmpuint (g_strv_length (words), ==, 3);
  recorded->from = g_strdup (words[0]);
  recorded->type = g_strdup (words[1]);
  recorded->size = strlen (words[2]) / 2;
  recorded->n_fds = n_fds;
  recorded->bytes = g_malloc (recorded->size);
  for (size_t i = 0; i < recorded->size; i++)
    recorded->bytes[i] = (uint8_t)(g_ascii_xdigit_value (words[2][2 * i]) * 16
                                   + g_ascii_xdigit_value (words[2][2 * i + 1]));
  return recorded;
}

/* All messages of the recording, in order. */
static GPtrArray *
load_recording (void)
{
  GPtrArray *all = g_ptr_array_new_with_free_func (recorded_free);
  g_autofree char *path = nb_test_data_path ("zygote-chromium-156.txt"), *text = NULL;
  g_auto (GStrv) lines = NULL;
  size_t n_fds = 0;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", 0);
  for (char **line = lines; *line != NULL; line++)
    if ((*line)[0] == '#')
      n_fds = (size_t)g_ascii_strtoull (*line + 1, NULL, 10);
    else if ((*line)[0] != '\0')
      {
        g_ptr_array_add (all, parse_line (*line, n_fds));
        n_fds = 0;
      }
  return all;
}

/* The index-th message of this type; the caller has its parts for as long as all lives. */
static const Recorded *
find (const GPtrArray *all, const char *type, size_t index)
{
  for (guint i = 0; i < all->len; i++)
    {
      const Recorded *recorded = g_ptr_array_index (all, i);

      if (strcmp (recorded->type, type) == 0 && index-- == 0)
        return recorded;
    }
  g_assert_not_reached ();
}

/* --- what it says --- */

/* Every request decodes; all but Fork, whose time zone is not kept, come out the same. */
static void
test_recorded_requests (void)
{
  g_autoptr (GPtrArray) all = load_recording ();
  guint n_requests = 0;

  for (guint i = 0; i < all->len; i++)
    {
      const Recorded *recorded = g_ptr_array_index (all, i);
      size_t size = 0;

      if (strcmp (recorded->from, "browser") != 0)
        continue;
      n_requests++;
      g_assert_cmpint (nb_zygote_command_decode (recorded->bytes, recorded->size,
                                                 recorded->n_fds, &received),
                       ==, 0);
      g_assert_cmpint (nb_zygote_command_encode (&writer, &received, &size), ==, 0);
      if (received.type != NB_ZYGOTE_FORK)
        nb_test_assert_bytes (writer.bytes, size, recorded->bytes, recorded->size);
    }
  g_assert_cmpuint (n_requests, ==, 12);
}

typedef struct
{
  const char *name;
  size_t index; /* among the recorded forks */
  const char *process_type;
  const char *type_argument, *last_argument; /* the start of it */
  size_t n_arguments, n_keys;
  uint32_t keys[5];
  int32_t pid; /* as the browser announced it, and the zygote answered */
} ForkCase;

static const ForkCase fork_cases[] = {
  { "gpu",
    0,
    "gpu-process",
    "--type=gpu-process",
    "--trace-process-track-uuid=",
    18,
    4,
    { 2, 0, 3, 7 },
    35 },
  { "utility",
    1,
    "utility",
    "--type=utility",
    "--trace-process-track-uuid=",
    17,
    5,
    { 2, 0, 100, 3, 7 },
    47 },
  { "renderer-of-the-browser's-own-pages",
    2,
    "renderer",
    "--type=renderer",
    "--trace-process-track-uuid=",
    21,
    5,
    { 2, 0, 100, 3, 7 },
    70 },
  { "renderer",
    3,
    "renderer",
    "--type=renderer",
    "--trace-process-track-uuid=",
    20,
    5,
    { 2, 0, 100, 3, 7 },
    81 },
};

static void
check_fork (const ForkCase *test, const Recorded *recorded)
{
  NbSlice last;

  g_assert_cmpint (nb_zygote_command_decode (recorded->bytes, recorded->size,
                                             recorded->n_fds, &received),
                   ==, 0);
  g_assert_cmpint (received.type, ==, NB_ZYGOTE_FORK);
  assert_slice (received.process_type, test->process_type);
  g_assert_cmpuint (received.n_arguments, ==, test->n_arguments);
  assert_slice (received.arguments[0], "/proc/self/exe");
  assert_slice (received.arguments[1], test->type_argument);
  last = received.arguments[received.n_arguments - 1];
  g_assert_cmpint (strncmp (last.data, test->last_argument, strlen (test->last_argument)),
                   ==, 0);
  g_assert_cmpuint (received.timezone_units, ==, strlen ("UTC"));
  nb_test_assert_bytes (received.keys, received.n_keys * sizeof received.keys[0],
                        test->keys, test->n_keys * sizeof test->keys[0]);
  g_assert_cmpuint (recorded->n_fds, ==, test->n_keys + 1);
}

static void
test_recorded_fork (gconstpointer data)
{
  const ForkCase *test = data;
  g_autoptr (GPtrArray) all = load_recording ();
  const Recorded *real_pid = find (all, "fork-real-pid", test->index);
  const Recorded *answer = find (all, "fork-reply", test->index);
  NbZygoteForkReply reply;

  check_fork (test, find (all, "fork", test->index));
  g_assert_cmpint (nb_zygote_command_decode (real_pid->bytes, real_pid->size, 0, &received),
                   ==, 0);
  g_assert_cmpint (received.type, ==, NB_ZYGOTE_FORK_REAL_PID);
  g_assert_cmpint (received.pid, ==, test->pid);
  g_assert_cmpint (nb_zygote_fork_reply_decode (answer->bytes, answer->size, &reply), ==,
                   0);
  g_assert_cmpint (reply.pid, ==, test->pid);
  g_assert_cmpuint (reply.uma_name.length, ==, 0);
}

typedef struct
{
  const char *name;
  size_t index;
  bool known_dead;
  int32_t pid, status, wait_status; /* base/process/kill.h: 2 killed, 4 still running */
} StatusCase;

static const StatusCase status_cases[]
    = { { "killed", 0, true, 81, 2, 9 }, { "running", 1, false, 105, 4, 0 } };

static void
test_recorded_status (gconstpointer data)
{
  const StatusCase *test = data;
  g_autoptr (GPtrArray) all = load_recording ();
  const Recorded *request = find (all, "termination-status", test->index);
  const Recorded *answer = find (all, "termination-status-reply", test->index);
  NbZygoteStatusReply reply;

  g_assert_cmpint (nb_zygote_command_decode (request->bytes, request->size, 0, &received),
                   ==, 0);
  g_assert_cmpint (received.type, ==, NB_ZYGOTE_TERMINATION_STATUS);
  g_assert_true (received.known_dead == test->known_dead);
  g_assert_cmpint (received.pid, ==, test->pid);
  g_assert_cmpint (nb_zygote_status_reply_decode (answer->bytes, answer->size, &reply), ==,
                   0);
  g_assert_cmpint (reply.status, ==, test->status);
  g_assert_cmpint (reply.wait_status, ==, test->wait_status);
}

static void
test_recorded_reap (void)
{
  g_autoptr (GPtrArray) all = load_recording ();
  const Recorded *request = find (all, "reap", 0);

  g_assert_cmpint (nb_zygote_command_decode (request->bytes, request->size, 0, &received),
                   ==, 0);
  g_assert_cmpint (received.type, ==, NB_ZYGOTE_REAP);
  g_assert_cmpint (received.pid, ==, 105);
}

/* With the NUL, and in the order in which the browser waits for them. */
static void
test_recorded_greetings (void)
{
  g_autoptr (GPtrArray) all = load_recording ();
  const Recorded *boot = find (all, "boot", 0), *hello = find (all, "hello", 0);
  const Recorded *ping = find (all, "ping", 0);

  nb_test_assert_bytes (boot->bytes, boot->size, NB_ZYGOTE_BOOT, sizeof NB_ZYGOTE_BOOT);
  nb_test_assert_bytes (hello->bytes, hello->size, NB_ZYGOTE_HELLO, sizeof NB_ZYGOTE_HELLO);
  nb_test_assert_bytes (ping->bytes, ping->size, NB_ZYGOTE_PING, sizeof NB_ZYGOTE_PING);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/zygote-recorded/requests-encode-the-same", test_recorded_requests);
  nb_test_add_cases ("/zygote-recorded/fork", fork_cases, test_recorded_fork);
  nb_test_add_cases ("/zygote-recorded/termination-status", status_cases,
                     test_recorded_status);
  nb_test_add ("/zygote-recorded/reap", test_recorded_reap);
  nb_test_add ("/zygote-recorded/greetings", test_recorded_greetings);
  return g_test_run ();
}

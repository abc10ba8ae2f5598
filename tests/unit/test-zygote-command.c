/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chromium's own conversation with its zygote, made here and made wrong here. As recorded
 * from a real browser: test-zygote-recorded.c.
 */
#include "zygote/wire/zygote-command.h"

#include <errno.h>
#include <string.h>

#include "spawn/base/macros.h"
#include "tests/lib/nb-test.h"

enum
{
  MAX_MESSAGE = NB_MESSAGE_MAX_BYTES,
};

/* Kilobytes each: not on the stack. */
static NbZygoteCommand sent, received;
static NbPickleWriter writer;

static void
assert_slice (NbSlice slice, const char *text)
{
  nb_test_assert_bytes (slice.data, slice.length, text, strlen (text));
}

static NbSlice
slice (const char *text)
{
  return (NbSlice){ .data = text, .length = strlen (text) };
}

/* --- one command of each kind --- */

static void
fill_fork (NbZygoteCommand *command)
{
  command->process_type = slice ("renderer");
  command->n_arguments = 3;
  command->arguments[0] = slice ("/proc/self/exe");
  command->arguments[1] = slice ("--type=renderer");
  command->arguments[2] = slice ("");
  command->n_keys = 2;
  command->keys[0] = 2;
  command->keys[1] = 100;
}

static void
fill_fork_without_anything (NbZygoteCommand *command)
{
  command->process_type = slice ("");
}

static void
fill_pid (NbZygoteCommand *command)
{
  command->pid = 0x12345678;
}

static void
fill_no_pid (NbZygoteCommand *command)
{
  command->pid = -1;
}

static void
fill_known_dead (NbZygoteCommand *command)
{
  command->pid = 77;
  command->known_dead = true;
}

static void
fill_nothing (NbZygoteCommand *command)
{
  (void)command;
}

typedef struct
{
  const char *name;
  NbZygoteCommandType type;
  size_t n_fds;
  void (*fill) (NbZygoteCommand *command);
} CommandCase;

static const CommandCase commands[] = {
  { "fork", NB_ZYGOTE_FORK, 3, fill_fork },
  { "fork-without-anything", NB_ZYGOTE_FORK, 1, fill_fork_without_anything },
  { "reap", NB_ZYGOTE_REAP, 0, fill_pid },
  { "termination-status", NB_ZYGOTE_TERMINATION_STATUS, 0, fill_pid },
  { "termination-status-known-dead", NB_ZYGOTE_TERMINATION_STATUS, 0, fill_known_dead },
  { "sandbox-status", NB_ZYGOTE_SANDBOX_STATUS, 0, fill_nothing },
  { "fork-real-pid", NB_ZYGOTE_FORK_REAL_PID, 0, fill_pid },
  { "fork-real-pid-without-ping", NB_ZYGOTE_FORK_REAL_PID, 0, fill_no_pid },
  { "reinitialize-logging", NB_ZYGOTE_REINITIALIZE_LOGGING, 1, fill_nothing },
};

/* This command's bytes, in writer. Their number. */
static size_t
encode (const CommandCase *test)
{
  size_t size = 0;

  memset (&sent, 0, sizeof sent);
  sent.type = test->type;
  test->fill (&sent);
  g_assert_cmpint (nb_zygote_command_encode (&writer, &sent, &size), ==, 0);
  return size;
}

static void
put_u32 (size_t offset, uint32_t value)
{
  memcpy (writer.bytes + offset, &value, sizeof value);
}

/* --- round trip --- */

/* The same bytes come out of what was decoded: so every field has arrived. */
static void
test_round_trip (gconstpointer data)
{
  const CommandCase *test = data;
  g_autofree NbPickleWriter *again = g_new (NbPickleWriter, 1);
  size_t size = encode (test), size_again = 0;

  memset (&received, 0xff, sizeof received);
  g_assert_cmpint (nb_zygote_command_decode (writer.bytes, size, test->n_fds, &received),
                   ==, 0);
  g_assert_cmpint (received.type, ==, test->type);
  g_assert_cmpint (nb_zygote_command_encode (again, &received, &size_again), ==, 0);
  nb_test_assert_bytes (again->bytes, size_again, writer.bytes, size);
}

static void
test_fork_fields (void)
{
  size_t size = encode (&commands[0]);

  g_assert_cmpint (nb_zygote_command_decode (writer.bytes, size, 3, &received), ==, 0);
  assert_slice (received.process_type, "renderer");
  g_assert_cmpuint (received.n_arguments, ==, 3);
  assert_slice (received.arguments[0], "/proc/self/exe");
  assert_slice (received.arguments[1], "--type=renderer");
  assert_slice (received.arguments[2], "");
  g_assert_cmpuint (received.timezone_units, ==, strlen ("Etc/UTC"));
  g_assert_cmpuint (received.n_keys, ==, 2);
  g_assert_cmpuint (received.keys[0], ==, 2);
  g_assert_cmpuint (received.keys[1], ==, 100);
}

static void
test_largest_fork (void)
{
  size_t size = 0;

  memset (&sent, 0, sizeof sent);
  sent.process_type = slice ("utility");
  sent.n_arguments = NB_ZYGOTE_MAX_ARGUMENTS;
  for (size_t i = 0; i < sent.n_arguments; i++)
    sent.arguments[i] = slice ("--switch");
  sent.n_keys = NB_ZYGOTE_MAX_KEYS;
  g_assert_cmpint (nb_zygote_command_encode (&writer, &sent, &size), ==, 0);
  g_assert_cmpint (nb_zygote_command_decode (writer.bytes, size, 16, &received), ==, 0);
  g_assert_cmpuint (received.n_arguments, ==, NB_ZYGOTE_MAX_ARGUMENTS);
  g_assert_cmpuint (received.n_keys, ==, NB_ZYGOTE_MAX_KEYS);
}

static void
test_too_long_to_send (void)
{
  g_autofree char *word = g_strnfill (MAX_MESSAGE, 'x');
  size_t size = 0;

  memset (&sent, 0, sizeof sent);
  sent.process_type = slice ("utility");
  sent.n_arguments = 1;
  sent.arguments[0] = slice (word);
  g_assert_cmpint (nb_zygote_command_encode (&writer, &sent, &size), ==, -EMSGSIZE);
}

/* --- malformed --- */

static int
decode_part (size_t size, size_t n_fds, bool fix_header)
{
  g_autofree uint8_t *part = g_memdup2 (writer.bytes, size);
  uint32_t payload = (uint32_t)(size - sizeof payload);

  if (fix_header && size >= sizeof payload)
    memcpy (part, &payload, sizeof payload);
  return nb_zygote_command_decode (part, size, n_fds, &received);
}

static void
test_truncated_at_every_byte (gconstpointer data)
{
  const CommandCase *test = data;
  size_t size = encode (test);

  g_assert_cmpint (decode_part (size, test->n_fds, true), ==, 0);
  for (size_t cut = 0; cut < size; cut++)
    {
      g_assert_cmpint (decode_part (cut, test->n_fds, false), ==, -EBADMSG);
      g_assert_cmpint (decode_part (cut, test->n_fds, true), ==, -EBADMSG);
    }
}

/* Whatever is missing at the message's end: then it is no message. */
static void
test_is_fork_of (gconstpointer data)
{
  const CommandCase *test = data;
  size_t size = encode (test);

  g_assert_true (nb_zygote_command_is_fork_of (writer.bytes, size, "renderer")
                 == (test->fill == fill_fork));
  g_assert_true (nb_zygote_command_is_fork_of (writer.bytes, size, "")
                 == (test->fill == fill_fork_without_anything));
  g_assert_false (nb_zygote_command_is_fork_of (writer.bytes, size, "render"));
  g_assert_false (nb_zygote_command_is_fork_of (writer.bytes, size, "renderers"));
  for (size_t cut = 0; cut < size; cut++)
    g_assert_false (nb_zygote_command_is_fork_of (writer.bytes, cut, "renderer"));
}

static void
test_leftover_bytes (gconstpointer data)
{
  const CommandCase *test = data;
  size_t size = encode (test);

  put_u32 (size, 0);
  g_assert_cmpint (decode_part (size + 4, test->n_fds, true), ==, -EBADMSG);
}

static void
test_number_of_descriptors (gconstpointer data)
{
  const CommandCase *test = data;
  size_t size = encode (test);

  for (size_t n = 0; n <= 16; n++)
    g_assert_cmpint (nb_zygote_command_decode (writer.bytes, size, n, &received), ==,
                     n == test->n_fds ? 0 : -EPROTO);
}

static void
test_unknown_command (void)
{
  static const uint32_t unknown[] = { 6, 7, INT32_MAX, 1U << 31, UINT32_MAX };

  for (size_t i = 0; i < NB_ARRAY_SIZE (unknown); i++)
    {
      size_t size = encode (&commands[2]);

      put_u32 (4, unknown[i]);
      g_assert_cmpint (nb_zygote_command_decode (writer.bytes, size, 0, &received), ==,
                       -ENOSYS);
      g_assert_cmphex ((uint32_t)received.type, ==, unknown[i]);
    }
}

typedef struct
{
  const char *name;
  size_t offset; /* in the smallest fork: type 8, arguments 12, zone 16, descriptors 36 */
  uint32_t value;
  size_t size; /* that the message is extended to, by zeroes; 0: it keeps its size */
} HostileCase;

static const HostileCase hostile_cases[] = {
  { "negative-type-length", 8, UINT32_MAX, 0 },
  { "type-beyond-the-message", 8, 1000, 0 },
  { "negative-number-of-arguments", 12, UINT32_MAX, 0 },
  { "int-max-arguments", 12, INT32_MAX, MAX_MESSAGE },
  { "arguments-above-the-limit", 12, NB_ZYGOTE_MAX_ARGUMENTS + 1, MAX_MESSAGE },
  { "arguments-beyond-the-message", 12, 500, 0 },
  { "negative-zone-length", 16, UINT32_MAX, 0 },
  { "zone-beyond-the-message", 16, 1000, 0 },
  { "no-pid-oracle", 36, 0, 0 },
  { "keys-beyond-the-message", 36, 2, 0 },
  { "keys-above-the-limit", 36, NB_ZYGOTE_MAX_KEYS + 2, 36 + 4 + 64 },
  { "int-max-keys", 36, INT32_MAX, MAX_MESSAGE },
  { "uint-max-keys", 36, UINT32_MAX, MAX_MESSAGE },
};

static void
test_hostile_fork (gconstpointer data)
{
  const HostileCase *test = data;
  size_t size = encode (&commands[1]);

  put_u32 (test->offset, test->value);
  if (test->size > 0)
    {
      memset (writer.bytes + size, 0, test->size - size);
      size = test->size;
    }
  for (size_t n_fds = 0; n_fds <= 16; n_fds++)
    g_assert_cmpint (decode_part (size, n_fds, true), ==, -EBADMSG);
}

/* --- replies --- */

static void
test_fork_reply_with_histogram (void)
{
  NbZygoteForkReply reply;
  size_t size = 0;

  nb_pickle_writer_init (&writer);
  nb_pickle_writer_int (&writer, -1);
  nb_pickle_writer_string (&writer, "Zygote.Fork", strlen ("Zygote.Fork"));
  nb_pickle_writer_int (&writer, 3);
  nb_pickle_writer_int (&writer, 10);
  g_assert_cmpint (nb_pickle_writer_finish (&writer, &size), ==, 0);
  g_assert_cmpint (nb_zygote_fork_reply_decode (writer.bytes, size, &reply), ==, 0);
  g_assert_cmpint (reply.pid, ==, -1);
  assert_slice (reply.uma_name, "Zygote.Fork");
  for (size_t cut = 0; cut < size; cut++)
    g_assert_cmpint (nb_zygote_fork_reply_decode (writer.bytes, cut, &reply), ==, -EBADMSG);
}

static void
test_malformed_replies (void)
{
  static const uint8_t bytes[] = { 8, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0 };
  static const uint8_t longer[] = { 12, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
  NbZygoteForkReply fork_reply;
  NbZygoteStatusReply status_reply;

  for (size_t cut = 0; cut < sizeof bytes; cut++)
    {
      g_assert_cmpint (nb_zygote_fork_reply_decode (bytes, cut, &fork_reply), ==, -EBADMSG);
      g_assert_cmpint (nb_zygote_status_reply_decode (bytes, cut, &status_reply), ==,
                       -EBADMSG);
    }
  g_assert_cmpint (nb_zygote_fork_reply_decode (longer, sizeof longer, &fork_reply), ==,
                   -EBADMSG);
  g_assert_cmpint (nb_zygote_status_reply_decode (longer, sizeof longer, &status_reply), ==,
                   -EBADMSG);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/zygote-command/round-trip", commands, test_round_trip);
  nb_test_add ("/zygote-command/fork-fields", test_fork_fields);
  nb_test_add ("/zygote-command/largest-fork", test_largest_fork);
  nb_test_add ("/zygote-command/too-long-to-send", test_too_long_to_send);
  nb_test_add_cases ("/zygote-command/truncated-at-every-byte", commands,
                     test_truncated_at_every_byte);
  nb_test_add_cases ("/zygote-command/is-fork-of", commands, test_is_fork_of);
  nb_test_add_cases ("/zygote-command/leftover-bytes", commands, test_leftover_bytes);
  nb_test_add_cases ("/zygote-command/number-of-descriptors", commands,
                     test_number_of_descriptors);
  nb_test_add ("/zygote-command/unknown-command", test_unknown_command);
  nb_test_add_cases ("/zygote-command/hostile-fork", hostile_cases, test_hostile_fork);
  nb_test_add ("/zygote-reply/fork-with-histogram", test_fork_reply_with_histogram);
  nb_test_add ("/zygote-reply/malformed", test_malformed_replies);
  return g_test_run ();
}

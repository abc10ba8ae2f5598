/* SPDX-License-Identifier: BSD-3-Clause */
/* nestbox's own messages: each as sent, and each as a hostile peer may send it. */
#include "zygote/wire/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

/* Tens of KiB each: not on the stack. */
static NbMessage sent, received;
static NbPickleWriter writer;
static NbPacket packet;

/* --- one message of each type --- */

static void
fill_hello (NbMessage *message)
{
  message->hello = (NbHello){ .version = NB_PROTOCOL_VERSION,
                              .level = 2,
                              .landlock_abi = 7,
                              .seccomp = true,
                              .no_new_privs = true,
                              .namespaces = { 4026531836, 1, UINT64_MAX, 3 } };
}

static void
fill_exec (NbMessage *message)
{
  bool overflow = false;

  message->exec.kind = NB_KIND_ZYGOTE;
  message->exec.wall = NB_WALL_SECCOMP;
  nb_strings_append (&message->exec.argv, "/app/bin/program", &overflow);
  nb_strings_append (&message->exec.argv, "", &overflow);
  nb_strings_append (&message->exec.argv, "--type=zygote", &overflow);
  nb_strings_append (&message->exec.envp, "LANG=C", &overflow);
  g_assert_false (overflow);
  message->exec.n_targets = 3;
  message->exec.targets[0] = 4;
  message->exec.targets[1] = 3;
  message->exec.targets[2] = -7; /* judged by the controller, not by the codec */
  message->exec.bus = nb_slice ("/x/bus");
}

static void
fill_kill (NbMessage *message)
{
  message->signal = 15;
}

static void
fill_status (NbMessage *message)
{
  message->known_dead = true;
}

static void
fill_nothing (NbMessage *message)
{
  (void)message;
}

static void
fill_result (NbMessage *message)
{
  message->result.error = ENOENT;
  message->result.state = NB_CHILD_EXITED;
  message->result.wait_status = 0x8b;
  message->result.detail = nb_slice ("no such program");
}

static void
fill_listed (NbMessage *message)
{
  message->list.n = 2;
  message->list.entries[0] = (NbListEntry){ 12, NB_CHILD_RUNNING };
  message->list.entries[1] = (NbListEntry){ UINT32_MAX, NB_CHILD_EXITED };
}

static void
fill_exited (NbMessage *message)
{
  message->wait_status = 0x0700;
}

static void
fill_welcome (NbMessage *message)
{
  message->welcome.relay = true;
  message->welcome.watch = true;
}

static void
fill_denied (NbMessage *message)
{
  message->denied = (NbDenial){ .kind = NB_KIND_NETWORK,
                                .pid = 7,
                                .number = 41,
                                .error = EAFNOSUPPORT,
                                .arguments = { 16, 1, UINT64_MAX },
                                .address = 0x7f0000001234 };
}

static void
fill_watch (NbMessage *message)
{
  message->kind = NB_KIND_UNSANDBOXED_ZYGOTE;
}

static void
fill_probe (NbMessage *message)
{
  message->version = UINT32_MAX - 1;
}

static void
fill_probed (NbMessage *message)
{
  message->place = (NbBrokerPlace){ .error = ECONNREFUSED,
                                    .portal_version = 6,
                                    .portal_supports = 1,
                                    .landlock_abi = 7,
                                    .pids_visible = true,
                                    .gpu = true,
                                    .detail = nb_slice ("no bus") };
}

static void
fill_surveyed (NbMessage *message)
{
  message->survey = (NbSurvey){ .profile = 1,
                                .state = NB_SANDBOX_ENDED,
                                .relayed = true,
                                .wall = NB_WALL_LANDLOCK,
                                .landlock_abi = 6,
                                .first_pid = 4711,
                                .reason = nb_slice ("the browser ended"),
                                .left_out = 3,
                                .n = 2 };
  message->survey.processes[0] = (NbSurveyProcess){ .pid = 3,
                                                    .parent = 2,
                                                    .browser_pid = 120,
                                                    .kind = NB_KIND_RENDERER,
                                                    .filters = 4,
                                                    .start = UINT64_MAX,
                                                    .resident_kib = 1 };
  message->survey.processes[1]
      = (NbSurveyProcess){ .pid = INT32_MAX, .kind = NB_KIND_GPU_ZYGOTE, .filters = -1 };
}

static void
fill_identify (NbMessage *message)
{
  message->stand_in = 120;
}

static void
fill_identified (NbMessage *message)
{
  message->identity = (NbIdentity){ .error = ESRCH,
                                    .profile = 1,
                                    .program = UINT32_MAX,
                                    .kind = NB_KIND_GPU_ZYGOTE,
                                    .descends = true,
                                    .claim = NB_KIND_AUDIO,
                                    .pid = 5,
                                    .start = UINT64_MAX,
                                    .instance = nb_slice ("3344") };
}

static void
fill_say (NbMessage *message)
{
  message->text = (NbSlice){ NB_ZYGOTE_BOOT, sizeof NB_ZYGOTE_BOOT };
}

typedef struct
{
  const char *name;
  NbMessageType type;
  size_t min_fds, max_fds;
  void (*fill) (NbMessage *message);
} TypeCase;

static const TypeCase types[] = {
  { "HELLO", NB_MESSAGE_HELLO, 0, 1, fill_hello },
  { "EXEC", NB_MESSAGE_EXEC, 3, 3, fill_exec },
  { "KILL", NB_MESSAGE_KILL, 0, 0, fill_kill },
  { "STATUS", NB_MESSAGE_STATUS, 0, 0, fill_status },
  { "REAP", NB_MESSAGE_REAP, 0, 0, fill_nothing },
  { "LIST", NB_MESSAGE_LIST, 0, 0, fill_nothing },
  { "RESULT", NB_MESSAGE_RESULT, 0, 1, fill_result },
  { "LISTED", NB_MESSAGE_LISTED, 0, 0, fill_listed },
  { "BORN", NB_MESSAGE_BORN, 0, 1, fill_nothing },
  { "EXITED", NB_MESSAGE_EXITED, 0, 0, fill_exited },
  { "WELCOME", NB_MESSAGE_WELCOME, 0, 0, fill_welcome },
  { "SAY", NB_MESSAGE_SAY, 0, 0, fill_say },
  { "DENIED", NB_MESSAGE_DENIED, 0, 0, fill_denied },
  { "WATCH", NB_MESSAGE_WATCH, 1, 1, fill_watch },
  { "SURVEY", NB_MESSAGE_SURVEY, 0, 0, fill_nothing },
  { "SURVEYED", NB_MESSAGE_SURVEYED, 0, 0, fill_surveyed },
  { "PROBE", NB_MESSAGE_PROBE, 0, 0, fill_probe },
  { "PROBED", NB_MESSAGE_PROBED, 0, 0, fill_probed },
  { "IDENTIFY", NB_MESSAGE_IDENTIFY, 0, 1, fill_identify },
  { "IDENTIFIED", NB_MESSAGE_IDENTIFIED, 0, 0, fill_identified },
};

static void
fill (NbMessage *message, const TypeCase *type)
{
  memset (message, 0, sizeof *message);
  message->type = type->type;
  message->serial = 0xcafe;
  message->child = UINT32_MAX;
  type->fill (message);
}

/* Encodes this type's message into the packet, as if it came with n_fds descriptors. */
static void
encode_to_packet (const TypeCase *type, size_t n_fds)
{
  size_t size = 0;

  fill (&sent, type);
  g_assert_cmpint (nb_message_encode (&writer, &sent, &size), ==, 0);
  memcpy (packet.bytes, writer.bytes, size);
  packet.size = size;
  packet.n_fds = n_fds;
}

static void
put_u32 (size_t offset, uint32_t value)
{
  memcpy (packet.bytes + offset, &value, sizeof value);
}

/* Makes the packet this long, with a header that says so. */
static void
resize_packet (size_t size)
{
  packet.size = size;
  put_u32 (0, (uint32_t)(size - 4));
}

/* --- as it should be --- */

/* The same bytes come out of what was decoded: so every field has arrived. */
static void
test_round_trip (gconstpointer data)
{
  const TypeCase *type = data;
  g_autofree NbPickleWriter *again = g_new (NbPickleWriter, 1);
  size_t size = 0;

  encode_to_packet (type, type->min_fds);
  memset (&received, 0xff, sizeof received);
  g_assert_cmpint (nb_message_decode (&packet, &received), ==, 0);
  g_assert_cmpstr (nb_message_type_name (received.type), ==, type->name);
  g_assert_cmphex (received.serial, ==, 0xcafe);
  g_assert_cmphex (received.child, ==, UINT32_MAX);
  g_assert_cmpint (nb_message_encode (again, &received, &size), ==, 0);
  nb_test_assert_bytes (again->bytes, size, packet.bytes, packet.size);
}

static void
test_hello_fields (void)
{
  encode_to_packet (&types[0], 0);
  g_assert_cmpint (nb_message_decode (&packet, &received), ==, 0);
  g_assert_cmpuint (received.hello.version, ==, NB_PROTOCOL_VERSION);
  g_assert_cmpuint (received.hello.level, ==, 2);
  g_assert_cmpuint (received.hello.landlock_abi, ==, 7);
  g_assert_true (received.hello.seccomp && received.hello.no_new_privs);
  g_assert_cmpuint (received.hello.namespaces[NB_NAMESPACE_PID], ==, 4026531836);
  g_assert_cmpuint (received.hello.namespaces[NB_NAMESPACE_MNT], ==, UINT64_MAX);
}

static void
test_exec_fields (void)
{
  const NbExec *exec = &received.exec;

  encode_to_packet (&types[1], 3);
  g_assert_cmpint (nb_message_decode (&packet, &received), ==, 0);
  g_assert_cmpint (exec->kind, ==, NB_KIND_ZYGOTE);
  g_assert_cmpint (exec->wall, ==, NB_WALL_SECCOMP);
  g_assert_cmpuint (exec->argv.n, ==, 3);
  nb_test_assert_bytes (exec->argv.items[0].data, exec->argv.items[0].length,
                        "/app/bin/program", 16);
  g_assert_cmpuint (exec->argv.items[1].length, ==, 0);
  g_assert_cmpuint (exec->envp.n, ==, 1);
  g_assert_cmpuint (exec->n_targets, ==, 3);
  g_assert_cmpint (exec->targets[2], ==, -7);
}

static void
test_most_children_fit (void)
{
  size_t size = 0;

  memset (&sent, 0, sizeof sent);
  sent.type = NB_MESSAGE_LISTED;
  sent.list.n = NB_LIST_MAX_CHILDREN;
  for (uint32_t i = 0; i < NB_LIST_MAX_CHILDREN; i++)
    sent.list.entries[i] = (NbListEntry){ i, NB_CHILD_RUNNING };
  g_assert_cmpint (nb_message_encode (&writer, &sent, &size), ==, 0);
  memcpy (packet.bytes, writer.bytes, size);
  packet.size = size;
  packet.n_fds = 0;
  g_assert_cmpint (nb_message_decode (&packet, &received), ==, 0);
  g_assert_cmpuint (received.list.n, ==, NB_LIST_MAX_CHILDREN);
  g_assert_cmpuint (received.list.entries[NB_LIST_MAX_CHILDREN - 1].child, ==,
                    NB_LIST_MAX_CHILDREN - 1);
}

/* 512 arguments of 200 bytes are within the count and beyond the 64 KiB. */
static void
test_too_long_to_send (void)
{
  g_autofree char *word = g_strnfill (200, 'x');
  bool overflow = false;
  int ends[2];

  fill (&sent, &types[1]);
  sent.exec.argv.n = 0;
  for (int i = 0; i < NB_EXEC_MAX_STRINGS; i++)
    nb_strings_append (&sent.exec.argv, word, &overflow);
  g_assert_false (overflow);
  g_assert_cmpint (nb_channel_pair (ends), ==, 0);
  g_assert_cmpint (nb_message_send (ends[0], &sent, NULL, 0), ==, -EMSGSIZE);
  g_assert_false (nb_test_is_readable (ends[1]));
  nb_fd_clear (&ends[0]);
  nb_fd_clear (&ends[1]);
}

static void
test_send_with_descriptor (void)
{
  nb_autofd file = nb_test_text_file ("x");
  int ends[2];

  fill (&sent, &types[8]);
  g_assert_cmpint (nb_channel_pair (ends), ==, 0);
  g_assert_cmpint (nb_message_send (ends[0], &sent, &file, 1), ==, 0);
  g_assert_cmpint (nb_channel_receive (ends[1], &packet), ==, 1);
  g_assert_cmpint (nb_message_decode (&packet, &received), ==, 0);
  g_assert_cmpint (received.type, ==, NB_MESSAGE_BORN);
  g_assert_cmpuint (packet.n_fds, ==, 1);
  nb_packet_clear (&packet);
  nb_fd_clear (&ends[0]);
  nb_fd_clear (&ends[1]);
}

/* --- as it should not be --- */

/* Cut on the way, and cut by a peer that adapts the header. */
static void
test_truncated_at_every_byte (gconstpointer data)
{
  const TypeCase *type = data;
  size_t size;

  encode_to_packet (type, type->min_fds);
  size = packet.size;
  for (size_t cut = 0; cut < size; cut++)
    {
      encode_to_packet (type, type->min_fds);
      packet.size = cut;
      g_assert_cmpint (nb_message_decode (&packet, &received), ==, -EBADMSG);
      if (cut < 4)
        continue;
      resize_packet (cut);
      g_assert_cmpint (nb_message_decode (&packet, &received), ==, -EBADMSG);
    }
}

static void
test_leftover_bytes (gconstpointer data)
{
  const TypeCase *type = data;

  encode_to_packet (type, type->min_fds);
  put_u32 (packet.size, 0);
  resize_packet (packet.size + 4);
  g_assert_cmpint (nb_message_decode (&packet, &received), ==, -EBADMSG);
}

static void
test_number_of_descriptors (gconstpointer data)
{
  const TypeCase *type = data;

  for (size_t n = 0; n <= NB_CHANNEL_MAX_FDS; n++)
    {
      bool right = n >= type->min_fds && n <= type->max_fds;

      encode_to_packet (type, n);
      g_assert_cmpint (nb_message_decode (&packet, &received), ==, right ? 0 : -EPROTO);
    }
}

static void
test_unknown_type (void)
{
  static const uint32_t unknown[] = { 0, 22, 1000, INT32_MAX, 1U << 31, UINT32_MAX };

  for (size_t i = 0; i < NB_ARRAY_SIZE (unknown); i++)
    {
      encode_to_packet (&types[4], 0);
      put_u32 (4, unknown[i]);
      g_assert_cmpint (nb_message_decode (&packet, &received), ==, -ENOSYS);
      g_assert_cmpstr (nb_message_type_name ((NbMessageType)unknown[i]), ==, "unknown");
    }
}

typedef struct
{
  const char *name;
  size_t type;   /* index in types */
  size_t offset; /* of the value in the packet */
  uint32_t value;
  size_t size; /* that the packet is extended to, by zeroes; 0: it keeps its size */
} HostileCase;

/* Offsets: header 4; type, serial, child 12; then the message's own fields. */
static const HostileCase hostile_cases[] = {
  { "unknown-kind", 1, 16, NB_N_KINDS, 0 },
  { "negative-kind", 1, 16, UINT32_MAX, 0 },
  { "unknown-wall", 1, 20, NB_WALL_SECCOMP + 1, 0 },
  { "negative-number-of-arguments", 1, 24, UINT32_MAX, 0 },
  { "arguments-beyond-the-message", 1, 24, 400, 0 },
  { "int-max-arguments", 1, 24, INT32_MAX, 65536 },
  { "arguments-above-the-limit", 1, 24, NB_EXEC_MAX_STRINGS + 1, 65536 },
  { "negative-argument-length", 1, 28, UINT32_MAX, 0 },
  { "argument-beyond-the-message", 1, 28, 60000, 0 },
  { "unknown-state", 6, 20, NB_CHILD_EXITED + 1, 0 },
  { "negative-detail-length", 6, 28, UINT32_MAX, 0 },
  { "negative-number-of-children", 7, 16, UINT32_MAX, 0 },
  { "children-beyond-the-message", 7, 16, 3, 0 },
  { "children-above-the-limit", 7, 16, NB_LIST_MAX_CHILDREN + 1, 65536 },
  { "unknown-state-of-a-child", 7, 24, NB_CHILD_EXITED + 1, 0 },
};

static void
test_hostile_value (gconstpointer data)
{
  const HostileCase *test = data;

  encode_to_packet (&types[test->type], types[test->type].min_fds);
  put_u32 (test->offset, test->value);
  if (test->size > 0)
    {
      memset (packet.bytes + packet.size, 0, test->size - packet.size);
      resize_packet (test->size);
    }
  g_assert_cmpint (nb_message_decode (&packet, &received), ==, -EBADMSG);
}

/* 17 numbers for descriptors, all there, and none of the packet's 16 slots too many. */
static void
test_too_many_targets (void)
{
  fill (&sent, &types[1]);
  sent.exec.argv.n = sent.exec.envp.n = sent.exec.n_targets = 0;
  g_assert_cmpint (nb_message_encode (&writer, &sent, &packet.size), ==, 0);
  memcpy (packet.bytes, writer.bytes, packet.size);
  packet.n_fds = NB_CHANNEL_MAX_FDS;
  for (uint32_t n = NB_CHANNEL_MAX_FDS; n <= NB_CHANNEL_MAX_FDS + 1; n++)
    {
      put_u32 (32, n);
      memset (packet.bytes + 36, 0, 4 * n + 4);
      resize_packet (36 + 4 * n + 4); /* and an empty string */
      g_assert_cmpint (nb_message_decode (&packet, &received), ==,
                       n == NB_CHANNEL_MAX_FDS ? 0 : -EBADMSG);
    }
}

/* --- strings --- */

static void
test_strings_dup (void)
{
  g_autofree NbStrings *strings = g_new0 (NbStrings, 1);
  bool overflow = false;
  char **copy;

  copy = nb_strings_dup (strings);
  g_assert_nonnull (copy);
  g_assert_null (copy[0]);
  free (copy);
  nb_strings_append (strings, "", &overflow);
  nb_strings_append (strings, "two", &overflow);
  strings->items[strings->n++] = (NbSlice){ .data = "three four", .length = 5 };
  copy = nb_strings_dup (strings);
  g_assert_cmpuint (g_strv_length (copy), ==, 3);
  g_assert_cmpstr (copy[0], ==, "");
  g_assert_cmpstr (copy[1], ==, "two");
  g_assert_cmpstr (copy[2], ==, "three");
  free (copy);
}

/* "A=1\0LD_PRELOAD=x" must not pass as one entry and act as another. */
static void
test_strings_dup_with_nul (void)
{
  static const NbSlice hostile[] = { { "\0", 1 }, { "a\0b", 3 }, { "ab\0", 3 } };
  g_autofree NbStrings *strings = g_new0 (NbStrings, 1);

  strings->n = 2;
  strings->items[0] = nb_slice ("fine");
  for (size_t i = 0; i < NB_ARRAY_SIZE (hostile); i++)
    {
      strings->items[1] = hostile[i];
      g_assert_null (nb_strings_dup (strings));
    }
}

static void
test_strings_overflow (void)
{
  g_autofree NbStrings *strings = g_new0 (NbStrings, 1);
  bool overflow = false;

  for (int i = 0; i < NB_EXEC_MAX_STRINGS; i++)
    nb_strings_append (strings, "x", &overflow);
  g_assert_false (overflow);
  nb_strings_append (strings, "y", &overflow);
  g_assert_true (overflow);
  g_assert_cmpuint (strings->n, ==, NB_EXEC_MAX_STRINGS);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/message/round-trip", types, test_round_trip);
  nb_test_add ("/message/hello-fields", test_hello_fields);
  nb_test_add ("/message/exec-fields", test_exec_fields);
  nb_test_add ("/message/most-children-fit", test_most_children_fit);
  nb_test_add ("/message/too-long-to-send", test_too_long_to_send);
  nb_test_add ("/message/send-with-descriptor", test_send_with_descriptor);
  nb_test_add_cases ("/message/truncated-at-every-byte", types,
                     test_truncated_at_every_byte);
  nb_test_add_cases ("/message/leftover-bytes", types, test_leftover_bytes);
  nb_test_add_cases ("/message/number-of-descriptors", types, test_number_of_descriptors);
  nb_test_add ("/message/unknown-type", test_unknown_type);
  nb_test_add_cases ("/message/hostile", hostile_cases, test_hostile_value);
  nb_test_add ("/message/hostile/too-many-targets", test_too_many_targets);
  nb_test_add ("/strings/dup", test_strings_dup);
  nb_test_add ("/strings/dup-refuses-nul", test_strings_dup_with_nul);
  nb_test_add ("/strings/overflow-shows", test_strings_overflow);
  return g_test_run ();
}

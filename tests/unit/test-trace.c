/* SPDX-License-Identifier: BSD-3-Clause */
/* What a trace says of messages, what it keeps to itself, and how it is printed. */
#include "spawn/client/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/tool/trace-print.h"
#include "tests/lib/nb-test.h"
#include "zygote/wire/trace-text.h"

#define SECRET "opensesame"

static NbMessage message;
static NbZygoteCommand command;
static NbPacket packet;

/* --- words --- */

static void
fill_exec (void)
{
  bool overflow = false;

  message.exec.kind = NB_KIND_RENDERER;
  message.exec.wall = NB_WALL_LANDLOCK;
  nb_strings_append (&message.exec.argv, "/app/" SECRET, &overflow);
  nb_strings_append (&message.exec.argv, "https://x:" SECRET "@x.org/", &overflow);
  nb_strings_append (&message.exec.envp, "PASSWORD=" SECRET, &overflow);
}

static void
fill_result (void)
{
  message.result.error = ENOENT;
  message.result.state = NB_CHILD_EXITED;
  message.result.wait_status = 0x8b;
  message.result.detail = nb_slice (SECRET);
}

static void
fill_say (void)
{
  message.text = (NbSlice){ "ZYGOTE\x1b[2J OK", sizeof "ZYGOTE\x1b[2J OK" };
}

static void
fill_survey (void)
{
  message.survey.profile = 1;
  message.survey.state = NB_SANDBOX_READY;
  message.survey.relayed = true;
  message.survey.n = 3;
}

static void
fill_oom (void)
{
  message.oom.pid = 64;
  message.oom.score = 300;
}

static void
fill_nothing (void)
{
}

typedef struct
{
  const char *name;
  NbMessageType type;
  void (*fill) (void);
  const char *text;
} MessageCase;

static const MessageCase message_cases[] = {
  { "exec", NB_MESSAGE_EXEC, fill_exec,
    "EXEC serial=7 child=2 kind=renderer wall=landlock arguments=2 environment=1" },
  { "result", NB_MESSAGE_RESULT, fill_result,
    "RESULT serial=7 child=2 error=2 state=exited wait-status=0x8b detail-bytes=10" },
  { "say", NB_MESSAGE_SAY, fill_say, "SAY serial=7 child=2 text=ZYGOTE?[2J?OK" },
  { "surveyed", NB_MESSAGE_SURVEYED, fill_survey,
    "SURVEYED serial=7 child=2 profile=1 state=ready relayed=yes processes=3 left-out=0" },
  { "oom-adjust", NB_MESSAGE_OOM_ADJUST, fill_oom,
    "OOM_ADJUST serial=7 child=2 pid=64 score=300" },
  { "reap", NB_MESSAGE_REAP, fill_nothing, "REAP serial=7 child=2" },
  { "unknown", (NbMessageType)99, fill_nothing, "unknown serial=7 child=2" },
};

static void
test_message (gconstpointer data)
{
  const MessageCase *row = data;
  char text[NB_TRACE_TEXT_BYTES];

  memset (&message, 0, sizeof message);
  message.type = row->type;
  message.serial = 7;
  message.child = 2;
  row->fill ();
  nb_trace_text_of_message (&message, text, sizeof text);
  g_assert_cmpstr (text, ==, row->text);
}

/* Whatever the room, what is there is a beginning of the whole. */
static void
test_cut_off (void)
{
  char whole[NB_TRACE_TEXT_BYTES], text[NB_TRACE_TEXT_BYTES];

  memset (&message, 0, sizeof message);
  message.type = NB_MESSAGE_EXEC;
  fill_exec ();
  nb_trace_text_of_message (&message, whole, sizeof whole);
  for (gsize room = 1; room <= strlen (whole) + 1; room++)
    {
      memset (text, 'x', sizeof text);
      nb_trace_text_of_message (&message, text, room);
      g_assert_cmpuint (strlen (text), ==, room - 1);
      g_assert_true (strncmp (text, whole, room - 1) == 0);
    }
}

typedef struct
{
  const char *name;
  NbZygoteCommand command;
  const char *text;
} CommandCase;

static const CommandCase command_cases[] = {
  { "fork",
    { .type = NB_ZYGOTE_FORK,
      .process_type = { "renderer", 8 },
      .n_arguments = 1,
      .arguments = { { SECRET, 10 } },
      .timezone_units = 7,
      .n_keys = 4 },
    "Fork type=renderer arguments=1 timezone-units=7 keys=4" },
  { "fork-of-a-strange-type",
    { .type = NB_ZYGOTE_FORK,
      .process_type = { "a\n0123456789012345678901234567890123", 36 } },
    "Fork type=a?012345678901234567890123456789 arguments=0 timezone-units=0 keys=0" },
  { "real-pid", { .type = NB_ZYGOTE_FORK_REAL_PID, .pid = -1 }, "ForkRealPID pid=-1" },
  { "reap", { .type = NB_ZYGOTE_REAP, .pid = 5 }, "Reap pid=5" },
  { "status",
    { .type = NB_ZYGOTE_TERMINATION_STATUS, .pid = 5, .known_dead = true },
    "GetTerminationStatus pid=5 known-dead=yes" },
  { "sandbox-status", { .type = NB_ZYGOTE_SANDBOX_STATUS }, "GetSandboxStatus" },
};

static void
test_command (gconstpointer data)
{
  const CommandCase *row = data;
  char text[NB_TRACE_TEXT_BYTES];

  nb_trace_text_of_command (&row->command, text, sizeof text);
  g_assert_cmpstr (text, ==, row->text);
}

typedef struct
{
  const char *name;
  NbZygoteCommandType asked;
  guint32 words[4];
  gsize size;
  const char *text;
} ReplyCase;

static const ReplyCase reply_cases[] = {
  { "fork", NB_ZYGOTE_FORK, { 8, 64, 0 }, 12, "Fork-reply pid=64" },
  { "fork-failed", NB_ZYGOTE_FORK, { 8, (guint32)-1, 0 }, 12, "Fork-reply pid=-1" },
  { "status",
    NB_ZYGOTE_TERMINATION_STATUS,
    { 8, 3, 11 },
    12,
    "GetTerminationStatus-reply status=crashed wait-status=0xb" },
  { "status-of-another-chromium",
    NB_ZYGOTE_TERMINATION_STATUS,
    { 8, 77, 0 },
    12,
    "GetTerminationStatus-reply status=77 wait-status=0x0" },
  { "sandbox",
    NB_ZYGOTE_SANDBOX_STATUS,
    { 0x2f },
    4,
    "GetSandboxStatus-reply status=0x2f" },
  { "not-asked", NB_ZYGOTE_REAP, { 8, 64, 0 }, 12, "unexpected" },
  { "cut-off", NB_ZYGOTE_FORK, { 8, 64, 0 }, 8, "unexpected" },
};

static void
test_reply (gconstpointer data)
{
  const ReplyCase *row = data;
  char text[NB_TRACE_TEXT_BYTES];

  nb_trace_text_of_reply (row->words, row->size, row->asked, text, sizeof text);
  g_assert_cmpstr (text, ==, row->text);
}

static void
test_greeting (void)
{
  char text[NB_TRACE_TEXT_BYTES];

  nb_trace_text_of_reply (NB_ZYGOTE_BOOT, sizeof NB_ZYGOTE_BOOT, NB_ZYGOTE_SANDBOX_STATUS,
                          text, sizeof text);
  g_assert_cmpstr (text, ==, "ZYGOTE_BOOT");
}

/* --- the record; in a child, because the tap is the process's --- */

typedef struct
{
  char *directory, *socket, *file;
  int ends[2]; /* [0] is followed */
} Record;

static void
check_lines (const Record *record, const char *const *lines)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) found = NULL;
  gsize i = 0;

  nb_test_child_check (g_file_get_contents (record->file, &text, NULL, NULL));
  found = g_strsplit (text, "\n", -1);
  for (; lines[i] != NULL; i++)
    {
      nb_test_child_check (found[i] != NULL);
      if (!g_regex_match_simple (lines[i], found[i], 0, 0))
        nb_test_child_verify (false, __FILE__, __LINE__, found[i]);
    }
  nb_test_child_check (found[i] == NULL || *found[i] == '\0');
}

static void
transfer (int from, int to)
{
  nb_test_child_check (nb_channel_receive (to, &packet) == 1);
  (void)from;
  nb_packet_clear (&packet);
}

static void
record_zygote (gconstpointer data)
{
  static const guint32 forked[] = { 8, 64, 0 }, status = 0x2f;
  static const char *const lines[]
      = { "^[0-9]+\\.[0-9]{6} zygote browser>zygote GetSandboxStatus bytes=8 fds=0$",
          "zygote>browser ZYGOTE_BOOT bytes=12 fds=0$",
          "zygote>browser GetSandboxStatus-reply status=0x2f bytes=4 fds=0 after-ms=",
          "browser>zygote Fork type=renderer arguments=1 timezone-units=7 keys=0 "
          "bytes=[0-9]+ fds=1$",
          "zygote>browser Fork-reply pid=64 bytes=12 fds=0 after-ms=[0-9]+\\.[0-9]{3}$",
          "browser>zygote malformed bytes=3 fds=0$",
          NULL };
  const Record *record = data;
  NbPickleWriter writer;
  gsize size;

  nb_trace_start (record->socket);
  nb_test_child_check (nb_trace_is_on ());
  nb_trace_follow (record->ends[0], NB_TRACE_ZYGOTE, "zygote", "zygote", "browser");
  command = (NbZygoteCommand){ .type = NB_ZYGOTE_SANDBOX_STATUS };
  nb_test_child_check (nb_zygote_command_encode (&writer, &command, &size) == 0);
  nb_test_child_check (nb_channel_send (record->ends[1], writer.bytes, size, NULL, 0) == 0);
  transfer (record->ends[1], record->ends[0]);
  nb_test_child_check (nb_channel_send (record->ends[0], NB_ZYGOTE_BOOT, 12, NULL, 0) == 0);
  nb_test_child_check (nb_channel_send (record->ends[0], &status, 4, NULL, 0) == 0);
  command = command_cases[0].command;
  command.n_keys = 0;
  nb_test_child_check (nb_zygote_command_encode (&writer, &command, &size) == 0);
  nb_test_child_check (
      nb_channel_send (record->ends[1], writer.bytes, size, &record->ends[1], 1) == 0);
  transfer (record->ends[1], record->ends[0]);
  nb_test_child_check (nb_channel_send (record->ends[0], forked, sizeof forked, NULL, 0)
                       == 0);
  nb_test_child_check (nb_channel_send (record->ends[1], "???", 3, NULL, 0) == 0);
  transfer (record->ends[1], record->ends[0]);
  check_lines (record, lines);
}

static void
record_messages (gconstpointer data)
{
  static const char *const lines[]
      = { "^[0-9.]+ broker - STARTED pid=5$",
          "pages broker>controller EXEC serial=7 child=2 kind=renderer wall=landlock "
          "arguments=2 environment=1 bytes=[0-9]+ fds=0$",
          "pages controller>broker RESULT serial=7 child=2 error=2 state=exited "
          "wait-status=0x8b detail-bytes=10 bytes=[0-9]+ fds=0 after-ms=",
          "controller>broker RESULT serial=7 child=2 error=2 state=exited "
          "wait-status=0x8b detail-bytes=10 bytes=[0-9]+ fds=0$",
          NULL };
  const Record *record = data;

  nb_trace_start (record->socket);
  nb_trace_note ("broker", "STARTED pid=%d", 5);
  nb_trace_follow (record->ends[0], NB_TRACE_MESSAGES, "pages", "broker", "controller");
  memset (&message, 0, sizeof message);
  message.type = NB_MESSAGE_EXEC;
  message.serial = 7;
  message.child = 2;
  fill_exec ();
  nb_test_child_check (nb_message_send (record->ends[0], &message, NULL, 0) == 0);
  memset (&message.result, 0, sizeof message.result);
  message.type = NB_MESSAGE_RESULT;
  fill_result ();
  for (int i = 0; i < 2; i++)
    {
      nb_test_child_check (nb_message_send (record->ends[1], &message, NULL, 0) == 0);
      transfer (record->ends[1], record->ends[0]);
    }
  check_lines (record, lines);
}

/* The number of a socket that is gone may be that of another one. */
static void
record_nobody_else (gconstpointer data)
{
  static const char *const lines[] = { NULL };
  const Record *record = data;
  int other[2];

  nb_trace_start (record->socket);
  nb_trace_follow (record->ends[0], NB_TRACE_MESSAGES, "pages", "broker", "controller");
  nb_test_child_check (nb_channel_pair (other) == 0);
  nb_test_child_check (dup3 (other[0], record->ends[0], O_CLOEXEC) == record->ends[0]);
  nb_test_child_check (nb_channel_send (record->ends[0], "x", 1, NULL, 0) == 0);
  nb_test_child_check (nb_channel_send (other[1], "x", 1, NULL, 0) == 0);
  check_lines (record, lines);
}

static void
test_record (gconstpointer data)
{
  void (*const *body) (gconstpointer) = data;
  Record record = { .directory = g_dir_make_tmp ("nestbox-test-XXXXXX", NULL) };

  record.socket = g_build_filename (record.directory, "broker", NULL);
  record.file = g_build_filename (record.directory, NB_TRACE_FILE, NULL);
  g_assert_cmpint (nb_channel_pair (record.ends), ==, 0);
  g_assert_true (g_file_set_contents (record.file, "", 0, NULL));
  nb_test_in_child (*body, &record);
  nb_fd_clear (&record.ends[0]);
  nb_fd_clear (&record.ends[1]);
  g_assert_cmpint (g_unlink (record.file), ==, 0);
  g_assert_cmpint (g_rmdir (record.directory), ==, 0);
  g_free (record.socket);
  g_free (record.file);
  g_free (record.directory);
}

static void
test_no_record (void)
{
  nb_trace_start ("/nowhere/broker");
  nb_trace_start ("broker");
  g_assert_false (nb_trace_is_on ());
  nb_trace_note ("broker", "STARTED");
}

/* --- printing --- */

typedef struct
{
  const char *name;
  const char *line;
  gboolean json, colours;
  const char *text; /* NULL: it is none of a trace */
  gboolean is_ended;
} PrintCase;

#define LINE "100.5 zygote zygote>browser Fork-reply pid=-1 status=0x2f after-ms=1.250"

static const PrintCase print_cases[] = {
  { "text", LINE, FALSE, FALSE,
    "   0.000000  zygote              zygote>browser      Fork-reply pid=-1 status=0x2f "
    "after-ms=1.250\n" },
  { "colours", "1 a b>c D e=f", FALSE, TRUE,
    "\033[2m   0.000000\033[0m  a                   b>c                 \033[1mD\033[0m "
    "\033[2me=\033[0mf\n" },
  { "json", LINE, TRUE, FALSE,
    "{\"time-s\": 0.000000, \"conversation\": \"zygote\", \"direction\": "
    "\"zygote>browser\", \"message\": \"Fork-reply\", \"pid\": -1, \"status\": \"0x2f\", "
    "\"after-ms\": 1.250}\n" },
  { "json-of-a-hostile-word", "1 a b c d=\"\\", TRUE, FALSE,
    "{\"time-s\": 0.000000, \"conversation\": \"a\", \"direction\": \"b\", \"message\": "
    "\"c\", \"d\": \"\\\"\\\\\"}\n" },
  { "json-of-a-version", "1 a b c d=0.1.0 e=-x f=1. g=7", TRUE, FALSE,
    "{\"time-s\": 0.000000, \"conversation\": \"a\", \"direction\": \"b\", \"message\": "
    "\"c\", \"d\": \"0.1.0\", \"e\": \"-x\", \"f\": \"1.\", \"g\": 7}\n" },
  { "end", "1 broker - ENDED", TRUE, FALSE,
    "{\"time-s\": 0.000000, \"conversation\": \"broker\", \"direction\": \"-\", "
    "\"message\": \"ENDED\"}\n",
    TRUE },
  { "empty", "", FALSE, FALSE, NULL },
  { "too-few", "1 a b", FALSE, FALSE, NULL },
  { "no-time", "x a b c", FALSE, FALSE, NULL },
  { "no-field", "1 a b c d", FALSE, FALSE, NULL },
  { "no-name", "1 a b c =d", FALSE, FALSE, NULL },
  { "no-text", "1 a b \xff", FALSE, FALSE, NULL },
};

static void
test_print (gconstpointer data)
{
  const PrintCase *row = data;
  NbTracePrinter printer = NB_TRACE_PRINTER_INIT;
  g_autoptr (GString) out = g_string_new (NULL);

  printer.json = row->json;
  printer.colours = row->colours;
  g_assert_cmpint (nb_trace_print (&printer, row->line, out), ==, row->text != NULL);
  g_assert_cmpstr (out->str, ==, row->text != NULL ? row->text : "");
  g_assert_cmpint (printer.is_ended, ==, row->is_ended);
}

static void
test_times_are_since_the_first (void)
{
  NbTracePrinter printer = { .json = TRUE, .first_s = -1 };
  g_autoptr (GString) out = g_string_new (NULL);

  g_assert_true (nb_trace_print (&printer, "10.25 a b c", out));
  g_string_truncate (out, 0);
  g_assert_true (nb_trace_print (&printer, "12 a b c", out));
  g_assert_true (g_str_has_prefix (out->str, "{\"time-s\": 1.750000,"));
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    void (*body) (gconstpointer);
  } records[] = { { "zygote", record_zygote },
                  { "messages", record_messages },
                  { "nobody-else", record_nobody_else } };

  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/trace/message", message_cases, test_message);
  nb_test_add ("/trace/cut-off", test_cut_off);
  nb_test_add_cases ("/trace/command", command_cases, test_command);
  nb_test_add_cases ("/trace/reply", reply_cases, test_reply);
  nb_test_add ("/trace/greeting", test_greeting);
  for (gsize i = 0; i < G_N_ELEMENTS (records); i++)
    nb_test_add_case ("/trace/record", records[i].name, &records[i].body, test_record);
  nb_test_add ("/trace/no-record", test_no_record);
  nb_test_add_cases ("/trace/print", print_cases, test_print);
  nb_test_add ("/trace/times", test_times_are_since_the_first);
  return g_test_run ();
}

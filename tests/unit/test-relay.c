/* SPDX-License-Identifier: BSD-3-Clause */
/* Between a browser and its zygote, when each of them does what Chromium does. */
#include "zygote/controller/relay.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-relay.h"
#include "tests/lib/nb-test.h"
#include "zygote/controller/relay-children.h"

/* Of Chromium's TerminationStatus (base/process/kill.h). */
enum
{
  NORMAL_TERMINATION = 0,
  PROCESS_WAS_KILLED = 2,
};

/* Any numbers: what the browser calls its children means nothing in here. */
enum
{
  BROWSERS_PID = 0x7001,
  ANOTHER_PID = 0x7002,
  NOBODYS_PID = 0x7fff,
};

static NbPickleWriter writer;

/* --- greeting --- */

static void
say_greeting (NbTestRelay *self, const char *text, uint32_t serial)
{
  const NbMessage *said;

  g_assert_cmpint (nb_channel_send (self->zygote, text, strlen (text) + 1, NULL, 0), ==, 0);
  said = nb_test_relay_expect_message (self, NB_MESSAGE_SAY, 0);
  g_assert_cmpuint (said->serial, ==, serial);
  nb_test_assert_bytes (said->text.data, said->text.length, text, strlen (text) + 1);
}

static void
tell_result (NbTestRelay *self, uint32_t serial)
{
  NbMessage said = { .type = NB_MESSAGE_RESULT, .serial = serial };

  nb_test_relay_tell (self, &said);
  g_assert_true (nb_test_relay_settle (self));
}

/* What the browser asks before that waits: its answer would come before the hello. */
static void
test_greeting (void)
{
  NbTestRelay *self = nb_test_relay_new ();
  NbTestBytes question = nb_test_relay_command (NB_ZYGOTE_SANDBOX_STATUS, 0);
  static const NbTestBytes flags = { 4, { 0x1f } };

  nb_test_relay_send (self->browser, &question);
  nb_test_relay_expect_quiet (self);
  say_greeting (self, NB_ZYGOTE_BOOT, 2);
  tell_result (self, 2);
  g_assert_false (nb_test_relay_is_listening (self));
  say_greeting (self, NB_ZYGOTE_HELLO, 1);
  nb_test_relay_expect_quiet (self);
  g_assert_false (nb_test_relay_is_listening (self));
  tell_result (self, 1);
  nb_test_relay_expect (self, self->zygote, question.bytes, question.size);
  nb_test_relay_pass (self, self->zygote, &flags, self->browser);
  g_assert_true (nb_test_relay_is_listening (self));
  nb_test_relay_free (self);
}

/* The serial counts, not that something was said. */
static void
test_result_of_nothing (void)
{
  NbTestRelay *self = nb_test_relay_new ();

  tell_result (self, 1);
  g_assert_false (nb_test_relay_is_listening (self));
  say_greeting (self, NB_ZYGOTE_BOOT, 2);
  tell_result (self, 1);
  g_assert_false (nb_test_relay_is_listening (self));
  say_greeting (self, NB_ZYGOTE_HELLO, 1);
  tell_result (self, 2);
  g_assert_false (nb_test_relay_is_listening (self));
  tell_result (self, 1);
  g_assert_true (nb_test_relay_is_listening (self));
  tell_result (self, 1);
  nb_test_relay_expect_working (self);
  nb_test_relay_free (self);
}

/* An unsandboxed zygote's: it is of use at once, and nothing is said for it. */
static void
test_no_greeting (void)
{
  NbTestRelay *self = nb_test_relay_new_silent ();
  NbTestFork fork;

  g_assert_true (nb_test_relay_is_listening (self));
  nb_test_relay_expect_working (self);
  fork = nb_test_relay_fork (self, BROWSERS_PID);
  nb_test_relay_expect_quiet (self);
  nb_test_fork_clear (&fork);
  nb_test_relay_free (self);
}

/* --- what passes --- */

static void
test_sandbox_status (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestBytes question = nb_test_relay_command (NB_ZYGOTE_SANDBOX_STATUS, 0);
  static const NbTestBytes flags = { 4, { 0x1f } };

  nb_test_relay_pass (self, self->browser, &question, self->zygote);
  g_assert_false (nb_test_relay_is_listening (self));
  nb_test_relay_pass (self, self->zygote, &flags, self->browser);
  g_assert_true (nb_test_relay_is_listening (self));
  nb_test_relay_expect_quiet (self);
  nb_test_relay_free (self);
}

static void
test_pipelined (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestFork children[3];

  for (int i = 0; i < 3; i++)
    children[i] = nb_test_relay_fork (self, BROWSERS_PID + i);
  for (int i = 0; i < 3; i++)
    {
      NbTestBytes question
          = nb_test_relay_command (NB_ZYGOTE_TERMINATION_STATUS, BROWSERS_PID + i);
      nb_test_relay_send (self->browser, &question);
    }
  for (int i = 0; i < 3; i++)
    {
      NbTestBytes question
          = nb_test_relay_command (NB_ZYGOTE_TERMINATION_STATUS, BROWSERS_PID + i);
      NbTestBytes reply = nb_test_relay_status_reply (NB_ZYGOTE_STILL_RUNNING, i);

      nb_test_relay_expect (self, self->zygote, question.bytes, question.size);
      nb_test_relay_expect_quiet (self); /* the next one waits for this one's answer */
      nb_test_relay_send (self->zygote, &reply);
      nb_test_relay_expect (self, self->browser, reply.bytes, reply.size);
    }
  nb_test_relay_expect_working (self);
  nb_test_relay_free (self);
  for (int i = 0; i < 3; i++)
    nb_test_fork_clear (&children[i]);
}

static void
test_longest_answer (void)
{
  static const uint8_t bytes[NB_RELAY_MAX_ANSWER] = { 1, 2, 3 };
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestBytes question = nb_test_relay_command (NB_ZYGOTE_SANDBOX_STATUS, 0);

  nb_test_relay_pass (self, self->browser, &question, self->zygote);
  g_assert_cmpint (nb_channel_send (self->zygote, bytes, sizeof bytes, NULL, 0), ==, 0);
  nb_test_relay_expect (self, self->browser, bytes, sizeof bytes);
  nb_test_relay_expect_working (self);
  nb_test_relay_free (self);
}

/* --- fork --- */

static void
ask_status (NbTestRelay *self, int32_t pid, int32_t status)
{
  NbTestBytes question = nb_test_relay_command (NB_ZYGOTE_TERMINATION_STATUS, pid);
  NbTestBytes reply = nb_test_relay_status_reply (status, 9);

  nb_test_relay_pass (self, self->browser, &question, self->zygote);
  nb_test_relay_pass (self, self->zygote, &reply, self->browser);
}

static void
end_process (NbTestFork *made)
{
  g_assert_cmpint (kill (made->pid, SIGKILL), ==, 0);
  g_assert_cmphex ((guint)nb_test_wait (made->pid), ==, SIGKILL);
  made->pid = 0;
}

static void
test_fork (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestFork made = nb_test_relay_fork (self, BROWSERS_PID);

  g_assert_cmpint (nb_relay_find_child (self->relay, BROWSERS_PID), ==, made.pid);
  ask_status (self, BROWSERS_PID, NB_ZYGOTE_STILL_RUNNING);
  nb_test_relay_expect_quiet (self);
  g_assert_cmpint (nb_relay_find_child (self->relay, BROWSERS_PID), ==, made.pid);
  ask_status (self, BROWSERS_PID, PROCESS_WAS_KILLED);
  (void)nb_test_relay_expect_message (self, NB_MESSAGE_EXITED, made.id);
  g_assert_cmpint (nb_relay_find_child (self->relay, BROWSERS_PID), ==, 0);
  end_process (&made);
  nb_test_relay_expect_quiet (self);
  nb_test_relay_expect_working (self);
  nb_test_fork_clear (&made);
  nb_test_relay_free (self);
}

/* The stand-in stays for the browser, which has not asked yet; the process is gone. */
static void
test_end_before_status (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestFork made = nb_test_relay_fork (self, BROWSERS_PID);

  end_process (&made);
  nb_test_relay_expect_quiet (self);
  g_assert_cmpint (nb_relay_find_child (self->relay, BROWSERS_PID), ==, 0);
  ask_status (self, BROWSERS_PID, PROCESS_WAS_KILLED);
  (void)nb_test_relay_expect_message (self, NB_MESSAGE_EXITED, made.id);
  nb_test_relay_expect_quiet (self);
  nb_test_fork_clear (&made);
  nb_test_relay_free (self);
}

static void
test_find_child (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestFork first = nb_test_relay_fork (self, BROWSERS_PID);
  NbTestFork second = nb_test_relay_fork (self, ANOTHER_PID);

  g_assert_cmpuint (first.id, !=, second.id);
  g_assert_cmpint (nb_relay_find_child (self->relay, BROWSERS_PID), ==, first.pid);
  g_assert_cmpint (nb_relay_find_child (self->relay, ANOTHER_PID), ==, second.pid);
  g_assert_cmpint (nb_relay_find_child (self->relay, NOBODYS_PID), ==, 0);
  g_assert_cmpint (nb_relay_find_child (self->relay, 0), ==, 0);
  g_assert_cmpint (nb_relay_find_child (self->relay, -1), ==, 0);
  nb_test_fork_clear (&first);
  nb_test_fork_clear (&second);
  nb_test_relay_free (self);
}

/* The real child lives on: what a zygote does with one it gave up is its affair. */
static void
test_fork_failed_after_ping (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestBytes real_pid = nb_test_relay_command (NB_ZYGOTE_FORK_REAL_PID, BROWSERS_PID);
  NbTestBytes reply = nb_test_relay_fork_reply (-1);
  NbTestFork made;

  nb_test_relay_begin_fork (self, &made);
  nb_test_relay_ping (self, &made);
  nb_test_relay_pass (self, self->browser, &real_pid, self->zygote);
  nb_test_relay_pass (self, self->zygote, &reply, self->browser);
  (void)nb_test_relay_expect_message (self, NB_MESSAGE_EXITED, made.id);
  g_assert_cmpint (nb_relay_find_child (self->relay, BROWSERS_PID), ==, 0);
  end_process (&made);
  nb_test_relay_expect_working (self);
  nb_test_fork_clear (&made);
  nb_test_relay_free (self);
}

static void
test_largest_fork (void)
{
  static char argument[NB_MESSAGE_MAX_BYTES];
  NbTestRelay *self = nb_test_relay_new_greeted ();
  size_t length = NB_MESSAGE_MAX_BYTES - nb_test_relay_encode_fork (&writer, 0, "", 0);
  size_t size = nb_test_relay_encode_fork (&writer, 0, argument, length);
  nb_autofd oracle = nb_test_text_file ("never pinged on");
  const NbPacket *packet;

  g_assert_cmpuint (size, ==, NB_MESSAGE_MAX_BYTES);
  g_assert_cmpint (nb_channel_send (self->browser, writer.bytes, size, &oracle, 1), ==, 0);
  packet = nb_test_relay_receive (self, self->zygote);
  nb_test_assert_bytes (packet->bytes, packet->size, writer.bytes, size);
  g_assert_cmpuint (packet->n_fds, ==, 1);
  nb_packet_clear (&self->packet); /* with it the zygote's oracle ends */
  nb_test_relay_end_fork (self, -1);
  nb_test_relay_expect_working (self);
  nb_test_relay_free (self);
}

/* Told apart by what is in them. */
static void
test_most_descriptors (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  size_t size = nb_test_relay_encode_fork (&writer, NB_ZYGOTE_MAX_KEYS, "", 0);
  int fds[NB_CHANNEL_MAX_FDS];
  char text[8];

  for (int i = 0; i < NB_CHANNEL_MAX_FDS; i++)
    {
      (void)g_snprintf (text, sizeof text, "key %d", i);
      fds[i] = nb_test_text_file (text);
    }
  g_assert_cmpint (
      nb_channel_send (self->browser, writer.bytes, size, fds, NB_CHANNEL_MAX_FDS), ==, 0);
  g_assert_cmpuint (nb_test_relay_receive (self, self->zygote)->n_fds, ==,
                    NB_CHANNEL_MAX_FDS);
  for (int i = 0; i < NB_CHANNEL_MAX_FDS; i++)
    {
      nb_fd_clear (&fds[i]);
      (void)g_snprintf (text, sizeof text, "key %d", i);
      if (i > 0)
        {
          g_autofree char *got
              = nb_test_read_all (nb_packet_steal_fd (&self->packet, (size_t)i));
          g_assert_cmpstr (got, ==, text);
        }
    }
  nb_packet_clear (&self->packet);
  nb_test_relay_end_fork (self, -1);
  nb_test_relay_free (self);
}

/* --- a fork without a good ping --- */

typedef struct
{
  const char *name;
  const char *bytes;
  size_t size;  /* 0: the oracle ends unused */
  bool with_fd; /* something comes along */
  bool dead;    /* who pinged is gone when the ping is looked at */
} PingCase;

static const PingCase ping_cases[] = {
  { "none", NULL, 0, false, false },
  { "other-text", "CHILD_PONG", 11, false, false },
  { "without-nul", "CHILD_PING", 10, false, false },
  { "too-long", "CHILD_PING\0", 12, false, false },
  { "one-byte", "C", 1, false, false },
  { "with-descriptor", "CHILD_PING", 11, true, false },
  { "from-nobody", "CHILD_PING", 11, false, true },
};

typedef struct
{
  const PingCase *test;
  int oracle;
} BadPing;

static void
ping_badly (gconstpointer data)
{
  const BadPing *ping = data;
  int passed = STDERR_FILENO;

  if (ping->test->size > 0)
    nb_test_child_check (nb_channel_send (ping->oracle, ping->test->bytes, ping->test->size,
                                          &passed, ping->test->with_fd)
                         == 0);
}

/* For the browser such a fork failed: its oracle ends, and it says -1. */
static void
test_bad_ping (gconstpointer data)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestFork made;
  BadPing ping = { .test = data };

  nb_test_relay_begin_fork (self, &made);
  ping.oracle = made.zygotes_oracle;
  if (ping.test->dead)
    nb_test_in_child (ping_badly, &ping);
  else
    ping_badly (&ping);
  if (ping.test->size == 0)
    nb_fd_clear (&made.zygotes_oracle);
  nb_test_relay_expect_no_ping (self, &made);
  nb_test_relay_expect_quiet (self);
  nb_test_relay_end_fork (self, -1);
  nb_test_relay_expect_quiet (self); /* no BORN, no EXITED */
  nb_test_relay_expect_working (self);
  nb_test_fork_clear (&made);
  nb_test_relay_free (self);
}

/* Chromium's zygote answers -1 without a fork when it cannot read the command. */
static void
test_early_refusal (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestBytes reply = nb_test_relay_fork_reply (-1);
  NbTestBytes real_pid = nb_test_relay_command (NB_ZYGOTE_FORK_REAL_PID, -1);
  NbTestFork made;

  for (int ended_first = 0; ended_first < 2; ended_first++)
    {
      nb_test_relay_begin_fork (self, &made);
      if (ended_first == 1)
        nb_fd_clear (&made.zygotes_oracle);
      nb_test_relay_pass (self, self->zygote, &reply, self->browser);
      nb_fd_clear (&made.zygotes_oracle);
      nb_test_relay_expect_no_ping (self, &made);
      nb_test_relay_send (self->browser, &real_pid);
      nb_test_relay_expect_quiet (self);
      nb_test_relay_expect_working (self);
      nb_test_fork_clear (&made);
    }
  nb_test_relay_free (self);
}

/* --- reap, and what nobody knows --- */

static void
test_reap (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestBytes reap = nb_test_relay_command (NB_ZYGOTE_REAP, BROWSERS_PID);
  NbTestFork made = nb_test_relay_fork (self, BROWSERS_PID);

  nb_test_relay_pass (self, self->browser, &reap, self->zygote);
  nb_test_relay_expect_quiet (self);
  g_assert_true (nb_test_relay_is_listening (self)); /* it has no answer */
  end_process (&made);
  (void)nb_test_relay_expect_message (self, NB_MESSAGE_EXITED, made.id);
  nb_test_relay_expect_working (self);
  nb_test_fork_clear (&made);
  nb_test_relay_free (self);
}

static void
test_reap_of_ended (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestBytes reap = nb_test_relay_command (NB_ZYGOTE_REAP, BROWSERS_PID);
  NbTestFork made = nb_test_relay_fork (self, BROWSERS_PID);

  end_process (&made);
  nb_test_relay_expect_quiet (self);
  nb_test_relay_pass (self, self->browser, &reap, self->zygote);
  (void)nb_test_relay_expect_message (self, NB_MESSAGE_EXITED, made.id);
  nb_test_relay_send (self->browser, &reap); /* nobody's by now */
  nb_test_relay_expect_quiet (self);
  nb_test_fork_clear (&made);
  nb_test_relay_free (self);
}

/* Chromium's browser may reap another child while it forks. */
static void
test_reap_during_fork (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestBytes reap = nb_test_relay_command (NB_ZYGOTE_REAP, BROWSERS_PID);
  NbTestFork first = nb_test_relay_fork (self, BROWSERS_PID), second;

  nb_test_relay_begin_fork (self, &second);
  nb_test_relay_ping (self, &second);
  nb_test_relay_pass (self, self->browser, &reap, self->zygote);
  end_process (&first);
  (void)nb_test_relay_expect_message (self, NB_MESSAGE_EXITED, first.id);
  nb_test_relay_end_fork (self, ANOTHER_PID);
  g_assert_cmpint (nb_relay_find_child (self->relay, ANOTHER_PID), ==, second.pid);
  nb_test_relay_expect_working (self);
  nb_test_fork_clear (&first);
  nb_test_fork_clear (&second);
  nb_test_relay_free (self);
}

/* Chromium's zygote ends itself when it is asked about a child that it does not know. */
static void
test_unknown_pid (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  static const int32_t pids[] = { NOBODYS_PID, 0, -1, INT32_MIN, 1 };
  NbTestBytes reply = nb_test_relay_status_reply (NORMAL_TERMINATION, 0);

  for (size_t i = 0; i < G_N_ELEMENTS (pids); i++)
    {
      NbTestBytes reap = nb_test_relay_command (NB_ZYGOTE_REAP, pids[i]);
      NbTestBytes status = nb_test_relay_command (NB_ZYGOTE_TERMINATION_STATUS, pids[i]);

      nb_test_relay_send (self->browser, &reap);
      nb_test_relay_expect_quiet (self);
      nb_test_relay_send (self->browser, &status);
      nb_test_relay_expect (self, self->browser, reply.bytes, reply.size);
      nb_test_relay_expect_quiet (self);
    }
  nb_test_relay_expect_working (self);
  nb_test_relay_free (self);
}

/* --- signals --- */

static void
test_kill (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestFork first = nb_test_relay_fork (self, BROWSERS_PID);
  NbTestFork second = nb_test_relay_fork (self, ANOTHER_PID);
  NbMessage message = { .type = NB_MESSAGE_KILL, .child = second.id, .signal = SIGTERM };

  nb_test_relay_tell (self, &message);
  g_assert_true (nb_test_relay_settle (self));
  g_assert_cmphex ((guint)nb_test_wait (second.pid), ==, SIGTERM);
  second.pid = 0;
  g_assert_cmpint (waitpid (first.pid, NULL, WNOHANG), ==, 0);
  nb_test_relay_tell (self, &message); /* of one that is no more */
  nb_test_relay_expect_quiet (self);
  nb_test_relay_expect_working (self);
  nb_test_fork_clear (&first);
  nb_test_fork_clear (&second);
  nb_test_relay_free (self);
}

static void
test_kill_of_nobody (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestFork made = nb_test_relay_fork (self, BROWSERS_PID);
  uint32_t ids[] = { 0, made.id + 1, (uint32_t)made.pid, UINT32_MAX };

  for (size_t i = 0; i < G_N_ELEMENTS (ids); i++)
    {
      NbMessage message = { .type = NB_MESSAGE_KILL, .child = ids[i], .signal = SIGKILL };

      nb_test_relay_tell (self, &message);
      nb_test_relay_expect_quiet (self);
    }
  g_assert_cmpint (waitpid (made.pid, NULL, WNOHANG), ==, 0);
  nb_test_fork_clear (&made);
  nb_test_relay_free (self);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/relay/greeting", test_greeting);
  nb_test_add ("/relay/greeting/none-of-an-unsandboxed-zygote", test_no_greeting);
  nb_test_add ("/relay/result-of-nothing", test_result_of_nothing);
  nb_test_add ("/relay/sandbox-status", test_sandbox_status);
  nb_test_add ("/relay/pipelined", test_pipelined);
  nb_test_add ("/relay/longest-answer", test_longest_answer);
  nb_test_add ("/relay/fork", test_fork);
  nb_test_add ("/relay/end-before-status", test_end_before_status);
  nb_test_add ("/relay/find-child", test_find_child);
  nb_test_add ("/relay/fork-failed-after-ping", test_fork_failed_after_ping);
  nb_test_add ("/relay/largest-fork", test_largest_fork);
  nb_test_add ("/relay/most-descriptors", test_most_descriptors);
  nb_test_add_cases ("/relay/bad-ping", ping_cases, test_bad_ping);
  nb_test_add ("/relay/early-refusal", test_early_refusal);
  nb_test_add ("/relay/reap", test_reap);
  nb_test_add ("/relay/reap-of-ended", test_reap_of_ended);
  nb_test_add ("/relay/reap-during-fork", test_reap_during_fork);
  nb_test_add ("/relay/unknown-pid", test_unknown_pid);
  nb_test_add ("/relay/kill", test_kill);
  nb_test_add ("/relay/kill-of-nobody", test_kill_of_nobody);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Between a browser and its zygote, when one of them does what Chromium never does. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-relay.h"
#include "tests/lib/nb-test.h"
#include "zygote/controller/relay-children.h"

enum
{
  BROWSERS_PID = 0x7001,
  SEED = 20240229,
  N_RANDOM = 2000,
  N_BURST = 10000,
  STUCK_S = 5,          /* what waits for this long waits for ever */
  MORE_THAN_FIT = 5000, /* messages, into any socket */
};

static NbPickleWriter writer;

static void
send_text (int fd, const char *text, size_t size)
{
  g_assert_cmpint (nb_channel_send (fd, text, size, NULL, 0), ==, 0);
}

/* --- a zygote that greets otherwise --- */

typedef struct
{
  const char *name;
  const char *texts[3];
  size_t sizes[3]; /* 0: no more */
} GreetingCase;

static const GreetingCase greeting_cases[] = {
  { "other-text", { "ZYGOTE_BOOM" }, { 12 } },
  { "without-nul", { "ZYGOTE_BOOT" }, { 11 } },
  { "too-long", { "ZYGOTE_BOOT\0" }, { 13 } },
  { "one-byte", { "Z" }, { 1 } },
  { "hello-first", { "ZYGOTE_OK" }, { 10 } },
  { "boot-twice", { "ZYGOTE_BOOT", "ZYGOTE_BOOT" }, { 12, 12 } },
  { "other-hello", { "ZYGOTE_BOOT", "ZYGOTE_NO" }, { 12, 10 } },
  { "hello-twice", { "ZYGOTE_BOOT", "ZYGOTE_OK", "ZYGOTE_OK" }, { 12, 10, 10 } },
  { "reply-after-hello", { "ZYGOTE_BOOT", "ZYGOTE_OK", "reply" }, { 12, 10, 6 } },
};

static void
test_wrong_greeting (gconstpointer data)
{
  const GreetingCase *test = data;
  NbTestRelay *self = nb_test_relay_new ();

  for (size_t i = 0; i < 3 && test->sizes[i] > 0; i++)
    {
      g_assert_true (nb_test_relay_settle (self));
      send_text (self->zygote, test->texts[i], test->sizes[i]);
    }
  nb_test_relay_expect_end (self);
}

/* --- a zygote that speaks when nobody asked --- */

static void
test_unasked (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestBytes reply = nb_test_relay_status_reply (NB_ZYGOTE_STILL_RUNNING, 0);

  nb_test_relay_send (self->zygote, &reply);
  g_assert_false (nb_test_relay_settle (self));
  g_assert_cmpint (nb_channel_receive (self->browser, &self->packet), <=, 0);
  nb_test_relay_expect_end (self);
}

/* It would be taken for the answer to the browser's next question. */
static void
test_second_answer (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestBytes question = nb_test_relay_command (NB_ZYGOTE_SANDBOX_STATUS, 0);
  NbTestBytes reply = nb_test_relay_status_reply (NB_ZYGOTE_STILL_RUNNING, 0);

  nb_test_relay_pass (self, self->browser, &question, self->zygote);
  nb_test_relay_pass (self, self->zygote, &reply, self->browser);
  nb_test_relay_send (self->zygote, &reply);
  nb_test_relay_expect_end (self);
}

/* A fork has one reply, also when it comes before the PID. */
static void
test_second_refusal (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestBytes reply = nb_test_relay_fork_reply (-1);
  NbTestFork made;

  nb_test_relay_begin_fork (self, &made);
  nb_test_relay_pass (self, self->zygote, &reply, self->browser);
  nb_test_relay_send (self->zygote, &reply);
  nb_test_relay_expect_end (self);
  nb_test_fork_clear (&made);
}

/* The zygote has refused, but a child of its has pinged: its stand-in is for nothing. */
static void
test_refusal_after_ping (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestBytes reply = nb_test_relay_fork_reply (-1);
  NbTestBytes real_pid = nb_test_relay_command (NB_ZYGOTE_FORK_REAL_PID, BROWSERS_PID);
  NbTestFork made;

  nb_test_relay_begin_fork (self, &made);
  nb_test_relay_ping (self, &made);
  nb_test_relay_pass (self, self->zygote, &reply, self->browser);
  nb_test_relay_send (self->browser, &real_pid);
  (void)nb_test_relay_expect_message (self, NB_MESSAGE_EXITED, made.id);
  nb_test_relay_expect_working (self);
  nb_test_fork_clear (&made);
  nb_test_relay_free (self);
}

typedef struct
{
  const char *name;
  size_t size;
  size_t n_fds;
} AnswerCase;

static const AnswerCase answer_cases[] = {
  { "too-long", NB_RELAY_MAX_ANSWER + 1, 0 },
  { "longest-message", NB_MESSAGE_MAX_BYTES, 0 },
  { "with-descriptor", 12, 1 },
  { "with-16-descriptors", 12, NB_CHANNEL_MAX_FDS },
};

static void
test_bad_answer (gconstpointer data)
{
  static const uint8_t bytes[NB_MESSAGE_MAX_BYTES];
  const AnswerCase *test = data;
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestBytes question = nb_test_relay_command (NB_ZYGOTE_SANDBOX_STATUS, 0);
  int fds[NB_CHANNEL_MAX_FDS];

  for (size_t i = 0; i < test->n_fds; i++)
    fds[i] = self->zygote;
  nb_test_relay_pass (self, self->browser, &question, self->zygote);
  g_assert_cmpint (nb_channel_send (self->zygote, bytes, test->size, fds, test->n_fds), ==,
                   0);
  g_assert_false (nb_test_relay_settle (self));
  g_assert_cmpint (nb_channel_receive (self->browser, &self->packet), <=, 0);
  nb_test_relay_expect_end (self);
}

/* --- one that does not read: the controller has other things to do --- */

static void
answer_for_ever (gconstpointer data)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestBytes reply = nb_test_relay_fork_reply (-1);
  NbTestFork made;

  (void)data;
  (void)alarm (STUCK_S);
  nb_test_relay_begin_fork (self, &made);
  for (int i = 0; i < MORE_THAN_FIT && nb_test_relay_settle (self); i++)
    nb_test_relay_send (self->zygote, &reply);
  nb_test_relay_free (self);
  nb_test_fork_clear (&made);
}

static void
test_browser_that_does_not_read (void)
{
  nb_test_in_child (answer_for_ever, NULL);
}

/* Questions that the relay answers itself, more than the browser's socket holds. */
static void
ask_for_ever (gconstpointer data)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestBytes question = nb_test_relay_command (NB_ZYGOTE_TERMINATION_STATUS, BROWSERS_PID);

  (void)data;
  (void)alarm (STUCK_S);
  for (int i = 0; i < MORE_THAN_FIT && nb_test_relay_settle (self); i++)
    nb_test_relay_send (self->browser, &question);
  nb_test_relay_expect_end (self);
}

static void
test_browser_that_reads_no_answer (void)
{
  nb_test_in_child (ask_for_ever, NULL);
}

/* As many questions as its socket holds, again and again: the zygote sees one at a time. */
static void
test_burst_of_browser (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestBytes question = nb_test_relay_command (NB_ZYGOTE_SANDBOX_STATUS, 0);
  static const uint32_t status = 0x1f;
  int n_sent = 0, n_most = 0;

  g_assert_cmpint (fcntl (self->browser, F_SETFL, O_NONBLOCK), ==, 0);
  for (int n_answered = 0; n_answered < N_BURST; n_answered++)
    {
      while (n_sent < N_BURST
             && nb_channel_send (self->browser, question.bytes, question.size, NULL, 0)
                    == 0)
        n_sent++;
      n_most = MAX (n_most, n_sent - n_answered);
      g_assert_true (nb_test_relay_settle (self));
      (void)nb_test_relay_receive (self, self->zygote);
      g_assert_false (nb_test_is_readable (self->zygote));
      g_assert_cmpint (nb_channel_send (self->zygote, &status, sizeof status, NULL, 0), ==,
                       0);
      nb_test_relay_expect (self, self->browser, &status, sizeof status);
    }
  g_test_message ("%d questions, at most %d of them in the socket", n_sent, n_most);
  nb_test_relay_expect_working (self);
  nb_test_relay_free (self);
}

/* A reap has no answer, so they can be many. */
static void
reap_for_ever (gconstpointer data)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestBytes reap = nb_test_relay_command (NB_ZYGOTE_REAP, BROWSERS_PID);
  NbTestFork made = nb_test_relay_fork (self, BROWSERS_PID);

  (void)data;
  (void)alarm (STUCK_S);
  for (int i = 0; i < MORE_THAN_FIT && nb_test_relay_settle (self); i++)
    nb_test_relay_send (self->browser, &reap);
  nb_test_relay_expect_end (self);
  nb_test_fork_clear (&made);
}

static void
test_zygote_that_does_not_read (void)
{
  nb_test_in_child (reap_for_ever, NULL);
}

/* --- a nursery that is none --- */

static void
test_bad_link (void)
{
  static const NbMessageType types[]
      = { NB_MESSAGE_SAY, NB_MESSAGE_BORN, NB_MESSAGE_EXITED, NB_MESSAGE_LIST };
  NbTestRelay *self;

  for (size_t i = 0; i < G_N_ELEMENTS (types); i++)
    {
      NbMessage message = { .type = types[i], .child = 1 };

      self = nb_test_relay_new_greeted ();
      message.text = nb_slice ("");
      if (types[i] != NB_MESSAGE_SAY)
        message.wait_status = 0;
      nb_test_relay_tell (self, &message);
      nb_test_relay_expect_end (self);
    }
  self = nb_test_relay_new_greeted ();
  send_text (self->link, "no pickle", sizeof "no pickle");
  nb_test_relay_expect_end (self);
}

/* What the browser was not told it waits for in vain. */
static void
test_unsaid (void)
{
  NbTestRelay *self = nb_test_relay_new ();
  NbMessage said = { .type = NB_MESSAGE_RESULT, .serial = 2 };

  send_text (self->zygote, NB_ZYGOTE_BOOT, sizeof NB_ZYGOTE_BOOT);
  (void)nb_test_relay_expect_message (self, NB_MESSAGE_SAY, 0);
  said.result.error = EPIPE;
  nb_test_relay_tell (self, &said);
  nb_test_relay_expect_end (self);
}

/* --- a side that goes --- */

static void
test_end_when_idle (void)
{
  for (int side = 0; side < 3; side++)
    {
      NbTestRelay *self = nb_test_relay_new_greeted ();
      int *const ends[] = { &self->browser, &self->zygote, &self->link };

      nb_fd_clear (ends[side]);
      nb_test_relay_expect_end (self);
    }
}

/* With a child, whose process is not the relay's to end. */
static void
test_end_with_child (void)
{
  for (int side = 0; side < 3; side++)
    {
      NbTestRelay *self = nb_test_relay_new_greeted ();
      NbTestFork made = nb_test_relay_fork (self, BROWSERS_PID);
      int *const ends[] = { &self->browser, &self->zygote, &self->link };

      nb_fd_clear (ends[side]);
      nb_test_relay_expect_end (self);
      g_assert_cmpint (waitpid (made.pid, NULL, WNOHANG), ==, 0);
      nb_test_fork_clear (&made);
    }
}

/* The browser is not read from then, so that its end shows with the answer. */
static void
test_end_when_asked (void)
{
  for (int side = 0; side < 3; side++)
    {
      NbTestRelay *self = nb_test_relay_new_greeted ();
      NbTestBytes question = nb_test_relay_command (NB_ZYGOTE_SANDBOX_STATUS, 0);
      int *const ends[] = { &self->browser, &self->zygote, &self->link };

      nb_test_relay_pass (self, self->browser, &question, self->zygote);
      nb_fd_clear (ends[side]);
      if (side == 0)
        nb_test_relay_send (self->zygote, &question);
      nb_test_relay_expect_end (self);
    }
}

/* The oracles end with it. */
static void
test_end_in_fork (void)
{
  for (int side = 1; side < 3; side++)
    {
      NbTestRelay *self = nb_test_relay_new_greeted ();
      int *const ends[] = { NULL, &self->zygote, &self->link };
      NbTestFork made;

      nb_test_relay_begin_fork (self, &made);
      nb_fd_clear (ends[side]);
      g_assert_false (nb_test_relay_settle (self));
      g_assert_true (nb_test_is_readable (made.browsers_oracle));
      g_assert_true (nb_test_is_readable (made.zygotes_oracle));
      nb_test_relay_expect_end (self);
      nb_test_fork_clear (&made);
    }
}

/* --- a browser that sends what it should not --- */

typedef struct
{
  const char *name;
  NbTestBytes bytes;
  size_t n_fds;
} CommandCase;

static const CommandCase command_cases[] = {
  { "no-pickle", { 3, { 1, 2, 3 } }, 0 },
  { "empty-pickle", { 4, { 0 } }, 0 },
  { "wrong-size", { 8, { 8, 0, 0, 0, 3, 0, 0, 0 } }, 0 },
  { "unknown", { 8, { 4, 0, 0, 0, 6, 0, 0, 0 } }, 0 },
  { "negative", { 8, { 4, 0, 0, 0, 255, 255, 255, 255 } }, 0 },
  { "unknown-with-descriptor", { 8, { 4, 0, 0, 0, 99, 0, 0, 0 } }, 1 },
  { "fork-of-nothing", { 8, { 4, 0, 0, 0, 0, 0, 0, 0 } }, 1 },
  { "reap-of-nothing", { 8, { 4, 0, 0, 0, 1, 0, 0, 0 } }, 0 },
  { "status-with-descriptor", { 8, { 4, 0, 0, 0, 3, 0, 0, 0 } }, 1 },
  { "real-pid-without-fork", { 12, { 8, 0, 0, 0, 4, 0, 0, 0, 1 } }, 0 },
  { "logging", { 12, { 8, 0, 0, 0, 5, 0, 0, 0, 1 } }, 1 },
};

static void
send_case (int fd, const CommandCase *test)
{
  g_assert_cmpint (
      nb_channel_send (fd, test->bytes.bytes, test->bytes.size, &fd, test->n_fds), ==, 0);
}

static void
test_bad_command (gconstpointer data)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();

  send_case (self->browser, data);
  nb_test_relay_expect_quiet (self);
  g_assert_true (nb_test_relay_is_listening (self));
  nb_test_relay_expect_working (self);
  nb_test_relay_free (self);
}

/* Where only the PID of a fork may come. */
static void
test_bad_command_in_fork (gconstpointer data)
{
  const CommandCase *test = data;
  NbTestRelay *self = nb_test_relay_new_greeted ();
  NbTestFork made;

  nb_test_relay_begin_fork (self, &made);
  nb_test_relay_ping (self, &made);
  if (strcmp (test->name, "real-pid-without-fork") != 0) /* with one it is good */
    send_case (self->browser, test);
  nb_test_relay_expect_quiet (self);
  nb_test_relay_end_fork (self, BROWSERS_PID);
  nb_test_relay_expect_working (self);
  nb_test_fork_clear (&made);
  nb_test_relay_free (self);
}

/* --- anything --- */

static size_t
random_bytes (GRand *rand, uint8_t *bytes, size_t max)
{
  size_t size = (size_t)g_rand_int_range (rand, 1, (gint32)max + 1);

  for (size_t i = 0; i < size; i++)
    bytes[i] = (uint8_t)g_rand_int_range (rand, 0, 256);
  return size;
}

/* Often one that is good but for its descriptors, or good but for one byte. */
static size_t
random_command (GRand *rand, uint8_t *bytes, size_t max)
{
  NbTestBytes known = nb_test_relay_command (
      (NbZygoteCommandType)g_rand_int_range (rand, 1, 6), g_rand_int_range (rand, -1, 20));
  size_t size = known.size;

  if (g_rand_int_range (rand, 0, 4) == 0)
    return random_bytes (rand, bytes, max);
  if (g_rand_int_range (rand, 0, 3) == 0)
    {
      size = nb_test_relay_encode_fork (&writer, (size_t)g_rand_int_range (rand, 0, 3),
                                        "--type=renderer",
                                        (size_t)g_rand_int_range (rand, 0, 16));
      memcpy (bytes, writer.bytes, size);
    }
  else
    memcpy (bytes, known.bytes, known.size);
  if (g_rand_int_range (rand, 0, 4) == 0)
    bytes[g_rand_int_range (rand, 0, (gint32)size)] ^= 0x41;
  return size;
}

static void
send_random (GRand *rand, int fd, const uint8_t *bytes, size_t size)
{
  nb_autofd file = nb_test_text_file ("");
  int fds[] = { file, file, file };
  int32_t n_fds = g_rand_int_range (rand, -3, 4); /* none, half of the time */

  g_assert_cmpint (nb_channel_send (fd, bytes, size, fds, n_fds > 0 ? (size_t)n_fds : 0),
                   ==, 0);
}

/* In the zygote's place: answers what has an answer, and pings from this very process. */
static void
answer_as_zygote (GRand *rand, NbTestRelay *self)
{
  static NbZygoteCommand command;
  const NbPacket *packet = nb_test_relay_receive (self, self->zygote);
  int32_t said = g_rand_int_range (rand, 0, 6);
  NbTestBytes reply = nb_test_relay_status_reply (said, 0);

  g_assert_cmpint (
      nb_zygote_command_decode (packet->bytes, packet->size, packet->n_fds, &command), ==,
      0);
  if (command.type == NB_ZYGOTE_FORK_REAL_PID)
    reply = nb_test_relay_fork_reply (said == 0 ? -1 : command.pid);
  if (command.type == NB_ZYGOTE_FORK && said > 2)
    send_text (packet->fds[0], NB_ZYGOTE_PING, sizeof NB_ZYGOTE_PING);
  else if (command.type != NB_ZYGOTE_REAP && command.type != NB_ZYGOTE_FORK)
    nb_test_relay_send (self->zygote, &reply);
  nb_packet_clear (&self->packet);
}

static void
take_all (NbTestRelay *self, int fd)
{
  while (nb_test_is_readable (fd))
    (void)nb_test_relay_receive (self, fd);
}

/* Until the zygote has nothing to do, and nobody has anything to read. */
static void
answer_all (GRand *rand, NbTestRelay *self)
{
  while (nb_test_relay_settle (self) && nb_test_is_readable (self->zygote))
    answer_as_zygote (rand, self);
  g_assert_true (nb_test_relay_is_listening (self));
  take_all (self, self->browser);
  take_all (self, self->link);
}

/* No browser gets its zygote's relay to end, nor to stop listening. */
static void
test_random_browser (void)
{
  NbTestRelay *self = nb_test_relay_new_greeted ();
  GRand *rand = g_rand_new_with_seed (SEED);
  NbTestBytes real_pid = nb_test_relay_command (NB_ZYGOTE_FORK_REAL_PID, -1);
  uint8_t bytes[256];

  for (int i = 0; i < N_RANDOM; i++)
    {
      send_random (rand, self->browser, bytes, random_command (rand, bytes, sizeof bytes));
      answer_all (rand, self);
    }
  nb_test_relay_send (self->browser, &real_pid); /* of a fork under way, or ignored */
  answer_all (rand, self);
  nb_test_relay_expect_working (self);
  g_rand_free (rand);
  nb_test_relay_free (self);
}

/* The browser's part, up to any point of the conversation. */
static NbTestRelay *
random_progress (GRand *rand, NbTestFork *made_out)
{
  int32_t point = g_rand_int_range (rand, 0, 6);
  NbTestRelay *self = point == 0 ? nb_test_relay_new () : nb_test_relay_new_greeted ();
  NbTestBytes question = nb_test_relay_command (NB_ZYGOTE_SANDBOX_STATUS, 0);
  NbTestBytes real_pid = nb_test_relay_command (NB_ZYGOTE_FORK_REAL_PID, BROWSERS_PID);

  *made_out = (NbTestFork){ .browsers_oracle = -1, .zygotes_oracle = -1 };
  if (point == 2)
    nb_test_relay_pass (self, self->browser, &question, self->zygote);
  if (point >= 3)
    nb_test_relay_begin_fork (self, made_out);
  if (point >= 4)
    send_text (made_out->zygotes_oracle, NB_ZYGOTE_PING, sizeof NB_ZYGOTE_PING);
  if (point >= 5)
    {
      g_assert_true (nb_test_relay_settle (self));
      nb_test_relay_pass (self, self->browser, &real_pid, self->zygote);
    }
  return self;
}

static size_t
random_answer (GRand *rand, uint8_t *bytes, size_t max)
{
  int32_t kind = g_rand_int_range (rand, 0, 4), said = g_rand_int_range (rand, -1, 6);
  NbTestBytes reply
      = kind == 0 ? nb_test_relay_fork_reply (said) : nb_test_relay_status_reply (said, 0);

  if (kind > 1)
    return random_bytes (rand, bytes, kind == 2 ? 64 : max);
  memcpy (bytes, reply.bytes, reply.size);
  return reply.size;
}

/* It may well end its own relay, at any point, but in good order. */
static void
test_random_zygote (void)
{
  static uint8_t bytes[NB_RELAY_MAX_ANSWER + 1024];
  GRand *rand = g_rand_new_with_seed (SEED);
  NbTestFork made;
  int left = N_RANDOM;

  while (left > 0)
    {
      NbTestRelay *self = random_progress (rand, &made);

      for (int i = 0; i < 3 && nb_test_relay_settle (self); i++, left--)
        send_random (rand, self->zygote, bytes, random_answer (rand, bytes, sizeof bytes));
      if (nb_test_relay_settle (self))
        nb_test_relay_free (self);
      else
        nb_test_relay_expect_end (self);
      nb_test_fork_clear (&made);
    }
  g_rand_free (rand);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/relay-hostile/greeting", greeting_cases, test_wrong_greeting);
  nb_test_add ("/relay-hostile/unasked", test_unasked);
  nb_test_add ("/relay-hostile/second-answer", test_second_answer);
  nb_test_add ("/relay-hostile/second-refusal", test_second_refusal);
  nb_test_add ("/relay-hostile/refusal-after-ping", test_refusal_after_ping);
  nb_test_add_cases ("/relay-hostile/answer", answer_cases, test_bad_answer);
  nb_test_add ("/relay-hostile/browser-that-does-not-read",
               test_browser_that_does_not_read);
  nb_test_add ("/relay-hostile/browser-that-reads-no-answer",
               test_browser_that_reads_no_answer);
  nb_test_add ("/relay-hostile/burst-of-browser", test_burst_of_browser);
  nb_test_add ("/relay-hostile/zygote-that-does-not-read", test_zygote_that_does_not_read);
  nb_test_add ("/relay-hostile/link", test_bad_link);
  nb_test_add ("/relay-hostile/unsaid", test_unsaid);
  nb_test_add ("/relay-hostile/end-when-idle", test_end_when_idle);
  nb_test_add ("/relay-hostile/end-with-child", test_end_with_child);
  nb_test_add ("/relay-hostile/end-when-asked", test_end_when_asked);
  nb_test_add ("/relay-hostile/end-in-fork", test_end_in_fork);
  nb_test_add_cases ("/relay-hostile/command", command_cases, test_bad_command);
  nb_test_add_cases ("/relay-hostile/command-in-fork", command_cases,
                     test_bad_command_in_fork);
  nb_test_add ("/relay-hostile/random-browser", test_random_browser);
  nb_test_add ("/relay-hostile/random-zygote", test_random_zygote);
  return g_test_run ();
}

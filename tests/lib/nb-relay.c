/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lib/nb-relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

enum
{
  MAX_WATCHED = 4096,
  MAX_STEPS = 100000, /* of one settling: more is a relay that runs in circles */
};

/* --- the loop: NbLoop has no room for context, so there is one --- */

static int watched[MAX_WATCHED];
static size_t n_watched;

static bool
is_watched (int fd)
{
  for (size_t i = 0; i < n_watched; i++)
    if (watched[i] == fd)
      return true;
  return false;
}

static int
watch (int fd)
{
  g_assert_cmpint (fd, >=, 0);
  g_assert_false (is_watched (fd));
  g_assert_cmpuint (n_watched, <, MAX_WATCHED);
  watched[n_watched++] = fd;
  return 0;
}

static void
unwatch (int fd)
{
  size_t i = 0;

  g_assert_true (is_watched (fd));
  while (watched[i] != fd)
    i++;
  watched[i] = watched[--n_watched];
}

/* One that is readable or ended: the relay's first, so that other is told apart last. */
static int
next_ready (int other, int timeout_ms)
{
  static struct pollfd fds[MAX_WATCHED + 1];
  int result;

  for (size_t i = 0; i < n_watched; i++)
    fds[i] = (struct pollfd){ .fd = watched[i], .events = POLLIN };
  fds[n_watched] = (struct pollfd){ .fd = other, .events = POLLIN };
  do
    result = poll (fds, n_watched + 1, timeout_ms);
  while (result < 0 && errno == EINTR);
  g_assert_cmpint (result, >=, 0);
  for (size_t i = 0; i <= n_watched; i++)
    if (fds[i].revents != 0)
      {
        g_assert_cmphex ((guint)(fds[i].revents & POLLNVAL), ==, 0);
        return fds[i].fd;
      }
  return -1;
}

static void
serve (NbTestRelay *self, int fd)
{
  int result;

  g_assert_true (nb_relay_owns (self->relay, fd));
  result = nb_relay_serve (self->relay, fd);
  if (result == 0)
    return;
  g_assert_cmpint (result, ==, -EPIPE);
  nb_relay_free (self->relay);
  self->relay = NULL;
  n_watched = 0;
}

bool
nb_test_relay_settle (NbTestRelay *self)
{
  int fd;

  for (int step = 0; self->relay != NULL && (fd = next_ready (-1, 0)) >= 0; step++)
    {
      g_assert_cmpint (step, <, MAX_STEPS);
      serve (self, fd);
    }
  return self->relay != NULL;
}

void
nb_test_relay_wait (NbTestRelay *self, int fd)
{
  gint64 deadline = g_get_monotonic_time () + NB_TEST_DEADLINE_MS * G_TIME_SPAN_MILLISECOND;
  int ready;

  while (nb_test_relay_settle (self) && !nb_test_is_readable (fd))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      ready = next_ready (fd, NB_TEST_DEADLINE_MS);
      g_assert_cmpint (ready, >=, 0);
      if (ready != fd)
        serve (self, ready);
    }
  g_assert_true (nb_test_is_readable (fd));
}

bool
nb_test_relay_is_listening (const NbTestRelay *self)
{
  return is_watched (self->browser_in_relay);
}

/* --- beginning and end --- */

static NbTestRelay *
relay_new (bool greets)
{
  static const NbLoop loop = { .watch = watch, .unwatch = unwatch };
  NbTestRelay *self = g_new0 (NbTestRelay, 1);
  int control[2], link[2];

  n_watched = 0;
  g_assert_cmpint (nb_channel_pair (control), ==, 0);
  g_assert_cmpint (nb_channel_pair (link), ==, 0);
  /* As the browser has it: the kernel says who a message is from. */
  g_assert_cmpint (nb_channel_pass_credentials (control[0]), ==, 0);
  self->browser = control[0];
  self->browser_in_relay = control[1];
  self->link = link[0];
  self->relay = nb_relay_new (control[1], link[1], greets, &loop, &self->zygote);
  g_assert_nonnull (self->relay);
  return self;
}

NbTestRelay *
nb_test_relay_new (void)
{
  return relay_new (true);
}

NbTestRelay *
nb_test_relay_new_silent (void)
{
  return relay_new (false);
}

NbTestRelay *
nb_test_relay_new_greeted (void)
{
  static const char *const greetings[] = { NB_ZYGOTE_HELLO, NB_ZYGOTE_BOOT };
  NbTestRelay *self = nb_test_relay_new ();

  for (uint32_t serial = 2; serial > 0; serial--)
    {
      NbMessage said = { .type = NB_MESSAGE_RESULT, .serial = serial };
      const char *text = greetings[serial - 1];

      g_assert_cmpint (nb_channel_send (self->zygote, text, strlen (text) + 1, NULL, 0), ==,
                       0);
      (void)nb_test_relay_expect_message (self, NB_MESSAGE_SAY, 0);
      nb_test_relay_tell (self, &said);
    }
  g_assert_true (nb_test_relay_settle (self));
  g_assert_true (nb_test_relay_is_listening (self));
  return self;
}

void
nb_test_relay_free (NbTestRelay *self)
{
  if (self->relay != NULL)
    nb_relay_free (self->relay);
  n_watched = 0;
  nb_packet_clear (&self->packet);
  nb_fd_clear (&self->browser);
  nb_fd_clear (&self->zygote);
  nb_fd_clear (&self->link);
  g_free (self);
}

/* What was on its way still comes first. Closed with something unread is an end as well. */
static void
expect_end_of (NbTestRelay *self, int fd)
{
  int result;

  if (fd < 0)
    return;
  do
    {
      nb_test_wait_readable (fd);
      nb_packet_clear (&self->packet);
      result = nb_channel_receive (fd, &self->packet);
    }
  while (result > 0);
  g_assert_true (result == 0 || result == -ECONNRESET);
}

void
nb_test_relay_expect_end (NbTestRelay *self)
{
  g_assert_false (nb_test_relay_settle (self));
  expect_end_of (self, self->browser);
  expect_end_of (self, self->zygote);
  expect_end_of (self, self->link);
  nb_test_relay_free (self);
}

/* --- talking --- */

const NbPacket *
nb_test_relay_receive (NbTestRelay *self, int fd)
{
  nb_test_relay_wait (self, fd);
  nb_packet_clear (&self->packet);
  g_assert_cmpint (nb_channel_receive (fd, &self->packet), ==, 1);
  return &self->packet;
}

void
nb_test_relay_expect (NbTestRelay *self, int fd, const void *bytes, size_t size)
{
  const NbPacket *packet = nb_test_relay_receive (self, fd);

  nb_test_assert_bytes (packet->bytes, packet->size, bytes, size);
  g_assert_cmpuint (packet->n_fds, ==, 0);
}

const NbMessage *
nb_test_relay_expect_message (NbTestRelay *self, NbMessageType type, uint32_t child)
{
  const NbPacket *packet = nb_test_relay_receive (self, self->link);

  g_assert_cmpint (nb_message_decode (packet, &self->message), ==, 0);
  g_assert_cmpstr (nb_message_type_name (self->message.type), ==,
                   nb_message_type_name (type));
  g_assert_cmpuint (self->message.child, ==, child);
  return &self->message;
}

void
nb_test_relay_expect_quiet (NbTestRelay *self)
{
  g_assert_true (nb_test_relay_settle (self));
  g_assert_false (nb_test_is_readable (self->browser));
  g_assert_false (nb_test_is_readable (self->zygote));
  g_assert_false (nb_test_is_readable (self->link));
}

static NbTestBytes
finish (NbPickleWriter *writer)
{
  NbTestBytes message;

  g_assert_cmpint (nb_pickle_writer_finish (writer, &message.size), ==, 0);
  g_assert_cmpuint (message.size, <=, sizeof message.bytes);
  memcpy (message.bytes, writer->bytes, message.size);
  return message;
}

NbTestBytes
nb_test_relay_command (NbZygoteCommandType type, int32_t pid)
{
  static NbPickleWriter writer;
  static NbZygoteCommand command;
  NbTestBytes message;

  command = (NbZygoteCommand){ .type = type, .pid = pid };
  g_assert_cmpint (nb_zygote_command_encode (&writer, &command, &message.size), ==, 0);
  return finish (&writer);
}

NbTestBytes
nb_test_relay_status_reply (int32_t status, int32_t wait_status)
{
  static NbPickleWriter writer;

  nb_pickle_writer_init (&writer);
  nb_pickle_writer_int (&writer, status);
  nb_pickle_writer_int (&writer, wait_status);
  return finish (&writer);
}

NbTestBytes
nb_test_relay_fork_reply (int32_t pid)
{
  static NbPickleWriter writer;

  nb_pickle_writer_init (&writer);
  nb_pickle_writer_int (&writer, pid);
  nb_pickle_writer_string (&writer, "", 0);
  return finish (&writer);
}

void
nb_test_relay_send (int fd, const NbTestBytes *message)
{
  g_assert_cmpint (nb_channel_send (fd, message->bytes, message->size, NULL, 0), ==, 0);
}

void
nb_test_relay_pass (NbTestRelay *self, int from, const NbTestBytes *message, int to)
{
  nb_test_relay_send (from, message);
  nb_test_relay_expect (self, to, message->bytes, message->size);
}

void
nb_test_relay_tell (NbTestRelay *self, const NbMessage *message)
{
  g_assert_cmpint (nb_message_send (self->link, message, NULL, 0), ==, 0);
}

void
nb_test_relay_expect_working (NbTestRelay *self)
{
  static const NbTestBytes flags = { 4, { 0x1f } }; /* the one reply that is no pickle */
  NbTestBytes question = nb_test_relay_command (NB_ZYGOTE_SANDBOX_STATUS, 0);

  nb_test_relay_pass (self, self->browser, &question, self->zygote);
  nb_test_relay_pass (self, self->zygote, &flags, self->browser);
  nb_test_relay_expect_quiet (self);
}

/* --- forks --- */

static uint64_t
inode_of (int fd)
{
  struct stat found;

  g_assert_cmpint (fstat (fd, &found), ==, 0);
  return found.st_ino;
}

size_t
nb_test_relay_encode_fork (NbPickleWriter *writer, size_t n_keys, const char *argument,
                           size_t length)
{
  static NbZygoteCommand command;
  size_t size = 0;

  command = (NbZygoteCommand){ .type = NB_ZYGOTE_FORK, .n_keys = n_keys, .n_arguments = 1 };
  command.process_type = nb_slice ("renderer");
  command.arguments[0] = (NbSlice){ argument, length };
  for (size_t i = 0; i < n_keys; i++)
    command.keys[i] = (uint32_t)i;
  g_assert_cmpint (nb_zygote_command_encode (writer, &command, &size), ==, 0);
  return size;
}

void
nb_test_relay_begin_fork (NbTestRelay *self, NbTestFork *fork_out)
{
  static NbPickleWriter writer;
  nb_autofd file = nb_test_text_file ("a key's");
  size_t size = nb_test_relay_encode_fork (&writer, 1, "--type=renderer", 15);
  int ends[2], fds[2];
  const NbPacket *packet;

  g_assert_cmpint (nb_channel_pair (ends), ==, 0);
  *fork_out = (NbTestFork){ .browsers_oracle = ends[0], .inode = inode_of (ends[1]) };
  g_assert_cmpint (nb_channel_pass_credentials (ends[0]), ==, 0);
  fds[0] = ends[1];
  fds[1] = file;
  g_assert_cmpint (nb_channel_send (self->browser, writer.bytes, size, fds, 2), ==, 0);
  nb_fd_clear (&ends[1]);
  packet = nb_test_relay_receive (self, self->zygote);
  nb_test_assert_bytes (packet->bytes, packet->size, writer.bytes, size);
  g_assert_cmpuint (packet->n_fds, ==, 2);
  g_assert_cmpuint (inode_of (packet->fds[0]), !=, fork_out->inode);
  g_assert_cmpuint (inode_of (packet->fds[1]), ==, inode_of (file));
  fork_out->zygotes_oracle = nb_packet_steal_fd (&self->packet, 0);
  g_assert_false (nb_test_relay_is_listening (self));
}

/* It keeps nothing else open, so that the end of whatever the test closes is seen. */
static void
ping_and_stay (gconstpointer data)
{
  const NbTestFork *fork_made = data;
  int oracle = STDERR_FILENO + 1;

  nb_test_child_check (dup2 (fork_made->zygotes_oracle, oracle) == oracle);
  nb_test_child_check (nb_fd_close_from (oracle + 1) == 0);
  nb_test_child_check (
      nb_channel_send (oracle, NB_ZYGOTE_PING, sizeof NB_ZYGOTE_PING, NULL, 0) == 0);
  nb_fd_clear (&oracle);
  for (;;)
    (void)pause ();
}

void
nb_test_relay_ping (NbTestRelay *self, NbTestFork *fork_made)
{
  fork_made->pid = nb_test_fork (ping_and_stay, fork_made);
  nb_fd_clear (&fork_made->zygotes_oracle);
  nb_test_relay_wait (self, self->link);
  nb_packet_clear (&self->packet);
  g_assert_cmpint (nb_channel_receive (self->link, &self->packet), ==, 1);
  g_assert_cmpint (nb_message_decode (&self->packet, &self->message), ==, 0);
  g_assert_cmpint (self->message.type, ==, NB_MESSAGE_BORN);
  g_assert_cmpuint (self->message.child, !=, 0);
  fork_made->id = self->message.child;
  g_assert_cmpuint (self->packet.n_fds, ==, 1);
  g_assert_cmpuint (inode_of (self->packet.fds[0]), ==, fork_made->inode);
  nb_packet_clear (&self->packet);
}

void
nb_test_relay_expect_no_ping (NbTestRelay *self, const NbTestFork *fork_made)
{
  nb_test_relay_wait (self, fork_made->browsers_oracle);
  nb_packet_clear (&self->packet);
  g_assert_cmpint (nb_channel_receive (fork_made->browsers_oracle, &self->packet), ==, 0);
}

void
nb_test_relay_end_fork (NbTestRelay *self, int32_t browser_pid)
{
  NbTestBytes real_pid = nb_test_relay_command (NB_ZYGOTE_FORK_REAL_PID, browser_pid);
  NbTestBytes reply = nb_test_relay_fork_reply (browser_pid);

  g_assert_true (nb_test_relay_settle (self));
  g_assert_true (nb_test_relay_is_listening (self));
  nb_test_relay_pass (self, self->browser, &real_pid, self->zygote);
  g_assert_false (nb_test_relay_is_listening (self));
  nb_test_relay_pass (self, self->zygote, &reply, self->browser);
  g_assert_true (nb_test_relay_is_listening (self));
}

NbTestFork
nb_test_relay_fork (NbTestRelay *self, int32_t browser_pid)
{
  NbTestFork made;

  nb_test_relay_begin_fork (self, &made);
  nb_test_relay_ping (self, &made);
  nb_test_relay_end_fork (self, browser_pid);
  nb_test_relay_expect_quiet (self);
  return made;
}

void
nb_test_fork_clear (NbTestFork *fork_made)
{
  nb_fd_clear (&fork_made->browsers_oracle);
  nb_fd_clear (&fork_made->zygotes_oracle);
  if (fork_made->pid > 0)
    {
      g_assert_cmpint (kill (fork_made->pid, SIGKILL), ==, 0);
      (void)nb_test_wait (fork_made->pid);
    }
  fork_made->pid = 0;
}

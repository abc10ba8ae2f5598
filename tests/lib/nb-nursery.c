/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lib/nb-nursery.h"

#include <poll.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

enum
{
  MAX_STEPS = 100, /* of one settling: some events are seen more than once */
};

NbTestNursery *
nb_test_nursery_new (void)
{
  NbTestNursery *self = g_new0 (NbTestNursery, 1);
  int link[2], control[2];

  g_assert_cmpint (sigprocmask (SIG_BLOCK, NULL, &self->mask), ==, 0);
  g_assert_cmpint (nb_channel_pair (link), ==, 0);
  g_assert_cmpint (nb_channel_pair (control), ==, 0);
  g_assert_cmpint (nb_channel_pass_credentials (control[0]), ==, 0);
  self->link = link[0];
  self->control = control[0];
  self->nursery = nb_nursery_new (link[1], control[1]);
  g_assert_nonnull (self->nursery);
  return self;
}

void
nb_test_nursery_free (NbTestNursery *self)
{
  nb_nursery_free (self->nursery);
  nb_packet_clear (&self->packet);
  nb_fd_clear (&self->link);
  nb_fd_clear (&self->control);
  g_assert_cmpint (sigprocmask (SIG_SETMASK, &self->mask, NULL), ==, 0);
  g_free (self);
}

void
nb_test_nursery_settle (NbTestNursery *self)
{
  for (int i = 0; i < MAX_STEPS && nb_test_is_readable (nb_nursery_fd (self->nursery)); i++)
    g_assert_cmpint (nb_nursery_serve (self->nursery), ==, 0);
}

void
nb_test_nursery_wait (NbTestNursery *self, int fd)
{
  struct pollfd fds[] = { { .fd = nb_nursery_fd (self->nursery), .events = POLLIN },
                          { .fd = fd, .events = POLLIN } };
  gint64 deadline = g_get_monotonic_time () + NB_TEST_DEADLINE_MS * G_TIME_SPAN_MILLISECOND;

  do
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      /* A stop or an end of a stand-in is known by the nursery's own descriptor alone. */
      g_assert_cmpint (poll (fds, 2, NB_TEST_DEADLINE_MS), >, 0);
      if (fds[0].revents != 0)
        g_assert_cmpint (nb_nursery_serve (self->nursery), ==, 0);
    }
  while (fds[1].revents == 0);
}

const NbMessage *
nb_test_nursery_receive (NbTestNursery *self)
{
  nb_test_nursery_wait (self, self->link);
  nb_packet_clear (&self->packet);
  g_assert_cmpint (nb_channel_receive (self->link, &self->packet), ==, 1);
  g_assert_cmpint (nb_message_decode (&self->packet, &self->message), ==, 0);
  return &self->message;
}

void
nb_test_nursery_expect_kill (NbTestNursery *self, uint32_t child, int number)
{
  const NbMessage *message = nb_test_nursery_receive (self);

  g_assert_cmpint (message->type, ==, NB_MESSAGE_KILL);
  g_assert_cmpuint (message->child, ==, child);
  g_assert_cmpint (message->signal, ==, number);
}

void
nb_test_nursery_expect_quiet (NbTestNursery *self)
{
  nb_test_nursery_settle (self);
  g_assert_false (nb_test_is_readable (self->link));
}

void
nb_test_nursery_tell (NbTestNursery *self, NbMessageType type, uint32_t child, int fd)
{
  NbMessage message = { .type = type, .child = child };

  g_assert_cmpint (nb_message_send (self->link, &message, &fd, fd >= 0), ==, 0);
}

/* --- stand-ins --- */

int
nb_test_nursery_ask (NbTestNursery *self, uint32_t child)
{
  int ends[2];

  g_assert_cmpint (nb_channel_pair (ends), ==, 0);
  g_assert_cmpint (nb_channel_pass_credentials (ends[0]), ==, 0);
  nb_test_nursery_tell (self, NB_MESSAGE_BORN, child, ends[1]);
  nb_fd_clear (&ends[1]);
  return ends[0];
}

pid_t
nb_test_nursery_take_ping (NbTestNursery *self, int oracle)
{
  nb_test_nursery_wait (self, oracle);
  nb_packet_clear (&self->packet);
  g_assert_cmpint (nb_channel_receive (oracle, &self->packet), ==, 1);
  nb_test_assert_bytes (self->packet.bytes, self->packet.size, NB_ZYGOTE_PING,
                        sizeof NB_ZYGOTE_PING);
  g_assert_cmpuint (self->packet.n_fds, ==, 0);
  g_assert_true (self->packet.has_credentials);
  return self->packet.pid;
}

pid_t
nb_test_nursery_make (NbTestNursery *self, uint32_t child)
{
  nb_autofd oracle = nb_test_nursery_ask (self, child);

  return nb_test_nursery_take_ping (self, oracle);
}

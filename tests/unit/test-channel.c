/* SPDX-License-Identifier: BSD-3-Clause */
/* One message with its descriptors on a socket, and everything that can be wrong with it.
 */
#include "zygote/wire/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

#ifndef SO_PASSPIDFD
#  define SO_PASSPIDFD 76 /* Linux 6.5 */
#endif

enum
{
  RAW_MAX_FDS = 64,
};

static NbPacket packet;

typedef struct
{
  int sender, receiver;
} Pair;

static Pair
pair_new (void)
{
  int ends[2];

  g_assert_cmpint (nb_channel_pair (ends), ==, 0);
  return (Pair){ ends[0], ends[1] };
}

static void
pair_clear (Pair *pair)
{
  nb_fd_clear (&pair->sender);
  nb_fd_clear (&pair->receiver);
}

static bool
is_cloexec (int fd)
{
  int flags = fcntl (fd, F_GETFD);

  g_assert_cmpint (flags, >=, 0);
  return (flags & FD_CLOEXEC) != 0;
}

static bool
is_same_file (int first, int second)
{
  struct stat a, b;

  g_assert_cmpint (fstat (first, &a), ==, 0);
  g_assert_cmpint (fstat (second, &b), ==, 0);
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* What nb_channel_send() refuses to send: any size, and this descriptor n times. */
static void
send_raw (int fd, const void *data, size_t size, int passed, size_t n)
{
  _Alignas(struct cmsghdr) char control[CMSG_SPACE (sizeof (int) * RAW_MAX_FDS)] = { 0 };
  struct cmsghdr header = { .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS,
                            .cmsg_len = CMSG_LEN (sizeof (int) * n) };
  struct iovec vector = { .iov_base = (void *)data, .iov_len = size };
  struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };

  memcpy (control, &header, sizeof header);
  for (size_t i = 0; i < n; i++)
    memcpy (control + CMSG_LEN (sizeof (int) * i), &passed, sizeof passed);
  if (n > 0)
    {
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE (sizeof (int) * n);
    }
  g_assert_cmpint (sendmsg (fd, &message, 0), ==, (gssize)size);
}

/* --- what is sent arrives --- */

static void
test_pair (void)
{
  Pair pair = pair_new ();

  g_assert_true (is_cloexec (pair.sender));
  g_assert_true (is_cloexec (pair.receiver));
  g_assert_true (nb_fd_is_socket (pair.sender, SOCK_SEQPACKET));
  pair_clear (&pair);
}

static void
test_message_boundaries (void)
{
  Pair pair = pair_new ();

  g_assert_cmpint (nb_channel_send (pair.sender, "one", 3, NULL, 0), ==, 0);
  g_assert_cmpint (nb_channel_send (pair.sender, "t\0o", 3, NULL, 0), ==, 0);
  g_assert_cmpint (nb_channel_receive (pair.receiver, &packet), ==, 1);
  nb_test_assert_bytes (packet.bytes, packet.size, "one", 3);
  g_assert_cmpint (nb_channel_receive (pair.receiver, &packet), ==, 1);
  nb_test_assert_bytes (packet.bytes, packet.size, "t\0o", 3);
  g_assert_cmpuint (packet.n_fds, ==, 0);
  g_assert_false (packet.has_credentials);
  pair_clear (&pair);
}

typedef struct
{
  const char *name;
  size_t n;
} FdCase;

static const FdCase fd_cases[]
    = { { "0", 0 }, { "1", 1 }, { "2", 2 }, { "15", 15 }, { "16", 16 } };

/* In order, each the same file as sent, close-on-exec; the sender keeps its own. */
static void
test_descriptors (gconstpointer data)
{
  const FdCase *test = data;
  Pair pair = pair_new ();
  int fds[NB_CHANNEL_MAX_FDS];

  for (size_t i = 0; i < test->n; i++)
    fds[i] = nb_test_text_file ("x");
  g_assert_cmpint (nb_channel_send (pair.sender, "m", 1, fds, test->n), ==, 0);
  g_assert_cmpint (nb_channel_receive (pair.receiver, &packet), ==, 1);
  g_assert_cmpuint (packet.n_fds, ==, test->n);
  for (size_t i = 0; i < test->n; i++)
    {
      g_assert_cmpint (packet.fds[i], !=, fds[i]);
      g_assert_true (is_same_file (packet.fds[i], fds[i]));
      g_assert_true (is_cloexec (packet.fds[i]));
      nb_fd_clear (&fds[i]);
    }
  nb_packet_clear (&packet);
  pair_clear (&pair);
}

static void
test_stolen_descriptor_outlives_packet (void)
{
  Pair pair = pair_new ();
  nb_autofd file = nb_test_text_file ("x"), stolen = -1;
  int fds[] = { file, file };

  g_assert_cmpint (nb_channel_send (pair.sender, "m", 1, fds, 2), ==, 0);
  g_assert_cmpint (nb_channel_receive (pair.receiver, &packet), ==, 1);
  stolen = nb_packet_steal_fd (&packet, 1);
  g_assert_cmpint (nb_packet_steal_fd (&packet, 1), ==, -1);
  g_assert_cmpint (nb_packet_steal_fd (&packet, 2), ==, -1);
  g_assert_cmpint (nb_packet_steal_fd (&packet, SIZE_MAX), ==, -1);
  nb_packet_clear (&packet);
  nb_packet_clear (&packet);
  g_assert_true (is_same_file (stolen, file));
  pair_clear (&pair);
}

static void
test_largest_message (void)
{
  static uint8_t bytes[NB_MESSAGE_MAX_BYTES];
  Pair pair = pair_new ();

  memset (bytes, 0x5a, sizeof bytes);
  g_assert_cmpint (nb_channel_send (pair.sender, bytes, sizeof bytes, NULL, 0), ==, 0);
  g_assert_cmpint (nb_channel_receive (pair.receiver, &packet), ==, 1);
  nb_test_assert_bytes (packet.bytes, packet.size, bytes, sizeof bytes);
  pair_clear (&pair);
}

/* --- credentials --- */

static void
test_credentials (void)
{
  Pair pair = pair_new ();
  nb_autofd file = nb_test_text_file ("x");
  int fds[NB_CHANNEL_MAX_FDS];

  for (size_t i = 0; i < NB_CHANNEL_MAX_FDS; i++)
    fds[i] = file;
  g_assert_cmpint (nb_channel_pass_credentials (pair.receiver), ==, 0);
  g_assert_cmpint (nb_channel_send (pair.sender, "m", 1, fds, NB_CHANNEL_MAX_FDS), ==, 0);
  g_assert_cmpint (nb_channel_receive (pair.receiver, &packet), ==, 1);
  g_assert_true (packet.has_credentials);
  g_assert_cmpint (packet.pid, ==, getpid ());
  g_assert_cmpuint (packet.uid, ==, getuid ());
  g_assert_cmpuint (packet.n_fds, ==, NB_CHANNEL_MAX_FDS);
  nb_packet_clear (&packet);
  pair_clear (&pair);
}

static void
send_one (gconstpointer data)
{
  nb_test_child_check (nb_channel_send (((const Pair *)data)->sender, "m", 1, NULL, 0)
                       == 0);
}

/* Not the process that made the socket: the one that sent. */
static void
test_credentials_of_a_child (void)
{
  Pair pair = pair_new ();
  pid_t pid;

  g_assert_cmpint (nb_channel_pass_credentials (pair.receiver), ==, 0);
  pid = nb_test_fork (send_one, &pair);
  g_assert_cmpint (nb_test_wait (pid), ==, 0);
  g_assert_cmpint (nb_channel_receive (pair.receiver, &packet), ==, 1);
  g_assert_cmpint (packet.pid, ==, pid);
  pair_clear (&pair);
}

static void
test_credentials_of_no_socket (void)
{
  nb_autofd file = nb_test_text_file ("x");

  g_assert_cmpint (nb_channel_pass_credentials (file), ==, -ENOTSOCK);
  g_assert_cmpint (nb_channel_pass_credentials (-1), ==, -EBADF);
}

/* --- refused when sending --- */

static void
test_send_limits (void)
{
  static uint8_t bytes[NB_MESSAGE_MAX_BYTES + 1];
  Pair pair = pair_new ();
  int fds[NB_CHANNEL_MAX_FDS + 1] = { 0 };

  g_assert_cmpint (nb_channel_send (pair.sender, bytes, sizeof bytes, NULL, 0), ==,
                   -EMSGSIZE);
  g_assert_cmpint (nb_channel_send (pair.sender, "m", 1, fds, NB_CHANNEL_MAX_FDS + 1), ==,
                   -EMSGSIZE);
  fds[0] = -1;
  g_assert_cmpint (nb_channel_send (pair.sender, "m", 1, fds, 1), ==, -EBADF);
  g_assert_false (nb_test_is_readable (pair.receiver));
  pair_clear (&pair);
}

/* Without SIGPIPE, which would end the test. */
static void
test_send_to_nobody (void)
{
  Pair pair = pair_new ();

  nb_fd_clear (&pair.receiver);
  g_assert_cmpint (nb_channel_send (pair.sender, "m", 1, NULL, 0), ==, -EPIPE);
  pair_clear (&pair);
}

static void
test_send_when_full (void)
{
  Pair pair = pair_new ();
  int result = 0;

  g_assert_cmpint (fcntl (pair.sender, F_SETFL, O_NONBLOCK), ==, 0);
  for (int i = 0; i < 100000 && result == 0; i++)
    result = nb_channel_send (pair.sender, "m", 1, NULL, 0);
  g_assert_cmpint (result, ==, -EAGAIN);
  pair_clear (&pair);
}

/* --- refused when receiving --- */

static void
test_end_of_file (void)
{
  Pair pair = pair_new ();

  g_assert_cmpint (nb_channel_pass_credentials (pair.receiver), ==, 0);
  nb_fd_clear (&pair.sender);
  g_assert_cmpint (nb_channel_receive (pair.receiver, &packet), ==, 0);
  g_assert_cmpuint (packet.n_fds, ==, 0);
  pair_clear (&pair);
}

/* Closed with a message unread, the peer shows as reset. */
static void
test_reset (void)
{
  Pair pair = pair_new ();

  g_assert_cmpint (nb_channel_send (pair.receiver, "m", 1, NULL, 0), ==, 0);
  nb_fd_clear (&pair.sender);
  g_assert_cmpint (nb_channel_receive (pair.receiver, &packet), ==, -ECONNRESET);
  pair_clear (&pair);
}

static void
test_empty_message_with_descriptor (void)
{
  Pair pair = pair_new ();
  nb_autofd file = nb_test_text_file ("x");

  send_raw (pair.sender, "", 0, file, 1);
  g_assert_cmpint (nb_channel_receive (pair.receiver, &packet), ==, 0);
  g_assert_cmpuint (packet.n_fds, ==, 0);
  pair_clear (&pair);
}

static void
test_receive_when_empty (void)
{
  Pair pair = pair_new ();

  g_assert_cmpint (fcntl (pair.receiver, F_SETFL, O_NONBLOCK), ==, 0);
  g_assert_cmpint (nb_channel_receive (pair.receiver, &packet), ==, -EAGAIN);
  pair_clear (&pair);
}

static void
test_receive_from_no_socket (void)
{
  nb_autofd file = nb_test_text_file ("x");

  g_assert_cmpint (nb_channel_receive (file, &packet), ==, -ENOTSOCK);
  g_assert_cmpint (nb_channel_receive (-1, &packet), ==, -EBADF);
}

typedef struct
{
  const char *name;
  size_t size, n_fds;
  bool credentials;
} CutCase;

/*
 * Without credentials the kernel has room for more than 16 descriptors and delivers them;
 * with credentials it cuts them off (MSG_CTRUNC). Both are refused.
 */
static const CutCase cut_cases[] = {
  { "bytes", NB_MESSAGE_MAX_BYTES + 1, 0, false },
  { "bytes-with-descriptors", NB_MESSAGE_MAX_BYTES + 1, 3, false },
  { "one-descriptor-too-many", 1, 17, false },
  { "one-descriptor-too-many-beside-credentials", 1, 17, true },
  { "many-descriptors", 1, RAW_MAX_FDS, false },
  { "many-descriptors-beside-credentials", 1, RAW_MAX_FDS, true },
};

static void
test_cut_off (gconstpointer data)
{
  static uint8_t bytes[NB_MESSAGE_MAX_BYTES + 1];
  const CutCase *test = data;
  Pair pair = pair_new ();
  nb_autofd file = nb_test_text_file ("x");

  if (test->credentials)
    g_assert_cmpint (nb_channel_pass_credentials (pair.receiver), ==, 0);
  send_raw (pair.sender, bytes, test->size, file, test->n_fds);
  g_assert_cmpint (nb_channel_receive (pair.receiver, &packet), ==, -EPROTO);
  g_assert_cmpuint (packet.n_fds, ==, 0);
  /* The next message is not affected. */
  send_raw (pair.sender, "m", 1, -1, 0);
  g_assert_cmpint (nb_channel_receive (pair.receiver, &packet), ==, 1);
  pair_clear (&pair);
}

/* A pidfd of the sender is control data that nobody asked this channel for. */
static void
test_foreign_control_data (void)
{
  Pair pair = pair_new ();
  nb_autofd file = nb_test_text_file ("x");
  int on = 1;

  if (setsockopt (pair.receiver, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on) < 0)
    g_test_skip ("this kernel has no SO_PASSPIDFD (Linux 6.5)");
  else
    {
      g_assert_cmpint (nb_channel_send (pair.sender, "m", 1, (int[]){ file }, 1), ==, 0);
      g_assert_cmpint (nb_channel_receive (pair.receiver, &packet), ==, -EPROTO);
      g_assert_cmpuint (packet.n_fds, ==, 0);
    }
  pair_clear (&pair);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/channel/pair-is-close-on-exec", test_pair);
  nb_test_add ("/channel/boundaries-are-kept", test_message_boundaries);
  nb_test_add_cases ("/channel/descriptors", fd_cases, test_descriptors);
  nb_test_add ("/channel/stolen-descriptor-outlives-packet",
               test_stolen_descriptor_outlives_packet);
  nb_test_add ("/channel/largest-message", test_largest_message);
  nb_test_add ("/channel/credentials/beside-16-descriptors", test_credentials);
  nb_test_add ("/channel/credentials/of-a-child", test_credentials_of_a_child);
  nb_test_add ("/channel/credentials/not-a-socket", test_credentials_of_no_socket);
  nb_test_add ("/channel/send/limits", test_send_limits);
  nb_test_add ("/channel/send/peer-gone", test_send_to_nobody);
  nb_test_add ("/channel/send/full", test_send_when_full);
  nb_test_add ("/channel/receive/end-of-file", test_end_of_file);
  nb_test_add ("/channel/receive/reset", test_reset);
  nb_test_add ("/channel/receive/empty-message-with-descriptor",
               test_empty_message_with_descriptor);
  nb_test_add ("/channel/receive/nothing-there", test_receive_when_empty);
  nb_test_add ("/channel/receive/not-a-socket", test_receive_from_no_socket);
  nb_test_add_cases ("/channel/receive/cut-off", cut_cases, test_cut_off);
  nb_test_add ("/channel/receive/foreign-control-data", test_foreign_control_data);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receiving from a peer that does with sendmsg(2) whatever it likes: any number of bytes,
 * descriptors and control messages, of which some are more than fits. Also what the
 * controller makes of that at a zygote's door. No descriptor is ever left over.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/fuzz/fuzz.h"
#include "zygote/controller/oom-scores.h"
#include "zygote/controller/proc-door.h"
#include "zygote/wire/channel.h"

#ifndef SO_PASSPIDFD
#  define SO_PASSPIDFD 76 /* Linux 6.5 */
#endif

enum
{
  MAX_SENT_FDS = 40,
  MAX_CONTROLS = 3,
  MAX_MESSAGES = 12,
  MAX_WATCHED = 64,
};

/* Of the first byte: what is asked of the kernel, and who receives. */
enum
{
  PASS_CREDENTIALS = 1 << 0,
  PASS_PIDFD = 1 << 1,
  PASS_SECURITY = 1 << 2,
  AT_THE_DOOR = 1 << 3,
};

typedef struct
{
  size_t size, n_fds;
  bool good; /* to a receiver that follows zygote/PROTOCOL.md, section 2 */
} Sent;

/* --- a loop that knows what it was told --- */

static int watched[MAX_WATCHED];
static size_t n_watched;

static int
watch (int fd)
{
  nb_fuzz_check (fd >= 0);
  if (n_watched == MAX_WATCHED)
    return -ENOSPC;
  watched[n_watched++] = fd;
  return 0;
}

static void
unwatch (int fd)
{
  size_t i = 0;

  while (i < n_watched && watched[i] != fd)
    i++;
  nb_fuzz_check (i < n_watched);
  watched[i] = watched[--n_watched];
}

static const NbLoop loop = { .watch = watch, .unwatch = unwatch };

/* --- the peer --- */

static size_t
add_rights (struct msghdr *message, size_t used, size_t n)
{
  struct cmsghdr *header = (void *)((char *)message->msg_control + used);
  int fds[MAX_SENT_FDS] = { 0 };

  for (size_t i = 0; i < n; i++)
    fds[i] = (int)(i % 3); /* 0, 1 and 2 are always there */
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN (n * sizeof (int));
  memcpy (CMSG_DATA (header), fds, n * sizeof (int));
  return used + CMSG_SPACE (n * sizeof (int));
}

/* The door wants a socket; what comes back on it is looked at by nobody. */
static void
knock (int fd, NbFuzzInput *input)
{
  int ends[2];

  nb_fuzz_check (
      socketpair (AF_UNIX,
                  (nb_fuzz_byte (input) & 1 ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC,
                  0, ends)
      == 0);
  (void)nb_channel_send (fd, "L", 1, &ends[1], 1);
  nb_fd_clear (&ends[0]);
  nb_fd_clear (&ends[1]);
}

static bool
send_anything (int fd, NbFuzzInput *input, Sent *sent_out)
{
  static char bytes[NB_MESSAGE_MAX_BYTES + 4096];
  _Alignas(
      struct cmsghdr) char control[MAX_CONTROLS * CMSG_SPACE (sizeof (int) * MAX_SENT_FDS)];
  uint8_t shape = nb_fuzz_byte (input);
  size_t n_controls = shape % (MAX_CONTROLS + 1U), used = 0;
  struct iovec vector = { .iov_base = bytes };
  struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control };
  ssize_t sent;

  memset (control, 0, sizeof control);
  vector.iov_len = nb_fuzz_u16 (input);
  if ((shape & 0x80) != 0) /* about the limit */
    vector.iov_len = NB_MESSAGE_MAX_BYTES - 8 + vector.iov_len % 16;
  else if ((shape & 0x40) == 0)
    vector.iov_len %= 64;
  *sent_out = (Sent){ .size = vector.iov_len };
  for (size_t i = 0; i < n_controls; i++)
    {
      size_t n = nb_fuzz_byte (input) % (MAX_SENT_FDS + 1U);

      used = add_rights (&message, used, n);
      sent_out->n_fds += n;
    }
  message.msg_controllen = used;
  if (used == 0)
    message.msg_control = NULL;
  do
    sent = sendmsg (fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (sent < 0 && errno == EINTR);
  sent_out->good = sent_out->size > 0 && sent_out->size <= NB_MESSAGE_MAX_BYTES
                   && sent_out->n_fds <= NB_CHANNEL_MAX_FDS;
  return sent >= 0;
}

/* --- the receiver --- */

static void
check_received (int fd, const Sent *sent, uint8_t asked)
{
  static NbPacket packet;
  int result = nb_channel_receive (fd, &packet), taken;

  if ((asked & (PASS_PIDFD | PASS_SECURITY)) == 0)
    {
      nb_fuzz_check (sent->good || sent->size == 0 || result == -EPROTO);
      nb_fuzz_check (!sent->good || result == 1);
    }
  if (result <= 0)
    {
      nb_fuzz_check (result == 0 || result == -EPROTO);
      nb_fuzz_check (packet.n_fds == 0);
      return;
    }
  nb_fuzz_check (packet.size == sent->size && packet.n_fds == sent->n_fds);
  nb_fuzz_check (packet.has_credentials == ((asked & PASS_CREDENTIALS) != 0));
  nb_fuzz_check (!packet.has_credentials || packet.pid == getpid ());
  for (size_t i = 0; i < packet.n_fds; i++)
    nb_fuzz_check ((fcntl (packet.fds[i], F_GETFD) & FD_CLOEXEC) != 0);
  taken = nb_packet_steal_fd (&packet, packet.n_fds / 2);
  nb_fuzz_check ((taken >= 0) == (packet.n_fds > 0));
  nb_fd_clear (&taken);
  nb_packet_clear (&packet);
  nb_packet_clear (&packet);
}

/* Whatever came, the door stays open, and at most the caller's score is kept. */
static void
check_door (int fd)
{
  nb_fuzz_check (nb_proc_door_serve (fd, &loop) == 0);
}

static void
ask_kernel (int fd, uint8_t asked)
{
  int on = 1;

  if ((asked & PASS_CREDENTIALS) != 0)
    nb_fuzz_check (nb_channel_pass_credentials (fd) == 0);
  if ((asked & PASS_PIDFD) != 0)
    (void)setsockopt (fd, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on);
  if ((asked & PASS_SECURITY) != 0)
    (void)setsockopt (fd, SOL_SOCKET, SO_PASSSEC, &on, sizeof on);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  NbFuzzInput input = { data, size };
  uint8_t asked = nb_fuzz_byte (&input);
  unsigned fds_before = nb_fuzz_count_fds ();
  int ends[2];

  nb_fuzz_check (nb_channel_pair (ends) == 0);
  (void)fcntl (ends[0], F_SETFL, O_NONBLOCK);
  ask_kernel (ends[0], asked);
  for (int i = 0; i < MAX_MESSAGES && input.left > 0; i++)
    {
      Sent sent;

      if ((asked & AT_THE_DOOR) != 0 && (*input.data & 0x20) != 0)
        knock (ends[1], &input);
      else if (!send_anything (ends[1], &input, &sent))
        continue;
      else if ((asked & AT_THE_DOOR) != 0 && sent.size == 0)
        break; /* which is the end of file */
      if ((asked & AT_THE_DOOR) != 0)
        check_door (ends[0]);
      else
        check_received (ends[0], &sent, asked);
    }
  (void)nb_oom_scores_set (getpid (), -1);
  while (n_watched > 0)
    nb_fuzz_check (nb_oom_scores_serve (watched[0], &loop));
  nb_fd_clear (&ends[1]);
  nb_fd_clear (&ends[0]);
  nb_fuzz_check (nb_fuzz_count_fds () == fds_before);
  return 0;
}

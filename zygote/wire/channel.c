/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/wire/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "spawn/base/fd.h"

#ifndef SCM_PIDFD
#  define SCM_PIDFD 4 /* Linux 6.5; the only other control data with a descriptor */
#endif

static NbChannelTap the_tap;

void
nb_channel_set_tap (NbChannelTap tap)
{
  if (the_tap != tap)
    the_tap = tap;
}

int
nb_channel_pair (int ends_out[2])
{
  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_out) < 0)
    return -errno;
  return 0;
}

int
nb_channel_pass_credentials (int fd)
{
  int on = 1;

  return setsockopt (fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0 ? -errno : 0;
}

int
nb_channel_send (int fd, const void *data, size_t size, const int *fds, size_t n_fds)
{
  _Alignas(struct cmsghdr) char control[CMSG_SPACE (sizeof (int) * NB_CHANNEL_MAX_FDS)];
  struct iovec vector = { .iov_base = (void *)data, .iov_len = size };
  struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
  ssize_t sent;

  if (n_fds > NB_CHANNEL_MAX_FDS || size > NB_MESSAGE_MAX_BYTES)
    return -EMSGSIZE;
  if (n_fds > 0)
    {
      struct cmsghdr *header = (void *)control; /* what CMSG_FIRSTHDR() would say */

      memset (control, 0, sizeof control);
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE (sizeof (int) * n_fds);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN (sizeof (int) * n_fds);
      memcpy (CMSG_DATA (header), fds, sizeof (int) * n_fds);
    }
  do
    sent = sendmsg (fd, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0)
    return -errno;
  if (the_tap != NULL)
    the_tap (fd, true, data, size, n_fds);
  return (size_t)sent == size ? 0 : -EMSGSIZE;
}

static bool
take_rights (NbPacket *packet, const struct cmsghdr *header)
{
  size_t count = (header->cmsg_len - CMSG_LEN (0)) / sizeof (int);

  for (size_t i = 0; i < count; i++)
    {
      int fd;

      memcpy (&fd, CMSG_DATA (header) + i * sizeof fd, sizeof fd);
      if (packet->n_fds < NB_CHANNEL_MAX_FDS)
        packet->fds[packet->n_fds++] = fd;
      else
        nb_fd_clear (&fd);
    }
  return count <= NB_CHANNEL_MAX_FDS;
}

static bool
take_credentials (NbPacket *packet, const struct cmsghdr *header)
{
  struct ucred credentials;

  if (header->cmsg_len != CMSG_LEN (sizeof credentials))
    return false;
  memcpy (&credentials, CMSG_DATA (header), sizeof credentials);
  packet->has_credentials = true;
  packet->pid = credentials.pid;
  packet->uid = credentials.uid;
  return true;
}

/* Every descriptor that arrived is owned by the packet first, then the rest is judged. */
static bool
take_control (NbPacket *packet, struct msghdr *message)
{
  bool expected = (message->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;

  for (struct cmsghdr *header = CMSG_FIRSTHDR (message); header != NULL;
       header = CMSG_NXTHDR (message, header))
    {
      if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        expected = take_rights (packet, header) && expected;
      else if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS)
        expected = take_credentials (packet, header) && expected;
      else
        {
          if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_PIDFD)
            (void)take_rights (packet, header);
          expected = false;
        }
    }
  return expected;
}

int
nb_channel_receive (int fd, NbPacket *packet)
{
  _Alignas(struct cmsghdr) char control[CMSG_SPACE (sizeof (int) * NB_CHANNEL_MAX_FDS)
                                        + CMSG_SPACE (sizeof (struct ucred))];
  struct iovec vector = { .iov_base = packet->bytes, .iov_len = sizeof packet->bytes };
  struct msghdr message = { .msg_iov = &vector,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof control };
  ssize_t received;

  packet->n_fds = 0;
  packet->has_credentials = false;
  packet->pid = 0;
  do
    received = recvmsg (fd, &message, MSG_CMSG_CLOEXEC);
  while (received < 0 && errno == EINTR);
  if (received < 0)
    return -errno;
  packet->size = (size_t)received;
  if (!take_control (packet, &message))
    {
      nb_packet_clear (packet);
      return -EPROTO;
    }
  /* No message of ours is empty, so no bytes are the peer's end of file. */
  if (received == 0)
    nb_packet_clear (packet);
  else if (the_tap != NULL)
    the_tap (fd, false, packet->bytes, packet->size, packet->n_fds);
  return received > 0;
}

int
nb_packet_steal_fd (NbPacket *packet, size_t index)
{
  return index < packet->n_fds ? nb_fd_steal (&packet->fds[index]) : -1;
}

void
nb_packet_clear (NbPacket *packet)
{
  for (size_t i = 0; i < packet->n_fds; i++)
    nb_fd_clear (&packet->fds[i]);
  packet->n_fds = 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One message with its descriptors on an AF_UNIX SOCK_SEQPACKET socket, by Chromium's
 * rules (base/posix/unix_domain_socket.cc): at most 64 KiB and 16 descriptors. Stricter
 * than Chromium: descriptors are close-on-exec, and control data that was not asked for
 * fails the message. Works on blocking and non-blocking sockets; async-signal-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "spawn/base/macros.h"
#include "zygote/wire/pickle-writer.h"

#define NB_CHANNEL_MAX_FDS 16

/* A received message. It owns its descriptors: take what is wanted, clear the rest. */
typedef struct
{
  size_t size;
  size_t n_fds;
  int fds[NB_CHANNEL_MAX_FDS];
  bool has_credentials; /* false unless the receiving end has SO_PASSCRED */
  pid_t pid;            /* the sender's, in our PID namespace; 0: not visible from here */
  uid_t uid;
  uint8_t bytes[NB_MESSAGE_MAX_BYTES];
} NbPacket;

/* A connected, close-on-exec pair. Owned by the caller. 0 or -errno. */
int nb_channel_pair (int ends_out[2]);

/*
 * Called after each message that this process sends or receives on any socket, with what is
 * borrowed: for a trace. NULL, as at first: nobody is called.
 */
typedef void (*NbChannelTap) (int fd, bool sent, const void *bytes, size_t size,
                              size_t n_fds);
void nb_channel_set_tap (NbChannelTap tap);

/* Asks the kernel to attach the sender's identity to all that fd receives. 0 or -errno. */
int nb_channel_pass_credentials (int fd);

/*
 * Sends one message; fds are borrowed. MSG_NOSIGNAL. 0; -EAGAIN when a non-blocking
 * socket is full; -EPIPE or -ECONNRESET when the peer is gone; -EMSGSIZE.
 */
int nb_channel_send (int fd, const void *data, size_t size, const int *fds, size_t n_fds);

/*
 * Receives one message. 1; 0 at end of file; -EAGAIN when a non-blocking socket is empty;
 * -EPROTO when the message or its descriptors were cut off, or carried control data that
 * this channel does not use (all descriptors are then closed); other -errno.
 */
int nb_channel_receive (int fd, NbPacket *packet);

/* Moves descriptor number index out of the packet. */
int nb_packet_steal_fd (NbPacket *packet, size_t index);

/* Closes the descriptors that were not taken. */
void nb_packet_clear (NbPacket *packet);

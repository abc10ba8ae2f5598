/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages that a socket has had no room for yet, in their order. Libc only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct NbOutgoing NbOutgoing;

typedef struct
{
  NbOutgoing *first, *last; /* owned; NULL: empty */
} NbOutbox;

/*
 * Sends now or, when the socket is full or others wait, later; fds are duplicated then.
 * 0 or -errno, -EPIPE and -ECONNRESET when the peer is gone.
 */
int nb_outbox_send (NbOutbox *outbox, int socket, const void *bytes, size_t size,
                    const int *fds, size_t n_fds);

/* Sends what there is room for. What a peer that is gone was to get is dropped. */
void nb_outbox_flush (NbOutbox *outbox, int socket);

bool nb_outbox_is_empty (const NbOutbox *outbox);

void nb_outbox_clear (NbOutbox *outbox);

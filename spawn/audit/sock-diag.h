/* SPDX-License-Identifier: BSD-3-Clause */
/* All Unix sockets of the caller's network namespace, as sock_diag(7) tells them. */
#pragma once

#include <glib.h>

typedef struct
{
  guint64 inode;     /* the number of "socket:[…]" */
  guint64 peer;      /* inode; 0: there is none, or one without a descriptor */
  gboolean has_peer; /* also one that nobody has accepted yet, or that is closed */
  gboolean is_shut;  /* in both directions, as when the peer is closed */
  char *name;        /* owned; path, or "@" and abstract name; NULL: none */
} NbDiagSocket;

/* inode -> NbDiagSocket, all owned. NULL where the kernel does not tell, or not whole. */
GHashTable *nb_sock_diag_dump (void);

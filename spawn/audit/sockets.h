/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sockets of the caller's network namespace: who is connected to whom, and whether
 * another process has the same namespace. Nothing of this needs rights over a process.
 */
#pragma once

#include <glib.h>

#include "spawn/audit/process.h"

typedef struct _NbSockets NbSockets;

/* Opens some sockets as markers. Never NULL. */
NbSockets *nb_sockets_new (void);
void nb_sockets_free (NbSockets *sockets);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (NbSockets, nb_sockets_free)

/*
 * Connects to the socket at path for a moment, to learn under which name connections to
 * it are known. TRUE when something listens there.
 */
gboolean nb_sockets_add_bus (NbSockets *sockets, const char *path);

/*
 * Asks the kernel for all Unix sockets of now. Without an answer nothing is known of
 * peers, and no socket of the caller's namespace is found harmless.
 */
void nb_sockets_refresh (NbSockets *sockets);

typedef enum
{
  NB_SAME_UNKNOWN,
  NB_SAME_YES,
  NB_SAME_NO,
} NbSame;

/*
 * Whether the process has the caller's network namespace: whether its /proc/PID/net/unix
 * lists the markers. One of them proves that it has. That it has not is said only of
 * tables that were understood, and that list none, read twice.
 */
NbSame nb_sockets_compare (const NbSockets *sockets, const NbProcess *process);

typedef enum
{
  NB_SOCKET_UNKNOWN, /* of another namespace, or with a peer that cannot be found out */
  NB_SOCKET_PRIVATE, /* Unix, no name at either end */
  NB_SOCKET_NAMED,   /* Unix, with a name at one end */
  NB_SOCKET_BUS,     /* of these, one that was added as a bus */
  NB_SOCKET_NETWORK, /* Internet, netlink, packets */
} NbSocketClass;

/* The sockets of a process's own network namespace. */
typedef struct _NbSocketView NbSocketView;

NbSocketView *nb_socket_view_new (const NbProcess *process);
void nb_socket_view_free (NbSocketView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (NbSocketView, nb_socket_view_free)

/* Names of Unix sockets that programs in the namespace listen at or are connected to. */
const GPtrArray *nb_socket_view_get_names (const NbSocketView *view);

/* Whether it is known that there are no others. */
gboolean nb_socket_view_is_whole (const NbSocketView *view);

/* The name of a bus among them (borrowed), or NULL. */
const char *nb_sockets_find_bus (const NbSockets *sockets, const NbSocketView *view);

/*
 * What the socket with this inode is, for a process whose view is given; *name_out: the
 * name at its end or its peer's, owned, or NULL.
 */
NbSocketClass nb_sockets_classify (const NbSockets *sockets, const NbSocketView *view,
                                   guint64 inode, char **name_out);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connection to the broker's socket: of a stand-in, which has one program started in
 * the sub-sandbox for its kind and stays for as long as that runs. Who it is, the kernel
 * says.
 */
#pragma once

#include "spawn/broker/sandboxes.h"

typedef struct _NbClientConnection NbClientConnection;

/*
 * Takes over fd. closed() is called once, from the main loop, when the connection is of
 * no more use; it frees the connection. NULL when the peer is another user.
 */
NbClientConnection *
nb_client_connection_new (int fd, NbSandboxes *sandboxes, NbWall wall,
                          void (*closed) (NbClientConnection *, gpointer), gpointer data);

/* Ends its program as well. */
void nb_client_connection_free (NbClientConnection *client);

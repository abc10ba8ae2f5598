/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connection to the broker: of a helper, or a host of the library, which has programs
 * started, each in the sub-sandbox for its kind, and stays for as long as they run. Who it
 * is, the kernel says.
 */
#pragma once

#include "spawn/broker/sandbox/sandboxes.h"

typedef struct _NbClientConnection NbClientConnection;

enum
{
  /* What all of them may have to be told at once fits into a socket. */
  NB_CLIENT_MAX_PROGRAMS = 128,
  NB_CLIENT_MAX_QUESTIONS = 128, /* PROBE, OOM_ADJUST: helpers ask one at a time */
};

typedef enum
{
  NB_CLIENT_ASKS,   /* what there is, and whose a process is: PROBE, SURVEY, IDENTIFY */
  NB_CLIENT_STARTS, /* that, and everything else */
} NbClientRights;

/*
 * Takes over fd. closed() is called once, from the main loop, when the connection is of
 * no more use; it frees the connection. NULL when the peer is another user.
 */
NbClientConnection *
nb_client_connection_new (int fd, NbClientRights rights, NbSandboxes *sandboxes,
                          NbWall wall, void (*closed) (NbClientConnection *, gpointer),
                          gpointer data);

/*
 * Path of the first zygote that was started for this client, or NULL. It runs, or ran, for
 * no longer than the connection lasts. Borrowed from the connection.
 */
const char *nb_client_connection_get_zygote (NbClientConnection *client);

/* Ends its programs as well. */
void nb_client_connection_free (NbClientConnection *client);

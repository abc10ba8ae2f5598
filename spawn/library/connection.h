/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of a NestboxConnection: what nestbox's own helpers use besides nestbox.h. One
 * socket to a broker, the children asked for on it, and what became of them. Libc only.
 */
#pragma once

#include "spawn/base/kind.h"
#include "spawn/library/nestbox.h"
#include "zygote/wire/message.h"

enum
{
  NB_CONTROL_FD = 3, /* Chromium: content_descriptors.h, kZygoteSocketPairFd */
};

/* A request that was judged already; the broker still filters the environment. */
typedef struct
{
  NbKind kind;
  const char *const *argv; /* argv[0] absolute, as seen in the sub-sandbox */
  const char *const *envp; /* filtered by nb_environment_allows() */
  const char *bus_policy;  /* path; NULL: it has no bus */
  size_t n_fds;
  int fds[NB_CHANNEL_MAX_FDS];     /* borrowed */
  int targets[NB_CHANNEL_MAX_FDS]; /* their numbers in the child */
} NbLaunch;

/* On a socket of a broker's, which it takes over, also when it fails. */
NestboxConnection *nb_connection_new (int socket, NestboxFailure *failure);

/* To the broker that listens at path. NULL when it cannot be reached. */
NestboxConnection *nb_connection_connect (const char *path);

/*
 * A connection to a broker of its own: executes program as nestbox-broker is
 * executed by nestbox_connection_open(). Only where this makes sense: it asks nobody.
 */
NestboxConnection *nb_connection_start_broker (const char *program,
                                               NestboxFailure *failure);

/* Asks what there is; READY or UNAVAILABLE is the answer. */
void nb_connection_probe (NestboxConnection *connection);

/* As nestbox_connection_launch(), without its judgement. */
NestboxHandle nb_connection_exec (NestboxConnection *connection, const NbLaunch *launch,
                                  NestboxFailure *failure);

/* Asks whose this process is. The question's number; 0 with failure set. */
uint32_t nb_connection_ask_identity (NestboxConnection *connection, int pidfd,
                                     const char *object, NestboxFailure *failure);

/* The answer to nestbox_connection_identify(), as an event. */
void nb_connection_tell_identity (const NbMessage *message, NestboxEvent *event);

/*
 * Where zygotes are relayed, the link to the relay of this one, which has started; the
 * caller's from now on. -1: there is none. A connection whose owner takes or serves links
 * says so before; others end a zygote that comes with one, because nobody would stand in
 * for its children.
 */
void nb_connection_take_links (NestboxConnection *connection);

/*
 * Has links served by a nursery, which server starts with a link and the zygote's end of
 * its control socket, both borrowed: 0 or -errno. It has to be said before the launch.
 */
typedef int (*NbLinkServer) (int link, int control);
void nb_connection_serve_links (NestboxConnection *connection, NbLinkServer server);

/*
 * Where its broker listens. The broker takes it away at its end; the end of the connection
 * does as well, for one that did not come to that.
 */
void nb_connection_own_rendezvous (NestboxConnection *connection, const char *path);

int nb_connection_steal_link (NestboxConnection *connection, NestboxHandle child);

/* Whether what was told last was, or is to be, the end of everything with the broker. */
bool nb_connection_has_ended (const NestboxConnection *connection);

/* As nestbox_connection_dispatch(), but waits for an event: 1 or -1. */
int nb_connection_wait (NestboxConnection *connection, NestboxEvent *event_out);

/* SPDX-License-Identifier: BSD-3-Clause */
/* Which child's a process is: asked of the broker, by a pidfd that the kernel made. */
#include <errno.h>
#include <stdio.h>

#include "spawn/base/fd.h"
#include "spawn/base/macros.h"
#include "spawn/base/pidfd.h"
#include "spawn/library/connection.h"
#include "spawn/library/failure.h"

#define OBJECT "process not identified"

/* --- to the broker --- */

static const struct
{
  int error;
  NestboxError code;
  const char *cause, *remedy;
} refusals[] = {
  { ESRCH, NESTBOX_ERROR_NO_CHILD, "it has ended", "nothing is left to be identified" },
  { EISCONN, NESTBOX_ERROR_REFUSED,
    "of a pair of sockets the kernel names who made it, at either end",
    "have the child connect to a socket, or send a pidfd" },
  { ENOPROTOOPT, NESTBOX_ERROR_REFUSED, "this kernel cannot name a peer without a race",
    "Linux 6.5 can" },
  { ENOTCONN, NESTBOX_ERROR_INVALID, "the socket has no peer", "hand in a connected one" },
  { EAFNOSUPPORT, NESTBOX_ERROR_INVALID, "the socket is no Unix socket",
    "only those have a process at the other end" },
  { EBADF, NESTBOX_ERROR_INVALID, "the descriptor is no socket and no pidfd",
    "hand in one of these" },
};

static void
refuse (NestboxFailure *failure, int error)
{
  for (size_t i = 0; i < NB_ARRAY_SIZE (refusals); i++)
    if (refusals[i].error == error)
      {
        nb_failure_set (failure, refusals[i].code, error, OBJECT, refusals[i].remedy, "%s",
                        refusals[i].cause);
        return;
      }
  nb_failure_set (failure, NESTBOX_ERROR_LIMIT, error, OBJECT,
                  "close descriptors, or raise the limit", "%s", "");
}

uint32_t
nestbox_connection_identify (NestboxConnection *connection, int fd, NestboxFailure *failure)
{
  nb_autofd pidfd = nb_pidfd_take_from (fd);

  if (pidfd >= 0)
    return nb_connection_ask_identity (connection, pidfd, OBJECT, failure);
  refuse (failure, -pidfd);
  return 0;
}

/* --- from the broker --- */

static NestboxKind
kind_of (NbKind kind)
{
  return kind == NB_KIND_GPU_ZYGOTE ? NESTBOX_KIND_GPU : (NestboxKind)kind;
}

void
nb_connection_tell_identity (const NbMessage *message, NestboxEvent *event)
{
  static const char *const sandboxes[] = { "pages", "gpu", "network", "audio", "bus" };
  const NbIdentity *identity = &message->identity;
  uint32_t profile = identity->profile;

  event->type = NESTBOX_EVENT_IDENTIFIED;
  event->question = message->serial;
  if (identity->error != 0)
    {
      nb_failure_set (&event->failure, NESTBOX_ERROR_NO_CHILD, identity->error, OBJECT,
                      "see NESTBOX_EVENT_IDENTIFIED", "%s",
                      identity->error == ENOENT ? "it is no child of this connection"
                                                : "it has ended");
      return;
    }
  event->identity = (NestboxIdentity){ .child = message->child,
                                       .descends = identity->descends,
                                       .kind = kind_of (identity->kind),
                                       .pid = identity->pid,
                                       .start = identity->start };
  (void)snprintf (event->identity.sandbox, sizeof event->identity.sandbox, "%s",
                  profile < NB_ARRAY_SIZE (sandboxes) ? sandboxes[profile] : "other");
  (void)snprintf (event->identity.instance, sizeof event->identity.instance, "%.*s",
                  (int)identity->instance.length, identity->instance.data);
}

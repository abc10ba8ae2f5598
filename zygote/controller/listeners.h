/* SPDX-License-Identifier: BSD-3-Clause */
/* The listeners of watched base filters (NESTBOX_DEBUG=seccomp): see seccomp/watch.h. */
#pragma once

#include "zygote/controller/loop.h"
#include "zygote/wire/message.h"

/*
 * Takes over the listener of a child just started. A listener that cannot be kept is
 * closed: what its filter would deny is ENOSYS then, and not reported.
 */
void nb_listeners_add (int listener, NbKind kind, pid_t pid, uint32_t child,
                       const NbLoop *loop);

/*
 * Answers one call if fd is a listener; false when it is none. message_out, a DENIED: its
 * error stays 0 when there is nothing to tell; its strings are static.
 */
bool nb_listeners_serve (int fd, const NbLoop *loop, NbMessage *message_out);

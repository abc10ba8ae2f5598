/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between a browser and its zygote where PIDs of the sub-sandbox mean nothing outside.
 *
 *     browser ◄── control socket ──► relay ◄── socket pair ──► zygote
 *        ▲                             ▲
 *        └──── stand-ins ◄── link ─────┘
 *
 * What the browser identifies by the kernel's credentials (the zygote's boot message and
 * hello, each child's ping) must come from a process that it can see. Those are made by
 * the nursery (spawn/chrome-sandbox/nursery.h) at the other end of the link: SAY has it
 * speak on the control socket, BORN make a stand-in that sends the ping, EXITED end one.
 * A signal that reaches a stand-in comes back as KILL. Everything else passes through
 * unchanged: the zygote keeps its tables by the PIDs that the browser tells it, which are
 * the stand-ins' (Chromium: content/zygote/zygote_linux.cc, ForkWithRealPid).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "zygote/controller/loop.h"
#include "zygote/wire/channel.h"

typedef struct _NbRelay NbRelay;

/*
 * Takes over the browser's control socket and the link. greets: whether the zygote says
 * boot message and hello, as a sandboxed one does. zygote_end_out: what the zygote gets as
 * its control socket, owned by the caller. NULL with errno set on failure.
 */
NbRelay *nb_relay_new (int browser, int link, bool greets, const NbLoop *loop,
                       int *zygote_end_out);

/* Whether fd is one of this relay's. */
bool nb_relay_owns (const NbRelay *relay, int fd);

/* Serves a readable descriptor. 0; -EPIPE when the conversation is over. */
int nb_relay_serve (NbRelay *relay, int fd);

/* The pid, in here, of the child whose stand-in the browser knows by browser_pid; or 0. */
pid_t nb_relay_find_child (const NbRelay *relay, int32_t browser_pid);

/* The other way round: the PID of the stand-in of a child that lives; or 0. */
int32_t nb_relay_find_stand_in (const NbRelay *relay, pid_t pid);

/* That child's pidfd, borrowed, until it ends; -1: no such child. */
int nb_relay_find_pidfd (const NbRelay *relay, int32_t browser_pid);

/* Closes everything: both sides see the end. */
void nb_relay_free (NbRelay *relay);

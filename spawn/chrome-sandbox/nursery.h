/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stand-ins: processes that the browser can see, one for each child of its zygote that it
 * cannot. The other end of the controller's link (zygote/controller/relay.h).
 *
 * A stand-in sends its child's ping, so that the browser knows the child by its pid. A
 * signal sent to it is passed on to the child, and it lives until the browser has been
 * told of the child's end: killed, it stays as a zombie until then, so that its pid means
 * nothing else. It is a fork of this small process, executes nothing, and shares memory.
 */
#pragma once

#include <stdbool.h>

typedef struct _NbNursery NbNursery;

/*
 * Takes over the link and the zygote's end of the browser's control socket, which is
 * closed once boot message and hello are said. NULL when memory or descriptors are out:
 * then both are closed, and the zygote ends.
 */
NbNursery *nb_nursery_new (int link, int control);

/* The same for a zygote that says neither, as an unsandboxed one. */
NbNursery *nb_nursery_new_silent (int link);

/* Readable when there is something to serve. */
int nb_nursery_fd (const NbNursery *nursery);

/* 0; -EPIPE when the controller is gone. */
int nb_nursery_serve (NbNursery *nursery);

/* Ends every stand-in. */
void nb_nursery_free (NbNursery *nursery);

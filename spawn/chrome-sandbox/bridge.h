/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For a trace only: the helper between a browser and its zygote, which else have one socket
 * in common. Messages and descriptors pass unchanged, in order, and children ping the
 * browser themselves, on the socket that it hands over with each Fork. Only the greeting's
 * sender is another: the helper, which the browser started and can see. Libc only.
 */
#pragma once

typedef struct
{
  int browser, zygote; /* owned; -1: there is no bridge, or it has ended */
} NbBridge;

#define NB_BRIDGE_NONE                                                                     \
  {                                                                                        \
    -1, -1                                                                                 \
  }

/*
 * With a copy of the control socket; the zygote is to get *zygote_end_out, the caller's, in
 * its place. 0 or -errno.
 */
int nb_bridge_init (NbBridge *bridge, int control, int *zygote_end_out);

/* Passes on one message of the side that fd is. Ends the bridge when either side is gone.
 */
void nb_bridge_serve (NbBridge *bridge, int fd);

void nb_bridge_clear (NbBridge *bridge);

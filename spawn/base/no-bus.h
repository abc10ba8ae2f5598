/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Proof that no D-Bus bus is within reach, for children that have no use for one. Through
 * the app's session bus a child has every portal that the app has, the one that starts
 * programs outside of all sandboxes included (flatpak: portal/flatpak-portal.c). All of it
 * is async-signal-safe, and libc only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "spawn/base/kind.h"

/* Where a bus was found. The numbers go over the wire (zygote/PROTOCOL.md, HELLO). */
typedef enum
{
  NB_BUS_NONE,
  NB_BUS_SESSION,  /* /run/flatpak/bus: Flatpak's own for an app */
  NB_BUS_A11Y,     /* /run/flatpak/at-spi-bus */
  NB_BUS_SYSTEM,   /* /run/dbus/system_bus_socket */
  NB_BUS_RUNTIME,  /* bus in the runtime folder, as systemd has it */
  NB_BUS_ABSTRACT, /* any abstract socket: a network namespace of its own has none */
  NB_BUS_UNKNOWN,  /* it cannot be found out */
  NB_N_BUSES,
} NbBus;

/* "the session bus, /run/flatpak/bus", …; for NB_BUS_NONE "no bus". */
const char *nb_bus_name (NbBus bus);

/* Whether children of this kind never have a bus. */
bool nb_kind_has_no_bus (NbKind kind);

/*
 * Looks for the sockets of buses in this mount namespace, and, unless abstract sockets may
 * be others' (shares_network), for any in this network namespace. To be asked before
 * something untrusted runs here, for that may make sockets of its own.
 */
NbBus nb_bus_find (bool shares_network);

/*
 * The first entry that tells where a bus is, NULL when none does: addresses of buses, save
 * "disabled:", which tells programs that there is none.
 */
const char *nb_bus_in_environment (const char *const *envp);

/* Whether the socket fd is connected to what is named like a bus. */
bool nb_bus_is_peer (int fd);

/*
 * Whether every descriptor that execve(2) leaves open is 0, 1, 2 or one of these, and none
 * is connected to a bus. 0; -EISCONN when it is not so; another -errno when nobody tells.
 */
int nb_bus_check_descriptors (const int *listed, size_t n);

/* The same for whatever is open, whoever has listed it. */
int nb_bus_check_peers (void);

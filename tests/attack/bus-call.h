/* SPDX-License-Identifier: BSD-3-Clause */
/* A message bus, spoken to by hand: an attacker brings no library. */
#pragma once

typedef enum
{
  NB_BUS_CALL_HELLO, /* get a name on the bus */
  NB_BUS_CALL_SPAWN, /* and have the Flatpak portal start true(1) in a sub-sandbox */
} NbBusCall;

/*
 * Tries the bus at `path` and at the places where a sandbox has one. 0 when the call was
 * answered well; -EACCES when by an error; else what connecting or talking failed with.
 */
int nb_bus_call (const char *path, NbBusCall call);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One per browser or host of the library, started before it or by it: owns the portal
 * connection and the sub-sandboxes, serves those who have programs started in them, ends
 * when the browser ends and takes everything with it.
 */
#pragma once

#include <glib.h>

#include "spawn/broker/sandbox/sandboxes.h"

typedef struct
{
  int listener; /* by nb_rendezvous_make(), removed at the end; -1: none; taken over */
  int browser;  /* pidfd of the process that is or becomes the browser; taken over */
  int host;     /* connection of a host of the library; -1: it is a browser; taken over */
  NbSandboxOptions sandboxes;
  /* Where to look for Widevine, as nb_exposure_find_widevine() has it; NULL: nowhere. */
  const char *widevine;
  char *const *argv; /* the browser's; NULL for a host */
} NbBrokerOptions;

/* Runs until the browser, or the host's connection, has ended. The exit status. */
int nb_broker_run (const NbBrokerOptions *options);

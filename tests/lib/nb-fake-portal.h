/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In the place of spawn/portal/portal-client.c: the same interface, without a bus. The
 * test is the portal, and, at the other end of the channel, the controller.
 */
#pragma once

#include "spawn/portal/portal-client.h"

/* What the latest Spawn asked for. */
typedef struct
{
  int n_asked; /* calls of Spawn so far */
  int n_killed;
  guint killed_pid; /* the latest */
  int channel;      /* the controller's end; owned by this; -1: none */
  int output;       /* what it writes goes to the sandbox's diagnostics; owned */
} NbFakeSpawn;

NbPortal *nb_fake_portal_new (guint version, guint supports);

NbFakeSpawn *nb_fake_portal_spawn (NbPortal *portal);

/* Answers the Spawn that waits, if one does: by its handle, or by an error. */
void nb_fake_portal_answer (NbPortal *portal, guint pid);
void nb_fake_portal_refuse (NbPortal *portal, const char *why);

/* As the portal's own end does to a Spawn that waits; nobody may be told of it. */
void nb_fake_portal_cancel (NbPortal *portal);

/* SpawnExited. */
void nb_fake_portal_exit (NbPortal *portal, guint pid, guint wait_status);

/* The portal or the bus ends. */
void nb_fake_portal_lose (NbPortal *portal);

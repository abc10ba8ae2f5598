/* SPDX-License-Identifier: BSD-3-Clause */
/* All sub-sandboxes of one browser: one for each profile, made and ended together. */
#pragma once

#include "spawn/broker/sandbox.h"

typedef struct
{
  NbSandbox *items[NB_N_PROFILES]; /* owned; NULL: this browser has none of that profile */
} NbSandboxes;

/* How they are to be made. */
typedef struct
{
  NbWall wall;
  NbPids pids;
  gboolean gpu; /* whether the GPU process has one of its own */
} NbSandboxOptions;

/* Does nothing yet. The portal must outlive them. */
void nb_sandboxes_init (NbSandboxes *sandboxes, NbPortal *portal,
                        const NbSandboxOptions *options);

/* Sends all Spawns at once, that of the pages first, for which the browser waits first. */
void nb_sandboxes_start (NbSandboxes *sandboxes);

/* Where a program of this kind is started; NULL when there is no such place. */
NbSandbox *nb_sandboxes_for_kind (const NbSandboxes *sandboxes, NbKind kind);

/* These are the sandbox's own, for each of them. */
void nb_sandboxes_fail (NbSandboxes *sandboxes, const char *reason);
gboolean nb_sandboxes_are_gone (NbSandboxes *sandboxes);
void nb_sandboxes_kill (NbSandboxes *sandboxes, gboolean by_portal);

void nb_sandboxes_clear (NbSandboxes *sandboxes);

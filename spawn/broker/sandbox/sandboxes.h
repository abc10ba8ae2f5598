/* SPDX-License-Identifier: BSD-3-Clause */
/* All sub-sandboxes of one browser: one for each profile, made and ended together. */
#pragma once

#include "spawn/broker/sandbox/sandbox.h"

typedef struct
{
  NbSandbox *items[NB_N_PROFILES]; /* owned; NULL: this browser has none of that profile */
  gboolean asked[NB_N_PROFILES];   /* whether something is to run there */
  gboolean pages_are_ready;
  GPtrArray *gated; /* of NbSandbox, owned, one for each child with an endpoint; or NULL */
  NbPortal *portal; /* borrowed */
  NbPids pids;
  NbWall wall;
} NbSandboxes;

/* How they are to be made. */
typedef struct
{
  NbWall wall;
  NbPids pids;
  gboolean has[NB_N_PROFILES]; /* the pages' is always there */
  char *const *exposed;        /* folders that pages' sees, read-only; borrowed; or NULL */
} NbSandboxOptions;

/* Does nothing yet. The portal must outlive them, and they must stay where they are. */
void nb_sandboxes_init (NbSandboxes *sandboxes, NbPortal *portal,
                        const NbSandboxOptions *options);

/*
 * Asks for that of the pages, for which every browser waits. Another is asked for once that
 * is ready and something is to run there: two at once take processor time from the
 * browser's own start, and no page is drawn sooner; and a browser with its GPU code in its
 * own process never needs the second. If that of the pages ends, the others do.
 */
void nb_sandboxes_start (NbSandboxes *sandboxes);

/* Where a program of this kind is started; NULL when there is no such place. */
NbSandbox *nb_sandboxes_for_kind (NbSandboxes *sandboxes, NbKind kind);

/* A new one for one child, not started yet. It is freed some time after it has ended. */
NbSandbox *nb_sandboxes_add_gated (NbSandboxes *sandboxes);

/* All of them, in the order of their number; NULL where there is none of that number. */
guint nb_sandboxes_count (const NbSandboxes *sandboxes);
NbSandbox *nb_sandboxes_get (const NbSandboxes *sandboxes, guint number);

/* These are the sandbox's own, for each of them. */
void nb_sandboxes_fail (NbSandboxes *sandboxes, const char *reason);
gboolean nb_sandboxes_are_gone (NbSandboxes *sandboxes);
void nb_sandboxes_kill (NbSandboxes *sandboxes, gboolean by_portal);

void nb_sandboxes_clear (NbSandboxes *sandboxes);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client of the Flatpak portal with a bus connection of its own, so that the lifetime
 * of what it spawns (WATCH_BUS) is that of this object, and no signal is anybody else's.
 *
 * Signals are taken only from the unique name that answered the probe. SpawnStarted is
 * not used at all: on current Flatpak it may never come. SpawnExited says that the outer
 * bubblewrap ended, which is not the same as the sandbox's end.
 */
#pragma once

#include "spawn/portal/spawn-request.h"

#define NB_TYPE_PORTAL (nb_portal_get_type ())
G_DECLARE_FINAL_TYPE (NbPortal, nb_portal, NB, PORTAL, GObject)

/*
 * GObject signals:
 *   spawn-exited (guint pid, guint wait_status): also for a Spawn not answered yet
 *   lost (const char *reason): bus or portal are gone; of what was spawned nothing further
 *     will come
 */
NbPortal *nb_portal_new (void);

/*
 * Connects to the session bus and asks the portal what it can do, starting it where it
 * does not run. Errors name what is missing. The deadline is for both together.
 */
void nb_portal_probe_async (NbPortal *portal, guint deadline_ms,
                            GAsyncReadyCallback callback, gpointer data);
gboolean nb_portal_probe_finish (NbPortal *portal, GAsyncResult *result, GError **error);

/* Valid after a successful probe. */
const NbPortalFeatures *nb_portal_get_features (NbPortal *portal);

/*
 * Calls Spawn. The result is the portal's handle, a host pid, not 0: only for
 * nb_portal_kill(). A portal that has ended since the probe is started again.
 */
void nb_portal_spawn_async (NbPortal *portal, const NbSpawnRequest *request,
                            guint deadline_ms, GAsyncReadyCallback callback, gpointer data);
gboolean nb_portal_spawn_finish (NbPortal *portal, GAsyncResult *result, guint *pid_out,
                                 GError **error);

/* SIGKILL to the whole process group of a spawned sandbox; no answer is waited for. */
void nb_portal_kill (NbPortal *portal, guint pid);

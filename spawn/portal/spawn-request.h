/* SPDX-License-Identifier: BSD-3-Clause */
/* What a Spawn call asks for: a value, and how it is written for D-Bus. No bus needed. */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#include "spawn/portal/portal-names.h"

typedef struct
{
  guint version;  /* of the interface; 0: not probed */
  guint supports; /* NbPortalSupports; 0 before version 3 */
} NbPortalFeatures;

typedef struct
{
  const char *const *argv; /* argv[0] absolute: it becomes an argument of `flatpak run` */
  const int *fds;          /* borrowed; fds[i] becomes number i */
  gsize n_fds;
  const int *exposed;    /* borrowed; folders, O_PATH, that it is to see, read-only */
  gsize n_exposed;       /* where features allow */
  gboolean expose_pids;  /* where features allow */
  gboolean network;      /* the app's, if it has one */
  guint32 sandbox_flags; /* NbSandboxFlags, where features allow */
  const char
      *endpoint; /* read-only: a folder of the app's sandbox folder, by name; or NULL */
} NbSpawnRequest;

#define NB_SPAWN_REQUEST_TYPE "(ayaaya{uh}a{ss}ua{sv})"

/*
 * The parameters of Spawn and the descriptors they refer to: SANDBOX always, NO_NETWORK
 * unless it is asked for; the rest as far as the portal knows it. Environment that would
 * lead to a bus or an agent is unset, and to a display unless one is asked for. NULL and
 * error when the request breaks a limit.
 */
GVariant *nb_spawn_request_build (const NbSpawnRequest *request,
                                  const NbPortalFeatures *features, GUnixFDList **fds_out,
                                  GError **error);

/* Whether the portal can give a sub-sandbox the display and the GPU. */
gboolean nb_portal_features_sandbox_flags (const NbPortalFeatures *features);

/* Whether the portal can make PID namespaces that are visible to the caller. */
gboolean nb_portal_features_expose_pids (const NbPortalFeatures *features);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a process can reach by its mounts, compared with what the browser has. A mount
 * list tells which file systems, and which part of each, a process has at all: what is on
 * none of them is out of its reach, whatever a path is called.
 */
#pragma once

#include <glib.h>

#include "spawn/audit/sockets.h"

typedef enum
{
  NB_SECRET_HOME,    /* of the user, the app's data included */
  NB_SECRET_BUS,     /* sockets of D-Bus */
  NB_SECRET_DISPLAY, /* sockets of X11, Wayland, sound */
  NB_N_SECRETS,
} NbSecret;

typedef struct _NbSecrets NbSecrets;

/*
 * Where the browser, with these mounts, has its secrets. home is the user's, absolute;
 * where that is not known, NULL, whether it can be reached is not either. Never NULL.
 */
NbSecrets *nb_secrets_new (const GPtrArray *mounts, const char *home);
void nb_secrets_free (NbSecrets *secrets);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (NbSecrets, nb_secrets_free)

/*
 * Whether a process with these mounts is in the browser's mount namespace. The id of a
 * mount is in one namespace only (kernel: fs/namespace.c, mnt_alloc_id). UNKNOWN for one
 * whose root is not the root of a mount, and so hides where it is.
 */
NbSame nb_mounts_compare (const GPtrArray *mounts, const GPtrArray *browsers);

/* Whether these mounts include the browser's /proc, and so the view of its processes. */
gboolean nb_mounts_have_proc_of (const GPtrArray *mounts, const GPtrArray *browsers);

typedef enum
{
  NB_REACH_UNKNOWN, /* something is mounted that might hold it */
  NB_REACH_NO,
  NB_REACH_YES,
} NbReach;

/*
 * Whether the mounts reach the secret, and by which mount point (borrowed). NULL for a
 * home that is UNKNOWN as such. A read-only folder of Widevine is no reach of any.
 */
NbReach nb_mounts_reach (const GPtrArray *mounts, const NbSecrets *secrets, NbSecret secret,
                         const char **point_out);

/* Whether there is such a folder of Widevine. */
gboolean nb_mounts_have_widevine (const GPtrArray *mounts);

/* Where a device is mounted besides null, zero, full, random, urandom and tty; or NULL. */
const char *nb_mounts_find_device (const GPtrArray *mounts);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A socket on which one child reaches the session bus, as far as a policy allows: an
 * xdg-dbus-proxy of its own, in a folder of its own below the app's sandbox folder, which
 * the portal can show to a sub-sandbox. There is no other way to the bus, and nothing takes
 * its place when it ends.
 */
#pragma once

#include <glib.h>

typedef struct _NbEndpoint NbEndpoint;

/*
 * Starts one for the child of this id, by the policy at an absolute path. settled() is
 * called once, not before this returns: reason is NULL when it listens, else one line for
 * people. The folder is there from the beginning. NULL and an error: it cannot be made.
 */
NbEndpoint *nb_endpoint_new (guint32 child, const char *policy,
                             void (*settled) (gpointer data, const char *reason),
                             gpointer data, GError **error);

/* The folder's name below the app's sandbox folder: the portal's sandbox-expose-ro. */
const char *nb_endpoint_get_name (const NbEndpoint *endpoint);

/* The path of its socket, and that as a D-Bus address. */
const char *nb_endpoint_get_path (const NbEndpoint *endpoint);
const char *nb_endpoint_get_address (const NbEndpoint *endpoint);

/* Ends it at once, and removes it. settled() is not called any more. */
void nb_endpoint_free (NbEndpoint *endpoint);

/* SPDX-License-Identifier: BSD-3-Clause */
/* What the portal and the bus say, taken apart and judged. No bus needed. */
#pragma once

#include <gio/gio.h>

#include "spawn/portal/spawn-request.h"

/*
 * The portal's properties, from the reply to GetAll, an error included. The unique name of
 * whoever replied, which is the portal, whoever owns its name later; owned by the caller.
 * NULL and error when it is no answer, makes no sense, or the portal is too old.
 */
char *nb_portal_parse_probe (GDBusMessage *reply, NbPortalFeatures *features_out,
                             GError **error);

/* SpawnExited (u pid, u wait_status). FALSE: it is something else. */
gboolean nb_portal_parse_exited (GVariant *parameters, guint *pid_out,
                                 guint *wait_status_out);

/* Whether NameOwnerChanged (s name, s before, s after) says that owner has gone. */
gboolean nb_portal_parse_owner_lost (GVariant *parameters, const char *owner);

/* The owner that it names, borrowed from parameters; NULL when there is none. */
const char *nb_portal_parse_new_owner (GVariant *parameters);

/* Whether nobody answered: it hangs, has ended, or the bus has. The bus may say so for it.
 */
gboolean nb_portal_is_unanswered (const GError *error);

/*
 * Whatever a failed call says, as part of one line for people: without GDBus's prefix,
 * control characters and more than NB_PORTAL_MAX_TEXT bytes. Owned by the caller.
 */
char *nb_portal_describe_error (const GError *error);

/* So that it fits a message to a client (zygote/PROTOCOL.md, section 5) and a terminal. */
#define NB_PORTAL_MAX_TEXT 400

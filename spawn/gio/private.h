/* SPDX-License-Identifier: BSD-3-Clause */
/* What client and child know of each other. */
#pragma once

#include <nestbox-gio.h>

/* As nestbox_client_new_async(), on a connection that was made already and is taken over.
 */
void nb_gio_client_new_on_async (NestboxConnection *connection, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer user_data);

/* For a child of this client's that runs. */
gboolean nb_gio_client_kill (NestboxClient *client, NestboxHandle handle, int number,
                             GError **error);

/* A child that runs. It does not keep its client. */
NestboxChild *nb_gio_child_new (NestboxClient *client, NestboxHandle handle);

/* It has ended: whoever waits is told, once. */
void nb_gio_child_set_exited (NestboxChild *child, int wait_status);

/* failure, as a GError of its own. */
GError *nb_gio_error_new (const NestboxFailure *failure);

/*
 * Calls callback, with task as its data, in the task's context when its cancellable is
 * cancelled, for as long as the task lives.
 */
void nb_gio_on_cancel (GTask *task, GCancellableSourceFunc callback);

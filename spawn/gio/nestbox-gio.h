/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnestbox-gio: libnestbox (nestbox.h) for hosts that live on GLib. What it does is told
 * there; here is who owns what.
 *
 * Threads: objects belong to the thread-default main context of nestbox_client_new_async(),
 * in which every callback and signal comes. Nothing waits. GCancellable takes the request
 * back: a launch that is cancelled leaves no child.
 *
 * Errors: NESTBOX_ERROR, with the codes of NestboxError; G_IO_ERROR_CANCELLED.
 */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#include <nestbox.h>

G_BEGIN_DECLS
#pragma GCC visibility push(default)

#define NESTBOX_ERROR (nestbox_error_quark ())
GQuark nestbox_error_quark (void);

#define NESTBOX_TYPE_CLIENT (nestbox_client_get_type ())
G_DECLARE_FINAL_TYPE (NestboxClient, nestbox_client, NESTBOX, CLIENT, GObject)

#define NESTBOX_TYPE_CHILD (nestbox_child_get_type ())
G_DECLARE_FINAL_TYPE (NestboxChild, nestbox_child, NESTBOX, CHILD, GObject)

void nestbox_client_new_async (GCancellable *cancellable, GAsyncReadyCallback callback,
                               gpointer user_data);
NestboxClient *nestbox_client_new_finish (GAsyncResult *result, GError **error);

guint nestbox_client_get_layers (NestboxClient *client, NestboxKind kind);
guint nestbox_client_get_portal_version (NestboxClient *client);
gboolean nestbox_client_get_pids_visible (NestboxClient *client);
gboolean nestbox_client_is_closed (NestboxClient *client);

void nestbox_client_launch_async (NestboxClient *client, NestboxKind kind,
                                  const char *const *argv, const char *const *envp,
                                  GUnixFDList *fds, const int *targets, gsize n_targets,
                                  GCancellable *cancellable, GAsyncReadyCallback callback,
                                  gpointer user_data);
NestboxChild *nestbox_client_launch_finish (NestboxClient *client, GAsyncResult *result,
                                            GError **error);

gboolean nestbox_child_kill (NestboxChild *child, int number, GError **error);
gboolean nestbox_child_is_running (NestboxChild *child);
int nestbox_child_get_wait_status (NestboxChild *child);
void nestbox_child_wait_async (NestboxChild *child, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data);
gboolean nestbox_child_wait_finish (NestboxChild *child, GAsyncResult *result,
                                    int *wait_status_out, GError **error);

#pragma GCC visibility pop
G_END_DECLS

/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/gio/private.h"

static void
drop_source (gpointer data, GObject *task)
{
  (void)task;
  g_source_destroy (data);
  g_source_unref (data);
}

/*
 * A source rather than a handler, which would run in whatever thread cancels. It goes when
 * the task does.
 */
void
nb_gio_on_cancel (GTask *task, GCancellableSourceFunc callback)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  GSource *source;

  if (cancellable == NULL)
    return;
  source = g_cancellable_source_new (cancellable);
  g_source_set_callback (source, G_SOURCE_FUNC (callback), task, NULL);
  (void)g_source_attach (source, g_task_get_context (task));
  g_object_weak_ref (G_OBJECT (task), drop_source, source);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/gio/private.h"

/**
 * NestboxChild:
 *
 * A process in a sub-sandbox. Its client keeps it until it has ended, so its end is told
 * also when nobody else holds it.
 */
struct _NestboxChild
{
  GObject parent;
  GWeakRef client;
  NestboxHandle handle;
  gboolean running;
  int wait_status;  /* of one that has ended */
  GPtrArray *waits; /* of GTask, owned, while it runs */
};

G_DEFINE_TYPE (NestboxChild, nestbox_child, G_TYPE_OBJECT)

enum
{
  SIGNAL_EXITED,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

GQuark
nestbox_error_quark (void)
{
  return g_quark_from_static_string ("nestbox-error-quark");
}

GError *
nb_gio_error_new (const NestboxFailure *failure)
{
  g_autofree char *text = g_utf8_make_valid (failure->text, -1);

  return g_error_new_literal (NESTBOX_ERROR, (int)failure->code, text);
}

static void
nestbox_child_finalize (GObject *object)
{
  NestboxChild *child = NESTBOX_CHILD (object);

  g_weak_ref_clear (&child->client);
  g_ptr_array_unref (child->waits);
  G_OBJECT_CLASS (nestbox_child_parent_class)->finalize (object);
}

static void
nestbox_child_class_init (NestboxChildClass *class)
{
  G_OBJECT_CLASS (class)->finalize = nestbox_child_finalize;
  /**
   * NestboxChild::exited:
   * @child: the child
   * @wait_status: as wait(2) has it
   *
   * The child has ended. Emitted once.
   */
  signals[SIGNAL_EXITED] = g_signal_new ("exited", NESTBOX_TYPE_CHILD, G_SIGNAL_RUN_LAST, 0,
                                         NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_INT);
}

static void
nestbox_child_init (NestboxChild *child)
{
  child->running = TRUE;
  child->waits = g_ptr_array_new_with_free_func (g_object_unref);
  g_weak_ref_init (&child->client, NULL);
}

NestboxChild *
nb_gio_child_new (NestboxClient *client, NestboxHandle handle)
{
  NestboxChild *child = g_object_new (NESTBOX_TYPE_CHILD, NULL);

  g_weak_ref_set (&child->client, client);
  child->handle = handle;
  return child;
}

void
nb_gio_child_set_exited (NestboxChild *child, int wait_status)
{
  g_autoptr (GPtrArray) waits = g_steal_pointer (&child->waits);

  child->running = FALSE;
  child->wait_status = wait_status;
  child->waits = g_ptr_array_new_with_free_func (g_object_unref);
  g_signal_emit (child, signals[SIGNAL_EXITED], 0, wait_status);
  for (guint i = 0; i < waits->len; i++)
    if (!g_task_return_error_if_cancelled (waits->pdata[i]))
      g_task_return_int (waits->pdata[i], wait_status);
}

/**
 * nestbox_child_kill:
 * @child: a child
 * @number: a signal, 1 to 64
 * @error: return location for an error
 *
 * Sends a signal to this child, and never to another process that has got its PID.
 *
 * Returns: %FALSE with %NESTBOX_ERROR_NO_CHILD when it has ended, or another error.
 */
gboolean
nestbox_child_kill (NestboxChild *child, int number, GError **error)
{
  g_autoptr (NestboxClient) client = NULL;

  g_return_val_if_fail (NESTBOX_IS_CHILD (child), FALSE);
  client = g_weak_ref_get (&child->client);
  if (client != NULL && child->running)
    return nb_gio_client_kill (client, child->handle, number, error);
  g_set_error_literal (error, NESTBOX_ERROR, NESTBOX_ERROR_NO_CHILD,
                       "signal not sent: the child has ended");
  return FALSE;
}

/**
 * nestbox_child_is_running:
 * @child: a child
 *
 * Returns: whether its end was not told yet.
 */
gboolean
nestbox_child_is_running (NestboxChild *child)
{
  g_return_val_if_fail (NESTBOX_IS_CHILD (child), FALSE);
  return child->running;
}

/**
 * nestbox_child_get_wait_status:
 * @child: a child that has ended
 *
 * Returns: its wait status, as wait(2) has it; -1 while it runs.
 */
int
nestbox_child_get_wait_status (NestboxChild *child)
{
  g_return_val_if_fail (NESTBOX_IS_CHILD (child), -1);
  return child->running ? -1 : child->wait_status;
}

static gboolean
wait_cancelled_cb (GCancellable *cancellable, gpointer data)
{
  g_autoptr (GTask) task = g_object_ref (data);
  NestboxChild *child = g_task_get_source_object (task);

  (void)cancellable;
  if (g_ptr_array_remove (child->waits, task))
    (void)g_task_return_error_if_cancelled (task);
  return G_SOURCE_REMOVE;
}

/**
 * nestbox_child_wait_async:
 * @child: a child
 * @cancellable: (nullable): to stop waiting; the child goes on
 * @callback: (scope async): called when it has ended
 * @user_data: (closure): for @callback
 *
 * Waits for the child's end.
 */
void
nestbox_child_wait_async (NestboxChild *child, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (NESTBOX_IS_CHILD (child));
  task = g_task_new (child, cancellable, callback, user_data);
  g_task_set_source_tag (task, nestbox_child_wait_async);
  if (g_task_return_error_if_cancelled (task))
    return;
  if (!child->running)
    {
      g_task_return_int (task, child->wait_status);
      return;
    }
  g_ptr_array_add (child->waits, g_object_ref (task));
  nb_gio_on_cancel (task, wait_cancelled_cb);
}

/**
 * nestbox_child_wait_finish:
 * @child: a child
 * @result: of the callback
 * @wait_status_out: (out) (optional): its wait status, as wait(2) has it
 * @error: return location for an error
 *
 * Returns: %FALSE when the wait was cancelled.
 */
gboolean
nestbox_child_wait_finish (NestboxChild *child, GAsyncResult *result, int *wait_status_out,
                           GError **error)
{
  GError *failed = NULL;
  gssize wait_status;

  g_return_val_if_fail (g_task_is_valid (result, child), FALSE);
  wait_status = g_task_propagate_int (G_TASK (result), &failed);
  if (failed != NULL)
    {
      g_propagate_error (error, failed);
      return FALSE;
    }
  if (wait_status_out != NULL)
    *wait_status_out = (int)wait_status;
  return TRUE;
}

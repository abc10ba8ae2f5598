/* SPDX-License-Identifier: BSD-3-Clause */
#include <glib-unix.h>
#include <signal.h>
#include <string.h>

#include "spawn/gio/private.h"

/**
 * NestboxClient:
 *
 * A connection to a broker of its own, and the sub-sandbox that this has made. When the
 * last reference goes, its children end.
 */
struct _NestboxClient
{
  GObject parent;
  NestboxConnection *connection; /* owned; NULL once it was closed */
  GSource *source;
  GTask *opening;       /* owned; NULL once it was answered */
  GHashTable *starting; /* handle -> GTask, owned */
  GHashTable *children; /* handle -> NestboxChild, owned: those that run */
};

G_DEFINE_TYPE (NestboxClient, nestbox_client, G_TYPE_OBJECT)

enum
{
  SIGNAL_CLOSED,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

/* --- the end --- */

static void
close_connection (NestboxClient *client)
{
  if (client->source != NULL)
    g_source_destroy (client->source);
  g_clear_pointer (&client->source, g_source_unref);
  g_clear_pointer (&client->connection, nestbox_connection_close);
}

/* Pending requests hold a reference, so there are none; those that run end now. */
static void
nestbox_client_dispose (GObject *object)
{
  NestboxClient *client = NESTBOX_CLIENT (object);
  g_autoptr (GHashTable) children = g_hash_table_ref (client->children);
  GHashTableIter iter;
  gpointer child;

  close_connection (client);
  g_hash_table_iter_init (&iter, children);
  while (g_hash_table_iter_next (&iter, NULL, &child))
    {
      g_autoptr (NestboxChild) ended = child;

      g_hash_table_iter_steal (&iter);
      nb_gio_child_set_exited (ended, SIGKILL);
      g_hash_table_iter_init (&iter, children);
    }
  G_OBJECT_CLASS (nestbox_client_parent_class)->dispose (object);
}

static void
nestbox_client_finalize (GObject *object)
{
  NestboxClient *client = NESTBOX_CLIENT (object);

  g_hash_table_unref (client->starting);
  g_hash_table_unref (client->children);
  G_OBJECT_CLASS (nestbox_client_parent_class)->finalize (object);
}

static void
nestbox_client_class_init (NestboxClientClass *class)
{
  G_OBJECT_CLASS (class)->dispose = nestbox_client_dispose;
  G_OBJECT_CLASS (class)->finalize = nestbox_client_finalize;
  /**
   * NestboxClient::closed:
   * @client: the client
   *
   * The broker has ended, and every child before this was told to have. Emitted once.
   */
  signals[SIGNAL_CLOSED] = g_signal_new ("closed", NESTBOX_TYPE_CLIENT, G_SIGNAL_RUN_LAST,
                                         0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
nestbox_client_init (NestboxClient *client)
{
  client->starting = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
  client->children = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
}

/* --- events --- */

static gpointer
take (GHashTable *table, NestboxHandle handle)
{
  gpointer value = NULL;

  (void)g_hash_table_steal_extended (table, GUINT_TO_POINTER (handle), NULL, &value);
  return value;
}

static void
answer_opening (NestboxClient *client, const NestboxEvent *event)
{
  g_autoptr (GTask) task = g_steal_pointer (&client->opening);

  if (task == NULL || g_task_return_error_if_cancelled (task))
    return;
  if (event->type == NESTBOX_EVENT_READY)
    g_task_return_pointer (task, g_object_ref (client), g_object_unref);
  else
    g_task_return_error (task, nb_gio_error_new (&event->failure));
}

/* One whose launch was taken back has no task: it ends by the SIGKILL that was sent. */
static void
answer_launch (NestboxClient *client, const NestboxEvent *event)
{
  g_autoptr (GTask) task = take (client->starting, event->child);
  NestboxChild *child;

  if (task == NULL)
    return;
  if (event->type == NESTBOX_EVENT_FAILED)
    {
      g_task_return_error (task, nb_gio_error_new (&event->failure));
      return;
    }
  child = nb_gio_child_new (client, event->child);
  g_hash_table_insert (client->children, GUINT_TO_POINTER (event->child),
                       g_object_ref (child));
  g_task_return_pointer (task, child, g_object_unref);
}

static void
tell_exit (NestboxClient *client, const NestboxEvent *event)
{
  g_autoptr (NestboxChild) child = take (client->children, event->child);

  if (child != NULL)
    nb_gio_child_set_exited (child, event->wait_status);
}

static void
handle_event (NestboxClient *client, const NestboxEvent *event)
{
  switch (event->type)
    {
    case NESTBOX_EVENT_STARTED:
    case NESTBOX_EVENT_FAILED:
      answer_launch (client, event);
      break;
    case NESTBOX_EVENT_EXITED:
      tell_exit (client, event);
      break;
    case NESTBOX_EVENT_CLOSED:
      close_connection (client);
      answer_opening (client, event);
      g_signal_emit (client, signals[SIGNAL_CLOSED], 0);
      break;
    case NESTBOX_EVENT_READY:
    case NESTBOX_EVENT_UNAVAILABLE:
    default:
      answer_opening (client, event);
    }
}

/* Who is told may let the client go, or the connection. */
static gboolean
readable_cb (int fd, GIOCondition condition, gpointer data)
{
  g_autoptr (NestboxClient) client = g_object_ref (data);
  NestboxEvent event;

  (void)fd, (void)condition;
  while (client->connection != NULL
         && nestbox_connection_dispatch (client->connection, &event) > 0)
    handle_event (client, &event);
  return G_SOURCE_CONTINUE;
}

/* --- opening --- */

static gboolean
opening_cancelled_cb (GCancellable *cancellable, gpointer data)
{
  NestboxClient *client = g_task_get_task_data (data);
  g_autoptr (GTask) task = g_steal_pointer (&client->opening);

  (void)cancellable;
  if (task == NULL)
    return G_SOURCE_REMOVE;
  close_connection (client);
  (void)g_task_return_error_if_cancelled (task);
  return G_SOURCE_REMOVE;
}

void
nb_gio_client_new_on_async (NestboxConnection *connection, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  NestboxClient *client = g_object_new (NESTBOX_TYPE_CLIENT, NULL);

  g_task_set_source_tag (task, nestbox_client_new_async);
  g_task_set_check_cancellable (task, FALSE);
  client->connection = connection;
  client->opening = task;
  client->source = g_unix_fd_source_new (nestbox_connection_get_fd (connection), G_IO_IN);
  g_source_set_callback (client->source, G_SOURCE_FUNC (readable_cb), client, NULL);
  (void)g_source_attach (client->source, g_task_get_context (task));
  g_task_set_task_data (task, client, g_object_unref);
  nb_gio_on_cancel (task, opening_cancelled_cb);
}

/**
 * nestbox_client_new_async:
 * @cancellable: (nullable): to give up
 * @callback: (scope async): called when the sub-sandbox is there, or cannot be had
 * @user_data: (closure): for @callback
 *
 * Starts a broker and has it ask for a sub-sandbox, as nestbox_connection_open() does.
 */
void
nestbox_client_new_async (GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer user_data)
{
  NestboxFailure failure;
  NestboxConnection *connection = nestbox_connection_open (&failure);

  if (connection != NULL)
    nb_gio_client_new_on_async (connection, cancellable, callback, user_data);
  else
    g_task_report_error (NULL, callback, user_data, nestbox_client_new_async,
                         nb_gio_error_new (&failure));
}

/**
 * nestbox_client_new_finish:
 * @result: of the callback
 * @error: return location for an error
 *
 * Returns: (transfer full): a client whose sub-sandbox is there; %NULL with
 *   %NESTBOX_ERROR_NOT_IN_FLATPAK, %NESTBOX_ERROR_UNAVAILABLE, or another error.
 */
NestboxClient *
nestbox_client_new_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* --- what is known --- */

/**
 * nestbox_client_get_layers:
 * @client: a client
 * @kind: of child
 *
 * Returns: #NestboxLayers of such children, as measured; 0 when there can be none.
 */
guint
nestbox_client_get_layers (NestboxClient *client, NestboxKind kind)
{
  g_return_val_if_fail (NESTBOX_IS_CLIENT (client), 0);
  return client->connection != NULL
             ? nestbox_connection_get_layers (client->connection, kind)
             : 0;
}

static NestboxPlace
place_of (NestboxClient *client)
{
  NestboxPlace place = { 0 };

  if (client->connection != NULL)
    nestbox_connection_get_place (client->connection, &place);
  return place;
}

/**
 * nestbox_client_get_portal_version:
 * @client: a client
 *
 * Returns: the version of the Flatpak portal; 0 when the client is closed.
 */
guint
nestbox_client_get_portal_version (NestboxClient *client)
{
  g_return_val_if_fail (NESTBOX_IS_CLIENT (client), 0);
  return place_of (client).portal_version;
}

/**
 * nestbox_client_get_pids_visible:
 * @client: a client
 *
 * Returns: whether children have PIDs in this process's PID namespace.
 */
gboolean
nestbox_client_get_pids_visible (NestboxClient *client)
{
  g_return_val_if_fail (NESTBOX_IS_CLIENT (client), FALSE);
  return place_of (client).pids_visible;
}

/**
 * nestbox_client_is_closed:
 * @client: a client
 *
 * Returns: whether the broker ended; nothing can be launched then.
 */
gboolean
nestbox_client_is_closed (NestboxClient *client)
{
  g_return_val_if_fail (NESTBOX_IS_CLIENT (client), TRUE);
  return client->connection == NULL;
}

gboolean
nb_gio_client_kill (NestboxClient *client, NestboxHandle handle, int number, GError **error)
{
  NestboxFailure failure
      = { .code = NESTBOX_ERROR_CLOSED, .text = "signal not sent: the broker ended" };

  if (client->connection != NULL
      && nestbox_connection_kill (client->connection, handle, number, &failure))
    return TRUE;
  g_propagate_error (error, nb_gio_error_new (&failure));
  return FALSE;
}

/* --- launching --- */

static gboolean
launch_cancelled_cb (GCancellable *cancellable, gpointer data)
{
  NestboxClient *client = g_task_get_source_object (data);
  NestboxHandle handle = GPOINTER_TO_UINT (g_task_get_task_data (data));
  g_autoptr (GTask) task = take (client->starting, handle);

  (void)cancellable;
  if (task == NULL)
    return G_SOURCE_REMOVE;
  if (client->connection != NULL)
    (void)nestbox_connection_kill (client->connection, handle, SIGKILL, NULL);
  (void)g_task_return_error_if_cancelled (task);
  return G_SOURCE_REMOVE;
}

static NestboxHandle
launch (NestboxClient *client, NestboxLaunch *request, GUnixFDList *list,
        const int *targets, gsize n_targets, NestboxFailure *failure)
{
  int n = 0;
  const int *fds = list != NULL ? g_unix_fd_list_peek_fds (list, &n) : NULL;
  g_autofree NestboxFd *map = g_new0 (NestboxFd, n_targets);

  *failure = (NestboxFailure){ .code = NESTBOX_ERROR_CLOSED,
                               .text = "not launched: the broker ended" };
  if (client->connection == NULL)
    return 0;
  if ((gsize)n != n_targets)
    {
      failure->code = NESTBOX_ERROR_INVALID;
      (void)g_strlcpy (failure->text, "not launched: each descriptor needs one target",
                       sizeof failure->text);
      return 0;
    }
  for (gsize i = 0; i < n_targets; i++)
    map[i] = (NestboxFd){ .fd = fds[i], .target = targets[i] };
  request->fds = map;
  request->n_fds = n_targets;
  return nestbox_connection_launch (client->connection, request, failure);
}

/**
 * nestbox_client_launch_async:
 * @client: a client
 * @kind: what the child is for
 * @argv: (array zero-terminated=1): program, an absolute path, and its arguments
 * @envp: (array zero-terminated=1) (nullable): NAME=value; %NULL: this process's own, as
 * far as it passes
 * @fds: (nullable): descriptors for the child, which are duplicated
 * @targets: (array length=n_targets) (nullable): what number each of @fds has in the child
 * @n_targets: as many as there are @fds
 * @cancellable: (nullable): to take it back: there is no child then
 * @callback: (scope async): called when the program runs, or was not started
 * @user_data: (closure): for @callback
 *
 * Launches a child, as nestbox_connection_launch() does.
 */
void
nestbox_client_launch_async (NestboxClient *client, NestboxKind kind,
                             const char *const *argv, const char *const *envp,
                             GUnixFDList *fds, const int *targets, gsize n_targets,
                             GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer user_data)
{
  NestboxLaunch request = { .kind = kind, .argv = argv, .envp = envp };
  g_autoptr (GTask) task = NULL;
  NestboxFailure failure;
  NestboxHandle handle;

  g_return_if_fail (NESTBOX_IS_CLIENT (client));
  task = g_task_new (client, cancellable, callback, user_data);
  g_task_set_source_tag (task, nestbox_client_launch_async);
  g_task_set_check_cancellable (task, FALSE); /* a child that runs is handed over */
  if (g_task_return_error_if_cancelled (task))
    return;
  handle = launch (client, &request, fds, targets, n_targets, &failure);
  if (handle == 0)
    {
      g_task_return_error (task, nb_gio_error_new (&failure));
      return;
    }
  g_task_set_task_data (task, GUINT_TO_POINTER (handle), NULL);
  g_hash_table_insert (client->starting, GUINT_TO_POINTER (handle), g_object_ref (task));
  nb_gio_on_cancel (task, launch_cancelled_cb);
}

/**
 * nestbox_client_launch_finish:
 * @client: a client
 * @result: of the callback
 * @error: return location for an error
 *
 * Returns: (transfer full): the child, which runs or has ended since; %NULL: there is none.
 */
NestboxChild *
nestbox_client_launch_finish (NestboxClient *client, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, client), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

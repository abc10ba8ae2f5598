/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/bus-gate/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"

#define FOLDER_PREFIX "nestbox-bus-"
#define LOCK_SUFFIX ".lock"
static const char program[] = NB_PKGLIBEXECDIR "/nestbox-tool";

enum
{
  READY_FD = 3,              /* in the proxy */
  READY_DEADLINE_MS = 15000, /* the proxy is tried before */
  MAX_ADDRESS = 107,         /* sockaddr_un */
};

struct _NbEndpoint
{
  guint32 child;
  char *folder, *socket, *address;
  int lock;  /* whoever holds it uses the folder */
  int alive; /* the proxy ends when this is closed */
  guint alive_source, deadline_source;
  GSubprocess *proxy;
  GDataInputStream *output;
  GCancellable *cancellable;
  char *last_line;
  gboolean is_ready, has_ended, output_has_ended;
  void (*settled) (gpointer, const char *); /* NULL: it was called */
  gpointer data;
};

/* --- settled --- */

static void
settle (NbEndpoint *endpoint, const char *reason)
{
  void (*settled) (gpointer, const char *) = endpoint->settled;

  endpoint->settled = NULL;
  g_clear_handle_id (&endpoint->deadline_source, g_source_remove);
  if (settled != NULL)
    settled (endpoint->data, reason);
}

/* What it printed last says why; that may come after its end. */
static void
check_end (NbEndpoint *endpoint)
{
  static const char prefix[] = "nestbox: ";
  const char *line = endpoint->last_line != NULL ? endpoint->last_line : "it ended";
  g_autofree char *reason = NULL;

  if (!endpoint->has_ended || !endpoint->output_has_ended)
    return;
  if (g_str_has_prefix (line, prefix))
    line += strlen (prefix);
  reason = g_strdup_printf ("its endpoint on the session bus cannot be had: %s", line);
  if (endpoint->settled == NULL)
    nb_log_debug (NB_LOG_STATE, "bus endpoint of child %u: the proxy ended",
                  endpoint->child);
  settle (endpoint, reason);
}

static gboolean
alive_cb (int fd, GIOCondition condition, gpointer data)
{
  NbEndpoint *endpoint = data;
  char byte;

  (void)condition;
  if (read (fd, &byte, 1) == 1)
    {
      endpoint->is_ready = TRUE;
      nb_log_debug (NB_LOG_STATE, "bus endpoint of child %u: ready", endpoint->child);
      settle (endpoint, NULL);
      return G_SOURCE_CONTINUE;
    }
  endpoint->alive_source = 0;
  endpoint->has_ended = TRUE;
  check_end (endpoint);
  return G_SOURCE_REMOVE;
}

static gboolean
deadline_cb (gpointer data)
{
  NbEndpoint *endpoint = data;

  endpoint->deadline_source = 0;
  settle (endpoint, "its endpoint on the session bus was not ready in time");
  return G_SOURCE_REMOVE;
}

/* --- what the proxy prints: a line for each message, where these are logged --- */

static void
line_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *line = g_data_input_stream_read_line_finish (
      G_DATA_INPUT_STREAM (source), result, NULL, &error);
  NbEndpoint *endpoint = data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return; /* it is gone */
  if (line == NULL)
    {
      endpoint->output_has_ended = TRUE;
      check_end (endpoint);
      return;
    }
  nb_log_debug (NB_LOG_BUS, "child %u: %s", endpoint->child, line);
  g_free (endpoint->last_line);
  endpoint->last_line = g_steal_pointer (&line);
  g_data_input_stream_read_line_async (endpoint->output, G_PRIORITY_DEFAULT,
                                       endpoint->cancellable, line_cb, endpoint);
}

/* --- folders --- */

static char *
sandbox_folder (void)
{
  const char *folder = g_getenv ("FLATPAK_SANDBOX_DIR"), *app = g_getenv ("FLATPAK_ID");

  if (folder != NULL)
    return g_strdup (folder);
  return app != NULL
             ? g_build_filename (g_get_home_dir (), ".var", "app", app, "sandbox", NULL)
             : NULL;
}

static void
remove_folder (const char *folder)
{
  g_autofree char *socket = g_build_filename (folder, "bus", NULL),
                  *lock = g_strconcat (folder, LOCK_SUFFIX, NULL);

  (void)g_unlink (socket);
  (void)g_rmdir (folder);
  (void)g_unlink (lock);
}

/* What a broker left that was killed: nobody holds its lock. */
static void
sweep (const char *parent)
{
  GDir *folder = g_dir_open (parent, 0, NULL);
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    if (g_str_has_prefix (name, FOLDER_PREFIX) && g_str_has_suffix (name, LOCK_SUFFIX))
      {
        g_autofree char *path = g_build_filename (parent, name, NULL);
        nb_autofd lock = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        if (lock < 0 || flock (lock, LOCK_EX | LOCK_NB) < 0)
          continue;
        path[strlen (path) - strlen (LOCK_SUFFIX)] = '\0';
        remove_folder (path);
      }
  g_clear_pointer (&folder, g_dir_close);
}

static gboolean
fail (GError **error, const char *what)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
               "its endpoint on the session bus cannot be had: %s", what);
  return FALSE;
}

static gboolean
make_folder (NbEndpoint *endpoint, GError **error)
{
  g_autofree char *parent = sandbox_folder (), *lock = NULL, *escaped = NULL;
  g_autofree char *name = g_strdup_printf (FOLDER_PREFIX "%u-XXXXXX", endpoint->child);

  if (parent == NULL)
    return fail (error, "this is no Flatpak app");
  if (g_mkdir_with_parents (parent, 0700) < 0)
    return fail (error, g_strerror (errno));
  sweep (parent);
  endpoint->folder = g_build_filename (parent, name, NULL);
  if (g_mkdtemp (endpoint->folder) == NULL)
    {
      g_clear_pointer (&endpoint->folder, g_free);
      return fail (error, g_strerror (errno));
    }
  endpoint->socket = g_build_filename (endpoint->folder, "bus", NULL);
  escaped = g_dbus_address_escape_value (endpoint->socket);
  endpoint->address = g_strconcat ("unix:path=", escaped, NULL);
  lock = g_strconcat (endpoint->folder, LOCK_SUFFIX, NULL);
  endpoint->lock = open (lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (endpoint->lock < 0 || flock (endpoint->lock, LOCK_EX | LOCK_NB) < 0)
    return fail (error, g_strerror (errno));
  if (strlen (endpoint->socket) > MAX_ADDRESS)
    return fail (error, "the path of the app's folder is too long");
  return TRUE;
}

/* --- the proxy --- */

static gboolean
start (NbEndpoint *endpoint, const char *policy, GError **error)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE);
  const char *argv[]
      = { program, "bus-gate", "--socket", endpoint->socket, "--fd=3", policy, NULL, NULL };
  int ends[2];

  if (nb_log_is_on (NB_LOG_BUS))
    argv[6] = "--log";
  if (!g_unix_open_pipe (ends, FD_CLOEXEC, error))
    return FALSE;
  endpoint->alive = ends[0];
  g_subprocess_launcher_take_fd (launcher, ends[1], READY_FD);
  endpoint->proxy = g_subprocess_launcher_spawnv (launcher, argv, error);
  if (endpoint->proxy == NULL)
    return FALSE;
  endpoint->output
      = g_data_input_stream_new (g_subprocess_get_stdout_pipe (endpoint->proxy));
  g_data_input_stream_read_line_async (endpoint->output, G_PRIORITY_DEFAULT,
                                       endpoint->cancellable, line_cb, endpoint);
  endpoint->alive_source
      = g_unix_fd_add (endpoint->alive, G_IO_IN | G_IO_HUP, alive_cb, endpoint);
  endpoint->deadline_source = g_timeout_add (READY_DEADLINE_MS, deadline_cb, endpoint);
  return TRUE;
}

NbEndpoint *
nb_endpoint_new (guint32 child, const char *policy,
                 void (*settled) (gpointer, const char *), gpointer data, GError **error)
{
  NbEndpoint *endpoint = g_new0 (NbEndpoint, 1);

  endpoint->child = child;
  endpoint->lock = endpoint->alive = -1;
  endpoint->settled = settled;
  endpoint->data = data;
  endpoint->cancellable = g_cancellable_new ();
  if (make_folder (endpoint, error) && start (endpoint, policy, error))
    return endpoint;
  nb_endpoint_free (endpoint);
  return NULL;
}

const char *
nb_endpoint_get_name (const NbEndpoint *endpoint)
{
  return strrchr (endpoint->folder, '/') + 1;
}

const char *
nb_endpoint_get_path (const NbEndpoint *endpoint)
{
  return endpoint->socket;
}

const char *
nb_endpoint_get_address (const NbEndpoint *endpoint)
{
  return endpoint->address;
}

void
nb_endpoint_free (NbEndpoint *endpoint)
{
  if (endpoint == NULL)
    return;
  g_cancellable_cancel (endpoint->cancellable);
  g_clear_handle_id (&endpoint->alive_source, g_source_remove);
  g_clear_handle_id (&endpoint->deadline_source, g_source_remove);
  nb_fd_clear (&endpoint->alive);
  if (endpoint->proxy != NULL)
    g_subprocess_force_exit (endpoint->proxy);
  if (endpoint->folder != NULL)
    remove_folder (endpoint->folder);
  nb_log_debug (NB_LOG_STATE, "bus endpoint of child %u: gone", endpoint->child);
  nb_fd_clear (&endpoint->lock);
  g_clear_object (&endpoint->output);
  g_clear_object (&endpoint->proxy);
  g_clear_object (&endpoint->cancellable);
  g_free (endpoint->folder);
  g_free (endpoint->socket);
  g_free (endpoint->address);
  g_free (endpoint->last_line);
  g_free (endpoint);
}

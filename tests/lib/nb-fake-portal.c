/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lib/nb-fake-portal.h"

#include "spawn/base/fd.h"

struct _NbPortal
{
  GObject parent;
  NbPortalFeatures features;
  NbFakeSpawn spawn;
  GTask *waiting; /* the Spawn that is not answered */
};

G_DEFINE_TYPE (NbPortal, nb_portal, G_TYPE_OBJECT)

enum
{
  SIGNAL_SPAWN_EXITED,
  SIGNAL_LOST,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

static void
nb_portal_dispose (GObject *object)
{
  NbPortal *portal = NB_PORTAL (object);

  nb_fd_clear (&portal->spawn.channel);
  nb_fd_clear (&portal->spawn.output);
  G_OBJECT_CLASS (nb_portal_parent_class)->dispose (object);
}

static void
nb_portal_class_init (NbPortalClass *class)
{
  G_OBJECT_CLASS (class)->dispose = nb_portal_dispose;
  signals[SIGNAL_SPAWN_EXITED]
      = g_signal_new ("spawn-exited", G_TYPE_FROM_CLASS (class), G_SIGNAL_RUN_LAST, 0, NULL,
                      NULL, NULL, G_TYPE_NONE, 2, G_TYPE_UINT, G_TYPE_UINT);
  signals[SIGNAL_LOST] = g_signal_new ("lost", G_TYPE_FROM_CLASS (class), G_SIGNAL_RUN_LAST,
                                       0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
nb_portal_init (NbPortal *portal)
{
  portal->spawn.channel = portal->spawn.output = -1;
}

/* --- the interface of portal-client.h --- */

NbPortal *
nb_portal_new (void)
{
  return nb_fake_portal_new (6, 1);
}

const NbPortalFeatures *
nb_portal_get_features (NbPortal *portal)
{
  return &portal->features;
}

void
nb_portal_spawn_async (NbPortal *portal, const NbSpawnRequest *request, guint deadline_ms,
                       GAsyncReadyCallback callback, gpointer data)
{
  (void)deadline_ms;
  g_assert_null (portal->waiting);
  g_assert_cmpuint (request->n_fds, ==, 4);
  portal->waiting = g_task_new (portal, NULL, callback, data);
  portal->spawn.n_asked++;
  nb_fd_clear (&portal->spawn.channel);
  nb_fd_clear (&portal->spawn.output);
  portal->spawn.output = nb_fd_dup (request->fds[2], 3);
  portal->spawn.channel = nb_fd_dup (request->fds[3], 3);
}

gboolean
nb_portal_spawn_finish (NbPortal *portal, GAsyncResult *result, guint *pid_out,
                        GError **error)
{
  gssize pid = g_task_propagate_int (G_TASK (result), error);

  (void)portal;
  if (pid < 0)
    return FALSE;
  *pid_out = (guint)pid;
  return TRUE;
}

void
nb_portal_kill (NbPortal *portal, guint pid)
{
  portal->spawn.n_killed++;
  portal->spawn.killed_pid = pid;
}

/* --- for the test --- */

NbPortal *
nb_fake_portal_new (guint version, guint supports)
{
  NbPortal *portal = g_object_new (NB_TYPE_PORTAL, NULL);

  portal->features = (NbPortalFeatures){ .version = version, .supports = supports };
  return portal;
}

NbFakeSpawn *
nb_fake_portal_spawn (NbPortal *portal)
{
  return &portal->spawn;
}

void
nb_fake_portal_answer (NbPortal *portal, guint pid)
{
  g_autoptr (GTask) task = g_steal_pointer (&portal->waiting);

  if (task != NULL)
    g_task_return_int (task, pid);
}

void
nb_fake_portal_refuse (NbPortal *portal, const char *why)
{
  g_autoptr (GTask) task = g_steal_pointer (&portal->waiting);

  if (task != NULL)
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_FAILED, "%s", why);
}

void
nb_fake_portal_cancel (NbPortal *portal)
{
  g_autoptr (GTask) task = g_steal_pointer (&portal->waiting);

  if (task != NULL)
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "cancelled");
}

void
nb_fake_portal_exit (NbPortal *portal, guint pid, guint wait_status)
{
  g_signal_emit (portal, signals[SIGNAL_SPAWN_EXITED], 0, pid, wait_status);
}

void
nb_fake_portal_lose (NbPortal *portal)
{
  g_signal_emit (portal, signals[SIGNAL_LOST], 0, "the Flatpak portal ended");
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* How a sub-sandbox is asked for, and what the portal says of it. */
#include <fcntl.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/broker/sandbox/exposure.h"
#include "spawn/broker/sandbox/hello-check.h"
#include "spawn/broker/sandbox/sandbox-private.h"

#if !defined(NB_PKGLIBEXECDIR)
#  error "NB_PKGLIBEXECDIR: where nestbox-controller is installed"
#endif

enum
{
  CONTROLLER_FD = 3, /* its number in the sub-sandbox, after stdio */
  /* The portal answers in 10 ms, once it runs; in seconds, to twenty browsers at once. */
  SPAWN_DEADLINE_MS = 10000,
  HELLO_DEADLINE_MS = 20000, /* 0.1 s as a rule, over 1 s with a cold ld.so.cache */
};

/* Before the hello it is the end; later the channel's end says it, and says it better. */
static void
spawn_exited_cb (NbPortal *portal, guint pid, guint wait_status, NbSandbox *sandbox)
{
  (void)portal, (void)wait_status;
  if (sandbox->spawned_pid == 0 && sandbox->n_early_exits < MAX_EARLY_EXITS)
    sandbox->early_exits[sandbox->n_early_exits++] = pid;
  if (sandbox->spawned_pid == 0 || pid != sandbox->spawned_pid)
    return;
  if (sandbox->state == STATE_STARTING)
    nb_sandbox_fail_and_quote (sandbox, "the sub-sandbox ended before it was ready");
  if (sandbox->init_pidfd < 0)
    sandbox->spawned_pid = 0;
}

/* Nobody waits for the answer any more: what it brings is ended. */
static void
drop_answer (NbSandbox *sandbox, NbPortal *portal, guint pid)
{
  if (pid != 0)
    nb_portal_kill (portal, pid);
  g_free (sandbox);
}

/*
 * A portal that ends, or hangs, after it has done what it was asked for: what has said a
 * good hello needs neither it nor its handle.
 */
static void
answer_failed (NbSandbox *sandbox, const GError *error)
{
  if (sandbox->state == STATE_READY)
    nb_log_debug (NB_LOG_PORTAL, "Spawn has no handle: %s", error->message);
  else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    nb_sandbox_fail (sandbox, error->message);
}

static void
spawned_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  NbSandbox *sandbox = data;
  g_autoptr (GError) error = NULL;
  guint pid = 0;
  gboolean good = nb_portal_spawn_finish (NB_PORTAL (source), result, &pid, &error);

  sandbox->spawning = FALSE;
  if (sandbox->freed)
    {
      drop_answer (sandbox, NB_PORTAL (source), pid);
      return;
    }
  if (!good)
    {
      answer_failed (sandbox, error);
      return;
    }
  sandbox->spawned_pid = pid;
  nb_log_debug (NB_LOG_PORTAL, "Spawn pid=%u", pid);
  for (gsize i = 0; i < sandbox->n_early_exits; i++)
    if (sandbox->early_exits[i] == pid)
      spawn_exited_cb (NB_PORTAL (source), pid, 0, sandbox);
  if (sandbox->state == STATE_STARTING && sandbox->channel_source == 0)
    nb_sandbox_channel_ended (sandbox);
  if (sandbox->state == STATE_ENDED) /* in the meantime */
    nb_portal_kill (sandbox->portal, pid);
}

void
nb_sandbox_start (NbSandbox *sandbox)
{
  static const char *const argv[]
      = { NB_PKGLIBEXECDIR "/nestbox-controller", "--channel=3", NULL };
  nb_autofd nothing = open ("/dev/null", O_RDWR | O_CLOEXEC), theirs = -1, output = -1;
  int fds[CONTROLLER_FD + 1];
  NbExposure exposure = { .n = 0 };
  NbSpawnRequest request
      = { .argv = argv,
          .fds = fds,
          .n_fds = NB_ARRAY_SIZE (fds),
          .expose_pids = TRUE,
          .network = nb_profile_traits (sandbox->profile)->has_network,
          .sandbox_flags = nb_profile_traits (sandbox->profile)->sandbox_flags,
          .endpoint = sandbox->endpoint };

  if (sandbox->state != STATE_NEW)
    return;
  if (sandbox->pids == NB_PIDS_VISIBLE
      && !nb_portal_features_expose_pids (nb_portal_get_features (sandbox->portal)))
    {
      nb_sandbox_fail (sandbox, NB_PIDS_HIDDEN);
      return;
    }
  nb_sandbox_enter (sandbox, STATE_STARTING);
  output = nb_diagnostics_open (sandbox->diagnostics);
  if (nothing < 0 || output < 0 || !nb_sandbox_open_channel (sandbox, &theirs))
    {
      nb_sandbox_fail (sandbox, "no descriptors are left");
      return;
    }
  fds[STDIN_FILENO] = nothing;
  fds[STDOUT_FILENO] = fds[STDERR_FILENO] = output;
  fds[CONTROLLER_FD] = theirs;
  sandbox->exited_handler = g_signal_connect (sandbox->portal, "spawn-exited",
                                              G_CALLBACK (spawn_exited_cb), sandbox);
  nb_sandbox_set_deadline (sandbox, HELLO_DEADLINE_MS);
  sandbox->spawning = TRUE;
  nb_exposure_open (&exposure, sandbox->exposed);
  request.exposed = exposure.fds;
  request.n_exposed = exposure.n;
  nb_portal_spawn_async (sandbox->portal, &request, SPAWN_DEADLINE_MS, spawned_cb, sandbox);
  nb_exposure_clear (&exposure);
}

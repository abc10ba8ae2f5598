/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/sandbox/sandbox-private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/broker/sandbox/orphans.h"
#include "spawn/client/trace.h"

static const char *const state_names[] = { "new", "starting", "ready", "ended" };

void
nb_sandbox_enter (NbSandbox *sandbox, State state)
{
  nb_log_debug (NB_LOG_STATE, "%s sandbox: %s -> %s%s%s",
                nb_profile_traits (sandbox->profile)->name, state_names[sandbox->state],
                state_names[state], sandbox->reason != NULL ? ": " : "",
                sandbox->reason != NULL ? sandbox->reason : "");
  nb_trace_note (nb_profile_traits (sandbox->profile)->name, "SANDBOX from=%s to=%s",
                 state_names[sandbox->state], state_names[state]);
  g_assert (state > sandbox->state);
  sandbox->state = state;
}

/* --- the end --- */

/* Closing the channel ends the controller, and that ends all that it started. */
void
nb_sandbox_fail (NbSandbox *sandbox, const char *reason)
{
  gboolean was_starting = sandbox->state == STATE_STARTING;

  if (sandbox->state == STATE_ENDED)
    return;
  sandbox->reason = g_strdup (reason);
  nb_sandbox_enter (sandbox, STATE_ENDED);
  g_clear_handle_id (&sandbox->channel_source, g_source_remove);
  g_clear_handle_id (&sandbox->writable_source, g_source_remove);
  g_clear_handle_id (&sandbox->deadline_source, g_source_remove);
  nb_fd_clear (&sandbox->channel);
  /* The place first, then what was to live there: who asked for both may go after that. */
  nb_waiters_tell (&sandbox->waiters, sandbox->reason);
  nb_sandbox_fail_programs (sandbox);
  nb_questions_answer_all (sandbox->questions, ECONNREFUSED);
  if (was_starting)
    nb_orphans_end ();
}

void
nb_sandbox_fail_with_pages (NbSandbox *sandbox, const char *reason)
{
  if (sandbox->state != STATE_ENDED)
    sandbox->with_pages = TRUE;
  nb_sandbox_fail (sandbox, reason);
}

void
nb_sandbox_fail_and_quote (NbSandbox *sandbox, const char *reason)
{
  g_autofree char *line = nb_diagnostics_last_line (sandbox->diagnostics);
  g_autofree char *whole
      = g_strdup_printf ("%s%s%s", reason, *line != '\0' ? ": " : "", line);

  nb_sandbox_fail (sandbox, whole);
}

gboolean
nb_sandbox_is_gone (NbSandbox *sandbox)
{
  struct pollfd init = { .fd = sandbox->init_pidfd, .events = POLLIN };

  if (sandbox->init_pidfd >= 0)
    return poll (&init, 1, 0) == 1;
  return sandbox->spawned_pid == 0;
}

/*
 * The portal's way also ends bubblewrap's outer process; killing pid 1 of a sandbox with
 * visible PIDs leaves that one behind (bubblewrap.c: monitor_child waits for an event
 * that never comes), but not one process inside.
 */
void
nb_sandbox_kill (NbSandbox *sandbox, gboolean by_portal)
{
  if (by_portal && sandbox->spawned_pid != 0)
    nb_portal_kill (sandbox->portal, sandbox->spawned_pid);
  if (!by_portal && sandbox->init_pidfd >= 0)
    (void)syscall (SYS_pidfd_send_signal, sandbox->init_pidfd, SIGKILL, NULL, 0);
}

/* --- deadlines --- */

static gboolean
deadline_cb (gpointer data)
{
  NbSandbox *sandbox = data;

  sandbox->deadline_source = 0;
  nb_sandbox_fail_and_quote (sandbox, sandbox->state == STATE_STARTING
                                          ? "the sub-sandbox was not ready in time"
                                          : "the sub-sandbox does not answer");
  return G_SOURCE_REMOVE;
}

void
nb_sandbox_set_deadline (NbSandbox *sandbox, guint milliseconds)
{
  g_clear_handle_id (&sandbox->deadline_source, g_source_remove);
  sandbox->deadline_source = g_timeout_add (milliseconds, deadline_cb, sandbox);
}

/* --- for the broker --- */

NbSandbox *
nb_sandbox_new (NbPortal *portal, NbProfile profile, NbWall wall, NbPids pids)
{
  NbSandbox *sandbox = g_new0 (NbSandbox, 1);

  sandbox->portal = portal;
  sandbox->profile = profile;
  sandbox->wall = wall;
  sandbox->pids = pids;
  sandbox->channel = sandbox->init_pidfd = -1;
  sandbox->diagnostics = nb_diagnostics_new ();
  sandbox->children = g_hash_table_new_full (NULL, NULL, NULL, nb_program_free);
  sandbox->questions = nb_questions_new ();
  return sandbox;
}

void
nb_sandbox_expose (NbSandbox *sandbox, char *const *folders)
{
  sandbox->exposed = folders;
}

void
nb_sandbox_expose_endpoint (NbSandbox *sandbox, const char *name)
{
  sandbox->endpoint = g_strdup (name);
}

gboolean
nb_sandbox_has_ended (NbSandbox *sandbox)
{
  return sandbox->state == STATE_ENDED;
}

void
nb_sandbox_when_settled (NbSandbox *sandbox, NbSettled settled, gpointer data)
{
  if (sandbox->state == STATE_READY || sandbox->state == STATE_ENDED)
    settled (data, sandbox->reason);
  else
    nb_waiters_add (&sandbox->waiters, settled, data);
}

NbBrokerPlace
nb_sandbox_describe (NbSandbox *sandbox)
{
  const NbPortalFeatures *features = nb_portal_get_features (sandbox->portal);

  return (
      NbBrokerPlace){ .error = sandbox->state == STATE_ENDED ? ECONNREFUSED : 0,
                      .portal_version = features->version,
                      .portal_supports = features->supports,
                      .landlock_abi = sandbox->landlock_abi,
                      .pids_visible = sandbox->state == STATE_READY && !sandbox->relayed,
                      .detail = nb_slice (sandbox->reason != NULL ? sandbox->reason : "") };
}

gboolean
nb_sandbox_is_relayed (NbSandbox *sandbox)
{
  return sandbox->relayed;
}

void
nb_sandbox_forget (NbSandbox *sandbox, gpointer data)
{
  nb_waiters_forget (&sandbox->waiters, data);
  nb_questions_forget (sandbox->questions, data);
}

void
nb_sandbox_free (NbSandbox *sandbox)
{
  if (sandbox == NULL)
    return;
  nb_sandbox_fail (sandbox, "the broker ended");
  g_clear_signal_handler (&sandbox->exited_handler, sandbox->portal);
  nb_fd_clear (&sandbox->init_pidfd);
  nb_diagnostics_free (sandbox->diagnostics);
  g_hash_table_unref (sandbox->children);
  nb_questions_free (sandbox->questions);
  nb_waiters_clear (&sandbox->waiters);
  g_free (sandbox->reason);
  g_free (sandbox->endpoint);
  if (sandbox->spawning)
    sandbox->freed = TRUE; /* see spawned_cb() */
  else
    g_free (sandbox);
}

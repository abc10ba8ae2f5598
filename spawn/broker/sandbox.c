/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/sandbox-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/broker/denials.h"
#include "spawn/broker/exposure.h"
#include "spawn/broker/hello-check.h"
#include "spawn/broker/orphans.h"
#include "spawn/client/trace.h"

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

static const char *const state_names[] = { "new", "starting", "ready", "ended" };

static void
set_state (NbSandbox *sandbox, State state)
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

/* One line for each state of a program: asked for, runs, or not, and its end. */
static void NB_PRINTF (3, 4)
    log_program (NbSandbox *sandbox, guint32 id, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  if (!nb_log_is_on (NB_LOG_STATE))
    return;
  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  nb_log_debug (NB_LOG_STATE, "%s sandbox: program %u: %s",
                nb_profile_traits (sandbox->profile)->name, id, text);
}

/* --- the end --- */

static gboolean
fail_child (gpointer key, gpointer value, gpointer data)
{
  NbProgram *child = value;
  gboolean ran = child->answered;

  (void)key;
  nb_program_answer (child, ECONNREFUSED, data);
  if (ran && child->observer.exited != NULL)
    child->observer.exited (child->observer.data, SIGKILL);
  return TRUE;
}

/* Closing the channel ends the controller, and that ends all that it started. */
void
nb_sandbox_fail (NbSandbox *sandbox, const char *reason)
{
  gboolean was_starting = sandbox->state == STATE_STARTING;

  if (sandbox->state == STATE_ENDED)
    return;
  sandbox->reason = g_strdup (reason);
  set_state (sandbox, STATE_ENDED);
  g_clear_handle_id (&sandbox->channel_source, g_source_remove);
  g_clear_handle_id (&sandbox->writable_source, g_source_remove);
  g_clear_handle_id (&sandbox->deadline_source, g_source_remove);
  nb_fd_clear (&sandbox->channel);
  /* The place first, then what was to live there: who asked for both may go after that. */
  nb_waiters_tell (&sandbox->waiters, sandbox->reason);
  g_hash_table_foreach_remove (sandbox->children, fail_child, sandbox->reason);
  nb_questions_answer_all (sandbox->questions, ECONNREFUSED);
  if (was_starting)
    nb_orphans_end ();
}

static void
fail_with_diagnostics (NbSandbox *sandbox, const char *reason)
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
  fail_with_diagnostics (sandbox, sandbox->state == STATE_STARTING
                                      ? "the sub-sandbox was not ready in time"
                                      : "the sub-sandbox does not answer");
  return G_SOURCE_REMOVE;
}

static void
set_deadline (NbSandbox *sandbox, guint milliseconds)
{
  g_clear_handle_id (&sandbox->deadline_source, g_source_remove);
  sandbox->deadline_source = g_timeout_add (milliseconds, deadline_cb, sandbox);
}

static gboolean
has_unanswered (NbSandbox *sandbox)
{
  GHashTableIter iter;
  gpointer child;

  g_hash_table_iter_init (&iter, sandbox->children);
  while (g_hash_table_iter_next (&iter, NULL, &child))
    if (!((NbProgram *)child)->answered)
      return TRUE;
  return FALSE;
}

/* --- messages of the controller --- */

static gboolean writable_cb (int fd, GIOCondition condition, gpointer data);

/*
 * TRUE: it is with the controller. A socket that is full gets room as soon as the
 * controller has served what is in it; the deadline of that runs.
 */
static gboolean
was_sent (NbSandbox *sandbox, int result)
{
  if (result == 0)
    return TRUE;
  if (result != -EAGAIN)
    fail_with_diagnostics (sandbox, "the sub-sandbox takes no requests");
  else if (sandbox->writable_source == 0)
    sandbox->writable_source
        = g_unix_fd_add (sandbox->channel, G_IO_OUT, writable_cb, sandbox);
  return FALSE;
}

static void
send_request (NbSandbox *sandbox, NbProgram *child)
{
  if (!was_sent (sandbox, nb_channel_send (sandbox->channel, child->request->data,
                                           child->request->len, child->fds, child->n_fds)))
    return;
  nb_program_drop_request (child);
  set_deadline (sandbox, RESULT_DEADLINE_MS);
}

static void
send_kill (NbSandbox *sandbox, NbProgram *child, gint32 number)
{
  NbMessage kill = { .type = NB_MESSAGE_KILL, .child = child->id };

  if (child->signal != SIGKILL)
    child->signal = number;
  kill.signal = child->signal;
  if (was_sent (sandbox, nb_message_send (sandbox->channel, &kill, NULL, 0)))
    child->signal = 0;
}

static gint
compare_ids (gconstpointer first, gconstpointer second)
{
  return ((const NbProgram *)first)->id < ((const NbProgram *)second)->id ? -1 : 1;
}

/* In the order in which they were asked for, until the socket is full. */
static void
send_waiting_requests (NbSandbox *sandbox)
{
  g_autoptr (GList) children
      = g_list_sort (g_hash_table_get_values (sandbox->children), compare_ids);

  for (GList *at = children;
       at != NULL && sandbox->state == STATE_READY && sandbox->writable_source == 0;
       at = at->next)
    {
      NbProgram *child = at->data;

      if (child->request != NULL)
        send_request (sandbox, child);
      else if (child->signal != 0)
        send_kill (sandbox, child, child->signal);
    }
}

static gboolean
writable_cb (int fd, GIOCondition condition, gpointer data)
{
  NbSandbox *sandbox = data;

  (void)fd, (void)condition;
  sandbox->writable_source = 0;
  send_waiting_requests (sandbox);
  return G_SOURCE_REMOVE;
}

static void
handle_hello (NbSandbox *sandbox, const NbMessage *message, NbPacket *packet)
{
  const char *complaint
      = nb_hello_check (&message->hello, packet->has_credentials ? packet->uid : (uid_t)-1,
                        sandbox->wall, nb_profile_traits (sandbox->profile));
  gboolean hidden = packet->pid <= 0;
  NbMessage welcome = { .type = NB_MESSAGE_WELCOME };

  if (complaint != NULL)
    {
      nb_sandbox_fail (sandbox, complaint);
      return;
    }
  if (hidden && sandbox->pids == NB_PIDS_VISIBLE)
    {
      nb_sandbox_fail (sandbox, NB_PIDS_HIDDEN);
      return;
    }
  sandbox->relayed = hidden || sandbox->pids == NB_PIDS_STAND_IN;
  welcome.welcome.relay = sandbox->relayed;
  welcome.welcome.watch = nb_log_is_on (NB_LOG_SECCOMP);
  sandbox->landlock_abi = message->hello.landlock_abi;
  sandbox->init_pidfd = nb_packet_steal_fd (packet, 0);
  (void)nb_message_send (sandbox->channel, &welcome, NULL, 0);
  g_clear_handle_id (&sandbox->deadline_source, g_source_remove);
  set_state (sandbox, STATE_READY);
  send_waiting_requests (sandbox);
  nb_waiters_tell (&sandbox->waiters, sandbox->reason);
}

static void
describe_failed_exec (NbSandbox *sandbox, NbProgram *child, int error)
{
  g_autofree char *detail
      = error == EISCONN
            ? g_strdup ("the program could reach a bus, or has a descriptor that nobody "
                        "gave it")
        : error == ENOTCONN
            ? g_strdup ("its endpoint on the session bus is not in the sub-sandbox")
            : g_strdup_printf ("the program cannot be started in the sub-sandbox, where "
                               "only /app and /usr exist: %s",
                               g_strerror (error));

  log_program (sandbox, child->id, "not started: %s", g_strerror (error));
  g_hash_table_steal (sandbox->children, GUINT_TO_POINTER (child->id));
  nb_program_answer (child, error, detail); /* may end the sandbox */
  nb_program_free (child);
}

static gboolean
slice_is (NbSlice slice, const char *text)
{
  return slice.length == strlen (text) && memcmp (slice.data, text, slice.length) == 0;
}

static void
handle_result (NbSandbox *sandbox, const NbMessage *message)
{
  NbProgram *child
      = g_hash_table_lookup (sandbox->children, GUINT_TO_POINTER (message->child));

  if (nb_questions_answer (sandbox->questions, message->serial, NB_MESSAGE_RESULT,
                           message->result.error))
    return;
  if (child == NULL || child->answered || message->serial != child->id)
    return; /* the answer to a KILL or REAP */
  if (!sandbox->relayed)
    nb_fd_clear (&child->link);
  if (message->result.error != 0)
    describe_failed_exec (sandbox, child, message->result.error);
  else
    {
      log_program (sandbox, child->id, "runs");
      nb_program_answer (
          child, 0,
          slice_is (message->result.detail, NB_DETAIL_NO_X11) ? NB_DETAIL_NO_X11 : "");
    }
  if (!has_unanswered (sandbox))
    g_clear_handle_id (&sandbox->deadline_source, g_source_remove);
}

/* REAP makes the controller forget the child: nobody will ask for its status. */
static void
handle_exited (NbSandbox *sandbox, const NbMessage *message)
{
  NbProgram *child
      = g_hash_table_lookup (sandbox->children, GUINT_TO_POINTER (message->child));
  NbMessage forget = { .type = NB_MESSAGE_REAP, .child = message->child };

  if (child == NULL || !child->answered)
    return;
  log_program (sandbox, child->id, "ended: wait status 0x%x",
               (unsigned)message->wait_status);
  (void)nb_message_send (sandbox->channel, &forget, NULL, 0);
  g_hash_table_steal (sandbox->children, GUINT_TO_POINTER (message->child));
  if (child->observer.exited != NULL) /* may end the sandbox */
    child->observer.exited (child->observer.data, message->wait_status);
  nb_program_free (child);
}

static void
handle_message (NbSandbox *sandbox, NbMessage *message, NbPacket *packet)
{
  nb_log_debug (NB_LOG_CHANNEL, "controller: %s child=%u",
                nb_message_type_name (message->type), message->child);
  if (sandbox->state == STATE_STARTING && message->type == NB_MESSAGE_HELLO)
    handle_hello (sandbox, message, packet);
  else if (sandbox->state == STATE_READY && message->type == NB_MESSAGE_RESULT)
    handle_result (sandbox, message);
  else if (sandbox->state == STATE_READY && message->type == NB_MESSAGE_EXITED)
    handle_exited (sandbox, message);
  else if (sandbox->state == STATE_READY && message->type == NB_MESSAGE_DENIED)
    nb_denials_log (&message->denied);
  else if (sandbox->state == STATE_READY
           && (message->type == NB_MESSAGE_SURVEYED
               || message->type == NB_MESSAGE_IDENTIFIED))
    nb_sandbox_take_told (sandbox, message);
  else if (sandbox->state != STATE_READY || message->type != NB_MESSAGE_BORN)
    nb_sandbox_fail (sandbox, "the controller broke the protocol");
}

/*
 * A portal that refuses drops the descriptors first and says why afterwards, so until it
 * has answered the channel's end alone explains nothing.
 */
static void
channel_ended (NbSandbox *sandbox)
{
  if (sandbox->state == STATE_STARTING && sandbox->spawned_pid == 0)
    return;
  fail_with_diagnostics (sandbox, sandbox->state == STATE_STARTING
                                      ? "the sub-sandbox ended before it was ready"
                                      : "the sub-sandbox ended");
}

static gboolean
channel_cb (int fd, GIOCondition condition, gpointer data)
{
  static NbPacket packet;
  static NbMessage message;
  NbSandbox *sandbox = data;
  int result = nb_channel_receive (fd, &packet);

  (void)condition;
  if (result == -EAGAIN)
    return G_SOURCE_CONTINUE;
  if (result <= 0)
    {
      sandbox->channel_source = 0;
      channel_ended (sandbox);
      return G_SOURCE_REMOVE;
    }
  if (nb_message_decode (&packet, &message) == 0)
    handle_message (sandbox, &message, &packet);
  else
    nb_sandbox_fail (sandbox, "the controller sent a malformed message");
  nb_packet_clear (&packet);
  return G_SOURCE_CONTINUE;
}

/* --- Spawn --- */

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
    fail_with_diagnostics (sandbox, "the sub-sandbox ended before it was ready");
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
    channel_ended (sandbox);
  if (sandbox->state == STATE_ENDED) /* in the meantime */
    nb_portal_kill (sandbox->portal, pid);
}

static gboolean
open_channel (NbSandbox *sandbox, int *their_end_out)
{
  int ends[2];

  if (nb_channel_pair (ends) < 0)
    return FALSE;
  sandbox->channel = ends[0];
  *their_end_out = ends[1];
  nb_trace_follow (ends[0], NB_TRACE_MESSAGES, nb_profile_traits (sandbox->profile)->name,
                   "broker", "controller");
  return nb_channel_pass_credentials (ends[0]) == 0
         && fcntl (ends[0], F_SETFL, O_NONBLOCK) == 0;
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
  set_state (sandbox, STATE_STARTING);
  output = nb_diagnostics_open (sandbox->diagnostics);
  if (nothing < 0 || output < 0 || !open_channel (sandbox, &theirs))
    {
      nb_sandbox_fail (sandbox, "no descriptors are left");
      return;
    }
  fds[STDIN_FILENO] = nothing;
  fds[STDOUT_FILENO] = fds[STDERR_FILENO] = output;
  fds[CONTROLLER_FD] = theirs;
  sandbox->channel_source
      = g_unix_fd_add (sandbox->channel, G_IO_IN | G_IO_HUP, channel_cb, sandbox);
  sandbox->exited_handler = g_signal_connect (sandbox->portal, "spawn-exited",
                                              G_CALLBACK (spawn_exited_cb), sandbox);
  set_deadline (sandbox, HELLO_DEADLINE_MS);
  sandbox->spawning = TRUE;
  nb_exposure_open (&exposure, sandbox->exposed);
  request.exposed = exposure.fds;
  request.n_exposed = exposure.n;
  nb_portal_spawn_async (sandbox->portal, &request, SPAWN_DEADLINE_MS, spawned_cb, sandbox);
  nb_exposure_clear (&exposure);
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

guint32
nb_sandbox_exec (NbSandbox *sandbox, const NbExec *exec, const int *fds,
                 const NbObserver *observer)
{
  guint32 id = ++sandbox->last_id;
  NbProgram *child = nb_program_new (id, observer);

  log_program (sandbox, id, "asked for: %s", nb_kind_name (exec->kind));
  child->kind = exec->kind == NB_KIND_UNSANDBOXED_ZYGOTE ? NB_KIND_GPU_ZYGOTE : exec->kind;
  g_hash_table_insert (sandbox->children, GUINT_TO_POINTER (id), child);
  if (sandbox->state == STATE_ENDED || !nb_program_take_request (child, exec, fds))
    {
      nb_program_answer (child, ECONNREFUSED,
                         sandbox->reason != NULL ? sandbox->reason
                                                 : "the request is too large");
      g_hash_table_remove (sandbox->children, GUINT_TO_POINTER (id));
    }
  else if (sandbox->state == STATE_READY && sandbox->writable_source == 0)
    send_request (sandbox, child);
  return id;
}

void
nb_sandbox_forget (NbSandbox *sandbox, gpointer data)
{
  nb_waiters_forget (&sandbox->waiters, data);
  nb_questions_forget (sandbox->questions, data);
}

void
nb_sandbox_signal (NbSandbox *sandbox, guint32 id, gint32 number)
{
  NbProgram *child = g_hash_table_lookup (sandbox->children, GUINT_TO_POINTER (id));

  if (child == NULL || (child->request != NULL && number != SIGKILL))
    return;
  if (child->request != NULL) /* not even sent */
    {
      nb_program_answer (child, ECANCELED, "it was killed before it was started");
      g_hash_table_remove (sandbox->children, GUINT_TO_POINTER (id));
    }
  else
    send_kill (sandbox, child, number);
}

void
nb_sandbox_abandon (NbSandbox *sandbox, guint32 id)
{
  NbProgram *child = g_hash_table_lookup (sandbox->children, GUINT_TO_POINTER (id));

  if (child == NULL)
    return;
  log_program (sandbox, id, "nobody waits for it any more");
  child->observer = (NbObserver){ 0 };
  nb_sandbox_signal (sandbox, id, SIGKILL);
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

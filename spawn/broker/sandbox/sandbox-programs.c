/* SPDX-License-Identifier: BSD-3-Clause */
/* The programs of a sub-sandbox: requests to its controller, and what comes of them. */
#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/broker/sandbox/sandbox-private.h"

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

/* --- requests --- */

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
    nb_sandbox_fail_and_quote (sandbox, "the sub-sandbox takes no requests");
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
  nb_sandbox_set_deadline (sandbox, RESULT_DEADLINE_MS);
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
void
nb_sandbox_send_waiting (NbSandbox *sandbox)
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
  nb_sandbox_send_waiting (sandbox);
  return G_SOURCE_REMOVE;
}

/* --- what comes of them --- */

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

void
nb_sandbox_take_result (NbSandbox *sandbox, const NbMessage *message)
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
void
nb_sandbox_take_exited (NbSandbox *sandbox, const NbMessage *message)
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

static int
error_of_end (const NbSandbox *sandbox)
{
  return sandbox->with_pages ? ESHUTDOWN : ECONNREFUSED;
}

static gboolean
fail_child (gpointer key, gpointer value, gpointer data)
{
  NbProgram *child = value;
  const NbSandbox *sandbox = data;
  gboolean ran = child->answered;

  (void)key;
  nb_program_answer (child, error_of_end (sandbox), sandbox->reason);
  if (ran && child->observer.exited != NULL)
    child->observer.exited (child->observer.data, SIGKILL);
  return TRUE;
}

void
nb_sandbox_fail_programs (NbSandbox *sandbox)
{
  g_hash_table_foreach_remove (sandbox->children, fail_child, sandbox);
}

/* --- for the broker --- */

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
      nb_program_answer (child, error_of_end (sandbox),
                         sandbox->reason != NULL ? sandbox->reason
                                                 : "the request is too large");
      g_hash_table_remove (sandbox->children, GUINT_TO_POINTER (id));
    }
  else if (sandbox->state == STATE_READY && sandbox->writable_source == 0)
    send_request (sandbox, child);
  return id;
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

/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/client-connection.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/broker/denials.h"
#include "spawn/broker/identification.h"
#include "spawn/broker/survey-run.h"
#include "spawn/bus-gate/endpoint.h"
#include "spawn/client/environment.h"
#include "spawn/client/trace.h"

enum
{
  REQUEST_DEADLINE_MS = 10000, /* who connects has something to ask, and asks at once */
};

struct _NbClientConnection
{
  int fd;
  guint source, hang_up_source;
  guint deadline_source;  /* until it has asked for something */
  pid_t pid;              /* of who connected, says the kernel */
  NbSandboxes *sandboxes; /* borrowed */
  NbWall wall;
  GHashTable *programs;  /* the client's id -> Program, owned */
  GHashTable *questions; /* a set of Question, owned */
  GPtrArray *identities; /* of Identity, owned; those that are done as well */
  NbSurveyRun *survey;   /* owned; NULL: none was asked for */
  guint32 survey_serial;
  char *zygote;       /* path of the first that was asked for, or NULL */
  gboolean started;   /* that one */
  gboolean has_asked; /* for anything but to be watched */
  void (*closed) (NbClientConnection *, gpointer);
  gpointer data;
};

/* What the client has had started. */
typedef struct
{
  NbClientConnection *client;
  NbSandbox *sandbox;
  guint32 handle;       /* the client's id for it */
  guint32 id;           /* the sandbox's; 0: it has not been handed over yet */
  guint32 serial;       /* of the EXEC */
  gboolean refused;     /* while it was handed over */
  gboolean is_zygote;   /* that of the connection */
  NbEndpoint *endpoint; /* owned; NULL: it has no bus */
} Program;

/* A request whose answer a sandbox owes. */
typedef struct
{
  NbClientConnection *client;
  guint32 serial;
  NbProfile asked; /* how many of the sandboxes were asked whether pid is theirs */
  gint32 pid, score;
} Question;

/* A process that is to be identified. */
typedef struct
{
  NbClientConnection *client;
  guint32 serial;
  NbIdentification *run; /* owned */
} Identity;

/* --- to the client --- */

static gboolean
hang_up_cb (gpointer data)
{
  NbClientConnection *client = data;

  client->hang_up_source = 0;
  client->closed (client, client->data);
  return G_SOURCE_REMOVE;
}

/*
 * A client that does not read its answers is gone, or as good as that: it is hung up on,
 * rather than left to believe what is no longer so; also while it sends more requests.
 */
static void
send_to_client (NbClientConnection *client, const NbMessage *message, int fd)
{
  if (nb_message_send (client->fd, message, &fd, fd >= 0) == 0)
    return;
  nb_log_debug (NB_LOG_CHANNEL, "client: %s is not taken",
                nb_message_type_name (message->type));
  if (client->hang_up_source == 0)
    client->hang_up_source = g_idle_add_full (G_PRIORITY_DEFAULT, hang_up_cb, client, NULL);
}

static void
send_result (NbClientConnection *client, guint32 serial, guint32 handle, int error,
             const char *detail, int link)
{
  NbMessage message = { .type = NB_MESSAGE_RESULT, .serial = serial, .child = handle };

  message.result.error = error;
  message.result.detail = nb_slice (detail);
  send_to_client (client, &message, link);
}

/* --- programs --- */

static void
program_free (gpointer data)
{
  Program *program = data;

  if (program->endpoint != NULL)
    nb_sandbox_fail (program->sandbox, "its one child ended");
  nb_endpoint_free (program->endpoint);
  g_free (program);
}

static void
forget_program (Program *program)
{
  g_hash_table_remove (program->client->programs, GUINT_TO_POINTER (program->handle));
}

static void
result_cb (gpointer data, int error, const char *detail, int link)
{
  Program *program = data;
  NbMessage message
      = { .type = NB_MESSAGE_RESULT, .serial = program->serial, .child = program->handle };

  message.result.error = error;
  message.result.state = error == 0 ? NB_CHILD_RUNNING : NB_CHILD_NONE;
  message.result.detail = nb_slice (detail);
  send_to_client (program->client, &message, link);
  program->refused = error != 0;
  program->client->started |= program->is_zygote && error == 0;
  if (error != 0 && program->id != 0)
    forget_program (program);
}

static void
exited_cb (gpointer data, int wait_status)
{
  Program *program = data;
  NbMessage message = { .type = NB_MESSAGE_EXITED, .child = program->handle };

  message.wait_status = wait_status;
  send_to_client (program->client, &message, -1);
  forget_program (program);
}

/* The client has filtered already; what a child may know is decided here. */
static void
filter_environment (NbKind kind, NbStrings *environment)
{
  size_t kept = 0;

  for (size_t i = 0; i < environment->n; i++)
    {
      g_autofree char *entry
          = g_strndup (environment->items[i].data, environment->items[i].length);

      if (nb_environment_allows (kind, entry))
        environment->items[kept++] = environment->items[i];
    }
  environment->n = kept;
}

static Program *
new_program (NbClientConnection *client, NbSandbox *sandbox, const NbMessage *message)
{
  Program *program = g_new0 (Program, 1);

  program->client = client;
  program->sandbox = sandbox;
  program->handle = message->child;
  program->serial = message->serial;
  g_hash_table_insert (client->programs, GUINT_TO_POINTER (program->handle), program);
  return program;
}

static void
hand_over (Program *program, NbMessage *message, const int *fds)
{
  NbObserver observer = { .result = result_cb, .exited = exited_cb, .data = program };
  guint32 id;

  message->exec.wall = program->client->wall;
  id = nb_sandbox_exec (program->sandbox, &message->exec, fds, &observer);
  if (program->refused)
    forget_program (program);
  else
    program->id = id;
}

static void
start_program (NbClientConnection *client, NbSandbox *sandbox, NbMessage *message,
               const int *fds)
{
  Program *program = new_program (client, sandbox, message);

  if (message->exec.kind == NB_KIND_ZYGOTE && message->exec.argv.n > 0
      && client->zygote == NULL)
    {
      const NbSlice *path = &message->exec.argv.items[0];

      client->zygote = g_strndup (path->data, path->length);
      program->is_zygote = TRUE;
    }
  filter_environment (message->exec.kind, &message->exec.envp);
  hand_over (program, message, fds);
}

/* --- programs with an endpoint on the session bus: each in a sub-sandbox of its own --- */

static void
pages_settled_cb (gpointer data, const char *reason)
{
  if (reason != NULL)
    nb_sandbox_fail (data, reason);
  else
    nb_sandbox_start (data);
}

/* What the portal can do is known when that of the pages is there. */
static void
endpoint_settled_cb (gpointer data, const char *reason)
{
  Program *program = data;

  if (reason != NULL)
    nb_sandbox_fail (program->sandbox, reason);
  else
    nb_sandbox_when_settled (program->client->sandboxes->items[NB_PROFILE_PAGES],
                             pages_settled_cb, program->sandbox);
}

static NbEndpoint *
make_endpoint (Program *program, NbSlice policy)
{
  g_autofree char *path = g_strndup (policy.data, policy.length);
  g_autoptr (GError) error = NULL;
  NbEndpoint *endpoint
      = nb_endpoint_new (program->handle, path, endpoint_settled_cb, program, &error);

  if (endpoint == NULL)
    nb_sandbox_fail (program->sandbox, error->message);
  else
    nb_sandbox_expose_endpoint (program->sandbox, nb_endpoint_get_name (endpoint));
  return endpoint;
}

/* The sub-sandbox is asked for when the endpoint listens, and ends with the program. */
static void
start_gated_program (NbClientConnection *client, NbMessage *message, const int *fds)
{
  NbSandbox *sandbox;
  Program *program;
  g_autofree char *entry = NULL;
  bool overflow = false;

  if (message->exec.kind != NB_KIND_NONE && message->exec.kind != NB_KIND_UTILITY)
    {
      send_result (client, message->serial, message->child, ENOTSUP,
                   "this kind of program never has a bus", -1);
      return;
    }
  sandbox = nb_sandboxes_add_gated (client->sandboxes);
  program = new_program (client, sandbox, message);
  program->endpoint = make_endpoint (program, message->exec.bus);
  filter_environment (message->exec.kind, &message->exec.envp);
  message->exec.bus = nb_slice ("");
  if (program->endpoint != NULL)
    {
      message->exec.bus = nb_slice (nb_endpoint_get_path (program->endpoint));
      entry = g_strconcat (
          "DBUS_SESSION_BUS_ADDRESS=", nb_endpoint_get_address (program->endpoint), NULL);
      nb_strings_append (&message->exec.envp, entry, &overflow);
    }
  hand_over (program, message, fds);
}

static gboolean
handle_exec (NbClientConnection *client, NbMessage *message, NbPacket *packet)
{
  NbSandbox *sandbox = nb_sandboxes_for_kind (client->sandboxes, message->exec.kind);

  if (message->serial == 0)
    return FALSE;
  if (g_hash_table_contains (client->programs, GUINT_TO_POINTER (message->child)))
    send_result (client, message->serial, message->child, EEXIST,
                 "a program of this id runs already", -1);
  else if (g_hash_table_size (client->programs) >= NB_CLIENT_MAX_PROGRAMS)
    send_result (client, message->serial, message->child, ENOSPC,
                 "too many programs run already", -1);
  else if (message->exec.bus.length > 0)
    start_gated_program (client, message, packet->fds);
  else if (sandbox == NULL)
    send_result (client, message->serial, message->child, ENOTSUP,
                 "there is no sub-sandbox for this kind of program", -1);
  else
    start_program (client, sandbox, message, packet->fds);
  return TRUE;
}

/* Not answered: what comes of it is EXITED, or a RESULT that it was not started. */
static gboolean
handle_kill (NbClientConnection *client, NbMessage *message, NbPacket *packet)
{
  const Program *program
      = g_hash_table_lookup (client->programs, GUINT_TO_POINTER (message->child));

  (void)packet;
  if (program != NULL)
    nb_sandbox_signal (program->sandbox, program->id, message->signal);
  return TRUE;
}

/* --- questions --- */

static gboolean
may_ask (const NbClientConnection *client, guint32 serial)
{
  return serial != 0 && g_hash_table_size (client->questions) < NB_CLIENT_MAX_QUESTIONS;
}

static Question *
ask (NbClientConnection *client, guint32 serial)
{
  Question *question = g_new0 (Question, 1);

  question->client = client;
  question->serial = serial;
  g_hash_table_add (client->questions, question);
  return question;
}

static void
forget_question (Question *question)
{
  g_hash_table_remove (question->client->questions, question);
}

static void ask_next (Question *question);

/* ESRCH: not ours, the client may try for itself. What the kernel refuses is said once. */
static void
oom_adjusted_cb (gpointer data, int error)
{
  static gboolean said;
  Question *question = data;

  if (error == ESRCH && question->asked < NB_N_PROFILES)
    {
      ask_next (question);
      return;
    }
  if (error != 0 && error != ESRCH && error != ECONNREFUSED && !said)
    {
      said = TRUE;
      nb_log_error ("the OOM score of pages cannot be set: %s", g_strerror (error));
    }
  send_result (question->client, question->serial, 0, error, "", -1);
  forget_question (question);
}

/* Of the next sandbox, whether that is the one in which the child lives. */
static void
ask_next (Question *question)
{
  NbSandbox *sandbox = question->client->sandboxes->items[question->asked++];

  if (sandbox != NULL)
    nb_sandbox_adjust_oom (sandbox, question->pid, question->score, oom_adjusted_cb,
                           question);
  else
    oom_adjusted_cb (question, ESRCH);
}

static gboolean
handle_oom_adjust (NbClientConnection *client, NbMessage *message, NbPacket *packet)
{
  Question *question;

  (void)packet;
  if (!may_ask (client, message->serial))
    return FALSE;
  question = ask (client, message->serial);
  question->pid = message->oom.pid;
  question->score = message->oom.score;
  ask_next (question);
  return TRUE;
}

static void
settled_cb (gpointer data, const char *reason)
{
  Question *question = data;
  NbSandboxes *sandboxes = question->client->sandboxes;
  NbMessage message = { .type = NB_MESSAGE_PROBED, .serial = question->serial };

  (void)reason;
  message.place = nb_sandbox_describe (sandboxes->items[NB_PROFILE_PAGES]);
  message.place.gpu = sandboxes->items[NB_PROFILE_GPU] != NULL;
  send_to_client (question->client, &message, -1);
  forget_question (question);
}

/* A client of another version is told so by nothing but the end: it must not guess. */
static gboolean
handle_probe (NbClientConnection *client, NbMessage *message, NbPacket *packet)
{
  (void)packet;
  if (!may_ask (client, message->serial) || message->version != NB_PROTOCOL_VERSION)
    return FALSE;
  nb_sandbox_when_settled (client->sandboxes->items[NB_PROFILE_PAGES], settled_cb,
                           ask (client, message->serial));
  return TRUE;
}

/* One answer for each sandbox, and one that says that they are all told. */
static void
surveyed_cb (gpointer data, NbMessage *surveyed)
{
  NbClientConnection *client = data;
  NbMessage all = { .type = NB_MESSAGE_RESULT, .serial = client->survey_serial };

  all.result.detail = nb_slice ("");
  if (surveyed != NULL)
    surveyed->serial = client->survey_serial;
  send_to_client (client, surveyed != NULL ? surveyed : &all, -1);
}

/* Once for each connection. */
static gboolean
handle_survey (NbClientConnection *client, NbMessage *message, NbPacket *packet)
{
  (void)packet;
  if (message->serial == 0 || client->survey_serial != 0)
    return FALSE;
  client->survey_serial = message->serial;
  client->survey = nb_survey_run_new (client->sandboxes, surveyed_cb, client);
  return TRUE;
}

static void
identity_free (gpointer data)
{
  Identity *identity = data;

  nb_identification_free (identity->run);
  g_free (identity);
}

/* The client knows what it has started itself by its own id. */
static guint32
find_handle (NbClientConnection *client, const NbIdentity *identity,
             const NbSandbox *sandbox)
{
  GHashTableIter iter;
  gpointer item;

  g_hash_table_iter_init (&iter, client->programs);
  while (identity->program != 0 && g_hash_table_iter_next (&iter, NULL, &item))
    {
      const Program *program = item;

      if (program->id == identity->program && program->sandbox == sandbox)
        return program->handle;
    }
  return 0;
}

static void
identified_cb (gpointer data, const NbIdentity *found, NbSandbox *sandbox)
{
  Identity *identity = data;
  NbMessage message = { .type = NB_MESSAGE_IDENTIFIED, .serial = identity->serial };

  message.child = find_handle (identity->client, found, sandbox);
  message.identity = *found;
  send_to_client (identity->client, &message, -1);
}

static gboolean
handle_identify (NbClientConnection *client, NbMessage *message, NbPacket *packet)
{
  Identity *identity;

  for (guint i = client->identities->len; i-- > 0;)
    if (nb_identification_is_done (((Identity *)client->identities->pdata[i])->run))
      g_ptr_array_remove_index_fast (client->identities, i);
  if (message->serial == 0 || packet->n_fds == 0
      || client->identities->len >= NB_CLIENT_MAX_QUESTIONS)
    return FALSE;
  identity = g_new0 (Identity, 1);
  identity->client = client;
  identity->serial = message->serial;
  identity->run = nb_identification_new (client->sandboxes, nb_packet_steal_fd (packet, 0),
                                         identified_cb, identity);
  g_ptr_array_add (client->identities, identity);
  nb_identification_start (identity->run);
  return TRUE;
}

/* --- from the client --- */

/* Who connected becomes the child that the listener is of; there is no answer. */
static void
handle_watch (NbClientConnection *client, const NbMessage *message, NbPacket *packet)
{
  if (nb_log_is_on (NB_LOG_SECCOMP))
    nb_denials_watch (nb_packet_steal_fd (packet, 0), message->kind, client->pid);
}

/* Places are few: see MAX_CLIENTS of the broker. */
static gboolean
silent_cb (gpointer data)
{
  NbClientConnection *client = data;

  client->deadline_source = 0;
  nb_log_debug (NB_LOG_STATE, "client pid=%d hung up on: it asks for nothing",
                (int)client->pid);
  client->closed (client, client->data);
  return G_SOURCE_REMOVE;
}

/* FALSE: hang up. */
static gboolean
handle_message (NbClientConnection *client, NbMessage *message, NbPacket *packet)
{
  static gboolean (*const handlers[]) (NbClientConnection *, NbMessage *, NbPacket *) = {
    [NB_MESSAGE_EXEC] = handle_exec,
    [NB_MESSAGE_KILL] = handle_kill,
    [NB_MESSAGE_OOM_ADJUST] = handle_oom_adjust,
    [NB_MESSAGE_PROBE] = handle_probe,
    [NB_MESSAGE_SURVEY] = handle_survey,
    [NB_MESSAGE_IDENTIFY] = handle_identify,
  };

  g_clear_handle_id (&client->deadline_source, g_source_remove);
  if (message->type == NB_MESSAGE_WATCH && !client->has_asked)
    handle_watch (client, message, packet);
  client->has_asked = TRUE;
  return (size_t)message->type < NB_ARRAY_SIZE (handlers) && handlers[message->type] != NULL
         && handlers[message->type](client, message, packet);
}

static gboolean
readable_cb (int fd, GIOCondition condition, gpointer data)
{
  static NbPacket packet;
  static NbMessage message;
  NbClientConnection *client = data;
  int result = nb_channel_receive (fd, &packet);
  gboolean good = result == -EAGAIN;

  (void)condition;
  if (result > 0)
    {
      good = nb_message_decode (&packet, &message) == 0
             && handle_message (client, &message, &packet);
      nb_packet_clear (&packet);
    }
  if (good)
    return G_SOURCE_CONTINUE;
  client->source = 0;
  client->closed (client, client->data);
  return G_SOURCE_REMOVE;
}

static void
follow (const NbClientConnection *client)
{
  g_autofree char *name = g_strdup_printf ("client-%d", (int)client->pid);

  nb_trace_follow (client->fd, NB_TRACE_MESSAGES, name, "broker", "client");
}

NbClientConnection *
nb_client_connection_new (int fd, NbSandboxes *sandboxes, NbWall wall,
                          void (*closed) (NbClientConnection *, gpointer), gpointer data)
{
  NbClientConnection *client;
  struct ucred peer = { .uid = (uid_t)-1 };
  socklen_t size = sizeof peer;

  if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != getuid ()
      || fcntl (fd, F_SETFL, O_NONBLOCK) < 0)
    {
      nb_fd_clear (&fd);
      return NULL;
    }
  client = g_new0 (NbClientConnection, 1);
  client->fd = fd;
  client->pid = peer.pid;
  client->sandboxes = sandboxes;
  client->wall = wall;
  client->programs = g_hash_table_new_full (NULL, NULL, NULL, program_free);
  client->questions = g_hash_table_new_full (NULL, NULL, g_free, NULL);
  client->identities = g_ptr_array_new_with_free_func (identity_free);
  client->closed = closed;
  client->data = data;
  client->source = g_unix_fd_add (fd, G_IO_IN | G_IO_HUP, readable_cb, client);
  client->deadline_source = g_timeout_add (REQUEST_DEADLINE_MS, silent_cb, client);
  nb_log_debug (NB_LOG_STATE, "client pid=%d connected", (int)peer.pid);
  follow (client);
  return client;
}

const char *
nb_client_connection_get_zygote (NbClientConnection *client)
{
  return client->started ? client->zygote : NULL;
}

void
nb_client_connection_free (NbClientConnection *client)
{
  GHashTableIter iter;
  gpointer item;

  nb_log_debug (NB_LOG_STATE, "client pid=%d gone", (int)client->pid);
  g_hash_table_iter_init (&iter, client->questions);
  while (g_hash_table_iter_next (&iter, &item, NULL))
    for (NbProfile profile = 0; profile < NB_N_PROFILES; profile++)
      if (client->sandboxes->items[profile] != NULL)
        nb_sandbox_forget (client->sandboxes->items[profile], item);
  g_hash_table_unref (client->questions);
  nb_survey_run_free (client->survey);
  g_ptr_array_unref (client->identities);
  while (g_hash_table_size (client->programs) > 0)
    {
      Program *program;

      /* A sandbox that ends of this takes others out of the table. */
      g_hash_table_iter_init (&iter, client->programs);
      (void)g_hash_table_iter_next (&iter, NULL, &item);
      program = item;
      g_hash_table_iter_steal (&iter);
      nb_sandbox_abandon (program->sandbox, program->id);
      program_free (program);
    }
  g_hash_table_unref (client->programs);
  g_clear_handle_id (&client->source, g_source_remove);
  g_clear_handle_id (&client->hang_up_source, g_source_remove);
  g_clear_handle_id (&client->deadline_source, g_source_remove);
  nb_fd_clear (&client->fd);
  g_free (client->zygote);
  g_free (client);
}

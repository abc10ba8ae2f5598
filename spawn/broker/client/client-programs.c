/* SPDX-License-Identifier: BSD-3-Clause */
/* What a client has had started. */
#include <errno.h>

#include "spawn/broker/client/client-private.h"
#include "spawn/bus-gate/endpoint.h"
#include "spawn/client/environment.h"

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
  nb_client_send (program->client, &message, link);
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
  nb_client_send (program->client, &message, -1);
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
      nb_client_send_result (client, message->serial, message->child, ENOTSUP,
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

gboolean
nb_client_handle_exec (NbClientConnection *client, NbMessage *message, NbPacket *packet)
{
  NbSandbox *sandbox = nb_sandboxes_for_kind (client->sandboxes, message->exec.kind);

  if (message->serial == 0)
    return FALSE;
  if (g_hash_table_contains (client->programs, GUINT_TO_POINTER (message->child)))
    nb_client_send_result (client, message->serial, message->child, EEXIST,
                           "a program of this id runs already", -1);
  else if (g_hash_table_size (client->programs) >= NB_CLIENT_MAX_PROGRAMS)
    nb_client_send_result (client, message->serial, message->child, ENOSPC,
                           "too many programs run already", -1);
  else if (message->exec.bus.length > 0)
    start_gated_program (client, message, packet->fds);
  else if (sandbox == NULL)
    nb_client_send_result (client, message->serial, message->child, ENOTSUP,
                           "there is no sub-sandbox for this kind of program", -1);
  else
    start_program (client, sandbox, message, packet->fds);
  return TRUE;
}

/* Not answered: what comes of it is EXITED, or a RESULT that it was not started. */
gboolean
nb_client_handle_kill (NbClientConnection *client, NbMessage *message, NbPacket *packet)
{
  const Program *program
      = g_hash_table_lookup (client->programs, GUINT_TO_POINTER (message->child));

  (void)packet;
  if (program != NULL)
    nb_sandbox_signal (program->sandbox, program->id, message->signal);
  return TRUE;
}

/* --- all of them --- */

guint32
nb_client_find_program (NbClientConnection *client, const NbIdentity *identity,
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

void
nb_client_init_programs (NbClientConnection *client)
{
  client->programs = g_hash_table_new_full (NULL, NULL, NULL, program_free);
}

void
nb_client_clear_programs (NbClientConnection *client)
{
  GHashTableIter iter;
  gpointer item;

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
}

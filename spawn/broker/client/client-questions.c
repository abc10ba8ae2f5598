/* SPDX-License-Identifier: BSD-3-Clause */
/* What a client asks for, and a sandbox answers. */
#include <errno.h>

#include "spawn/base/log.h"
#include "spawn/broker/client/client-private.h"
#include "spawn/broker/client/identification.h"

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
  nb_client_send_result (question->client, question->serial, 0, error, "", -1);
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

gboolean
nb_client_handle_oom_adjust (NbClientConnection *client, NbMessage *message,
                             NbPacket *packet)
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
  nb_client_send (question->client, &message, -1);
  forget_question (question);
}

/* A client of another version is told so by nothing but the end: it must not guess. */
gboolean
nb_client_handle_probe (NbClientConnection *client, NbMessage *message, NbPacket *packet)
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
  nb_client_send (client, surveyed != NULL ? surveyed : &all, -1);
}

/* Once for each connection. */
gboolean
nb_client_handle_survey (NbClientConnection *client, NbMessage *message, NbPacket *packet)
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

static void
identified_cb (gpointer data, const NbIdentity *found, NbSandbox *sandbox)
{
  Identity *identity = data;
  NbMessage message = { .type = NB_MESSAGE_IDENTIFIED, .serial = identity->serial };

  message.child = nb_client_find_program (identity->client, found, sandbox);
  message.identity = *found;
  nb_client_send (identity->client, &message, -1);
}

gboolean
nb_client_handle_identify (NbClientConnection *client, NbMessage *message, NbPacket *packet)
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

/* --- all of them --- */

void
nb_client_init_questions (NbClientConnection *client)
{
  client->questions = g_hash_table_new_full (NULL, NULL, g_free, NULL);
  client->identities = g_ptr_array_new_with_free_func (identity_free);
}

void
nb_client_clear_questions (NbClientConnection *client)
{
  GHashTableIter iter;
  gpointer item;

  g_hash_table_iter_init (&iter, client->questions);
  while (g_hash_table_iter_next (&iter, &item, NULL))
    for (NbProfile profile = 0; profile < NB_N_PROFILES; profile++)
      if (client->sandboxes->items[profile] != NULL)
        nb_sandbox_forget (client->sandboxes->items[profile], item);
  g_hash_table_unref (client->questions);
  nb_survey_run_free (client->survey);
  g_ptr_array_unref (client->identities);
}

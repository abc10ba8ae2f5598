/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/pid-translation.h"
#include "spawn/broker/sandbox-private.h"

/* What the broker itself knows. */
static void
complete_survey (NbSandbox *sandbox, NbMessage *message)
{
  NbSurvey *survey = &message->survey;

  message->type = NB_MESSAGE_SURVEYED;
  message->serial = message->child = 0;
  survey->profile = sandbox->profile;
  survey->state = (NbSandboxState)sandbox->state;
  survey->relayed = sandbox->relayed;
  survey->wall = sandbox->wall;
  survey->landlock_abi = sandbox->landlock_abi;
  survey->first_pid = nb_pid_of (sandbox->init_pidfd);
  survey->reason = nb_slice (sandbox->reason != NULL ? sandbox->reason : "");
}

void
nb_sandbox_survey_without_processes (NbSandbox *sandbox, const NbQuestion *question)
{
  g_autofree NbMessage *message = g_new0 (NbMessage, 1);

  complete_survey (sandbox, message);
  question->surveyed (question->data, message);
}

void
nb_sandbox_take_surveyed (NbSandbox *sandbox, NbMessage *message)
{
  gpointer serial = GUINT_TO_POINTER (message->serial);
  NbQuestion *question = g_hash_table_lookup (sandbox->questions, serial);

  if (question == NULL || question->surveyed == NULL)
    return;
  complete_survey (sandbox, message);
  question->surveyed (question->data, message);
  g_hash_table_remove (sandbox->questions, serial);
}

void
nb_sandbox_survey (NbSandbox *sandbox, void (*answer) (gpointer data, NbMessage *surveyed),
                   gpointer data)
{
  NbMessage message = { .type = NB_MESSAGE_SURVEY };
  NbQuestion question = { .surveyed = answer, .data = data };

  if (sandbox->state == STATE_READY)
    message.serial = ++sandbox->last_id;
  if (message.serial == 0 || nb_message_send (sandbox->channel, &message, NULL, 0) < 0)
    nb_sandbox_survey_without_processes (sandbox, &question);
  else
    g_hash_table_insert (sandbox->questions, GUINT_TO_POINTER (message.serial),
                         g_memdup2 (&question, sizeof question));
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "spawn/broker/pid-translation.h"
#include "spawn/broker/sandbox-private.h"

void
nb_sandbox_describe_survey (NbSandbox *sandbox, NbMessage *message_out)
{
  NbSurvey *survey = &message_out->survey;

  if (sandbox->surveyed != NULL)
    *message_out = *sandbox->surveyed;
  else
    memset (message_out, 0, sizeof *message_out);
  message_out->type = NB_MESSAGE_SURVEYED;
  message_out->serial = message_out->child = 0;
  survey->profile = sandbox->profile;
  survey->state = (NbSandboxState)sandbox->state;
  survey->relayed = sandbox->relayed;
  survey->wall = sandbox->wall;
  survey->landlock_abi = sandbox->landlock_abi;
  survey->first_pid = nb_pid_of (sandbox->init_pidfd);
  survey->reason = nb_slice (sandbox->reason != NULL ? sandbox->reason : "");
}

void
nb_sandbox_take_surveyed (NbSandbox *sandbox, const NbMessage *message)
{
  sandbox->surveyed = message;
  (void)nb_questions_answer (sandbox->questions, message->serial, 0);
  sandbox->surveyed = NULL;
}

void
nb_sandbox_survey (NbSandbox *sandbox, NbQuestionAnswer answer, gpointer data)
{
  NbMessage message = { .type = NB_MESSAGE_SURVEY };

  if (sandbox->state == STATE_READY)
    message.serial = ++sandbox->last_id;
  if (message.serial == 0 || nb_message_send (sandbox->channel, &message, NULL, 0) < 0)
    answer (data, ECONNREFUSED);
  else
    nb_questions_add (sandbox->questions, message.serial, RESULT_DEADLINE_MS, answer, data);
}

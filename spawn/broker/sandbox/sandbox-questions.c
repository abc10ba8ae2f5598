/* SPDX-License-Identifier: BSD-3-Clause */
/* What is asked of a sub-sandbox: its controller answers, or a deadline does. */
#include <errno.h>

#include "spawn/broker/pid-translation.h"
#include "spawn/broker/sandbox/sandbox-private.h"

void
nb_sandbox_describe_survey (NbSandbox *sandbox, NbMessage *message_out)
{
  NbSurvey *survey = &message_out->survey;

  if (sandbox->told != NULL && sandbox->told->type == NB_MESSAGE_SURVEYED)
    *message_out = *sandbox->told;
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
nb_sandbox_take_told (NbSandbox *sandbox, const NbMessage *message)
{
  sandbox->told = message;
  (void)nb_questions_answer (sandbox->questions, message->serial, message->type, 0);
  sandbox->told = NULL;
}

static void
ask (NbSandbox *sandbox, NbMessage *message, int fd, NbQuestionAnswer answer, gpointer data)
{
  if (sandbox->state == STATE_READY)
    message->serial = ++sandbox->last_id;
  if (message->serial == 0 || nb_message_send (sandbox->channel, message, &fd, fd >= 0) < 0)
    answer (data, ECONNREFUSED);
  else
    nb_questions_add (sandbox->questions, message->serial,
                      message->type == NB_MESSAGE_SURVEY ? NB_MESSAGE_SURVEYED
                                                         : NB_MESSAGE_IDENTIFIED,
                      RESULT_DEADLINE_MS, answer, data);
}

void
nb_sandbox_survey (NbSandbox *sandbox, NbQuestionAnswer answer, gpointer data)
{
  NbMessage message = { .type = NB_MESSAGE_SURVEY };

  ask (sandbox, &message, -1, answer, data);
}

/* --- identities --- */

void
nb_sandbox_identify (NbSandbox *sandbox, int pidfd, gint32 stand_in,
                     NbQuestionAnswer answer, gpointer data)
{
  NbMessage message = { .type = NB_MESSAGE_IDENTIFY };

  message.stand_in = stand_in;
  if (stand_in > 0 && !sandbox->relayed)
    answer (data, ESRCH);
  else
    ask (sandbox, &message, stand_in > 0 ? -1 : pidfd, answer, data);
}

gboolean
nb_sandbox_describe_identity (NbSandbox *sandbox, NbIdentity *identity_out)
{
  const NbProgram *program;

  if (sandbox->told == NULL || sandbox->told->type != NB_MESSAGE_IDENTIFIED
      || sandbox->told->identity.error != 0)
    return FALSE;
  *identity_out = sandbox->told->identity;
  program
      = g_hash_table_lookup (sandbox->children, GUINT_TO_POINTER (identity_out->program));
  identity_out->profile = sandbox->profile;
  identity_out->kind = program != NULL ? program->kind : NB_KIND_NONE;
  if (program == NULL)
    identity_out->program = 0;
  return TRUE;
}

/* --- scores --- */

/* Of what the browser knows as pid; 0: it is none of this sandbox's. */
static gint32
inner_pid (NbSandbox *sandbox, gint32 pid)
{
  return nb_pid_is_below (pid, sandbox->init_pidfd) ? (gint32)nb_pid_below (pid) : 0;
}

void
nb_sandbox_adjust_oom (NbSandbox *sandbox, gint32 pid, gint32 score,
                       void (*answer) (gpointer data, int error), gpointer data)
{
  NbMessage message = { .type = NB_MESSAGE_OOM_ADJUST, .serial = ++sandbox->last_id };

  message.oom.pid = sandbox->relayed ? pid : inner_pid (sandbox, pid);
  message.oom.score = score;
  if (sandbox->state != STATE_READY || message.oom.pid <= 0
      || nb_message_send (sandbox->channel, &message, NULL, 0) < 0)
    {
      answer (data, ESRCH);
      return;
    }
  /* A score more or less is no reason to end all pages: only the question has a deadline.
   */
  nb_questions_add (sandbox->questions, message.serial, NB_MESSAGE_RESULT,
                    RESULT_DEADLINE_MS, answer, data);
}

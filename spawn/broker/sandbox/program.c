/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/sandbox/program.h"

#include <unistd.h>

#include "spawn/base/fd.h"

NbProgram *
nb_program_new (guint32 id, const NbObserver *observer)
{
  NbProgram *program = g_new0 (NbProgram, 1);

  program->id = id;
  program->observer = *observer;
  program->link = -1;
  return program;
}

/* A pair for the zygote's relay; where PIDs turn out visible, both ends are dropped. */
static gboolean
add_link (NbProgram *program, NbExec *exec)
{
  int ends[2];

  if (exec->n_targets == NB_CHANNEL_MAX_FDS || nb_channel_pair (ends) < 0)
    return FALSE;
  program->link = ends[0];
  program->fds[program->n_fds++] = ends[1];
  exec->targets[exec->n_targets++] = NB_TARGET_LINK;
  return TRUE;
}

gboolean
nb_program_take_request (NbProgram *program, const NbExec *exec, const int *fds)
{
  NbPickleWriter writer;
  g_autofree NbMessage *message = g_new0 (NbMessage, 1);
  gsize size = 0;

  message->type = NB_MESSAGE_EXEC;
  message->serial = message->child = program->id;
  message->exec = *exec;
  for (gsize i = 0; i < exec->n_targets; i++)
    {
      int copy = nb_fd_dup (fds[i], STDERR_FILENO + 1);

      if (copy < 0)
        return FALSE;
      program->fds[program->n_fds++] = copy;
    }
  if (nb_kind_is_zygote (exec->kind) && !add_link (program, &message->exec))
    return FALSE;
  if (nb_message_encode (&writer, message, &size) < 0)
    return FALSE;
  program->request = g_byte_array_append (g_byte_array_new (), writer.bytes, (guint)size);
  return TRUE;
}

void
nb_program_drop_request (NbProgram *program)
{
  for (gsize i = 0; i < program->n_fds; i++)
    nb_fd_clear (&program->fds[i]);
  program->n_fds = 0;
  g_clear_pointer (&program->request, g_byte_array_unref);
}

void
nb_program_answer (NbProgram *program, int error, const char *detail)
{
  if (program->answered)
    return;
  program->answered = TRUE;
  if (program->observer.result != NULL)
    program->observer.result (program->observer.data, error, detail, program->link);
  nb_fd_clear (&program->link);
}

void
nb_program_free (gpointer data)
{
  NbProgram *program = data;

  nb_program_drop_request (program);
  nb_fd_clear (&program->link);
  g_free (program);
}

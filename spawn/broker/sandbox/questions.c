/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/sandbox/questions.h"

#include <errno.h>

struct _NbQuestions
{
  GHashTable *by_serial; /* -> Question, owned */
};

typedef struct
{
  NbQuestionAnswer answer;
  gpointer data;
  guint deadline_source;
  NbQuestions *questions;
  guint32 serial;
  NbMessageType by;
} Question;

static void
question_free (gpointer data)
{
  Question *question = data;

  g_clear_handle_id (&question->deadline_source, g_source_remove);
  g_free (question);
}

NbQuestions *
nb_questions_new (void)
{
  NbQuestions *questions = g_new0 (NbQuestions, 1);

  questions->by_serial = g_hash_table_new_full (NULL, NULL, NULL, question_free);
  return questions;
}

static gboolean
deadline_cb (gpointer data)
{
  Question *question = data;

  question->deadline_source = 0;
  (void)nb_questions_answer (question->questions, question->serial, question->by,
                             ETIMEDOUT);
  return G_SOURCE_REMOVE;
}

void
nb_questions_add (NbQuestions *questions, guint32 serial, NbMessageType by,
                  guint deadline_ms, NbQuestionAnswer answer, gpointer data)
{
  Question *question = g_new0 (Question, 1);

  *question = (Question){
    .answer = answer, .data = data, .questions = questions, .serial = serial, .by = by
  };
  question->deadline_source = g_timeout_add (deadline_ms, deadline_cb, question);
  g_hash_table_insert (questions->by_serial, GUINT_TO_POINTER (serial), question);
}

gboolean
nb_questions_answer (NbQuestions *questions, guint32 serial, NbMessageType by, int error)
{
  Question *question
      = g_hash_table_lookup (questions->by_serial, GUINT_TO_POINTER (serial));

  if (question == NULL || (error == 0 && question->by != by))
    return FALSE;
  question->answer (question->data, error);
  g_hash_table_remove (questions->by_serial, GUINT_TO_POINTER (serial));
  return TRUE;
}

static gboolean
answer_with (gpointer key, gpointer value, gpointer error)
{
  Question *question = value;

  (void)key;
  question->answer (question->data, GPOINTER_TO_INT (error));
  return TRUE;
}

void
nb_questions_answer_all (NbQuestions *questions, int error)
{
  g_hash_table_foreach_remove (questions->by_serial, answer_with, GINT_TO_POINTER (error));
}

static gboolean
is_asked_by (gpointer key, gpointer value, gpointer data)
{
  (void)key;
  return ((Question *)value)->data == data;
}

void
nb_questions_forget (NbQuestions *questions, gpointer data)
{
  g_hash_table_foreach_remove (questions->by_serial, is_asked_by, data);
}

void
nb_questions_free (NbQuestions *questions)
{
  g_hash_table_unref (questions->by_serial);
  g_free (questions);
}

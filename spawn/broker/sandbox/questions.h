/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests to a controller that are not about a program of its own: each has one answer,
 * which comes from the controller, from its end, or at the deadline.
 */
#pragma once

#include <glib.h>

#include "zygote/wire/message.h"

typedef struct _NbQuestions NbQuestions;

typedef void (*NbQuestionAnswer) (gpointer data, int error);

NbQuestions *nb_questions_new (void);

/*
 * answer() will be called once, at the deadline with ETIMEDOUT, unless data is forgotten.
 * by is the type of message that answers it.
 */
void nb_questions_add (NbQuestions *questions, guint32 serial, NbMessageType by,
                       guint deadline_ms, NbQuestionAnswer answer, gpointer data);

/*
 * The answer to this one. FALSE: there is none of this serial, or a message of this type
 * cannot say that all is well with it; it stays.
 */
gboolean nb_questions_answer (NbQuestions *questions, guint32 serial, NbMessageType by,
                              int error);

/* The same answer to all. */
void nb_questions_answer_all (NbQuestions *questions, int error);

/* Nobody is interested in what data is called with any more. */
void nb_questions_forget (NbQuestions *questions, gpointer data);

void nb_questions_free (NbQuestions *questions);

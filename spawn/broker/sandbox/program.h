/* SPDX-License-Identifier: BSD-3-Clause */
/* One program in a sub-sandbox: the request to start it, and who is told what becomes of
 * it. */
#pragma once

#include <glib.h>

#include "zygote/wire/message.h"

/* Told about one program. Each is called at most once, result before exited. */
typedef struct
{
  /*
   * error: 0 or a positive errno; detail: one line for people when it is not 0, and
   * NB_DETAIL_NO_X11 or nothing when it is. link:
   * borrowed; where PIDs are hidden, the far end of a zygote's relay, else -1.
   */
  void (*result) (gpointer data, int error, const char *detail, int link);
  void (*exited) (gpointer data, int wait_status);
  gpointer data;
} NbObserver;

typedef struct
{
  guint32 id;
  NbKind kind;
  NbObserver observer; /* cleared when nobody is interested any more */
  gboolean answered;   /* result() was called */
  GByteArray *request; /* encoded EXEC, until it is sent */
  gint32 signal;       /* a KILL that could not be sent yet; 0: none */
  int fds[NB_CHANNEL_MAX_FDS];
  gsize n_fds; /* owned until it is sent */
  int link;    /* of a zygote's relay, the end for the observer; owned; -1: none */
} NbProgram;

NbProgram *nb_program_new (guint32 id, const NbObserver *observer);

/*
 * Makes the request: exec is copied, fds are duplicated, a zygote gets a link. FALSE when
 * it is too large or descriptors are out.
 */
gboolean nb_program_take_request (NbProgram *program, const NbExec *exec, const int *fds);

/* It was sent: what it held is let go. */
void nb_program_drop_request (NbProgram *program);

/* Calls result() unless that was done. */
void nb_program_answer (NbProgram *program, int error, const char *detail);

/* A GDestroyNotify. */
void nb_program_free (gpointer program);

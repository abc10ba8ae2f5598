/* SPDX-License-Identifier: BSD-3-Clause */
/* What a client's connection consists of: for the files named client-*.c. */
#pragma once

#include "spawn/broker/client/client-connection.h"
#include "spawn/broker/client/survey-run.h"

struct _NbClientConnection
{
  int fd;
  NbClientRights rights;
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

/* --- client-connection.c: to the client --- */

/*
 * A client that does not read its answers is gone, or as good as that: it is hung up on,
 * rather than left to believe what is no longer so; also while it sends more requests. fd
 * is borrowed; -1: none.
 */
void nb_client_send (NbClientConnection *client, const NbMessage *message, int fd);
void nb_client_send_result (NbClientConnection *client, guint32 serial, guint32 handle,
                            int error, const char *detail, int link);

/* --- client-programs.c --- */

/*
 * What handles a request, here and below, may change it, and steal descriptors from the
 * packet. FALSE: the client is hung up on.
 */
gboolean nb_client_handle_exec (NbClientConnection *client, NbMessage *message,
                                NbPacket *packet);
gboolean nb_client_handle_kill (NbClientConnection *client, NbMessage *message,
                                NbPacket *packet);

void nb_client_init_programs (NbClientConnection *client);
void nb_client_clear_programs (NbClientConnection *client);

/* The client's own id for a program that it has had started; 0: it is none of those. */
guint32 nb_client_find_program (NbClientConnection *client, const NbIdentity *identity,
                                const NbSandbox *sandbox);

/* --- client-questions.c --- */

void nb_client_init_questions (NbClientConnection *client);
void nb_client_clear_questions (NbClientConnection *client);
gboolean nb_client_handle_oom_adjust (NbClientConnection *client, NbMessage *message,
                                      NbPacket *packet);
gboolean nb_client_handle_probe (NbClientConnection *client, NbMessage *message,
                                 NbPacket *packet);
gboolean nb_client_handle_survey (NbClientConnection *client, NbMessage *message,
                                  NbPacket *packet);
gboolean nb_client_handle_identify (NbClientConnection *client, NbMessage *message,
                                    NbPacket *packet);

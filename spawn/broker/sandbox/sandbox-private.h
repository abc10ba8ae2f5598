/* SPDX-License-Identifier: BSD-3-Clause */
/* What a sub-sandbox consists of: for the files named sandbox-*.c, one subject each. */
#pragma once

#include "spawn/broker/sandbox/diagnostics.h"
#include "spawn/broker/sandbox/sandbox.h"

enum
{
  RESULT_DEADLINE_MS = 10000, /* of an EXEC, an OOM_ADJUST and a SURVEY */
  MAX_EARLY_EXITS = 8,        /* SpawnExited may precede the answer on Flatpak <= 1.16.0 */
};

/* Any earlier state to any later one. */
typedef enum
{
  STATE_NEW,
  STATE_STARTING, /* Spawn was called */
  STATE_READY,    /* the hello came and was good */
  STATE_ENDED,    /* reason is set */
} State;

/* They go over the wire by their numbers. */
G_STATIC_ASSERT ((int)STATE_NEW == (int)NB_SANDBOX_NEW
                 && (int)STATE_ENDED == (int)NB_SANDBOX_ENDED);

struct _NbSandbox
{
  NbPortal *portal; /* borrowed */
  NbProfile profile;
  NbWall wall;
  NbPids pids;
  char *const *exposed; /* borrowed; folders, or NULL */
  char *endpoint;       /* owned; what it sees of a bus, by name; NULL: nothing */
  gboolean relayed;     /* PIDs are hidden, or taken to be */
  State state;
  char *reason;         /* non-NULL iff ENDED */
  gboolean with_pages;  /* it ended because that of the pages did */
  int channel;          /* our end; -1 once ended */
  int init_pidfd;       /* of the sandbox's pid 1; -1 until the hello */
  guint32 landlock_abi; /* by the hello; 0 before */
  guint spawned_pid;    /* the portal's handle; 0 until it answered */
  gboolean spawning;    /* Spawn will be answered yet, by whomever */
  gboolean freed;       /* by the broker; the answer does the rest */
  guint early_exits[MAX_EARLY_EXITS];
  gsize n_early_exits;
  gulong exited_handler;
  guint channel_source, writable_source, deadline_source;
  NbDiagnostics *diagnostics;
  GHashTable *children; /* id -> NbProgram, owned */
  NbQuestions *questions;
  const NbMessage *told; /* while a question is answered by it */
  guint32 last_id;
  NbWaiters waiters;
};

/* --- sandbox.c: its state and its end --- */

void nb_sandbox_enter (NbSandbox *sandbox, State state);

/* With the last line that the sandbox has written, if any. */
void nb_sandbox_fail_and_quote (NbSandbox *sandbox, const char *reason);

/* When it is over, the sandbox ends: it is not ready in time, or does not answer. */
void nb_sandbox_set_deadline (NbSandbox *sandbox, guint milliseconds);

/* --- sandbox-channel.c --- */

/* The other end is the caller's, once it is not -1; also when this fails. */
gboolean nb_sandbox_open_channel (NbSandbox *sandbox, int *their_end_out);

/* Also for the portal's answer, until which the end alone explains nothing. */
void nb_sandbox_channel_ended (NbSandbox *sandbox);

/* --- sandbox-programs.c --- */

/* In the order in which they were asked for, until the socket is full. */
void nb_sandbox_send_waiting (NbSandbox *sandbox);

void nb_sandbox_take_result (NbSandbox *sandbox, const NbMessage *message);
void nb_sandbox_take_exited (NbSandbox *sandbox, const NbMessage *message);

/* The sandbox has ended: they are told its reason. */
void nb_sandbox_fail_programs (NbSandbox *sandbox);

/* --- sandbox-questions.c --- */

/* SURVEYED or IDENTIFIED; one that nobody waits for is dropped. */
void nb_sandbox_take_told (NbSandbox *sandbox, const NbMessage *message);

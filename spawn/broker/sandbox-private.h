/* SPDX-License-Identifier: BSD-3-Clause */
/* What a sub-sandbox consists of: for sandbox.c, and for who surveys one. */
#pragma once

#include "spawn/broker/diagnostics.h"
#include "spawn/broker/sandbox.h"

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

/* SURVEYED or IDENTIFIED; one that nobody waits for is dropped. */
void nb_sandbox_take_told (NbSandbox *sandbox, const NbMessage *message);

/* SPDX-License-Identifier: BSD-3-Clause */
/* What a sub-sandbox consists of: for sandbox.c, and for who surveys one. */
#pragma once

#include "spawn/broker/diagnostics.h"
#include "spawn/broker/sandbox.h"

enum
{
  MAX_EARLY_EXITS = 8, /* SpawnExited may precede the answer on Flatpak <= 1.16.0 */
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

/* A request that is not about a program of its own: one of the two is set. */
typedef struct
{
  void (*answer) (gpointer data, int error);
  void (*surveyed) (gpointer data, NbMessage *message);
  gpointer data;
} NbQuestion;

struct _NbSandbox
{
  NbPortal *portal; /* borrowed */
  NbProfile profile;
  NbWall wall;
  NbPids pids;
  gboolean relayed; /* PIDs are hidden, or taken to be */
  State state;
  char *reason;         /* non-NULL iff ENDED */
  int channel;          /* our end; -1 once ended */
  int init_pidfd;       /* of the sandbox's pid 1; -1 until the hello */
  guint32 landlock_abi; /* by the hello; 0 before */
  guint spawned_pid;    /* the portal's handle; 0 until it answered */
  guint early_exits[MAX_EARLY_EXITS];
  gsize n_early_exits;
  gulong exited_handler;
  guint channel_source, deadline_source;
  NbDiagnostics *diagnostics;
  GHashTable *children;  /* id -> NbProgram, owned */
  GHashTable *questions; /* serial -> NbQuestion, owned */
  guint32 last_id;
  void (*settled) (gpointer data, const char *reason); /* NULL once it was called */
  gpointer settled_data;
};

/* Answers a question for a survey with what the broker knows. */
void nb_sandbox_survey_without_processes (NbSandbox *sandbox, const NbQuestion *question);

/* The controller's answer to such a question; one that nobody waits for is dropped. */
void nb_sandbox_take_surveyed (NbSandbox *sandbox, NbMessage *message);

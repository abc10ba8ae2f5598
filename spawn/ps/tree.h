/* SPDX-License-Identifier: BSD-3-Clause */
/* Browsers, their sub-sandboxes, and the children in each: /proc and the brokers' words. */
#pragma once

#include "spawn/audit/find.h"
#include "spawn/ps/brokers.h"

typedef struct
{
  pid_t pid;         /* by which the browser knows it; 0: not known */
  pid_t inner_pid;   /* in its own PID namespace; 0: that is the app's */
  gboolean stand_in; /* pid is its stand-in's */
  const char *kind; /* "renderer", …; "starting": forked, and has no title of its own yet */
  gboolean has_memory; /* memory_kib was read */
  gboolean shared_out; /* it is the proportional set size, else the resident */
  guint64 memory_kib;
  guint64 start;     /* NbProcStat */
  int filters;       /* seccomp filters; -1: not known */
  pid_t own, parent; /* both in the PID namespace of who told */
} NbPsChild;

typedef enum
{
  NB_PLACE_SANDBOX, /* a sub-sandbox that the broker told of */
  NB_PLACE_UNKNOWN, /* no broker told where, and they do not descend from a browser */
  NB_PLACE_APP,     /* the app's own sandbox */
} NbPlaceType;

typedef struct
{
  NbPlaceType type;
  const char *name; /* "pages", "gpu"; of a SANDBOX, as all below */
  NbSandboxState state;
  gboolean relayed;
  NbWall wall; /* never AUTO when it is ready */
  guint landlock_abi;
  char *reason;
  guint left_out;
  GPtrArray *children; /* of NbPsChild, by inner PID, else by PID */
} NbPlace;

typedef struct
{
  NbPsChild self;
  gboolean answered; /* its broker told all */
  GPtrArray *places; /* of NbPlace, in the order of their types; APP is always there */
} NbPsBrowser;

/* Of NbPsBrowser, owned. proc: the /proc that the family was found in. */
GPtrArray *nb_ps_tree (int proc, const NbFamily *family, const GPtrArray *words);

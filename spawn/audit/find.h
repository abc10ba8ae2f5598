/* SPDX-License-Identifier: BSD-3-Clause */
/* The browsers of a /proc and their children. */
#pragma once

#include "spawn/audit/browser.h"
#include "spawn/audit/expectations.h"

typedef enum
{
  NB_SUBJECT_CHILD,
  NB_SUBJECT_STAND_IN, /* of a child that the browser knows by it (README: PIDs) */
  NB_SUBJECT_HELPER,   /* the zygote's or a service's stand-in, where that is hidden */
  NB_SUBJECT_ROUTER,   /* the same of the zygote that forks the GPU process */
} NbSubjectType;

typedef struct
{
  NbProcess *process; /* owned */
  NbSubjectType type;
  NbRole role;     /* of a CHILD */
  guint64 start;   /* NbProcStat */
  gboolean in_app; /* it descends from a browser */
  gboolean routed; /* and that has a GPU router */
  guint browser;   /* that one, else the first: index */
} NbSubject;

typedef struct
{
  GPtrArray *browsers; /* of NbBrowser, owned */
  GPtrArray *subjects; /* of NbSubject, owned, by PID */
  gboolean hidden;     /* no child in a PID namespace below was there */
  pid_t unreadable;    /* a browser that could not be looked into; 0: none */
  guint missed;        /* processes that could not be looked at, and may be children */
} NbFamily;

/* Where nestbox's own programs are, as absolute paths. */
typedef struct
{
  const char *helper, *router;
} NbFamilyPrograms;

/*
 * Looks through the /proc open as proc, that of the app. A child is what has a --type= on
 * its command line, whoever started it: a sub-sandbox's processes do not descend from the
 * browser. A browser has none, is in the PID namespace of this /proc, and is the parent
 * of a child that runs the same program, or one of nestbox's.
 */
NbFamily *nb_family_find (int proc, const NbFamilyPrograms *programs);
void nb_family_free (NbFamily *family);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (NbFamily, nb_family_free)

/* The subject with that PID, or NULL. */
const NbSubject *nb_family_lookup (const NbFamily *family, pid_t pid);

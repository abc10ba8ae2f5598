/* SPDX-License-Identifier: BSD-3-Clause */
/* The browser: what its children are compared with. */
#pragma once

#include "spawn/audit/mounts.h"
#include "spawn/audit/process.h"

typedef enum
{
  NB_NS_PID,
  NB_NS_NETWORK,
  NB_NS_MOUNTS,
  NB_NS_IPC,
  NB_NS_USER,
  NB_N_NS,
} NbNs;

/* Inodes of the namespaces of a process; 0: not known. */
typedef struct
{
  ino_t inodes[NB_N_NS];
} NbNamespaces;

/* Reading them needs the right to look into the process (ptrace(2), access mode READ). */
void nb_namespaces_read (const NbProcess *process, NbNamespaces *namespaces_out);

typedef struct
{
  NbProcess *process; /* owned, as all below */
  guint levels;       /* NbProcStatus */
  dev_t proc;         /* the /proc that the process was found in */
  NbNamespaces namespaces;
  GPtrArray *mounts;
  char **interfaces;
  char *home; /* NULL: not known */
  NbSecrets *secrets;
} NbBrowser;

/*
 * Looks at the browser; takes process over. NULL when something of it cannot be read:
 * then there is nothing to compare with, and no audit.
 */
NbBrowser *nb_browser_new (NbProcess *process);
void nb_browser_free (NbBrowser *browser);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (NbBrowser, nb_browser_free)

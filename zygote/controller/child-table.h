/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The controller's children by the ids that the broker gave them. Signals go through
 * pidfds, so that an id can never reach a process that merely reuses a PID.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "zygote/wire/message.h"

typedef struct
{
  uint32_t id;
  pid_t pid; /* in the sub-sandbox; 0 once the child was collected */
  int pidfd; /* owned; -1 once the child was collected */
  NbChildState state;
  int32_t wait_status;
  int64_t kill_at_ms; /* REAP's deadline on the monotonic clock; 0: none */
} NbChild;

typedef struct
{
  NbChild *children;
  size_t n, allocated;
} NbChildTable;

/* Makes room for one more. 0; -ENOSPC at NB_LIST_MAX_CHILDREN; -ENOMEM. */
int nb_child_table_reserve (NbChildTable *table);

/* Takes over pidfd. 0; -EEXIST when the id is taken; -ENOSPC at NB_LIST_MAX_CHILDREN. */
int nb_child_table_add (NbChildTable *table, uint32_t id, pid_t pid, int pidfd);

/* NULL when there is none; valid until the table changes. */
NbChild *nb_child_table_find (NbChildTable *table, uint32_t id);
NbChild *nb_child_table_find_pid (NbChildTable *table, pid_t pid);

/* Records the end: the pid may be reused from now on and is forgotten with the pidfd. */
void nb_child_set_exited (NbChild *child, int32_t wait_status);

/* Forgets a child whose end was reported and asked for. */
void nb_child_table_remove (NbChildTable *table, uint32_t id);

/* 0, or -ESRCH when it has ended, or another -errno. */
int nb_child_signal (const NbChild *child, int signal);

void nb_child_table_clear (NbChildTable *table);

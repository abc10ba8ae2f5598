/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/controller/child-table.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"

int
nb_child_table_reserve (NbChildTable *table)
{
  size_t wanted = table->allocated == 0 ? 8 : table->allocated * 2;
  NbChild *children;

  if (table->n < table->allocated)
    return 0;
  if (table->n >= NB_LIST_MAX_CHILDREN)
    return -ENOSPC;
  children = reallocarray (table->children, wanted, sizeof *children);
  if (children == NULL)
    return -ENOMEM;
  table->children = children;
  table->allocated = wanted;
  return 0;
}

int
nb_child_table_add (NbChildTable *table, uint32_t id, pid_t pid, int pidfd)
{
  int result
      = nb_child_table_find (table, id) != NULL ? -EEXIST : nb_child_table_reserve (table);

  if (result < 0)
    {
      nb_fd_clear (&pidfd);
      return result;
    }
  table->children[table->n++]
      = (NbChild){ .id = id, .pid = pid, .pidfd = pidfd, .state = NB_CHILD_RUNNING };
  return 0;
}

NbChild *
nb_child_table_find (NbChildTable *table, uint32_t id)
{
  for (size_t i = 0; i < table->n; i++)
    if (table->children[i].id == id)
      return &table->children[i];
  return NULL;
}

NbChild *
nb_child_table_find_pid (NbChildTable *table, pid_t pid)
{
  for (size_t i = 0; i < table->n; i++)
    if (table->children[i].pid == pid)
      return &table->children[i];
  return NULL;
}

void
nb_child_set_exited (NbChild *child, int32_t wait_status)
{
  child->state = NB_CHILD_EXITED;
  child->wait_status = wait_status;
  child->pid = 0;
  child->kill_at_ms = 0;
  nb_fd_clear (&child->pidfd);
}

void
nb_child_table_remove (NbChildTable *table, uint32_t id)
{
  NbChild *child = nb_child_table_find (table, id);

  if (child == NULL)
    return;
  nb_fd_clear (&child->pidfd);
  *child = table->children[--table->n];
}

int
nb_child_signal (const NbChild *child, int signal)
{
  if (child->state != NB_CHILD_RUNNING)
    return -ESRCH;
  return syscall (SYS_pidfd_send_signal, child->pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

void
nb_child_table_clear (NbChildTable *table)
{
  for (size_t i = 0; i < table->n; i++)
    nb_fd_clear (&table->children[i].pidfd);
  free (table->children);
  *table = (NbChildTable){ 0 };
}

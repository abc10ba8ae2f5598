/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/controller/relay-children.h"

#include <errno.h>
#include <stdlib.h>

#include "spawn/base/fd.h"

int
nb_relay_children_add (NbRelayChildren *children, uint32_t id, pid_t pid, int pidfd)
{
  NbRelayChild *items = children->items;
  int result = children->n < NB_RELAY_MAX_CHILDREN ? 0 : -ENOSPC;

  if (result == 0 && children->n == children->allocated)
    {
      size_t wanted = children->allocated == 0 ? 16 : children->allocated * 2;

      items = reallocarray (items, wanted, sizeof *items);
      if (items == NULL)
        result = -ENOMEM;
      else
        {
          children->items = items;
          children->allocated = wanted;
        }
    }
  if (result < 0)
    {
      nb_fd_clear (&pidfd);
      return result;
    }
  items[children->n++] = (NbRelayChild){ .id = id, .pid = pid, .pidfd = pidfd };
  return 0;
}

NbRelayChild *
nb_relay_children_find (const NbRelayChildren *children, uint32_t id)
{
  for (size_t i = 0; i < children->n; i++)
    if (children->items[i].id == id)
      return &children->items[i];
  return NULL;
}

NbRelayChild *
nb_relay_children_find_pid (const NbRelayChildren *children, int32_t pid)
{
  for (size_t i = 0; i < children->n; i++)
    if (pid > 0 && children->items[i].browser_pid == pid)
      return &children->items[i];
  return NULL;
}

NbRelayChild *
nb_relay_children_find_pidfd (const NbRelayChildren *children, int pidfd)
{
  for (size_t i = 0; i < children->n; i++)
    if (pidfd >= 0 && children->items[i].pidfd == pidfd)
      return &children->items[i];
  return NULL;
}

void
nb_relay_children_remove (NbRelayChildren *children, NbRelayChild *child)
{
  nb_fd_clear (&child->pidfd);
  *child = children->items[--children->n];
}

void
nb_relay_children_clear (NbRelayChildren *children)
{
  for (size_t i = 0; i < children->n; i++)
    nb_fd_clear (&children->items[i].pidfd);
  free (children->items);
  *children = (NbRelayChildren){ 0 };
}

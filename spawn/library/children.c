/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/library/children.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "spawn/base/fd.h"

static int
reserve (NbChildren *children)
{
  size_t wanted = children->allocated == 0 ? 4 : children->allocated * 2;
  NbLaunched *items;

  if (children->n < children->allocated)
    return 0;
  if (children->n == NB_CHILDREN_MAX)
    return -ENOSPC;
  items = reallocarray (children->items, wanted, sizeof *items);
  if (items == NULL)
    return -ENOMEM;
  children->items = items;
  children->allocated = wanted;
  return 0;
}

/* After four billion children, some of the first may live still. */
static NestboxHandle
next_handle (NbChildren *children)
{
  do
    children->last++;
  while (children->last == 0 || nb_children_find (children, children->last) != NULL);
  return children->last;
}

int
nb_children_add (NbChildren *children, NbKind kind, const char *name,
                 NestboxHandle *handle_out)
{
  int result = reserve (children);
  NbLaunched *child;

  if (result < 0)
    return result;
  child = &children->items[children->n];
  *child = (NbLaunched){ .handle = next_handle (children),
                         .state = NESTBOX_STATE_STARTING,
                         .kind = kind,
                         .link = -1,
                         .control = -1 };
  (void)snprintf (child->name, sizeof child->name, "%s", name);
  children->n++;
  *handle_out = child->handle;
  return 0;
}

NbLaunched *
nb_children_find (const NbChildren *children, NestboxHandle handle)
{
  for (size_t i = 0; i < children->n; i++)
    if (children->items[i].handle == handle)
      return &children->items[i];
  return NULL;
}

void
nb_children_remove (NbChildren *children, NestboxHandle handle)
{
  NbLaunched *child = nb_children_find (children, handle);

  if (child == NULL)
    return;
  nb_fd_clear (&child->link);
  nb_fd_clear (&child->control);
  *child = children->items[--children->n];
}

void
nb_children_clear (NbChildren *children)
{
  for (size_t i = 0; i < children->n; i++)
    {
      nb_fd_clear (&children->items[i].link);
      nb_fd_clear (&children->items[i].control);
    }
  free (children->items);
  *children = (NbChildren){ 0 };
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/gpu-router/routed-children.h"

#include <errno.h>
#include <stdlib.h>

enum
{
  MAX_CHILDREN = 4096,
};

static NbRoutedChild *
find (const NbRoutedChildren *children, int32_t pid)
{
  for (size_t i = 0; i < children->n; i++)
    if (children->items[i].pid == pid)
      return &children->items[i];
  return NULL;
}

int
nb_routed_children_add (NbRoutedChildren *children, int32_t pid, NbRoute route)
{
  NbRoutedChild *known = find (children, pid), *items;
  size_t wanted = children->allocated == 0 ? 16 : children->allocated * 2;

  if (known == NULL && children->n >= MAX_CHILDREN)
    return -ENOSPC;
  if (known == NULL && children->n == children->allocated)
    {
      items = reallocarray (children->items, wanted, sizeof *items);
      if (items == NULL)
        return -ENOMEM;
      children->items = items;
      children->allocated = wanted;
    }
  if (known == NULL)
    known = &children->items[children->n++];
  *known = (NbRoutedChild){ .pid = pid, .route = route };
  return 0;
}

bool
nb_routed_children_find (const NbRoutedChildren *children, int32_t pid, NbRoute *route_out)
{
  const NbRoutedChild *child = find (children, pid);

  if (child != NULL)
    *route_out = child->route;
  return child != NULL;
}

bool
nb_routed_children_take (NbRoutedChildren *children, int32_t pid, NbRoute *route_out)
{
  NbRoutedChild *child = find (children, pid);

  if (child == NULL)
    return false;
  *route_out = child->route;
  *child = children->items[--children->n];
  return true;
}

void
nb_routed_children_forget_route (NbRoutedChildren *children, NbRoute route)
{
  for (size_t i = children->n; i > 0; i--)
    if (children->items[i - 1].route == route)
      children->items[i - 1] = children->items[--children->n];
}

void
nb_routed_children_clear (NbRoutedChildren *children)
{
  free (children->items);
  *children = (NbRoutedChildren){ 0 };
}

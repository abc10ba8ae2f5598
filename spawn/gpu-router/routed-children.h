/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of two zygotes forked a child, by the pid that the browser knows. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum
{
  NB_ROUTE_APP, /* the app's own sandbox */
  NB_ROUTE_GPU, /* the GPU process's sub-sandbox */
  NB_N_ROUTES,
} NbRoute;

typedef struct
{
  int32_t pid;
  NbRoute route;
} NbRoutedChild;

typedef struct
{
  NbRoutedChild *items;
  size_t n, allocated;
} NbRoutedChildren;

/* A pid that is known already lives where it was said last. 0, -ENOMEM or -ENOSPC. */
int nb_routed_children_add (NbRoutedChildren *children, int32_t pid, NbRoute route);

/* Whether it is known, and where it lives. take: it is forgotten then. */
bool nb_routed_children_find (const NbRoutedChildren *children, int32_t pid,
                              NbRoute *route_out);
bool nb_routed_children_take (NbRoutedChildren *children, int32_t pid, NbRoute *route_out);

void nb_routed_children_forget_route (NbRoutedChildren *children, NbRoute route);
void nb_routed_children_clear (NbRoutedChildren *children);

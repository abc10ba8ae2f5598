/* SPDX-License-Identifier: BSD-3-Clause */
/* The children of one connection whose end was not told yet. Libc only. */
#pragma once

#include <stddef.h>

#include "spawn/base/kind.h"
#include "spawn/library/nestbox.h"

enum
{
  NB_CHILDREN_MAX = 128, /* the broker's own limit: zygote/PROTOCOL.md, section 12 */
  NB_CHILD_NAME_BYTES = 256,
};

typedef struct
{
  NestboxHandle handle;
  NestboxState state;
  NbKind kind;
  int link;                       /* owned; -1: none */
  int control;                    /* a zygote's descriptor 3, for a nursery; owned; -1 */
  char name[NB_CHILD_NAME_BYTES]; /* for failures */
} NbLaunched;

typedef struct
{
  NbLaunched *items; /* owned */
  size_t n, allocated;
  NestboxHandle last;
} NbChildren;

/* A new one, starting, with a handle of its own. 0, -ENOSPC or -ENOMEM. */
int nb_children_add (NbChildren *children, NbKind kind, const char *name,
                     NestboxHandle *handle_out);

/* Borrowed until the next change; NULL: none of that handle. */
NbLaunched *nb_children_find (const NbChildren *children, NestboxHandle handle);

void nb_children_remove (NbChildren *children, NestboxHandle handle);

void nb_children_clear (NbChildren *children);

/* SPDX-License-Identifier: BSD-3-Clause */
/* The children that a relayed zygote forked, by id, by the browser's pid and by pidfd. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum
{
  NB_RELAY_MAX_CHILDREN = 4096,
  NB_RELAY_MAX_ANSWER = 4096,  /* bytes; Chromium's longest reply has 2048 */
  NB_ZYGOTE_STILL_RUNNING = 4, /* base/process/kill.h: TERMINATION_STATUS_STILL_RUNNING */
};

typedef struct
{
  uint32_t id;
  pid_t pid;           /* the real child's, in here */
  int pidfd;           /* its; owned; -1 once it ended */
  int32_t browser_pid; /* its stand-in's; 0 until the browser said it */
  bool reaped;         /* the browser does not want the status */
} NbRelayChild;

typedef struct
{
  NbRelayChild *items;
  size_t n, allocated;
} NbRelayChildren;

/* Takes over pidfd. 0, -ENOMEM or -ENOSPC. */
int nb_relay_children_add (NbRelayChildren *children, uint32_t id, pid_t pid, int pidfd);

/* NULL when there is none. Valid until the table changes. */
NbRelayChild *nb_relay_children_find (const NbRelayChildren *children, uint32_t id);
NbRelayChild *nb_relay_children_find_pid (const NbRelayChildren *children, int32_t pid);
NbRelayChild *nb_relay_children_find_pidfd (const NbRelayChildren *children, int pidfd);

void nb_relay_children_remove (NbRelayChildren *children, NbRelayChild *child);
void nb_relay_children_clear (NbRelayChildren *children);

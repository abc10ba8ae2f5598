/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One per browser, started before it: owns the portal connection and the sub-sandboxes,
 * serves those who have programs started in them, ends when the browser ends and takes
 * everything with it.
 */
#pragma once

#include <glib.h>

#include "spawn/broker/sandboxes.h"

typedef struct
{
  int listener;      /* bound and listening; taken over */
  int browser;       /* pidfd of the process that is or becomes the browser; taken over */
  pid_t browser_pid; /* the same */
  const char *directory; /* private, holds the socket; removed at the end */
  NbSandboxOptions sandboxes;
} NbBrokerOptions;

/* Runs until the browser has ended. The exit status. */
int nb_broker_run (const NbBrokerOptions *options);

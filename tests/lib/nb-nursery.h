/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A nursery under test, in this process: its stand-ins are children of the test, which is
 * browser and controller to them.
 */
#pragma once

#include <signal.h>

#include "spawn/chrome-sandbox/nursery.h"
#include "zygote/wire/message.h"

typedef struct
{
  NbNursery *nursery;
  int link, control; /* our ends: the controller's and the browser's; owned */
  sigset_t mask;     /* as it was before: a nursery blocks SIGCHLD */
  NbPacket packet;   /* the latest one received, which message borrows from */
  NbMessage message;
} NbTestNursery;

NbTestNursery *nb_test_nursery_new (void);
void nb_test_nursery_free (NbTestNursery *self);

/* Serves until nothing is to be served. */
void nb_test_nursery_settle (NbTestNursery *self);

/* Serves until fd, which is ours, gets readable. */
void nb_test_nursery_wait (NbTestNursery *self, int fd);

/* The next message on the link. */
const NbMessage *nb_test_nursery_receive (NbTestNursery *self);

/* The same; it has to be this KILL. */
void nb_test_nursery_expect_kill (NbTestNursery *self, uint32_t child, int number);

/* Asserts that nothing is on the link. */
void nb_test_nursery_expect_quiet (NbTestNursery *self);

/* Sends on the link; fd is borrowed, -1: none. */
void nb_test_nursery_tell (NbTestNursery *self, NbMessageType type, uint32_t child, int fd);

/* Asks for a stand-in. The browser's end of its oracle. */
int nb_test_nursery_ask (NbTestNursery *self, uint32_t child);

/* Takes its ping. Its pid, by the kernel's word. */
pid_t nb_test_nursery_take_ping (NbTestNursery *self, int oracle);

/* Both. */
pid_t nb_test_nursery_make (NbTestNursery *self, uint32_t child);

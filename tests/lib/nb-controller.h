/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A nestbox-controller under test, and the test as its broker. The binary is the one in
 * NESTBOX_TEST_BUILD, build/out when that is not set.
 */
#pragma once

#include "zygote/wire/message.h"

typedef struct
{
  pid_t pid;
  int channel;
  uint32_t serial; /* of the latest request */
  NbPacket packet; /* the latest message, which message borrows from */
  NbMessage message;
} NbTestController;

/* What to start. Descriptors are borrowed: fds[i] becomes targets[i]. */
typedef struct
{
  uint32_t child;
  const char *argv[8];
  const char *envp[8];
  NbKind kind;
  NbWall wall;
  size_t n_fds;
  int fds[NB_CHANNEL_MAX_FDS];
  int targets[NB_CHANNEL_MAX_FDS];
} NbTestExec;

/*
 * Starts it, takes its HELLO and answers it. It is given what a controller must not hand
 * on: an open descriptor 100, SIGPIPE and SIGUSR2 ignored, SIGUSR1 blocked.
 */
NbTestController *nb_test_controller_new (void);

/*
 * Starts it with these arguments; channel becomes descriptor 3, and error, unless it is
 * -1, standard error. Both are borrowed.
 */
pid_t nb_test_controller_launch (const char *const *argv, int channel, int error);

/* Closes the channel and asserts that it ends in good order. */
void nb_test_controller_free (NbTestController *controller);

/* Asserts that it has ended in good order of its own accord; frees. */
void nb_test_controller_expect_end (NbTestController *controller);

/* The next message, before the deadline. */
const NbMessage *nb_test_controller_receive (NbTestController *controller);

/* The next message, which must be of this type and about this child. */
const NbMessage *nb_test_controller_expect (NbTestController *controller,
                                            NbMessageType type, uint32_t child);

/* Sends a request; its serial is filled in. */
void nb_test_controller_send (NbTestController *controller, NbMessage *request,
                              const int *fds, size_t n_fds);

/* Sends a request of this type and returns its RESULT, which must come next. */
const NbResult *nb_test_controller_ask (NbTestController *controller, NbMessage *request);

/* Sends EXEC and returns its RESULT. */
const NbResult *nb_test_controller_try_exec (NbTestController *controller,
                                             const NbTestExec *exec);

/* Sends EXEC, which must work. The pidfd that came with BORN. */
int nb_test_controller_exec (NbTestController *controller, const NbTestExec *exec);

/*
 * Starts a shell that stays until the returned pipe is closed. Its own standard input is
 * the other end; pidfd_out may be NULL.
 */
int nb_test_controller_exec_waiting (NbTestController *controller, uint32_t child,
                                     int *pidfd_out);

/* Starts argv with output to a pipe, waits for its end, and returns what it wrote. */
char *nb_test_controller_output (NbTestController *controller, const NbTestExec *exec);

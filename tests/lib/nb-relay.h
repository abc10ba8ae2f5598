/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A relay under test, in this process, and the test as all that it stands between: the
 * browser, the zygote and, at the other end of the link, the nursery.
 */
#pragma once

#include "zygote/controller/relay.h"
#include "zygote/wire/message.h"

typedef struct
{
  NbRelay *relay;            /* NULL once it ended */
  int browser, zygote, link; /* our ends; owned; -1 once closed */
  int browser_in_relay;      /* the relay's end of the browser's control socket */
  NbPacket packet;           /* the latest one received, which message borrows from */
  NbMessage message;
} NbTestRelay;

/* A fork under way, and what it made. */
typedef struct
{
  int browsers_oracle; /* the browser's own end */
  int zygotes_oracle;  /* what the zygote got to ping on */
  uint64_t inode;      /* of the end that the browser gave away */
  uint32_t id;         /* on the link */
  pid_t pid;           /* a child of this test; 0: none */
} NbTestFork;

/* A short message as Chromium writes it. */
typedef struct
{
  size_t size;
  uint8_t bytes[64];
} NbTestBytes;

/* Nothing is said yet. */
NbTestRelay *nb_test_relay_new (void);

/* The same for a zygote that says neither boot message nor hello. */
NbTestRelay *nb_test_relay_new_silent (void);

/* Boot message and hello are said: the browser may ask. */
NbTestRelay *nb_test_relay_new_greeted (void);

void nb_test_relay_free (NbTestRelay *self);

/* Serves what is readable until nothing is. Whether the relay is still there. */
bool nb_test_relay_settle (NbTestRelay *self);

/* Asserts that it ends, and that each of the three that is open sees that; frees. */
void nb_test_relay_expect_end (NbTestRelay *self);

/* Whether the relay reads from the browser. */
bool nb_test_relay_is_listening (const NbTestRelay *self);

/* Serves until fd, not one of the relay's, gets readable. */
void nb_test_relay_wait (NbTestRelay *self, int fd);

/* Serves until something arrives at this end, and takes it. */
const NbPacket *nb_test_relay_receive (NbTestRelay *self, int fd);

/* The same; it has to be these bytes, without descriptors. */
void nb_test_relay_expect (NbTestRelay *self, int fd, const void *bytes, size_t size);

/* The next message on the link, of this type and about this child. */
const NbMessage *nb_test_relay_expect_message (NbTestRelay *self, NbMessageType type,
                                               uint32_t child);

/* Asserts that the relay is there and has nothing for anybody. */
void nb_test_relay_expect_quiet (NbTestRelay *self);

/* A command without strings; pid is left out where it has none. */
NbTestBytes nb_test_relay_command (NbZygoteCommandType type, int32_t pid);
NbTestBytes nb_test_relay_status_reply (int32_t status, int32_t wait_status);
NbTestBytes nb_test_relay_fork_reply (int32_t pid);

/* Sends from one of our ends. */
void nb_test_relay_send (int fd, const NbTestBytes *message);

/* Sends from one end, and expects it at the other as it is. */
void nb_test_relay_pass (NbTestRelay *self, int from, const NbTestBytes *message, int to);

/* The browser's RESULT, KILL, … come from the nursery: sends on the link. */
void nb_test_relay_tell (NbTestRelay *self, const NbMessage *message);

/* That the relay is of use yet: a sandbox status is asked and answered. */
void nb_test_relay_expect_working (NbTestRelay *self);

/* Encodes a FORK with n_keys keys and one argument of so many bytes. Its size. */
size_t nb_test_relay_encode_fork (NbPickleWriter *writer, size_t n_keys,
                                  const char *argument, size_t length);

/* The browser asks for a fork, and the zygote has the command. */
void nb_test_relay_begin_fork (NbTestRelay *self, NbTestFork *fork_out);

/* The zygote's child is born: a real process pings, and BORN is on the link. */
void nb_test_relay_ping (NbTestRelay *self, NbTestFork *fork);

/* No child of this fork is born: the browser's oracle just ends. */
void nb_test_relay_expect_no_ping (NbTestRelay *self, const NbTestFork *fork);

/* The browser says the PID, which the zygote gets and answers with. */
void nb_test_relay_end_fork (NbTestRelay *self, int32_t browser_pid);

/* All three. */
NbTestFork nb_test_relay_fork (NbTestRelay *self, int32_t browser_pid);

/* Ends its process, if it has one still, and closes. */
void nb_test_fork_clear (NbTestFork *fork);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A broker under test, in this process and with the portal of nb-portal.h. It runs in the
 * main thread, as it does in life; the test's script runs in a thread of its own and is
 * browser, client and controller, with calls that wait.
 */
#pragma once

#include "spawn/broker/broker.h"
#include "spawn/client/client.h"
#include "tests/lib/nb-portal.h"

typedef struct
{
  char *directory, *socket; /* the broker's; removed by it */
  NbTestSpawn *spawns[2];   /* controllers' sides, once they were taken */
  NbTestSpawn *spawn;       /* which of them the calls below mean: the latest */
  int browser;              /* an eventfd, or a pidfd; see nb_test_broker_end() */
  int init;                 /* pidfd of a pid 1 that has ended */
  NbPacket packet;          /* the latest that the controller got, which message borrows */
  NbMessage message;
} NbTestBroker;

/*
 * Runs a broker with this portal (NULL: there is none), and script beside it, which has to
 * end the browser. Returns when both have ended and nothing is left.
 */
void nb_test_broker_run (const NbTestPortal *portal, NbWall wall, NbPids pids,
                         void (*script) (NbTestBroker *, gconstpointer),
                         gconstpointer data);

/* The same, where the broker has other options. */
void nb_test_broker_run_with (const NbTestPortal *portal, const NbSandboxOptions *options,
                              void (*script) (NbTestBroker *, gconstpointer),
                              gconstpointer data);

/*
 * The same, for a browser that is a child of the caller's, who waits for it. The broker
 * ends when it ends.
 */
void nb_test_broker_run_for (pid_t browser, const NbTestPortal *portal,
                             void (*script) (NbTestBroker *, gconstpointer),
                             gconstpointer data);

/* The browser ends; bubblewrap's outer processes do, as far as their Spawn was taken. */
void nb_test_broker_end (NbTestBroker *broker);

/* --- as the controller --- */

/* Takes the next Spawn; waits for it. */
void nb_test_broker_take_spawn (NbTestBroker *broker);

/* Takes the Spawn; sends a HELLO that is good; takes the WELCOME. */
void nb_test_broker_greet (NbTestBroker *broker);

/* A HELLO that is good. */
NbMessage nb_test_broker_hello (void);

void nb_test_broker_send (NbTestBroker *broker, const NbMessage *message, int fd);

/* The next message to the controller; it has to be of this type. */
const NbMessage *nb_test_broker_expect (NbTestBroker *broker, NbMessageType type);

const NbMessage *nb_test_broker_expect_any (NbTestBroker *broker);

/* The channel ends. */
void nb_test_broker_expect_end (NbTestBroker *broker);

/* Answers an EXEC: RESULT with this error. */
void nb_test_broker_answer_exec (NbTestBroker *broker, int error);

/* --- as a client --- */

/* Connects, and asks for a program of this kind. The connection. */
int nb_test_broker_ask (NbTestBroker *broker, NbKind kind);

/* Asks for one more, by this id, on a connection that there is. */
void nb_test_client_ask (int client, guint32 id, NbKind kind);
/* The same, for the program at this path. */
int nb_test_broker_ask_for (NbTestBroker *broker, NbKind kind, const char *path);

/* The next message on a client's connection; the caller clears the packet. */
void nb_test_client_receive (int client, NbPacket *packet, NbMessage *message);

/* It has to be a RESULT with this error, and a detail with this text in it. */
void nb_test_client_expect_result (int client, int error, const char *text);

/* It has to be EXITED. */
void nb_test_client_expect_exited (int client, int wait_status);

/* The next message: RESULT with this error, or EXITED, of this program. */
void nb_test_client_expect_result_of (int client, guint32 id, int error);
void nb_test_client_expect_exited_of (int client, guint32 id, int wait_status);

/* The broker hangs up. */
void nb_test_client_expect_end (int client);

/* What was sent to the broker before this, a few messages at most, it has read after it. */
void nb_test_broker_round_trip (NbTestBroker *broker);

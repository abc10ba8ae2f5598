/* SPDX-License-Identifier: BSD-3-Clause */
/* A host of libnestbox, as tests are one: what it is told, and waits for. */
#pragma once

#include "spawn/library/connection.h"

/* The next event; it has to be this one. */
NestboxEvent nb_test_host_expect (NestboxConnection *connection, NestboxEventType type,
                                  NestboxHandle child);

/* Nothing is to be told now. */
void nb_test_host_expect_nothing (NestboxConnection *connection);

/* The broker has ended, and that is the last that is told. */
void nb_test_host_expect_closed (NestboxConnection *connection);

/* Asks for a worker, which nobody refuses at once. */
NestboxHandle nb_test_host_launch (NestboxConnection *connection);

/* SPDX-License-Identifier: BSD-3-Clause */
/* The broker as a process of its own, beside what becomes the browser. */
#pragma once

#include "spawn/broker/broker.h"

/*
 * Executes it, so that the browser gets no child that it does not know, with the options'
 * listener and browser, and standard error; these stay the caller's. 0, or a positive
 * errno: there is no broker then.
 */
int nb_start_broker (const NbBrokerOptions *options);

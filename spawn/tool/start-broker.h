/* SPDX-License-Identifier: BSD-3-Clause */
/* The broker as a process of its own, beside what becomes the browser, or this one. */
#pragma once

#include "spawn/broker/broker.h"

/*
 * Forks twice, so that the browser gets no child that it does not know, and runs the
 * broker in the grandchild, which keeps only the options' listener and browser, and
 * standard error. It is not executed anew: this program has all that a broker needs, and
 * the sub-sandbox is asked for some milliseconds earlier. Call it before any thread is
 * started. 0, or a positive errno.
 */
int nb_start_broker (const NbBrokerOptions *options);

/* Makes this process the broker, for others to see and not to trace. The exit status. */
int nb_become_broker (const NbBrokerOptions *options);

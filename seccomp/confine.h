/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All that a process takes upon itself before it executes a child of a kind.
 * Async-signal-safe; needs no_new_privs.
 */
#pragma once

#include "spawn/base/kind.h"

/*
 * For the process that is about to execute a child of this kind, while it has one thread:
 *
 *  - the base filter of the kind;
 *  - but for zygotes, which end their children, and "none": the own-PID filter, and a
 *    Landlock domain that keeps its signals, and where its display does not need them its
 *    abstract sockets, to itself.
 *
 * What it then executes has all of it. 0, or -errno: execute nothing. listener_out,
 * optional: the base filter is watched instead (nb_seccomp_enter_watched_policy), and the
 * own-PID filter left to the holder of the listener.
 */
int nb_confine_before_exec (NbKind kind, int *listener_out);

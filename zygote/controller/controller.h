/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first program in each sub-sandbox: starts, kills and watches what the broker tells
 * it to, and ends with everything it started when its channel to the broker ends. One
 * thread, one epoll loop, libc only. It trusts the broker and nothing that it started.
 */
#pragma once

/* Serves channel (taken over) until it ends. The exit status. */
int nb_controller_run (int channel);

/* SPDX-License-Identifier: BSD-3-Clause */
/* The broker's socket, and the one request that is answered while its sender waits. */
#pragma once

/* Connects to the broker that listens at path. A close-on-exec descriptor, or -errno. */
int nb_client_connect (const char *path);

/*
 * The same, and neither this nor a packet sent waits for longer: a stopped broker leaves
 * connections waiting, and its socket takes only so many. 0: for as long as it takes.
 */
int nb_client_connect_within (const char *path, int timeout_ms);

/*
 * Sets the OOM score, 0 to 1000, of a sandboxed child by the pid that the browser knows, on
 * a connection of its own. 0; -ESRCH when it is none; another -errno.
 */
int nb_client_adjust_oom (int broker, int pid, int score);

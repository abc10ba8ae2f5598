/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * File descriptors: ownership, close-on-exec, what is open. GLib-free; everything here
 * except nb_fd_is_socket() is async-signal-safe. The only "no descriptor" is -1.
 */
#pragma once

#include <stdbool.h>

#include "spawn/base/macros.h"

/* Closes *fd unless it is -1, and sets it to -1. errno is kept. */
void nb_fd_clear (int *fd);

/* A descriptor that is closed when its scope ends, unless it was stolen. */
#define nb_autofd NB_CLEANUP (nb_fd_clear) int

/* Hands *fd over to the caller, leaving -1. */
int nb_fd_steal (int *fd);

/* Sets or clears close-on-exec. 0 or -errno. */
int nb_fd_set_cloexec (int fd, bool cloexec);

/* A close-on-exec duplicate of fd, numbered at_least or higher; or -errno. */
int nb_fd_dup (int fd, int at_least);

/* Closes everything from first on, also on kernels without close_range(2). 0 or -errno. */
int nb_fd_close_from (int first);

/* Whether fd is an open AF_UNIX socket of this type (SOCK_SEQPACKET, …). */
bool nb_fd_is_socket (int fd, int type);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Processes by pidfds: what the kernel says of one, and never a number that may be
 * another's by now. Who reads /proc by the PID of a pidfd asks whether it is alive after
 * reading: then the number was its own all the time. GLib-free.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/*
 * A close-on-exec duplicate of a pidfd, or a pidfd of whoever connected, or listens, at the
 * other end of a connected AF_UNIX socket (linux: net/unix/af_unix.c, SO_PEERPIDFD). Owned
 * by the caller; or
 *   -EBADF         fd is neither
 *   -EAFNOSUPPORT  a socket of another family
 *   -ENOTCONN      a socket that is not connected, or listens
 *   -EISCONN       one end of a pair: the kernel names who has made it, not who has the
 *                  other end
 *   -ENOPROTOOPT   the kernel, before Linux 6.5, names no peer by a pidfd
 *   -ESRCH         the peer has ended
 */
int nb_pidfd_take_from (int fd);

/*
 * The process's PID in the namespace of the /proc here; 0 when it has none there, -ESRCH
 * when it has ended and was collected, -EBADF when pidfd is none, another -errno when
 * nobody tells.
 */
pid_t nb_pidfd_get_pid (int pidfd);

/* Whether it still runs; a zombie does not. */
bool nb_pidfd_is_alive (int pidfd);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Under the seccomp path wall nothing can be opened by name, yet each child of
 * Chromium's zygote must list its own open files before it goes on
 * (sandbox/policy/linux/sandbox_linux.cc: HasOpenDirectories opens "self/fd/", the count
 * of threads "."). A process cannot be handed its own list by another one while it is
 * non-dumpable, as Chromium makes it. So right after the fork the child becomes dumpable
 * for a moment, has the controller open its /proc/PID/fd, and gives that descriptor to
 * Chromium's one openat() for it. Nothing else comes through this door.
 */
#pragma once

/* The socket to the controller, or -1: there is none. */
void nb_proc_door_init (int socket);

/* In a forked child: fetches the descriptor of its own list. 0 or -errno. */
int nb_proc_door_fetch (void);

/*
 * Chromium's openat (folder, path): the list for "self/fd/", the folder again for ".";
 * -ENOENT for anything else, which the caller then tries, and is refused, for real.
 */
int nb_proc_door_open (int folder, const char *path);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A door from each child of Chromium's zygote to the controller, used once, right after
 * the fork. Chromium makes its children non-dumpable, which locks their /proc files even
 * for the controller, so the child becomes dumpable for the moment of the request:
 *
 *  - the controller opens its oom_score_adj and keeps it (zygote/controller/oom-scores.h);
 *  - under the seccomp path wall nothing can be opened by name, yet each child must list
 *    its own open files before it goes on (sandbox/policy/linux/sandbox_linux.cc:
 *    HasOpenDirectories opens "self/fd/", the count of threads "."). It gets its own
 *    /proc/PID/fd, for Chromium's one openat() for it.
 *
 * Nothing else comes through this door.
 */
#pragma once

#include <stdbool.h>

/* The socket to the controller, or -1: there is none. */
void nb_proc_door_init (int socket);

/* The request: what the child is, for its score. */
enum
{
  NB_DOOR_RENDERER = 'R',
  NB_DOOR_OTHER = 'L',
};

/* In a forked child: makes the request; keeps the list if it is wanted. 0 or -errno. */
int nb_proc_door_use (char what, bool keep_list);

/*
 * Chromium's openat (folder, path): the list for "self/fd/", the folder again for ".";
 * -ENOENT for anything else, which the caller then tries, and is refused, for real.
 */
int nb_proc_door_open (int folder, const char *path);

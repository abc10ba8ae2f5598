/* SPDX-License-Identifier: BSD-3-Clause */
/* Starting one child: its descriptors, environment and program. Libc only. */
#pragma once

#include <sys/types.h>

#include "zygote/wire/message.h"

typedef struct
{
  char **argv;
  char **envp;
  NbKind kind;  /* how it is confined: seccomp/confine.h */
  bool has_bus; /* an endpoint of its own, which its environment tells of */
  bool watch;   /* its base filter is watched: a listener is wanted */
  size_t n_fds;
  int fds[NB_CHANNEL_MAX_FDS + 1];     /* borrowed */
  int targets[NB_CHANNEL_MAX_FDS + 1]; /* distinct, 0 to NB_SPAWN_MAX_TARGET */
  int (*confine) (void); /* the last before execve(); async-signal-safe; 0 or -errno */
} NbSpawn;

enum
{
  NB_SPAWN_MAX_TARGET = 255,
};

/*
 * Starts argv[0] with exactly these descriptors, besides 0, 1 and 2 of the controller
 * where they are not among the targets. Signals are at their defaults, none is blocked;
 * the child leads a session of its own and is ended when the controller ends.
 * A kind that has no bus is not executed where its environment tells of one, or a
 * descriptor is connected to one or was not asked for: -EISCONN (spawn/base/no-bus.h). 0,
 * or -errno of whatever failed, execve() included: then no child is left. The caller owns
 * what comes out; listener_out is -1 unless one was wanted.
 */
int nb_spawn (const NbSpawn *spawn, pid_t *pid_out, int *pidfd_out, int *listener_out);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client of the broker: one connection, one program started, its end. Libc only, no
 * thread; the core of what browsers, the stand-in and the tools use.
 */
#pragma once

#include <stddef.h>

#include "zygote/wire/message.h"

/* Connects to the broker's socket. A close-on-exec descriptor, or -errno. */
int nb_client_connect (const char *path);

typedef struct
{
  NbKind kind;
  char *const *argv; /* argv[0] absolute, as seen in the sub-sandbox */
  char *const *envp; /* filtered by nb_environment_allows() */
  size_t n_fds;
  int fds[NB_CHANNEL_MAX_FDS];     /* borrowed */
  int targets[NB_CHANNEL_MAX_FDS]; /* their numbers in the child */
} NbClientExec;

/*
 * Asks for the program to be started in a sub-sandbox and waits for the answer; the
 * broker bounds the time. 0, with NB_DETAIL_NO_X11 or nothing in reason; or -errno, with a
 * line for people. link_out: where
 * PIDs are hidden, the link to the zygote's relay, owned by the caller; else -1.
 */
int nb_client_exec (int broker, const NbClientExec *exec, int *link_out, char *reason,
                    size_t reason_size);

/*
 * The same in two steps, for those who have others to serve: asks, and reads the answer
 * once broker is readable; it may also wait for it.
 */
int nb_client_exec_begin (int broker, const NbClientExec *exec, char *reason,
                          size_t reason_size);
int nb_client_exec_finish (int broker, int *link_out, char *reason, size_t reason_size);

/*
 * Sets the OOM score, 0 to 1000, of a sandboxed child by the pid that the browser knows.
 * 0; -ESRCH when it is none; another -errno.
 */
int nb_client_adjust_oom (int broker, int pid, int score);

/*
 * Reads one event. 1 when the child has ended, with its wait status; 0 when nothing of
 * interest came; -EPIPE when the broker is gone.
 */
int nb_client_dispatch (int broker, int *wait_status_out);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The record of `nestbox run --trace`: what broker, helper and GPU router say and hear, one
 * line for each message, each written at once. They write to the file that lies beside the
 * broker's socket as "trace"; where there is none, nothing is recorded. Nobody else is
 * given it: it is close-on-exec, and no sub-sandbox has the folder. Libc only.
 *
 * A line: SECONDS CONVERSATION FROM>TO NAME FIELD=VALUE…, seconds of the monotonic clock.
 */
#pragma once

#include <stdbool.h>

#include "spawn/base/macros.h"

#define NB_TRACE_FILE "trace" /* in the broker's folder; what `nestbox trace` looks for */

typedef enum
{
  NB_TRACE_MESSAGES, /* nestbox's own */
  NB_TRACE_ZYGOTE,   /* Chromium's, with the browser at the other end */
} NbTraceVocabulary;

/* Begins to record, if a trace lies beside this socket. From then on the tap is its. */
void nb_trace_start (const char *broker_socket);
bool nb_trace_is_on (void);

/* Has a trace lie there that leads to this file, an absolute path. 0 or -errno. */
int nb_trace_link (const char *broker_socket, const char *file);

/* Takes what lies there away: a link, as a rule, and what it leads to stays. */
void nb_trace_unlink (const char *broker_socket);

/*
 * Records what this process sends and receives on the socket fd, for as long as that is the
 * same socket. here and there name the two ends; strings are copied, words without blanks.
 */
void nb_trace_follow (int fd, NbTraceVocabulary vocabulary, const char *conversation,
                      const char *here, const char *there);

/* A line that is no message: "NAME FIELD=VALUE…". */
void nb_trace_note (const char *conversation, const char *format, ...) NB_PRINTF (2, 3);

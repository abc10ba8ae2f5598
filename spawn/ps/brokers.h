/* SPDX-License-Identifier: BSD-3-Clause */
/* The brokers that can be reached from here, and what they say of their sub-sandboxes. */
#pragma once

#include <glib.h>

#include "zygote/wire/message.h"

typedef struct
{
  pid_t browser;      /* whose broker it is, says the kernel; 0: it cannot be seen */
  int error;          /* 0, or -errno: it did not answer, or not to the end */
  GPtrArray *surveys; /* of NbSurvey, owned; text in reason, too */
} NbBrokerWord;

/*
 * Asks every broker whose folder lies in one of these; a NULL-terminated list. Each is
 * given that many milliseconds. Of NbBrokerWord, owned; who is another user's is left out.
 */
GPtrArray *nb_brokers_ask (const char *const *folders, int timeout_ms);

/*
 * Asks the broker at the other end of fd what sub-sandboxes there are, and has surveyed()
 * called for each, with what lives as long as the call. Waits for at most timeout_ms in
 * all. 0, when all were told; -ETIMEDOUT, -EPIPE, or another -errno.
 */
int nb_broker_survey (int fd, int timeout_ms,
                      void (*surveyed) (gpointer data, const NbSurvey *survey),
                      gpointer data);

/* Whose a process is, as the broker of its sub-sandbox says. */
typedef struct
{
  pid_t browser; /* whose broker it is, says the kernel; 0: it cannot be seen */
  NbIdentity identity;
  char *instance; /* owned; the identity's own is not set */
} NbBrokerIdentity;

/*
 * Asks the same brokers, in the same way, until one knows the process of pidfd, which is
 * borrowed. 0; -ENOENT when none does; -ESRCH when it has ended, also meanwhile.
 */
int nb_brokers_identify (const char *const *folders, int pidfd, int timeout_ms,
                         NbBrokerIdentity *identity_out);

/* Where `nestbox run` makes those folders. Owned, NULL-terminated. */
char **nb_brokers_folders (void);

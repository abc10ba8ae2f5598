/* SPDX-License-Identifier: BSD-3-Clause */
/* One question whose a process is, put to one sub-sandbox after the other. */
#pragma once

#include "spawn/broker/sandbox/sandboxes.h"

typedef struct _NbIdentification NbIdentification;

/*
 * Takes over pidfd. answer() is called once, after it was started and maybe at once, and
 * must not free the identification. sandbox is the one in which it
 * lives, or NULL. error in the identity is 0; ENOENT: it lives,
 * and in none of these sub-sandboxes; ESRCH: it has ended; EBADF: pidfd is none.
 */
NbIdentification *nb_identification_new (NbSandboxes *sandboxes, int pidfd,
                                         void (*answer) (gpointer data,
                                                         const NbIdentity *identity,
                                                         NbSandbox *sandbox),
                                         gpointer data);

/* Begins. */
void nb_identification_start (NbIdentification *identification);

gboolean nb_identification_is_done (const NbIdentification *identification);

/* answer() is not called any more. */
void nb_identification_free (NbIdentification *identification);

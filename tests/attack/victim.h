/* SPDX-License-Identifier: BSD-3-Clause */
/* A process that is attacked, and tells what it feels. */
#pragma once

#include "tests/attack/attack.h"

typedef struct
{
  pid_t pid;
  int channel; /* bytes: a question, an answer; its end of file ends the victim */
} NbVictim;

/* In the process that is to be the victim: never returns. Owns `channel`. */
_Noreturn void nb_victim_main (NbVictimState *state, int channel);

/* Has the victim write down what it is now. False when it does not answer in time. */
bool nb_victim_look (const NbVictim *victim);

/* Ends and collects it. */
void nb_victim_end (NbVictim *victim);

/* Counts signals in *counter from now on. */
void nb_victim_count_signals (volatile sig_atomic_t *counter);

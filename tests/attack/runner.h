/* SPDX-License-Identifier: BSD-3-Clause */
/* Tries attacks: each with a victim and an attacker of its own. */
#pragma once

#include "tests/attack/attack.h"
#include "tests/attack/victim.h"

enum
{
  NB_RUNNER_TERMINALS = 8,
};

typedef struct
{
  NbPlace place;
  const char *place_name;
  const NbHost *host;
  pid_t controller;
  NbVictimState *state; /* shared with every victim */
  int *result;          /* shared with every attacker: 0 or -errno */
  int pair[2];          /* connected, made by this process */
  int terminals[NB_RUNNER_TERMINALS];
  size_t n_terminals;
} NbRunner;

/*
 * Makes what attacks are given, and has to be made before there is a wall. To be called
 * once, in the process that will fork victims and attackers. Exits when it cannot.
 */
void nb_runner_init (NbRunner *runner, const NbHost *host);

/*
 * Tries every attack from that place, and prints a line for each:
 *
 *     PLACE | NAME | open, refused, killed or broken | errno's name
 *
 * broken: the attack itself went wrong, and says nothing.
 */
void nb_runner_run (NbRunner *runner, NbPlace place);

/* Forks as an attacker or victim of this place is forked. */
pid_t nb_runner_fork (const NbRunner *runner);

/* A new victim, which has looked at itself. False: it did not. */
bool nb_runner_start_victim (NbRunner *runner, NbVictim *victim);

/* Prints the line of one attack. */
void nb_runner_report (const NbRunner *runner, const char *name, const char *outcome,
                       int result);

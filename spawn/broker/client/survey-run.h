/* SPDX-License-Identifier: BSD-3-Clause */
/* One question of a client, what all sub-sandboxes are and what runs in them. */
#pragma once

#include "spawn/broker/sandbox/sandboxes.h"

typedef struct _NbSurveyRun NbSurveyRun;

/*
 * Asks one sandbox after the other. answer() is called with a SURVEYED for each, without
 * serial, and then once with NULL: perhaps before this returns. It must not free the run.
 */
NbSurveyRun *nb_survey_run_new (NbSandboxes *sandboxes,
                                void (*answer) (gpointer data, NbMessage *surveyed),
                                gpointer data);

/* Nobody is interested in the answers any more. NULL is none. */
void nb_survey_run_free (NbSurveyRun *run);

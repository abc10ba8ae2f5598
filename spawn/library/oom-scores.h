/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * OOM scores that a broker was asked to set and has not answered for. It answers ESRCH of
 * what is in no sub-sandbox: then the host writes the score itself, to the file that was
 * opened with the question, which means no process that has the PID later. Libc only.
 */
#pragma once

#include <stdint.h>

enum
{
  NB_OOM_SCORES_MAX = 16, /* of unanswered ones; an older one keeps its score */
};

typedef struct
{
  struct
  {
    uint32_t serial; /* 0: none */
    int file;        /* owned */
    int score;
  } items[NB_OOM_SCORES_MAX];
  uint32_t last;
} NbOomScores;

/* The serial of the question to ask. */
uint32_t nb_oom_scores_ask (NbOomScores *scores, int pid, int score);

void nb_oom_scores_answer (NbOomScores *scores, uint32_t serial, int error);

void nb_oom_scores_clear (NbOomScores *scores);

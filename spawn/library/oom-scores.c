/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/library/oom-scores.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "spawn/base/fd.h"

static void
forget (NbOomScores *scores, uint32_t serial)
{
  if (scores->items[serial % NB_OOM_SCORES_MAX].serial == 0)
    return;
  nb_fd_clear (&scores->items[serial % NB_OOM_SCORES_MAX].file);
  scores->items[serial % NB_OOM_SCORES_MAX].serial = 0;
}

uint32_t
nb_oom_scores_ask (NbOomScores *scores, int pid, int score)
{
  char path[64];
  int file;

  if (++scores->last == 0)
    scores->last = 1;
  forget (scores, scores->last);
  (void)snprintf (path, sizeof path, "/proc/%d/oom_score_adj", pid);
  /* What a sandboxed zygote forks where PIDs are visible is not the host's to open. */
  file = open (path, O_WRONLY | O_CLOEXEC);
  if (file >= 0)
    {
      scores->items[scores->last % NB_OOM_SCORES_MAX].serial = scores->last;
      scores->items[scores->last % NB_OOM_SCORES_MAX].file = file;
      scores->items[scores->last % NB_OOM_SCORES_MAX].score = score;
    }
  return scores->last;
}

void
nb_oom_scores_answer (NbOomScores *scores, uint32_t serial, int error)
{
  if (scores->items[serial % NB_OOM_SCORES_MAX].serial != serial)
    return;
  if (serial != 0 && error == ESRCH)
    (void)dprintf (scores->items[serial % NB_OOM_SCORES_MAX].file, "%d",
                   scores->items[serial % NB_OOM_SCORES_MAX].score);
  forget (scores, serial);
}

void
nb_oom_scores_clear (NbOomScores *scores)
{
  for (uint32_t i = 0; i < NB_OOM_SCORES_MAX; i++)
    forget (scores, i);
}

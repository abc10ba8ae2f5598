/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The OOM scores of zygotes' children, so that the kernel's OOM killer prefers a page to
 * the browser. Chromium makes its children non-dumpable, and their /proc files are then
 * root's (linux: fs/proc/base.c, task_dump_owner): nobody here could open them. So each
 * child lets its own be opened right after its fork (zygote/preload/proc-door-client.h),
 * and the descriptor is kept for as long as it lives.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "zygote/controller/loop.h"

/* Chromium's (content/common/zygote/zygote_communication_linux.cc, ForkRequest). */
enum
{
  NB_OOM_SCORE_RENDERER = 300,
  NB_OOM_SCORE_OTHER = 200,
};

/*
 * Opens pid's score and sets it, until the browser sets another; pid waits for it in its
 * door request, so it is not reused.
 */
void nb_oom_scores_add (pid_t pid, int score, const NbLoop *loop);

/* Forgets the child whose pidfd became readable. Whether it was one of these. */
bool nb_oom_scores_serve (int pidfd, const NbLoop *loop);

/* Score 0 to 1000. 0; -ESRCH: no such child; -EINVAL; -EACCES: the kernel refuses. */
int nb_oom_scores_set (pid_t pid, int score);

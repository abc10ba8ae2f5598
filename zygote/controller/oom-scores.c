/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/controller/oom-scores.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/pidfd.h"

enum
{
  MAX_SCORES = 4096,
  HIGHEST_SCORE = 1000, /* linux: include/uapi/linux/oom.h, OOM_SCORE_ADJ_MAX */
};

typedef struct
{
  pid_t pid;
  int pidfd, file; /* owned */
} Score;

static Score *scores;
static size_t n_scores, allocated;

static bool
reserve (void)
{
  size_t wanted = allocated == 0 ? 16 : allocated * 2;
  Score *larger;

  if (n_scores < allocated)
    return true;
  larger = n_scores < MAX_SCORES ? reallocarray (scores, wanted, sizeof *scores) : NULL;
  if (larger == NULL)
    return false;
  scores = larger;
  allocated = wanted;
  return true;
}

static int
write_score (int file, int score)
{
  char text[16];
  int length = snprintf (text, sizeof text, "%d", score);

  return write (file, text, (size_t)length) < 0 ? -errno : 0;
}

static const Score *
find (pid_t pid)
{
  for (size_t i = 0; i < n_scores; i++)
    if (scores[i].pid == pid && nb_pidfd_is_alive (scores[i].pidfd))
      return &scores[i];
  return NULL;
}

/*
 * Without its score a child is as likely to be ended as the browser, and no more. One that
 * asks again and again takes no second place.
 */
void
nb_oom_scores_add (pid_t pid, int score, const NbLoop *loop)
{
  char path[48];
  nb_autofd file = -1, pidfd = -1;

  if (find (pid) != NULL)
    return;
  pidfd = (int)syscall (SYS_pidfd_open, pid, 0);
  (void)snprintf (path, sizeof path, "/proc/%d/oom_score_adj", (int)pid);
  file = open (path, O_WRONLY | O_CLOEXEC);
  if (pidfd < 0 || file < 0 || !reserve () || loop->watch (pidfd) < 0)
    return;
  (void)write_score (file, score);
  scores[n_scores++] = (Score){ pid, nb_fd_steal (&pidfd), nb_fd_steal (&file) };
}

bool
nb_oom_scores_serve (int pidfd, const NbLoop *loop)
{
  for (size_t i = 0; i < n_scores; i++)
    if (scores[i].pidfd == pidfd)
      {
        loop->unwatch (pidfd);
        nb_fd_clear (&scores[i].pidfd);
        nb_fd_clear (&scores[i].file);
        scores[i] = scores[--n_scores];
        return true;
      }
  return false;
}

int
nb_oom_scores_set (pid_t pid, int score)
{
  const Score *known = find (pid);

  if (score < 0 || score > HIGHEST_SCORE)
    return -EINVAL;
  return known != NULL ? write_score (known->file, score) : -ESRCH;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/controller/identify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/pidfd.h"
#include "zygote/controller/survey.h"

enum
{
  MAX_ANCESTORS = 32, /* a page's are its zygote and the controller */
  MAX_TRIES = 8, /* it gets another parent when its own ends, which is once as a rule */
};

/* A process by its folder in /proc, which is never another's (fs/proc/base.c). */
static int
open_folder (pid_t pid)
{
  char path[24];
  int fd;

  (void)snprintf (path, sizeof path, "/proc/%d", (int)pid);
  fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

/*
 * From a process to its parent: *folder becomes the parent's. 1; 0 where there is none in
 * here, or it is this process; -EAGAIN when it got another meanwhile. Who is its parent
 * before and after the folder was opened was so all the time: a process does not come back
 * to a number, and nobody younger than a process becomes its parent.
 */
static int
go_to_parent (int *folder, pid_t *pid)
{
  NbSurveyProcess process = { 0 };
  nb_autofd parent = -1;
  pid_t first;

  if (!nb_survey_look_at (*folder, &process))
    return -EAGAIN;
  first = process.parent;
  if (first <= 1 || first == getpid ())
    return 0;
  parent = open_folder (first);
  if (parent < 0 || !nb_survey_look_at (*folder, &process) || process.parent != first)
    return -EAGAIN;
  nb_fd_clear (folder);
  *folder = nb_fd_steal (&parent);
  *pid = first;
  return 1;
}

/* A child of this process keeps its number until it is collected, which is done here. */
static int
find_program (int folder, pid_t pid, NbChildTable *children, NbIdentity *identity)
{
  nb_autofd at = nb_fd_dup (folder, 0);

  identity->program = 0;
  identity->descends = false;
  for (int i = 0; i < MAX_ANCESTORS; i++)
    {
      const NbChild *child = nb_child_table_find_pid (children, pid);
      int result;

      if (child != NULL)
        {
          identity->program = child->id;
          return 0;
        }
      identity->descends = true;
      result = go_to_parent (&at, &pid);
      if (result <= 0)
        return result;
    }
  return 0;
}

static int
identify_once (int pidfd, NbChildTable *children, NbIdentity *identity)
{
  pid_t pid = nb_pidfd_get_pid (pidfd);
  nb_autofd folder = pid > 0 ? open_folder (pid) : -1;
  NbSurveyProcess process = { 0 };
  int result;

  if (pid <= 0)
    return pid == 0 ? -ESRCH : pid;
  if (folder < 0 || !nb_survey_look_at (folder, &process))
    return -ESRCH;
  result = find_program (folder, pid, children, identity);
  identity->claim = process.kind;
  identity->pid = pid;
  identity->start = process.start;
  return nb_pidfd_is_alive (pidfd) ? result : -ESRCH;
}

int
nb_identify (int pidfd, NbChildTable *children, NbIdentity *identity_out)
{
  int result = -EAGAIN;

  for (int i = 0; i < MAX_TRIES && result == -EAGAIN; i++)
    result = identify_once (pidfd, children, identity_out);
  if (result < 0)
    *identity_out = (NbIdentity){ 0 };
  return result;
}

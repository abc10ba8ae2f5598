/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/audit/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "spawn/audit/proc-text.h"
#include "spawn/base/fd.h"
#include "spawn/base/proc-stat.h"

enum
{
  FILE_MAX_BYTES = 16 * 1024 * 1024, /* net/unix of a busy host has a few hundred KiB */
  FIRST_BYTES = 4096,
};

struct _NbProcess
{
  int fd; /* owned */
  pid_t pid;
};

NbProcess *
nb_process_take (int fd, pid_t pid)
{
  return g_memdup2 (&(NbProcess){ .fd = fd, .pid = pid }, sizeof (NbProcess));
}

NbProcess *
nb_process_open (int proc, pid_t pid, int *error_out)
{
  char name[16];
  int fd;

  (void)snprintf (name, sizeof name, "%d", (int)pid);
  fd = openat (proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0)
    return nb_process_take (fd, pid);
  *error_out = errno == ENOENT ? ESRCH : errno;
  return NULL;
}

void
nb_process_free (NbProcess *process)
{
  if (process == NULL)
    return;
  nb_fd_clear (&process->fd);
  g_free (process);
}

pid_t
nb_process_get_pid (const NbProcess *process)
{
  return process->pid;
}

int
nb_process_get_fd (const NbProcess *process)
{
  return process->fd;
}

/* Files of /proc tell no size, and give little at a time. */
char *
nb_process_read (const NbProcess *process, const char *name, gsize *length_out)
{
  nb_autofd fd = openat (process->fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  gsize allocated = FIRST_BYTES, used = 0;
  g_autofree char *text = g_malloc (allocated);
  ssize_t got = -1;

  if (fd < 0)
    return NULL;
  while ((got = read (fd, text + used, allocated - 1 - used)) != 0)
    {
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return NULL;
      used += (gsize)got;
      if (used >= FILE_MAX_BYTES)
        {
          errno = EFBIG;
          return NULL;
        }
      if (used + 1 == allocated)
        text = g_realloc (text, allocated *= 2);
    }
  text[used] = '\0';
  if (length_out != NULL)
    *length_out = used;
  return g_steal_pointer (&text);
}

char *
nb_process_read_link (const NbProcess *process, const char *name)
{
  char target[PATH_MAX];
  ssize_t length = readlinkat (process->fd, name, target, sizeof target);

  return length < 0 ? NULL : g_strndup (target, (gsize)length);
}

GArray *
nb_process_list (int proc)
{
  int fd = openat (proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = fd >= 0 ? fdopendir (fd) : NULL;
  const struct dirent *entry;
  GArray *pids;

  if (folder == NULL)
    {
      nb_fd_clear (&fd);
      return NULL;
    }
  pids = g_array_new (FALSE, FALSE, sizeof (pid_t));
  while ((entry = readdir (folder)) != NULL)
    {
      pid_t pid = (pid_t)g_ascii_strtoll (entry->d_name, NULL, 10);

      if (pid > 0)
        g_array_append_val (pids, pid);
    }
  (void)closedir (folder);
  return pids;
}

int
nb_process_stat (const NbProcess *process, const char *name, struct stat *stat_out)
{
  return fstatat (process->fd, name, stat_out, 0) < 0 ? -errno : 0;
}

gboolean
nb_process_is_alive (const NbProcess *process)
{
  g_autofree char *text = nb_process_read (process, "stat", NULL);
  NbProcStat stat;

  return text != NULL && nb_proc_stat_parse (text, &stat) && stat.state != 'Z'
         && stat.state != 'X';
}

char **
nb_process_command (const NbProcess *process)
{
  gsize length = 0;
  g_autofree char *data = nb_process_read (process, "cmdline", &length);

  return nb_proc_command_split (data != NULL ? data : "", length);
}

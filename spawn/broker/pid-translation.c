/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/pid-translation.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "spawn/base/pidfd.h"

enum
{
  MAX_ANCESTORS = 32, /* a page's are its zygote, the controller and the first process */
};

/* What follows NAME in a line of that file; NULL when there is none. */
static char *
read_line (const char *path, const char *name)
{
  g_autofree char *text = NULL, *start = g_strconcat ("\n", name, NULL);
  char *line, *end;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return NULL;
  line = strstr (text, start);
  if (line == NULL)
    return NULL;
  line += strlen (start);
  end = strchr (line, '\n');
  if (end != NULL)
    *end = '\0';
  return g_strdup (g_strstrip (line));
}

/* The number after NAME; 0 when there is none. */
static pid_t
read_pid (const char *path, const char *name)
{
  g_autofree char *line = read_line (path, name);

  return line != NULL ? (pid_t)atoi (line) : 0;
}

/* Words of the line "NSpid: 17 4 …": one pid for each namespace, ours first. */
static char **
read_pids (const char *path)
{
  g_autofree char *line = read_line (path, "NSpid:");

  return line != NULL ? g_strsplit (line, "\t", -1) : NULL;
}

pid_t
nb_pid_below (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/status", (int)pid);
  g_auto (GStrv) own = read_pids ("/proc/self/status");
  g_auto (GStrv) theirs = read_pids (path);

  if (own == NULL || theirs == NULL || g_strv_length (theirs) != g_strv_length (own) + 1)
    return 0;
  return (pid_t)atoi (theirs[g_strv_length (own)]);
}

pid_t
nb_pid_of (int pidfd)
{
  pid_t pid = nb_pidfd_get_pid (pidfd);

  return pid > 0 ? pid : 0;
}

bool
nb_pid_is_here (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/status", (int)pid);
  g_auto (GStrv) own = read_pids ("/proc/self/status");
  g_auto (GStrv) theirs = read_pids (path);

  return own != NULL && theirs != NULL && g_strv_length (theirs) == g_strv_length (own);
}

bool
nb_pid_is_below (pid_t pid, int pidfd)
{
  pid_t ancestor = nb_pid_of (pidfd);

  for (int i = 0; i < MAX_ANCESTORS && ancestor > 0 && pid > 0; i++)
    {
      g_autofree char *path = g_strdup_printf ("/proc/%d/status", (int)pid);

      if (pid == ancestor)
        return true;
      pid = read_pid (path, "PPid:");
    }
  return false;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/pid-translation.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* Words of the line "NSpid: 17 4 …": one pid for each namespace, ours first. */
static char **
read_pids (const char *path)
{
  g_autofree char *text = NULL;
  char *line, *end;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return NULL;
  line = strstr (text, "\nNSpid:");
  if (line == NULL)
    return NULL;
  line += strlen ("\nNSpid:");
  end = strchr (line, '\n');
  if (end != NULL)
    *end = '\0';
  return g_strsplit (g_strstrip (line), "\t", -1);
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

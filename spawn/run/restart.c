/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/run/restart.h"

#include "spawn/base/log.h"

#if !defined(NB_BINDIR) || !defined(NB_PKGLIBEXECDIR)
#  error "where nestbox is installed is not defined"
#endif

/* One option a line, as they are kept for a restart. */
char **
nb_restart_command (const char *wrapper, const char *options, char *const *browser)
{
  GPtrArray *words = g_ptr_array_new ();
  g_auto (GStrv) lines = g_strsplit (options, "\n", -1);

  if (wrapper != NULL && g_path_is_absolute (wrapper))
    g_ptr_array_add (words, g_strdup (wrapper));
  else
    {
      g_ptr_array_add (words, g_strdup (NB_BINDIR "/nestbox"));
      g_ptr_array_add (words, g_strdup ("run"));
      for (char **line = lines; *line != NULL; line++)
        if (**line != '\0')
          g_ptr_array_add (words, g_strdup (*line));
      g_ptr_array_add (words, g_strdup ("--"));
      g_ptr_array_add (words, g_strdup (browser[0]));
    }
  for (char *const *word = browser + 1; *word != NULL; word++)
    g_ptr_array_add (words, g_strdup (*word));
  g_ptr_array_add (words, NULL);
  return (char **)g_ptr_array_free (words, FALSE);
}

/* The tool says why, if it can be executed at all. */
gboolean
nb_restart_in_latest (char *const *command)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  int wait_status = -1;

  g_ptr_array_add (words, (char *)NB_PKGLIBEXECDIR "/nestbox-tool");
  g_ptr_array_add (words, (char *)"restart");
  for (; *command != NULL; command++)
    g_ptr_array_add (words, *command);
  g_ptr_array_add (words, NULL);
  if (!g_spawn_sync (NULL, (char **)words->pdata, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL,
                     NULL, NULL, NULL, &wait_status, &error))
    nb_log_error ("%s", error->message);
  return wait_status == 0;
}

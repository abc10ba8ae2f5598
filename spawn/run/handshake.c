/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/run/handshake.h"

#include <string.h>
#include <unistd.h>

#include "spawn/base/macros.h"

#define FEATURE "DeferZygoteHandshake"
#define SWITCH "enable-features="

/* Each of those that embed Chromium has one of these beside its resources.pak. */
static const char *const embedders[]
    = { "libcef.so", "resources/app.asar", "resources/app", "resources/default_app.asar" };

static gboolean
is_in (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  return access (path, F_OK) == 0;
}

gboolean
nb_handshake_is_browser (const char *executable)
{
  g_autofree char *folder = g_path_get_dirname (executable);
  gsize i = 0;

  if (!is_in (folder, "resources.pak"))
    return FALSE;
  while (i < NB_ARRAY_SIZE (embedders) && !is_in (folder, embedders[i]))
    i++;
  return i == NB_ARRAY_SIZE (embedders);
}

/* The list of features that a word of the command line sets, or NULL. */
static const char *
feature_list (const char *word)
{
  gsize dashes = g_str_has_prefix (word, "--") ? 2 : g_str_has_prefix (word, "-") ? 1 : 0;

  return dashes > 0 && g_str_has_prefix (word + dashes, SWITCH)
             ? word + dashes + strlen (SWITCH)
             : NULL;
}

/* An entry is [*]NAME[<TRIAL[.GROUP]][:PARAMETERS]. */
static gboolean
names_feature (const char *list)
{
  g_auto (GStrv) entries = g_strsplit (list, ",", -1);
  gboolean found = FALSE;

  for (char **entry = entries; *entry != NULL && !found; entry++)
    {
      const char *name = g_strstrip (*entry);

      name += *name == '*';
      found = strcspn (name, "<:") == strlen (FEATURE) && g_str_has_prefix (name, FEATURE);
    }
  return found;
}

/* list is the end of word. */
static char *
add_feature (const char *word, const char *list)
{
  if (names_feature (list))
    return g_strdup (word);
  return g_strconcat (word, *list == '\0' ? "" : ",", FEATURE, NULL);
}

char **
nb_handshake_defer (char *const *argv)
{
  GPtrArray *words = g_ptr_array_new ();
  const char *list = NULL, *found;
  guint counts = 0;

  g_ptr_array_add (words, g_strdup (argv[0]));
  for (guint i = 1; argv[i] != NULL && strcmp (argv[i], "--") != 0; i++)
    if ((found = feature_list (argv[i])) != NULL)
      {
        counts = i;
        list = found;
      }
  if (list == NULL)
    g_ptr_array_add (words, g_strdup ("--" SWITCH FEATURE));
  for (guint i = 1; argv[i] != NULL; i++)
    g_ptr_array_add (words, list != NULL && i == counts ? add_feature (argv[i], list)
                                                        : g_strdup (argv[i]));
  g_ptr_array_add (words, NULL);
  return (char **)g_ptr_array_free (words, FALSE);
}

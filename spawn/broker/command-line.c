/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/command-line.h"

#include "spawn/broker/sandbox/profile.h"

const char *const nb_wall_names[] = { "auto", "landlock", "seccomp", NULL };
const char *const nb_pids_names[] = { "auto", "visible", "stand-in", NULL };

static void
add (GPtrArray *words, const char *option, const char *value)
{
  g_ptr_array_add (words, g_strconcat (option, value, NULL));
}

char **
nb_broker_command_line (const NbBrokerOptions *options)
{
  GPtrArray *words = g_ptr_array_new ();

  add (words, "nestbox-broker", "");
  add (words, "--file-wall=", nb_wall_names[options->sandboxes.wall]);
  add (words, "--pids=", nb_pids_names[options->sandboxes.pids]);
  for (NbProfile profile = NB_PROFILE_PAGES + 1; profile < NB_N_PROFILES; profile++)
    if (options->sandboxes.has[profile])
      add (words, "--sandbox=", nb_profile_traits (profile)->name);
  if (options->widevine != NULL)
    add (words, "--widevine=", options->widevine);
  add (words, "--", "");
  for (char *const *word = options->argv; word != NULL && *word != NULL; word++)
    add (words, *word, "");
  g_ptr_array_add (words, NULL);
  return (char **)g_ptr_array_free (words, FALSE);
}

int
nb_choose (const char *option, const char *value, const char *const *names, GError **error)
{
  g_autofree char *list = g_strjoinv (", ", (char **)names);

  for (int i = 0; names[i] != NULL; i++)
    if (value == NULL || g_str_equal (value, names[i]))
      return i;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "%s is one of %s, not \"%s\"", option, list, value);
  return -1;
}

static gboolean
take_sandbox (NbSandboxOptions *sandboxes, const char *name, GError **error)
{
  for (NbProfile profile = NB_PROFILE_PAGES + 1; profile < NB_N_PROFILES; profile++)
    if (g_str_equal (name, nb_profile_traits (profile)->name))
      return sandboxes->has[profile] = TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--sandbox=%s is unknown",
               name);
  return FALSE;
}

/* A host is served by the defaults: it says of each child what that is to be. */
static gboolean
take_words (NbBrokerCommandLine *line, const char *wall, const char *pids,
            char *const *sandboxes, GError **error)
{
  NbSandboxOptions *options = &line->options.sandboxes;
  int wall_number = nb_choose ("--file-wall", wall, nb_wall_names, error);
  int pids_number = wall_number < 0 ? -1 : nb_choose ("--pids", pids, nb_pids_names, error);

  if (pids_number < 0)
    return FALSE;
  options->wall = (NbWall)wall_number;
  options->pids = (NbPids)pids_number;
  options->has[NB_PROFILE_GPU] = line->is_of_host;
  for (; sandboxes != NULL && *sandboxes != NULL; sandboxes++)
    if (!take_sandbox (options, *sandboxes, error))
      return FALSE;
  line->options.widevine = line->widevine;
  line->options.argv = line->argv;
  return TRUE;
}

gboolean
nb_broker_command_line_parse (NbBrokerCommandLine *line, int argc, char **argv,
                              GError **error)
{
  g_autofree char *wall = NULL, *pids = NULL;
  g_auto (GStrv) sandboxes = NULL;
  const GOptionEntry entries[] = {
    { "host", 0, 0, G_OPTION_ARG_NONE, &line->is_of_host, "serve a host of libnestbox",
      NULL },
    { "file-wall", 0, 0, G_OPTION_ARG_STRING, &wall, "as nestbox run has it", "WALL" },
    { "pids", 0, 0, G_OPTION_ARG_STRING, &pids, "as nestbox run has it", "MODE" },
    { "sandbox", 0, 0, G_OPTION_ARG_STRING_ARRAY, &sandboxes,
      "what has a sub-sandbox of its own, besides pages", "PROFILE" },
    { "widevine", 0, 0, G_OPTION_ARG_FILENAME, &line->widevine, "as nestbox run has it",
      "FOLDER" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &line->argv, NULL,
      "[BROWSER ARGUMENT…]" },
    { 0 },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  *line = (NbBrokerCommandLine){ .options = { .listener = -1, .browser = -1, .host = -1 } };
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (
      context, "Makes and serves the sub-sandboxes of one browser, or of one host of\n"
               "libnestbox. Is executed by `nestbox run` and by libnestbox alone.");
  return g_option_context_parse (context, &argc, &argv, error)
         && take_words (line, wall, pids, sandboxes, error);
}

void
nb_broker_command_line_clear (NbBrokerCommandLine *line)
{
  g_clear_pointer (&line->widevine, g_free);
  g_clear_pointer (&line->argv, g_strfreev);
}

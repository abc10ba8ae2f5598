/* SPDX-License-Identifier: BSD-3-Clause */
/* With which words and descriptors `nestbox run` executes a broker, and what it reads. */
#include "spawn/run/start-broker.h"

#include <errno.h>

#include "spawn/broker/command-line.h"
#include "spawn/broker/sandbox/profile.h"
#include "spawn/library/execute.h"
#include "tests/lib/nb-test.h"

enum
{
  A_BROWSER = 71,
  A_LISTENER,
};

static char *executed; /* words joined by | */

/* In place of the library's. */
int
nb_library_execute (const char *program, const char *const *argv, const int *fds,
                    size_t n_fds)
{
  g_assert_cmpuint (n_fds, ==, 2);
  g_assert_cmpint (fds[0], ==, A_BROWSER);
  g_assert_cmpint (fds[1], ==, A_LISTENER);
  g_assert_true (g_str_has_suffix (program, "/libexec/nestbox/nestbox-broker"));
  executed = g_strjoinv ("|", (char **)argv);
  return ENOTSUP;
}

static const char *const browser[]
    = { "/app/b", "--user-data-dir=/x", "--", "--host", NULL };

typedef struct
{
  const char *name;
  NbBrokerOptions options;
  const char *words;
} Case;

static const Case cases[] = {
  { "defaults",
    { .argv = (char *const *)browser },
    "nestbox-broker|--file-wall=auto|--pids=auto|--|/app/b|--user-data-dir=/x|--|--host" },
  { "all",
    { .argv = (char *const *)browser,
      .widevine = "/home/u/W/WidevineCdm",
      .sandboxes = { .wall = NB_WALL_SECCOMP,
                     .pids = NB_PIDS_STAND_IN,
                     .has = { [NB_PROFILE_GPU] = TRUE,
                              [NB_PROFILE_NETWORK] = TRUE,
                              [NB_PROFILE_AUDIO] = TRUE } } },
    "nestbox-broker|--file-wall=seccomp|--pids=stand-in|--sandbox=gpu|--sandbox=network|"
    "--sandbox=audio|--widevine=/home/u/W/WidevineCdm|--|/app/b|--user-data-dir=/x|--|"
    "--host" },
  { "landlock",
    { .argv = (char *const *)browser,
      .widevine = "off",
      .sandboxes = { .wall = NB_WALL_LANDLOCK, .pids = NB_PIDS_VISIBLE } },
    "nestbox-broker|--file-wall=landlock|--pids=visible|--widevine=off|--|/app/b|"
    "--user-data-dir=/x|--|--host" },
};

/* What is written is read as it was meant, whatever the browser's own words are. */
static void
test_words (gconstpointer data)
{
  const Case *test = data;
  NbBrokerOptions options = test->options;
  const NbBrokerOptions *found;
  g_auto (GStrv) words = nb_broker_command_line (&options);
  int n = (int)g_strv_length (words);
  g_autofree char **argv = g_memdup2 (words, sizeof *words * ((gsize)n + 1)); /* is cut */
  g_autoptr (GError) error = NULL;
  NbBrokerCommandLine line;

  options.browser = A_BROWSER;
  options.listener = A_LISTENER;
  g_assert_cmpint (nb_start_broker (&options), ==, ENOTSUP);
  g_assert_cmpstr (executed, ==, test->words);
  if (!nb_broker_command_line_parse (&line, n, argv, &error))
    g_error ("%s", error->message);
  found = &line.options;
  g_assert_false (line.is_of_host);
  g_assert_cmpint (found->sandboxes.wall, ==, options.sandboxes.wall);
  g_assert_cmpint (found->sandboxes.pids, ==, options.sandboxes.pids);
  for (NbProfile profile = NB_PROFILE_PAGES; profile < NB_N_PROFILES; profile++)
    g_assert_cmpint (found->sandboxes.has[profile], ==, options.sandboxes.has[profile]);
  g_assert_cmpstr (found->widevine, ==, options.widevine);
  g_assert_true (g_strv_equal ((const char *const *)found->argv, browser));
  nb_broker_command_line_clear (&line);
  g_clear_pointer (&executed, g_free);
}

/* A host's has the GPU's sub-sandbox too; it is made when a child of that kind comes. */
static void
test_host (void)
{
  char *argv[] = { (char *)"nestbox-broker", (char *)"--host", NULL };
  NbBrokerCommandLine line;

  g_assert_true (nb_broker_command_line_parse (&line, 2, argv, NULL));
  g_assert_true (line.is_of_host && line.options.sandboxes.has[NB_PROFILE_GPU]);
  g_assert_cmpint (line.options.sandboxes.wall, ==, NB_WALL_AUTO);
  g_assert_cmpint (line.options.sandboxes.pids, ==, NB_PIDS_AUTO);
  g_assert_null (line.options.widevine);
  g_assert_null (line.options.argv);
  nb_broker_command_line_clear (&line);
}

static const char *const unknown[] = { "--file-wall=none", "--pids=", "--sandbox=pages",
                                       "--sandbox=root", "--unsandboxed" };

static void
test_unknown (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (unknown); i++)
    {
      char *argv[] = { (char *)"nestbox-broker", (char *)unknown[i], NULL };
      g_autoptr (GError) error = NULL;
      NbBrokerCommandLine line;

      g_assert_false (nb_broker_command_line_parse (&line, 2, argv, &error));
      g_assert_nonnull (error);
      nb_broker_command_line_clear (&line);
    }
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/start-broker/words", cases, test_words);
  nb_test_add ("/start-broker/host", test_host);
  nb_test_add ("/start-broker/unknown", test_unknown);
  return g_test_run ();
}

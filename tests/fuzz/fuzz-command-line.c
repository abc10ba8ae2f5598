/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Command lines: the options of `nestbox run`, and what the stand-in for chrome-sandbox
 * makes of the browser's arguments. The first byte says which; the rest is words, cut at
 * NUL bytes. Nothing is executed, connected to or written.
 */
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spawn/base/log.h"
#include "tests/fuzz/fuzz.h"

/* Both for their static functions; what they would do to this machine, they do not. */
static int executed, opened;

static int
no_execve (const char *path, char *const *argv, char *const *envp)
{
  (void)path, (void)argv, (void)envp;
  executed++;
  return -1;
}

static int
no_open (const char *path, int flags, ...)
{
  (void)path, (void)flags;
  opened++;
  return -1;
}

#define execve no_execve
#define open no_open
#define getenv(name) (NULL)
#define signal(number, handler) (SIG_DFL)
#define main helper_main
int helper_main (int argc, char **argv);
#include "spawn/chrome-sandbox/chrome-sandbox-main.c"
#undef main
#undef getenv
#undef signal
#include "spawn/run/run.c"
#undef execve
#undef open

enum
{
  MAX_FUZZ_WORDS = 64,
};

/* The helper's last step, which would confine the fuzzer itself, and execute what it says.
 */
int
nb_become_confined_child (char **argv, bool watched)
{
  (void)watched;
  nb_fuzz_check (argv[0] != NULL && argv[1] != NULL);
  return 1;
}

/* run.c wants it; there is no broker here. */
int
nb_start_broker (const NbBrokerOptions *options)
{
  (void)options;
  return ENOTSUP;
}

static void
free_options (Options *options)
{
  char *const texts[]
      = { options->helper_name, options->file_wall, options->pids,    options->gpu,
          options->network,     options->audio,     options->restart, options->widevine,
          options->trace,       options->handshake };

  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
}

/* At most one word is new or longer, and a browser that restarts with that gets no more. */
static void
check_handshake (char **browser)
{
  g_auto (GStrv) once = nb_handshake_defer (browser), twice = nb_handshake_defer (once);
  guint n = g_strv_length (browser), added = g_strv_length (once) - n, longer = 0;

  nb_fuzz_check (added <= 1
                 && g_strv_equal ((const char *const *)once, (const char *const *)twice));
  for (guint i = 0; i < n; i++)
    {
      const char *word = once[i == 0 ? 0 : i + added];

      nb_fuzz_check (g_str_has_prefix (word, browser[i]));
      longer += strlen (word) > strlen (browser[i]);
    }
  nb_fuzz_check (added + longer <= 1);
}

/* What `nestbox run` goes on with is a browser and options that exist. */
static void
check_run (int argc, char **argv)
{
  Options options = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char **all = g_memdup2 (argv, sizeof *argv * ((size_t)argc + 1));
  int n;

  if (!parse (argc, argv, &options, &error))
    {
      nb_fuzz_check (error != NULL && error->message != NULL);
      free_options (&options);
      return;
    }
  nb_fuzz_check (error == NULL && options.browser != NULL && options.browser[0] != NULL);
  nb_fuzz_check (options.wall <= NB_WALL_SECCOMP);
  nb_fuzz_check (options.pid_mode <= NB_PIDS_STAND_IN);
  nb_fuzz_check (options.when <= HANDSHAKE_IMMEDIATE);
  /* Whatever stands behind the options is the browser's, untouched. */
  n = (int)g_strv_length (options.browser);
  for (int i = 0; i < n; i++)
    nb_fuzz_check (options.browser[i] == all[argc - n + i]);
  check_handshake (options.browser);
  g_strfreev (browser_environment (&options, "/run/x"));
  free_options (&options);
}

/* Without a broker it starts nothing; a score is only ever written for two numbers. */
static void
check_helper (int argc, char **argv)
{
  bool adjusts = argc == 4 && strcmp (argv[1], "--adjust-oom-score") == 0;
  bool good = adjusts && is_number (argv[2]) && is_number (argv[3]);
  bool asks_api = argc == 2 && strcmp (argv[1], "--get-api") == 0;

  opened = 0;
  if (asks_api)
    return; /* prints */
  nb_fuzz_check (helper_main (argc, argv) == (adjusts ? 0 : 1));
  nb_fuzz_check (opened == good);
  (void)is_zygote (argv);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  NbFuzzInput input = { data, size };
  uint8_t choice = nb_fuzz_byte (&input);
  int n;
  char **words = nb_fuzz_words (&input, MAX_FUZZ_WORDS, &n);
  bool asks_help = false;

  for (int i = 0; i < n; i++) /* GOption prints and exits */
    asks_help
        = asks_help || strncmp (words[i], "--help", 6) == 0
          || (words[i][0] == '-' && words[i][1] != '-' && strpbrk (words[i], "h?") != NULL);
  if ((choice & 1) != 0)
    check_helper (n, words);
  else if (!asks_help)
    check_run (n, words);
  nb_fuzz_check (executed == 0);
  free (words);
  return 0;
}

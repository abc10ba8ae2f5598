/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Text that others write and nestbox reads: /.flatpak-info, /proc/PID/status, what a
 * sub-sandbox prints while it is made, NESTBOX_DEBUG, environment entries and the command
 * lines of children. The first byte says which.
 */
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/flatpak-level.h"
#include "spawn/base/kind.h"
#include "spawn/base/log.h"
#include "spawn/broker/sandbox/diagnostics.h"
#include "spawn/client/environment.h"
#include "tests/fuzz/fuzz.h"

/* For its static functions, which read a file that cannot be had with other content. */
#include "spawn/broker/pid-translation.c"

enum
{
  MAX_WORDS = 64,
  MAX_LINE = 400, /* of diagnostics.c */
};

/* GKeyFile is another reader of the same format: what both take, they take alike. */
static void
check_against_key_file (const char *text, size_t size, const NbFlatpakInfo *info)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autofree char *name = NULL, *sandbox = NULL;

  if (memchr (text, '\0', size) != NULL
      || !g_key_file_load_from_data (file, text, size, G_KEY_FILE_NONE, NULL))
    return;
  sandbox = g_key_file_get_value (file, "Instance", "sandbox", NULL);
  name = g_key_file_get_value (file, "Application", "name", NULL);
  /* Never taken for an app's own sandbox when it is a sub-sandbox. */
  if (g_strcmp0 (sandbox, "true") == 0 && strstr (text, "\nsandbox=true\n") != NULL
      && strstr (text, "\n[Instance]\n") != NULL && strchr (text, ' ') == NULL)
    nb_fuzz_check (info->level == NB_FLATPAK_SUB_SANDBOX);
  (void)name;
}

static void
check_info (NbFuzzInput *input)
{
  size_t size = input->left;
  g_autofree char *text = g_strndup ((const char *)input->data, size);
  NbFlatpakInfo info = { .level = NB_FLATPAK_NONE };
  nb_autofd fd = -1;

  if (nb_flatpak_info_read (nb_fuzz_file (input->data, size, &fd), &info) < 0)
    {
      nb_fuzz_check (info.level == NB_FLATPAK_NONE && info.app_id[0] == '\0');
      return;
    }
  nb_fuzz_check (info.level == NB_FLATPAK_APP || info.level == NB_FLATPAK_SUB_SANDBOX);
  nb_fuzz_check (info.app_id[0] != '\0');
  nb_fuzz_check (memchr (info.app_id, '\0', sizeof info.app_id) != NULL);
  nb_fuzz_check (memchr (info.version, '\0', sizeof info.version) != NULL);
  nb_fuzz_check (*nb_flatpak_level_name (info.level) != '\0');
  check_against_key_file (text, size, &info);
}

static void
check_status (NbFuzzInput *input)
{
  nb_autofd fd = -1;
  const char *path = nb_fuzz_file (input->data, input->left, &fd);
  g_auto (GStrv) pids = read_pids (path);

  nb_fuzz_check (pids == NULL || g_strv_length (pids) <= input->left + 1);
  (void)nb_pid_below (0); /* /proc/0 is no process */
}

/* Its end is in error messages: one line that a terminal can take. */
static void
check_diagnostics (NbFuzzInput *input)
{
  NbDiagnostics *diagnostics = nb_diagnostics_new ();
  nb_autofd end = nb_diagnostics_open (diagnostics);
  g_autofree char *line = NULL;

  nb_fuzz_check (end >= 0);
  nb_fuzz_check (write (end, input->data, MIN (input->left, 4096)) >= 0);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  line = nb_diagnostics_last_line (diagnostics);
  nb_fuzz_check (strlen (line) <= MAX_LINE);
  for (const char *at = line; *at != '\0'; at++)
    nb_fuzz_check (g_ascii_isprint (*at));
  nb_diagnostics_free (diagnostics);
}

static void
check_debug (NbFuzzInput *input)
{
  static const char *const names[]
      = { "portal", "state", "channel", "sandbox", "bus", "seccomp", "all", "" };
  g_autofree char *text
      = g_strndup ((const char *)input->data, MIN (input->left, strlen ((char *)"") + 64));
  g_auto (GStrv) words = g_strsplit (text, ",", -1);
  gboolean known = TRUE;

  for (char **word = words; *word != NULL; word++)
    {
      gboolean found = FALSE;

      for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
        found = found || g_str_equal (*word, names[i]);
      known = known && found;
    }
  nb_fuzz_check (nb_log_init (text) == known);
  nb_fuzz_check (nb_log_is_on (NB_LOG_PORTAL)
                 == (g_strv_contains ((const char *const *)words, "portal")
                     || g_strv_contains ((const char *const *)words, "all")));
  (void)nb_log_init (NULL);
}

static void
check_environment (NbFuzzInput *input)
{
  g_autofree char *entry = g_strndup ((const char *)input->data, input->left);

  if (!nb_environment_allows (NB_KIND_RENDERER, entry))
    return;
  nb_fuzz_check (!g_str_has_prefix (entry, "LD_PRELOAD") && strstr (entry, "BUS") != entry);
  nb_fuzz_check (!g_str_has_prefix (entry, "NESTBOX_")
                 && !g_str_has_prefix (entry, "SBX_"));
  nb_fuzz_check (!g_str_has_prefix (entry, "DBUS_") && !g_str_has_prefix (entry, "XDG_R"));
}

/* What has no --type= is never anything that is confined less than it should be. */
static void
check_kind (NbFuzzInput *input)
{
  int n;
  char **words = nb_fuzz_words (input, MAX_WORDS, &n);
  NbKind kind = nb_kind_of_command ((const char *const *)words), parsed;
  gboolean typed = FALSE;

  for (int i = 0; i < n; i++)
    typed = typed || g_str_has_prefix (words[i], "--type=");
  nb_fuzz_check (kind < NB_N_KINDS && (typed || kind == NB_KIND_NONE));
  nb_fuzz_check (nb_kind_parse (nb_kind_name (kind), &parsed) && parsed == kind);
  nb_fuzz_check (!nb_kind_parse (words[n - 1], &parsed)
                 || g_str_equal (nb_kind_name (parsed), words[n - 1]));
  g_free (words);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static void (*const checks[]) (NbFuzzInput *)
      = { check_info,  check_status,      check_diagnostics,
          check_debug, check_environment, check_kind };
  NbFuzzInput input = { data, size };
  unsigned fds_before;
  size_t choice = nb_fuzz_byte (&input) % G_N_ELEMENTS (checks);

  (void)g_main_context_iteration (NULL, FALSE); /* has a descriptor of its own */
  fds_before = nb_fuzz_count_fds ();
  checks[choice](&input);
  nb_fuzz_check (nb_fuzz_count_fds () == fds_before);
  return 0;
}

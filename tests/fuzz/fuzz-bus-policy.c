/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a child may say on the session bus, as a text: whatever is in it, what comes out is
 * a list of the proxy's options that begins with --filter and gives nothing of what leads
 * out of all sandboxes; or nothing, and one line that says why. What must not be given is
 * written down here again, and compared as the proxy does it.
 */
#include <glib.h>
#include <string.h>

#include "spawn/bus-gate/policy.h"
#include "tests/fuzz/fuzz.h"

#define APP "org.example.App"
#define PORTALS "org.freedesktop.portal.Desktop"

static const char *const never[]
    = { "org.freedesktop.Flatpak", "org.freedesktop.portal.Flatpak",
        "org.freedesktop.systemd1", "org.freedesktop.portal.Documents",
        "org.freedesktop.impl.portal" };

/* xdg-dbus-proxy: a name stands for itself, with .* also for all below. */
static gboolean
reaches (const char *pattern, const char *name)
{
  gsize length = strlen (pattern);

  if (!g_str_has_suffix (pattern, ".*"))
    return g_str_equal (pattern, name);
  length -= strlen (".*");
  return strncmp (pattern, name, length) == 0
         && (name[length] == '\0' || name[length] == '.');
}

static void
check_name (const char *verb, const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (never); i++)
    {
      g_autofree char *below = g_strconcat (never[i], ".X", NULL);

      nb_fuzz_check (!reaches (name, never[i]) && !reaches (name, below));
    }
  nb_fuzz_check (name[0] != '\0' && name[0] != ':' && strchr (name, '.') != NULL);
  if (g_str_equal (verb, "--own"))
    nb_fuzz_check (g_str_has_prefix (name, APP ".Sandboxed.")
                   && !g_str_has_suffix (name, "*"));
  if (g_str_equal (verb, "--talk"))
    nb_fuzz_check (!reaches (name, PORTALS));
}

/* Of the portals' one name only interfaces that are named. */
static void
check_rule (const char *verb, const char *name, const char *rule)
{
  nb_fuzz_check (g_str_equal (verb, "--call") || g_str_equal (verb, "--broadcast"));
  if (reaches (name, PORTALS))
    nb_fuzz_check (g_str_has_prefix (rule, "org.freedesktop.portal."));
}

static void
check_option (const char *option)
{
  static const char *const verbs[]
      = { "--see", "--talk", "--own", "--call", "--broadcast", NULL };
  g_auto (GStrv) parts = g_strsplit (option, "=", 3);

  for (const char *at = option; *at != '\0'; at++)
    nb_fuzz_check (g_ascii_isgraph (*at));
  nb_fuzz_check (g_strv_length (parts) >= 2 && g_strv_contains (verbs, parts[0]));
  check_name (parts[0], parts[1]);
  if (parts[2] != NULL)
    check_rule (parts[0], parts[1], parts[2]);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *)data, size);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) options = nb_bus_policy_compile (text, APP, &error);

  nb_fuzz_check ((options == NULL) == (error != NULL));
  if (error != NULL)
    {
      nb_fuzz_check (error->domain == NB_BUS_POLICY_ERROR && error->message[0] != '\0');
      nb_fuzz_check (strchr (error->message, '\n') == NULL);
      return 0;
    }
  nb_fuzz_check (g_str_equal (options[0], "--filter"));
  nb_fuzz_check (g_strv_length (options) <= NB_BUS_POLICY_MAX_RULES + 1);
  for (char **option = options + 1; *option != NULL; option++)
    check_option (*option);
  return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What a child may say on the bus: what becomes of each rule, and what is never given. */
#include "spawn/bus-gate/policy.h"

#include <string.h>

#include "tests/lib/nb-test.h"

#define APP "org.example.App"

static char *
compile (const char *text, GError **error)
{
  g_auto (GStrv) options = nb_bus_policy_compile (text, APP, error);

  return options != NULL ? g_strjoinv (" ", options) : NULL;
}

/* --- what is given --- */

typedef struct
{
  const char *name, *text, *options;
} GoodCase;

static const GoodCase good[] = {
  { "nothing", "", "--filter" },
  { "comments", "# all\n\n \t\n  # \303\244\n", "--filter" },
  { "backend", "backend xdg-dbus-proxy\n", "--filter" },
  { "see", "see org.example.A\nsee org.example.*",
    "--filter --see=org.example.A --see=org.example.*" },
  { "talk", "talk\torg.example.A ", "--filter --talk=org.example.A" },
  { "own", "own " APP ".Sandboxed.X", "--filter --own=" APP ".Sandboxed.X" },
  { "call", "call org.example.A org.example.I.M@/org/example/x",
    "--filter --call=org.example.A=org.example.I.M@/org/example/x" },
  { "call-interface", "call org.example.A org.example.I.*",
    "--filter --call=org.example.A=org.example.I.*" },
  { "call-path", "call org.example.A @/org/example/*",
    "--filter --call=org.example.A=@/org/example/*" },
  { "call-all", "call org.example.A *@/*", "--filter --call=org.example.A=*@/*" },
  { "call-wildcard", "call org.example.* *@/x", "--filter --call=org.example.*=*@/x" },
  { "broadcast", "broadcast org.example.A org.example.I.S@/x/*",
    "--filter --broadcast=org.example.A=org.example.I.S@/x/*" },
  { "one-portal",
    "call org.freedesktop.portal.Desktop "
    "org.freedesktop.portal.Camera.*@/org/freedesktop/portal/desktop",
    "--filter --call=org.freedesktop.portal.Desktop=org.freedesktop.portal.Camera.*@"
    "/org/freedesktop/portal/desktop" },
  { "a-longer-name", "talk org.freedesktop.FlatpakX\ntalk org.freedesktop.DBusX",
    "--filter --talk=org.freedesktop.FlatpakX --talk=org.freedesktop.DBusX" },
};

static void
test_good (gconstpointer data)
{
  const GoodCase *test = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *options = compile (test->text, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (options, ==, test->options);
}

/* --- what is not --- */

typedef struct
{
  const char *name, *text;
  NbBusPolicyError code;
  const char *says; /* a part of it */
} BadCase;

#define LINE NB_BUS_POLICY_ERROR_LINE
#define REFUSED NB_BUS_POLICY_ERROR_REFUSED

static const BadCase bad[] = {
  { "flatpak-portal", "talk org.freedesktop.portal.Flatpak", REFUSED, "is never given" },
  { "flatpak-portal-called",
    "call org.freedesktop.portal.Flatpak org.freedesktop.portal.Flatpak.Spawn", REFUSED,
    "is never given" },
  { "flatpak-portal-seen", "see org.freedesktop.portal.Flatpak", REFUSED,
    "is never given" },
  { "below-flatpak-portal", "talk org.freedesktop.portal.Flatpak.X", REFUSED, "never" },
  { "flatpak", "talk org.freedesktop.Flatpak", REFUSED, "is never given" },
  { "flatpak-wildcard", "talk org.freedesktop.Flatpak.*", REFUSED, "is never given" },
  { "below-flatpak", "talk org.freedesktop.Flatpak.Development", REFUSED, "never given" },
  { "documents", "talk org.freedesktop.portal.Documents", REFUSED, "is never given" },
  { "permissions", "talk org.freedesktop.impl.portal.PermissionStore", REFUSED, "never" },
  { "systemd", "call org.freedesktop.systemd1 *@/x", REFUSED, "is never given" },
  { "bus", "talk org.freedesktop.DBus", REFUSED, "is never given" },
  { "portals", "talk org.freedesktop.portal.*", REFUSED, "is every portal" },
  { "portals-called", "call org.freedesktop.portal.* *", REFUSED, "is every portal" },
  { "portals-heard", "broadcast org.freedesktop.portal.* *", REFUSED, "is every portal" },
  { "freedesktop", "call org.freedesktop.* org.freedesktop.X.Y", REFUSED, "every portal" },
  { "org", "see org.*", REFUSED, "is every portal" },
  { "below-a-portal", "talk org.freedesktop.portal.Desktop.*", REFUSED, "every portal" },
  { "talk-to-portals", "talk org.freedesktop.portal.Desktop", REFUSED, "every portal of" },
  { "call-portals", "call org.freedesktop.portal.Desktop *", REFUSED, "every portal of" },
  { "call-portals-by-path", "call org.freedesktop.portal.Desktop @/x", REFUSED,
    "every portal of" },
  { "call-portals-by-prefix",
    "call org.freedesktop.portal.Desktop org.freedesktop.portal.*", REFUSED,
    "every portal" },
  { "call-freedesktop", "call org.freedesktop.portal.Desktop org.freedesktop.*", REFUSED,
    "every portal of" },
  { "own-anything", "own org.example.X", REFUSED, "below " APP ".Sandboxed only" },
  { "own-the-apps", "own " APP, REFUSED, "below " APP ".Sandboxed only" },
  { "own-all", "own " APP ".Sandboxed.*", REFUSED, "by its whole name" },
  { "own-alike", "own " APP ".SandboxedX", REFUSED, "below " APP ".Sandboxed only" },
  { "containers1", "backend containers1", REFUSED, "reserved, and not written" },
  { "other-backend", "backend magic", LINE, "no such backend" },
  { "no-backend", "backend", LINE, "no such backend" },
  { "unknown-verb", "allow org.example.A", LINE, "\"allow\"" },
  { "option", "--talk=org.example.A", LINE, "nothing that a policy says" },
  { "upper-case", "Talk org.example.A", LINE, "\"Talk\"" },
  { "no-name", "talk", LINE, "0 words" },
  { "two-names", "talk org.example.A org.example.B", LINE, "2 words" },
  { "no-rule", "call org.example.A", LINE, "1 words" },
  { "all-names", "talk *", LINE, "no well-known name" },
  { "unique-name", "talk :1.5", LINE, "no well-known name" },
  { "one-element", "talk example", LINE, "no well-known name" },
  { "star-inside", "talk org.*.A", LINE, "no well-known name" },
  { "star-at-the-end", "talk org.example*", LINE, "no well-known name" },
  { "equals", "talk org.example.A=*", LINE, "no well-known name" },
  { "comma", "talk org.example.A,org.example.B", LINE, "no well-known name" },
  { "bad-method", "call org.example.A I.M", LINE, "no rule" },
  { "bad-path", "call org.example.A *@x", LINE, "no rule" },
  { "bad-path-end", "call org.example.A *@/x/", LINE, "no rule" },
  { "star-in-path", "call org.example.A *@/*/x", LINE, "no rule" },
  { "two-paths", "call org.example.A *@/x@/y", LINE, "no rule" },
  { "carriage-return", "talk org.example.A\r", LINE, "cannot be printed" },
};

static void
test_bad (gconstpointer data)
{
  const BadCase *test = data;
  g_autofree char *text = g_strconcat ("# one\ntalk org.example.Good\n", test->text, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *options = compile (text, &error);

  g_assert_null (options);
  g_assert_error (error, NB_BUS_POLICY_ERROR, (gint)test->code);
  g_assert_true (g_str_has_prefix (error->message, "line 3: "));
  if (strstr (error->message, test->says) == NULL)
    g_error ("%s", error->message);
  g_assert_nonnull (strstr (error->message, "; ")); /* what to do */
  g_assert_null (strchr (error->message, '\n'));
}

/* --- limits --- */

static void
test_limits (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *long_line = g_strnfill (NB_BUS_POLICY_MAX_LINE + 1, '#');
  g_autofree char *long_text = g_strnfill (NB_BUS_POLICY_MAX_TEXT + 1, '\n');
  g_autofree char *most = NULL, *more = NULL;
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < NB_BUS_POLICY_MAX_RULES; i++)
    g_string_append_printf (text, "see org.example.A%d\n", i);
  most = compile (text->str, &error);
  g_assert_no_error (error);
  g_string_append (text, "see org.example.B\n");
  more = compile (text->str, &error);
  g_assert_error (error, NB_BUS_POLICY_ERROR, NB_BUS_POLICY_ERROR_LIMIT);
  g_clear_error (&error);
  g_assert_null (compile (long_line, &error));
  g_assert_error (error, NB_BUS_POLICY_ERROR, NB_BUS_POLICY_ERROR_LIMIT);
  g_clear_error (&error);
  g_assert_null (compile (long_text, &error));
  g_assert_error (error, NB_BUS_POLICY_ERROR, NB_BUS_POLICY_ERROR_LIMIT);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/bus-policy/good", good, test_good);
  nb_test_add_cases ("/bus-policy/bad", bad, test_bad);
  nb_test_add ("/bus-policy/limits", test_limits);
  return g_test_run ();
}

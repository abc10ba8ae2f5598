/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether an xdg-dbus-proxy that cannot be relied on is found out. */
#include "spawn/bus-gate/proxy-check.h"

#include <glib/gstdio.h>
#include <string.h>

#include "tests/lib/nb-test.h"

#define PROXY "/usr/bin/xdg-dbus-proxy"

/* Of the distribution, which has mended both bypasses in a version that says 0.1.4. */
static void
test_good (void)
{
  g_autoptr (GError) error = NULL;
  gint64 before = g_get_monotonic_time ();

  (void)nb_proxy_check (PROXY, &error);
  g_assert_no_error (error);
  g_test_message ("%" G_GINT64_FORMAT " ms", (g_get_monotonic_time () - before) / 1000);
}

typedef struct
{
  const char *name;
  const char *script; /* in the proxy's place */
  const char *says;
} BadCase;

static const BadCase bad[] = {
  { "no-program", NULL, "is not there" },
  { "another-program", "echo hello", "no xdg-dbus-proxy" },
  { "too-old", "echo xdg-dbus-proxy 0.1.3", "older than 0.1.4" },
  { "ends", "test \"$1\" = --version && exec " PROXY " --version", "cannot be started" },
  { "filters-nothing",
    "test \"$1\" = --version && exec " PROXY " --version\nexec " PROXY
    " \"$1\" \"$2\" \"$3\"",
    "lets pass calls to names that it hides" },
  { "lets-nothing-pass",
    "test \"$1\" = --version && exec " PROXY " --version\n"
    "exec " PROXY " \"$1\" unix:path=/no/such \"$3\" --filter",
    "does not do as a proxy should" },
};

static void
test_bad (gconstpointer data)
{
  const BadCase *test = data;
  g_autofree char *folder = g_dir_make_tmp ("nestbox-test-XXXXXX", NULL),
                  *path = g_build_filename (folder, "proxy", NULL),
                  *text = g_strdup_printf ("#!/bin/sh\n%s\n", test->script);
  g_autoptr (GError) error = NULL;

  if (test->script != NULL)
    {
      g_assert_true (g_file_set_contents (path, text, -1, NULL));
      g_assert_cmpint (g_chmod (path, 0700), ==, 0);
    }
  g_assert_false (nb_proxy_check (path, &error));
  if (strstr (error->message, test->says) == NULL)
    g_error ("%s", error->message);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_assert_null (strchr (error->message, '\n'));
  (void)g_unlink (path);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_warm_up_gio ();
  nb_test_add ("/proxy-check/good", test_good);
  nb_test_add_cases ("/proxy-check/bad", bad, test_bad);
  return g_test_run ();
}

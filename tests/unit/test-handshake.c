/* SPDX-License-Identifier: BSD-3-Clause */
/* Which programs are asked to defer the zygote's handshake, and by which words. */
#include "spawn/run/handshake.h"

#include <glib/gstdio.h>

#include "tests/lib/nb-test.h"

typedef struct
{
  const char *name, *before, *after; /* words joined by | */
} Words;

#define FEATURE "DeferZygoteHandshake"

static const Words words[] = {
  { "alone", "/b", "/b|--enable-features=" FEATURE },
  { "before-what-is-opened", "/b|https://x.org/|--incognito",
    "/b|--enable-features=" FEATURE "|https://x.org/|--incognito" },
  { "with-others", "/b|--enable-features=A,B|u", "/b|--enable-features=A,B," FEATURE "|u" },
  { "one-dash", "/b|-enable-features=A", "/b|-enable-features=A," FEATURE },
  { "the-last-list-counts", "/b|--enable-features=" FEATURE "|--enable-features=A",
    "/b|--enable-features=" FEATURE "|--enable-features=A," FEATURE },
  { "an-empty-list", "/b|--enable-features=", "/b|--enable-features=" FEATURE },
  { "there-already", "/b|--enable-features=A, " FEATURE ",B",
    "/b|--enable-features=A, " FEATURE ",B" },
  { "with-parameters", "/b|--enable-features=" FEATURE ":a/b",
    "/b|--enable-features=" FEATURE ":a/b" },
  { "with-a-trial", "/b|--enable-features=" FEATURE "<T.G",
    "/b|--enable-features=" FEATURE "<T.G" },
  { "as-by-default", "/b|--enable-features=*" FEATURE, "/b|--enable-features=*" FEATURE },
  { "another-of-that-beginning", "/b|--enable-features=" FEATURE "2",
    "/b|--enable-features=" FEATURE "2," FEATURE },
  { "disabled", "/b|--disable-features=" FEATURE,
    "/b|--enable-features=" FEATURE "|--disable-features=" FEATURE },
  { "no-switch-after-two-dashes", "/b|--|--enable-features=A",
    "/b|--enable-features=" FEATURE "|--|--enable-features=A" },
  { "no-switch-without-a-value", "/b|--enable-features|A",
    "/b|--enable-features=" FEATURE "|--enable-features|A" },
  { "three-dashes-are-another", "/b|---enable-features=A",
    "/b|--enable-features=" FEATURE "|---enable-features=A" },
};

static void
test_words (gconstpointer data)
{
  const Words *test = data;
  g_auto (GStrv) before = g_strsplit (test->before, "|", -1);
  g_auto (GStrv) after = nb_handshake_defer (before);
  g_auto (GStrv) again = nb_handshake_defer (after);
  g_autofree char *text = g_strjoinv ("|", after), *twice = g_strjoinv ("|", again);

  g_assert_cmpstr (text, ==, test->after);
  g_assert_cmpstr (twice, ==, text); /* a browser restarts with its own command line */
}

typedef struct
{
  const char *name;
  const char *files[4]; /* beside the executable */
  gboolean is_browser;
} Folder;

static const Folder folders[] = {
  { "chromium", { "resources.pak", "icudtl.dat" }, TRUE },
  { "chromium-with-resources", { "resources.pak", "resources/accessibility" }, TRUE },
  { "nothing", { NULL }, FALSE },
  { "qtwebengine", { "qtwebengine_resources.pak" }, FALSE },
  { "cef", { "resources.pak", "libcef.so" }, FALSE },
  { "electron", { "resources.pak", "resources/app.asar" }, FALSE },
  { "electron-unpacked", { "resources.pak", "resources/app" }, FALSE },
  { "electron-alone", { "resources.pak", "resources/default_app.asar" }, FALSE },
};

static void
test_folder (gconstpointer data)
{
  const Folder *test = data;
  g_autofree char *folder = g_dir_make_tmp ("nb-handshake-XXXXXX", NULL);
  g_autofree char *browser = g_build_filename (folder, "browser", NULL);
  g_autofree char *resources = g_build_filename (folder, "resources", NULL);

  g_assert_cmpint (g_mkdir (resources, 0700), ==, 0);
  for (const char *const *file = test->files; *file != NULL; file++)
    {
      g_autofree char *path = g_build_filename (folder, *file, NULL);

      g_assert_true (g_file_set_contents (path, "", 0, NULL));
    }
  g_assert_cmpint (nb_handshake_is_browser (browser), ==, test->is_browser);
  for (const char *const *file = test->files; *file != NULL; file++)
    {
      g_autofree char *path = g_build_filename (folder, *file, NULL);

      g_assert_cmpint (g_remove (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (resources), ==, 0);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/handshake/words", words, test_words);
  nb_test_add_cases ("/handshake/folder", folders, test_folder);
  return g_test_run ();
}

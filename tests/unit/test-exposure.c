/* SPDX-License-Identifier: BSD-3-Clause */
/* Which folders of Widevine are found, and which are left alone. */
#include "spawn/broker/sandbox/exposure.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/nb-test.h"

static char *config; /* XDG_CONFIG_HOME of this process */

typedef struct
{
  const char *name;
  const char *made[4]; /* folders below the configuration */
  const char *link;    /* a link there to the first of them, or NULL */
  const char *choice;  /* "auto", … or a path below the configuration */
  const char *profile; /* named on the command line, below the configuration; or NULL */
  const char *found[3];
} Case;

static const Case cases[] = {
  { "none", { "chromium" }, NULL, "auto", NULL, { NULL } },
  { "of-a-brand",
    { "chromium/WidevineCdm" },
    NULL,
    "auto",
    NULL,
    { "chromium/WidevineCdm" } },
  { "of-a-vendor",
    { "BraveSoftware/Brave-Browser/WidevineCdm" },
    NULL,
    "auto",
    NULL,
    { "BraveSoftware/Brave-Browser/WidevineCdm" } },
  { "of-two",
    { "a/WidevineCdm", "b/WidevineCdm" },
    NULL,
    "auto",
    NULL,
    { "a/WidevineCdm", "b/WidevineCdm" } },
  { "too-deep", { "a/b/c/WidevineCdm" }, NULL, "auto", NULL, { NULL } },
  { "off", { "a/WidevineCdm" }, NULL, "off", NULL, { NULL } },
  { "link", { "secrets" }, "a-WidevineCdm", "auto", NULL, { NULL } },
  { "link-in-its-place",
    { "a/secrets", "a/b" },
    "a/b/WidevineCdm",
    "auto",
    NULL,
    { NULL } },
  { "profile",
    { "a/WidevineCdm", "other/WidevineCdm" },
    NULL,
    "auto",
    "other",
    { "other/WidevineCdm" } },
  { "profile-without", { "a/WidevineCdm", "other" }, NULL, "auto", "other", { NULL } },
  { "named",
    { "a/WidevineCdm", "x/y/z/WidevineCdm" },
    NULL,
    "x/y/z/WidevineCdm",
    NULL,
    { "x/y/z/WidevineCdm" } },
  { "named-with-a-slash",
    { "a/WidevineCdm" },
    NULL,
    "a/WidevineCdm/",
    NULL,
    { "a/WidevineCdm" } },
  { "named-and-not-there", { "a" }, NULL, "a/WidevineCdm", NULL, { NULL } },
};

static void
make (const Case *test)
{
  for (const char *const *folder = test->made; *folder != NULL; folder++)
    {
      g_autofree char *path = g_build_filename (config, *folder, NULL);

      g_assert_cmpint (g_mkdir_with_parents (path, 0700), ==, 0);
    }
  if (test->link != NULL)
    {
      g_autofree char *path = g_build_filename (config, test->link, NULL);
      g_autofree char *target = g_build_filename (config, test->made[0], NULL);

      g_assert_cmpint (symlink (target, path), ==, 0);
    }
}

static void
remove_all (const char *path)
{
  GDir *dir
      = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *below = g_build_filename (path, name, NULL);

      remove_all (below);
    }
  g_clear_pointer (&dir, g_dir_close);
  g_assert_cmpint (g_remove (path), ==, 0);
}

static gint
compare (gconstpointer one, gconstpointer other)
{
  return strcmp (*(char *const *)one, *(char *const *)other);
}

static void
test_find (gconstpointer data)
{
  const Case *test = data;
  g_autofree char *word = g_strdup_printf ("--user-data-dir=%s/%s", config,
                                           test->profile != NULL ? test->profile : "");
  char *argv[] = { (char *)"x", test->profile != NULL ? word : NULL, NULL };
  gboolean is_path = strchr (test->choice, '/') != NULL;
  g_autofree char *path = g_build_filename (config, test->choice, NULL);
  const char *choice = is_path ? path : test->choice;
  g_auto (GStrv) found = NULL;
  guint i = 0;

  g_assert_cmpint (g_mkdir (config, 0700), ==, 0);
  make (test);
  g_assert_true (nb_exposure_is_choice (choice));
  found = nb_exposure_find_widevine (choice, argv);
  qsort (found, g_strv_length (found), sizeof *found, compare);
  for (; test->found[i] != NULL; i++)
    {
      g_autofree char *expected = g_build_filename (config, test->found[i], NULL);

      g_assert_cmpstr (found[i], ==, expected);
    }
  g_assert_null (found[i]);
  remove_all (config);
}

static void
test_choices (void)
{
  static const char *const bad[]
      = { "", "Auto", "/", "/home/u", "WidevineCdm", "/home/u/WidevineCdmX" };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (nb_exposure_is_choice (bad[i]));
}

/* What became a link, or went, after it was found is not exposed. */
static void
test_open (void)
{
  g_autofree char *folder = g_build_filename (config, "WidevineCdm", NULL);
  g_autofree char *link = g_build_filename (config, "link", NULL);
  char *paths[] = { (char *)"/nowhere", link, folder, NULL };
  NbExposure exposure;

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_assert_cmpint (symlink (folder, link), ==, 0);
  nb_exposure_open (&exposure, paths);
  g_assert_cmpuint (exposure.n, ==, 1);
  g_assert_cmpint (fcntl (exposure.fds[0], F_GETFL) & (O_PATH | O_ACCMODE), ==, O_PATH);
  nb_exposure_clear (&exposure);
  g_assert_cmpuint (exposure.n, ==, 0);
  nb_exposure_open (&exposure, NULL);
  g_assert_cmpuint (exposure.n, ==, 0);
  remove_all (config);
}

int
main (int argc, char **argv)
{
  g_autofree char *parent = NULL;
  int result;

  nb_test_init (&argc, &argv);
  parent = g_dir_make_tmp ("nestbox-test-XXXXXX", NULL);
  config = g_build_filename (parent, "config", NULL);
  (void)g_setenv ("XDG_CONFIG_HOME", config, TRUE);
  g_unsetenv ("CHROME_USER_DATA_DIR");
  nb_test_add_cases ("/exposure/find", cases, test_find);
  nb_test_add ("/exposure/choices", test_choices);
  nb_test_add ("/exposure/open", test_open);
  result = g_test_run ();
  g_assert_cmpint (g_rmdir (parent), ==, 0);
  g_free (config);
  return result;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/base/flatpak-level.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "tests/lib/nb-test.h"

#define APPLICATION "[Application]\nname=org.example.App\nruntime=runtime/x/y/z\n\n"

typedef struct
{
  const char *name;
  const char *text;
  int result;
  NbFlatpakLevel level;
  const char *app_id, *version;
} Case;

static const Case cases[] = {
  { "app",
    APPLICATION
    "[Instance]\ninstance-id=12\nflatpak-version=1.14.10\nsession-bus-proxy=true\n",
    0, NB_FLATPAK_APP, "org.example.App", "1.14.10" },
  { "sub-sandbox", APPLICATION "[Instance]\nflatpak-version=1.16.0\nsandbox=true\n", 0,
    NB_FLATPAK_SUB_SANDBOX, "org.example.App", "1.16.0" },
  { "sub-sandbox-without-final-newline", APPLICATION "[Instance]\nsandbox=true", 0,
    NB_FLATPAK_SUB_SANDBOX, "org.example.App", "" },
  { "groups-in-other-order", "[Instance]\nsandbox=true\n" APPLICATION, 0,
    NB_FLATPAK_SUB_SANDBOX, "org.example.App", "" },
  { "sandbox-false", APPLICATION "[Instance]\nsandbox=false\n", 0, NB_FLATPAK_APP,
    "org.example.App", "" },
  { "sandbox-of-another-group", APPLICATION "[Context]\nsandbox=true\n[Instance]\n", 0,
    NB_FLATPAK_APP, "org.example.App", "" },
  { "sandbox-of-no-group", "sandbox=true\n" APPLICATION, 0, NB_FLATPAK_APP,
    "org.example.App", "" },
  { "sandbox-inside-a-value", APPLICATION "[Instance]\nextra-args=sandbox=true;\n", 0,
    NB_FLATPAK_APP, "org.example.App", "" },
  { "name-of-another-group", "[Instance]\nname=org.example.App\n", -EBADMSG, 0, "", "" },
  { "no-name", "[Application]\nruntime=x\n[Instance]\nsandbox=true\n", -EBADMSG, 0, "",
    "" },
  { "empty-name", "[Application]\nname=\n", -EBADMSG, 0, "", "" },
  { "empty-file", "", -EBADMSG, 0, "", "" },
  { "no-key-file", "<html>\n", -EBADMSG, 0, "", "" },
};

/* What a failed read must leave as it is. */
static const NbFlatpakInfo untouched
    = { .level = NB_FLATPAK_SUB_SANDBOX, .app_id = "before", .version = "before" };

typedef struct
{
  char *folder, *path;
} File;

static File
file_new (const char *bytes, size_t size)
{
  File file = { .folder = g_dir_make_tmp ("nb-test-XXXXXX", NULL) };

  g_assert_nonnull (file.folder);
  file.path = g_build_filename (file.folder, "flatpak-info", NULL);
  if (bytes != NULL)
    g_assert_true (g_file_set_contents (file.path, bytes, (gssize)size, NULL));
  return file;
}

static void
file_clear (File *file)
{
  (void)g_unlink (file->path);
  g_assert_cmpint (g_rmdir (file->folder), ==, 0);
  g_free (file->path);
  g_free (file->folder);
}

static int
read_bytes (const char *bytes, size_t size, NbFlatpakInfo *info)
{
  File file = file_new (bytes, size);
  int result;

  *info = untouched;
  result = nb_flatpak_info_read (file.path, info);
  file_clear (&file);
  return result;
}

static void
test_file (gconstpointer data)
{
  const Case *test = data;
  const Case failed = { .level = untouched.level, .app_id = "before", .version = "before" };
  const Case *expected = test->result == 0 ? test : &failed;
  NbFlatpakInfo info;

  g_assert_cmpint (read_bytes (test->text, strlen (test->text), &info), ==, test->result);
  g_assert_cmpint (info.level, ==, expected->level);
  g_assert_cmpstr (info.app_id, ==, expected->app_id);
  g_assert_cmpstr (info.version, ==, expected->version);
}

static void
test_missing_file (void)
{
  NbFlatpakInfo info;

  g_assert_cmpint (read_bytes (NULL, 0, &info), ==, 0);
  g_assert_cmpint (info.level, ==, NB_FLATPAK_NONE);
  g_assert_cmpstr (info.app_id, ==, "");
  g_assert_cmpstr (info.version, ==, "");
}

static void
test_folder (void)
{
  File file = file_new (NULL, 0);
  NbFlatpakInfo info = untouched;

  g_assert_cmpint (nb_flatpak_info_read (file.folder, &info), ==, -EISDIR);
  g_assert_cmpstr (info.app_id, ==, "before");
  file_clear (&file);
}

/* Twice: the buffer is one for all calls. */
static void
test_oversized (void)
{
  size_t size = 1024 * 1024;
  g_autofree char *bytes = g_strnfill (size, '\n');
  NbFlatpakInfo info;

  memcpy (bytes, APPLICATION, strlen (APPLICATION));
  g_assert_cmpint (read_bytes (bytes, size, &info), ==, -EFBIG);
  g_assert_cmpint (read_bytes (bytes, 256 * 1024, &info), ==, -EFBIG);
  g_assert_cmpint (read_bytes (bytes, 256 * 1024 - 2, &info), ==, 0);
  g_assert_cmpstr (info.app_id, ==, "org.example.App");
}

static void
test_binary_junk (void)
{
  char bytes[4096];
  NbFlatpakInfo info;

  for (guint32 seed = 0; seed < 64; seed++)
    {
      g_autoptr (GRand) random = g_rand_new_with_seed (seed);

      for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)g_rand_int_range (random, 0, 256);
      g_assert_cmpint (read_bytes (bytes, sizeof bytes, &info), ==, -EBADMSG);
      g_assert_cmpstr (info.app_id, ==, "before");
    }
}

/* Cut rather than written beyond the end of its field. */
static void
test_long_values (void)
{
  g_autofree char *name = g_strnfill (1000, 'n');
  g_autofree char *text
      = g_strconcat ("[Application]\nname=", name, "\n[Instance]\nflatpak-version=", name,
                     "\nsandbox=true\n", NULL);
  NbFlatpakInfo info;

  g_assert_cmpint (read_bytes (text, strlen (text), &info), ==, 0);
  g_assert_cmpuint (strlen (info.app_id), ==, sizeof info.app_id - 1);
  g_assert_cmpuint (strlen (info.version), ==, sizeof info.version - 1);
  g_assert_cmpint (info.level, ==, NB_FLATPAK_SUB_SANDBOX);
}

static void
test_level_names (void)
{
  g_assert_cmpstr (nb_flatpak_level_name (NB_FLATPAK_NONE), ==, "none");
  g_assert_cmpstr (nb_flatpak_level_name (NB_FLATPAK_APP), ==, "app");
  g_assert_cmpstr (nb_flatpak_level_name (NB_FLATPAK_SUB_SANDBOX), ==, "sub-sandbox");
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/flatpak-level", cases, test_file);
  nb_test_add ("/flatpak-level/missing-file", test_missing_file);
  nb_test_add ("/flatpak-level/folder", test_folder);
  nb_test_add ("/flatpak-level/oversized", test_oversized);
  nb_test_add ("/flatpak-level/binary-junk", test_binary_junk);
  nb_test_add ("/flatpak-level/long-values-are-cut", test_long_values);
  nb_test_add ("/flatpak-level/names", test_level_names);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host preload's hooks, which are this program's own here: what the browser is told of
 * its helper, by whichever call it asks, and that every other file is what it is. What it
 * executes and takes out of the environment: tests/fuzz/fuzz-host-preload.c, and
 * tests/integration/test-nestbox.c.
 */
#include <glib.h>
#include <glib/gstdio.h>

#include "tests/lib/nb-test.h"

/* The stand-in lies in the folder that the test goes to, and the preloads. */
#undef NB_PKGLIBEXECDIR
#define NB_PKGLIBEXECDIR "."
#undef NB_PKGLIBDIR
#define NB_PKGLIBDIR "."
#include "spawn/preload/helper-disguise.c"
#include "spawn/preload/host-preload.c"

/* --- what is seen of a path --- */

typedef struct
{
  unsigned mode, uid;
  uint64_t inode;
} Seen;

#define SEEN(call, prefix)                                                                 \
  (call) == 0 ? (Seen){ found.prefix##_mode, found.prefix##_uid, found.prefix##_ino }      \
              : (Seen)                                                                     \
  {                                                                                        \
    0                                                                                      \
  }

typedef Seen (*Look) (const char *path);

static Seen
by_stat (const char *path)
{
  struct stat found;
  return SEEN (stat (path, &found), st);
}

static Seen
by_lstat (const char *path)
{
  struct stat found;
  return SEEN (lstat (path, &found), st);
}

static Seen
by_fstatat (const char *path)
{
  struct stat found;
  return SEEN (fstatat (AT_FDCWD, path, &found, 0), st);
}

static Seen
by_statx (const char *path)
{
  struct statx found;
  return SEEN (statx (AT_FDCWD, path, 0, STATX_BASIC_STATS, &found), stx);
}

static Seen
by_xstat (const char *path)
{
  struct stat found;
  return SEEN (__xstat (1, path, &found), st);
}

static Seen
by_lxstat (const char *path)
{
  struct stat found;
  return SEEN (__lxstat (1, path, &found), st);
}

static Seen
by_fxstatat (const char *path)
{
  struct stat found;
  return SEEN (__fxstatat (1, AT_FDCWD, path, &found, 0), st);
}

static const struct
{
  const char *name;
  Look look;
} looks[] = {
  { "stat", by_stat },           { "lstat", by_lstat },   { "fstatat", by_fstatat },
  { "statx", by_statx },         { "__xstat", by_xstat }, { "__lxstat", by_lxstat },
  { "__fxstatat", by_fxstatat },
};

/* --- a folder with a stand-in --- */

static char *folder, *before;

static void
enter_folder (void)
{
  before = g_get_current_dir ();
  folder = g_dir_make_tmp ("nestbox-test-XXXXXX", NULL);
  g_assert_cmpint (g_chdir (folder), ==, 0);
  g_assert_true (g_file_set_contents ("nestbox-chrome-sandbox", "x", 1, NULL));
  g_assert_cmpint (g_chmod ("nestbox-chrome-sandbox", 0711), ==, 0);
  g_assert_true (g_file_set_contents ("libnestbox-zygote.so", "x", 1, NULL));
  g_assert_true (locate_helper ("chrome-sandbox"));
}

static void
leave_folder (void)
{
  nb_disguise_helper[0] = '\0';
  (void)g_unlink ("nestbox-chrome-sandbox");
  (void)g_unlink ("libnestbox-zygote.so");
  g_assert_cmpint (g_chdir (before), ==, 0);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
  g_free (folder);
  g_free (before);
}

/* --- tests --- */

static void
test_helper (void)
{
  Seen stand_in;

  enter_folder ();
  stand_in = by_stat ("nestbox-chrome-sandbox");
  g_assert_cmpuint (stand_in.mode, ==, S_IFREG | 0711);
  for (size_t i = 0; i < G_N_ELEMENTS (looks); i++)
    {
      Seen seen = looks[i].look (nb_disguise_helper);

      g_test_message ("%s", looks[i].name);
      g_assert_cmpuint (seen.mode, ==, S_IFREG | S_ISUID | 0755);
      g_assert_cmpuint (seen.uid, ==, 0);
      g_assert_cmpuint (seen.inode, ==, stand_in.inode);
    }
  g_assert_cmpint (access (nb_disguise_helper, R_OK), ==, 0);
  g_assert_cmpint (faccessat (AT_FDCWD, nb_disguise_helper, X_OK, 0), ==, 0);
  g_assert_cmpint (faccessat (AT_FDCWD, nb_disguise_helper, X_OK, AT_EACCESS), ==, 0);
  leave_folder ();
}

/* Without the stand-in there is no helper, whatever name is asked for. */
static void
test_no_stand_in (void)
{
  enter_folder ();
  (void)g_unlink ("nestbox-chrome-sandbox");
  for (size_t i = 0; i < G_N_ELEMENTS (looks); i++)
    g_assert_cmpuint (looks[i].look (nb_disguise_helper).mode, ==, 0);
  g_assert_cmpint (access (nb_disguise_helper, F_OK), ==, -1);
  leave_folder ();
}

static void
test_other_files (void)
{
  enter_folder ();
  g_assert_cmpint (symlink ("nestbox-chrome-sandbox", "link"), ==, 0);
  for (size_t i = 0; i < G_N_ELEMENTS (looks); i++)
    {
      bool follows = strstr (looks[i].name, "l") == NULL;
      Seen seen = looks[i].look ("link");

      g_assert_cmpuint (seen.mode & S_IFMT, ==, follows ? S_IFREG : S_IFLNK);
      g_assert_cmpuint (seen.uid, ==, geteuid ());
      g_assert_cmpuint (looks[i].look ("/proc/nowhere").mode, ==, 0);
    }
  g_assert_cmpint (access ("link", X_OK), ==, 0);
  g_assert_cmpint (access ("/proc/nowhere", F_OK), ==, -1);
  g_assert_cmpint (errno, ==, ENOENT);
  g_assert_cmpint (faccessat (AT_FDCWD, "link", F_OK, AT_SYMLINK_NOFOLLOW), ==, 0);
  (void)g_unlink ("link");
  leave_folder ();
}

static guint
count_entries (const char *path)
{
  DIR *list = opendir (path);
  guint n = 0;

  g_assert_nonnull (list);
  while (readdir (list) != NULL)
    n++;
  (void)closedir (list);
  return n;
}

/* To the browser; every other folder is what it is. */
static void
test_selinux (void)
{
  struct stat file;

  enter_folder ();
  g_assert_cmpint (access ("/selinux", X_OK), ==, 0);
  g_assert_cmpuint (count_entries ("/selinux"), ==, 4); /* itself, its parent, two more */
  g_assert_cmpint (stat ("/selinux/libnestbox-zygote.so", &file), ==, 0);
  g_assert_true (S_ISREG (file.st_mode)); /* an entry counts if its status can be had */
  g_assert_cmpint (stat ("/selinuxes", &file), ==, -1);
  g_assert_cmpint (access ("/selinuxes", F_OK), ==, -1);
  g_assert_cmpuint (count_entries ("."), ==, 4);
  g_assert_null (opendir ("/proc/nowhere"));
  g_assert_cmpint (errno, ==, ENOENT);
  g_assert_null (opendir ("nestbox-chrome-sandbox"));
  g_assert_cmpint (errno, ==, ENOTDIR);
  leave_folder ();
  g_assert_cmpint (access ("/selinux", X_OK), ==, -1);
  g_assert_null (opendir ("/selinux"));
}

/* A browser that was not started by `nestbox run` is told nothing. */
static void
test_inactive (void)
{
  g_autofree char *helper = NULL;

  enter_folder ();
  helper = g_strdup (nb_disguise_helper);
  nb_disguise_helper[0] = '\0';
  for (size_t i = 0; i < G_N_ELEMENTS (looks); i++)
    g_assert_cmpuint (looks[i].look (helper).mode, ==, 0);
  g_assert_cmpuint (by_stat ("").mode, ==, 0);
  leave_folder ();
}

static void
fail_to_execute (const char *path, char *const *argv, int error)
{
  g_assert_cmpint (execve (path, argv, environ), ==, -1);
  g_assert_cmpint (errno, ==, error);
}

/* More than can be handed on without allocating; names without a slash are PATH's. */
static void
test_execute (void)
{
  g_autofree char **many = g_new (char *, MAX_ENTRIES + 1);
  char *none[] = { NULL }, *one[] = { (char *)"x", NULL };

  enter_folder ();
  for (size_t i = 0; i < MAX_ENTRIES; i++)
    many[i] = (char *)"x";
  many[MAX_ENTRIES] = NULL;
  fail_to_execute ("/proc/self/exe", many, E2BIG);
  fail_to_execute ("/proc/self/exe", none, E2BIG);
  fail_to_execute ("/proc/nowhere", one, ENOENT);
  g_assert_cmpint (execve (nb_disguise_helper, one, many), ==, -1);
  g_assert_cmpint (errno, ==, E2BIG);
  g_assert_cmpint (execvp ("/proc/nowhere", one), ==, -1);
  g_assert_cmpint (execvp ("no-such-program", one), ==, -1);
  g_assert_cmpint (errno, ==, ENOENT);
  leave_folder ();
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/host-preload/helper", test_helper);
  nb_test_add ("/host-preload/no-stand-in", test_no_stand_in);
  nb_test_add ("/host-preload/other-files", test_other_files);
  nb_test_add ("/host-preload/selinux", test_selinux);
  nb_test_add ("/host-preload/inactive", test_inactive);
  nb_test_add ("/host-preload/execute", test_execute);
  return g_test_run ();
}

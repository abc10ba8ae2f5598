/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the host preload interposes for QtWebEngine is libc's own for everybody else. That
 * it is not for QtWebEngine is seen in real Flatpak (tests/flatpak/test_qtwebengine.py).
 */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/preload/qtwebengine.h"
#include "tests/lib/nb-test.h"

static void
test_process_names (void)
{
  g_assert_true (nb_qtwebengine_is_process ("/usr/lib/qt6/libexec/QtWebEngineProcess"));
  g_assert_true (nb_qtwebengine_is_process ("QtWebEngineProcess"));
  g_assert_false (nb_qtwebengine_is_process ("/usr/bin/QtWebEngineProcess/python3"));
  g_assert_false (nb_qtwebengine_is_process ("/usr/bin/xQtWebEngineProcess"));
  g_assert_false (nb_qtwebengine_is_process (""));
}

typedef int (*Open) (const char *path, int flags, ...);

static void
check_open (Open function)
{
  g_autofree char *folder = g_dir_make_tmp ("nb-test-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "file", NULL);
  mode_t mask = umask (0);
  int fd = function (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  struct stat found;

  (void)umask (mask);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (fstat (fd, &found), ==, 0);
  g_assert_cmpuint (found.st_mode & 07777, ==, 0640);
  g_assert_cmpint (close (fd), ==, 0);
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

static void
test_open_hands_on_the_mode (void)
{
  check_open (open);
  check_open (open64);
}

/* Not /dev/null, as for the process cloned for a zygote. */
static void
test_maps_are_the_kernels (void)
{
  struct stat found;
  int fd = open ("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);

  g_assert_cmpint (fstat (fd, &found), ==, 0);
  g_assert_true (S_ISREG (found.st_mode));
  g_assert_cmpint (close (fd), ==, 0);
}

static int
end_with (void *status)
{
  return nb_qtwebengine_is_zygote () ? 99 : GPOINTER_TO_INT (status);
}

/* Called by this program, and not by QtWebEngine's library. */
static void
test_clone_is_the_kernels (void)
{
  static const int flags[] = { SIGCHLD, SIGCHLD | CLONE_NEWUSER };
  static char stack[65536] __attribute__ ((aligned (16)));

  nb_qtwebengine_start ();
  for (size_t i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      pid_t pid = clone (end_with, stack + sizeof stack, flags[i], GINT_TO_POINTER (7));
      int status;

      if (pid < 0 && flags[i] != SIGCHLD) /* forbidden where the test runs */
        continue;
      g_assert_cmpint (pid, >, 0);
      status = nb_test_wait (pid);
      g_assert_true (WIFEXITED (status));
      g_assert_cmpint (WEXITSTATUS (status), ==, 7);
    }
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/qtwebengine/process/names", test_process_names);
  nb_test_add ("/qtwebengine/open/mode", test_open_hands_on_the_mode);
  nb_test_add ("/qtwebengine/open/maps-are-the-kernels", test_maps_are_the_kernels);
  nb_test_add ("/qtwebengine/clone/of-others-is-the-kernels", test_clone_is_the_kernels);
  return g_test_run ();
}

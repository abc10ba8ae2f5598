/* SPDX-License-Identifier: BSD-3-Clause */
/* Displays are found by connecting to them, not by what the environment says. */
#include "spawn/client/display.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

#define X11_FOLDER "/tmp/.X11-unix"

enum
{
  FIRST_NUMBER = 47000, /* of a display that is nobody's */
};

static int
listen_at (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpuint (strlen (path), <, sizeof address.sun_path);
  (void)strcpy (address.sun_path, path);
  g_assert_cmpint (bind (fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  g_assert_cmpint (listen (fd, 1), ==, 0);
  return fd;
}

static void
set (const char *name, const char *value)
{
  if (value != NULL)
    (void)g_setenv (name, value, TRUE);
  else
    g_unsetenv (name);
}

/* What is found of X11 and Wayland; the GPU is this machine's affair. */
static unsigned
look (const char *display, const char *wayland, const char *folder)
{
  set ("DISPLAY", display);
  set ("WAYLAND_DISPLAY", wayland);
  set ("XDG_RUNTIME_DIR", folder);
  return nb_displays_look () & (NB_DISPLAY_X11 | NB_DISPLAY_WAYLAND);
}

static void
test_x11 (void)
{
  int number = FIRST_NUMBER + getpid () % 1000;
  g_autofree char *name = g_strdup_printf (":%d", number);
  g_autofree char *screen = g_strdup_printf (":%d.0", number);
  g_autofree char *remote = g_strdup_printf ("host:%d", number);
  g_autofree char *path = g_strdup_printf (X11_FOLDER "/X%d", number);
  gboolean made = g_mkdir (X11_FOLDER, 01777) == 0;
  nb_autofd server = listen_at (path);

  g_assert_cmpuint (look (name, NULL, NULL), ==, NB_DISPLAY_X11);
  g_assert_cmpuint (look (screen, NULL, NULL), ==, NB_DISPLAY_X11);
  g_assert_cmpuint (look (remote, NULL, NULL), ==, 0);
  g_assert_cmpuint (look ("", NULL, NULL), ==, 0);
  g_assert_cmpuint (look (NULL, NULL, NULL), ==, 0);
  nb_fd_clear (&server); /* its socket stays, and nobody listens */
  g_assert_cmpuint (look (name, NULL, NULL), ==, 0);
  (void)g_unlink (path);
  g_assert_cmpuint (look (name, NULL, NULL), ==, 0);
  if (made)
    (void)g_rmdir (X11_FOLDER);
}

static void
test_wayland (void)
{
  g_autofree char *folder = g_dir_make_tmp ("nestbox-test-XXXXXX", NULL);
  g_autofree char *first = g_build_filename (folder, "wayland-0", NULL);
  g_autofree char *other = g_build_filename (folder, "other", NULL);
  g_autofree char *long_name = g_strnfill (200, 'x');
  nb_autofd server = listen_at (first), other_server = listen_at (other);

  g_assert_cmpuint (look (NULL, NULL, folder), ==, NB_DISPLAY_WAYLAND);
  g_assert_cmpuint (look (NULL, "other", folder), ==, NB_DISPLAY_WAYLAND);
  g_assert_cmpuint (look (NULL, other, "/not-there"), ==, NB_DISPLAY_WAYLAND);
  g_assert_cmpuint (look (NULL, "none", folder), ==, 0);
  g_assert_cmpuint (look (NULL, long_name, folder), ==, 0);
  g_assert_cmpuint (look (NULL, "other", NULL), ==, 0);
  nb_fd_clear (&server);
  g_assert_cmpuint (look (NULL, NULL, folder), ==, 0);
  nb_fd_clear (&other_server);
  g_assert_cmpuint (look (NULL, "other", folder), ==, 0);
  (void)g_unlink (first);
  (void)g_unlink (other);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

static void
test_gpu (void)
{
  unsigned found = nb_displays_look () & NB_DISPLAY_GPU;

  g_assert_cmpint (found != 0, ==,
                   g_access ("/dev/dri", F_OK) == 0
                       || g_access ("/dev/nvidiactl", F_OK) == 0);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/display/x11", test_x11);
  nb_test_add ("/display/wayland", test_wayland);
  nb_test_add ("/display/gpu", test_gpu);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* A broker's folder and socket: made for this user alone, found by path, taken away. */
#include "spawn/base/rendezvous.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

static int
connect_to (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  nb_autofd fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  g_assert_cmpint (fd, >=, 0);
  (void)g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  return connect (fd, (struct sockaddr *)&address, sizeof address) < 0 ? -errno
                                                                       : nb_fd_steal (&fd);
}

static void
test_made (void)
{
  char path[NB_RENDEZVOUS_PATH], again[NB_RENDEZVOUS_PATH];
  nb_autofd listener = nb_rendezvous_make ("/tmp", path), peer = -1;
  g_autofree char *folder = NULL;
  struct ucred maker = { 0 };
  socklen_t size = sizeof maker;
  GStatBuf found;

  g_assert_cmpint (listener, >=, 0);
  g_assert_true (g_str_has_prefix (path, "/tmp/" NB_RENDEZVOUS_PREFIX));
  g_assert_true (g_str_has_suffix (path, "/" NB_RENDEZVOUS_SOCKET));
  folder = g_path_get_dirname (path);
  g_assert_cmpint (g_stat (folder, &found), ==, 0);
  g_assert_cmpuint (found.st_mode, ==, S_IFDIR | 0700);
  g_assert_cmpint (fcntl (listener, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
  g_assert_cmpint (fcntl (listener, F_GETFL) & O_NONBLOCK, ==, O_NONBLOCK);
  g_assert_cmpint (nb_rendezvous_path (listener, again), ==, 0);
  g_assert_cmpstr (again, ==, path);
  peer = connect_to (path);
  g_assert_cmpint (getsockopt (peer, SOL_SOCKET, SO_PEERCRED, &maker, &size), ==, 0);
  g_assert_cmpint (maker.pid, ==, getpid ());
  nb_rendezvous_remove (path);
  g_assert_cmpint (g_access (folder, F_OK), ==, -1);
  nb_rendezvous_remove (path); /* whoever comes second finds nothing */
}

/* It is made where the variable says, and two do not meet. */
static void
test_in_the_runtime_folder (void)
{
  g_autofree char *runtime = g_dir_make_tmp ("nestbox-test-XXXXXX", NULL);
  char first[NB_RENDEZVOUS_PATH], second[NB_RENDEZVOUS_PATH];
  nb_autofd one = -1, two = -1;

  g_assert_true (g_setenv ("XDG_RUNTIME_DIR", runtime, TRUE));
  one = nb_rendezvous_make (NULL, first);
  two = nb_rendezvous_make (NULL, second);
  g_unsetenv ("XDG_RUNTIME_DIR");
  g_assert_true (one >= 0 && two >= 0);
  g_assert_true (g_str_has_prefix (first, runtime) && g_str_has_prefix (second, runtime));
  g_assert_cmpstr (first, !=, second);
  nb_rendezvous_remove (first);
  nb_rendezvous_remove (second);
  g_assert_cmpint (g_rmdir (runtime), ==, 0);
}

/* What somebody else has put there is not nestbox's to remove. */
static void
test_not_empty (void)
{
  char path[NB_RENDEZVOUS_PATH];
  nb_autofd listener = nb_rendezvous_make ("/tmp", path);
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *other = g_build_filename (folder, "other", NULL);

  g_assert_cmpint (listener, >=, 0);
  g_assert_true (g_file_set_contents (other, "", 0, NULL));
  nb_rendezvous_remove (path);
  g_assert_cmpint (g_access (path, F_OK), ==, -1);
  g_assert_cmpint (g_access (other, F_OK), ==, 0);
  g_assert_cmpint (g_unlink (other), ==, 0);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

static void
test_cannot_be_made (void)
{
  g_autofree char *runtime = g_dir_make_tmp ("nestbox-test-XXXXXX", NULL);
  g_autofree char *name = g_strnfill (NB_RENDEZVOUS_PATH, 'x');
  g_autofree char *deep = g_build_filename (runtime, name, NULL);
  char path[NB_RENDEZVOUS_PATH];

  g_assert_cmpint (nb_rendezvous_make ("/nowhere", path), ==, -ENOENT);
  g_assert_true (g_str_has_prefix (path, "/nowhere/"));
  g_assert_cmpint (g_mkdir (deep, 0700), ==, 0);
  g_assert_cmpint (nb_rendezvous_make (deep, path), ==, -ENAMETOOLONG);
  g_assert_cmpint (g_rmdir (deep), ==, 0); /* and nothing was left in it */
  g_assert_cmpint (g_rmdir (runtime), ==, 0);
}

static void
test_longest (void)
{
  g_autofree char *runtime = g_dir_make_tmp ("nestbox-test-XXXXXX", NULL);
  const char tail[] = "/" NB_RENDEZVOUS_PREFIX "XXXXXX/" NB_RENDEZVOUS_SOCKET;
  gsize room = NB_RENDEZVOUS_PATH - sizeof tail - strlen (runtime) - 1;
  g_autofree char *name = g_strnfill (room, 'x');
  g_autofree char *deep = g_build_filename (runtime, name, NULL);
  char path[NB_RENDEZVOUS_PATH], again[NB_RENDEZVOUS_PATH];
  nb_autofd listener = -1;

  g_assert_cmpint (g_mkdir (deep, 0700), ==, 0);
  listener = nb_rendezvous_make (deep, path);
  g_assert_cmpint (listener, >=, 0);
  g_assert_cmpuint (strlen (path), ==, NB_RENDEZVOUS_PATH - 1);
  g_assert_cmpint (nb_rendezvous_path (listener, again), ==, 0);
  g_assert_cmpstr (again, ==, path);
  nb_rendezvous_remove (path);
  g_assert_cmpint (g_rmdir (deep), ==, 0);
  g_assert_cmpint (g_rmdir (runtime), ==, 0);
}

static void
test_no_listener (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  nb_autofd file = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  nb_autofd hidden = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  char path[NB_RENDEZVOUS_PATH];
  int pair[2];

  g_assert_cmpint (nb_rendezvous_path (-1, path), ==, -EBADF);
  g_assert_cmpint (nb_rendezvous_path (file, path), ==, -ENOTSOCK);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
  g_assert_cmpint (nb_rendezvous_path (pair[0], path), ==, -EINVAL);
  nb_fd_clear (&pair[0]);
  nb_fd_clear (&pair[1]);
  g_assert_cmpint (bind (hidden, (struct sockaddr *)&address, sizeof (sa_family_t)), ==, 0);
  g_assert_cmpint (listen (hidden, 1), ==, 0); /* of an abstract name */
  g_assert_cmpint (nb_rendezvous_path (hidden, path), ==, -EINVAL);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/rendezvous/made", test_made);
  nb_test_add ("/rendezvous/in-the-runtime-folder", test_in_the_runtime_folder);
  nb_test_add ("/rendezvous/not-empty", test_not_empty);
  nb_test_add ("/rendezvous/cannot-be-made", test_cannot_be_made);
  nb_test_add ("/rendezvous/longest", test_longest);
  nb_test_add ("/rendezvous/no-listener", test_no_listener);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/nb-test.h"

static bool
is_open (int fd)
{
  return fcntl (fd, F_GETFD) >= 0;
}

static void
test_clear (void)
{
  int fd = nb_test_text_file (""), number = fd;

  errno = ENOTTY;
  nb_fd_clear (&fd);
  g_assert_cmpint (errno, ==, ENOTTY);
  g_assert_cmpint (fd, ==, -1);
  g_assert_false (is_open (number));
  nb_fd_clear (&fd);
  g_assert_cmpint (fd, ==, -1);
}

/* Something that cannot be closed changes errno no more than something that can. */
static void
test_clear_keeps_errno (void)
{
  int fd = 1023;

  errno = ENOTTY;
  nb_fd_clear (&fd);
  g_assert_cmpint (errno, ==, ENOTTY);
  g_assert_cmpint (fd, ==, -1);
}

static void
clear_zero (gconstpointer data)
{
  int fd = 0;

  (void)data;
  nb_fd_clear (&fd);
  nb_test_child_check (!is_open (0) && fd == -1);
}

/* 0 is a descriptor like any other. */
static void
test_clear_of_zero (void)
{
  nb_test_in_child (clear_zero, NULL);
}

static void
test_steal (void)
{
  int fd = nb_test_text_file (""), number = fd;
  nb_autofd stolen = nb_fd_steal (&fd);

  g_assert_cmpint (stolen, ==, number);
  g_assert_cmpint (fd, ==, -1);
  g_assert_true (is_open (stolen));
  g_assert_cmpint (nb_fd_steal (&fd), ==, -1);
}

static void
test_autofd (void)
{
  int number;

  {
    nb_autofd fd = nb_test_text_file ("");

    number = fd;
    g_assert_true (is_open (number));
  }
  g_assert_false (is_open (number));
}

static void
test_set_cloexec (void)
{
  nb_autofd fd = nb_test_text_file ("");

  for (int i = 0; i < 2; i++)
    {
      g_assert_cmpint (nb_fd_set_cloexec (fd, false), ==, 0);
      g_assert_cmpint (fcntl (fd, F_GETFD), ==, 0);
    }
  for (int i = 0; i < 2; i++)
    {
      g_assert_cmpint (nb_fd_set_cloexec (fd, true), ==, 0);
      g_assert_cmpint (fcntl (fd, F_GETFD), ==, FD_CLOEXEC);
    }
  g_assert_cmpint (nb_fd_set_cloexec (-1, true), ==, -EBADF);
}

static void
test_dup (void)
{
  nb_autofd fd = nb_test_text_file (""), low = -1, high = -1;

  low = nb_fd_dup (fd, 0);
  high = nb_fd_dup (fd, 200);
  g_assert_cmpint (low, >=, 0);
  g_assert_cmpint (low, !=, fd);
  g_assert_cmpint (high, >=, 200);
  g_assert_cmpint (fcntl (low, F_GETFD), ==, FD_CLOEXEC);
  g_assert_cmpint (fcntl (high, F_GETFD), ==, FD_CLOEXEC);
}

static void
test_dup_refused (void)
{
  struct rlimit limit;
  nb_autofd fd = nb_test_text_file ("");

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  g_assert_cmpint (nb_fd_dup (-1, 0), ==, -EBADF);
  g_assert_cmpint (nb_fd_dup (fd, (int)limit.rlim_cur), ==, -EINVAL);
}

/* With gaps, and far apart. */
static void
close_from (gconstpointer data)
{
  int fd = nb_test_text_file ("");

  (void)data;
  nb_test_child_check (dup2 (fd, 50) == 50 && dup2 (fd, 51) == 51 && dup2 (fd, 53) == 53
                       && dup2 (fd, 900) == 900);
  nb_test_child_check (nb_fd_close_from (51) == 0);
  nb_test_child_check (is_open (0) && is_open (fd) && is_open (50));
  nb_test_child_check (!is_open (51) && !is_open (53) && !is_open (900));
  nb_test_child_check (nb_fd_close_from (51) == 0);
}

static void
test_close_from (void)
{
  nb_test_in_child (close_from, NULL);
}

typedef struct
{
  const char *name;
  int domain, type; /* of the socket; domain -1: a file, -2: nothing */
  int asked;
  bool result;
} SocketCase;

static const SocketCase socket_cases[] = {
  { "seqpacket", AF_UNIX, SOCK_SEQPACKET, SOCK_SEQPACKET, true },
  { "stream", AF_UNIX, SOCK_STREAM, SOCK_STREAM, true },
  { "other-type", AF_UNIX, SOCK_STREAM, SOCK_SEQPACKET, false },
  { "other-family", AF_INET, SOCK_STREAM, SOCK_STREAM, false },
  { "file", -1, 0, SOCK_SEQPACKET, false },
  { "closed", -2, 0, SOCK_SEQPACKET, false },
};

static void
test_is_socket (gconstpointer data)
{
  const SocketCase *test = data;
  nb_autofd fd = -1;

  if (test->domain >= 0)
    fd = socket (test->domain, test->type | SOCK_CLOEXEC, 0);
  else if (test->domain == -1)
    fd = nb_test_text_file ("");
  if (fd < 0 && test->domain == AF_INET)
    g_test_skip ("no AF_INET here");
  else
    g_assert_true (nb_fd_is_socket (fd, test->asked) == test->result);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/fd/clear", test_clear);
  nb_test_add ("/fd/clear-keeps-errno", test_clear_keeps_errno);
  nb_test_add ("/fd/clear-of-zero", test_clear_of_zero);
  nb_test_add ("/fd/steal", test_steal);
  nb_test_add ("/fd/autofd-closes-at-end-of-scope", test_autofd);
  nb_test_add ("/fd/set-cloexec", test_set_cloexec);
  nb_test_add ("/fd/dup", test_dup);
  nb_test_add ("/fd/dup-refused", test_dup_refused);
  nb_test_add ("/fd/close-from-leaves-what-is-below", test_close_from);
  nb_test_add_cases ("/fd/is-socket", socket_cases, test_is_socket);
  return g_test_run ();
}

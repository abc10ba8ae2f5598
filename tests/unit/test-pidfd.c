/* SPDX-License-Identifier: BSD-3-Clause */
/* Processes by pidfds, and what the kernel says of who is at the other end of a socket. */
#include "spawn/base/pidfd.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

static void
wait_forever (gconstpointer data)
{
  (void)data;
  for (;;)
    (void)pause ();
}

static int
open_pidfd (pid_t pid)
{
  int pidfd = (int)syscall (SYS_pidfd_open, pid, 0);

  g_assert_cmpint (pidfd, >=, 0);
  return pidfd;
}

static void
end (pid_t pid)
{
  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  (void)nb_test_wait (pid);
}

/* --- processes --- */

static void
test_own (void)
{
  nb_autofd pidfd = open_pidfd (getpid ()), copy = nb_pidfd_take_from (pidfd);

  g_assert_cmpint (nb_pidfd_get_pid (pidfd), ==, getpid ());
  g_assert_true (nb_pidfd_is_alive (pidfd));
  g_assert_cmpint (nb_pidfd_get_pid (copy), ==, getpid ());
  g_assert_cmpint (fcntl (copy, F_GETFD), ==, FD_CLOEXEC);
}

static void
test_end (void)
{
  pid_t pid = nb_test_fork (wait_forever, NULL);
  nb_autofd pidfd = open_pidfd (pid);
  siginfo_t info;

  g_assert_true (nb_pidfd_is_alive (pidfd));
  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  g_assert_cmpint (waitid (P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), ==, 0);
  g_assert_false (nb_pidfd_is_alive (pidfd)); /* a zombie */
  g_assert_cmpint (nb_pidfd_get_pid (pidfd), ==, pid);
  (void)nb_test_wait (pid);
  g_assert_cmpint (nb_pidfd_get_pid (pidfd), ==, -ESRCH);
  g_assert_cmpint (nb_pidfd_take_from (pidfd), ==, -ESRCH);
}

static void
test_none (void)
{
  nb_autofd file = nb_test_text_file ("Pid:\t1\n");

  g_assert_cmpint (nb_pidfd_get_pid (file), ==, -EBADF);
  g_assert_cmpint (nb_pidfd_get_pid (-1), ==, -EBADF);
  g_assert_cmpint (nb_pidfd_take_from (file), ==, -EBADF);
  g_assert_cmpint (nb_pidfd_take_from (-1), ==, -EBADF);
}

/* --- sockets --- */

static struct sockaddr_un
any_name (socklen_t *size_out)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  (void)snprintf (address.sun_path + 1, sizeof address.sun_path - 1, "nestbox-test-%d",
                  (int)getpid ());
  *size_out = sizeof address;
  return address;
}

static int
listen_at (const struct sockaddr_un *address, socklen_t size)
{
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (fd, (const struct sockaddr *)address, size), ==, 0);
  g_assert_cmpint (listen (fd, 1), ==, 0);
  return fd;
}

static void
connect_and_wait (gconstpointer data)
{
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  nb_test_child_check (connect (fd, data, sizeof (struct sockaddr_un)) == 0);
  wait_forever (NULL);
}

static void
test_connection (void)
{
  socklen_t size;
  struct sockaddr_un address = any_name (&size);
  nb_autofd listener = listen_at (&address, size);
  pid_t pid = nb_test_fork (connect_and_wait, &address);
  nb_autofd connection = accept4 (listener, NULL, NULL, SOCK_CLOEXEC), pidfd = -1;

  pidfd = nb_pidfd_take_from (connection);
  g_assert_cmpint (nb_pidfd_get_pid (pidfd), ==, pid);
  end (pid);
  g_assert_false (nb_pidfd_is_alive (pidfd));
  nb_fd_clear (&pidfd);
  pidfd = nb_pidfd_take_from (connection);
  g_assert_true (pidfd == -ESRCH || !nb_pidfd_is_alive (pidfd));
  if (pidfd < 0)
    pidfd = -1;
  g_assert_cmpint (nb_pidfd_take_from (listener), ==, -ENOTCONN);
}

/* What it would be taken for: its maker, which is this process, whoever holds the end. */
static pid_t
peer_by_credentials (int fd)
{
  struct ucred peer = { 0 };
  socklen_t size = sizeof peer;

  g_assert_cmpint (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &size), ==, 0);
  return peer.pid;
}

static void
test_pair (void)
{
  socklen_t size;
  struct sockaddr_un address = any_name (&size);
  int ends[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), ==, 0);
  g_assert_cmpint (peer_by_credentials (ends[0]), ==, getpid ());
  g_assert_cmpint (nb_pidfd_take_from (ends[0]), ==, -EISCONN);
  /* An end with a name looks like that of a connection. */
  g_assert_cmpint (bind (ends[1], (struct sockaddr *)&address, size), ==, 0);
  g_assert_cmpint (nb_pidfd_take_from (ends[0]), ==, -EISCONN);
  g_assert_cmpint (nb_pidfd_take_from (ends[1]), ==, -EISCONN);
  nb_fd_clear (&ends[0]);
  nb_fd_clear (&ends[1]);
}

static void
take_from_pair (gconstpointer data)
{
  const int *ends = data;

  nb_test_child_check (peer_by_credentials (ends[0]) == getppid ());
  nb_test_child_check (nb_pidfd_take_from (ends[0]) == -EISCONN);
}

/* In another process's hands the maker is somebody else, and still not who is meant. */
static void
test_pair_of_another (void)
{
  int ends[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
  nb_test_in_child (take_from_pair, ends);
  nb_fd_clear (&ends[0]);
  nb_fd_clear (&ends[1]);
}

static void
test_other_sockets (void)
{
  nb_autofd internet = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
            lonely = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (nb_pidfd_take_from (internet), ==, -EAFNOSUPPORT);
  g_assert_cmpint (nb_pidfd_take_from (lonely), ==, -ENOTCONN);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/pidfd/own", test_own);
  nb_test_add ("/pidfd/end", test_end);
  nb_test_add ("/pidfd/none", test_none);
  nb_test_add ("/pidfd/connection", test_connection);
  nb_test_add ("/pidfd/pair", test_pair);
  nb_test_add ("/pidfd/pair-of-another", test_pair_of_another);
  nb_test_add ("/pidfd/other-sockets", test_other_sockets);
  return g_test_run ();
}

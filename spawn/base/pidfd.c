/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/base/pidfd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "spawn/base/fd.h"

#if !defined(SO_PEERPIDFD)
#  define SO_PEERPIDFD 77 /* asm-generic/socket.h, Linux 6.5 */
#endif

enum
{
  INFO_BYTES = 512,
};

/* --- what it says --- */

pid_t
nb_pidfd_get_pid (int pidfd)
{
  static const char name[] = "\nPid:";
  char path[48], text[INFO_BYTES];
  nb_autofd info = -1;
  const char *line;
  ssize_t size;
  long pid;

  (void)snprintf (path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
  info = open (path, O_RDONLY | O_CLOEXEC);
  if (info < 0)
    return errno == ENOENT ? -EBADF : -errno;
  size = read (info, text, sizeof text - 1);
  if (size < 0)
    return -errno;
  text[size] = '\0';
  line = strstr (text, name);
  if (line == NULL)
    return -EBADF;
  pid = strtol (line + sizeof name - 1, NULL, 10);
  return pid < 0 ? -ESRCH : (pid_t)pid;
}

bool
nb_pidfd_is_alive (int pidfd)
{
  struct pollfd ended = { .fd = pidfd, .events = POLLIN };
  int result;

  do
    result = poll (&ended, 1, 0);
  while (result < 0 && errno == EINTR);
  return result == 0;
}

/* --- peers --- */

static bool
has_name (int fd, int (*get) (int, struct sockaddr *, socklen_t *))
{
  struct sockaddr_un address = { 0 };
  socklen_t size = sizeof address;

  return get (fd, (struct sockaddr *)&address, &size) == 0
         && size > offsetof (struct sockaddr_un, sun_path);
}

/*
 * Of a connection one end has the listener's name, which it cannot do without. Of a pair
 * neither has, unless its maker has given it one; then the kernel still names the maker,
 * who is refused here when that is this process.
 */
static int
check_connected (int fd)
{
  struct ucred peer = { 0 };
  int listens = 0, domain = 0;
  socklen_t peer_size = sizeof peer, size = sizeof listens;

  if (getsockopt (fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0)
    return -EBADF;
  if (domain != AF_UNIX)
    return -EAFNOSUPPORT;
  if (getsockopt (fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 || listens != 0
      || getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) < 0
      || peer.uid == (uid_t)-1)
    return -ENOTCONN;
  if (peer.pid == getpid () || (!has_name (fd, getsockname) && !has_name (fd, getpeername)))
    return -EISCONN;
  return 0;
}

/* A peer that was collected is EINVAL before Linux 6.16, which keeps it. */
static int
open_peer (int fd)
{
  int result = check_connected (fd), pidfd = -1;
  socklen_t size = sizeof pidfd;

  if (result < 0)
    return result;
  if (getsockopt (fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) == 0)
    return pidfd;
  return errno == EINVAL || errno == ENODATA ? -ESRCH : -errno;
}

int
nb_pidfd_take_from (int fd)
{
  pid_t pid = nb_pidfd_get_pid (fd);

  if (pid == -EBADF)
    return open_peer (fd);
  return pid < 0 ? pid : nb_fd_dup (fd, 0);
}

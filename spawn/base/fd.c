/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

void
nb_fd_clear (int *fd)
{
  int saved = errno;

  if (*fd >= 0)
    (void)close (*fd);
  *fd = -1;
  errno = saved;
}

int
nb_fd_steal (int *fd)
{
  int stolen = *fd;

  *fd = -1;
  return stolen;
}

int
nb_fd_set_cloexec (int fd, bool cloexec)
{
  int flags = fcntl (fd, F_GETFD);

  if (flags < 0)
    return -errno;
  flags = cloexec ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC;
  return fcntl (fd, F_SETFD, flags) < 0 ? -errno : 0;
}

int
nb_fd_dup (int fd, int at_least)
{
  int copy = fcntl (fd, F_DUPFD_CLOEXEC, at_least);

  return copy < 0 ? -errno : copy;
}

/* close_range(2) is Linux 5.9; before it, every number below the limit is tried. */
int
nb_fd_close_from (int first)
{
  struct rlimit limit;

  if (syscall (SYS_close_range, (unsigned)first, ~0U, 0U) == 0)
    return 0;
  if (errno != ENOSYS && errno != EPERM)
    return -errno;
  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    return -errno;
  for (int fd = first; fd < (int)limit.rlim_cur; fd++)
    (void)close (fd);
  return 0;
}

bool
nb_fd_is_socket (int fd, int type)
{
  int value = 0;
  socklen_t size = sizeof value;

  if (getsockopt (fd, SOL_SOCKET, SO_DOMAIN, &value, &size) < 0 || value != AF_UNIX)
    return false;
  size = sizeof value;
  return getsockopt (fd, SOL_SOCKET, SO_TYPE, &value, &size) == 0 && value == type;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/chrome-sandbox/output-relay.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "spawn/base/fd.h"

int
nb_output_relay_init (NbOutputRelay *relay, int fd)
{
  int ends[2];

  *relay = (NbOutputRelay){ .terminal = -1, .pipe = -1 };
  if (!isatty (fd))
    return fd;
  if (pipe2 (ends, O_CLOEXEC) < 0)
    return -errno;
  if (fcntl (ends[0], F_SETFL, O_NONBLOCK) < 0)
    {
      int error = -errno;

      nb_fd_clear (&ends[0]);
      nb_fd_clear (&ends[1]);
      return error;
    }
  *relay = (NbOutputRelay){ .terminal = fd, .pipe = ends[0] };
  return ends[1];
}

bool
nb_output_relay_pump (NbOutputRelay *relay)
{
  char text[4096];
  ssize_t got = read (relay->pipe, text, sizeof text);

  if (got > 0)
    (void)!write (relay->terminal, text, (size_t)got);
  else if (got == 0 || (errno != EAGAIN && errno != EINTR))
    nb_fd_clear (&relay->pipe);
  return got > 0;
}

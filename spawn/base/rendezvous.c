/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/base/rendezvous.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spawn/base/fd.h"

#define TEMPLATE NB_RENDEZVOUS_PREFIX "XXXXXX"

enum
{
  BACKLOG = 16,
};

static int
listen_at (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  nb_autofd fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  memcpy (address.sun_path, path, strlen (path) + 1);
  if (fd < 0 || bind (fd, (struct sockaddr *)&address, sizeof address) < 0
      || listen (fd, BACKLOG) < 0)
    return -errno;
  return nb_fd_steal (&fd);
}

int
nb_rendezvous_make (const char *parent, char path_out[NB_RENDEZVOUS_PATH])
{
  int length, fd;

  if (parent == NULL)
    parent = getenv ("XDG_RUNTIME_DIR");
  if (parent == NULL)
    parent = "/tmp";
  length = snprintf (path_out, NB_RENDEZVOUS_PATH, "%s/" TEMPLATE, parent);
  if (length < 0 || length + (int)sizeof "/" NB_RENDEZVOUS_SOCKET > NB_RENDEZVOUS_PATH)
    return -ENAMETOOLONG;
  if (mkdtemp (path_out) == NULL)
    return -errno;
  (void)strcpy (path_out + length, "/" NB_RENDEZVOUS_SOCKET);
  fd = listen_at (path_out);
  if (fd < 0)
    nb_rendezvous_remove (path_out);
  return fd;
}

int
nb_rendezvous_path (int listener, char path_out[NB_RENDEZVOUS_PATH])
{
  struct sockaddr_un address = { .sun_family = AF_UNSPEC };
  socklen_t size = sizeof address;
  int listens = 0;
  socklen_t listens_size = sizeof listens;

  if (getsockopt (listener, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size) < 0
      || getsockname (listener, (struct sockaddr *)&address, &size) < 0)
    return -errno;
  if (!listens || address.sun_family != AF_UNIX || address.sun_path[0] != '/'
      || size > sizeof address)
    return -EINVAL;
  memcpy (path_out, address.sun_path, NB_RENDEZVOUS_PATH);
  return path_out[NB_RENDEZVOUS_PATH - 1] == '\0' ? 0 : -ENAMETOOLONG;
}

void
nb_rendezvous_remove (const char *path)
{
  const char *end = strrchr (path, '/');
  char folder[NB_RENDEZVOUS_PATH] = "";

  (void)unlink (path);
  if (end == NULL || end - path >= NB_RENDEZVOUS_PATH)
    return;
  memcpy (folder, path, (size_t)(end - path));
  (void)rmdir (folder);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/client/display.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "spawn/base/fd.h"

static bool
can_connect (const struct sockaddr_un *address)
{
  nb_autofd fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  return fd >= 0 && connect (fd, (const struct sockaddr *)address, sizeof *address) == 0;
}

static bool
has_x11 (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  const char *name = getenv ("DISPLAY");
  int number;

  if (name == NULL || sscanf (name, ":%d", &number) != 1)
    return false;
  (void)snprintf (address.sun_path, sizeof address.sun_path, "/tmp/.X11-unix/X%d", number);
  return can_connect (&address);
}

/* wayland: src/wayland-client.c, connect_to_socket */
static bool
has_wayland (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  const char *name = getenv ("WAYLAND_DISPLAY"), *folder = getenv ("XDG_RUNTIME_DIR");
  int length;

  if (folder == NULL)
    return false;
  if (name == NULL)
    name = "wayland-0";
  length = snprintf (address.sun_path, sizeof address.sun_path, "%s%s%s",
                     name[0] == '/' ? "" : folder, name[0] == '/' ? "" : "/", name);
  return length < (int)sizeof address.sun_path && can_connect (&address);
}

unsigned
nb_displays_look (void)
{
  unsigned found = 0;

  if (has_x11 ())
    found |= NB_DISPLAY_X11;
  if (has_wayland ())
    found |= NB_DISPLAY_WAYLAND;
  if (access ("/dev/dri", F_OK) == 0 || access ("/dev/nvidiactl", F_OK) == 0)
    found |= NB_DISPLAY_GPU;
  return found;
}

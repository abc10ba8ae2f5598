/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/base/no-bus.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/macros.h"

enum
{
  READ_BYTES = 4096,
};

const char *
nb_bus_name (NbBus bus)
{
  static const char *const names[NB_N_BUSES] = {
    [NB_BUS_NONE] = "no bus",
    [NB_BUS_SESSION] = "the session bus, /run/flatpak/bus",
    [NB_BUS_A11Y] = "the accessibility bus, /run/flatpak/at-spi-bus",
    [NB_BUS_SYSTEM] = "the system bus, /run/dbus/system_bus_socket",
    [NB_BUS_RUNTIME] = "a bus in the runtime folder",
    [NB_BUS_ABSTRACT] = "an abstract socket",
    [NB_BUS_UNKNOWN] = "what cannot be looked at",
  };

  return (size_t)bus < NB_N_BUSES ? names[bus] : names[NB_BUS_UNKNOWN];
}

bool
nb_kind_has_no_bus (NbKind kind)
{
  return kind != NB_KIND_NONE && kind != NB_KIND_NETWORK;
}

/* --- places --- */

/* Absent, and not merely out of sight. */
static NbBus
look_for (const char *path, NbBus bus)
{
  struct stat found;

  if (lstat (path, &found) == 0)
    return bus;
  return errno == ENOENT || errno == ENOTDIR ? NB_BUS_NONE : NB_BUS_UNKNOWN;
}

static NbBus
look_in_runtime_folders (void)
{
  const char *own = getenv ("XDG_RUNTIME_DIR");
  char path[512];
  NbBus found;

  (void)snprintf (path, sizeof path, "/run/user/%u/bus", (unsigned)getuid ());
  found = look_for (path, NB_BUS_RUNTIME);
  if (found != NB_BUS_NONE || own == NULL)
    return found;
  if ((size_t)snprintf (path, sizeof path, "%s/bus", own) >= sizeof path)
    return NB_BUS_UNKNOWN;
  return look_for (path, NB_BUS_RUNTIME);
}

/* Lines of net/unix end in the name, which begins with @ where it is abstract. */
static NbBus
look_for_abstract (void)
{
  nb_autofd fd = open ("/proc/self/net/unix", O_RDONLY | O_CLOEXEC);
  char text[READ_BYTES], last = '\0';
  ssize_t size = -1;

  while (fd >= 0 && (size = read (fd, text, sizeof text)) > 0)
    for (ssize_t i = 0; i < size; i++)
      {
        if (text[i] == '@' && last == ' ')
          return NB_BUS_ABSTRACT;
        last = text[i];
      }
  return size == 0 ? NB_BUS_NONE : NB_BUS_UNKNOWN;
}

NbBus
nb_bus_find (bool shares_network)
{
  static const struct
  {
    const char *path;
    NbBus bus;
  } places[] = { { "/run/flatpak/bus", NB_BUS_SESSION },
                 { "/run/flatpak/at-spi-bus", NB_BUS_A11Y },
                 { "/run/dbus/system_bus_socket", NB_BUS_SYSTEM },
                 { "/var/run/dbus/system_bus_socket", NB_BUS_SYSTEM } };
  NbBus found = NB_BUS_NONE;

  for (size_t i = 0; found == NB_BUS_NONE && i < NB_ARRAY_SIZE (places); i++)
    found = look_for (places[i].path, places[i].bus);
  if (found == NB_BUS_NONE)
    found = look_in_runtime_folders ();
  if (found == NB_BUS_NONE && !shares_network)
    found = look_for_abstract ();
  return found;
}

/* --- environment --- */

const char *
nb_bus_in_environment (const char *const *envp)
{
  static const char *const addresses[]
      = { "DBUS_SESSION_BUS_ADDRESS=", "DBUS_SYSTEM_BUS_ADDRESS=", "AT_SPI_BUS_ADDRESS=",
          "DBUS_STARTER_ADDRESS=", "DBUS_STARTER_BUS_TYPE=" };

  for (; *envp != NULL; envp++)
    for (size_t i = 0; i < NB_ARRAY_SIZE (addresses); i++)
      {
        size_t length = strlen (addresses[i]);

        if (strncmp (*envp, addresses[i], length) == 0
            && strcmp (*envp + length, "disabled:") != 0)
          return *envp;
      }
  return NULL;
}

/* --- descriptors --- */

/* As buses and Flatpak's proxies are called; an abstract name begins with a NUL byte. */
static bool
is_name_of_bus (const char *name)
{
  static const char *const parts[] = { "dbus", "bus-proxy", "bus_socket", "at-spi" };
  const char *last = strrchr (name, '/');

  for (size_t i = 0; i < NB_ARRAY_SIZE (parts); i++)
    if (strstr (name, parts[i]) != NULL)
      return true;
  return last != NULL && strcmp (last, "/bus") == 0;
}

bool
nb_bus_is_peer (int fd)
{
  struct sockaddr_un peer;
  socklen_t size = sizeof peer;
  char name[sizeof peer.sun_path + 1] = "";

  memset (&peer, 0, sizeof peer);
  if (getpeername (fd, (struct sockaddr *)&peer, &size) < 0 || peer.sun_family != AF_UNIX
      || size <= offsetof (struct sockaddr_un, sun_path))
    return false;
  memcpy (name, peer.sun_path, sizeof peer.sun_path);
  if (name[0] == '\0')
    name[0] = '@';
  return is_name_of_bus (name);
}

static bool
is_listed (int fd, const int *listed, size_t n)
{
  if (fd <= STDERR_FILENO)
    return true;
  for (size_t i = 0; i < n; i++)
    if (listed[i] == fd)
      return true;
  return false;
}

/* listed: NULL lets every number pass. */
static int
check_one (int fd, const int *listed, size_t n)
{
  int flags = fcntl (fd, F_GETFD);

  if (listed != NULL && (flags < 0 || (flags & FD_CLOEXEC) != 0))
    return 0;
  if (listed != NULL && !is_listed (fd, listed, n))
    return -EISCONN;
  return nb_bus_is_peer (fd) ? -EISCONN : 0;
}

/* As getdents64(2) has it. */
typedef struct
{
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  char name[];
} Entry;

static int
check_all (const int *listed, size_t n)
{
  nb_autofd folder = open ("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  _Alignas(Entry) char entries[READ_BYTES];
  long size = -1;
  int result = 0;

  if (folder < 0)
    return -errno;
  while (result == 0
         && (size = syscall (SYS_getdents64, folder, entries, sizeof entries)) > 0)
    for (long at = 0; result == 0 && at < size;)
      {
        const Entry *entry = (const Entry *)(const void *)(entries + at);

        if (entry->name[0] >= '0' && entry->name[0] <= '9')
          result = check_one (atoi (entry->name), listed, n);
        at += entry->length;
      }
  return result == 0 && size < 0 ? -errno : result;
}

int
nb_bus_check_descriptors (const int *listed, size_t n)
{
  static const int none[1];

  return check_all (listed != NULL ? listed : none, n);
}

int
nb_bus_check_peers (void)
{
  return check_all (NULL, 0);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The proof that no bus is within reach: each way to one is found where there is one. */
#include "spawn/base/no-bus.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

/* --- sockets --- */

static struct sockaddr_un
address_of (const char *name)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  (void)snprintf (address.sun_path, sizeof address.sun_path, "%s", name);
  if (name[0] == '@')
    address.sun_path[0] = '\0';
  return address;
}

static int
listen_at (const char *name)
{
  struct sockaddr_un address = address_of (name);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  nb_test_child_check (fd >= 0);
  nb_test_child_check (bind (fd, (struct sockaddr *)&address, sizeof address) == 0);
  nb_test_child_check (listen (fd, 4) == 0);
  return fd;
}

static int
connect_to (const char *name)
{
  struct sockaddr_un address = address_of (name);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  nb_test_child_check (connect (fd, (struct sockaddr *)&address, sizeof address) == 0);
  return fd;
}

/* --- places, in namespaces of the test's own with an empty /run --- */

typedef struct
{
  const char *name;
  const char *folders[3]; /* to be made, in this order */
  const char *socket;
  NbBus bus;
} PlaceCase;

static const PlaceCase places[] = {
  { "session", { "/run/flatpak" }, "/run/flatpak/bus", NB_BUS_SESSION },
  { "accessibility", { "/run/flatpak" }, "/run/flatpak/at-spi-bus", NB_BUS_A11Y },
  { "system", { "/run/dbus" }, "/run/dbus/system_bus_socket", NB_BUS_SYSTEM },
  { "runtime", { "/run/mine" }, "/run/mine/bus", NB_BUS_RUNTIME },
  { "abstract", { NULL }, "@any", NB_BUS_ABSTRACT },
  { "other", { "/run/flatpak" }, "/run/flatpak/pulse", NB_BUS_NONE },
};

static void
look (gconstpointer data)
{
  const PlaceCase *place = data;
  nb_autofd fd = -1;

  nb_test_child_check (
      unshare (CLONE_NEWNS | CLONE_NEWNET | (geteuid () != 0 ? CLONE_NEWUSER : 0)) == 0);
  nb_test_child_check (mount ("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0);
  nb_test_child_check (mount ("none", "/run", "tmpfs", 0, NULL) == 0);
  nb_test_child_check (setenv ("XDG_RUNTIME_DIR", "/run/mine", 1) == 0);
  nb_test_child_check (nb_bus_find (false) == NB_BUS_NONE);
  for (gsize i = 0; i < G_N_ELEMENTS (place->folders) && place->folders[i] != NULL; i++)
    nb_test_child_check (mkdir (place->folders[i], 0700) == 0);
  fd = listen_at (place->socket);
  nb_test_child_check (nb_bus_find (false) == place->bus);
  nb_test_child_check (nb_bus_find (true)
                       == (place->bus == NB_BUS_ABSTRACT ? NB_BUS_NONE : place->bus));
}

static void
test_place (gconstpointer data)
{
  nb_test_in_child (look, data);
}

/* A name that leads nowhere is a name, and what may not be looked at may be a bus. */
static void
look_at_odd_places (gconstpointer data)
{
  (void)data;
  nb_test_child_check (
      unshare (CLONE_NEWNS | CLONE_NEWNET | (geteuid () != 0 ? CLONE_NEWUSER : 0)) == 0);
  nb_test_child_check (mount ("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0);
  nb_test_child_check (mount ("none", "/run", "tmpfs", 0, NULL) == 0);
  nb_test_child_check (mkdir ("/run/flatpak", 0700) == 0);
  nb_test_child_check (symlink ("/nowhere", "/run/flatpak/bus") == 0);
  nb_test_child_check (nb_bus_find (false) == NB_BUS_SESSION);
  nb_test_child_check (unlink ("/run/flatpak/bus") == 0);
  nb_test_child_check (symlink ("/run/loop", "/run/loop") == 0);
  nb_test_child_check (rmdir ("/run/flatpak") == 0);
  nb_test_child_check (symlink ("/run/loop", "/run/flatpak") == 0);
  nb_test_child_check (nb_bus_find (false) == NB_BUS_UNKNOWN);
}

static void
test_odd_places (void)
{
  nb_test_in_child (look_at_odd_places, NULL);
}

/* --- environment --- */

static void
test_environment (void)
{
  static const char *const good[]
      = { "DBUS_SESSION_BUS_ADDRESS=disabled:", "XDBUS_SESSION_BUS_ADDRESS=x",
          "DBUS_SESSION=x", "HOME=/", NULL };
  static const char *const bad[] = { "DBUS_SESSION_BUS_ADDRESS=",
                                     "DBUS_SESSION_BUS_ADDRESS=disabled:;unix:path=/x",
                                     "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/x",
                                     "AT_SPI_BUS_ADDRESS=unix:abstract=x",
                                     "DBUS_STARTER_ADDRESS=x",
                                     "DBUS_STARTER_BUS_TYPE=session" };

  g_assert_null (nb_bus_in_environment (good));
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      const char *const environment[] = { good[0], bad[i], NULL };

      g_assert_true (nb_bus_in_environment (environment) == bad[i]);
    }
}

/* --- descriptors --- */

static void
test_peer (gconstpointer data)
{
  const char *const *name = data;
  nb_autofd listener = listen_at (name[0]), peer = connect_to (name[0]);

  g_assert_true (nb_bus_is_peer (peer) == (name[1] != NULL));
  g_assert_cmpint (nb_bus_check_peers (), ==, name[1] != NULL ? -EISCONN : 0);
  if (name[0][0] == '/')
    g_assert_cmpint (unlink (name[0]), ==, 0);
}

static void
check_descriptors (gconstpointer data)
{
  static const int listed[] = { 7, 9 };
  int ends[2];

  (void)data;
  nb_test_child_check (nb_fd_close_from (3) == 0);
  nb_test_child_check (nb_bus_check_descriptors (NULL, 0) == 0);
  nb_test_child_check (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  nb_test_child_check (nb_bus_check_descriptors (NULL, 0) == 0); /* they end at execve */
  nb_test_child_check (dup2 (ends[0], 7) == 7 && dup2 (ends[1], 9) == 9);
  nb_test_child_check (nb_bus_check_descriptors (listed, 2) == 0);
  nb_test_child_check (nb_bus_check_descriptors (listed, 1) == -EISCONN);
  nb_test_child_check (nb_bus_check_descriptors (NULL, 0) == -EISCONN);
  nb_test_child_check (close (9) == 0 && dup2 (listen_at ("@test-no-bus/bus"), 9) == 9);
  nb_test_child_check (nb_bus_check_descriptors (listed, 2) == 0);
  nb_test_child_check (dup2 (connect_to ("@test-no-bus/bus"), 7) == 7);
  nb_test_child_check (nb_bus_check_descriptors (listed, 2) == -EISCONN);
  /* Standard output is no exception for that. */
  nb_test_child_check (close (7) == 0 && dup2 (connect_to ("@test-no-bus/bus"), 1) == 1);
  nb_test_child_check (nb_bus_check_descriptors (listed, 2) == -EISCONN);
}

static void
test_descriptors (void)
{
  nb_test_in_child (check_descriptors, NULL);
}

/* More than one call of getdents64(2) has room for. */
static void
check_many (gconstpointer data)
{
  int peer;

  (void)data;
  nb_test_child_check (nb_fd_close_from (3) == 0);
  (void)listen_at ("@test-no-bus-many/bus");
  for (int i = 0; i < 400; i++)
    nb_test_child_check (open ("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
  nb_test_child_check (nb_bus_check_peers () == 0);
  peer = connect_to ("@test-no-bus-many/bus");
  nb_test_child_check (peer > 400 && nb_bus_check_peers () == -EISCONN);
  nb_test_child_check (fcntl (peer, F_SETFD, 0) == 0);
  nb_test_child_check (nb_bus_check_descriptors (NULL, 0) == -EISCONN);
}

static void
test_many (void)
{
  nb_test_in_child (check_many, NULL);
}

/* --- kinds --- */

static void
test_kinds (void)
{
  for (int kind = 0; kind < NB_N_KINDS; kind++)
    g_assert_true (nb_kind_has_no_bus ((NbKind)kind)
                   == (kind != NB_KIND_NONE && kind != NB_KIND_NETWORK));
  for (int bus = 0; bus < NB_N_BUSES; bus++)
    g_assert_cmpstr (nb_bus_name ((NbBus)bus), !=, "");
  g_assert_cmpstr (nb_bus_name ((NbBus)99), ==, nb_bus_name (NB_BUS_UNKNOWN));
}

int
main (int argc, char **argv)
{
  static const char *const peers[][2]
      = { { "@/tmp/dbus-abc123", "" },
          { "@test/run/user/1000/.dbus-proxy/session-bus-proxy-ABC", "" },
          { "/tmp/nestbox-test-at-spi", "" },
          { "@test-no-bus/run/user/1000/bus", "" },
          { "@test-no-bus/system_bus_socket", "" },
          { "@test-no-bus/systemd/journal/stdout", NULL },
          { "@/tmp/.X11-unix/X4711", NULL } };

  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/no-bus/place", places, test_place);
  nb_test_add ("/no-bus/place/odd", test_odd_places);
  nb_test_add ("/no-bus/environment", test_environment);
  for (gsize i = 0; i < G_N_ELEMENTS (peers); i++)
    {
      g_autofree char *name = g_strdup_printf ("%" G_GSIZE_FORMAT, i);

      nb_test_add_case ("/no-bus/peer", name, peers[i], test_peer);
    }
  nb_test_add ("/no-bus/descriptors", test_descriptors);
  nb_test_add ("/no-bus/descriptors/many", test_many);
  nb_test_add ("/no-bus/kinds", test_kinds);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What sockets are to whoever holds them, and whose network namespace it is. */
#include "spawn/audit/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-process.h"
#include "tests/lib/nb-test.h"

/* --- classes --- */

/* The class and the name of a socket of this process. */
static NbSocketClass
classify (NbSockets *sockets, int fd, char **name_out)
{
  g_autoptr (NbProcess) self = nb_test_open_process (getpid ());
  g_autoptr (NbSocketView) view = nb_socket_view_new (self);
  struct stat stat;

  g_assert_cmpint (fstat (fd, &stat), ==, 0);
  nb_sockets_refresh (sockets);
  return nb_sockets_classify (sockets, view, stat.st_ino, name_out);
}

static void
check (NbSockets *sockets, int fd, NbSocketClass wanted, const char *wanted_name)
{
  g_autofree char *name = NULL;

  g_assert_cmpint (classify (sockets, fd, &name), ==, wanted);
  g_assert_cmpstr (name, ==, wanted_name);
}

typedef struct
{
  struct sockaddr_un address;
  int listener, client, server; /* owned; server is -1 until it is accepted */
} Place;

/* Listens at a path, or at the abstract name "x…"; one is connected. */
static void
place_open (Place *place, const char *path, gboolean abstract)
{
  gsize length = strlen (path);
  socklen_t size = (socklen_t)(offsetof (struct sockaddr_un, sun_path) + length + 1);

  *place = (Place){ .address = { .sun_family = AF_UNIX }, .server = -1 };
  memcpy (place->address.sun_path + abstract, path, length);
  place->listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  place->client = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (bind (place->listener, (struct sockaddr *)&place->address, size), ==, 0);
  g_assert_cmpint (listen (place->listener, 4), ==, 0);
  g_assert_cmpint (connect (place->client, (struct sockaddr *)&place->address, size), ==,
                   0);
}

static void
place_close (Place *place)
{
  if (place->address.sun_path[0] != '\0')
    (void)unlink (place->address.sun_path);
  nb_fd_clear (&place->listener);
  nb_fd_clear (&place->client);
  nb_fd_clear (&place->server);
}

static char *
temporary_path (void)
{
  return g_strdup_printf ("/tmp/nb-audit-%d", (int)getpid ());
}

static void
test_pair (void)
{
  g_autoptr (NbSockets) sockets = nb_sockets_new ();
  int ends[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), ==, 0);
  check (sockets, ends[0], NB_SOCKET_PRIVATE, NULL);
  nb_fd_clear (&ends[1]);
  check (sockets, ends[0], NB_SOCKET_PRIVATE, NULL); /* its peer is closed */
  nb_fd_clear (&ends[0]);
}

/* As the browser's end of a zygote's socket, which asks for credentials. */
static void
test_automatic_name (void)
{
  g_autoptr (NbSockets) sockets = nb_sockets_new ();
  const int on = 1;
  int ends[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), ==, 0);
  g_assert_cmpint (setsockopt (ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on), ==, 0);
  g_assert_cmpint (send (ends[0], "x", 1, 0), ==, 1);
  check (sockets, ends[0], NB_SOCKET_PRIVATE, NULL);
  check (sockets, ends[1], NB_SOCKET_PRIVATE, NULL);
  nb_fd_clear (&ends[0]);
  nb_fd_clear (&ends[1]);
}

static void
check_named (const char *path, gboolean abstract, const char *name)
{
  g_autoptr (NbSockets) sockets = nb_sockets_new ();
  Place place;

  place_open (&place, path, abstract);
  check (sockets, place.listener, NB_SOCKET_NAMED, name);
  /* Nobody accepted it yet: what it is connected to is not told. */
  check (sockets, place.client, NB_SOCKET_UNKNOWN, NULL);
  place.server = accept4 (place.listener, NULL, NULL, SOCK_CLOEXEC);
  check (sockets, place.client, NB_SOCKET_NAMED, name);
  check (sockets, place.server, NB_SOCKET_NAMED, name);
  place_close (&place);
}

static void
test_path (void)
{
  g_autofree char *path = temporary_path ();

  check_named (path, FALSE, path);
}

static void
test_abstract (void)
{
  check_named ("nb-audit-test", TRUE, "@nb-audit-test");
}

static void
test_bus (void)
{
  g_autoptr (NbSockets) sockets = nb_sockets_new ();
  g_autoptr (NbProcess) self = nb_test_open_process (getpid ());
  g_autoptr (NbSocketView) view = NULL;
  g_autofree char *path = temporary_path ();
  Place place;

  g_assert_false (nb_sockets_add_bus (sockets, path));
  place_open (&place, path, FALSE);
  place.server = accept4 (place.listener, NULL, NULL, SOCK_CLOEXEC);
  g_assert_true (nb_sockets_add_bus (sockets, path));
  check (sockets, place.client, NB_SOCKET_BUS, path);
  view = nb_socket_view_new (self);
  g_assert_true (nb_socket_view_is_whole (view));
  g_assert_cmpstr (nb_sockets_find_bus (sockets, view), ==, path);
  place_close (&place);
}

typedef struct
{
  const char *name;
  int family, type, protocol;
} FamilyCase;

/* An unbound one is in none of the kernel's tables. */
static const FamilyCase family_cases[] = {
  { "tcp", AF_INET, SOCK_STREAM, 0 },
  { "tcp6", AF_INET6, SOCK_STREAM, 0 },
  { "udp", AF_INET, SOCK_DGRAM, 0 },
  { "netlink", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE },
};

static void
test_family (gconstpointer data)
{
  const FamilyCase *test = data;
  g_autoptr (NbSockets) sockets = nb_sockets_new ();
  nb_autofd fd = socket (test->family, test->type | SOCK_CLOEXEC, test->protocol);
  struct sockaddr_storage address = { .ss_family = (sa_family_t)test->family };
  socklen_t size = test->family == AF_NETLINK ? sizeof (struct sockaddr_nl)
                   : test->family == AF_INET  ? sizeof (struct sockaddr_in)
                                              : sizeof (struct sockaddr_in6);

  if (fd < 0 && errno == EAFNOSUPPORT)
    {
      g_test_skip ("the kernel has no such family");
      return;
    }
  g_assert_cmpint (bind (fd, (struct sockaddr *)&address, size), ==, 0);
  if (test->type == SOCK_STREAM)
    g_assert_cmpint (listen (fd, 1), ==, 0);
  check (sockets, fd, NB_SOCKET_NETWORK, NULL);
}

/* Never taken for harmless. */
static void
test_unbound (void)
{
  g_autoptr (NbSockets) sockets = nb_sockets_new ();
  nb_autofd fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  check (sockets, fd, NB_SOCKET_UNKNOWN, NULL);
}

/* --- namespaces --- */

typedef struct
{
  int ready, network; /* owned by the test; flags of unshare(2) */
} Child;

static void
live_in_namespace (gconstpointer data)
{
  const Child *child = data;

  if (child->network != 0)
    nb_test_child_check (unshare (CLONE_NEWNET | (geteuid () != 0 ? CLONE_NEWUSER : 0))
                         == 0);
  nb_test_child_check (write (child->ready, "x", 1) == 1);
  for (;;)
    (void)pause ();
}

static void
check_namespace (gboolean own, NbSame wanted)
{
  g_autoptr (NbSockets) sockets = nb_sockets_new ();
  g_autoptr (NbProcess) process = NULL;
  int ends[2];
  Child child = { .network = own };
  pid_t pid;

  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  child.ready = ends[1];
  pid = nb_test_fork (live_in_namespace, &child);
  nb_fd_clear (&ends[1]);
  nb_test_wait_readable (ends[0]);
  process = nb_test_open_process (pid);
  g_assert_cmpint (nb_sockets_compare (sockets, process), ==, wanted);
  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  (void)nb_test_wait (pid);
  nb_fd_clear (&ends[0]);
  g_assert_cmpint (nb_sockets_compare (sockets, process), ==, NB_SAME_UNKNOWN);
}

static void
test_same_namespace (void)
{
  check_namespace (FALSE, NB_SAME_YES);
}

static void
test_other_namespace (void)
{
  check_namespace (TRUE, NB_SAME_NO);
}

#define TABLE_HEAD "Num       RefCount Protocol Flags    Type St Inode Path\n"
#define TABLE_LINE "0000000000000000: 00000003 00000000 00000000 0001 03 "

typedef struct
{
  const char *name, *table; /* of a namespace that has no socket of ours */
  NbSocketClass wanted;     /* of number 1 */
  const char *wanted_name;
} TheirsCase;

static const TheirsCase theirs_cases[] = {
  { "no-name", TABLE_HEAD TABLE_LINE "1\n" TABLE_LINE "2\n", NB_SOCKET_PRIVATE, NULL },
  { "its-own", TABLE_HEAD TABLE_LINE "1 /a\n" TABLE_LINE "2 /b\n", NB_SOCKET_NAMED, "/a" },
  /* It may be connected to that, and to nothing else. */
  { "one-name", TABLE_HEAD TABLE_LINE "1\n" TABLE_LINE "2 /a\n" TABLE_LINE "3 /a\n",
    NB_SOCKET_NAMED, "/a" },
  { "two-names", TABLE_HEAD TABLE_LINE "1\n" TABLE_LINE "2 /a\n" TABLE_LINE "3 /b\n",
    NB_SOCKET_UNKNOWN, NULL },
  { "not-listed", TABLE_HEAD TABLE_LINE "2\n", NB_SOCKET_UNKNOWN, NULL },
  { "torn",
    TABLE_HEAD TABLE_LINE "1\n"
                          "x\n",
    NB_SOCKET_UNKNOWN, NULL },
};

static void
test_theirs (gconstpointer data)
{
  const TheirsCase *test = data;
  g_autoptr (NbSockets) sockets = nb_sockets_new ();
  g_autofree char *folder = g_dir_make_tmp ("nb-sockets-XXXXXX", NULL);
  g_autofree char *net = g_build_filename (folder, "net", NULL);
  g_autofree char *path = g_build_filename (net, "unix", NULL);
  g_autofree char *name = NULL;
  g_autoptr (NbProcess) process = NULL;
  g_autoptr (NbSocketView) view = NULL;

  g_assert_cmpint (mkdir (net, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, test->table, -1, NULL));
  process = nb_process_take (open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 1);
  view = nb_socket_view_new (process);
  g_assert_cmpint (nb_sockets_classify (sockets, view, 1, &name), ==, test->wanted);
  g_assert_cmpstr (name, ==, test->wanted_name);
  g_assert_cmpint (unlink (path), ==, 0);
  g_assert_cmpint (rmdir (net), ==, 0);
  g_assert_cmpint (rmdir (folder), ==, 0);
}

/* A table that is not what the kernel writes proves nothing. */
static void
test_torn_table (void)
{
  g_autoptr (NbSockets) sockets = nb_sockets_new ();
  g_autoptr (NbProcess) process = NULL;
  g_autofree char *folder = g_dir_make_tmp ("nb-sockets-XXXXXX", NULL);
  g_autofree char *net = g_build_filename (folder, "net", NULL);
  g_autofree char *path = g_build_filename (net, "unix", NULL);

  g_assert_cmpint (mkdir (net, 0700), ==, 0);
  process = nb_process_take (open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 1);
  g_assert_cmpint (nb_sockets_compare (sockets, process), ==, NB_SAME_UNKNOWN);
  g_assert_true (g_file_set_contents (path, "Num RefCount\nline of nobody's\n", -1, NULL));
  g_assert_cmpint (nb_sockets_compare (sockets, process), ==, NB_SAME_UNKNOWN);
  g_assert_true (g_file_set_contents (path, "Num RefCount\n", -1, NULL));
  g_assert_cmpint (nb_sockets_compare (sockets, process), ==, NB_SAME_NO);
  g_assert_cmpint (unlink (path), ==, 0);
  g_assert_cmpint (rmdir (net), ==, 0);
  g_assert_cmpint (rmdir (folder), ==, 0);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/audit-sockets/pair", test_pair);
  nb_test_add ("/audit-sockets/automatic-name", test_automatic_name);
  nb_test_add ("/audit-sockets/path", test_path);
  nb_test_add ("/audit-sockets/abstract", test_abstract);
  nb_test_add ("/audit-sockets/bus", test_bus);
  nb_test_add_cases ("/audit-sockets/family", family_cases, test_family);
  nb_test_add ("/audit-sockets/unbound", test_unbound);
  nb_test_add ("/audit-sockets/same-namespace", test_same_namespace);
  nb_test_add ("/audit-sockets/other-namespace", test_other_namespace);
  nb_test_add_cases ("/audit-sockets/theirs", theirs_cases, test_theirs);
  nb_test_add ("/audit-sockets/torn-table", test_torn_table);
  return g_test_run ();
}

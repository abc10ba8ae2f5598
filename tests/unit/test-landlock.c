/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a process can and cannot do behind the Landlock wall. Each case is a child of its
 * own, which the wall holds for good.
 */
#include "seccomp/landlock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

enum
{
  ABI_FS = 1,
  ABI_TRUNCATE = 3,
  ABI_NET = 4,
  ABI_SCOPE = 6,
};

/* What scoped processes must not reach: a sibling, and a socket of the parent. */
static struct
{
  pid_t sibling;
  struct sockaddr_un address;
  socklen_t address_size;
} outside;

static void
enter_wall (void)
{
  nb_test_child_check (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  nb_test_child_check (nb_landlock_enter_wall () == 0);
}

static void
enter_scope (void)
{
  nb_test_child_check (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  nb_test_child_check (nb_landlock_enter_child_domain () == 0);
}

static int
try_open (const char *path, int flags)
{
  nb_autofd fd = open (path, flags | O_CLOEXEC, 0600);

  return fd < 0 ? -errno : 0;
}

/* --- the wall: files --- */

static void
open_files (gconstpointer data)
{
  (void)data;
  nb_test_child_check (try_open ("/etc/passwd", O_RDONLY) == 0);
  nb_test_child_check (try_open ("/", O_RDONLY | O_DIRECTORY) == 0);
  enter_wall ();
  nb_test_child_check (try_open ("/etc/passwd", O_RDONLY) == -EACCES);
  nb_test_child_check (try_open ("/", O_RDONLY | O_DIRECTORY) == -EACCES);
  nb_test_child_check (try_open ("/dev/null", O_RDWR) == -EACCES);
  nb_test_child_check (try_open ("/tmp/nb-test-landlock", O_WRONLY | O_CREAT) == -EACCES);
}

/* Chromium's children count their threads and list their open folders there. */
static void
read_proc (gconstpointer data)
{
  (void)data;
  enter_wall ();
  nb_test_child_check (try_open ("/proc/self/status", O_RDONLY) == 0);
  nb_test_child_check (try_open ("/proc/self/fd", O_RDONLY | O_DIRECTORY) == 0);
  nb_test_child_check (try_open ("/proc/self/comm", O_WRONLY) == -EACCES);
  nb_test_child_check (try_open ("/proc/self/root/etc/passwd", O_RDONLY) == -EACCES);
}

/* data: a folder that has a file "old". */
static void
change_folder (gconstpointer data)
{
  nb_test_child_check (chdir (data) == 0);
  nb_test_child_check (mkdir ("folder", 0700) == 0 && rmdir ("folder") == 0);
  enter_wall ();
  nb_test_child_check (mkdir ("folder", 0700) < 0 && errno == EACCES);
  nb_test_child_check (mkfifo ("fifo", 0600) < 0 && errno == EACCES);
  nb_test_child_check (symlink ("old", "new") < 0 && errno == EACCES);
  nb_test_child_check (rename ("old", "new") < 0 && errno == EACCES);
  nb_test_child_check (unlink ("old") < 0 && errno == EACCES);
  if (nb_landlock_abi () >= ABI_TRUNCATE)
    nb_test_child_check (truncate ("old", 0) < 0 && errno == EACCES);
}

static void
test_changes (void)
{
  g_autofree char *folder = g_dir_make_tmp ("nb-test-XXXXXX", NULL);
  g_autofree char *old = g_build_filename (folder, "old", NULL), *text = NULL;

  if (nb_landlock_abi () < ABI_FS)
    g_test_skip ("this kernel has no Landlock");
  else
    {
      g_assert_true (g_file_set_contents (old, "text", -1, NULL));
      nb_test_in_child (change_folder, folder);
      g_assert_true (g_file_get_contents (old, &text, NULL, NULL));
      g_assert_cmpstr (text, ==, "text");
      g_assert_cmpint (g_unlink (old), ==, 0);
    }
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

static void
execute (gconstpointer data)
{
  (void)data;
  enter_wall ();
  nb_test_child_check (execl ("/bin/true", "true", NULL) < 0 && errno == EACCES);
}

static void
use_what_is_open (gconstpointer data)
{
  nb_autofd file = nb_test_text_file ("text");
  nb_autofd passwd = open ("/etc/passwd", O_RDONLY | O_CLOEXEC);
  char byte;

  (void)data;
  enter_wall ();
  nb_test_child_check (read (passwd, &byte, 1) == 1);
  nb_test_child_check (read (file, &byte, 1) == 1 && write (file, "x", 1) == 1);
  nb_test_child_check (ftruncate (file, 0) == 0);
  nb_test_child_check (getppid () > 1 && kill (getpid (), 0) == 0);
}

static void
open_file_in_grandchild (gconstpointer data)
{
  (void)data;
  nb_test_child_check (try_open ("/etc/passwd", O_RDONLY) == -EACCES);
}

static void
inherit_wall (gconstpointer data)
{
  (void)data;
  enter_wall ();
  nb_test_in_child (open_file_in_grandchild, NULL);
}

/* A second wall, as a second layer would be, is possible and opens nothing. */
static void
enter_wall_twice (gconstpointer data)
{
  (void)data;
  enter_wall ();
  enter_wall ();
  nb_test_child_check (try_open ("/etc/passwd", O_RDONLY) == -EACCES);
  nb_test_child_check (try_open ("/proc/self/status", O_RDONLY) == 0);
}

static void
enter_without_no_new_privs (gconstpointer data)
{
  (void)data;
  nb_test_child_drop_root ();
  nb_test_child_check (prctl (PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
  nb_test_child_check (nb_landlock_enter_wall () == -EPERM);
  nb_test_child_check (try_open ("/etc/passwd", O_RDONLY) == 0);
}

/* A sandboxed test run has it already. */
static void
test_without_no_new_privs (void)
{
  if (nb_landlock_abi () < ABI_FS)
    g_test_skip ("this kernel has no Landlock");
  else if (prctl (PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0)
    g_test_skip ("only who may gain privileges is refused");
  else
    nb_test_in_child (enter_without_no_new_privs, NULL);
}

/* --- the wall: network --- */

static void
use_tcp (gconstpointer data)
{
  struct sockaddr_in local
      = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  nb_autofd fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  (void)data;
  nb_test_child_check (fd >= 0);
  enter_wall ();
  nb_test_child_check (bind (fd, (struct sockaddr *)&local, sizeof local) < 0
                       && errno == EACCES);
  local.sin_port = htons (9);
  nb_test_child_check (connect (fd, (struct sockaddr *)&local, sizeof local) < 0
                       && errno == EACCES);
}

/* --- scopes, which the wall has too --- */

static void
wait_for_signal (gconstpointer data)
{
  (void)data;
  for (;;)
    (void)pause ();
}

static int
listen_abstract (void)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), length;
  size_t room = sizeof outside.address.sun_path - 1;

  outside.address = (struct sockaddr_un){ .sun_family = AF_UNIX };
  length = snprintf (outside.address.sun_path + 1, room, "nb-test-%d", (int)getpid ());
  outside.address_size
      = (socklen_t)(offsetof (struct sockaddr_un, sun_path) + 1 + (size_t)length);
  g_assert_cmpint (bind (fd, (struct sockaddr *)&outside.address, outside.address_size), ==,
                   0);
  g_assert_cmpint (listen (fd, 5), ==, 0);
  return fd;
}

static int
connect_outside (void)
{
  nb_autofd fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  return connect (fd, (struct sockaddr *)&outside.address, outside.address_size) < 0
             ? -errno
             : 0;
}

/* data: how to enter. */
static void
reach_outside (gconstpointer data)
{
  void (*const *enter) (void) = data;

  nb_test_child_check (kill (outside.sibling, 0) == 0 && connect_outside () == 0);
  (*enter) ();
  nb_test_child_check (kill (outside.sibling, 0) < 0 && errno == EPERM);
  nb_test_child_check (kill (outside.sibling, SIGKILL) < 0 && errno == EPERM);
  nb_test_child_check (kill (getppid (), 0) < 0 && errno == EPERM);
  nb_test_child_check (connect_outside () == -EPERM);
  nb_test_child_check (raise (0) == 0);
}

static void
test_scope (gconstpointer data)
{
  nb_autofd listener = -1;

  if (nb_landlock_abi () < ABI_SCOPE)
    {
      g_test_skip ("this kernel's Landlock has no scopes (ABI 6, Linux 6.12)");
      return;
    }
  listener = listen_abstract ();
  outside.sibling = nb_test_fork (wait_for_signal, NULL);
  nb_test_in_child (reach_outside, data);
  g_assert_cmpint (kill (outside.sibling, SIGUSR1), ==, 0);
  g_assert_cmpint (WTERMSIG (nb_test_wait (outside.sibling)), ==, SIGUSR1);
}

/* The scope alone takes no file away: a zygote's children need what they inherit. */
static void
open_files_in_scope (gconstpointer data)
{
  (void)data;
  enter_scope ();
  nb_test_child_check (try_open ("/etc/passwd", O_RDONLY) == 0);
}

/* --- the table --- */

typedef struct
{
  const char *name;
  int abi;
  void (*body) (gconstpointer data);
} Case;

static const Case cases[] = {
  { "files-cannot-be-opened", ABI_FS, open_files },
  { "proc-can-be-read", ABI_FS, read_proc },
  { "nothing-is-executed", ABI_FS, execute },
  { "what-is-open-stays-usable", ABI_FS, use_what_is_open },
  { "forks-inherit-it", ABI_FS, inherit_wall },
  { "twice", ABI_FS, enter_wall_twice },
  { "no-tcp", ABI_NET, use_tcp },
};

static void
test_case (gconstpointer data)
{
  const Case *test = data;

  if (nb_landlock_abi () < test->abi)
    g_test_skip ("this kernel's Landlock is missing or too old");
  else
    nb_test_in_child (test->body, NULL);
}

static void
test_open_files_in_scope (void)
{
  nb_test_in_child (open_files_in_scope, NULL);
}

int
main (int argc, char **argv)
{
  static void (*wall) (void) = enter_wall;
  static void (*scope) (void) = enter_scope;

  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/landlock/wall", cases, test_case);
  nb_test_add ("/landlock/wall/nothing-is-changed", test_changes);
  nb_test_add ("/landlock/wall/needs-no-new-privs", test_without_no_new_privs);
  nb_test_add_case ("/landlock/wall", "outside-cannot-be-reached", &wall, test_scope);
  nb_test_add_case ("/landlock/scope", "outside-cannot-be-reached", &scope, test_scope);
  nb_test_add ("/landlock/scope/files-can-be-opened", test_open_files_in_scope);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors of every class, open in a child, as they are told from outside. */
#include "spawn/audit/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-process.h"
#include "tests/lib/nb-test.h"

/* Stands for the user's home, and for what the browser was given as output. */
static char *home;

/* --- what is open --- */

static int
open_pipe (void)
{
  int ends[2];

  return pipe2 (ends, O_CLOEXEC) < 0 ? -1 : ends[0];
}

static int
open_events (void)
{
  return eventfd (0, EFD_CLOEXEC);
}

static int
open_epoll (void)
{
  return epoll_create1 (EPOLL_CLOEXEC);
}

static int
open_memory (void)
{
  return memfd_create ("nb-test", MFD_CLOEXEC);
}

static int
open_null (void)
{
  return open ("/dev/null", O_RDWR | O_CLOEXEC);
}

static int
open_pair (void)
{
  int ends[2];

  return socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 ? -1 : ends[0];
}

static int
open_program (void)
{
  return open ("/usr/bin/env", O_RDONLY | O_CLOEXEC);
}

static int
open_statistics (void)
{
  return open ("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

static int
open_memory_of_process (void)
{
  return open ("/proc/self/mem", O_RDONLY | O_CLOEXEC);
}

static int
open_file_of_home (void)
{
  g_autofree char *path = g_build_filename (home, "file", NULL);

  return open (path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int
open_data (const char *folder, int flags)
{
  g_autofree char *path = g_build_filename (home, ".var/app/x", folder, NULL);
  g_autofree char *file = g_build_filename (path, "file", NULL);

  nb_test_child_check (g_mkdir_with_parents (path, 0700) == 0);
  return open (file, flags | O_CREAT | O_CLOEXEC, 0600);
}

static int
open_storage_of_page (void)
{
  return open_data ("Default/File System", O_RDWR);
}

static int
open_shaders (void)
{
  return open_data ("GPUPersistentCache/GPUCache", O_RDWR);
}

static int
open_dictionary (void)
{
  return open_data ("Dictionaries", O_RDONLY);
}

static int
open_writable_dictionary (void)
{
  return open_data ("Dictionaries", O_RDWR);
}

static int
open_data_of_app (void)
{
  return open_data ("Default", O_RDONLY);
}

/* Not of the app's data, whatever the folder is called. */
static int
open_storage_elsewhere (void)
{
  g_autofree char *path = g_build_filename (home, "File System", NULL);
  g_autofree char *file = g_build_filename (path, "file", NULL);

  nb_test_child_check (g_mkdir_with_parents (path, 0700) == 0);
  return open (file, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int
open_unlinked (void)
{
  return open ("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
}

static int
open_unlinked_of_home (void)
{
  return open (home, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
}

static int
open_temporary (void)
{
  char path[] = "/tmp/nb-descriptors-XXXXXX";
  int fd = mkostemp (path, O_CLOEXEC);

  /* The test removes it: a second link would keep it from being nameless. */
  return fd;
}

static int
open_root (void)
{
  return open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int
open_folder_of_home (void)
{
  return open (home, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* In this test browser and child have the same /proc. */
static int
open_proc_of_browser (void)
{
  return open ("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int
open_terminal (void)
{
  return open ("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static int
open_pidfd (void)
{
  return (int)syscall (SYS_pidfd_open, getpid (), 0);
}

static int
open_namespace (void)
{
  return open ("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int
open_internet (void)
{
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  return listen (fd, 1) < 0 ? -1 : fd;
}

static int
open_named (void)
{
  const struct sockaddr_un address
      = { .sun_family = AF_UNIX, .sun_path = "\0nb-descriptors" };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  return bind (fd, (const struct sockaddr *)&address, sizeof address) < 0 ? -1 : fd;
}

/* As the socket of an X server is called. */
static int
open_display (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  (void)g_snprintf (address.sun_path + 1, sizeof address.sun_path - 1, "/tmp/.X11-unix/X%d",
                    (int)getpid ());
  return bind (fd, (const struct sockaddr *)&address, sizeof address) < 0 ? -1 : fd;
}

typedef struct
{
  const char *name;
  int (*open) (void);
  NbFdClass fd_class;
} ClassCase;

static const ClassCase class_cases[] = {
  { "pipe", open_pipe, NB_FD_PLAIN },
  { "eventfd", open_events, NB_FD_PLAIN },
  { "epoll", open_epoll, NB_FD_PLAIN },
  { "memory", open_memory, NB_FD_PLAIN },
  { "null", open_null, NB_FD_PLAIN },
  { "file-without-name", open_unlinked, NB_FD_PLAIN },
  { "pair-of-sockets", open_pair, NB_FD_SOCKET },
  { "program", open_program, NB_FD_PROGRAM },
  { "statistics", open_statistics, NB_FD_STATISTICS },
  { "memory-of-a-process", open_memory_of_process, NB_FD_FILE },
  { "file-of-the-home", open_file_of_home, NB_FD_HOME },
  { "storage-of-a-page", open_storage_of_page, NB_FD_PAGES },
  { "shader-cache", open_shaders, NB_FD_SHADERS },
  { "dictionary", open_dictionary, NB_FD_PAGES },
  { "writable-dictionary", open_writable_dictionary, NB_FD_HOME },
  { "data-of-the-app", open_data_of_app, NB_FD_HOME },
  { "storage-of-a-page-elsewhere", open_storage_elsewhere, NB_FD_HOME },
  { "file-without-name-of-the-home", open_unlinked_of_home, NB_FD_HOME },
  { "temporary-file", open_temporary, NB_FD_FILE },
  { "root", open_root, NB_FD_DIRECTORY },
  { "folder-of-the-home", open_folder_of_home, NB_FD_DIRECTORY },
  { "proc-of-the-browser", open_proc_of_browser, NB_FD_DIRECTORY },
  { "terminal", open_terminal, NB_FD_DEVICE },
  { "pidfd", open_pidfd, NB_FD_OTHER },
  { "namespace", open_namespace, NB_FD_OTHER },
  { "internet", open_internet, NB_FD_NETWORK },
  { "socket-with-name", open_named, NB_FD_NAMED },
  { "display", open_display, NB_FD_DISPLAY },
};

/* --- a child that has it --- */

typedef struct
{
  int (*open) (void);
  int ready;
} Child;

enum
{
  KEPT_FD = 40,
};

/* Only what it opened, and what tells that it did. */
static void
hold (gconstpointer data)
{
  const Child *child = data;
  int fd = child->open ();

  nb_test_child_check (fd >= 0 && dup2 (fd, KEPT_FD) == KEPT_FD
                       && dup2 (child->ready, 0) == 0);
  for (int i = 1; i < KEPT_FD; i++)
    (void)close (i);
  nb_test_child_check (nb_fd_close_from (KEPT_FD + 1) == 0 && write (0, "x", 1) == 1);
  for (;;)
    (void)pause ();
}

static pid_t
start (int (*open_it) (void))
{
  int ends[2];
  Child child = { .open = open_it };
  pid_t pid;

  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  child.ready = ends[1];
  pid = nb_test_fork (hold, &child);
  nb_fd_clear (&ends[1]);
  nb_test_wait_readable (ends[0]);
  nb_fd_clear (&ends[0]);
  return pid;
}

static void
measure (pid_t pid, NbDescriptors *descriptors)
{
  g_autoptr (NbSockets) sockets = nb_sockets_new ();
  g_autoptr (NbProcess) browser = nb_test_open_process (getpid ());
  g_autoptr (NbProcess) process = nb_test_open_process (pid);
  NbDescriptorContext context = { .home = home, .sockets = sockets, .browser = browser };

  nb_descriptors_measure (process, &context, descriptors);
}

/* A file that has a name still, so that it is none without. */
static void
remove_temporary (const char *example)
{
  if (example != NULL && g_str_has_prefix (example, "40 /tmp/nb-descriptors-"))
    g_assert_cmpint (unlink (example + strlen ("40 ")), ==, 0);
}

static void
test_class (gconstpointer data)
{
  const ClassCase *test = data;
  pid_t pid = start (test->open);
  NbDescriptors descriptors;
  g_autofree char *text = NULL;

  measure (pid, &descriptors);
  g_assert_cmpint (descriptors.error, ==, 0);
  text = nb_descriptors_describe (&descriptors, NB_FD_BIT (test->fd_class));
  if (descriptors.counts[test->fd_class] != 1U + (test->fd_class == NB_FD_PLAIN))
    g_error ("%s: %s", test->name, text);
  /* Besides it there is the pipe that the child told by. */
  g_assert_cmphex (nb_descriptors_classes (&descriptors), ==,
                   NB_FD_BIT (test->fd_class) | NB_FD_BIT (NB_FD_PLAIN));
  if (test->open == open_temporary)
    remove_temporary (descriptors.examples[NB_FD_FILE]);
  nb_descriptors_clear (&descriptors);
  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  (void)nb_test_wait (pid);
}

/* What the browser has as its output is known by what it is, not by its number. */
static void
test_output (void)
{
  nb_autofd saved = dup (STDERR_FILENO);
  pid_t pid = start (open_file_of_home);
  g_autofree char *path = g_build_filename (home, "file", NULL);
  nb_autofd same = open (path, O_WRONLY | O_CLOEXEC);
  NbDescriptors descriptors;

  g_assert_cmpint (dup2 (same, STDERR_FILENO), ==, STDERR_FILENO);
  measure (pid, &descriptors);
  g_assert_cmpint (dup2 (saved, STDERR_FILENO), ==, STDERR_FILENO);
  g_assert_cmpuint (descriptors.counts[NB_FD_OUTPUT], ==, 1);
  g_assert_cmpuint (descriptors.counts[NB_FD_HOME], ==, 0);
  nb_descriptors_clear (&descriptors);
  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  (void)nb_test_wait (pid);
}

/* --- a child that lets nobody look --- */

static int
become_undumpable (void)
{
  return prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -1 : open_null ();
}

static void
look_as_ordinary_user (gconstpointer data)
{
  const pid_t pid = *(const pid_t *)data;
  NbDescriptors descriptors;

  nb_test_child_drop_root ();
  measure (pid, &descriptors);
  nb_test_child_check (descriptors.error == EACCES || descriptors.error == EPERM);
  nb_test_child_check (nb_descriptors_classes (&descriptors) == 0);
  nb_descriptors_clear (&descriptors);
}

static void
test_refused (void)
{
  pid_t pid = start (become_undumpable);

  nb_test_in_child (look_as_ordinary_user, &pid);
  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  (void)nb_test_wait (pid);
}

static void
test_describe (void)
{
  NbDescriptors descriptors = { 0 };
  g_autofree char *text = NULL, *nothing = NULL;

  descriptors.counts[NB_FD_HOME] = 3;
  descriptors.examples[NB_FD_HOME] = g_strdup ("20 /home/u/x");
  descriptors.counts[NB_FD_BUS] = 1;
  descriptors.examples[NB_FD_BUS] = g_strdup ("7 /run/bus");
  text = nb_descriptors_describe (&descriptors, ~0U);
  g_assert_cmpstr (text, ==,
                   "files of the home: 3 (20 /home/u/x), "
                   "connections to a bus: 1 (7 /run/bus)");
  nothing = nb_descriptors_describe (&descriptors, NB_FD_BIT (NB_FD_DEVICE));
  g_assert_cmpstr (nothing, ==, "");
  nb_descriptors_clear (&descriptors);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  (void)remove (path);
}

int
main (int argc, char **argv)
{
  int result;

  nb_test_init (&argc, &argv);
  home = g_dir_make_tmp ("nb-home-XXXXXX", NULL);
  nb_test_add_cases ("/descriptors/class", class_cases, test_class);
  nb_test_add ("/descriptors/output-of-the-browser", test_output);
  nb_test_add ("/descriptors/refused", test_refused);
  nb_test_add ("/descriptors/describe", test_describe);
  result = g_test_run ();
  remove_tree (home);
  g_free (home);
  return result;
}

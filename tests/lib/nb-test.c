/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lib/nb-test.h"

#include <errno.h>
#include <gio/gio.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/proc-stat.h"

enum
{
  WATCHDOG_S = 240,
};

typedef struct
{
  void (*plain) (void); /* non-NULL iff with_data is NULL */
  void (*with_data) (gconstpointer data);
  gconstpointer data;
} Test;

typedef struct
{
  char *fds_before;
} Fixture;

static unsigned n_beside; /* children that are no test's: see nb_test_fork_beside() */

/* --- around each test --- */

static int
compare_lines (gconstpointer first, gconstpointer second)
{
  return strcmp (*(const char *const *)first, *(const char *const *)second);
}

/* One line for each open descriptor, with what it is; not the one that lists them. */
static char *
list_fds (void)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) folder = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *name;

  g_assert_nonnull (folder);
  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *link = g_strconcat ("/proc/self/fd/", name, NULL);
      g_autofree char *target = g_file_read_link (link, NULL);

      if (target != NULL
          && !(g_str_has_prefix (target, "/proc/") && g_str_has_suffix (target, "/fd")))
        g_ptr_array_add (lines, g_strconcat (name, " ", target, NULL));
    }
  g_ptr_array_sort (lines, compare_lines);
  g_ptr_array_add (lines, NULL);
  return g_strjoinv ("\n", (char **)lines->pdata);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  (void)data;
  fixture->fds_before = list_fds ();
}

static void
run (Fixture *fixture, gconstpointer data)
{
  const Test *test = data;

  (void)fixture;
  if (test->plain != NULL)
    test->plain ();
  else
    test->with_data (test->data);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autofree char *after = list_fds ();

  (void)data;
  g_assert_cmpstr (after, ==, fixture->fds_before);
  g_free (fixture->fds_before);
  if (n_beside > 0)
    {
      g_assert_cmpuint (nb_test_count_children (getpid ()), ==, n_beside);
      return;
    }
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);
}

void
nb_test_init (int *argc, char ***argv)
{
  g_test_init (argc, argv, NULL);
  (void)alarm (WATCHDOG_S);
}

static void
ignore_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  (void)source, (void)result;
  *(gboolean *)data = TRUE;
}

void
nb_test_warm_up_gio (void)
{
  gboolean done = FALSE;
  g_autoptr (GTask) task = g_task_new (NULL, NULL, ignore_cb, &done);

  g_error_free (g_dbus_error_new_for_dbus_error ("org.freedesktop.DBus.Error.Failed", ""));
  g_task_return_boolean (task, TRUE);
  while (!done)
    (void)g_main_context_iteration (NULL, TRUE);
}

/* Kept to the end: GTest has no place for a destructor of test data. */
static void
add (const char *path, Test test)
{
  static GSList *tests;

  tests = g_slist_prepend (tests, g_memdup2 (&test, sizeof test));
  g_test_add (path, Fixture, tests->data, set_up, run, tear_down);
}

void
nb_test_add (const char *path, void (*test) (void))
{
  add (path, (Test){ .plain = test });
}

void
nb_test_add_case (const char *path, const char *name, gconstpointer data,
                  void (*test) (gconstpointer data))
{
  g_autofree char *full = g_strconcat (path, "/", name, NULL);

  add (full, (Test){ .with_data = test, .data = data });
}

void
nb_test_compare_bytes (const void *first, size_t first_size, const void *second,
                       size_t second_size, const char *file, int line)
{
  if (first_size == second_size
      && (first_size == 0 || memcmp (first, second, first_size) == 0))
    return;
  g_error ("%s:%d: %zu bytes are not the %zu bytes expected", file, line, first_size,
           second_size);
}

/* --- waiting --- */

static bool
poll_fd (int fd, int timeout_ms)
{
  struct pollfd poller = { .fd = fd, .events = POLLIN };
  int result;

  do
    result = poll (&poller, 1, timeout_ms);
  while (result < 0 && errno == EINTR);
  g_assert_cmpint (result, >=, 0);
  return result == 1;
}

void
nb_test_wait_readable (int fd)
{
  g_assert_true (poll_fd (fd, NB_TEST_DEADLINE_MS));
}

bool
nb_test_is_readable_within (int fd, unsigned milliseconds)
{
  return poll_fd (fd, (int)milliseconds);
}

bool
nb_test_is_readable (int fd)
{
  return poll_fd (fd, 0);
}

char *
nb_test_read_all (int fd)
{
  GString *text = g_string_new (NULL);
  char part[4096];
  ssize_t got;

  do
    {
      nb_test_wait_readable (fd);
      got = read (fd, part, sizeof part);
      g_assert_cmpint (got, >=, 0);
      g_string_append_len (text, part, got);
    }
  while (got > 0);
  (void)close (fd);
  return g_string_free (text, FALSE);
}

int
nb_test_wait (pid_t pid)
{
  int pidfd = (int)syscall (SYS_pidfd_open, pid, 0), wait_status = -1;

  /* valgrind knows no pidfds; there the watchdog is the deadline. */
  g_assert_true (pidfd >= 0 || errno == ENOSYS);
  if (pidfd >= 0)
    {
      nb_test_wait_readable (pidfd);
      (void)close (pidfd);
    }
  g_assert_cmpint (waitpid (pid, &wait_status, 0), ==, pid);
  return wait_status;
}

pid_t
nb_test_fork_beside (void (*body) (gconstpointer data), gconstpointer data)
{
  n_beside++;
  return nb_test_fork (body, data);
}

int
nb_test_wait_beside (pid_t pid)
{
  int pidfd = (int)syscall (SYS_pidfd_open, pid, 0);

  g_assert_cmpint (pidfd, >=, 0);
  g_assert_true (poll_fd (pidfd, WATCHDOG_S * 1000));
  (void)close (pidfd);
  n_beside--;
  return nb_test_wait (pid);
}

/* --- children --- */

/* What runs here counts for `make coverage`, whose builds have this. */
extern void __gcov_dump (void) __attribute__ ((weak));

void
nb_test_child_count (void)
{
  if (__gcov_dump != NULL)
    __gcov_dump ();
}

pid_t
nb_test_fork (void (*body) (gconstpointer data), gconstpointer data)
{
  pid_t pid;

  (void)fflush (NULL);
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid > 0)
    return pid;
  /* A test that fails must not leave a child behind that holds the harness's pipes. */
  nb_test_child_check (prctl (PR_SET_PDEATHSIG, SIGKILL) == 0);
  body (data);
  nb_test_child_count ();
  _exit (0);
}

void
nb_test_in_child (void (*body) (gconstpointer data), gconstpointer data)
{
  g_assert_cmphex ((guint)nb_test_wait (nb_test_fork (body, data)), ==, 0);
}

void
nb_test_child_verify (bool holds, const char *file, int line, const char *condition)
{
  if (holds)
    return;
  (void)dprintf (STDERR_FILENO, "# %s:%d: not in this child: %s (errno %d)\n", file, line,
                 condition, errno);
  _exit (1);
}

static pid_t
parent_of (const char *pid)
{
  g_autofree char *path = g_strconcat ("/proc/", pid, "/stat", NULL), *text = NULL;
  NbProcStat stat;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return -1;
  return nb_proc_stat_parse (text, &stat) ? stat.parent : -1;
}

unsigned
nb_test_count_children (pid_t parent)
{
  g_autoptr (GDir) folder = g_dir_open ("/proc", 0, NULL);
  const char *name;
  unsigned count = 0;

  g_assert_nonnull (folder);
  while ((name = g_dir_read_name (folder)) != NULL)
    if (g_ascii_isdigit (name[0]) && parent_of (name) == parent)
      count++;
  return count;
}

/* --- files --- */

int
nb_test_text_file (const char *text)
{
  int fd = memfd_create ("nb-test", MFD_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, text, strlen (text)), ==, (gssize)strlen (text));
  g_assert_cmpint (lseek (fd, 0, SEEK_SET), ==, 0);
  return fd;
}

char *
nb_test_data_path (const char *name)
{
  const char *source = g_getenv ("NESTBOX_TEST_SOURCE");

  return g_build_filename (source != NULL ? source : ".", "tests", "data", name, NULL);
}

void
nb_test_child_drop_root (void)
{
  enum
  {
    NOBODY = 65534,
  };

  if (geteuid () == 0)
    nb_test_child_check (setresgid (NOBODY, NOBODY, NOBODY) == 0
                         && setresuid (NOBODY, NOBODY, NOBODY) == 0);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* A process held by its folder: what it tells while it runs, and after. */
#include "spawn/audit/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-pids.h"
#include "tests/lib/nb-test.h"

static int
open_proc (void)
{
  int fd = open ("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  return fd;
}

static void
wait_to_be_ended (gconstpointer data)
{
  (void)data;
  nb_pids_wait_forever ();
}

static void
test_own (void)
{
  nb_autofd proc = open_proc ();
  int error = 0;
  g_autoptr (NbProcess) process = nb_process_open (proc, getpid (), &error);
  g_autofree char *exe = nb_process_read_link (process, "exe");
  g_autofree char *link = g_file_read_link ("/proc/self/exe", NULL);
  g_auto (GStrv) command = nb_process_command (process);
  struct stat stat;

  g_assert_cmpint (nb_process_get_pid (process), ==, getpid ());
  g_assert_true (nb_process_is_alive (process));
  g_assert_cmpstr (exe, ==, link);
  g_assert_true (g_str_has_suffix (command[0], "test-process"));
  g_assert_cmpint (nb_process_stat (process, "ns/pid", &stat), ==, 0);
  g_assert_cmpint (nb_process_stat (process, "ns/none", &stat), ==, -ENOENT);
  g_assert_null (nb_process_read (process, "none", NULL));
  g_assert_cmpint (errno, ==, ENOENT);
}

static void
test_none (void)
{
  nb_autofd proc = open_proc ();
  int error = 0;

  g_assert_null (nb_process_open (proc, 0x7fffffff, &error));
  g_assert_cmpint (error, ==, ESRCH);
}

/* More than is read in one go, also where the file tells no size. */
static void
test_long_file (void)
{
  g_autofree char *folder = g_dir_make_tmp ("nb-process-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "long", NULL);
  g_autofree char *text = g_strnfill (100000, 'x');
  g_autofree char *found = NULL;
  gsize length = 0;
  g_autoptr (NbProcess) process = NULL;

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  process = nb_process_take (open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 1);
  found = nb_process_read (process, "long", &length);
  g_assert_cmpstr (found, ==, text);
  g_assert_cmpuint (length, ==, 100000);
  g_assert_cmpint (unlink (path), ==, 0);
  g_assert_cmpint (rmdir (folder), ==, 0);
}

/* A zombie runs no more, and what is gone says nothing. */
static void
test_end (void)
{
  nb_autofd proc = open_proc ();
  int error = 0;
  pid_t pid = nb_test_fork (wait_to_be_ended, NULL);
  g_autoptr (NbProcess) process = nb_process_open (proc, pid, &error);
  g_auto (GStrv) command = NULL;
  siginfo_t info;

  g_assert_true (nb_process_is_alive (process));
  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  g_assert_cmpint (waitid (P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), ==, 0);
  g_assert_false (nb_process_is_alive (process));
  (void)nb_test_wait (pid);
  g_assert_false (nb_process_is_alive (process));
  g_assert_null (nb_process_read (process, "status", NULL));
  g_assert_cmpint (errno, ==, ESRCH);
  command = nb_process_command (process);
  g_assert_null (command[0]);
}

/* --- a PID that is used again --- */

/* In a PID namespace of the test's own, as its pid 1. */
static void
reuse_pid (void)
{
  const pid_t pid = 777;
  nb_autofd proc = -1;
  NbProcess *first, *second;
  int error = 0;

  proc = open ("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  nb_test_child_check (nb_pids_clone (pid, nb_pids_wait_forever) == pid);
  first = nb_process_open (proc, pid, &error);
  nb_test_child_check (first != NULL && nb_process_is_alive (first));
  nb_test_child_check (kill (pid, SIGKILL) == 0 && waitpid (pid, NULL, 0) == pid);
  nb_test_child_check (nb_pids_clone (pid, nb_pids_wait_forever) == pid);
  nb_test_child_check (nb_process_read (first, "status", NULL) == NULL && errno == ESRCH);
  nb_test_child_check (!nb_process_is_alive (first));
  second = nb_process_open (proc, pid, &error);
  nb_test_child_check (second != NULL && nb_process_is_alive (second));
  nb_test_child_check (kill (pid, SIGKILL) == 0 && waitpid (pid, NULL, 0) == pid);
  nb_process_free (first);
  nb_process_free (second);
}

static void
in_namespace (gconstpointer data)
{
  (void)data;
  nb_pids_run_first (reuse_pid);
}

static void
test_pid_used_again (void)
{
  nb_test_in_child (in_namespace, NULL);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/process/own", test_own);
  nb_test_add ("/process/none", test_none);
  nb_test_add ("/process/long-file", test_long_file);
  nb_test_add ("/process/end", test_end);
  nb_test_add ("/process/pid-used-again", test_pid_used_again);
  return g_test_run ();
}

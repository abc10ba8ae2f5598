/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/controller/child-table.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

static void
wait_for_signal (gconstpointer data)
{
  (void)data;
  for (;;)
    (void)pause ();
}

/* A real process, for what needs one. Its pid; the pidfd is the table's. */
static pid_t
add_process (NbChildTable *table, uint32_t id)
{
  pid_t pid = nb_test_fork (wait_for_signal, NULL);
  int pidfd = (int)syscall (SYS_pidfd_open, pid, 0);

  g_assert_cmpint (pidfd, >=, 0);
  g_assert_cmpint (nb_child_table_add (table, id, pid, pidfd), ==, 0);
  return pid;
}

static void
test_add_and_find (void)
{
  NbChildTable table = { 0 };
  NbChild *child;
  int fd = nb_test_text_file ("");

  g_assert_null (nb_child_table_find (&table, 0));
  g_assert_cmpint (nb_child_table_add (&table, 7, 1234, fd), ==, 0);
  child = nb_child_table_find (&table, 7);
  g_assert_nonnull (child);
  g_assert_cmpuint (child->id, ==, 7);
  g_assert_cmpint (child->pid, ==, 1234);
  g_assert_cmpint (child->pidfd, ==, fd);
  g_assert_cmpint (child->state, ==, NB_CHILD_RUNNING);
  g_assert_cmpint (child->kill_at_ms, ==, 0);
  g_assert_true (nb_child_table_find_pid (&table, 1234) == child);
  g_assert_null (nb_child_table_find (&table, 8));
  g_assert_null (nb_child_table_find_pid (&table, 7));
  nb_child_table_clear (&table);
  g_assert_null (nb_child_table_find (&table, 7));
}

/* The descriptor of the second is closed: the table took it over. */
static void
test_duplicate_id (void)
{
  NbChildTable table = { 0 };
  int second = nb_test_text_file ("");

  g_assert_cmpint (nb_child_table_add (&table, 7, 10, nb_test_text_file ("")), ==, 0);
  g_assert_cmpint (nb_child_table_add (&table, 7, 11, second), ==, -EEXIST);
  g_assert_cmpint (fcntl (second, F_GETFD), ==, -1);
  g_assert_cmpuint (table.n, ==, 1);
  g_assert_cmpint (nb_child_table_find (&table, 7)->pid, ==, 10);
  nb_child_table_clear (&table);
}

static void
test_signal (void)
{
  NbChildTable table = { 0 };
  pid_t pid = add_process (&table, 1);
  const NbChild *child = nb_child_table_find (&table, 1);
  int wait_status;

  g_assert_cmpint (nb_child_signal (child, 0), ==, 0);
  g_assert_cmpint (nb_child_signal (child, 12345), ==, -EINVAL);
  g_assert_cmpint (nb_child_signal (child, SIGTERM), ==, 0);
  wait_status = nb_test_wait (pid);
  g_assert_true (WIFSIGNALED (wait_status));
  g_assert_cmpint (WTERMSIG (wait_status), ==, SIGTERM);
  /* Collected, but not yet recorded as such: the pidfd still knows better. */
  g_assert_cmpint (nb_child_signal (child, SIGTERM), ==, -ESRCH);
  nb_child_table_clear (&table);
}

static void
test_exited (void)
{
  NbChildTable table = { 0 };
  pid_t pid = add_process (&table, 1);
  NbChild *child = nb_child_table_find (&table, 1);
  int wait_status;

  child->kill_at_ms = 1;
  g_assert_cmpint (nb_child_signal (child, SIGKILL), ==, 0);
  wait_status = nb_test_wait (pid);
  nb_child_set_exited (child, wait_status);
  g_assert_cmpint (child->state, ==, NB_CHILD_EXITED);
  g_assert_cmpint (child->wait_status, ==, SIGKILL);
  g_assert_cmpint (child->pidfd, ==, -1);
  g_assert_cmpint (child->kill_at_ms, ==, 0);
  /* The number may belong to another process by now. */
  g_assert_null (nb_child_table_find_pid (&table, pid));
  g_assert_cmpint (nb_child_signal (child, 0), ==, -ESRCH);
  nb_child_table_clear (&table);
}

/* Whichever is removed, the others stay, and the id can be used again. */
static void
test_remove (void)
{
  for (uint32_t removed = 1; removed <= 3; removed++)
    {
      NbChildTable table = { 0 };

      for (uint32_t id = 1; id <= 3; id++)
        g_assert_cmpint (
            nb_child_table_add (&table, id, (pid_t)id + 100, nb_test_text_file ("")), ==,
            0);
      nb_child_table_remove (&table, removed);
      nb_child_table_remove (&table, 99);
      g_assert_cmpuint (table.n, ==, 2);
      for (uint32_t id = 1; id <= 3; id++)
        g_assert_true ((nb_child_table_find (&table, id) == NULL) == (id == removed));
      g_assert_cmpint (nb_child_table_add (&table, removed, 200, -1), ==, 0);
      nb_child_table_clear (&table);
    }
}

static void
test_limit (void)
{
  NbChildTable table = { 0 };
  int beyond = nb_test_text_file ("");

  for (uint32_t id = 0; id < NB_LIST_MAX_CHILDREN; id++)
    g_assert_cmpint (nb_child_table_add (&table, id, (pid_t)id + 1, -1), ==, 0);
  g_assert_cmpint (nb_child_table_add (&table, NB_LIST_MAX_CHILDREN, 1, beyond), ==,
                   -ENOSPC);
  g_assert_cmpint (fcntl (beyond, F_GETFD), ==, -1);
  for (uint32_t id = 0; id < NB_LIST_MAX_CHILDREN; id++)
    g_assert_cmpint (nb_child_table_find (&table, id)->pid, ==, (pid_t)id + 1);
  nb_child_table_remove (&table, 17);
  g_assert_cmpint (nb_child_table_add (&table, NB_LIST_MAX_CHILDREN, 1, -1), ==, 0);
  nb_child_table_clear (&table);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/child-table/add-and-find", test_add_and_find);
  nb_test_add ("/child-table/duplicate-id", test_duplicate_id);
  nb_test_add ("/child-table/signal", test_signal);
  nb_test_add ("/child-table/exited-is-not-signalled", test_exited);
  nb_test_add ("/child-table/remove", test_remove);
  nb_test_add ("/child-table/limit", test_limit);
  return g_test_run ();
}

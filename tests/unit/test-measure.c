/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Processes as they are, measured: with the test in the browser's place, children that
 * have its namespaces or their own, seen by somebody who may look into them and by
 * somebody who may not.
 */
#include "spawn/audit/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-process.h"
#include "tests/lib/nb-test.h"

typedef struct
{
  int namespaces;    /* flags of unshare(2) */
  gboolean old_proc; /* with a PID namespace: not one of its own */
  gboolean undumpable, root;
  gboolean no_new_privs;
  int filters;
  gboolean weak_thread; /* one that has no filter */
  int ready;            /* owned by the test */
} Child;

/* --- children --- */

static void
add_filter (void)
{
  struct sock_filter allow = { .code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW };
  struct sock_fprog program = { .len = 1, .filter = &allow };

  nb_test_child_check (prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
}

static void *
wait_in_thread (void *data)
{
  (void)data;
  for (;;)
    (void)pause ();
  return NULL;
}

static void
tell_and_wait (const Child *child)
{
  nb_test_child_check (write (child->ready, "x", 1) == 1);
  (void)wait_in_thread (NULL);
}

/* Its own /proc, as every sandbox with a PID namespace has. */
static void
mount_proc (void)
{
  nb_test_child_check (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  nb_test_child_check (umount2 ("/proc", MNT_DETACH) == 0);
  nb_test_child_check (mount ("proc", "/proc", "proc", 0, NULL) == 0);
}

static void
confine (const Child *child)
{
  pthread_t thread;

  if ((child->namespaces & CLONE_NEWPID) != 0 && !child->old_proc)
    mount_proc ();
  if (!child->root)
    nb_test_child_drop_root ();
  /* A change of user takes it back. */
  nb_test_child_check (prctl (PR_SET_PDEATHSIG, SIGKILL) == 0);
  if (child->no_new_privs || child->filters > 0)
    nb_test_child_check (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  if (child->weak_thread)
    nb_test_child_check (pthread_create (&thread, NULL, wait_in_thread, NULL) == 0);
  for (int i = 0; i < child->filters; i++)
    add_filter ();
  nb_test_child_check (prctl (PR_SET_DUMPABLE, !child->undumpable, 0, 0, 0) == 0);
  tell_and_wait (child);
}

/* A PID namespace begins with the next child; its parent ends with it. */
static void
live (gconstpointer data)
{
  const Child *child = data;

  nb_test_child_check (unshare (child->namespaces) == 0);
  if ((child->namespaces & CLONE_NEWPID) != 0)
    {
      pid_t pid = fork ();

      nb_test_child_check (pid >= 0);
      if (pid > 0)
        _exit (waitpid (pid, NULL, 0) < 0);
      nb_test_child_check (prctl (PR_SET_PDEATHSIG, SIGKILL) == 0);
    }
  confine (child);
}

static pid_t
only_child_of (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/task/%d/children", (int)pid, (int)pid);
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return (pid_t)g_ascii_strtoll (text, NULL, 10);
}

typedef struct
{
  pid_t pid, inner; /* inner: the one to be measured */
} Started;

static Started
start (Child child)
{
  int ends[2];
  Started started;

  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  child.ready = ends[1];
  started.pid = nb_test_fork (live, &child);
  nb_fd_clear (&ends[1]);
  nb_test_wait_readable (ends[0]);
  nb_fd_clear (&ends[0]);
  started.inner
      = (child.namespaces & CLONE_NEWPID) != 0 ? only_child_of (started.pid) : started.pid;
  return started;
}

static void
stop (Started started)
{
  g_assert_cmpint (kill (started.inner, SIGKILL), ==, 0);
  (void)nb_test_wait (started.pid);
}

/* --- measuring --- */

typedef struct
{
  pid_t browser, pid;
  NbState pid_namespace, network, mounts, ipc, user;
  gboolean descriptors; /* can be looked at */
} Wanted;

static NbState
state_of (const NbMeasurement *measurement, NbProperty property)
{
  return measurement->findings[property].state;
}

/* In a child of the test, which may have dropped the right to look. */
static void
check_place (const Wanted *wanted)
{
  NbProcess *process = nb_test_open_process (wanted->pid);
  NbBrowser *browser = nb_browser_new (nb_test_open_process (wanted->browser));
  NbSockets *sockets = nb_sockets_new ();
  NbMeasurement measurement;

  nb_test_child_check (browser != NULL);
  nb_test_child_check (nb_measure_can_compare_networks (browser, sockets));
  nb_test_child_check (nb_measure (process, browser, sockets, &measurement));
  nb_test_child_check (state_of (&measurement, NB_PROPERTY_PID) == wanted->pid_namespace);
  nb_test_child_check (state_of (&measurement, NB_PROPERTY_NETWORK) == wanted->network);
  nb_test_child_check (state_of (&measurement, NB_PROPERTY_MOUNTS) == wanted->mounts);
  nb_test_child_check (state_of (&measurement, NB_PROPERTY_IPC) == wanted->ipc);
  nb_test_child_check (state_of (&measurement, NB_PROPERTY_USER) == wanted->user);
  nb_test_child_check ((measurement.descriptors.error == 0) == wanted->descriptors);
  nb_measurement_clear (&measurement);
  nb_sockets_free (sockets);
  nb_browser_free (browser);
  nb_process_free (process);
}

static void
look_as_root (gconstpointer data)
{
  check_place (data);
}

static void
look_as_ordinary_user (gconstpointer data)
{
  nb_test_child_drop_root ();
  check_place (data);
}

/* --- namespaces --- */

#define ALL (CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC)
#define SHARED NB_STATE_OPEN
#define OWN NB_STATE_CLOSED
#define UNKNOWN NB_STATE_UNKNOWN

typedef struct
{
  const char *name;
  Child child;
  void (*look) (gconstpointer data);
  Wanted wanted;
} PlaceCase;

/* A browser in the same place is a child with no namespaces of its own. */
static const PlaceCase place_cases[] = {
  { "shared",
    { 0 },
    look_as_ordinary_user,
    { 0, 0, SHARED, SHARED, SHARED, SHARED, SHARED, TRUE } },
  { "own", { ALL }, look_as_ordinary_user, { 0, 0, OWN, OWN, OWN, OWN, SHARED, TRUE } },
  { "own-but-network",
    { ALL & ~CLONE_NEWNET },
    look_as_ordinary_user,
    { 0, 0, OWN, SHARED, OWN, OWN, SHARED, TRUE } },
  /* Where nobody may look into it, what can be told is told, and nothing else. */
  { "undumpable-shared",
    { 0, .undumpable = TRUE },
    look_as_ordinary_user,
    { 0, 0, SHARED, SHARED, SHARED, UNKNOWN, UNKNOWN, FALSE } },
  { "undumpable-own",
    { ALL, .undumpable = TRUE },
    look_as_ordinary_user,
    { 0, 0, OWN, OWN, OWN, UNKNOWN, UNKNOWN, FALSE } },
  { "undumpable-own-but-network",
    { ALL & ~CLONE_NEWNET, .undumpable = TRUE },
    look_as_ordinary_user,
    { 0, 0, OWN, SHARED, OWN, UNKNOWN, UNKNOWN, FALSE } },
  { "undumpable-own-mounts-only",
    { CLONE_NEWNS, .undumpable = TRUE },
    look_as_ordinary_user,
    { 0, 0, SHARED, SHARED, OWN, UNKNOWN, UNKNOWN, FALSE } },
  { "undumpable-own-seen-by-root",
    { ALL, .undumpable = TRUE },
    look_as_root,
    { 0, 0, OWN, OWN, OWN, OWN, SHARED, TRUE } },
};

/* Others get namespaces only with a user namespace, in which they are root. */
static gboolean
skip_without_root (void)
{
  if (geteuid () == 0)
    return FALSE;
  g_test_skip ("only root makes such a child");
  return TRUE;
}

static void
test_place (gconstpointer data)
{
  const PlaceCase *test = data;
  Started browser, child;
  Wanted wanted = test->wanted;

  if (skip_without_root ())
    return;
  browser = start ((Child){ 0 });
  child = start (test->child);
  wanted.browser = browser.pid;
  wanted.pid = child.inner;
  nb_test_in_child (test->look, &wanted);
  stop (child);
  stop (browser);
}

/* A PID namespace is worth little to whoever has the browser's /proc. */
static void
test_proc_of_browser (void)
{
  Started browser, child;
  g_autoptr (NbProcess) process = NULL;
  g_autoptr (NbBrowser) reference = NULL;
  g_autoptr (NbSockets) sockets = nb_sockets_new ();
  NbMeasurement measurement;

  if (skip_without_root ())
    return;
  browser = start ((Child){ 0 });
  child = start ((Child){ CLONE_NEWPID, .old_proc = TRUE });
  process = nb_test_open_process (child.inner);
  reference = nb_browser_new (nb_test_open_process (browser.pid));
  g_assert_true (nb_measure (process, reference, sockets, &measurement));
  g_assert_cmpint (state_of (&measurement, NB_PROPERTY_PID), ==, SHARED);
  g_assert_cmpstr (measurement.findings[NB_PROPERTY_PID].text, ==,
                   "own, but it has the browser's /proc");
  nb_measurement_clear (&measurement);
  stop (child);
  stop (browser);
}

/* --- what threads may do --- */

typedef struct
{
  const char *name;
  Child child;
  NbState no_new_privs, capabilities, seccomp;
  int filters;
} ThreadCase;

static const ThreadCase thread_cases[] = {
  { "unconfined", { .root = TRUE }, NB_STATE_OPEN, NB_STATE_OPEN, NB_STATE_OPEN, 0 },
  { "ordinary-user", { 0 }, NB_STATE_OPEN, NB_STATE_CLOSED, NB_STATE_OPEN, 0 },
  { "no-new-privileges",
    { .no_new_privs = TRUE },
    NB_STATE_CLOSED,
    NB_STATE_CLOSED,
    NB_STATE_OPEN,
    0 },
  { "two-filters", { .filters = 2 }, NB_STATE_CLOSED, NB_STATE_CLOSED, NB_STATE_CLOSED, 2 },
  { "two-filters-undumpable",
    { .filters = 2, .undumpable = TRUE },
    NB_STATE_CLOSED,
    NB_STATE_CLOSED,
    NB_STATE_CLOSED,
    2 },
  /* The main thread has two, and another none: it is as if there were none. */
  { "thread-without",
    { .filters = 2, .weak_thread = TRUE },
    NB_STATE_CLOSED,
    NB_STATE_CLOSED,
    NB_STATE_OPEN,
    0 },
};

static void
test_threads (gconstpointer data)
{
  const ThreadCase *test = data;
  Started child;
  g_autoptr (NbProcess) process = NULL;
  g_autoptr (NbBrowser) browser = nb_browser_new (nb_test_open_process (getpid ()));
  g_autoptr (NbSockets) sockets = nb_sockets_new ();
  NbMeasurement measurement;

  if (test->child.root && skip_without_root ())
    return;
  child = start (test->child);
  process = nb_test_open_process (child.pid);
  g_assert_true (nb_measure (process, browser, sockets, &measurement));
  g_assert_cmpint (state_of (&measurement, NB_PROPERTY_NO_NEW_PRIVS), ==,
                   test->no_new_privs);
  g_assert_cmpint (state_of (&measurement, NB_PROPERTY_CAPABILITIES), ==,
                   test->capabilities);
  g_assert_cmpint (state_of (&measurement, NB_PROPERTY_SECCOMP), ==, test->seccomp);
  g_assert_cmpint (measurement.filters, ==, test->filters);
  nb_measurement_clear (&measurement);
  stop (child);
}

/* --- a process that goes, and folders that look like one --- */

#define STAT "1 (x) S 1 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 2200 23 24\n"

static void
test_ended (void)
{
  Started child = start ((Child){ 0 });
  g_autoptr (NbProcess) process = nb_test_open_process (child.pid);
  g_autoptr (NbBrowser) browser = nb_browser_new (nb_test_open_process (getpid ()));
  g_autoptr (NbSockets) sockets = nb_sockets_new ();
  NbMeasurement measurement;

  stop (child);
  g_assert_false (nb_measure (process, browser, sockets, &measurement));
}

static void
write_status (const char *folder, const char *thread, const char *text)
{
  g_autofree char *path = g_build_filename (folder, "task", thread, NULL);
  g_autofree char *file = g_build_filename (path, "status", NULL);

  g_assert_cmpint (g_mkdir_with_parents (path, 0700), ==, 0);
  g_assert_true (g_file_set_contents (file, text, -1, NULL));
}

static void
remove_status (const char *folder, const char *thread)
{
  g_autofree char *path = g_build_filename (folder, "task", thread, NULL);
  g_autofree char *file = g_build_filename (path, "status", NULL);

  g_assert_cmpint (unlink (file), ==, 0);
  g_assert_cmpint (rmdir (path), ==, 0);
}

/* One thread that cannot be read may be the one without a filter. */
static void
test_torn_thread (void)
{
  g_autofree char *folder = g_dir_make_tmp ("nb-measure-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "stat", NULL);
  g_autofree char *task = g_build_filename (folder, "task", NULL);
  g_autoptr (NbProcess) process = NULL;
  g_autoptr (NbBrowser) browser = nb_browser_new (nb_test_open_process (getpid ()));
  g_autoptr (NbSockets) sockets = nb_sockets_new ();
  NbMeasurement measurement;

  g_assert_true (g_file_set_contents (path, STAT, -1, NULL));
  write_status (folder, "1",
                "Name:\tx\nNSpid:\t1\nNoNewPrivs:\t1\nSeccomp:\t2\n"
                "Seccomp_filters:\t2\n");
  process = nb_process_take (open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 1);
  g_assert_true (nb_measure (process, browser, sockets, &measurement));
  g_assert_cmpint (state_of (&measurement, NB_PROPERTY_SECCOMP), ==, NB_STATE_CLOSED);
  g_assert_cmpint (measurement.filters, ==, 2);
  nb_measurement_clear (&measurement);
  write_status (folder, "2", "Name:\tx\n");
  g_assert_true (nb_measure (process, browser, sockets, &measurement));
  g_assert_cmpint (state_of (&measurement, NB_PROPERTY_NO_NEW_PRIVS), ==, UNKNOWN);
  g_assert_cmpint (state_of (&measurement, NB_PROPERTY_SECCOMP), ==, UNKNOWN);
  g_assert_cmpint (measurement.filters, ==, -1);
  nb_measurement_clear (&measurement);
  remove_status (folder, "1");
  remove_status (folder, "2");
  g_assert_cmpint (rmdir (task), ==, 0);
  g_assert_cmpint (unlink (path), ==, 0);
  g_assert_cmpint (rmdir (folder), ==, 0);
}

/* A folder in which nothing can be read: nothing of it is good. */
static void
test_nothing_readable (void)
{
  g_autofree char *folder = g_dir_make_tmp ("nb-measure-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "stat", NULL);
  g_autoptr (NbProcess) process = NULL;
  g_autoptr (NbBrowser) browser = nb_browser_new (nb_test_open_process (getpid ()));
  g_autoptr (NbSockets) sockets = nb_sockets_new ();
  NbMeasurement measurement;

  g_assert_true (g_file_set_contents (path, STAT, -1, NULL));
  process = nb_process_take (open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 1);
  g_assert_true (nb_measure (process, browser, sockets, &measurement));
  for (int i = 0; i < NB_N_PROPERTIES; i++)
    g_assert_cmpint (state_of (&measurement, (NbProperty)i), ==, NB_STATE_UNKNOWN);
  g_assert_cmpint (measurement.filters, ==, -1);
  g_assert_cmpint (measurement.descriptors.error, ==, ENOENT);
  nb_measurement_clear (&measurement);
  g_assert_cmpint (unlink (path), ==, 0);
  g_assert_cmpint (rmdir (folder), ==, 0);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/measure/place", place_cases, test_place);
  nb_test_add ("/measure/proc-of-the-browser", test_proc_of_browser);
  nb_test_add_cases ("/measure/threads", thread_cases, test_threads);
  nb_test_add ("/measure/ended", test_ended);
  nb_test_add ("/measure/torn-thread", test_torn_thread);
  nb_test_add ("/measure/nothing-readable", test_nothing_readable);
  return g_test_run ();
}

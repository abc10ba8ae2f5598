/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a broker finds when it is started, with the test's own function in its place: its
 * two descriptors and nothing of the browser's, a session of its own, and a parent that
 * does not wait for it.
 */
#include "spawn/tool/start-broker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

enum
{
  BROWSERS_FD = 77, /* a pipe that the browser got from whoever started it */
  LAST_FD = 255,
};

typedef struct
{
  pid_t pid, session, parent;
  ino_t listener, browser, widevine;
  bool listener_closes, browser_closes; /* on execve(2) */
  bool is_null[2];                      /* standard input and output */
  int n_others;                         /* descriptors above these */
  int dumpable;
  char name[16];
} Found;

static int report[2]; /* a pipe; the broker writes to what it has of the listener */

static ino_t
inode_of (int fd)
{
  struct stat found;

  return fstat (fd, &found) == 0 ? found.st_ino : 0;
}

static bool
closes_on_exec (int fd)
{
  return (fcntl (fd, F_GETFD) & FD_CLOEXEC) != 0;
}

/* In place of the broker's. */
int
nb_broker_run (const NbBrokerOptions *options)
{
  struct stat null;
  Found found = { .pid = getpid (), .session = getsid (0), .parent = getppid () };

  (void)stat ("/dev/null", &null);
  found.listener = inode_of (options->listener);
  found.browser = inode_of (options->browser);
  found.widevine = strcmp (options->widevine, "/a/folder") == 0;
  found.listener_closes = closes_on_exec (options->listener);
  found.browser_closes = closes_on_exec (options->browser);
  for (int fd = 0; fd < 2; fd++)
    found.is_null[fd] = inode_of (fd) == null.st_ino;
  for (int fd = STDERR_FILENO + 1; fd <= LAST_FD; fd++)
    found.n_others
        += fd != options->listener && fd != options->browser && fcntl (fd, F_GETFD) >= 0;
  found.dumpable = prctl (PR_GET_DUMPABLE);
  (void)prctl (PR_GET_NAME, found.name);
  (void)!write (options->listener, &found, sizeof found);
  nb_test_child_count ();
  return 0;
}

static void
test_found (void)
{
  NbBrokerOptions options = { .host = -1, .widevine = "/a/folder" };
  nb_autofd browser = open ("/dev/zero", O_RDONLY | O_CLOEXEC), held = -1;
  Found found = { 0 };

  g_assert_cmpint (pipe2 (report, O_CLOEXEC), ==, 0);
  held = dup2 (STDERR_FILENO, BROWSERS_FD); /* not close-on-exec */
  options.listener = report[1];
  options.browser = browser;
  g_assert_cmpint (nb_start_broker (&options), ==, 0);
  nb_test_wait_readable (report[0]);
  g_assert_cmpint (read (report[0], &found, sizeof found), ==, sizeof found);
  g_assert_cmpuint (found.listener, ==, inode_of (report[1]));
  g_assert_cmpuint (found.browser, ==, inode_of (browser));
  g_assert_cmpuint (found.widevine, ==, 1);
  g_assert_true (found.listener_closes && found.browser_closes);
  g_assert_true (found.is_null[0] && found.is_null[1]);
  g_assert_cmpint (found.n_others, ==, 0);
  g_assert_cmpint (found.session, !=, getsid (0));
  g_assert_cmpint (found.session, !=, found.pid); /* nor can it get a terminal */
  g_assert_cmpint (found.parent, !=, getpid ());
  g_assert_cmpint (found.dumpable, ==, 0);
  g_assert_cmpstr (found.name, ==, "nestbox-broker");
  nb_fd_clear (&report[1]);
  nb_test_wait_readable (report[0]); /* it has ended, and nobody holds its listener */
  g_assert_cmpint (read (report[0], &found, 1), ==, 0);
  nb_fd_clear (&report[0]);
}

/* What cannot be kept is said, and no broker is started. */
static void
no_descriptors (gconstpointer data)
{
  NbBrokerOptions options = { .host = -1, .widevine = "/a/folder" };
  struct rlimit few = { 8, 8 };

  (void)data;
  options.listener = report[1];
  options.browser = report[0];
  while (dup (STDERR_FILENO) >= 0 && fcntl (7, F_GETFD) < 0)
    ;
  nb_test_child_check (setrlimit (RLIMIT_NOFILE, &few) == 0);
  nb_test_child_check (nb_start_broker (&options) == EMFILE);
}

static void
test_no_descriptors (void)
{
  g_assert_cmpint (pipe2 (report, O_CLOEXEC), ==, 0);
  nb_test_in_child (no_descriptors, NULL);
  nb_fd_clear (&report[0]);
  nb_fd_clear (&report[1]);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/start-broker/found", test_found);
  nb_test_add ("/start-broker/no-descriptors", test_no_descriptors);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* A browser without a zygote ends; a program that has more to do than pages goes on. */
#include "spawn/client/lost-zygote.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

typedef struct
{
  const char *name, *zygote, *says;
  int wait_status; /* of the browser, which is killed in the end */
} Case;

/* A browser is a fork of this program. */
static const Case cases[] = {
  { "its-own-executable", "/proc/self/exe",
    "nebulous: there can be no pages any more, so the browser ends", SIGTERM },
  { "another-program", "/bin/sh", "nebulous: no new pages can be opened", SIGKILL },
  { "no-such-program", "/nowhere", "nebulous: no new pages can be opened", SIGKILL },
  { "nothing", "", "nebulous: no new pages can be opened", SIGKILL },
};

typedef struct
{
  const Case *test;
  int output, pidfd;
  pid_t browser;
} Telling;

static void
wait_for_ever (gconstpointer data)
{
  (void)data;
  for (;;)
    (void)pause ();
}

static void
tell (gconstpointer data)
{
  const Telling *telling = data;

  nb_test_child_check (dup2 (telling->output, STDERR_FILENO) >= 0);
  nb_tell_zygote_is_lost (telling->pidfd, telling->browser, telling->test->zygote,
                          "nebulous");
}

static void
test_browser (gconstpointer data)
{
  pid_t browser = nb_test_fork (wait_for_ever, NULL);
  Telling telling = { .test = data, .output = nb_test_text_file (""), .browser = browser };
  g_autofree char *said = NULL;

  telling.pidfd = (int)syscall (SYS_pidfd_open, browser, 0);
  g_assert_cmpint (telling.pidfd, >=, 0);
  nb_test_in_child (tell, &telling);
  g_assert_cmpint (kill (browser, SIGKILL), ==, 0); /* after SIGTERM it means nothing */
  g_assert_cmphex ((guint)nb_test_wait (browser), ==, (guint)telling.test->wait_status);
  g_assert_cmpint (lseek (telling.output, 0, SEEK_SET), ==, 0);
  said = nb_test_read_all (telling.output);
  g_assert_nonnull (strstr (said, telling.test->says));
  nb_fd_clear (&telling.pidfd);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/lost-zygote", cases, test_browser);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox-controller as a broker sees it: a real process at the other end of a channel,
 * outside of any sandbox.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-controller.h"
#include "tests/lib/nb-test.h"

/* A shell for what a table says, which finds its tools in the usual places. */
#define SHELL(script)                                                                      \
  .argv = { "/bin/sh", "-c", script }, .envp = { "PATH=/usr/bin:/bin", "LC_ALL=C" }

enum
{
  REAP_GRACE_MS = 2000,
};

/* --- small requests --- */

static const NbResult *
ask (NbTestController *controller, NbMessageType type, uint32_t child)
{
  g_autofree NbMessage *request = g_new0 (NbMessage, 1);

  request->type = type;
  request->child = child;
  return nb_test_controller_ask (controller, request);
}

static int
ask_kill (NbTestController *controller, uint32_t child, int signal)
{
  g_autofree NbMessage *request = g_new0 (NbMessage, 1);

  request->type = NB_MESSAGE_KILL;
  request->child = child;
  request->signal = signal;
  return nb_test_controller_ask (controller, request)->error;
}

/* Also tells that no event is on the way: everything sent before has come before. */
static size_t
count_listed (NbTestController *controller)
{
  g_autofree NbMessage *request = g_new0 (NbMessage, 1);

  request->type = NB_MESSAGE_LIST;
  nb_test_controller_send (controller, request, NULL, 0);
  return nb_test_controller_expect (controller, NB_MESSAGE_LISTED, 0)->list.n;
}

static int
expect_exited (NbTestController *controller, uint32_t child)
{
  return nb_test_controller_expect (controller, NB_MESSAGE_EXITED, child)->wait_status;
}

/* --- EXEC: what is started --- */

typedef struct
{
  const char *name;
  NbTestExec exec;
  const char *output;
} OutputCase;

/* The descriptors of a case are anonymous files with their index as text: "0", "1", … */
static const OutputCase output_cases[] = {
  { "arguments",
    { .argv = { "/bin/sh", "-c", "printf '%s,' \"$@\"", "sh", "a", "", "c d", "e" } },
    "a,,c d,e," },
  { "environment-is-only-what-was-sent",
    { .argv = { "/usr/bin/env" }, .envp = { "A=1", "B=", "LC_ALL=C" } },
    "A=1\nB=\nLC_ALL=C\n" },
  { "descriptors-in-order",
    { SHELL ("cat /proc/self/fd/3 /proc/self/fd/4"), .n_fds = 2, .targets = { 3, 4 } },
    "01" },
  { "descriptors-swapped",
    { SHELL ("cat /proc/self/fd/3 /proc/self/fd/4"), .n_fds = 2, .targets = { 4, 3 } },
    "10" },
  /* These are the numbers that they have in the controller. */
  { "descriptors-in-a-cycle",
    { SHELL ("cat /proc/self/fd/6 /proc/self/fd/7 /proc/self/fd/8"), .n_fds = 3,
      .targets = { 7, 8, 6 } },
    "201" },
  { "descriptors-with-gaps",
    { SHELL ("cat /proc/self/fd/3 /proc/self/fd/50 /proc/self/fd/255"), .n_fds = 3,
      .targets = { 255, 3, 50 } },
    "120" },
  { "descriptor-0", { SHELL ("exec cat"), .n_fds = 1, .targets = { 0 } }, "0" },
  /* 5 is what ls lists the folder with; 100 is open in the controller's parent. */
  { "no-other-descriptor",
    { SHELL ("exec ls /proc/self/fd"), .n_fds = 3, .targets = { 3, 50, 4 } },
    "0\n1\n2\n3\n4\n5\n50\n" },
  { "a-session-of-its-own",
    { SHELL ("read -r pid name state parent group session rest < /proc/self/stat; "
             "test \"$pid:$pid\" = \"$group:$session\" && echo yes") },
    "yes\n" },
};

static void
test_output (gconstpointer data)
{
  const OutputCase *test = data;
  NbTestController *controller = nb_test_controller_new ();
  NbTestExec exec = test->exec;
  g_autofree char *output = NULL;

  exec.child = 1;
  for (size_t i = 0; i < exec.n_fds; i++)
    {
      char text[24];

      (void)snprintf (text, sizeof text, "%zu", i);
      exec.fds[i] = nb_test_text_file (text);
    }
  output = nb_test_controller_output (controller, &exec);
  g_assert_cmpstr (output, ==, test->output);
  for (size_t i = 0; i < exec.n_fds; i++)
    nb_fd_clear (&exec.fds[i]);
  nb_test_controller_free (controller);
}

/* The mask of a line "Name:\t0123…" of /proc/PID/status. */
static guint64
mask_in (const char *status, const char *name)
{
  const char *line = strstr (status, name);

  g_assert_nonnull (line);
  return g_ascii_strtoull (line + strlen (name), NULL, 16);
}

/* Save for 32 and 33, the C library's own, which a glibc posix_spawn(3) leaves ignored. */
static void
test_signals_are_at_their_defaults (void)
{
  static const guint64 internal = 3ULL << 31;
  NbTestController *controller = nb_test_controller_new ();
  NbTestExec exec = { .child = 1, SHELL ("exec cat /proc/self/status") };
  g_autofree char *status = nb_test_controller_output (controller, &exec);

  g_assert_cmphex (mask_in (status, "SigBlk:\t") & ~internal, ==, 0);
  g_assert_cmphex (mask_in (status, "SigIgn:\t") & ~internal, ==, 0);
  g_assert_cmphex (mask_in (status, "SigCgt:\t") & ~internal, ==, 0);
  nb_test_controller_free (controller);
}

/*
 * All 16 places of a message, the output being the last. Targets fall where numbers of
 * the controller's own copies rise, so that one in the other's way would show.
 */
static void
test_most_descriptors (void)
{
  NbTestController *controller = nb_test_controller_new ();
  NbTestExec exec = { .child = 1,
                      SHELL ("cd /proc/self/fd; exec cat 20 21 22 23 24 25 26 27 28 29 30 "
                             "31 32 33 34"),
                      .n_fds = 15 };
  g_autofree char *output = NULL;

  for (int i = 0; i < 15; i++)
    {
      char text[] = { (char)('a' + i), '\0' };

      exec.fds[i] = nb_test_text_file (text);
      exec.targets[i] = 34 - i;
    }
  output = nb_test_controller_output (controller, &exec);
  g_assert_cmpstr (output, ==, "onmlkjihgfedcba");
  for (int i = 0; i < 15; i++)
    nb_fd_clear (&exec.fds[i]);
  nb_test_controller_free (controller);
}

typedef struct
{
  const char *name;
  NbWall wall;
  const char *expected; /* a line of the environment */
} ZygoteCase;

static const ZygoteCase zygote_cases[] = {
  { "landlock", NB_WALL_LANDLOCK, "NESTBOX_WALL=landlock\n" },
  { "seccomp", NB_WALL_SECCOMP, "NESTBOX_WALL=seccomp\n" },
};

/* The preload itself is not installed here: the loader says so, and goes on without. */
static void
test_zygote_environment (gconstpointer data)
{
  const ZygoteCase *test = data;
  NbTestController *controller = nb_test_controller_new ();
  nb_autofd null = open ("/dev/null", O_WRONLY | O_CLOEXEC);
  NbTestExec exec = { .child = 1,
                      .argv = { "/usr/bin/env" },
                      .envp = { "LANG=C" },
                      .kind = NB_KIND_ZYGOTE,
                      .wall = test->wall,
                      .n_fds = 1,
                      .fds = { null },
                      .targets = { STDERR_FILENO } };
  g_autofree char *output = nb_test_controller_output (controller, &exec);

  g_assert_true (g_str_has_prefix (output, "LANG=C\n"));
  g_assert_nonnull (strstr (output, "\nSBX_CHROME_API_PRV=1\n"));
  g_assert_nonnull (strstr (output, "/libnestbox-zygote.so\n"));
  g_assert_nonnull (strstr (output, "\nNESTBOX_ZYGOTE=1\n"));
  g_assert_nonnull (strstr (output, test->expected));
  g_assert_nonnull (strstr (output, "\nNESTBOX_PROC_DOOR=3\n"));
  nb_test_controller_free (controller);
}

/* What the browser has it start for its GPU process is told the display, and no helper. */
static void
test_gpu_environment (gconstpointer data)
{
  NbKind kind = *(const NbKind *)data;
  NbTestController *controller;
  nb_autofd null = open ("/dev/null", O_WRONLY | O_CLOEXEC);
  NbTestExec exec = { .child = 1,
                      .argv = { "/usr/bin/env" },
                      .envp = { "LANG=C" },
                      .kind = kind,
                      .n_fds = 1,
                      .fds = { null },
                      .targets = { STDERR_FILENO } };
  g_autofree char *output = NULL;

  g_setenv ("DISPLAY", ":77", TRUE);
  g_setenv ("SECRET", "x", TRUE);
  controller = nb_test_controller_new ();
  output = nb_test_controller_output (controller, &exec);
  g_unsetenv ("DISPLAY");
  g_unsetenv ("SECRET");
  g_assert_true (g_str_has_prefix (output, "LANG=C\n"));
  g_assert_nonnull (strstr (output, "\nDISPLAY=:77\n"));
  g_assert_nonnull (strstr (output, "\nMESA_SHADER_CACHE_DIR=/tmp\n"));
  g_assert_null (strstr (output, "SECRET"));
  g_assert_null (strstr (output, "SBX_"));
  g_assert_true ((strstr (output, "\nNESTBOX_ZYGOTE=gpu\n") != NULL)
                 == (kind == NB_KIND_UNSANDBOXED_ZYGOTE));
  nb_test_controller_free (controller);
}

/* --- EXEC: what is refused --- */

typedef struct
{
  const char *name;
  NbTestExec exec;
  int error;
} RefusedCase;

static const RefusedCase refused_cases[] = {
  { "missing-program", { .argv = { "/no/such/program" } }, ENOENT },
  { "folder", { .argv = { "/usr" } }, EACCES },
  { "relative-program", { .argv = { "sh" } }, EINVAL },
  { "empty-program", { .argv = { "" } }, EINVAL },
  { "no-program", { .argv = { NULL } }, EINVAL },
  { "target-twice", { .argv = { "/bin/true" }, .n_fds = 2, .targets = { 3, 3 } }, EBADF },
  { "negative-target", { .argv = { "/bin/true" }, .n_fds = 1, .targets = { -1 } }, EBADF },
  { "bus-in-the-environment",
    { .argv = { "/bin/true" },
      .envp = { "DBUS_SESSION_BUS_ADDRESS=unix:path=/x" },
      .kind = NB_KIND_UTILITY },
    EISCONN },
  { "target-too-high", { .argv = { "/bin/true" }, .n_fds = 1, .targets = { 256 } }, EBADF },
};

/* Answered, and nothing is left: no child, no entry, no event. */
static void
test_refused (gconstpointer data)
{
  const RefusedCase *test = data;
  NbTestController *controller = nb_test_controller_new ();
  NbTestExec exec = test->exec;
  const NbResult *result;

  exec.child = 9;
  result = nb_test_controller_try_exec (controller, &exec);
  g_assert_cmpint (result->error, ==, test->error);
  g_assert_cmpint (result->state, ==, NB_CHILD_NONE);
  g_assert_cmpuint (nb_test_count_children (controller->pid), ==, 0);
  g_assert_cmpuint (count_listed (controller), ==, 0);
  g_assert_cmpint (ask (controller, NB_MESSAGE_STATUS, 9)->error, ==, ESRCH);
  nb_test_controller_free (controller);
}

/* Refused ones cost nothing: far more of them than there are descriptors. */
static void
test_refused_many_times (void)
{
  NbTestController *controller = nb_test_controller_new ();
  nb_autofd file = nb_test_text_file ("x");
  NbTestExec exec = { .child = 1, .argv = { "/no/such/program" }, .n_fds = 1 };

  exec.fds[0] = file;
  for (int i = 0; i < 2000; i++)
    g_assert_cmpint (nb_test_controller_try_exec (controller, &exec)->error, ==, ENOENT);
  g_assert_cmpuint (nb_test_count_children (controller->pid), ==, 0);
  nb_test_controller_free (controller);
}

static void
test_duplicate_id (void)
{
  NbTestController *controller = nb_test_controller_new ();
  nb_autofd alive = nb_test_controller_exec_waiting (controller, 5, NULL);
  NbTestExec exec = { .child = 5, .argv = { "/bin/true" } };

  g_assert_cmpint (nb_test_controller_try_exec (controller, &exec)->error, ==, EEXIST);
  g_assert_cmpuint (count_listed (controller), ==, 1);
  g_assert_cmpuint (nb_test_count_children (controller->pid), ==, 1);
  nb_fd_clear (&alive);
  g_assert_cmpint (expect_exited (controller, 5), ==, 0);
  /* It has ended, but was not reaped: still taken. */
  g_assert_cmpint (nb_test_controller_try_exec (controller, &exec)->error, ==, EEXIST);
  nb_test_controller_free (controller);
}

/* --- the end of a child --- */

typedef struct
{
  const char *name;
  const char *script;
  int wait_status;
} EndCase;

static const EndCase end_cases[] = {
  { "success", "exit 0", 0 },
  { "exit-code", "exit 7", 7 << 8 },
  { "exit-code-like-a-signal", "exit 139", 139 << 8 },
  { "SIGTERM", "kill -TERM $$", SIGTERM },
  { "SIGKILL", "kill -KILL $$", SIGKILL },
  { "SIGPIPE", "kill -PIPE $$", SIGPIPE },
};

/* Once, with the true wait status; the pidfd tells the same. */
static void
test_end (gconstpointer data)
{
  const EndCase *test = data;
  NbTestController *controller = nb_test_controller_new ();
  NbTestExec exec
      = { .child = 3, .argv = { "/bin/sh", "-c", test->script }, .envp = { "LC_ALL=C" } };
  nb_autofd pidfd = nb_test_controller_exec (controller, &exec);
  const NbResult *result;

  g_assert_cmphex ((guint)expect_exited (controller, 3), ==, (guint)test->wait_status);
  nb_test_wait_readable (pidfd);
  g_assert_cmpuint (nb_test_count_children (controller->pid), ==, 0);
  g_assert_cmpuint (count_listed (controller), ==, 1);
  result = ask (controller, NB_MESSAGE_STATUS, 3);
  g_assert_cmpint (result->error, ==, 0);
  g_assert_cmpint (result->state, ==, NB_CHILD_EXITED);
  g_assert_cmphex ((guint)result->wait_status, ==, (guint)test->wait_status);
  nb_test_controller_free (controller);
}

static void
test_born_carries_pidfd (void)
{
  NbTestController *controller = nb_test_controller_new ();
  int pidfd = -1;
  nb_autofd alive = nb_test_controller_exec_waiting (controller, 1, &pidfd);
  g_autofree char *path = g_strdup_printf ("/proc/self/fdinfo/%d", pidfd), *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_nonnull (strstr (text, "Pid:\t"));
  g_assert_false (nb_test_is_readable (pidfd));
  nb_fd_clear (&alive);
  nb_test_wait_readable (pidfd);
  g_assert_cmpint (expect_exited (controller, 1), ==, 0);
  nb_fd_clear (&pidfd);
  nb_test_controller_free (controller);
}

/* An orphan is collected without a word: nobody asked for it. */
static void
test_orphan (void)
{
  NbTestController *controller = nb_test_controller_new ();
  NbTestExec exec = { .child = 1, SHELL ("(exec true) & exit 0") };
  int pidfd = nb_test_controller_exec (controller, &exec);

  g_assert_cmpint (expect_exited (controller, 1), ==, 0);
  g_assert_cmpuint (count_listed (controller), ==, 1);
  nb_fd_clear (&pidfd);
  nb_test_controller_free (controller);
}

/* --- KILL, STATUS, REAP, LIST --- */

static void
test_kill (void)
{
  NbTestController *controller = nb_test_controller_new ();
  int alive = nb_test_controller_exec_waiting (controller, 1, NULL);

  g_assert_cmpint (ask_kill (controller, 1, 0), ==, 0);
  g_assert_cmpint (ask_kill (controller, 1, 999), ==, EINVAL);
  g_assert_cmpint (ask_kill (controller, 1, -1), ==, EINVAL);
  g_assert_cmpint (ask_kill (controller, 1, SIGTERM), ==, 0);
  g_assert_cmpint (expect_exited (controller, 1), ==, SIGTERM);
  g_assert_cmpint (ask_kill (controller, 1, SIGTERM), ==, ESRCH);
  nb_fd_clear (&alive);
  nb_test_controller_free (controller);
}

static void
test_status_of_running (void)
{
  NbTestController *controller = nb_test_controller_new ();
  int alive = nb_test_controller_exec_waiting (controller, 1, NULL);
  const NbResult *result = ask (controller, NB_MESSAGE_STATUS, 1);

  g_assert_cmpint (result->error, ==, 0);
  g_assert_cmpint (result->state, ==, NB_CHILD_RUNNING);
  g_assert_cmpuint (nb_test_count_children (controller->pid), ==, 1);
  nb_fd_clear (&alive);
  nb_test_controller_free (controller);
}

/* The event first, then the answer, which already knows. */
static void
test_status_known_dead (void)
{
  NbTestController *controller = nb_test_controller_new ();
  int alive = nb_test_controller_exec_waiting (controller, 1, NULL);
  g_autofree NbMessage *request = g_new0 (NbMessage, 1);
  const NbResult *result;

  request->type = NB_MESSAGE_STATUS;
  request->child = 1;
  request->known_dead = true;
  nb_test_controller_send (controller, request, NULL, 0);
  g_assert_cmpint (expect_exited (controller, 1), ==, SIGKILL);
  result = &nb_test_controller_expect (controller, NB_MESSAGE_RESULT, 1)->result;
  g_assert_cmpint (result->error, ==, 0);
  g_assert_cmpint (result->state, ==, NB_CHILD_EXITED);
  g_assert_cmpint (result->wait_status, ==, SIGKILL);
  nb_fd_clear (&alive);
  nb_test_controller_free (controller);
}

/* Told that it is known to be dead, one that has ended keeps its own status. */
static void
test_status_known_dead_of_ended (void)
{
  NbTestController *controller = nb_test_controller_new ();
  NbTestExec exec = { .child = 1, SHELL ("exit 3") };
  int pidfd = nb_test_controller_exec (controller, &exec);
  g_autofree NbMessage *request = g_new0 (NbMessage, 1);
  const NbResult *result;

  g_assert_cmpint (expect_exited (controller, 1), ==, 3 << 8);
  request->type = NB_MESSAGE_STATUS;
  request->child = 1;
  request->known_dead = true;
  result = nb_test_controller_ask (controller, request);
  g_assert_cmpint (result->wait_status, ==, 3 << 8);
  nb_fd_clear (&pidfd);
  nb_test_controller_free (controller);
}

/* Starts a child that ignores SIGTERM, and has said so. Its pidfd. */
static int
exec_stubborn (NbTestController *controller, uint32_t child, int *input_out)
{
  NbTestExec exec = { .child = child,
                      SHELL ("trap '' TERM; echo ready; exec cat <&3"),
                      .n_fds = 2,
                      .targets = { STDOUT_FILENO, 3 } };
  int ready[2], input[2], pidfd;

  g_assert_cmpint (pipe2 (ready, O_CLOEXEC), ==, 0);
  g_assert_cmpint (pipe2 (input, O_CLOEXEC), ==, 0);
  exec.fds[0] = ready[1];
  exec.fds[1] = input[0];
  pidfd = nb_test_controller_exec (controller, &exec);
  nb_test_wait_readable (ready[0]);
  nb_fd_clear (&ready[0]);
  nb_fd_clear (&ready[1]);
  nb_fd_clear (&input[0]);
  *input_out = input[1];
  return pidfd;
}

static void
test_reap_of_stubborn (void)
{
  NbTestController *controller = nb_test_controller_new ();
  nb_autofd input = -1, pidfd = exec_stubborn (controller, 1, &input);
  gint64 start = g_get_monotonic_time ();

  g_assert_cmpint (ask_kill (controller, 1, SIGTERM), ==, 0);
  g_assert_cmpint (ask (controller, NB_MESSAGE_REAP, 1)->state, ==, NB_CHILD_RUNNING);
  g_assert_cmpint (ask (controller, NB_MESSAGE_REAP, 1)->state, ==, NB_CHILD_RUNNING);
  g_assert_false (nb_test_is_readable (pidfd));
  g_assert_cmpint (expect_exited (controller, 1), ==, SIGKILL);
  g_assert_cmpint ((g_get_monotonic_time () - start) / 1000, >=, REAP_GRACE_MS - 1);
  nb_test_controller_free (controller);
}

/* Within the time, a child ends in its own way. */
static void
test_reap_of_obedient (void)
{
  NbTestController *controller = nb_test_controller_new ();
  nb_autofd alive = nb_test_controller_exec_waiting (controller, 1, NULL);
  gint64 start = g_get_monotonic_time ();

  g_assert_cmpint (ask (controller, NB_MESSAGE_REAP, 1)->error, ==, 0);
  nb_fd_clear (&alive);
  g_assert_cmpint (expect_exited (controller, 1), ==, 0);
  g_assert_cmpint ((g_get_monotonic_time () - start) / 1000, <, REAP_GRACE_MS);
  nb_test_controller_free (controller);
}

static void
test_reap_forgets (void)
{
  NbTestController *controller = nb_test_controller_new ();
  NbTestExec exec = { .child = 1, SHELL ("exit 4") };
  int first = nb_test_controller_exec (controller, &exec), second;
  const NbResult *result;

  g_assert_cmpint (expect_exited (controller, 1), ==, 4 << 8);
  result = ask (controller, NB_MESSAGE_REAP, 1);
  g_assert_cmpint (result->error, ==, 0);
  g_assert_cmpint (result->state, ==, NB_CHILD_EXITED);
  g_assert_cmpint (result->wait_status, ==, 4 << 8);
  g_assert_cmpint (ask (controller, NB_MESSAGE_REAP, 1)->error, ==, ESRCH);
  g_assert_cmpuint (count_listed (controller), ==, 0);
  second = nb_test_controller_exec (controller, &exec);
  g_assert_cmpint (expect_exited (controller, 1), ==, 4 << 8);
  nb_fd_clear (&first);
  nb_fd_clear (&second);
  nb_test_controller_free (controller);
}

static void
test_list (void)
{
  NbTestController *controller = nb_test_controller_new ();
  int first = nb_test_controller_exec_waiting (controller, 70, NULL);
  int second = nb_test_controller_exec_waiting (controller, UINT32_MAX, NULL);
  const NbListEntry *entries = controller->message.list.entries;

  nb_fd_clear (&first);
  g_assert_cmpint (expect_exited (controller, 70), ==, 0);
  g_assert_cmpuint (count_listed (controller), ==, 2);
  g_assert_cmpuint (entries[0].child, ==, 70);
  g_assert_cmpint (entries[0].state, ==, NB_CHILD_EXITED);
  g_assert_cmpuint (entries[1].child, ==, UINT32_MAX);
  g_assert_cmpint (entries[1].state, ==, NB_CHILD_RUNNING);
  nb_fd_clear (&second);
  nb_test_controller_free (controller);
}

/* Outside of any sandbox it sees more than its own; its child is among them. */
static void
test_survey (void)
{
  NbTestController *controller = nb_test_controller_new ();
  int input = nb_test_controller_exec_waiting (controller, 1, NULL);
  g_autofree NbMessage *request = g_new0 (NbMessage, 1);
  const NbSurvey *survey;
  guint children = 0;

  request->type = NB_MESSAGE_SURVEY;
  nb_test_controller_send (controller, request, NULL, 0);
  survey = &nb_test_controller_expect (controller, NB_MESSAGE_SURVEYED, 0)->survey;
  for (size_t i = 0; i < survey->n; i++)
    {
      g_assert_cmpint (survey->processes[i].pid, !=, controller->pid);
      children += survey->processes[i].parent == controller->pid;
    }
  g_assert_cmpuint (children, ==, 1);
  nb_fd_clear (&input);
  g_assert_cmpint (expect_exited (controller, 1), ==, 0);
  nb_test_controller_free (controller);
}

static NbIdentity
identify (NbTestController *controller, int pidfd, int32_t stand_in)
{
  g_autofree NbMessage *request = g_new0 (NbMessage, 1);

  request->type = NB_MESSAGE_IDENTIFY;
  request->stand_in = stand_in;
  nb_test_controller_send (controller, request, &pidfd, pidfd >= 0);
  return nb_test_controller_expect (controller, NB_MESSAGE_IDENTIFIED, 0)->identity;
}

/* No PID names anybody but a stand-in; no other process is anybody's. */
static void
test_identify (void)
{
  NbTestController *controller = nb_test_controller_new ();
  int pidfd = -1, input = nb_test_controller_exec_waiting (controller, 9, &pidfd);
  nb_autofd own = (int)syscall (SYS_pidfd_open, getpid (), 0);
  NbIdentity identity = identify (controller, pidfd, 0);

  g_assert_cmpint (identity.error, ==, 0);
  g_assert_cmpuint (identity.program, ==, 9);
  g_assert_false (identity.descends);
  g_assert_cmpint (identity.pid, >, 1);
  g_assert_cmpint (identify (controller, -1, identity.pid).error, ==, ESRCH);
  g_assert_cmpint (identify (controller, -1, getpid ()).error, ==, ESRCH);
  g_assert_cmpint (identify (controller, -1, 0).error, ==, ESRCH);
  identity = identify (controller, own, 0); /* outside of any sandbox it can be seen */
  g_assert_cmpint (identity.error, ==, 0);
  g_assert_cmpuint (identity.program, ==, 0);
  nb_fd_clear (&input);
  g_assert_cmpint (expect_exited (controller, 9), ==, 0);
  identity = identify (controller, pidfd, 0);
  g_assert_cmpint (identity.error, ==, ESRCH);
  g_assert_cmpuint (identity.program, ==, 0);
  nb_fd_clear (&pidfd);
  nb_test_controller_free (controller);
}

static void
test_unknown_child (void)
{
  NbTestController *controller = nb_test_controller_new ();

  g_assert_cmpint (ask_kill (controller, 8, SIGKILL), ==, ESRCH);
  g_assert_cmpint (ask (controller, NB_MESSAGE_STATUS, 8)->error, ==, ESRCH);
  g_assert_cmpint (ask (controller, NB_MESSAGE_REAP, 8)->error, ==, ESRCH);
  g_assert_cmpint (ask (controller, NB_MESSAGE_REAP, 8)->state, ==, NB_CHILD_NONE);
  nb_test_controller_free (controller);
}

int
main (int argc, char **argv)
{
  static const NbKind gpu_kinds[] = { NB_KIND_UNSANDBOXED_ZYGOTE, NB_KIND_GPU };

  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/controller/exec", output_cases, test_output);
  nb_test_add ("/controller/exec/signals-are-at-their-defaults",
               test_signals_are_at_their_defaults);
  nb_test_add ("/controller/exec/most-descriptors", test_most_descriptors);
  nb_test_add_cases ("/controller/exec/zygote-environment", zygote_cases,
                     test_zygote_environment);
  nb_test_add_case ("/controller/exec/gpu-environment", "of-a-zygote", &gpu_kinds[0],
                    test_gpu_environment);
  nb_test_add_case ("/controller/exec/gpu-environment", "of-a-gpu-process", &gpu_kinds[1],
                    test_gpu_environment);
  nb_test_add_cases ("/controller/exec/refused", refused_cases, test_refused);
  nb_test_add ("/controller/exec/refused-many-times", test_refused_many_times);
  nb_test_add ("/controller/exec/duplicate-id", test_duplicate_id);
  nb_test_add_cases ("/controller/end", end_cases, test_end);
  nb_test_add ("/controller/born-carries-pidfd", test_born_carries_pidfd);
  nb_test_add ("/controller/orphan-is-nobody's", test_orphan);
  nb_test_add ("/controller/kill", test_kill);
  nb_test_add ("/controller/status/running", test_status_of_running);
  nb_test_add ("/controller/status/known-dead-is-ended", test_status_known_dead);
  nb_test_add ("/controller/status/known-dead-had-ended", test_status_known_dead_of_ended);
  nb_test_add ("/controller/reap/stubborn-is-killed", test_reap_of_stubborn);
  nb_test_add ("/controller/reap/obedient-ends-by-itself", test_reap_of_obedient);
  nb_test_add ("/controller/reap/ended-is-forgotten", test_reap_forgets);
  nb_test_add ("/controller/list", test_list);
  nb_test_add ("/controller/survey", test_survey);
  nb_test_add ("/controller/identify", test_identify);
  nb_test_add ("/controller/unknown-child", test_unknown_child);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the browser executes instead of its set-uid helper, with the test as browser and
 * broker.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"
#include "zygote/wire/message.h"

enum
{
  CONTROL_FD = 3,
  LAST_FD = 255,
  SERIAL = 1, /* of the client's only request */
  MAX_ARGUMENTS = 8,
  CHILD = 7,
};

#define SECRET "opensesame" /* on a command line */

typedef struct
{
  char *directory, *path;
  int listener, client; /* the broker's ends */
  guint32 child;        /* the helper's id for its program */
  int control;          /* the browser's end of the control socket */
  int control_of_child; /* what the helper gets as number 3 */
  int output;           /* what the helper has as standard output and error */
  pid_t pid;
  NbPacket packet;
  NbMessage message;
} Helper;

typedef struct
{
  const Helper *helper;
  const char *const *argv;
  const char *broker; /* NULL: not told */
  int more_fds;
  bool confine; /* it is to put filters on */
} Launch;

/* --- a broker, and the helper in front of it --- */

static Helper *
helper_new (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  Helper *helper = g_new0 (Helper, 1);
  int ends[2];

  helper->directory = g_dir_make_tmp ("nestbox-test-XXXXXX", NULL);
  helper->path = g_build_filename (helper->directory, "broker", NULL);
  helper->listener = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  helper->client = -1;
  g_assert_cmpuint (strlen (helper->path), <, sizeof address.sun_path);
  (void)strcpy (address.sun_path, helper->path);
  g_assert_cmpint (bind (helper->listener, (struct sockaddr *)&address, sizeof address), ==,
                   0);
  g_assert_cmpint (listen (helper->listener, 1), ==, 0);
  g_assert_cmpint (nb_channel_pair (ends), ==, 0);
  helper->control = ends[0];
  helper->control_of_child = ends[1];
  g_assert_cmpint (nb_channel_pass_credentials (helper->control), ==, 0);
  helper->output = nb_test_text_file ("");
  return helper;
}

static void
helper_free (Helper *helper)
{
  nb_packet_clear (&helper->packet);
  nb_fd_clear (&helper->listener);
  nb_fd_clear (&helper->client);
  nb_fd_clear (&helper->control);
  nb_fd_clear (&helper->control_of_child);
  nb_fd_clear (&helper->output);
  (void)g_unlink (helper->path);
  g_assert_cmpint (g_rmdir (helper->directory), ==, 0);
  g_free (helper->directory);
  g_free (helper->path);
  g_free (helper);
}

static void
become_helper (gconstpointer data)
{
  const Launch *launch = data;
  const char *build = g_getenv ("NESTBOX_TEST_BUILD");
  g_autofree char *program = g_build_filename (build != NULL ? build : "build/out",
                                               "nestbox-chrome-sandbox", NULL);

  nb_test_child_check (dup2 (launch->helper->output, STDOUT_FILENO) >= 0);
  nb_test_child_check (dup2 (launch->helper->output, STDERR_FILENO) >= 0);
  if (launch->helper->control_of_child != CONTROL_FD)
    nb_test_child_check (dup2 (launch->helper->control_of_child, CONTROL_FD) >= 0);
  else
    nb_test_child_check (nb_fd_set_cloexec (CONTROL_FD, false) == 0);
  for (int fd = CONTROL_FD + 1; fd < LAST_FD; fd++) /* as the browser does */
    (void)nb_fd_set_cloexec (fd, true);
  for (int i = 0; i < launch->more_fds; i++)
    nb_test_child_check (dup2 (CONTROL_FD, 40 + i) >= 0);
  (void)setenv ("LANG", "C", 1);
  (void)setenv ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/x", 1);
  if (launch->broker != NULL)
    (void)setenv ("NESTBOX_BROKER", launch->broker, 1);
  if (launch->confine)
    {
      nb_test_child_check (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
      /* A sanitizer's own needs at exit are not in the policies. */
      (void)setenv ("ASAN_OPTIONS", "detect_leaks=0", 1);
    }
  execv (program, (char *const *)launch->argv);
  nb_test_child_verify (false, __FILE__, __LINE__, program);
}

static void
launch (Helper *helper, const Launch *how)
{
  helper->pid = nb_test_fork (become_helper, how);
  nb_fd_clear (&helper->control_of_child);
}

/* Starts a zygote through it. */
static void
launch_zygote (Helper *helper)
{
  static const char *const argv[]
      = { "chrome-sandbox", "/app/x", "--type=zygote", "--flag=" SECRET, NULL };
  Launch how = { .helper = helper, .argv = argv, .broker = helper->path };

  launch (helper, &how);
}

static void
receive (Helper *helper, int fd)
{
  nb_packet_clear (&helper->packet);
  nb_test_wait_readable (fd);
  g_assert_cmpint (nb_channel_receive (fd, &helper->packet), ==, 1);
}

static const NbMessage *
take_request (Helper *helper)
{
  nb_test_wait_readable (helper->listener);
  helper->client = accept4 (helper->listener, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (helper->client, >=, 0);
  receive (helper, helper->client);
  g_assert_cmpint (nb_message_decode (&helper->packet, &helper->message), ==, 0);
  g_assert_cmpuint (helper->message.serial, ==, SERIAL);
  helper->child = helper->message.child;
  return &helper->message;
}

static void
answer (Helper *helper, int error, const char *detail, int link)
{
  NbMessage result
      = { .type = NB_MESSAGE_RESULT, .serial = SERIAL, .child = helper->child };

  result.result.error = error;
  result.result.detail = nb_slice (detail);
  g_assert_cmpint (nb_message_send (helper->client, &result, &link, link >= 0), ==, 0);
}

static void
say_exited (Helper *helper, int wait_status)
{
  NbMessage exited = { .type = NB_MESSAGE_EXITED, .child = helper->child };

  exited.wait_status = wait_status;
  g_assert_cmpint (nb_message_send (helper->client, &exited, NULL, 0), ==, 0);
}

static bool
has_printed (const Helper *helper, const char *text)
{
  g_autofree char *printed = NULL;
  int copy = nb_fd_dup (helper->output, 3);

  g_assert_cmpint (lseek (copy, 0, SEEK_SET), ==, 0);
  printed = nb_test_read_all (copy);
  return strstr (printed, text) != NULL;
}

/* Its end; what it printed has this text in it, and nothing of the command line. */
static int
wait_for_end (Helper *helper, const char *text)
{
  int wait_status = nb_test_wait (helper->pid);

  if (!has_printed (helper, text))
    g_error ("\"%s\" was not printed", text);
  g_assert_false (has_printed (helper, SECRET));
  return wait_status;
}

static int
exit_status (int status)
{
  return status << 8;
}

/* --- what it asks for --- */

static bool
has_string (const NbStrings *strings, const char *wanted)
{
  for (size_t i = 0; i < strings->n; i++)
    if (strings->items[i].length == strlen (wanted)
        && memcmp (strings->items[i].data, wanted, strlen (wanted)) == 0)
      return true;
  return false;
}

static void
test_request (void)
{
  Helper *helper = helper_new ();
  const NbMessage *request;

  launch_zygote (helper);
  request = take_request (helper);
  g_assert_cmpint (request->type, ==, NB_MESSAGE_EXEC);
  g_assert_cmpint (request->exec.kind, ==, NB_KIND_ZYGOTE);
  g_assert_cmpuint (request->exec.argv.n, ==, 3);
  g_assert_true (has_string (&request->exec.argv, "--type=zygote"));
  g_assert_true (has_string (&request->exec.envp, "LANG=C"));
  g_assert_false (
      has_string (&request->exec.envp, "DBUS_SESSION_BUS_ADDRESS=unix:path=/x"));
  g_assert_cmpuint (request->exec.n_targets, ==, 3);
  for (size_t i = 0; i < 3; i++)
    g_assert_cmpint (request->exec.targets[i], ==, (int)i + 1);
  answer (helper, 0, "", -1);
  /* The control socket is the zygote's alone: its end is seen when that closes it. */
  nb_packet_clear (&helper->packet);
  nb_test_wait_readable (helper->control);
  g_assert_cmpint (nb_channel_receive (helper->control, &helper->packet), ==, 0);
  say_exited (helper, exit_status (7));
  g_assert_cmphex ((guint)wait_for_end (helper, ""), ==, (guint)exit_status (7));
  helper_free (helper);
}

/* It ends as the zygote did. */
static void
test_ends_by_signal (void)
{
  static const int numbers[] = { SIGKILL, SIGTERM, SIGSEGV };

  for (size_t i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      Helper *helper = helper_new ();

      launch_zygote (helper);
      (void)take_request (helper);
      answer (helper, 0, "", -1);
      say_exited (helper, numbers[i]);
      g_assert_cmphex ((guint)wait_for_end (helper, ""), ==, (guint)numbers[i]);
      helper_free (helper);
    }
}

static void
test_signals_of_the_terminal (void)
{
  Helper *helper = helper_new ();

  launch_zygote (helper);
  (void)take_request (helper);
  g_assert_cmpint (kill (helper->pid, SIGINT), ==, 0);
  g_assert_cmpint (kill (helper->pid, SIGHUP), ==, 0);
  answer (helper, 0, "", -1);
  say_exited (helper, exit_status (3));
  g_assert_cmphex ((guint)wait_for_end (helper, ""), ==, (guint)exit_status (3));
  helper_free (helper);
}

/* --- when there is no sandbox --- */

typedef struct
{
  const char *name;
  const char *argv[MAX_ARGUMENTS];
  const char *broker;
  int more_fds;
  const char *text;
} RefusalCase;

static const RefusalCase refusal_cases[] = {
  { "nothing-asked", { "chrome-sandbox" }, NULL, 0, "see nestbox(1)" },
  { "no-broker",
    { "chrome-sandbox", "/app/x", "--type=zygote" },
    NULL,
    0,
    "sandbox not started: the browser was not started by `nestbox run` (see `nestbox "
    "doctor`)" },
  { "no-zygote",
    { "chrome-sandbox", "/app/x", "--type=renderer" },
    "/nowhere",
    0,
    "only a zygote" },
  { "broker-is-gone",
    { "chrome-sandbox", "/app/x", "--type=zygote" },
    "/nowhere",
    0,
    "the broker cannot be reached" },
  { "path-too-long",
    { "chrome-sandbox", "/app/x", "--type=zygote" },
    "/0123456789012345678901234567890123456789012345678901234567890123456789"
    "0123456789012345678901234567890123456789012345678901234567890123456789",
    0,
    "the broker cannot be reached" },
  { "too-many-descriptors",
    { "chrome-sandbox", "/app/x", "--type=zygote" },
    "/nowhere",
    16,
    "more descriptors open than fit one message" },
};

static void
test_refusal (gconstpointer data)
{
  const RefusalCase *test = data;
  Helper *helper = helper_new ();
  Launch how = {
    .helper = helper, .argv = test->argv, .broker = test->broker, .more_fds = test->more_fds
  };

  launch (helper, &how);
  g_assert_cmphex ((guint)wait_for_end (helper, test->text), ==, (guint)exit_status (1));
  helper_free (helper);
}

static void
test_refused_by_broker (void)
{
  Helper *helper = helper_new ();

  launch_zygote (helper);
  (void)take_request (helper);
  answer (helper, ECONNREFUSED, "no bus", -1);
  g_assert_cmphex ((guint)wait_for_end (helper, "sandbox not started: no bus (see"), ==,
                   (guint)exit_status (1));
  helper_free (helper);
}

static void
test_broker_ends (void)
{
  Helper *helper = helper_new ();

  launch_zygote (helper);
  (void)take_request (helper);
  nb_fd_clear (&helper->client);
  g_assert_cmphex ((guint)wait_for_end (helper, "the broker ended"), ==,
                   (guint)exit_status (1));
  helper_free (helper);
}

static void
test_broker_ends_later (void)
{
  Helper *helper = helper_new ();

  launch_zygote (helper);
  (void)take_request (helper);
  answer (helper, 0, "", -1);
  nb_fd_clear (&helper->client);
  g_assert_cmphex ((guint)wait_for_end (helper, "no new pages can be opened"), ==,
                   (guint)exit_status (1));
  helper_free (helper);
}

/* --- where the browser's output is a terminal --- */

static void
test_terminal (void)
{
  Helper *helper = helper_new ();
  g_autofree char *shown = g_malloc0 (64);
  nb_autofd terminal = -1, theirs = -1, file = helper->output;

  g_assert_cmpint (openpty (&terminal, &theirs, NULL, NULL, NULL), ==, 0);
  (void)nb_fd_set_cloexec (terminal, true);
  (void)nb_fd_set_cloexec (theirs, true);
  helper->output = theirs;
  launch_zygote (helper);
  (void)take_request (helper);
  g_assert_cmpuint (helper->packet.n_fds, ==, 3);
  for (size_t i = 0; i < 2; i++)
    {
      g_assert_false (isatty (helper->packet.fds[i]));
      g_assert_cmpint (write (helper->packet.fds[i], "last words", 10), ==, 10);
      answer (helper, 0, "", -1); /* the second one is nobody's */
      nb_test_wait_readable (terminal);
      g_assert_cmpint (read (terminal, shown, 63), ==, 10);
      g_assert_cmpstr (shown, ==, "last words");
    }
  nb_packet_clear (&helper->packet);
  say_exited (helper, exit_status (0));
  g_assert_cmphex ((guint)nb_test_wait (helper->pid), ==, 0);
  helper->output = nb_fd_steal (&file);
  helper_free (helper);
}

/* --- where PIDs are hidden --- */

static void
tell (int link, NbMessageType type, int fd)
{
  NbMessage message = { .type = type, .child = CHILD };

  g_assert_cmpint (nb_message_send (link, &message, &fd, fd >= 0), ==, 0);
}

/* It speaks for the zygote, and makes what the browser sees of its children. */
static void
test_stand_ins (void)
{
  Helper *helper = helper_new ();
  NbMessage say = { .type = NB_MESSAGE_SAY, .serial = 1 };
  int link[2], oracle[2];
  pid_t stand_in;

  g_assert_cmpint (nb_channel_pair (link), ==, 0);
  g_assert_cmpint (nb_channel_pair (oracle), ==, 0);
  g_assert_cmpint (nb_channel_pass_credentials (oracle[0]), ==, 0);
  launch_zygote (helper);
  (void)take_request (helper);
  nb_packet_clear (&helper->packet);
  answer (helper, 0, "", link[1]);
  nb_fd_clear (&link[1]);
  say.text = nb_slice (NB_ZYGOTE_HELLO);
  g_assert_cmpint (nb_message_send (link[0], &say, NULL, 0), ==, 0);
  receive (helper, helper->control);
  g_assert_cmpint (helper->packet.pid, ==, helper->pid);
  receive (helper, link[0]); /* that it was said */
  tell (link[0], NB_MESSAGE_BORN, oracle[1]);
  nb_fd_clear (&oracle[1]);
  receive (helper, oracle[0]);
  stand_in = helper->packet.pid;
  g_assert_cmpint (stand_in, >, 1);
  g_assert_cmpint (stand_in, !=, helper->pid);
  tell (link[0], NB_MESSAGE_EXITED, -1);
  tell (link[0], NB_MESSAGE_KILL, -1); /* means nothing here */
  nb_fd_clear (&link[0]);
  say_exited (helper, exit_status (0));
  g_assert_cmphex ((guint)wait_for_end (helper, ""), ==, 0);
  g_assert_cmpint (kill (stand_in, 0), ==, -1);
  nb_fd_clear (&oracle[0]);
  helper_free (helper);
}

/* --- the helper's other uses --- */

static void
test_api (void)
{
  static const char *const argv[] = { "chrome-sandbox", "--get-api", NULL };
  Helper *helper = helper_new ();
  Launch how = { .helper = helper, .argv = argv };

  launch (helper, &how);
  g_assert_cmphex ((guint)wait_for_end (helper, "1\n"), ==, 0);
  helper_free (helper);
}

/* --- what the browser executes by it, outside the sub-sandbox --- */

typedef struct
{
  const char *name;
  const char *argv[MAX_ARGUMENTS];
  int exit_status;
  const char *text;
} ConfineCase;

#define SHELL "/usr/bin/dash"
#define UTILITY "--type=utility", "--service-sandbox-type=service"
#define SHOW "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status; env | grep NESTBOX; true"

static const ConfineCase confine_cases[] = {
  { "utility", { SHELL, "sh", "-c", SHOW, UTILITY }, 0, "NoNewPrivs:\t1\nSeccomp:\t2\n" },
  { "unsandboxed-zygote",
    { SHELL, "sh", "-c", SHOW, "--type=zygote", "--no-zygote-sandbox" },
    0,
    "NESTBOX_ZYGOTE=unsandboxed\n" },
  { "filter-denies",
    { SHELL, "sh", "-c", "unshare -U true", UTILITY },
    1,
    "Operation not permitted" },
  { "not-there",
    { "/app/not-there", "x", UTILITY },
    1,
    "utility process not started: No such file or directory (see `nestbox doctor`)" },
};

static void
set_words (const char **to, const char *option, const char *const *words)
{
  size_t n = 0;

  to[n++] = "chrome-sandbox";
  to[n++] = option;
  while (*words != NULL)
    to[n++] = *words++;
  to[n] = NULL;
}

static void
become_unshare (gconstpointer data)
{
  (void)data;
  (void)execlp ("unshare", "unshare", "-U", "true", NULL);
}

/* What a filter denies works without it. */
static void
test_without_filter (void)
{
  g_assert_cmphex ((guint)nb_test_wait (nb_test_fork (become_unshare, NULL)), ==, 0);
}

/* It has the filters of its kind before anything of it runs, and no way to the broker. */
static void
test_confine (gconstpointer data)
{
  const ConfineCase *test = data;
  const char *argv[MAX_ARGUMENTS + 3];
  Helper *helper = helper_new ();
  Launch how = { .helper = helper, .argv = argv, .broker = helper->path, .confine = true };

  set_words (argv, "--confine", test->argv);
  launch (helper, &how);
  g_assert_cmphex ((guint)wait_for_end (helper, test->text), ==,
                   (guint)exit_status (test->exit_status));
  g_assert_false (has_printed (helper, "NESTBOX_BROKER="));
  g_assert_false (nb_test_is_readable (helper->listener));
  helper_free (helper);
}

static const char *const watched_words[] = { SHELL, "sh", "-c", "exit 5", UTILITY, NULL };

/* NESTBOX_DEBUG=seccomp: who answers its filter has to be there before it is executed. */
static void
test_watch (void)
{
  const char *argv[MAX_ARGUMENTS + 3];
  Helper *helper = helper_new ();
  Launch how = { .helper = helper, .argv = argv, .broker = helper->path, .confine = true };

  set_words (argv, "--watch", watched_words);
  launch (helper, &how);
  nb_test_wait_readable (helper->listener);
  helper->client = accept4 (helper->listener, NULL, NULL, SOCK_CLOEXEC);
  receive (helper, helper->client);
  g_assert_cmpint (nb_message_decode (&helper->packet, &helper->message), ==, 0);
  g_assert_cmpint (helper->message.type, ==, NB_MESSAGE_WATCH);
  g_assert_cmpint (helper->message.kind, ==, NB_KIND_UTILITY);
  g_assert_cmpuint (helper->packet.n_fds, ==, 1);
  g_assert_cmphex ((guint)wait_for_end (helper, ""), ==, (guint)exit_status (5));
  helper_free (helper);
}

/* Without one it is not executed. */
static void
test_watch_by_nobody (void)
{
  const char *argv[MAX_ARGUMENTS + 3];
  Helper *helper = helper_new ();
  Launch how
      = { .helper = helper, .argv = argv, .broker = "/app/not-there", .confine = true };

  set_words (argv, "--watch", watched_words);
  launch (helper, &how);
  g_assert_cmphex ((guint)wait_for_end (helper, "utility process not started: "), ==,
                   (guint)exit_status (1));
  helper_free (helper);
}

/* As the helper: it exits 1 when the score is set. */
static int
adjust (const char *pid, const char *score, int error)
{
  const char *const argv[] = { "chrome-sandbox", "--adjust-oom-score", pid, score, NULL };
  Helper *helper = helper_new ();
  Launch how = { .helper = helper, .argv = argv, .broker = helper->path };
  int wait_status;

  launch (helper, &how);
  if (error >= 0)
    {
      const NbMessage *request = take_request (helper);

      g_assert_cmpint (request->type, ==, NB_MESSAGE_OOM_ADJUST);
      g_assert_cmpint (request->oom.pid, ==, atoi (pid));
      g_assert_cmpint (request->oom.score, ==, atoi (score));
      answer (helper, error, "", -1);
    }
  wait_status = wait_for_end (helper, "");
  helper_free (helper);
  return WEXITSTATUS (wait_status);
}

static void
wait_for_ever (gconstpointer data)
{
  (void)data;
  for (;;)
    (void)pause ();
}

/* A child that is no zygote's has its score written from here. */
static void
test_scores (void)
{
  pid_t child = nb_test_fork (wait_for_ever, NULL);
  g_autofree char *pid = g_strdup_printf ("%d", (int)child), *score = NULL;
  g_autofree char *path = g_strdup_printf ("/proc/%d/oom_score_adj", (int)child);

  g_assert_cmpint (adjust (pid, "300", 0), ==, 1);
  g_assert_cmpint (adjust (pid, "300", EACCES), ==, 0);
  g_assert_cmpint (adjust (pid, "300", ESRCH), ==, 1);
  g_assert_true (g_file_get_contents (path, &score, NULL, NULL));
  g_assert_cmpstr (g_strstrip (score), ==, "300");
  g_assert_cmpint (kill (child, SIGKILL), ==, 0);
  (void)nb_test_wait (child);
  g_assert_cmpint (adjust (pid, "300", ESRCH), ==, 0);
}

static void
wrong_scores (void)
{
  static const char *const wrong[][2]
      = { { "x", "300" }, { "1", "" }, { "-1", "300" }, { "1", "3000000000" } };
  Helper *helper = helper_new ();

  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      const char *const argv[]
          = { "chrome-sandbox", "--adjust-oom-score", wrong[i][0], wrong[i][1], NULL };
      Launch how = { .helper = helper, .argv = argv };

      helper->pid = nb_test_fork (become_helper, &how);
      g_assert_cmphex ((guint)wait_for_end (helper, ""), ==, 0);
    }
  helper_free (helper);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/chrome-sandbox/request", test_request);
  nb_test_add ("/chrome-sandbox/ends-by-signal", test_ends_by_signal);
  nb_test_add ("/chrome-sandbox/signals-of-the-terminal", test_signals_of_the_terminal);
  nb_test_add_cases ("/chrome-sandbox/refuses", refusal_cases, test_refusal);
  nb_test_add ("/chrome-sandbox/refuses/by-broker", test_refused_by_broker);
  nb_test_add ("/chrome-sandbox/broker-ends", test_broker_ends);
  nb_test_add ("/chrome-sandbox/broker-ends-later", test_broker_ends_later);
  nb_test_add ("/chrome-sandbox/terminal", test_terminal);
  nb_test_add ("/chrome-sandbox/stand-ins", test_stand_ins);
  nb_test_add ("/chrome-sandbox/api", test_api);
  nb_test_add ("/chrome-sandbox/confine/nothing-denies-it-before", test_without_filter);
  nb_test_add_cases ("/chrome-sandbox/confine", confine_cases, test_confine);
  nb_test_add ("/chrome-sandbox/watch", test_watch);
  nb_test_add ("/chrome-sandbox/watch/by-nobody", test_watch_by_nobody);
  nb_test_add ("/chrome-sandbox/scores", test_scores);
  nb_test_add ("/chrome-sandbox/scores/wrong", wrong_scores);
  return g_test_run ();
}

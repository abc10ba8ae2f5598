/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program that the browser executes as its unsandboxed zygote, in a child, with the
 * test as browser, as broker and as the GPU's zygote, and itself executed as the zygote in
 * the app. Who gets to hear what: tests/unit/test-gpu-router.c; here, whom it asks for
 * what, and what it says when that is not to be had.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"
#include "zygote/wire/message.h"

/* The helper lies in the folder that the child goes to. */
#undef NB_PKGLIBEXECDIR
#define NB_PKGLIBEXECDIR "."
int gpu_router_main (int argc, char **argv);
#define main gpu_router_main
#include "spawn/gpu-router/gpu-router-main.c"
#undef main

#define HELPER_NAME "nestbox-chrome-sandbox"
#define SECRET "--url=https://x:opensesame@x.org/" /* on a command line */

enum
{
  LAST_FD = 255,
  MAX_ARGUMENTS = 8,
  GPU_PID = 0x7001,
  APP_PID = 0x7002,
  CHILD = 7,
};

typedef struct
{
  char *directory, *path, *helper;
  int listener, client;          /* the broker's ends */
  int browser, browser_of_child; /* of the control socket */
  int gpu;                       /* the router's socket, as the GPU's zygote has it */
  int output;                    /* what it has as standard output and error */
  pid_t pid;
  uint32_t serial, program; /* of the only request */
  NbPacket packet;
  NbMessage message;
} Fixture;

typedef struct
{
  const Fixture *self;
  const char *argv[MAX_ARGUMENTS];
  bool no_broker, watched;
  int more_fds;
} Launch;

/* --- the zygote in the app --- */

/* Says how it was executed, and answers each Fork with the PID that the browser says. */
static int
be_app_zygote (int argc, char **argv)
{
  static NbPacket command;
  static NbZygoteCommand decoded;
  g_autofree char *words = g_strjoinv (" ", argv);
  int32_t reply[] = { 8, 0, 0 };

  (void)argc;
  (void)dprintf (STDERR_FILENO, "%s; broker: %s\n", words,
                 g_getenv ("NESTBOX_BROKER") != NULL ? "told" : "not told");
  while (nb_channel_receive (NB_CONTROL_FD, &command) == 1)
    {
      int result
          = nb_zygote_command_decode (command.bytes, command.size, command.n_fds, &decoded);

      nb_packet_clear (&command);
      if (result < 0)
        return 1;
      reply[1] = decoded.pid;
      if (decoded.type == NB_ZYGOTE_FORK_REAL_PID
          && nb_channel_send (NB_CONTROL_FD, reply, sizeof reply, NULL, 0) < 0)
        return 1;
    }
  return 0;
}

/* --- the fixture --- */

static Fixture *
fixture_new (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  Fixture *self = g_new0 (Fixture, 1);
  int ends[2];

  self->directory = g_dir_make_tmp ("nestbox-test-XXXXXX", NULL);
  self->path = g_build_filename (self->directory, "broker", NULL);
  self->helper = g_build_filename (self->directory, HELPER_NAME, NULL);
  self->listener = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  self->client = self->gpu = -1;
  g_assert_cmpuint (strlen (self->path), <, sizeof address.sun_path);
  (void)strcpy (address.sun_path, self->path);
  g_assert_cmpint (bind (self->listener, (struct sockaddr *)&address, sizeof address), ==,
                   0);
  g_assert_cmpint (listen (self->listener, 1), ==, 0);
  g_assert_cmpint (nb_channel_pair (ends), ==, 0);
  self->browser = ends[0];
  self->browser_of_child = ends[1];
  self->output = nb_test_text_file ("");
  return self;
}

/* The program's own executable, under the helper's name. */
static void
add_helper (Fixture *self)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);

  g_assert_cmpint (symlink (program, self->helper), ==, 0);
}

static void
fixture_free (Fixture *self)
{
  nb_packet_clear (&self->packet);
  nb_fd_clear (&self->listener);
  nb_fd_clear (&self->client);
  nb_fd_clear (&self->browser);
  nb_fd_clear (&self->browser_of_child);
  nb_fd_clear (&self->gpu);
  nb_fd_clear (&self->output);
  (void)g_unlink (self->helper);
  (void)g_unlink (self->path);
  g_assert_cmpint (g_rmdir (self->directory), ==, 0);
  g_free (self->directory);
  g_free (self->path);
  g_free (self->helper);
  g_free (self);
}

static void
be_router (gconstpointer data)
{
  const Launch *launch = data;
  const Fixture *self = launch->self;
  int n = 0;

  nb_test_child_check (dup2 (self->output, STDOUT_FILENO) >= 0);
  nb_test_child_check (dup2 (self->output, STDERR_FILENO) >= 0);
  if (self->browser_of_child != NB_CONTROL_FD)
    nb_test_child_check (dup2 (self->browser_of_child, NB_CONTROL_FD) >= 0);
  nb_test_child_check (nb_fd_set_cloexec (NB_CONTROL_FD, false) == 0);
  nb_test_child_check (nb_fd_close_from (NB_CONTROL_FD + 1) == 0);
  for (int i = 0; i < launch->more_fds; i++)
    nb_test_child_check (dup2 (NB_CONTROL_FD, 40 + i) >= 0);
  nb_test_child_check (chdir (self->directory) == 0);
  (void)setenv ("LANG", "C", 1);
  if (!launch->no_broker)
    (void)setenv ("NESTBOX_BROKER", "broker", 1);
  if (launch->watched)
    (void)setenv ("NESTBOX_WATCHED", "1", 1);
  while (launch->argv[n] != NULL)
    n++;
  n = gpu_router_main (n, (char **)launch->argv);
  nb_test_child_count ();
  _exit (n);
}

static void
launch (Fixture *self, const Launch *how)
{
  self->pid = nb_test_fork (be_router, how);
  nb_fd_clear (&self->browser_of_child);
}

#define ZYGOTE "nestbox-gpu-router", "/app/x", "--type=zygote", "--no-zygote-sandbox"

static void
launch_zygote (Fixture *self)
{
  Launch how = { .self = self, .argv = { ZYGOTE } };

  launch (self, &how);
}

static void
receive (Fixture *self, int fd)
{
  nb_packet_clear (&self->packet);
  nb_test_wait_readable (fd);
  g_assert_cmpint (nb_channel_receive (fd, &self->packet), ==, 1);
}

/* Its request to the broker; of a zygote its control socket is kept. */
static const NbMessage *
take_request (Fixture *self)
{
  nb_test_wait_readable (self->listener);
  self->client = accept4 (self->listener, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (self->client, >=, 0);
  receive (self, self->client);
  g_assert_cmpint (nb_message_decode (&self->packet, &self->message), ==, 0);
  g_assert_cmpint (self->message.type, ==, NB_MESSAGE_EXEC);
  self->serial = self->message.serial;
  self->program = self->message.child;
  for (size_t i = 0; i < self->message.exec.n_targets; i++)
    if (self->message.exec.targets[i] == NB_CONTROL_FD)
      self->gpu = nb_packet_steal_fd (&self->packet, i);
  nb_packet_clear (&self->packet); /* its descriptors; the message's text stays */
  return &self->message;
}

static void
answer (Fixture *self, int error, const char *detail, int link)
{
  NbMessage result
      = { .type = NB_MESSAGE_RESULT, .serial = self->serial, .child = self->program };

  result.result.error = error;
  result.result.detail = nb_slice (detail);
  g_assert_cmpint (nb_message_send (self->client, &result, &link, link >= 0), ==, 0);
}

static void
say_exited (Fixture *self, int wait_status)
{
  NbMessage exited = { .type = NB_MESSAGE_EXITED, .child = self->program };

  exited.wait_status = wait_status;
  g_assert_cmpint (nb_message_send (self->client, &exited, NULL, 0), ==, 0);
}

/* How often this is in what it printed. */
static int
count_text (const Fixture *self, const char *text)
{
  int copy = nb_fd_dup (self->output, 3), n = 0;
  g_autofree char *printed = NULL;

  g_assert_cmpint (lseek (copy, 0, SEEK_SET), ==, 0);
  printed = nb_test_read_all (copy);
  for (const char *at = printed; (at = strstr (at, text)) != NULL; at++)
    n++;
  return n;
}

/* The browser is gone: so is it, and its connection with it. */
static void
end (Fixture *self)
{
  nb_fd_clear (&self->browser);
  g_assert_cmphex ((guint)nb_test_wait (self->pid), ==, 0);
  g_assert_cmpint (count_text (self, SECRET), ==, 0);
  fixture_free (self);
}

/* --- as the browser --- */

/* The browser's end of the oracle. */
static int
ask_fork (Fixture *self, const char *type, const char *argument)
{
  static NbPickleWriter writer;
  static NbZygoteCommand command;
  size_t size;
  int oracle[2];

  command = (NbZygoteCommand){ .type = NB_ZYGOTE_FORK,
                               .process_type = nb_slice (type),
                               .n_arguments = 2,
                               .arguments = { nb_slice (argument), nb_slice (SECRET) } };
  g_assert_cmpint (nb_zygote_command_encode (&writer, &command, &size), ==, 0);
  g_assert_cmpint (nb_channel_pair (oracle), ==, 0);
  g_assert_cmpint (nb_channel_send (self->browser, writer.bytes, size, &oracle[1], 1), ==,
                   0);
  nb_fd_clear (&oracle[1]);
  return oracle[0];
}

static void
say_real_pid (Fixture *self, int32_t pid)
{
  const int32_t words[] = { 8, NB_ZYGOTE_FORK_REAL_PID, pid };

  g_assert_cmpint (nb_channel_send (self->browser, words, sizeof words, NULL, 0), ==, 0);
}

static void
expect_fork_reply (Fixture *self, int32_t pid)
{
  const int32_t words[] = { 8, pid, 0 };

  receive (self, self->browser);
  nb_test_assert_bytes (self->packet.bytes, self->packet.size, words, sizeof words);
}

/* As the GPU's zygote does it. */
static void
fork_gpu (Fixture *self, const char *argument)
{
  const int32_t reply[] = { 8, GPU_PID, 0 };
  nb_autofd oracle = ask_fork (self, "gpu-process", argument);

  receive (self, self->gpu);
  g_assert_cmpuint (self->packet.n_fds, ==, 1);
  nb_packet_clear (&self->packet);
  nb_test_wait_readable (oracle); /* the zygote has given up the other end: the only one */
  say_real_pid (self, GPU_PID);
  receive (self, self->gpu);
  g_assert_cmpint (nb_channel_send (self->gpu, reply, sizeof reply, NULL, 0), ==, 0);
  expect_fork_reply (self, GPU_PID);
}

static void
fail_to_fork (Fixture *self, const char *type, const char *argument)
{
  nb_autofd oracle = ask_fork (self, type, argument);

  nb_test_wait_readable (oracle);
  g_assert_cmpint (nb_channel_receive (oracle, &self->packet), ==, 0);
  say_real_pid (self, -1);
  expect_fork_reply (self, -1);
}

/* --- tests: the GPU's zygote --- */

static bool
has_string (const NbStrings *strings, const char *wanted)
{
  for (size_t i = 0; i < strings->n; i++)
    if (strings->items[i].length >= strlen (wanted)
        && memcmp (strings->items[i].data, wanted, strlen (wanted)) == 0)
      return true;
  return false;
}

/* It is asked for at once, with a socket of the router's and no way to the broker. */
static void
test_request (void)
{
  Fixture *self = fixture_new ();
  const NbMessage *request;

  launch_zygote (self);
  request = take_request (self);
  g_assert_cmpint (request->exec.kind, ==, NB_KIND_UNSANDBOXED_ZYGOTE);
  g_assert_cmpuint (request->exec.argv.n, ==, 3);
  g_assert_true (has_string (&request->exec.argv, "--no-zygote-sandbox"));
  g_assert_true (has_string (&request->exec.envp, "LANG=C"));
  g_assert_false (has_string (&request->exec.envp, "NESTBOX_"));
  g_assert_cmpuint (request->exec.n_targets, ==, 3);
  answer (self, 0, "", -1);
  fork_gpu (self, "--type=gpu-process");
  fork_gpu (self, "--ozone-platform=x11");
  nb_packet_clear (&self->packet);
  nb_fd_clear (&self->browser);
  nb_test_wait_readable (self->gpu); /* its control socket has ended, and */
  g_assert_cmpint (nb_channel_receive (self->gpu, &self->packet), ==, 0);
  nb_test_wait_readable (self->client); /* nobody needs the broker */
  end (self);
}

typedef struct
{
  const char *name;
  int error;
  const char *detail, *argument, *text;
  int times;
} RefusalCase;

static const RefusalCase refusal_cases[] = {
  { "by-the-broker", ECONNREFUSED, "no bus", "--x",
    "nestbox: GPU process not started: no bus (see `nestbox doctor`)\n", 1 },
  { "with-the-pages", ESHUTDOWN, "no bus", "--x", "nestbox: ", 0 },
  { "x11-only", 0, NB_DETAIL_NO_X11, "--ozone-platform=x11",
    "GPU process not started: the X11 display is not in its sub-sandbox", 1 },
};

/* Said once, however often the browser tries; or by the helper of the pages' zygote. */
static void
test_refused (gconstpointer data)
{
  const RefusalCase *test = data;
  Fixture *self = fixture_new ();

  launch_zygote (self);
  (void)take_request (self);
  answer (self, test->error, test->detail, -1);
  fail_to_fork (self, "gpu-process", test->argument);
  fail_to_fork (self, "gpu-process", test->argument);
  g_assert_cmpint (count_text (self, test->text), ==, test->times);
  g_assert_cmpint (count_text (self, "nestbox: "), ==, test->times);
  if (test->error == 0)
    fork_gpu (self, "--ozone-platform=wayland");
  end (self);
}

/* A Fork may come before the answer: it waits for that. */
static void
test_early_fork (void)
{
  Fixture *self = fixture_new ();
  nb_autofd oracle = -1;

  launch_zygote (self);
  (void)take_request (self);
  oracle = ask_fork (self, "gpu-process", "--x");
  answer (self, ECONNREFUSED, "too late", -1);
  nb_test_wait_readable (oracle);
  say_real_pid (self, -1);
  expect_fork_reply (self, -1);
  g_assert_cmpint (count_text (self, "GPU process not started: too late"), ==, 1);
  end (self);
}

typedef struct
{
  const char *name;
  bool no_broker;
  int more_fds;
  const char *text;
} UnaskedCase;

static const UnaskedCase unasked_cases[] = {
  { "no-broker", true, 0, "the broker cannot be reached" },
  { "too-many-descriptors", false, 16, "more descriptors open than fit one message" },
};

/* What the app's zygote is for works all the same. */
static void
test_unasked (gconstpointer data)
{
  const UnaskedCase *test = data;
  Fixture *self = fixture_new ();
  Launch how = { .self = self,
                 .argv = { ZYGOTE },
                 .no_broker = test->no_broker,
                 .more_fds = test->more_fds };

  launch (self, &how);
  fail_to_fork (self, "gpu-process", "--x");
  g_assert_cmpint (count_text (self, test->text), ==, 1);
  end (self);
}

typedef struct
{
  const char *name;
  bool says_exited;
  const char *text;
} EndCase;

static const EndCase end_cases[] = {
  { "zygote-ends", true, "GPU process not started: its zygote ended" },
  { "broker-ends", false, "GPU process not started: the broker ended" },
};

static void
test_gpu_ends (gconstpointer data)
{
  const EndCase *test = data;
  Fixture *self = fixture_new ();

  launch_zygote (self);
  (void)take_request (self);
  answer (self, 0, "", -1);
  fork_gpu (self, "--x");
  if (test->says_exited)
    say_exited (self, 9);
  else
    nb_fd_clear (&self->client);
  nb_test_wait_readable (self->gpu); /* the router has dropped it */
  fail_to_fork (self, "gpu-process", "--x");
  g_assert_cmpint (count_text (self, test->text), ==, 1);
  end (self);
}

/* Where PIDs are hidden: the router keeps the stand-ins, until the link ends. */
static void
test_stand_in (void)
{
  Fixture *self = fixture_new ();
  NbMessage born = { .type = NB_MESSAGE_BORN, .child = CHILD };
  int link[2], oracle[2];
  pid_t stand_in;

  g_assert_cmpint (nb_channel_pair (link), ==, 0);
  g_assert_cmpint (nb_channel_pair (oracle), ==, 0);
  g_assert_cmpint (nb_channel_pass_credentials (oracle[0]), ==, 0);
  launch_zygote (self);
  (void)take_request (self);
  answer (self, 0, "", link[1]);
  nb_fd_clear (&link[1]);
  g_assert_cmpint (nb_message_send (link[0], &born, &oracle[1], 1), ==, 0);
  nb_fd_clear (&oracle[1]);
  receive (self, oracle[0]);
  stand_in = self->packet.pid;
  g_assert_cmpint (stand_in, >, 1);
  g_assert_cmpint (stand_in, !=, self->pid);
  nb_fd_clear (&link[0]);
  nb_test_wait_readable (self->gpu);
  g_assert_cmpint (kill (stand_in, 0), ==, -1);
  fail_to_fork (self, "gpu-process", "--x");
  g_assert_cmpint (count_text (self, "its zygote ended"), ==, 1);
  nb_fd_clear (&oracle[0]);
  end (self);
}

/* --- tests: the zygote in the app --- */

static void
fork_in_app (Fixture *self)
{
  nb_autofd oracle = ask_fork (self, "utility", "--x");

  say_real_pid (self, APP_PID);
  expect_fork_reply (self, APP_PID);
  nb_test_wait_readable (oracle); /* nobody but the zygote had the other end */
}

typedef struct
{
  const char *name;
  bool watched;
  const char *text;
} AppCase;

static const AppCase app_cases[] = {
  { "confined", false,
    HELPER_NAME " --confine /app/x /app/x --type=zygote --no-zygote-sandbox; broker: not" },
  { "watched", true,
    HELPER_NAME " --watch /app/x /app/x --type=zygote --no-zygote-sandbox; broker: told" },
};

/* Started by the helper, once, and also where there is none for the GPU. */
static void
test_app_zygote (gconstpointer data)
{
  const AppCase *test = data;
  Fixture *self = fixture_new ();
  Launch how = { .self = self, .argv = { ZYGOTE }, .watched = test->watched };

  add_helper (self);
  launch (self, &how);
  (void)take_request (self);
  answer (self, ECONNREFUSED, "no bus", -1);
  fork_in_app (self);
  fork_in_app (self);
  g_assert_cmpint (count_text (self, test->text), ==, 1);
  end (self);
}

/* Without it a Fork fails, and is said to; the GPU's is another. */
static void
test_no_app_zygote (void)
{
  Fixture *self = fixture_new ();

  launch_zygote (self);
  (void)take_request (self);
  answer (self, 0, "", -1);
  fail_to_fork (self, "utility", "--x");
  g_assert_cmpint (count_text (self, "unsandboxed zygote not started: No such file"), ==,
                   1);
  fork_gpu (self, "--x");
  end (self);
}

/* --- tests: other uses --- */

/* A GPU process that no zygote forks: the router stands in for it, and ends as it does. */
static void
test_gpu_process (void)
{
  Fixture *self = fixture_new ();
  Launch how
      = { .self = self, .argv = { "nestbox-gpu-router", "/app/x", "--type=gpu-process" } };

  launch (self, &how);
  g_assert_cmpint (take_request (self)->exec.kind, ==, NB_KIND_GPU);
  answer (self, 0, "", -1);
  say_exited (self, 7 << 8);
  g_assert_cmphex ((guint)nb_test_wait (self->pid), ==, 7 << 8);
  fixture_free (self);
}

typedef struct
{
  const char *name;
  int error, times;
} QuietCase;

static const QuietCase gpu_process_cases[] = {
  { "by-the-broker", ECONNREFUSED, 1 },
  { "with-the-pages", ESHUTDOWN, 0 },
};

static void
test_gpu_process_refused (gconstpointer data)
{
  const QuietCase *test = data;
  Fixture *self = fixture_new ();
  Launch how
      = { .self = self, .argv = { "nestbox-gpu-router", "/app/x", "--type=gpu-process" } };

  launch (self, &how);
  (void)take_request (self);
  answer (self, test->error, "no bus", -1);
  g_assert_cmphex ((guint)nb_test_wait (self->pid), ==, 1 << 8);
  g_assert_cmpint (count_text (self, "nestbox: GPU process not started: no bus"), ==,
                   test->times);
  g_assert_cmpint (count_text (self, "nestbox: "), ==, test->times);
  fixture_free (self);
}

static void
test_command_line (void)
{
  static const char *const wrong[][MAX_ARGUMENTS]
      = { { "nestbox-gpu-router" },
          { "nestbox-gpu-router", "--type=gpu-process" },
          { "nestbox-gpu-router", "/app/x", "--type=renderer" },
          { "nestbox-gpu-router", "/app/x", "--type=zygote" } };

  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      Fixture *self = fixture_new ();
      Launch how = { .self = self };

      memcpy (how.argv, wrong[i], sizeof how.argv);
      launch (self, &how);
      g_assert_cmphex ((guint)nb_test_wait (self->pid), ==, 2 << 8);
      g_assert_cmpint (count_text (self, "started by nestbox itself"), ==, 1);
      fixture_free (self);
    }
}

int
main (int argc, char **argv)
{
  g_autofree char *name = g_path_get_basename (argv[0]);

  if (g_str_equal (name, HELPER_NAME))
    return be_app_zygote (argc, argv);
  nb_test_init (&argc, &argv);
  nb_test_add ("/gpu-router-program/request", test_request);
  nb_test_add_cases ("/gpu-router-program/refused", refusal_cases, test_refused);
  nb_test_add ("/gpu-router-program/fork-before-the-answer", test_early_fork);
  nb_test_add_cases ("/gpu-router-program/unasked", unasked_cases, test_unasked);
  nb_test_add_cases ("/gpu-router-program/end", end_cases, test_gpu_ends);
  nb_test_add ("/gpu-router-program/stand-in", test_stand_in);
  nb_test_add_cases ("/gpu-router-program/app-zygote", app_cases, test_app_zygote);
  nb_test_add ("/gpu-router-program/no-app-zygote", test_no_app_zygote);
  nb_test_add ("/gpu-router-program/gpu-process", test_gpu_process);
  nb_test_add_cases ("/gpu-router-program/gpu-process-refused", gpu_process_cases,
                     test_gpu_process_refused);
  nb_test_add ("/gpu-router-program/command-line", test_command_line);
  return g_test_run ();
}

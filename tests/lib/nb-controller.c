/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lib/nb-controller.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

typedef struct
{
  const char *program;
  const char *const *argv;
  int channel, error;
} Launch;

/* What it inherits from a broker, a portal and a shell that are not tidy. */
static void
make_untidy (void)
{
  sigset_t blocked;
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);

  nb_test_child_check (null >= 0);
  nb_test_child_check (dup2 (null, 0) == 0 && dup2 (2, 1) == 1 && dup2 (null, 100) == 100);
  nb_test_child_check (signal (SIGPIPE, SIG_IGN) != SIG_ERR);
  nb_test_child_check (signal (SIGUSR2, SIG_IGN) != SIG_ERR);
  sigemptyset (&blocked);
  sigaddset (&blocked, SIGUSR1);
  nb_test_child_check (sigprocmask (SIG_BLOCK, &blocked, NULL) == 0);
}

static void
become_controller (gconstpointer data)
{
  const Launch *launch = data;

  if (launch->error >= 0)
    nb_test_child_check (dup2 (launch->error, STDERR_FILENO) == STDERR_FILENO);
  make_untidy ();
  if (launch->channel != 3)
    nb_test_child_check (dup2 (launch->channel, 3) == 3);
  nb_test_child_check (nb_fd_set_cloexec (3, false) == 0);
  /* Not dumpable, it cannot be looked at by the leak check of a sanitised build. */
  (void)setenv ("ASAN_OPTIONS", "detect_leaks=0", 1);
  execv (launch->program, (char *const *)launch->argv);
  nb_test_child_verify (false, __FILE__, __LINE__, launch->program);
}

pid_t
nb_test_controller_launch (const char *const *argv, int channel, int error)
{
  const char *build = g_getenv ("NESTBOX_TEST_BUILD");
  g_autofree char *program
      = g_build_filename (build != NULL ? build : "build/out", "nestbox-controller", NULL);
  Launch launch = { .program = program, .argv = argv, .channel = channel, .error = error };

  return nb_test_fork (become_controller, &launch);
}

NbTestController *
nb_test_controller_new (void)
{
  static const char *const argv[] = { "nestbox-controller", "--channel=3", NULL };
  NbTestController *controller = g_new0 (NbTestController, 1);
  g_autofree NbMessage *welcome = g_new0 (NbMessage, 1);
  int ends[2];

  welcome->type = NB_MESSAGE_WELCOME;
  g_assert_cmpint (nb_channel_pair (ends), ==, 0);
  controller->pid = nb_test_controller_launch (argv, ends[1], -1);
  controller->channel = ends[0];
  nb_fd_clear (&ends[1]);
  nb_test_controller_expect (controller, NB_MESSAGE_HELLO, 0);
  nb_test_controller_send (controller, welcome, NULL, 0);
  return controller;
}

void
nb_test_controller_expect_end (NbTestController *controller)
{
  nb_packet_clear (&controller->packet);
  g_assert_cmphex ((guint)nb_test_wait (controller->pid), ==, 0);
  nb_fd_clear (&controller->channel);
  g_free (controller);
}

void
nb_test_controller_free (NbTestController *controller)
{
  nb_fd_clear (&controller->channel);
  nb_test_controller_expect_end (controller);
}

const NbMessage *
nb_test_controller_receive (NbTestController *controller)
{
  nb_packet_clear (&controller->packet);
  nb_test_wait_readable (controller->channel);
  g_assert_cmpint (nb_channel_receive (controller->channel, &controller->packet), ==, 1);
  g_assert_cmpint (nb_message_decode (&controller->packet, &controller->message), ==, 0);
  return &controller->message;
}

const NbMessage *
nb_test_controller_expect (NbTestController *controller, NbMessageType type, uint32_t child)
{
  const NbMessage *message = nb_test_controller_receive (controller);

  g_assert_cmpstr (nb_message_type_name (message->type), ==, nb_message_type_name (type));
  g_assert_cmpuint (message->child, ==, child);
  return message;
}

void
nb_test_controller_send (NbTestController *controller, NbMessage *request, const int *fds,
                         size_t n_fds)
{
  request->serial = ++controller->serial;
  g_assert_cmpint (nb_message_send (controller->channel, request, fds, n_fds), ==, 0);
}

static const NbResult *
take_result (NbTestController *controller, uint32_t child)
{
  const NbMessage *answer
      = nb_test_controller_expect (controller, NB_MESSAGE_RESULT, child);

  g_assert_cmpuint (answer->serial, ==, controller->serial);
  return &answer->result;
}

const NbResult *
nb_test_controller_ask (NbTestController *controller, NbMessage *request)
{
  nb_test_controller_send (controller, request, NULL, 0);
  return take_result (controller, request->child);
}

static void
append_all (NbStrings *strings, const char *const *vector)
{
  bool overflow = false;

  for (; *vector != NULL; vector++)
    nb_strings_append (strings, *vector, &overflow);
  g_assert_false (overflow);
}

const NbResult *
nb_test_controller_try_exec (NbTestController *controller, const NbTestExec *exec)
{
  g_autofree NbMessage *request = g_new0 (NbMessage, 1);

  request->type = NB_MESSAGE_EXEC;
  request->child = exec->child;
  request->exec.kind = exec->kind;
  request->exec.wall = exec->wall;
  append_all (&request->exec.argv, exec->argv);
  append_all (&request->exec.envp, exec->envp);
  request->exec.n_targets = exec->n_fds;
  for (size_t i = 0; i < exec->n_fds; i++)
    request->exec.targets[i] = exec->targets[i];
  nb_test_controller_send (controller, request, exec->fds, exec->n_fds);
  return take_result (controller, exec->child);
}

int
nb_test_controller_exec (NbTestController *controller, const NbTestExec *exec)
{
  const NbResult *result = nb_test_controller_try_exec (controller, exec);

  g_assert_cmpint (result->error, ==, 0);
  g_assert_cmpint (result->state, ==, NB_CHILD_RUNNING);
  nb_test_controller_expect (controller, NB_MESSAGE_BORN, exec->child);
  g_assert_cmpuint (controller->packet.n_fds, ==, 1);
  return nb_packet_steal_fd (&controller->packet, 0);
}

int
nb_test_controller_exec_waiting (NbTestController *controller, uint32_t child,
                                 int *pidfd_out)
{
  NbTestExec exec = { .child = child,
                      .argv = { "/bin/sh", "-c", "exec cat" },
                      .envp = { "PATH=/usr/bin:/bin" },
                      .n_fds = 1 };
  int pipe_ends[2];
  nb_autofd pidfd = -1;

  g_assert_cmpint (pipe2 (pipe_ends, O_CLOEXEC), ==, 0);
  exec.fds[0] = pipe_ends[0];
  pidfd = nb_test_controller_exec (controller, &exec);
  nb_fd_clear (&pipe_ends[0]);
  if (pidfd_out != NULL)
    *pidfd_out = nb_fd_steal (&pidfd);
  return pipe_ends[1];
}

char *
nb_test_controller_output (NbTestController *controller, const NbTestExec *exec)
{
  NbTestExec with_output = *exec;
  int pipe_ends[2];
  nb_autofd pidfd = -1;
  char *text;

  g_assert_cmpint (pipe2 (pipe_ends, O_CLOEXEC), ==, 0);
  with_output.fds[with_output.n_fds] = pipe_ends[1];
  with_output.targets[with_output.n_fds++] = STDOUT_FILENO;
  pidfd = nb_test_controller_exec (controller, &with_output);
  nb_fd_clear (&pipe_ends[1]);
  text = nb_test_read_all (pipe_ends[0]);
  nb_test_controller_expect (controller, NB_MESSAGE_EXITED, exec->child);
  return text;
}

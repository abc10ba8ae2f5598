/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a controller does for a zygote: door and relay. The zygote is this
 * program again, with --be-zygote; it has no preload, so it makes its request at the door
 * itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-controller.h"
#include "tests/lib/nb-test.h"
#include "zygote/controller/oom-scores.h"
#include "zygote/preload/proc-door-client.h"
#include "zygote/wire/zygote-command.h"

enum
{
  CONTROL_FD = 3, /* Chromium: content_descriptors.h, kZygoteSocketPairFd */
  ZYGOTE = 1,     /* an id */
  STAND_INS_PID = 4242,
  MAX_ZYGOTES = 4,
  SCORE = 400,
};

/* --- as the zygote --- */

static void
say (const void *bytes, size_t size)
{
  nb_test_child_check (nb_channel_send (CONTROL_FD, bytes, size, NULL, 0) == 0);
}

static const NbZygoteCommand *
take_command (NbPacket *packet)
{
  static NbZygoteCommand command;

  if (nb_channel_receive (CONTROL_FD, packet) <= 0)
    exit (0);
  nb_test_child_check (
      nb_zygote_command_decode (packet->bytes, packet->size, packet->n_fds, &command) == 0);
  return &command;
}

/* In the place of the preload's part of a child, and of Chromium's. */
static void
be_child (int oracle)
{
  const char *door = getenv ("NESTBOX_PROC_DOOR");
  nb_autofd list = -1;

  nb_proc_door_init (door != NULL ? atoi (door) : -1);
  nb_test_child_check (nb_proc_door_use (NB_DOOR_RENDERER, true) == 0);
  nb_test_child_check (nb_proc_door_use (NB_DOOR_OTHER, true) == -ENOTCONN); /* once only */
  list = nb_proc_door_open (AT_FDCWD, "self/fd/");
  nb_test_child_check (list >= 0);
  nb_test_child_check (nb_proc_door_open (AT_FDCWD, "self/fd/") == -ENOENT);
  nb_test_child_check (nb_proc_door_open (-1, ".") == -ENOENT);
  nb_test_child_check (
      nb_channel_send (oracle, NB_ZYGOTE_PING, sizeof NB_ZYGOTE_PING, NULL, 0) == 0);
  nb_fd_clear (&oracle);
  nb_test_child_count ();
  for (;;)
    (void)pause ();
}

static void
fork_child (NbPacket *packet)
{
  pid_t pid = fork ();
  uint32_t answer[] = { 8, 0, 0 };

  nb_test_child_check (pid >= 0);
  if (pid == 0)
    be_child (nb_packet_steal_fd (packet, 0));
  nb_packet_clear (packet);
  answer[1] = (uint32_t)take_command (packet)->pid;
  say (answer, sizeof answer);
}

static _Noreturn void
be_zygote (void)
{
  static NbPacket packet;

  say (NB_ZYGOTE_BOOT, sizeof NB_ZYGOTE_BOOT);
  say (NB_ZYGOTE_HELLO, sizeof NB_ZYGOTE_HELLO);
  for (;;)
    {
      const NbZygoteCommand *command = take_command (&packet);

      if (command->type == NB_ZYGOTE_FORK)
        fork_child (&packet);
      else if (command->type == NB_ZYGOTE_SANDBOX_STATUS)
        say ((uint32_t[]){ 0x2f }, 4);
    }
}

/* --- a zygote, and the test as its browser and nursery --- */

typedef struct
{
  NbTestController *controller;
  int browser, link; /* our ends */
  NbPacket packet;
  NbMessage message;
} Zygote;

/* What stands for the browser's program in EXEC: this one. */
static const char *
own_path (void)
{
  static char path[4096];

  g_assert_cmpint (readlink ("/proc/self/exe", path, sizeof path - 1), >, 0);
  return path;
}

static void
welcome_relay (NbTestController *controller)
{
  g_autofree NbMessage *welcome = g_new0 (NbMessage, 1);

  welcome->type = NB_MESSAGE_WELCOME;
  welcome->welcome.relay = true;
  nb_test_controller_send (controller, welcome, NULL, 0);
}

static NbTestExec
zygote_exec (uint32_t child, int control, int link)
{
  NbTestExec exec = { .child = child,
                      .argv = { own_path (), "--be-zygote" },
                      .envp = { "PATH=/usr/bin:/bin" },
                      .kind = NB_KIND_ZYGOTE };

  if (control >= 0)
    {
      exec.fds[exec.n_fds] = control;
      exec.targets[exec.n_fds++] = CONTROL_FD;
    }
  if (link >= 0)
    {
      exec.fds[exec.n_fds] = link;
      exec.targets[exec.n_fds++] = NB_TARGET_LINK;
    }
  return exec;
}

static void
receive (Zygote *zygote, int fd)
{
  nb_packet_clear (&zygote->packet);
  nb_test_wait_readable (fd);
  g_assert_cmpint (nb_channel_receive (fd, &zygote->packet), ==, 1);
}

static const NbMessage *
receive_link (Zygote *zygote, NbMessageType type)
{
  receive (zygote, zygote->link);
  g_assert_cmpint (nb_message_decode (&zygote->packet, &zygote->message), ==, 0);
  g_assert_cmpint (zygote->message.type, ==, type);
  return &zygote->message;
}

static Zygote *
zygote_new (void)
{
  Zygote *zygote = g_new0 (Zygote, 1);
  int control[2], link[2], pidfd;
  NbTestExec exec;

  zygote->controller = nb_test_controller_new ();
  welcome_relay (zygote->controller);
  g_assert_cmpint (nb_channel_pair (control), ==, 0);
  g_assert_cmpint (nb_channel_pair (link), ==, 0);
  exec = zygote_exec (ZYGOTE, control[1], link[1]);
  pidfd = nb_test_controller_exec (zygote->controller, &exec);
  nb_fd_clear (&pidfd);
  nb_fd_clear (&control[1]);
  nb_fd_clear (&link[1]);
  zygote->browser = control[0];
  zygote->link = link[0];
  for (uint32_t serial = 2; serial > 0; serial--)
    {
      NbMessage said = { .type = NB_MESSAGE_RESULT, .serial = serial };

      g_assert_cmpuint (receive_link (zygote, NB_MESSAGE_SAY)->serial, ==, serial);
      g_assert_cmpint (nb_message_send (zygote->link, &said, NULL, 0), ==, 0);
    }
  return zygote;
}

static void
zygote_free (Zygote *zygote)
{
  nb_packet_clear (&zygote->packet);
  nb_fd_clear (&zygote->browser);
  nb_fd_clear (&zygote->link);
  (void)nb_test_controller_expect (zygote->controller, NB_MESSAGE_EXITED, ZYGOTE);
  nb_test_controller_free (zygote->controller);
  g_free (zygote);
}

static void
ask (Zygote *zygote, const NbZygoteCommand *command, int oracle)
{
  static NbPickleWriter writer;
  size_t size;

  g_assert_cmpint (nb_zygote_command_encode (&writer, command, &size), ==, 0);
  g_assert_cmpint (
      nb_channel_send (zygote->browser, writer.bytes, size, &oracle, oracle >= 0), ==, 0);
}

static void
expect_status_word (Zygote *zygote)
{
  static const NbZygoteCommand question = { .type = NB_ZYGOTE_SANDBOX_STATUS };
  static const uint8_t word[] = { 0x2f, 0, 0, 0 };

  ask (zygote, &question, -1);
  receive (zygote, zygote->browser);
  nb_test_assert_bytes (zygote->packet.bytes, zygote->packet.size, word, sizeof word);
}

/* --- tests: the relay --- */

static void
test_relayed (void)
{
  Zygote *zygote = zygote_new ();

  expect_status_word (zygote);
  zygote_free (zygote);
}

static pid_t
child_of_zygote (const char *zygote)
{
  g_autofree char *path = g_strdup_printf ("/proc/%s/task/%s/children", zygote, zygote);
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return (pid_t)atoi (text);
}

static int
score_of (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/oom_score_adj", (int)pid);
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return atoi (text);
}

static int
adjust_oom (Zygote *zygote, int pid, int score)
{
  g_autofree NbMessage *request = g_new0 (NbMessage, 1);

  request->type = NB_MESSAGE_OOM_ADJUST;
  request->oom.pid = pid;
  request->oom.score = score;
  return nb_test_controller_ask (zygote->controller, request)->error;
}

static char *
pid_of_controllers_child (const NbTestController *controller)
{
  g_autofree char *pid = g_strdup_printf ("%d", (int)controller->pid);

  return g_strdup_printf ("%d", (int)child_of_zygote (pid));
}

/* A child is born, known by its stand-in's PID, and has its score set by that. */
static void
test_child (void)
{
  static NbZygoteCommand command;
  Zygote *zygote = zygote_new ();
  g_autofree char *zygotes_pid = pid_of_controllers_child (zygote->controller);
  pid_t pid;
  NbMessage signal = { .type = NB_MESSAGE_KILL };
  int oracle[2];

  g_assert_cmpint (nb_channel_pair (oracle), ==, 0);
  command = (NbZygoteCommand){ .type = NB_ZYGOTE_FORK };
  command.process_type = nb_slice ("renderer");
  ask (zygote, &command, oracle[1]);
  nb_fd_clear (&oracle[1]);
  signal.child = receive_link (zygote, NB_MESSAGE_BORN)->child;
  g_assert_cmpuint (zygote->packet.n_fds, ==, 1);
  command = (NbZygoteCommand){ .type = NB_ZYGOTE_FORK_REAL_PID, .pid = STAND_INS_PID };
  ask (zygote, &command, -1);
  receive (zygote, zygote->browser);
  pid = child_of_zygote (zygotes_pid);
  g_assert_cmpint (score_of (pid), ==, NB_OOM_SCORE_RENDERER);
  g_assert_cmpint (adjust_oom (zygote, STAND_INS_PID, SCORE), ==, 0);
  g_assert_cmpint (adjust_oom (zygote, STAND_INS_PID + 1, SCORE), ==, ESRCH);
  g_assert_cmpint (adjust_oom (zygote, STAND_INS_PID, 1001), ==, EINVAL);
  g_assert_cmpint (score_of (pid), ==, SCORE);
  signal.signal = SIGKILL;
  g_assert_cmpint (nb_message_send (zygote->link, &signal, NULL, 0), ==, 0);
  nb_fd_clear (&oracle[0]);
  zygote_free (zygote);
}

/* --- tests: what cannot be --- */

static int
try_zygote (NbTestController *controller, uint32_t child, bool with_control, bool with_link)
{
  int control[2], link[2], error;
  NbTestExec exec;

  g_assert_cmpint (nb_channel_pair (control), ==, 0);
  g_assert_cmpint (nb_channel_pair (link), ==, 0);
  exec = zygote_exec (child, with_control ? control[1] : -1, with_link ? link[1] : -1);
  error = nb_test_controller_try_exec (controller, &exec)->error;
  if (error == 0)
    (void)nb_test_controller_expect (controller, NB_MESSAGE_BORN, child);
  nb_packet_clear (&controller->packet);
  for (int i = 0; i < 2; i++)
    {
      nb_fd_clear (&control[i]);
      nb_fd_clear (&link[i]);
    }
  return error;
}

static void
test_refused (void)
{
  NbTestController *controller = nb_test_controller_new ();

  welcome_relay (controller);
  g_assert_cmpint (try_zygote (controller, ZYGOTE, true, false), ==, EPROTO);
  g_assert_cmpint (try_zygote (controller, ZYGOTE, false, true), ==, EBADF);
  nb_test_controller_free (controller);
}

/* One more than there may be, while the others live. */
static void
test_too_many (void)
{
  NbTestController *controller = nb_test_controller_new ();
  int held[MAX_ZYGOTES], pidfd, control[2];

  for (uint32_t i = 0; i < MAX_ZYGOTES; i++)
    {
      NbTestExec exec;

      g_assert_cmpint (nb_channel_pair (control), ==, 0);
      exec = zygote_exec (i + 1, control[1], -1);
      pidfd = nb_test_controller_exec (controller, &exec);
      nb_fd_clear (&pidfd);
      nb_fd_clear (&control[1]);
      held[i] = control[0];
    }
  g_assert_cmpint (try_zygote (controller, MAX_ZYGOTES + 1, true, true), ==, ENOSPC);
  for (size_t i = 0; i < MAX_ZYGOTES; i++)
    nb_fd_clear (&held[i]);
  for (size_t i = 0; i < MAX_ZYGOTES; i++)
    g_assert_cmpint (nb_test_controller_receive (controller)->type, ==, NB_MESSAGE_EXITED);
  nb_test_controller_free (controller);
}

int
main (int argc, char **argv)
{
  if (argc == 2 && strcmp (argv[1], "--be-zygote") == 0)
    be_zygote ();
  nb_test_init (&argc, &argv);
  nb_test_add ("/controller-zygote/relayed", test_relayed);
  nb_test_add ("/controller-zygote/child", test_child);
  nb_test_add ("/controller-zygote/refused", test_refused);
  nb_test_add ("/controller-zygote/too-many", test_too_many);
  return g_test_run ();
}

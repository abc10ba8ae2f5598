/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose a process is: also while PIDs are used again on purpose, in a PID namespace of the
 * test's own, by clone3(2) with set_tid. Its pid 1 is the controller; two children of it
 * are programs, which start processes of the same PID in turn.
 */
#include "zygote/controller/identify.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/pidfd.h"
#include "tests/lib/nb-pids.h"
#include "tests/lib/nb-test.h"
#include "zygote/controller/survey.h"
#include "zygote/wire/channel.h"

#if defined(__SANITIZE_ADDRESS__) /* of which each round costs many times more */
#  define ROUNDS 1000
#else
#  define ROUNDS 10000
#endif

enum
{
  REUSED_PID = 777,
};

/* One program that starts and ends processes when it is told to. */
typedef struct
{
  uint32_t id;
  int channel;  /* to it */
  int after[2]; /* a pipe: the other may go on, its process is gone */
} Program;

/* --- a program --- */

/* "m": make it; "w": the same, once the other's is gone; "k": end it, and say so. */
static void
serve (int channel, int wait_end, int say_end)
{
  static NbPacket packet;
  char byte = 'x';

  while (nb_channel_receive (channel, &packet) == 1)
    {
      nb_autofd pidfd = -1;

      if (packet.bytes[0] == 'k')
        {
          nb_test_child_check (kill (REUSED_PID, SIGKILL) == 0
                               && waitpid (REUSED_PID, NULL, 0) == REUSED_PID);
          nb_test_child_check (write (say_end, &byte, 1) == 1);
          continue;
        }
      if (packet.bytes[0] == 'w')
        nb_test_child_check (read (wait_end, &byte, 1) == 1);
      nb_test_child_check (nb_pids_clone (REUSED_PID, nb_pids_wait_forever) == REUSED_PID);
      pidfd = (int)syscall (SYS_pidfd_open, REUSED_PID, 0);
      nb_test_child_check (nb_channel_send (channel, "m", 1, &pidfd, 1) == 0);
    }
}

static void
start (Program *program, const Program *other, NbChildTable *children)
{
  int ends[2];
  pid_t pid;

  nb_test_child_check (nb_channel_pair (ends) == 0);
  pid = fork ();
  nb_test_child_check (pid >= 0);
  if (pid == 0)
    {
      (void)close (ends[0]);
      serve (ends[1], other->after[0], program->after[1]);
      _exit (0);
    }
  (void)close (ends[1]);
  program->channel = ends[0];
  nb_test_child_check (
      nb_child_table_add (children, program->id, pid, (int)syscall (SYS_pidfd_open, pid, 0))
      == 0);
}

static void
command (const Program *program, const char *word)
{
  nb_test_child_check (nb_channel_send (program->channel, word, 1, NULL, 0) == 0);
}

static int
take_process (const Program *program)
{
  static NbPacket packet;

  nb_test_child_check (nb_channel_receive (program->channel, &packet) == 1);
  return nb_packet_steal_fd (&packet, 0);
}

/* --- who asks --- */

/* As it must not be done: what is read by a number is whoever has it now. */
static uint32_t
identify_by_number (pid_t pid, NbChildTable *children)
{
  char path[32];
  NbSurveyProcess process = { 0 };
  const NbChild *child;
  nb_autofd folder = -1;

  (void)snprintf (path, sizeof path, "/proc/%d", (int)pid);
  folder = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  nb_test_child_check (nb_survey_look_at (folder, &process));
  child = nb_child_table_find_pid (children, process.parent);
  return child != NULL ? child->id : 0;
}

/* The process ends, and another gets its PID, while it is asked whose it is. */
static void
race (const Program *own, const Program *other, int pidfd, NbChildTable *children,
      int *next_out, unsigned *named)
{
  NbIdentity identity = { 0 };
  int result;

  command (other, "w");
  command (own, "k");
  result = nb_identify (pidfd, children, &identity);
  nb_test_child_check (result == -ESRCH || (result == 0 && identity.program == own->id));
  *named += result == 0;
  *next_out = take_process (other);
}

/* It is asked for only when another has the PID. */
static void
late (const Program *own, const Program *other, int pidfd, NbChildTable *children,
      int *next_out)
{
  NbIdentity identity = { 0 };
  pid_t number = nb_pidfd_get_pid (pidfd);

  command (other, "w");
  command (own, "k");
  *next_out = take_process (other);
  nb_test_child_check (number == REUSED_PID);
  nb_test_child_check (identify_by_number (number, children) == other->id);
  nb_test_child_check (nb_identify (pidfd, children, &identity) == -ESRCH
                       && identity.program == 0 && identity.pid == 0);
}

static void
alive (const Program *own, int pidfd, NbChildTable *children)
{
  NbIdentity identity = { 0 };

  nb_test_child_check (nb_identify (pidfd, children, &identity) == 0
                       && identity.program == own->id && identity.descends
                       && identity.pid == REUSED_PID && identity.start > 0);
}

static void
reuse_pids (void)
{
  Program programs[2] = { { .id = 41 }, { .id = 42 } };
  NbChildTable children = { 0 };
  unsigned named = 0;
  int pidfd, next = -1;

  for (int i = 0; i < 2; i++)
    nb_test_child_check (pipe2 (programs[i].after, O_CLOEXEC) == 0);
  start (&programs[0], &programs[1], &children);
  start (&programs[1], &programs[0], &children);
  command (&programs[0], "m");
  pidfd = take_process (&programs[0]);
  for (int i = 0; i < ROUNDS; i++)
    {
      const Program *own = &programs[i % 2], *other = &programs[(i + 1) % 2];

      alive (own, pidfd, &children);
      if (i % 4 < 3)
        race (own, other, pidfd, &children, &next, &named);
      else
        late (own, other, pidfd, &children, &next);
      nb_fd_clear (&pidfd);
      pidfd = next;
    }
  (void)fprintf (stderr, "# named before its end: %u of %d\n", named, ROUNDS * 3 / 4);
  nb_child_table_clear (&children);
}

static void
reuse_in_namespaces (gconstpointer data)
{
  (void)data;
  nb_pids_run_first (reuse_pids);
}

/* --- a peer by its number --- */

static struct sockaddr_un listening;
static socklen_t listening_length = sizeof listening;

static void
connect_and_end (void)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  nb_test_child_check (connect (fd, (const struct sockaddr *)&listening, listening_length)
                       == 0);
}

/*
 * Who connected has ended, and another process has its PID: SO_PEERCRED, which has been
 * there since Linux 2.2, names that, which is alive and has a start time like any other.
 * SO_PEERPIDFD does not, and where it is missing nothing can take its place.
 */
static void
mistake_a_peer (void)
{
  nb_autofd listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), accepted = -1,
            pidfd = -1;
  struct ucred peer = { 0 };
  socklen_t length = sizeof peer;

  listening.sun_family = AF_UNIX;
  nb_test_child_check (
      bind (listener, (const struct sockaddr *)&listening, sizeof listening.sun_family) == 0
      && listen (listener, 1) == 0
      && getsockname (listener, (struct sockaddr *)&listening, &listening_length) == 0);
  nb_test_child_check (nb_pids_clone (REUSED_PID, connect_and_end) == REUSED_PID
                       && waitpid (REUSED_PID, NULL, 0) == REUSED_PID);
  nb_test_child_check (nb_pids_clone (REUSED_PID, nb_pids_wait_forever) == REUSED_PID);
  accepted = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
  nb_test_child_check (getsockopt (accepted, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0
                       && peer.pid == REUSED_PID && kill (peer.pid, 0) == 0);
  pidfd = nb_pidfd_take_from (accepted); /* newer kernels have one for the dead, too */
  nb_test_child_check (pidfd < 0 || !nb_pidfd_is_alive (pidfd));
}

static void
mistake_in_namespaces (gconstpointer data)
{
  (void)data;
  nb_pids_run_first (mistake_a_peer);
}

static void
test_peer_by_number (void)
{
  nb_test_in_child (mistake_in_namespaces, NULL);
}

static void
test_reuse (void)
{
  /* Some seconds, and many on a machine that has other things to do. */
  pid_t pid = nb_test_fork_beside (reuse_in_namespaces, NULL);

  g_assert_cmpint (nb_test_wait_beside (pid), ==, 0);
}

/* --- without haste --- */

/* Forks one more; whether the lower, which waits, is to outlive the upper. */
static void
fork_again (gconstpointer data)
{
  int channel = *(const int *)data;
  pid_t pid = fork ();
  nb_autofd pidfd = -1;

  if (pid == 0)
    nb_pids_wait_forever ();
  pidfd = (int)syscall (SYS_pidfd_open, pid, 0);
  nb_test_child_check (nb_channel_send (channel, "x", 1, &pidfd, 1) == 0);
  nb_pids_wait_forever ();
}

static void
test_generations (void)
{
  NbChildTable children = { 0 };
  NbIdentity identity = { 0 };
  int ends[2];
  pid_t pid;
  Program program = { 0 };
  nb_autofd own = -1, lower = -1;

  g_assert_cmpint (nb_channel_pair (ends), ==, 0);
  program.channel = ends[0];
  pid = nb_test_fork (fork_again, &ends[1]);
  lower = take_process (&program);
  own = (int)syscall (SYS_pidfd_open, pid, 0);
  g_assert_cmpint (nb_child_table_add (&children, 7, pid, nb_fd_dup (own, 0)), ==, 0);
  g_assert_cmpint (nb_identify (own, &children, &identity), ==, 0);
  g_assert_cmpuint (identity.program, ==, 7);
  g_assert_false (identity.descends);
  g_assert_cmpint (identity.pid, ==, pid);
  g_assert_cmpint (nb_identify (lower, &children, &identity), ==, 0);
  g_assert_cmpuint (identity.program, ==, 7);
  g_assert_true (identity.descends);
  /* The program is known no more: its process is nobody's. */
  nb_child_table_remove (&children, 7);
  g_assert_cmpint (nb_identify (lower, &children, &identity), ==, 0);
  g_assert_cmpuint (identity.program, ==, 0);
  g_assert_cmpint ((int)syscall (SYS_pidfd_send_signal, lower, SIGKILL, NULL, 0), ==, 0);
  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  (void)nb_test_wait (pid);
  g_assert_cmpint (nb_identify (own, &children, &identity), ==, -ESRCH);
  nb_child_table_clear (&children);
  nb_fd_clear (&ends[0]);
  nb_fd_clear (&ends[1]);
}

static void
test_no_process (void)
{
  NbChildTable children = { 0 };
  NbIdentity identity = { 0 };
  nb_autofd file = nb_test_text_file ("Pid:\t1\n");

  g_assert_cmpint (nb_identify (file, &children, &identity), ==, -EBADF);
  g_assert_cmpint (nb_identify (-1, &children, &identity), ==, -EBADF);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/identify/generations", test_generations);
  nb_test_add ("/identify/no-process", test_no_process);
  nb_test_add ("/identify/peer-by-number", test_peer_by_number);
  nb_test_add ("/identify/reuse", test_reuse);
  return g_test_run ();
}

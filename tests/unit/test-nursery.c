/* SPDX-License-Identifier: BSD-3-Clause */
/* Stand-ins: real processes of this test, which is browser and controller to them. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-nursery.h"
#include "tests/lib/nb-test.h"

enum
{
  CHILD = 7, /* an id: whatever the controller calls it */
  SIBLING = 8,
  NOBODY = 9,
};

/* --- what is asked of stand-ins --- */

static bool
is_live_child (pid_t pid)
{
  return waitpid (pid, NULL, WNOHANG) == 0;
}

static bool
is_zombie (pid_t pid)
{
  siginfo_t info = { 0 };

  g_assert_cmpint (waitid (P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT), ==, 0);
  return info.si_pid == pid;
}

static void
assert_gone (pid_t pid)
{
  g_assert_cmpint (waitpid (pid, NULL, WNOHANG), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);
  g_assert_cmpint (kill (pid, 0), ==, -1);
  g_assert_cmpint (errno, ==, ESRCH);
}

/* What it makes of this is the sign that it has done all that it does at first. */
static void
wait_until_settled (NbTestNursery *self, pid_t pid, uint32_t child)
{
  g_assert_cmpint (kill (pid, SIGUSR2), ==, 0);
  nb_test_nursery_expect_kill (self, child, SIGUSR2);
}

/* --- SAY --- */

static void
say (NbTestNursery *self, uint32_t serial, const char *text, size_t size, int error)
{
  NbMessage request = { .type = NB_MESSAGE_SAY, .serial = serial };
  const NbMessage *answer;

  request.text = (NbSlice){ text, size };
  g_assert_cmpint (nb_message_send (self->link, &request, NULL, 0), ==, 0);
  answer = nb_test_nursery_receive (self);
  g_assert_cmpint (answer->type, ==, NB_MESSAGE_RESULT);
  g_assert_cmpuint (answer->serial, ==, serial);
  g_assert_cmpint (answer->result.error, ==, error);
}

static void
expect_said (NbTestNursery *self, const char *text, size_t size)
{
  nb_test_wait_readable (self->control);
  nb_packet_clear (&self->packet);
  g_assert_cmpint (nb_channel_receive (self->control, &self->packet), ==, 1);
  nb_test_assert_bytes (self->packet.bytes, self->packet.size, text, size);
  g_assert_cmpint (self->packet.pid, ==, getpid ());
}

static void
test_say (void)
{
  NbTestNursery *self = nb_test_nursery_new ();

  say (self, 2, NB_ZYGOTE_BOOT, sizeof NB_ZYGOTE_BOOT, 0);
  expect_said (self, NB_ZYGOTE_BOOT, sizeof NB_ZYGOTE_BOOT);
  g_assert_false (nb_test_is_readable (self->control));
  say (self, 1, NB_ZYGOTE_HELLO, sizeof NB_ZYGOTE_HELLO, 0);
  expect_said (self, NB_ZYGOTE_HELLO, sizeof NB_ZYGOTE_HELLO);
  nb_test_wait_readable (self->control);
  g_assert_cmpint (nb_channel_receive (self->control, &self->packet), ==, 0);
  say (self, 3, NB_ZYGOTE_BOOT, sizeof NB_ZYGOTE_BOOT, EBADF);
  nb_test_nursery_free (self);
}

static void
test_say_to_nobody (void)
{
  NbTestNursery *self = nb_test_nursery_new ();

  nb_fd_clear (&self->control);
  say (self, 2, NB_ZYGOTE_BOOT, sizeof NB_ZYGOTE_BOOT, EPIPE);
  nb_test_nursery_free (self);
}

/* --- BORN and EXITED --- */

static void
test_born (void)
{
  NbTestNursery *self = nb_test_nursery_new ();
  nb_autofd oracle = nb_test_nursery_ask (self, CHILD);
  pid_t pid = nb_test_nursery_take_ping (self, oracle);

  g_assert_cmpint (pid, !=, getpid ());
  g_assert_true (is_live_child (pid));
  wait_until_settled (self, pid, CHILD);
  g_assert_cmpint (nb_channel_receive (oracle, &self->packet), ==, 0); /* only the ping */
  nb_test_nursery_expect_quiet (self);
  nb_test_nursery_free (self);
  assert_gone (pid);
}

static void
test_exited (void)
{
  NbTestNursery *self = nb_test_nursery_new ();
  pid_t pid = nb_test_nursery_make (self, CHILD),
        sibling = nb_test_nursery_make (self, SIBLING);

  nb_test_nursery_tell (self, NB_MESSAGE_EXITED, NOBODY, -1);
  nb_test_nursery_expect_quiet (self);
  g_assert_true (is_live_child (pid));
  nb_test_nursery_tell (self, NB_MESSAGE_EXITED, CHILD, -1);
  nb_test_nursery_expect_quiet (self);
  assert_gone (pid);
  g_assert_true (is_live_child (sibling));
  nb_test_nursery_tell (self, NB_MESSAGE_EXITED, CHILD, -1);
  nb_test_nursery_expect_quiet (self);
  nb_test_nursery_free (self);
}

static void
test_id_twice (void)
{
  NbTestNursery *self = nb_test_nursery_new ();
  pid_t pid = nb_test_nursery_make (self, CHILD), again;
  nb_autofd oracle = nb_test_nursery_ask (self, CHILD);

  nb_test_nursery_wait (self, oracle);
  g_assert_cmpint (nb_channel_receive (oracle, &self->packet), ==, 0);
  g_assert_true (is_live_child (pid));
  g_assert_cmpuint (nb_test_count_children (getpid ()), ==, 1);
  nb_test_nursery_tell (self, NB_MESSAGE_EXITED, CHILD, -1);
  again = nb_test_nursery_make (self,
                                CHILD); /* an id may come again once its child is gone */
  g_assert_true (is_live_child (again));
  nb_test_nursery_free (self);
}

static void
test_born_without_oracle (void)
{
  NbTestNursery *self = nb_test_nursery_new ();

  nb_test_nursery_tell (self, NB_MESSAGE_BORN, CHILD, -1);
  nb_test_nursery_expect_quiet (self);
  g_assert_cmpuint (nb_test_count_children (getpid ()), ==, 0);
  nb_test_nursery_free (self);
}

/* More than the table begins with; and each knows which one it is. */
static void
test_many (void)
{
  NbTestNursery *self = nb_test_nursery_new ();
  pid_t pids[40];

  for (uint32_t i = 0; i < G_N_ELEMENTS (pids); i++)
    pids[i] = nb_test_nursery_make (self, i);
  for (uint32_t i = 0; i < G_N_ELEMENTS (pids); i++)
    wait_until_settled (self, pids[i], i);
  for (uint32_t i = 0; i < G_N_ELEMENTS (pids); i++)
    {
      nb_test_nursery_tell (self, NB_MESSAGE_EXITED, i, -1);
      nb_test_nursery_settle (self);
      assert_gone (pids[i]);
    }
  nb_test_nursery_free (self);
}

/* --- signals --- */

typedef struct
{
  const char *name;
  int number;
} SignalCase;

static const SignalCase signal_cases[] = {
  { "TERM", SIGTERM }, { "USR1", SIGUSR1 }, { "CONT", SIGCONT }, { "INT", SIGINT },
  { "HUP", SIGHUP },   { "QUIT", SIGQUIT }, { "TSTP", SIGTSTP }, { "SEGV", SIGSEGV },
};

static void
test_signal (gconstpointer data)
{
  const SignalCase *test = data;
  NbTestNursery *self = nb_test_nursery_new ();
  pid_t pid = nb_test_nursery_make (self, CHILD);

  for (int i = 0; i < 2; i++)
    {
      g_assert_cmpint (kill (pid, test->number), ==, 0);
      nb_test_nursery_expect_kill (self, CHILD, test->number);
      g_assert_true (is_live_child (pid));
    }
  nb_test_nursery_expect_quiet (self);
  nb_test_nursery_free (self);
}

/* Ours are: chrome-sandbox ignores what its terminal sends. */
static void
test_ignored_signal (void)
{
  NbTestNursery *self = nb_test_nursery_new ();
  void (*before) (int) = signal (SIGINT, SIG_IGN);
  pid_t pid = nb_test_nursery_make (self, CHILD);

  g_assert_cmpint (kill (pid, SIGINT), ==, 0);
  nb_test_nursery_expect_kill (self, CHILD, SIGINT);
  g_assert_true (signal (SIGINT, before) == SIG_IGN);
  nb_test_nursery_free (self);
}

/* Its pid stays taken until the browser, by way of the controller, has been told. */
static void
test_sigkill (void)
{
  NbTestNursery *self = nb_test_nursery_new ();
  pid_t pid = nb_test_nursery_make (self, CHILD),
        sibling = nb_test_nursery_make (self, SIBLING);

  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  nb_test_nursery_expect_kill (self, CHILD, SIGKILL);
  nb_test_nursery_expect_quiet (self);
  g_assert_true (is_zombie (pid));
  wait_until_settled (self, sibling, SIBLING);
  g_assert_true (is_zombie (pid));
  nb_test_nursery_tell (self, NB_MESSAGE_EXITED, CHILD, -1);
  nb_test_nursery_expect_quiet (self);
  assert_gone (pid);
  g_assert_true (is_live_child (sibling));
  nb_test_nursery_free (self);
}

static void
test_sigstop (void)
{
  NbTestNursery *self = nb_test_nursery_new ();
  pid_t pid = nb_test_nursery_make (self, CHILD);

  for (int i = 0; i < 2; i++)
    {
      g_assert_cmpint (kill (pid, SIGSTOP), ==, 0);
      nb_test_nursery_expect_kill (self, CHILD, SIGSTOP);
      g_assert_cmpint (kill (pid, SIGCONT), ==, 0);
      nb_test_nursery_expect_kill (self, CHILD, SIGCONT);
    }
  nb_test_nursery_expect_quiet (self);
  g_assert_true (is_live_child (pid));
  nb_test_nursery_free (self);
}

static void
wait_until_stopped (pid_t pid)
{
  siginfo_t info;

  g_assert_cmpint (waitid (P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), ==, 0);
  g_assert_cmpint (info.si_code, ==, CLD_STOPPED);
}

/* Before the nursery looks: of equal signals the kernel keeps only the first. */
static void
test_stopped_together (void)
{
  NbTestNursery *self = nb_test_nursery_new ();
  pid_t pid = nb_test_nursery_make (self, CHILD),
        sibling = nb_test_nursery_make (self, SIBLING);

  wait_until_settled (self, pid, CHILD);
  wait_until_settled (self, sibling, SIBLING);
  nb_test_nursery_settle (self);
  g_assert_cmpint (kill (pid, SIGSTOP), ==, 0);
  wait_until_stopped (pid);
  g_assert_cmpint (kill (sibling, SIGSTOP), ==, 0);
  wait_until_stopped (sibling);
  nb_test_nursery_expect_kill (self, CHILD, SIGSTOP);
  nb_test_nursery_settle (self);
  g_assert_true (nb_test_is_readable (self->link));
  nb_test_nursery_expect_kill (self, SIBLING, SIGSTOP);
  nb_test_nursery_free (self);
}

static void
test_exited_while_stopped (void)
{
  NbTestNursery *self = nb_test_nursery_new ();
  pid_t pid = nb_test_nursery_make (self, CHILD);

  g_assert_cmpint (kill (pid, SIGSTOP), ==, 0);
  nb_test_nursery_expect_kill (self, CHILD, SIGSTOP);
  nb_test_nursery_tell (self, NB_MESSAGE_EXITED, CHILD, -1);
  nb_test_nursery_expect_quiet (self);
  assert_gone (pid);
  nb_test_nursery_free (self);
}

/* --- what a stand-in holds --- */

static void
test_descriptors (void)
{
  NbTestNursery *self = nb_test_nursery_new ();
  pid_t sibling = nb_test_nursery_make (self, SIBLING),
        pid = nb_test_nursery_make (self, CHILD);
  g_autofree char *path = g_strdup_printf ("/proc/%d/fd", (int)pid);
  g_autoptr (GDir) folder = NULL;
  const char *name;
  unsigned count = 0;

  wait_until_settled (self, sibling, SIBLING);
  wait_until_settled (self, pid, CHILD);
  folder = g_dir_open (path, 0, NULL);
  g_assert_nonnull (folder);
  for (; (name = g_dir_read_name (folder)) != NULL; count++)
    g_assert_true (strlen (name) == 1 && name[0] >= '0' && name[0] <= '3');
  g_assert_cmpuint (count, ==, 4);
  nb_test_nursery_free (self);
}

/* As many as fit: who sends on it then has to wait. */
static void
fill (int fd)
{
  while (send (fd, "full", 4, MSG_DONTWAIT | MSG_NOSIGNAL) == 4)
    ;
  g_assert_cmpint (errno, ==, EAGAIN);
}

/*
 * A stand-in that is not done yet holds what its nursery held. What it keeps open of one
 * that is gone must not be taken for the news of another with the same number.
 */
static void
test_end_of_another (void)
{
  NbTestNursery *self = nb_test_nursery_new ();
  pid_t gone = nb_test_nursery_make (self, CHILD), pid;
  int ends[2];

  wait_until_settled (self, gone, CHILD);
  g_assert_cmpint (nb_channel_pair (ends), ==, 0);
  fill (ends[1]);
  nb_test_nursery_tell (self, NB_MESSAGE_BORN, SIBLING, ends[1]);
  nb_test_nursery_settle (self);
  nb_test_nursery_tell (self, NB_MESSAGE_EXITED, CHILD, -1);
  nb_test_nursery_settle (self);
  pid = nb_test_nursery_make (self, NOBODY);
  nb_test_nursery_expect_quiet (self);
  g_assert_true (is_live_child (pid));
  nb_fd_clear (&ends[0]);
  nb_fd_clear (&ends[1]);
  nb_test_nursery_free (self);
}

/* --- ends --- */

static void
serve_end (NbTestNursery *self)
{
  nb_test_wait_readable (nb_nursery_fd (self->nursery));
  g_assert_cmpint (nb_nursery_serve (self->nursery), ==, -EPIPE);
}

static void
test_link_ends (void)
{
  NbTestNursery *self = nb_test_nursery_new ();
  pid_t pid = nb_test_nursery_make (self, CHILD);

  wait_until_settled (self, pid, CHILD);
  nb_test_nursery_settle (self);
  nb_fd_clear (&self->link);
  serve_end (self);
  nb_test_nursery_free (self);
  assert_gone (pid);
}

static void
test_link_is_garbage (void)
{
  NbTestNursery *self = nb_test_nursery_new ();
  nb_autofd file = nb_test_text_file ("");

  g_assert_cmpint (nb_channel_send (self->link, "no pickle", 9, &file, 1), ==, 0);
  serve_end (self);
  nb_test_nursery_free (self);
}

/* With a live one, a stopped one and a killed one. */
static void
test_free_ends_all (void)
{
  NbTestNursery *self = nb_test_nursery_new ();
  pid_t pids[] = { nb_test_nursery_make (self, 1), nb_test_nursery_make (self, 2),
                   nb_test_nursery_make (self, 3) };
  nb_autofd control = -1;

  g_assert_cmpint (kill (pids[1], SIGSTOP), ==, 0);
  nb_test_nursery_expect_kill (self, 2, SIGSTOP);
  g_assert_cmpint (kill (pids[2], SIGKILL), ==, 0);
  nb_test_nursery_expect_kill (self, 3, SIGKILL);
  control = nb_fd_steal (&self->control);
  nb_test_nursery_free (self);
  for (size_t i = 0; i < G_N_ELEMENTS (pids); i++)
    assert_gone (pids[i]);
  nb_test_wait_readable (control);
}

static void
test_free_of_none (void)
{
  nb_nursery_free (NULL);
}

/* Without the browser's socket a zygote cannot greet: both sides are to see the end. */
static void
test_new_without_control (void)
{
  static NbPacket packet;
  sigset_t mask;
  int link[2];

  g_assert_cmpint (sigprocmask (SIG_BLOCK, NULL, &mask), ==, 0);
  g_assert_cmpint (nb_channel_pair (link), ==, 0);
  g_assert_null (nb_nursery_new (link[1], -1));
  g_assert_cmpint (nb_channel_receive (link[0], &packet), ==, 0);
  nb_fd_clear (&link[0]);
  g_assert_cmpint (sigprocmask (SIG_SETMASK, &mask, NULL), ==, 0);
}

/* In a child, as chrome-sandbox does. */
static void
serve_for_ever (gconstpointer data)
{
  const int *ends = data;
  NbNursery *nursery = nb_nursery_new (ends[0], ends[1]);
  struct pollfd poller = { .events = POLLIN };

  nb_test_child_check (nursery != NULL);
  poller.fd = nb_nursery_fd (nursery);
  for (;;)
    if (poll (&poller, 1, -1) == 1)
      nb_test_child_check (nb_nursery_serve (nursery) == 0);
}

/* Ended by force, the nursery can end nothing: its stand-ins see it themselves. */
static void
test_parent_dies (void)
{
  static NbPacket packet;
  NbMessage message = { .type = NB_MESSAGE_BORN, .child = CHILD };
  int link[2], oracle[2], control[2], pidfd;
  pid_t parent;

  g_assert_cmpint (nb_channel_pair (link), ==, 0);
  g_assert_cmpint (nb_channel_pair (oracle), ==, 0);
  g_assert_cmpint (nb_channel_pass_credentials (oracle[0]), ==, 0);
  g_assert_cmpint (nb_channel_pair (control), ==, 0);
  parent = nb_test_fork (serve_for_ever, (const int[]){ link[1], control[1] });
  g_assert_cmpint (nb_message_send (link[0], &message, &oracle[1], 1), ==, 0);
  nb_test_wait_readable (oracle[0]);
  g_assert_cmpint (nb_channel_receive (oracle[0], &packet), ==, 1);
  g_assert_cmpint (packet.pid, !=, parent);
  pidfd = (int)syscall (SYS_pidfd_open, packet.pid, 0);
  g_assert_cmpint (pidfd, >=, 0);
  g_assert_cmpint (kill (parent, SIGKILL), ==, 0);
  nb_test_wait_readable (pidfd);
  g_assert_cmphex ((guint)nb_test_wait (parent), ==, SIGKILL);
  for (int i = 0; i < 2; i++)
    {
      nb_fd_clear (&link[i]);
      nb_fd_clear (&oracle[i]);
      nb_fd_clear (&control[i]);
    }
  nb_fd_clear (&pidfd);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/nursery/say", test_say);
  nb_test_add ("/nursery/say-to-nobody", test_say_to_nobody);
  nb_test_add ("/nursery/born", test_born);
  nb_test_add ("/nursery/exited", test_exited);
  nb_test_add ("/nursery/id-twice", test_id_twice);
  nb_test_add ("/nursery/born-without-oracle", test_born_without_oracle);
  nb_test_add ("/nursery/many", test_many);
  nb_test_add_cases ("/nursery/signal", signal_cases, test_signal);
  nb_test_add ("/nursery/ignored-signal", test_ignored_signal);
  nb_test_add ("/nursery/sigkill", test_sigkill);
  nb_test_add ("/nursery/sigstop", test_sigstop);
  nb_test_add ("/nursery/stopped-together", test_stopped_together);
  nb_test_add ("/nursery/exited-while-stopped", test_exited_while_stopped);
  nb_test_add ("/nursery/descriptors", test_descriptors);
  nb_test_add ("/nursery/end-of-another", test_end_of_another);
  nb_test_add ("/nursery/link-ends", test_link_ends);
  nb_test_add ("/nursery/link-is-garbage", test_link_is_garbage);
  nb_test_add ("/nursery/free-ends-all", test_free_ends_all);
  nb_test_add ("/nursery/free-of-none", test_free_of_none);
  nb_test_add ("/nursery/new-without-control", test_new_without_control);
  nb_test_add ("/nursery/parent-dies", test_parent_dies);
  return g_test_run ();
}

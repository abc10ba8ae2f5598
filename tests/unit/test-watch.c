/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watched base filters: a child takes one upon itself and hands over the listener, as the
 * controller's and the helper's children do; the test is the holder.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp/confine.h"
#include "seccomp/watch.h"
#include "spawn/base/fd.h"
#include "spawn/base/macros.h"
#include "tests/lib/nb-test.h"
#include "zygote/wire/channel.h"

typedef struct
{
  NbKind kind;
  void (*act) (void);
} Child;

static int handover[2];

static void
become_watched (gconstpointer data)
{
  const Child *child = data;
  nb_autofd listener = -1;

  nb_test_child_check (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  nb_test_child_check (nb_confine_before_exec (child->kind, &listener) == 0);
  nb_test_child_check (nb_channel_send (handover[1], "", 1, &listener, 1) == 0);
  nb_fd_clear (&listener);
  nb_fd_clear (&handover[0]);
  nb_fd_clear (&handover[1]);
  child->act ();
}

static int
take_listener (void)
{
  static NbPacket packet;
  int listener;

  nb_test_wait_readable (handover[0]);
  g_assert_cmpint (nb_channel_receive (handover[0], &packet), >, 0);
  listener = nb_packet_steal_fd (&packet, 0);
  nb_packet_clear (&packet);
  return listener;
}

/* Serves the child to its end; what was told, at most max. */
static size_t
serve (const Child *child, NbDenial *told, size_t max)
{
  nb_autofd listener = -1;
  size_t n = 0;
  pid_t pid;
  int result = 0;

  g_assert_cmpint (nb_channel_pair (handover), ==, 0);
  pid = nb_test_fork (become_watched, child);
  listener = take_listener ();
  while (result >= 0)
    {
      NbDenial denial;
      struct pollfd state = { .fd = listener, .events = POLLIN };

      g_assert_cmpint (poll (&state, 1, NB_TEST_DEADLINE_MS), ==, 1);
      result = nb_watch_serve (listener, child->kind, pid, &denial);
      if (result > 0 && n < max)
        told[n++] = denial;
    }
  g_assert_cmpint (nb_test_wait (pid), ==, 0);
  nb_fd_clear (&handover[0]);
  nb_fd_clear (&handover[1]);
  return n;
}

static int
open_socket (void)
{
  nb_autofd fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  return fd < 0 ? -errno : 0;
}

static void
act_as_page (void)
{
  for (int i = 0; i < 3; i++)
    nb_test_child_check (open_socket () == -EAFNOSUPPORT);
  nb_test_child_check (kill (getpid (), 0) == 0);
  nb_test_child_check (kill (getppid (), 0) < 0 && errno == EPERM);
  nb_test_child_check (syscall (SYS_io_uring_setup, 1, NULL) < 0 && errno == ENOSYS);
  nb_test_child_check (syscall (500, 1) < 0 && errno == ENOSYS);
}

static void
test_page (void)
{
  static const Child child = { NB_KIND_RENDERER, act_as_page };
  static const struct
  {
    const char *call;
    int error;
  } expected[] = { { "socket", EAFNOSUPPORT },
                   { "kill", EPERM },
                   { "io_uring_setup", ENOSYS },
                   { "call", ENOSYS } };
  NbDenial told[8];

  g_assert_cmpuint (serve (&child, told, NB_ARRAY_SIZE (told)), ==,
                    NB_ARRAY_SIZE (expected));
  for (size_t i = 0; i < NB_ARRAY_SIZE (expected); i++)
    {
      g_assert_cmpstr (nb_watch_call_name (told[i].number), ==, expected[i].call);
      g_assert_cmpint (told[i].error, ==, expected[i].error);
      g_assert_cmpint (told[i].kind, ==, NB_KIND_RENDERER);
      g_assert_cmpint (told[i].pid, >, 0);
      g_assert_cmpuint (told[i].address, !=, 0);
    }
  g_assert_cmpuint (told[0].arguments[0], ==, AF_INET);
}

static void
act_as_zygote (void)
{
  pid_t pid = fork ();
  int status = -1;

  if (pid == 0)
    {
      bool denied = kill (getppid (), 0) < 0 && errno == EPERM;

      nb_test_child_check (kill (getpid (), 0) == 0);
      _exit (denied ? 0 : 1);
    }
  nb_test_child_check (kill (pid, 0) == 0); /* it ends its children */
  nb_test_child_check (waitpid (pid, &status, 0) == pid && status == 0);
  nb_test_child_check (kill (0, 0) < 0 && errno == EPERM);
}

static void
test_zygote (void)
{
  static const Child child = { NB_KIND_ZYGOTE, act_as_zygote };
  NbDenial told[8];

  /* At least once: fork and zygote may call from one address, which is told of once. */
  g_assert_cmpuint (serve (&child, told, NB_ARRAY_SIZE (told)), >=, 1);
  g_assert_cmpstr (nb_watch_call_name (told[0].number), ==, "kill");
}

static void
act_freely (void)
{
  nb_test_child_check (open_socket () == 0);
  nb_test_child_check (kill (getppid (), 0) == 0);
}

static void
test_none (void)
{
  static const Child child = { NB_KIND_NONE, act_freely };
  NbDenial told;

  g_assert_cmpuint (serve (&child, &told, 1), ==, 0);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/watch/page", test_page);
  nb_test_add ("/watch/zygote", test_zygote);
  nb_test_add ("/watch/none", test_none);
  return g_test_run ();
}

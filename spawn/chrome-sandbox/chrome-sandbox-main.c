/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the browser executes instead of its set-uid helper: has the broker start the
 * zygote in a sub-sandbox, stays for as long as the zygote lives, ends as it ended.
 * The command line is the helper's (Chromium: sandbox/linux/suid/sandbox.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp/confine.h"
#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/chrome-sandbox/nursery.h"
#include "spawn/chrome-sandbox/output-relay.h"
#include "spawn/client/client.h"

#ifndef NB_PKGLIBDIR
#  error "where nestbox is installed is not defined"
#endif

enum
{
  CONTROL_FD = 3, /* Chromium: content_descriptors.h, kZygoteSocketPairFd */
  MAX_FDS = NB_CHANNEL_MAX_FDS - 1, /* the broker adds one of its own */
  LAST_FD = 127, /* the browser closes everything but 0 to 7 before it executes us */
};

static NbOutputRelay relays[2];

static int
refuse (const char *reason)
{
  nb_log_error ("sandbox not started: %s (see `nestbox doctor`)", reason);
  return 1;
}

static bool
is_zygote (char *const *argv)
{
  for (; *argv != NULL; argv++)
    if (strcmp (*argv, "--type=zygote") == 0)
      return true;
  return false;
}

/* Children that are not in the sub-sandbox have files that can be written from here. */
static bool
write_oom_score (const char *pid, const char *score)
{
  char path[64];
  nb_autofd fd = -1;

  (void)snprintf (path, sizeof path, "/proc/%s/oom_score_adj", pid);
  fd = open (path, O_WRONLY | O_CLOEXEC);
  return fd >= 0 && write (fd, score, strlen (score)) > 0;
}

static bool
is_number (const char *text)
{
  return *text != '\0' && strlen (text) <= 9
         && strspn (text, "0123456789") == strlen (text);
}

/* As the helper: exits 1 on success, 0 on failure. */
static int
adjust_oom_score (const char *pid, const char *score)
{
  const char *path = getenv ("NESTBOX_BROKER");
  nb_autofd broker = path != NULL ? nb_client_connect (path) : -1;
  int result = -ESRCH;

  if (!is_number (pid) || !is_number (score))
    return 0;
  if (broker >= 0)
    result = nb_client_adjust_oom (broker, atoi (pid), atoi (score));
  return result == 0 || (result == -ESRCH && write_oom_score (pid, score));
}

/* Everything that the browser left open for the helper goes to the zygote. */
static int
collect_fds (NbClientExec *exec)
{
  for (int i = 0; i < 2; i++)
    {
      int fd = nb_output_relay_init (&relays[i], STDOUT_FILENO + i);

      if (fd < 0)
        return fd;
      exec->fds[exec->n_fds] = fd;
      exec->targets[exec->n_fds++] = STDOUT_FILENO + i;
    }
  for (int fd = STDERR_FILENO + 1; fd <= LAST_FD; fd++)
    {
      int flags = fcntl (fd, F_GETFD);

      if (flags < 0 || (flags & FD_CLOEXEC) != 0)
        continue;
      if (exec->n_fds == MAX_FDS)
        return -EMFILE;
      exec->fds[exec->n_fds] = fd;
      exec->targets[exec->n_fds++] = fd;
    }
  return 0;
}

/* So that the zygote's end is seen as such by whoever watches its descriptors. */
static void
drop_fds (NbClientExec *exec)
{
  for (size_t i = 0; i < exec->n_fds; i++)
    if (exec->fds[i] > STDERR_FILENO)
      nb_fd_clear (&exec->fds[i]);
}

static void
pump_all (void)
{
  for (int i = 0; i < 2; i++)
    while (nb_output_relay_pump (&relays[i]))
      ;
}

/* Without its relay a zygote ends, and the broker tells of it. */
static void
serve_nursery (NbNursery **nursery)
{
  if (nb_nursery_serve (*nursery) == 0)
    return;
  nb_nursery_free (*nursery);
  *nursery = NULL;
}

static int
wait_for_end (int broker, NbNursery **nursery, int *wait_status)
{
  for (;;)
    {
      int nursery_fd = *nursery != NULL ? nb_nursery_fd (*nursery) : -1;
      struct pollfd fds[4] = { { .fd = broker, .events = POLLIN },
                               { .fd = relays[0].pipe, .events = POLLIN },
                               { .fd = relays[1].pipe, .events = POLLIN },
                               { .fd = nursery_fd, .events = POLLIN } };
      int result;

      if (poll (fds, 4, -1) < 0)
        continue;
      for (int i = 0; i < 2; i++)
        if (fds[i + 1].revents != 0)
          (void)nb_output_relay_pump (&relays[i]);
      if (fds[3].revents != 0)
        serve_nursery (nursery);
      if (fds[0].revents == 0)
        continue;
      result = nb_client_dispatch (broker, wait_status);
      if (result != 0)
        return result < 0 ? result : 0;
    }
}

static int
end_as (int wait_status)
{
  static const struct rlimit no_core;

  if (!WIFSIGNALED (wait_status))
    return WEXITSTATUS (wait_status);
  (void)setrlimit (RLIMIT_CORE, &no_core);
  (void)signal (WTERMSIG (wait_status), SIG_DFL);
  (void)raise (WTERMSIG (wait_status));
  return 128 + WTERMSIG (wait_status);
}

static int
run (char **argv)
{
  const char *path = getenv ("NESTBOX_BROKER");
  NbClientExec exec = { .kind = NB_KIND_ZYGOTE, .argv = argv, .envp = environ };
  nb_autofd broker = -1;
  pid_t browser = getppid ();
  NbNursery *nursery = NULL;
  char reason[512];
  int link = -1, wait_status = 0, result;

  if (path == NULL)
    return refuse ("the browser was not started by `nestbox run`");
  if (!is_zygote (argv))
    return refuse ("only a zygote can be started this way");
  if (collect_fds (&exec) < 0)
    return refuse ("the browser left more descriptors open than fit one message");
  broker = nb_client_connect (path);
  if (broker < 0)
    return refuse ("the broker cannot be reached");
  if (nb_client_exec (broker, &exec, &link, reason, sizeof reason) < 0)
    return refuse (reason);
  if (link >= 0)
    nursery = nb_nursery_new (link, nb_fd_dup (CONTROL_FD, CONTROL_FD + 1));
  drop_fds (&exec);
  result = wait_for_end (broker, &nursery, &wait_status);
  nb_nursery_free (nursery);
  if (result == 0)
    {
      pump_all (); /* its last words may be in the pipe still */
      return end_as (wait_status);
    }
  /* The broker ends with the browser; only when the browser lives on is that an error. */
  if (getppid () == browser)
    nb_log_error ("the broker ended: no new pages can be opened, restart the browser");
  return 1;
}

/* --- --watch: NESTBOX_DEBUG=seccomp --- */

/* As the host preload does it for a child that is not watched. */
static void
prepare_unsandboxed_zygote (void)
{
  const char *others = getenv ("LD_PRELOAD");
  char list[4096];

  (void)snprintf (list, sizeof list, "%s/libnestbox-zygote.so%s%s", NB_PKGLIBDIR,
                  others != NULL ? ":" : "", others != NULL ? others : "");
  (void)setenv ("LD_PRELOAD", list, 1);
  (void)setenv ("NESTBOX_ZYGOTE", "unsandboxed", 1);
  (void)setenv ("NESTBOX_WATCHED", "1", 1);
}

static int
hand_over_listener (int broker, NbKind kind)
{
  static NbMessage message;
  nb_autofd listener = -1;
  int result = nb_confine_before_exec (kind, &listener);

  message = (NbMessage){ .type = NB_MESSAGE_WATCH, .kind = kind };
  return result < 0 ? result : nb_message_send (broker, &message, &listener, 1);
}

/* argv: executable, then the child's. Becomes a child of the browser outside the sandbox.
 */
static int
watch (char **argv)
{
  const char *path = getenv ("NESTBOX_BROKER");
  nb_autofd broker = path != NULL ? nb_client_connect (path) : -1;
  NbKind kind = nb_kind_of_command ((const char *const *)argv + 1);

  (void)unsetenv ("NESTBOX_BROKER");
  if (kind == NB_KIND_UNSANDBOXED_ZYGOTE)
    prepare_unsandboxed_zygote ();
  if (broker < 0 || hand_over_listener (broker, kind) < 0)
    return refuse ("its base filter cannot be watched");
  execv (argv[0], argv + 1);
  return refuse ("the browser cannot be executed");
}

int
main (int argc, char **argv)
{
  if (argc == 2 && strcmp (argv[1], "--get-api") == 0)
    return puts ("1") < 0;
  if (argc == 4 && strcmp (argv[1], "--adjust-oom-score") == 0)
    return adjust_oom_score (argv[2], argv[3]);
  if (argc > 3 && strcmp (argv[1], "--watch") == 0)
    return watch (argv + 2);
  if (argc < 2)
    {
      nb_log_error ("this is the browser's sandbox helper: see nestbox(1)");
      return 1;
    }
  /* The browser's terminal is not ours to end by. */
  (void)signal (SIGINT, SIG_IGN);
  (void)signal (SIGHUP, SIG_IGN);
  (void)signal (SIGPIPE, SIG_IGN);
  return run (argv + 1);
}

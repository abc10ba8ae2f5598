/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/chrome-sandbox/stand-in.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/chrome-sandbox/bridge.h"
#include "spawn/chrome-sandbox/nursery.h"
#include "spawn/client/lost-zygote.h"
#include "spawn/client/trace.h"

enum
{
  MAX_FDS = NB_CHANNEL_MAX_FDS - 1, /* the broker adds one of its own */
  LAST_FD = 255, /* the browser closes what is not for the program before it executes us */
};

int
nb_stand_in_refuse (NbKind kind, const char *reason)
{
  nb_log_error ("%s not started: %s (see `nestbox doctor`)",
                nb_kind_is_for_gpu (kind) ? "GPU process"
                : kind == NB_KIND_NETWORK ? "network service"
                : kind == NB_KIND_AUDIO   ? "audio service"
                                          : "sandbox",
                reason);
  return 1;
}

bool
nb_stand_in_is_said_elsewhere (const NestboxFailure *failure)
{
  return failure->error_number == ESHUTDOWN;
}

int
nb_stand_in_collect_fds (NbLaunch *exec, NbOutputRelays *relays)
{
  for (int i = 0; i < 2; i++)
    {
      int fd = nb_output_relay_init (&relays->items[i], STDOUT_FILENO + i);

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

/* So that the program's end is seen as such by who watches them. */
static void
drop_fds (NbLaunch *exec)
{
  for (size_t i = 0; i < exec->n_fds; i++)
    if (exec->fds[i] > STDERR_FILENO)
      nb_fd_clear (&exec->fds[i]);
}

static void
pump_all (NbOutputRelays *relays)
{
  for (int i = 0; i < 2; i++)
    while (nb_output_relay_pump (&relays->items[i]))
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

/* 1: the program has ended; 0: not yet; -1: the broker has. */
static int
serve_broker (NestboxConnection *broker, int *wait_status)
{
  NestboxEvent event;
  int result;

  while ((result = nestbox_connection_dispatch (broker, &event)) > 0)
    if (event.type == NESTBOX_EVENT_EXITED)
      {
        *wait_status = event.wait_status;
        return nb_connection_has_ended (broker) ? -1 : 1;
      }
  return result;
}

static int
wait_for_end (NestboxConnection *broker, NbOutputRelays *relays, NbBridge *bridge,
              NbNursery **nursery, int *wait_status)
{
  for (;;)
    {
      int nursery_fd = *nursery != NULL ? nb_nursery_fd (*nursery) : -1;
      struct pollfd fds[]
          = { { .fd = nestbox_connection_get_fd (broker), .events = POLLIN },
              { .fd = relays->items[0].pipe, .events = POLLIN },
              { .fd = relays->items[1].pipe, .events = POLLIN },
              { .fd = nursery_fd, .events = POLLIN },
              { .fd = bridge->browser, .events = POLLIN },
              { .fd = bridge->zygote, .events = POLLIN } };
      int result;

      if (poll (fds, NB_ARRAY_SIZE (fds), -1) < 0)
        continue;
      for (int i = 4; i < 6; i++)
        if (fds[i].revents != 0 && bridge->browser >= 0)
          nb_bridge_serve (bridge, fds[i].fd);
      for (int i = 0; i < 2; i++)
        if (fds[i + 1].revents != 0)
          (void)nb_output_relay_pump (&relays->items[i]);
      if (fds[3].revents != 0)
        serve_nursery (nursery);
      if (fds[0].revents == 0)
        continue;
      result = serve_broker (broker, wait_status);
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

/* The broker ends with the browser; only when the browser lives on is that an error. */
static void
tell_broker_is_lost (pid_t browser, const char *zygote)
{
  nb_autofd pidfd = (int)syscall (SYS_pidfd_open, browser, 0);

  if (getppid () == browser)
    nb_tell_zygote_is_lost (pidfd, browser, zygote, "the broker ended");
}

/* With STARTED or FAILED; also of a broker that ends in the meantime. */
static NestboxHandle
launch (NestboxConnection *broker, const NbLaunch *exec, NestboxEvent *event)
{
  nb_connection_take_links (broker);
  if (nb_connection_exec (broker, exec, &event->failure) == 0)
    return 0;
  (void)nb_connection_wait (broker, event);
  return event->type == NESTBOX_EVENT_STARTED ? event->child : 0;
}

/*
 * Only for a trace is there anything between a browser and its zygote. The browser's own
 * socket is kept as it is, for the greeting, until it is dropped with the others.
 */
static int
put_bridge_between (NbLaunch *exec, NbBridge *bridge)
{
  for (size_t i = 0; i < exec->n_fds; i++)
    if (exec->targets[i] == NB_CONTROL_FD)
      return nb_bridge_init (bridge, NB_CONTROL_FD, &exec->fds[i]);
  return 0;
}

static void
drop_control (const NbBridge *bridge)
{
  if (bridge->browser >= 0)
    (void)close (NB_CONTROL_FD);
}

static void
close_broker (NestboxConnection **broker)
{
  nestbox_connection_close (*broker);
}

int
nb_stand_in_run (NbKind kind, char **argv)
{
  const char *path = getenv ("NESTBOX_BROKER");
  NB_CLEANUP (close_broker) NestboxConnection *broker = NULL;
  NbLaunch exec = { .kind = kind,
                    .argv = (const char *const *)argv,
                    .envp = (const char *const *)environ };
  NestboxHandle child;
  NestboxEvent event;
  pid_t browser = getppid ();
  NbNursery *nursery = NULL;
  NbBridge bridge = NB_BRIDGE_NONE;
  NbOutputRelays relays;
  int link, wait_status = 0, result;

  if (path == NULL)
    return nb_stand_in_refuse (kind, "the browser was not started by `nestbox run`");
  if (nb_stand_in_collect_fds (&exec, &relays) < 0)
    return nb_stand_in_refuse (
        kind, "the browser left more descriptors open than fit one message");
  nb_trace_start (path);
  if (kind == NB_KIND_ZYGOTE && nb_trace_is_on ()
      && put_bridge_between (&exec, &bridge) < 0)
    return nb_stand_in_refuse (kind, "no descriptors are left");
  broker = nb_connection_connect (path);
  if (broker == NULL)
    return nb_stand_in_refuse (kind, "the broker cannot be reached");
  child = launch (broker, &exec, &event);
  if (child == 0)
    return kind != NB_KIND_ZYGOTE && nb_stand_in_is_said_elsewhere (&event.failure)
               ? 1
               : nb_stand_in_refuse (kind, event.failure.cause);
  link = nb_connection_steal_link (broker, child);
  if (link >= 0)
    nursery = nb_nursery_new (link, nb_fd_dup (NB_CONTROL_FD, NB_CONTROL_FD + 1));
  nb_trace_follow (link, NB_TRACE_MESSAGES, "stand-ins", "nursery", "relay");
  drop_fds (&exec);
  drop_control (&bridge);
  result = wait_for_end (broker, &relays, &bridge, &nursery, &wait_status);
  nb_bridge_clear (&bridge);
  nb_nursery_free (nursery);
  if (result == 0)
    {
      pump_all (&relays); /* its last words may be in the pipe still */
      return end_as (wait_status);
    }
  if (kind == NB_KIND_ZYGOTE)
    tell_broker_is_lost (browser, argv[0]);
  return 1;
}

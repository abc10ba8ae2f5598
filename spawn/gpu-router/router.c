/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/gpu-router/router.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/gpu-router/routed-children.h"
#include "zygote/wire/channel.h"
#include "zygote/wire/zygote-command.h"

enum
{
  MAX_ANSWER = 4096, /* bytes; Chromium's longest reply has 2048 */
  STILL_RUNNING = 4, /* base/process/kill.h: TERMINATION_STATUS_STILL_RUNNING */
  MAX_EVENTS = 4,
};

/* The browser asks one thing at a time; it is read only while its next message is wanted.
 */
typedef enum
{
  STATE_IDLE,
  STATE_REAL_PID, /* a Fork was handed on; ForkRealPID has to follow */
  STATE_ANSWER,   /* a zygote owes a reply */
} State;

struct _NbRouter
{
  NbRouterHooks hooks;
  int browser, zygotes[NB_N_ROUTES], epoll; /* owned; -1: not there */
  bool app_was_started;
  State state;
  NbRoute route;             /* of the command under way */
  bool failed;               /* STATE_REAL_PID: nobody forks */
  bool answered_early;       /* STATE_REAL_PID: the zygote has refused already */
  NbZygoteCommandType asked; /* STATE_ANSWER */
  int32_t asked_pid;
  NbRoutedChildren children;
};

/* --- descriptors --- */

static int
watch (NbRouter *router, int fd)
{
  struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

  if (fcntl (fd, F_SETFL, O_NONBLOCK) < 0
      || epoll_ctl (router->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
    return -errno;
  return 0;
}

static void
set_state (NbRouter *router, State state)
{
  bool wanted = state != STATE_ANSWER, was = router->state != STATE_ANSWER;

  router->state = state;
  if (wanted && !was)
    (void)watch (router, router->browser);
  else if (!wanted && was)
    (void)epoll_ctl (router->epoll, EPOLL_CTL_DEL, router->browser, NULL);
}

/* Never waits: who does not take what is for it is given up. */
static int
forward (int to, const NbPacket *packet)
{
  return to < 0 ? -EPIPE
                : nb_channel_send (to, packet->bytes, packet->size, packet->fds,
                                   packet->n_fds);
}

/* --- answers of our own, as a zygote that is gone cannot give them --- */

static int
answer_fork_failed (NbRouter *router)
{
  static const int32_t no_child[] = { 8, -1, 0 }; /* pid, length of the histogram's name */

  set_state (router, STATE_IDLE);
  return nb_channel_send (router->browser, no_child, sizeof no_child, NULL, 0);
}

/* What Chromium assumes when its zygote is gone. */
static int
answer_ended_normally (NbRouter *router)
{
  static const int32_t normal_end[] = { 8, 0, 0 };

  set_state (router, STATE_IDLE);
  return nb_channel_send (router->browser, normal_end, sizeof normal_end, NULL, 0);
}

static void
drop_route (NbRouter *router, NbRoute route)
{
  if (router->zygotes[route] < 0)
    return;
  nb_fd_clear (&router->zygotes[route]);
  nb_routed_children_forget_route (&router->children, route);
  if (router->route != route)
    return;
  if (router->state == STATE_REAL_PID && !router->answered_early)
    router->failed = true;
  else if (router->state == STATE_ANSWER && router->asked == NB_ZYGOTE_FORK)
    (void)answer_fork_failed (router);
  else if (router->state == STATE_ANSWER)
    (void)answer_ended_normally (router);
}

/* --- the browser's side --- */

static void
start_app_zygote (NbRouter *router)
{
  int socket;

  if (router->app_was_started)
    return;
  router->app_was_started = true;
  socket = router->hooks.start_app_zygote (router->hooks.data);
  if (socket >= 0 && watch (router, socket) < 0)
    nb_fd_clear (&socket);
  router->zygotes[NB_ROUTE_APP] = socket < 0 ? -1 : socket;
}

static bool
is_gpu_process (const NbZygoteCommand *command)
{
  static const char type[] = "gpu-process";

  return command->process_type.length == strlen (type)
         && memcmp (command->process_type.data, type, strlen (type)) == 0;
}

/* When nobody takes it, the oracle ends with the packet: no ping, and -1 as real PID. */
static void
route_fork (NbRouter *router, const NbPacket *packet, const NbZygoteCommand *command)
{
  bool gpu = is_gpu_process (command);

  router->failed = gpu && !router->hooks.may_fork_gpu (router->hooks.data, command);
  if (!gpu)
    start_app_zygote (router);
  router->route = gpu ? NB_ROUTE_GPU : NB_ROUTE_APP;
  router->answered_early = false;
  set_state (router, STATE_REAL_PID);
  if (!router->failed && forward (router->zygotes[router->route], packet) < 0)
    {
      router->failed = true;
      drop_route (router, router->route);
    }
}

static int
route_real_pid (NbRouter *router, const NbPacket *packet, int32_t pid)
{
  if (router
          ->answered_early) /* a zygote that has refused takes it for a command, and ends */
    {
      set_state (router, STATE_IDLE);
      return 0;
    }
  if (!router->failed && forward (router->zygotes[router->route], packet) < 0)
    drop_route (router, router->route);
  if (router->failed)
    return answer_fork_failed (router);
  router->asked = NB_ZYGOTE_FORK;
  router->asked_pid = pid;
  set_state (router, STATE_ANSWER);
  return 0;
}

/* A zygote ends when it does not know the pid. */
static void
route_reap (NbRouter *router, const NbPacket *packet, int32_t pid)
{
  NbRoute route;

  if (nb_routed_children_take (&router->children, pid, &route)
      && forward (router->zygotes[route], packet) < 0)
    drop_route (router, route);
}

static int
route_status (NbRouter *router, const NbPacket *packet, int32_t pid)
{
  if (!nb_routed_children_find (&router->children, pid, &router->route))
    return answer_ended_normally (router);
  router->asked = NB_ZYGOTE_TERMINATION_STATUS;
  router->asked_pid = pid;
  set_state (router, STATE_ANSWER);
  if (forward (router->zygotes[router->route], packet) < 0)
    drop_route (router, router->route); /* answers */
  return 0;
}

/* An unsandboxed zygote's: none of the sandbox's parts, and no pickle either. */
static int
answer_sandbox_status (NbRouter *router)
{
  static const uint32_t none = 0;

  return nb_channel_send (router->browser, &none, sizeof none, NULL, 0);
}

static int
ignore (const char *what)
{
  nb_log_error ("GPU router: ignored a command of the browser: %s", what);
  return 0;
}

static int
route_command (NbRouter *router, const NbPacket *packet, const NbZygoteCommand *command)
{
  switch (command->type)
    {
    case NB_ZYGOTE_FORK:
      if (router->state != STATE_IDLE)
        return ignore ("out of order");
      route_fork (router, packet, command);
      return 0;
    case NB_ZYGOTE_FORK_REAL_PID:
      if (router->state != STATE_REAL_PID)
        return ignore ("a real PID without a fork");
      return route_real_pid (router, packet, command->pid);
    case NB_ZYGOTE_REAP:
      route_reap (router, packet, command->pid);
      return 0;
    case NB_ZYGOTE_TERMINATION_STATUS:
      if (router->state != STATE_IDLE)
        return ignore ("out of order");
      return route_status (router, packet, command->pid);
    case NB_ZYGOTE_SANDBOX_STATUS:
      return answer_sandbox_status (router);
    case NB_ZYGOTE_REINITIALIZE_LOGGING:
      return ignore ("ReinitializeLogging, which is ChromeOS's");
    }
  return ignore ("unknown");
}

static int
serve_browser (NbRouter *router)
{
  static NbPacket packet;
  static NbZygoteCommand command;
  int result = nb_channel_receive (router->browser, &packet);

  if (result == -EAGAIN)
    return 0;
  if (result == -EPROTO)
    return ignore ("cut off");
  if (result <= 0)
    return -EPIPE;
  result = nb_zygote_command_decode (packet.bytes, packet.size, packet.n_fds, &command);
  result = result == 0 ? route_command (router, &packet, &command)
                       : ignore (result == -ENOSYS ? "unknown" : "malformed");
  nb_packet_clear (&packet);
  return result;
}

/* --- the zygotes' side --- */

/*
 * The browser takes the child's pid from here, and would signal it. So it has to be the
 * one that the kernel told the browser, which the browser told the zygote.
 */
static int
pass_fork_reply (NbRouter *router, const NbPacket *packet)
{
  NbZygoteForkReply reply = { 0 };

  if (nb_zygote_fork_reply_decode (packet->bytes, packet->size, &reply) < 0
      || (reply.pid > 0 && reply.pid != router->asked_pid))
    return answer_fork_failed (router);
  if (reply.pid > 0
      && nb_routed_children_add (&router->children, reply.pid, router->route) < 0)
    nb_log_error ("GPU router: no memory is left");
  set_state (router, STATE_IDLE);
  return forward (router->browser, packet);
}

static int
pass_status_reply (NbRouter *router, const NbPacket *packet)
{
  NbZygoteStatusReply reply = { 0 };
  NbRoute route;

  if (nb_zygote_status_reply_decode (packet->bytes, packet->size, &reply) < 0)
    return answer_ended_normally (router);
  if (reply.status != STILL_RUNNING)
    (void)nb_routed_children_take (&router->children, router->asked_pid, &route);
  set_state (router, STATE_IDLE);
  return forward (router->browser, packet);
}

static int
pass_reply (NbRouter *router, NbRoute route, const NbPacket *packet)
{
  bool awaited = route == router->route && packet->n_fds == 0 && packet->size <= MAX_ANSWER;

  if (awaited && router->state == STATE_ANSWER)
    return router->asked == NB_ZYGOTE_FORK ? pass_fork_reply (router, packet)
                                           : pass_status_reply (router, packet);
  if (awaited && router->state == STATE_REAL_PID && !router->failed
      && !router->answered_early)
    {
      router->answered_early = true;
      return nb_channel_send (router->browser, (const int32_t[]){ 8, -1, 0 }, 12, NULL, 0);
    }
  drop_route (router, route); /* nobody asked */
  return 0;
}

static int
serve_zygote (NbRouter *router, NbRoute route)
{
  static NbPacket packet;
  int result = nb_channel_receive (router->zygotes[route], &packet);

  if (result == -EAGAIN)
    return 0;
  if (result <= 0)
    {
      drop_route (router, route);
      return 0;
    }
  result = pass_reply (router, route, &packet);
  nb_packet_clear (&packet);
  return result;
}

/* --- for its program --- */

static int
serve (NbRouter *router, int fd)
{
  if (fd == router->browser)
    return serve_browser (router);
  for (NbRoute route = 0; route < NB_N_ROUTES; route++)
    if (fd == router->zygotes[route])
      return serve_zygote (router, route);
  return 0;
}

int
nb_router_serve (NbRouter *router)
{
  struct epoll_event events[MAX_EVENTS];
  int n = epoll_wait (router->epoll, events, MAX_EVENTS, 0);

  for (int i = 0; i < n; i++)
    if (serve (router, events[i].data.fd) < 0)
      return -EPIPE;
  return 0;
}

int
nb_router_fd (const NbRouter *router)
{
  return router->epoll;
}

void
nb_router_drop_gpu (NbRouter *router)
{
  drop_route (router, NB_ROUTE_GPU);
}

NbRouter *
nb_router_new (int browser, int gpu_zygote, const NbRouterHooks *hooks)
{
  NbRouter *router = calloc (1, sizeof *router);

  if (router == NULL)
    {
      nb_fd_clear (&browser);
      nb_fd_clear (&gpu_zygote);
      return NULL;
    }
  router->hooks = *hooks;
  router->browser = browser;
  router->zygotes[NB_ROUTE_APP] = -1;
  router->zygotes[NB_ROUTE_GPU] = gpu_zygote;
  router->epoll = epoll_create1 (EPOLL_CLOEXEC);
  if (router->epoll >= 0 && watch (router, browser) == 0 && watch (router, gpu_zygote) == 0)
    return router;
  nb_router_free (router);
  return NULL;
}

void
nb_router_free (NbRouter *router)
{
  if (router == NULL)
    return;
  nb_fd_clear (&router->browser);
  for (NbRoute route = 0; route < NB_N_ROUTES; route++)
    nb_fd_clear (&router->zygotes[route]);
  nb_fd_clear (&router->epoll);
  nb_routed_children_clear (&router->children);
  free (router);
}

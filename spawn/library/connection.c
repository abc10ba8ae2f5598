/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/library/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/rendezvous.h"
#include "spawn/client/client.h"
#include "spawn/client/environment.h"
#include "spawn/library/children.h"
#include "spawn/library/failure.h"
#include "spawn/library/oom-scores.h"
#include "spawn/library/outbox.h"

struct NestboxConnection
{
  int socket;
  int epoll; /* what is polled: the socket, also for room where something waits for it */
  bool waits_for_room;
  bool ended;  /* the broker has hung up */
  bool closed; /* and that was told */
  bool takes_links;
  NbLinkServer link_server; /* NULL: there is none */
  NbOutbox outbox;
  NbChildren children;
  NbOomScores oom_scores;
  NestboxPlace place;
  uint32_t last_question;
  char rendezvous[NB_RENDEZVOUS_PATH]; /* of a broker of its own; "": none */
  /* Large, and not for a stack of unknown size. */
  NbPacket packet;
  NbMessage message;
  NbPickleWriter writer;
};

/* --- to the broker --- */

static void
watch_for_room (NestboxConnection *connection)
{
  bool wanted = !nb_outbox_is_empty (&connection->outbox) && !connection->ended;
  struct epoll_event event = { .events = EPOLLIN };

  if (wanted == connection->waits_for_room)
    return;
  if (wanted)
    event.events |= EPOLLOUT;
  if (epoll_ctl (connection->epoll, EPOLL_CTL_MOD, connection->socket, &event) == 0)
    connection->waits_for_room = wanted;
}

static int
send_message (NestboxConnection *connection, const NbMessage *message, const int *fds,
              size_t n_fds)
{
  size_t size = 0;
  int result = nb_message_encode (&connection->writer, message, &size);

  if (result == 0)
    result = nb_outbox_send (&connection->outbox, connection->socket,
                             connection->writer.bytes, size, fds, n_fds);
  watch_for_room (connection);
  return result;
}

static void
fail_to_send (NestboxFailure *failure, const char *object, int result)
{
  if (result == -EPIPE || result == -ECONNRESET || result == -ENOTCONN)
    nb_failure_set (failure, NESTBOX_ERROR_CLOSED, EPIPE, object, "open another connection",
                    "the broker ended");
  else if (result == -E2BIG || result == -EMSGSIZE)
    nb_failure_set (failure, NESTBOX_ERROR_LIMIT, E2BIG, object, "hand over less",
                    "arguments, environment or descriptors are too many");
  else
    nb_failure_set (failure, NESTBOX_ERROR_LIMIT, -result, object,
                    "end children, or raise the limit", "%s", "");
}

static bool
send_request (NestboxConnection *connection, int fd, const char *object,
              NestboxFailure *failure)
{
  int result = connection->ended
                   ? -EPIPE
                   : send_message (connection, &connection->message, &fd, fd >= 0);

  if (result < 0)
    fail_to_send (failure, object, result);
  return result == 0;
}

uint32_t
nb_connection_ask_identity (NestboxConnection *connection, int pidfd, const char *object,
                            NestboxFailure *failure)
{
  NbMessage *message = &connection->message;
  uint32_t question = ++connection->last_question;

  message->type = NB_MESSAGE_IDENTIFY;
  message->serial = question;
  message->child = 0;
  message->stand_in = 0;
  return send_request (connection, pidfd, object, failure) ? question : 0;
}

void
nb_connection_probe (NestboxConnection *connection)
{
  NbMessage *message = &connection->message;

  message->type = NB_MESSAGE_PROBE;
  message->serial = 1;
  message->child = 0;
  message->version = NB_PROTOCOL_VERSION;
  (void)send_message (connection, message, NULL, 0); /* if it is gone, its end comes */
}

static int
fill_exec (NbMessage *message, const NbLaunch *launch)
{
  bool overflow = false;

  message->type = NB_MESSAGE_EXEC;
  message->exec.kind = launch->kind;
  message->exec.wall = NB_WALL_AUTO; /* the broker's own holds */
  message->exec.argv.n = message->exec.envp.n = 0;
  for (const char *const *word = launch->argv; *word != NULL; word++)
    nb_strings_append (&message->exec.argv, *word, &overflow);
  for (const char *const *entry = launch->envp; *entry != NULL; entry++)
    if (nb_environment_allows (launch->kind, *entry))
      nb_strings_append (&message->exec.envp, *entry, &overflow);
  message->exec.bus = nb_slice (launch->bus_policy != NULL ? launch->bus_policy : "");
  message->exec.n_targets = launch->n_fds;
  for (size_t i = 0; i < launch->n_fds; i++)
    message->exec.targets[i] = launch->targets[i];
  return overflow ? -E2BIG : 0;
}

/* It may be that a nursery has to speak on it: the host's own is soon closed. */
static int
keep_control (NbLaunched *zygote, const NbLaunch *launch)
{
  for (size_t i = 0; i < launch->n_fds; i++)
    if (launch->targets[i] == NB_CONTROL_FD)
      {
        zygote->control = nb_fd_dup (launch->fds[i], STDERR_FILENO + 1);
        return zygote->control < 0 ? zygote->control : 0;
      }
  return 0; /* the controller refuses it, where it has to */
}

NestboxHandle
nb_connection_exec (NestboxConnection *connection, const NbLaunch *launch,
                    NestboxFailure *failure)
{
  NbMessage *message = &connection->message;
  int result = connection->ended ? -EPIPE : fill_exec (message, launch);
  NestboxHandle handle = 0;

  if (result == 0)
    result
        = nb_children_add (&connection->children, launch->kind, launch->argv[0], &handle);
  if (result == 0 && launch->kind == NB_KIND_ZYGOTE && connection->link_server != NULL)
    result = keep_control (nb_children_find (&connection->children, handle), launch);
  if (result == 0)
    {
      message->serial = message->child = handle;
      result = send_message (connection, message, launch->fds, launch->n_fds);
    }
  if (result == 0)
    return handle;
  fail_to_send (failure, launch->argv[0], result);
  nb_children_remove (&connection->children, handle);
  return 0;
}

bool
nestbox_connection_kill (NestboxConnection *connection, NestboxHandle child, int number,
                         NestboxFailure *failure)
{
  NbMessage *message = &connection->message;
  const NbLaunched *launched = nb_children_find (&connection->children, child);

  if (launched == NULL)
    {
      nb_failure_set (failure, NESTBOX_ERROR_NO_CHILD, ESRCH, "signal not sent",
                      "its end was told, or the handle is another connection's",
                      "no child has this handle");
      return false;
    }
  if (number < 1 || number >= NSIG)
    {
      nb_failure_set (failure, NESTBOX_ERROR_INVALID, EINVAL, "signal not sent",
                      "see signal(7)", "%d is no signal", number);
      return false;
    }
  message->type = NB_MESSAGE_KILL;
  message->serial = 0;
  message->child = child;
  message->signal = number;
  return send_request (connection, -1, "signal not sent", failure);
}

bool
nestbox_connection_adjust_oom (NestboxConnection *connection, int pid, int score,
                               NestboxFailure *failure)
{
  NbMessage *message = &connection->message;
  int result;

  if (pid <= 1 || score < 0 || score > 1000)
    {
      nb_failure_set (failure, NESTBOX_ERROR_INVALID, EINVAL, "OOM score not set",
                      "see oom_score_adj in proc(5)", "PID %d, score %d", pid, score);
      return false;
    }
  message->type = NB_MESSAGE_OOM_ADJUST;
  message->serial = nb_oom_scores_ask (&connection->oom_scores, pid, score);
  message->child = 0;
  message->oom.pid = pid;
  message->oom.score = score;
  result = connection->ended ? -EPIPE : send_message (connection, message, NULL, 0);
  if (result < 0)
    fail_to_send (failure, "OOM score not set", result);
  return result == 0;
}

/* --- from the broker --- */

static NestboxError
code_of (int error)
{
  switch (error)
    {
    case ECONNREFUSED:
    case ESHUTDOWN:
      return NESTBOX_ERROR_UNAVAILABLE;
    case ENOTSUP:
      return NESTBOX_ERROR_REFUSED;
    case ECANCELED:
      return NESTBOX_ERROR_CANCELLED;
    case ENOSPC:
    case E2BIG:
    case EMFILE:
      return NESTBOX_ERROR_LIMIT;
    case EINVAL:
    case EBADF:
      return NESTBOX_ERROR_INVALID;
    default:
      return NESTBOX_ERROR_NO_PROGRAM;
    }
}

static void
fail_child (NestboxConnection *connection, const NbLaunched *child, NestboxEvent *event,
            NestboxError code, int error, NbSlice cause)
{
  event->type = NESTBOX_EVENT_FAILED;
  event->child = child->handle;
  nb_failure_set (&event->failure, code, error, child->name, NB_REMEDY_DOCTOR, "%.*s",
                  (int)cause.length, cause.data);
  nb_children_remove (&connection->children, child->handle);
}

static bool
is_no_x11 (NbSlice detail)
{
  NbSlice wanted = nb_slice (NB_DETAIL_NO_X11);

  return detail.length == wanted.length
         && memcmp (detail.data, wanted.data, wanted.length) == 0;
}

/* 0, or -errno: nobody serves it. */
static int
serve_link (NestboxConnection *connection, NbLaunched *child)
{
  if (connection->takes_links)
    {
      child->link = nb_packet_steal_fd (&connection->packet, 0);
      return 0;
    }
  if (connection->link_server == NULL || child->control < 0)
    return -ENOTSUP;
  return connection->link_server (connection->packet.fds[0], child->control);
}

static bool
handle_result (NestboxConnection *connection, NestboxEvent *event)
{
  const NbMessage *message = &connection->message;
  NbLaunched *child = nb_children_find (&connection->children, message->child);
  int result;

  if (message->child == 0)
    nb_oom_scores_answer (&connection->oom_scores, message->serial, message->result.error);
  if (child == NULL || child->state != NESTBOX_STATE_STARTING)
    return false;
  if (message->result.error != 0)
    {
      fail_child (connection, child, event, code_of (message->result.error),
                  message->result.error, message->result.detail);
      return true;
    }
  result = connection->packet.n_fds > 0 ? serve_link (connection, child) : 0;
  nb_fd_clear (&child->control);
  if (result < 0)
    {
      /* Without its link the zygote ends; it is not waited for. */
      (void)nestbox_connection_kill (connection, child->handle, SIGKILL, NULL);
      fail_child (connection, child, event, NESTBOX_ERROR_UNAVAILABLE, -result,
                  nb_slice ("PIDs are hidden here, and there is nobody to stand in for "
                            "its children"));
      return true;
    }
  child->state = NESTBOX_STATE_RUNNING;
  event->type = NESTBOX_EVENT_STARTED;
  event->child = child->handle;
  event->no_x11 = is_no_x11 (message->result.detail);
  return true;
}

static bool
handle_exited (NestboxConnection *connection, NestboxEvent *event)
{
  const NbMessage *message = &connection->message;
  const NbLaunched *child = nb_children_find (&connection->children, message->child);

  if (child == NULL || child->state != NESTBOX_STATE_RUNNING)
    return false;
  event->type = NESTBOX_EVENT_EXITED;
  event->child = child->handle;
  event->wait_status = message->wait_status;
  nb_children_remove (&connection->children, child->handle);
  return true;
}

static bool
handle_probed (NestboxConnection *connection, NestboxEvent *event)
{
  const NbBrokerPlace *place = &connection->message.place;

  connection->place = (NestboxPlace){ .settled = true,
                                      .available = place->error == 0,
                                      .pids_visible = place->pids_visible,
                                      .gpu = place->gpu,
                                      .portal_version = place->portal_version,
                                      .portal_supports = place->portal_supports,
                                      .landlock_abi = place->landlock_abi };
  event->type = place->error == 0 ? NESTBOX_EVENT_READY : NESTBOX_EVENT_UNAVAILABLE;
  if (place->error != 0)
    nb_failure_set (&event->failure, NESTBOX_ERROR_UNAVAILABLE, place->error,
                    "no sub-sandbox", NB_REMEDY_DOCTOR, "%.*s", (int)place->detail.length,
                    place->detail.data);
  return true;
}

/* Whether it is an event. */
static bool
handle_message (NestboxConnection *connection, NestboxEvent *event)
{
  switch (connection->message.type)
    {
    case NB_MESSAGE_RESULT:
      return handle_result (connection, event);
    case NB_MESSAGE_EXITED:
      return handle_exited (connection, event);
    case NB_MESSAGE_PROBED:
      return handle_probed (connection, event);
    case NB_MESSAGE_IDENTIFIED:
      nb_connection_tell_identity (&connection->message, event);
      return true;
    default:
      return false;
    }
}

/* What the broker took with it: each child is told of as if it had been alone. */
static int
tell_end (NestboxConnection *connection, NestboxEvent *event)
{
  const NbLaunched *child
      = connection->children.n > 0 ? &connection->children.items[0] : NULL;

  if (connection->closed)
    return -1;
  (void)shutdown (connection->socket, SHUT_RDWR); /* it may have been malformed */
  connection->place.available = false;
  if (child == NULL)
    {
      connection->closed = true;
      event->type = NESTBOX_EVENT_CLOSED;
      nb_failure_set (&event->failure, NESTBOX_ERROR_CLOSED, 0, "connection",
                      "open another one", "the broker ended");
    }
  else if (child->state == NESTBOX_STATE_STARTING)
    fail_child (connection, child, event, NESTBOX_ERROR_CLOSED, EPIPE,
                nb_slice ("the broker ended"));
  else
    {
      event->type = NESTBOX_EVENT_EXITED;
      event->child = child->handle;
      event->wait_status = SIGKILL;
      nb_children_remove (&connection->children, child->handle);
    }
  return 1;
}

int
nestbox_connection_dispatch (NestboxConnection *connection, NestboxEvent *event_out)
{
  bool is_event = false;

  *event_out = (NestboxEvent){ 0 };
  nb_outbox_flush (&connection->outbox, connection->socket);
  watch_for_room (connection);
  while (!connection->ended && !is_event)
    {
      int result = nb_channel_receive (connection->socket, &connection->packet);

      if (result == -EAGAIN)
        return 0;
      connection->ended
          = result <= 0
            || nb_message_decode (&connection->packet, &connection->message) < 0;
      if (!connection->ended)
        is_event = handle_message (connection, event_out);
      nb_packet_clear (&connection->packet);
    }
  return is_event ? 1 : tell_end (connection, event_out);
}

int
nb_connection_wait (NestboxConnection *connection, NestboxEvent *event_out)
{
  for (;;)
    {
      struct pollfd poll_fd = { .fd = connection->epoll, .events = POLLIN };
      int result = nestbox_connection_dispatch (connection, event_out);

      if (result != 0)
        return result;
      (void)poll (&poll_fd, 1, -1);
    }
}

/* --- what is known --- */

int
nestbox_connection_get_fd (const NestboxConnection *connection)
{
  return connection->epoll;
}

NestboxState
nestbox_connection_get_state (const NestboxConnection *connection, NestboxHandle child)
{
  const NbLaunched *launched = nb_children_find (&connection->children, child);

  return launched != NULL ? launched->state : NESTBOX_STATE_NONE;
}

void
nestbox_connection_get_place (const NestboxConnection *connection, NestboxPlace *place_out)
{
  *place_out = connection->place;
}

bool
nb_connection_has_ended (const NestboxConnection *connection)
{
  return connection->ended;
}

void
nb_connection_take_links (NestboxConnection *connection)
{
  connection->takes_links = true;
}

void
nb_connection_serve_links (NestboxConnection *connection, NbLinkServer server)
{
  connection->link_server = server;
}

int
nb_connection_steal_link (NestboxConnection *connection, NestboxHandle child)
{
  NbLaunched *launched = nb_children_find (&connection->children, child);

  return launched != NULL ? nb_fd_steal (&launched->link) : -1;
}

void
nb_connection_own_rendezvous (NestboxConnection *connection, const char *path)
{
  (void)snprintf (connection->rendezvous, sizeof connection->rendezvous, "%s", path);
}

/* --- life --- */

NestboxConnection *
nb_connection_new (int socket, NestboxFailure *failure)
{
  NestboxConnection *connection = calloc (1, sizeof *connection);
  nb_autofd taken = socket;
  struct epoll_event event = { .events = EPOLLIN };

  if (connection == NULL)
    {
      fail_to_send (failure, "connection", -ENOMEM);
      return NULL;
    }
  connection->epoll = epoll_create1 (EPOLL_CLOEXEC);
  connection->socket = nb_fd_steal (&taken);
  if (connection->epoll >= 0 && fcntl (connection->socket, F_SETFL, O_NONBLOCK) == 0
      && epoll_ctl (connection->epoll, EPOLL_CTL_ADD, connection->socket, &event) == 0)
    return connection;
  fail_to_send (failure, "connection", -errno);
  nestbox_connection_close (connection);
  return NULL;
}

NestboxConnection *
nb_connection_connect (const char *path)
{
  int socket = nb_client_connect (path);

  return socket < 0 ? NULL : nb_connection_new (socket, NULL);
}

void
nestbox_connection_close (NestboxConnection *connection)
{
  if (connection == NULL)
    return;
  nb_children_clear (&connection->children);
  nb_outbox_clear (&connection->outbox);
  nb_oom_scores_clear (&connection->oom_scores);
  nb_fd_clear (&connection->epoll);
  /* Also where a fork of the host's holds a copy. */
  (void)shutdown (connection->socket, SHUT_RDWR);
  nb_fd_clear (&connection->socket);
  if (connection->rendezvous[0] != '\0')
    nb_rendezvous_remove (connection->rendezvous);
  free (connection);
}

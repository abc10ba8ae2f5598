/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/controller/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "zygote/controller/relay-children.h"
#include "zygote/wire/message.h"
#include "zygote/wire/zygote-command.h"

/*
 * The browser asks one thing at a time and waits for the answer, so the relay reads from
 * it only when the last question is answered; what is pipelined waits in the socket.
 */
typedef enum
{
  RELAY_GREETING, /* BOOT and hello are not said yet */
  RELAY_IDLE,     /* the browser's next command may come */
  RELAY_PING,     /* the zygote forks; its child has not pinged yet */
  RELAY_REAL_PID, /* the browser's next message has to be ForkRealPID */
  RELAY_ANSWER,   /* the zygote owes a reply */
} State;

struct _NbRelay
{
  const NbLoop *loop;
  State state;
  int browser, zygote, link; /* owned */
  bool browser_is_watched;
  unsigned greetings_left;   /* of BOOT and hello */
  NbZygoteCommandType asked; /* in RELAY_ANSWER */
  int32_t asked_pid;
  bool answered_early; /* the zygote refused a fork before the browser sent the PID */
  int oracle, browsers_oracle; /* of the fork under way; owned; -1: none */
  uint32_t born;               /* id of the fork under way; 0: none */
  uint32_t last_id;
  NbRelayChildren children;
};

/* --- sending --- */

/* Never waits, as the sockets do not: a side that does not take what is for it is given up.
 */
static int
forward (int to, const NbPacket *packet)
{
  return nb_channel_send (to, packet->bytes, packet->size, packet->fds, packet->n_fds);
}

static int
tell_nursery (NbRelay *relay, NbMessageType type, uint32_t child, int fd)
{
  NbMessage message = { .type = type, .child = child };

  return nb_message_send (relay->link, &message, &fd, fd >= 0);
}

/* Reads from the browser only while a message of its is wanted. */
static int
set_state (NbRelay *relay, State state)
{
  bool wanted = state == RELAY_IDLE || state == RELAY_REAL_PID;

  relay->state = state;
  if (wanted == relay->browser_is_watched)
    return 0;
  relay->browser_is_watched = wanted;
  if (wanted)
    return relay->loop->watch (relay->browser);
  relay->loop->unwatch (relay->browser);
  return 0;
}

/* --- children --- */

/* The browser knows of the end: the stand-in goes, and the id with it. */
static int
child_collected (NbRelay *relay, NbRelayChild *child)
{
  uint32_t id = child->id;

  if (child->pidfd >= 0)
    relay->loop->unwatch (child->pidfd);
  nb_relay_children_remove (&relay->children, child);
  return tell_nursery (relay, NB_MESSAGE_EXITED, id, -1);
}

/* Of a child whose status nobody will ask for; others stay until somebody has. */
static int
child_ended (NbRelay *relay, NbRelayChild *child)
{
  if (child->reaped)
    return child_collected (relay, child);
  relay->loop->unwatch (child->pidfd);
  nb_fd_clear (&child->pidfd);
  return 0;
}

/* --- fork --- */

static void
drop_oracles (NbRelay *relay)
{
  if (relay->oracle >= 0)
    relay->loop->unwatch (relay->oracle);
  nb_fd_clear (&relay->oracle);
  nb_fd_clear (&relay->browsers_oracle);
}

/*
 * The zygote gets an oracle of ours, on which the child's ping tells us its PID in here;
 * the browser's is for the stand-in.
 */
static int
relay_fork (NbRelay *relay, NbPacket *packet)
{
  int ends[2], result = nb_channel_pair (ends);

  if (result < 0)
    return result;
  relay->oracle = ends[0];
  relay->browsers_oracle = nb_packet_steal_fd (packet, 0);
  packet->fds[0] = ends[1];
  relay->born = 0;
  relay->answered_early = false;
  result = nb_channel_pass_credentials (relay->oracle);
  if (result == 0)
    result = relay->loop->watch (relay->oracle);
  if (result == 0)
    result = forward (relay->zygote, packet);
  return result < 0 ? result : set_state (relay, RELAY_PING);
}

/* The child waits for its real PID now, so its pid is its own and it can be opened. */
static int
adopt_child (NbRelay *relay, pid_t pid)
{
  int pidfd = (int)syscall (SYS_pidfd_open, pid, 0), result;

  if (pidfd < 0)
    return -errno;
  result = relay->loop->watch (pidfd);
  if (result < 0)
    {
      nb_fd_clear (&pidfd);
      return result;
    }
  result = nb_relay_children_add (&relay->children, ++relay->last_id, pid, pidfd);
  if (result == 0)
    relay->born = relay->last_id;
  else
    relay->loop->unwatch (pidfd);
  return result;
}

/* Without a good ping the browser's oracle just ends, which it takes for a failed fork. */
static int
serve_oracle (NbRelay *relay)
{
  static NbPacket packet;
  int result = nb_channel_receive (relay->oracle, &packet);
  bool good = result > 0 && packet.size == sizeof NB_ZYGOTE_PING && packet.n_fds == 0
              && memcmp (packet.bytes, NB_ZYGOTE_PING, packet.size) == 0
              && packet.has_credentials && packet.pid > 1;

  if (result > 0)
    nb_packet_clear (&packet);
  result = 0;
  if (good && adopt_child (relay, packet.pid) == 0)
    result = tell_nursery (relay, NB_MESSAGE_BORN, relay->born, relay->browsers_oracle);
  drop_oracles (relay);
  return result < 0 ? result : set_state (relay, RELAY_REAL_PID);
}

static int
relay_real_pid (NbRelay *relay, const NbPacket *packet, int32_t pid)
{
  NbRelayChild *child = nb_relay_children_find (&relay->children, relay->born);

  relay->asked = NB_ZYGOTE_FORK;
  /* A zygote that has refused already would take this for a command, and end. */
  if (relay->answered_early)
    {
      if (child != NULL && child_collected (relay, child) < 0)
        return -EPIPE;
      return set_state (relay, RELAY_IDLE);
    }
  if (child != NULL && pid > 0)
    child->browser_pid = pid;
  if (forward (relay->zygote, packet) < 0)
    return -EPIPE;
  return set_state (relay, RELAY_ANSWER);
}

/* --- the browser's side --- */

static int
ask_zygote (NbRelay *relay, const NbPacket *packet, const NbZygoteCommand *command)
{
  relay->asked = command->type;
  relay->asked_pid = command->pid;
  return forward (relay->zygote, packet) < 0 ? -EPIPE : set_state (relay, RELAY_ANSWER);
}

static int
relay_reap (NbRelay *relay, const NbPacket *packet, int32_t pid)
{
  NbRelayChild *child = nb_relay_children_find_pid (&relay->children, pid);

  if (child == NULL) /* a zygote ends when it does not know the pid */
    return 0;
  child->reaped = true;
  if (forward (relay->zygote, packet) < 0)
    return -EPIPE;
  return child->pidfd < 0 ? child_collected (relay, child) : 0;
}

/* Of a child that it does not know a zygote ends; the browser waits for an answer. */
static int
answer_unknown_status (NbRelay *relay)
{
  static const uint32_t normal_end[] = { 8, 0, 0 };

  return nb_channel_send (relay->browser, normal_end, sizeof normal_end, NULL, 0);
}

static int
ignore (const char *what)
{
  nb_log_error ("zygote relay: ignored a command of the browser: %s", what);
  return 0;
}

static int
handle_command (NbRelay *relay, NbPacket *packet, const NbZygoteCommand *command)
{
  switch (command->type)
    {
    case NB_ZYGOTE_FORK:
      return relay_fork (relay, packet);
    case NB_ZYGOTE_REAP:
      return relay_reap (relay, packet, command->pid);
    case NB_ZYGOTE_TERMINATION_STATUS:
      if (nb_relay_children_find_pid (&relay->children, command->pid) == NULL)
        return answer_unknown_status (relay);
      return ask_zygote (relay, packet, command);
    case NB_ZYGOTE_SANDBOX_STATUS:
      return ask_zygote (relay, packet, command);
    case NB_ZYGOTE_FORK_REAL_PID:
      return ignore ("a real PID without a fork");
    case NB_ZYGOTE_REINITIALIZE_LOGGING:
      return ignore ("ReinitializeLogging, which is ChromeOS's");
    }
  return ignore ("unknown");
}

static int
serve_browser (NbRelay *relay)
{
  static NbPacket packet;
  static NbZygoteCommand command;
  int result = nb_channel_receive (relay->browser, &packet);

  if (result == -EPROTO)
    return ignore ("cut off");
  if (result <= 0)
    return result == -EAGAIN ? 0 : -EPIPE;
  result = nb_zygote_command_decode (packet.bytes, packet.size, packet.n_fds, &command);
  if (relay->state == RELAY_REAL_PID)
    {
      if (result == 0 && command.type == NB_ZYGOTE_FORK_REAL_PID)
        result = relay_real_pid (relay, &packet, command.pid);
      else if (result == 0 && command.type == NB_ZYGOTE_REAP)
        result = relay_reap (relay, &packet, command.pid);
      else
        result = ignore ("out of order");
    }
  else if (result == 0)
    result = handle_command (relay, &packet, &command);
  else
    result = ignore (result == -ENOSYS ? "unknown" : "malformed");
  nb_packet_clear (&packet);
  return result;
}

/* --- the zygote's side --- */

static int
handle_answer (NbRelay *relay, const NbPacket *packet)
{
  NbZygoteStatusReply status = { 0 };
  NbZygoteForkReply fork_reply = { 0 };
  NbRelayChild *child;

  if (forward (relay->browser, packet) < 0)
    return -EPIPE;
  if (relay->asked == NB_ZYGOTE_TERMINATION_STATUS)
    {
      child = nb_relay_children_find_pid (&relay->children, relay->asked_pid);
      if (nb_zygote_status_reply_decode (packet->bytes, packet->size, &status) == 0
          && status.status != NB_ZYGOTE_STILL_RUNNING && child != NULL
          && child_collected (relay, child) < 0)
        return -EPIPE;
    }
  if (relay->asked == NB_ZYGOTE_FORK)
    {
      child = nb_relay_children_find (&relay->children, relay->born);
      if (child != NULL
          && (nb_zygote_fork_reply_decode (packet->bytes, packet->size, &fork_reply) < 0
              || fork_reply.pid <= 0 || fork_reply.pid != child->browser_pid)
          && child_collected (relay, child) < 0)
        return -EPIPE;
    }
  return set_state (relay, RELAY_IDLE);
}

/* BOOT and hello are sent by plain text, with their NUL. */
static int
greet (NbRelay *relay, const NbPacket *packet)
{
  const char *expected = relay->greetings_left == 2 ? NB_ZYGOTE_BOOT : NB_ZYGOTE_HELLO;
  NbMessage message = { .type = NB_MESSAGE_SAY, .serial = relay->greetings_left };

  if (relay->greetings_left == 0 || packet->size != strlen (expected) + 1
      || memcmp (packet->bytes, expected, packet->size) != 0)
    return -EPIPE;
  relay->greetings_left--;
  message.text = (NbSlice){ (const char *)packet->bytes, packet->size };
  return nb_message_send (relay->link, &message, NULL, 0);
}

static int
serve_zygote (NbRelay *relay)
{
  static NbPacket packet;
  int result = nb_channel_receive (relay->zygote, &packet);

  if (result <= 0)
    return result == -EAGAIN ? 0 : -EPIPE;
  if (packet.n_fds > 0 || packet.size > NB_RELAY_MAX_ANSWER)
    result = -EPIPE;
  else if (relay->state == RELAY_GREETING)
    result = greet (relay, &packet);
  else if (relay->state == RELAY_ANSWER)
    result = handle_answer (relay, &packet);
  else if ((relay->state == RELAY_PING || relay->state == RELAY_REAL_PID)
           && !relay->answered_early)
    {
      relay->answered_early = true;
      result = forward (relay->browser, &packet);
    }
  else
    result = -EPIPE; /* nobody asked */
  nb_packet_clear (&packet);
  return result < 0 ? -EPIPE : 0;
}

/* --- the link --- */

static int
serve_link (NbRelay *relay)
{
  static NbPacket packet;
  static NbMessage message;
  NbRelayChild *child;
  int result = nb_channel_receive (relay->link, &packet);

  if (result == -EAGAIN)
    return 0;
  result = result > 0 ? nb_message_decode (&packet, &message) : -EPIPE;
  nb_packet_clear (&packet);
  if (result < 0 || (message.type == NB_MESSAGE_RESULT && message.result.error != 0))
    return -EPIPE;
  if (message.type == NB_MESSAGE_RESULT)
    return relay->state == RELAY_GREETING && relay->greetings_left == 0
                   && message.serial == 1
               ? set_state (relay, RELAY_IDLE)
               : 0;
  if (message.type != NB_MESSAGE_KILL)
    return -EPIPE;
  child = nb_relay_children_find (&relay->children, message.child);
  if (child != NULL && child->pidfd >= 0)
    (void)syscall (SYS_pidfd_send_signal, child->pidfd, message.signal, NULL, 0);
  return 0;
}

/* --- for the controller --- */

bool
nb_relay_owns (const NbRelay *relay, int fd)
{
  return fd == relay->browser || fd == relay->zygote || fd == relay->link
         || fd == relay->oracle
         || nb_relay_children_find_pidfd (&relay->children, fd) != NULL;
}

static int
serve (NbRelay *relay, int fd)
{
  NbRelayChild *child;

  if (fd == relay->browser)
    return serve_browser (relay);
  if (fd == relay->zygote)
    return serve_zygote (relay);
  if (fd == relay->link)
    return serve_link (relay);
  if (fd == relay->oracle)
    return serve_oracle (relay);
  child = nb_relay_children_find_pidfd (&relay->children, fd);
  return child != NULL ? child_ended (relay, child) : 0;
}

int
nb_relay_serve (NbRelay *relay, int fd)
{
  return serve (relay, fd) < 0 ? -EPIPE : 0;
}

pid_t
nb_relay_find_child (const NbRelay *relay, int32_t browser_pid)
{
  const NbRelayChild *child = nb_relay_children_find_pid (&relay->children, browser_pid);

  return child != NULL && child->pidfd >= 0 ? child->pid : 0;
}

int
nb_relay_find_pidfd (const NbRelay *relay, int32_t browser_pid)
{
  const NbRelayChild *child = nb_relay_children_find_pid (&relay->children, browser_pid);

  return child != NULL ? child->pidfd : -1;
}

int32_t
nb_relay_find_stand_in (const NbRelay *relay, pid_t pid)
{
  for (size_t i = 0; i < relay->children.n; i++)
    if (relay->children.items[i].pid == pid && relay->children.items[i].pidfd >= 0)
      return relay->children.items[i].browser_pid;
  return 0;
}

NbRelay *
nb_relay_new (int browser, int link, bool greets, const NbLoop *loop, int *zygote_end_out)
{
  NbRelay *relay = calloc (1, sizeof *relay);
  int ends[2];

  if (relay == NULL)
    return NULL;
  *relay = (NbRelay){ .loop = loop, .browser = browser, .link = link };
  relay->zygote = relay->oracle = relay->browsers_oracle = -1;
  relay->greetings_left = greets ? 2 : 0;
  errno = -nb_channel_pair (ends);
  if (errno == 0)
    {
      (void)fcntl (ends[0], F_SETFL, O_NONBLOCK);
      (void)fcntl (browser, F_SETFL, O_NONBLOCK);
      (void)fcntl (link, F_SETFL, O_NONBLOCK);
      relay->zygote = ends[0];
      *zygote_end_out = ends[1];
      errno = -loop->watch (relay->zygote);
    }
  if (errno == 0)
    errno = -loop->watch (link);
  if (errno == 0 && !greets)
    errno = -set_state (relay, RELAY_IDLE);
  if (errno == 0)
    return relay;
  relay->browser = relay->link = -1; /* stay the caller's */
  nb_relay_free (relay);
  return NULL;
}

void
nb_relay_free (NbRelay *relay)
{
  drop_oracles (relay);
  nb_fd_clear (&relay->browser);
  nb_fd_clear (&relay->zygote);
  nb_fd_clear (&relay->link);
  nb_relay_children_clear (&relay->children);
  free (relay);
}

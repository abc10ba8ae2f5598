/* SPDX-License-Identifier: BSD-3-Clause */
/* What can be said on sockets that were inherited, in another child's name. */
#include "tests/attack/channels.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/attack/attack.h"
#include "zygote/wire/message.h"

enum
{
  ANSWER_MS = 300, /* a controller that obeys answers in less than one */
  LAST_FD = 255,
};

static bool
hit (const NbVictimState *before, const NbVictimState *after)
{
  return after->signals > before->signals || after->zygote_signals > before->zygote_signals;
}

static bool
await (int fd)
{
  struct pollfd ready = { .fd = fd, .events = POLLIN };

  return poll (&ready, 1, ANSWER_MS) == 1 && (ready.revents & POLLIN) != 0;
}

/* Does it on every inherited socket of the controller's kind, until it works on one. */
static int
on_each_channel (const NbScene *scene, int (*attempt) (const NbScene *scene, int fd))
{
  int result = -EBADF;

  for (int fd = STDERR_FILENO + 1; fd <= LAST_FD && result < 0; fd++)
    if (nb_fd_is_socket (fd, SOCK_SEQPACKET))
      result = attempt (scene, fd);
  return result;
}

/* --- a request of the broker's --- */

static int
send_kill (int fd, uint32_t child)
{
  NbMessage message = { .type = NB_MESSAGE_KILL, .serial = 1, .child = child };
  char answer;
  int result;

  message.signal = NB_ATTACK_SIGNAL;
  result = nb_message_send (fd, &message, NULL, 0);
  if (result < 0)
    return result;
  if (!await (fd))
    return -ETIMEDOUT;
  return nb_attack_result (recv (fd, &answer, sizeof answer, MSG_DONTWAIT));
}

/* The controller's first child is the zygote; its others are unknown here. */
static int
forge_kill_on (const NbScene *scene, int fd)
{
  int result = send_kill (fd, 1);

  return result < 0 ? result : send_kill (fd, (uint32_t)scene->victim);
}

static int
forge_kill (const NbScene *scene)
{
  return on_each_channel (scene, forge_kill_on);
}

/* --- a request at the door --- */

/* struct cmsghdr, whose data is part of what follows. Words have 64 bits. */
typedef struct
{
  size_t length;
  int level, type;
} ControlHead;

typedef struct
{
  ControlHead rights;
  int end, padding;
  ControlHead credentials;
  struct ucred who;
} Control;

_Static_assert(sizeof (ControlHead) == CMSG_LEN (0), "layout");
_Static_assert(offsetof (Control, credentials) == CMSG_SPACE (sizeof (int)), "layout");

/* "L" with one end of a pair, in the name of `sender`; 0: nobody is named. */
static int
send_as (int fd, int end, pid_t sender)
{
  Control control = {
    .rights = { CMSG_LEN (sizeof end), SOL_SOCKET, SCM_RIGHTS },
    .end = end,
    .credentials = { CMSG_LEN (sizeof control.who), SOL_SOCKET, SCM_CREDENTIALS },
    .who = { .pid = sender, .uid = getuid (), .gid = getgid () },
  };
  struct iovec text = { (char *)"L", 1 };
  struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1, .msg_control = &control };

  message.msg_controllen = sender == 0 ? offsetof (Control, credentials) : sizeof control;
  return nb_attack_result (sendmsg (fd, &message, MSG_NOSIGNAL));
}

/* 0 when a descriptor came back. */
static int
knock (int fd, pid_t sender)
{
  static NbPacket packet;
  nb_autofd ours = -1, theirs = -1;
  int ends[2], result = nb_channel_pair (ends);

  if (result < 0)
    return result;
  ours = ends[0];
  theirs = ends[1];
  result = send_as (fd, theirs, sender);
  nb_fd_clear (&theirs);
  if (result < 0)
    return result;
  if (!await (ours) || nb_channel_receive (ours, &packet) <= 0 || packet.n_fds != 1)
    return -ETIMEDOUT;
  nb_packet_clear (&packet);
  return 0;
}

static int
knock_on (const NbScene *scene, int fd)
{
  (void)scene;
  return knock (fd, 0);
}

static int
knock_at_door (const NbScene *scene)
{
  return on_each_channel (scene, knock_on);
}

static int
knock_as_victim_on (const NbScene *scene, int fd)
{
  return knock (fd, scene->victim);
}

static int
knock_as_victim (const NbScene *scene)
{
  return on_each_channel (scene, knock_as_victim_on);
}

/* --- a controller that trusts whoever writes to it --- */

static void
obey (int fd, NbPacket *packet)
{
  static NbMessage message;
  nb_autofd list = -1;

  if (packet->size == 1 && packet->n_fds == 1)
    {
      list = open ("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
      (void)nb_channel_send (packet->fds[0], "L", 1, &list, 1);
    }
  else if (nb_message_decode (packet, &message) == 0 && message.type == NB_MESSAGE_KILL)
    {
      (void)kill ((pid_t)message.child, message.signal);
      (void)nb_channel_send (fd, "done", 4, NULL, 0);
    }
}

void
nb_attack_trusting_controller (int fd)
{
  static NbPacket packet;

  while (nb_channel_receive (fd, &packet) > 0)
    {
      obey (fd, &packet);
      nb_packet_clear (&packet);
    }
}

static const NbAttack attacks[] = {
  { "KILL in the broker's name", NB_TARGET_SIBLING, forge_kill, hit },
  { "knock at the door", NB_TARGET_SIBLING, knock_at_door, NULL },
  { "knock in the sibling's name", NB_TARGET_SIBLING, knock_as_victim, NULL },
};

const NbAttackTable nb_attacks_on_channels = NB_ATTACK_TABLE (attacks);

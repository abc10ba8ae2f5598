/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/chrome-sandbox/nursery.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "zygote/wire/message.h"

enum
{
  MAX_STAND_INS = 4096,
  LINK_FD = STDERR_FILENO + 1, /* the only descriptor that a stand-in keeps */
};

typedef struct
{
  uint32_t id; /* of the child */
  pid_t pid;   /* ours to collect, so it is not used again before */
  int pidfd;   /* -1 once its death was seen */
} StandIn;

struct _NbNursery
{
  int link, control, epoll, signals; /* owned */
  StandIn *items;
  size_t n, allocated;
};

static int
watch (NbNursery *nursery, int fd)
{
  struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

  return epoll_ctl (nursery->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int
pass_signal (int link, uint32_t child, int number)
{
  NbMessage message = { .type = NB_MESSAGE_KILL, .child = child, .signal = number };

  return nb_message_send (link, &message, NULL, 0);
}

/* --- in a stand-in: async-signal-safe ---
 *
 * Every signal that can be blocked is waited for and passed on; what the child makes of
 * it is the child's affair.
 */

static _Noreturn void
stand_in (int link, int oracle, uint32_t child, pid_t parent)
{
  sigset_t all;

  (void)prctl (PR_SET_NAME, "nestbox-standin");
  if (prctl (PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid () != parent)
    _exit (1);
  sigfillset (&all);
  if (sigprocmask (SIG_BLOCK, &all, NULL) < 0
      || nb_channel_send (oracle, NB_ZYGOTE_PING, sizeof NB_ZYGOTE_PING, NULL, 0) < 0
      || (link != LINK_FD && dup3 (link, LINK_FD, O_CLOEXEC) < 0)
      || nb_fd_close_from (LINK_FD + 1) < 0)
    _exit (1);
  for (;;)
    {
      int number = sigwaitinfo (&all, NULL);

      if (number > 0 && number != SIGCHLD)
        (void)pass_signal (LINK_FD, child, number);
    }
}

/* --- in the nursery --- */

static StandIn *
find (NbNursery *nursery, uint32_t id)
{
  for (size_t i = 0; i < nursery->n; i++)
    if (nursery->items[i].id == id)
      return &nursery->items[i];
  return NULL;
}

static int
reserve (NbNursery *nursery)
{
  size_t wanted = nursery->allocated == 0 ? 16 : nursery->allocated * 2;
  StandIn *items;

  if (nursery->n < nursery->allocated)
    return 0;
  if (nursery->n >= MAX_STAND_INS)
    return -ENOSPC;
  items = reallocarray (nursery->items, wanted, sizeof *items);
  if (items == NULL)
    return -ENOMEM;
  nursery->items = items;
  nursery->allocated = wanted;
  return 0;
}

/* The caller drops the oracle: without a stand-in the browser sees it end, unpinged. */
static int
make (NbNursery *nursery, uint32_t id, int oracle)
{
  int result = find (nursery, id) != NULL ? -EEXIST : reserve (nursery);
  pid_t self = getpid (), pid;

  if (result < 0)
    return result;
  pid = fork ();
  if (pid < 0)
    return -errno;
  if (pid == 0)
    stand_in (nursery->link, oracle, id, self);
  nursery->items[nursery->n++]
      = (StandIn){ .id = id, .pid = pid, .pidfd = (int)syscall (SYS_pidfd_open, pid, 0) };
  return watch (nursery, nursery->items[nursery->n - 1].pidfd);
}

static void
end (NbNursery *nursery, StandIn *item)
{
  (void)kill (item->pid, SIGKILL);
  (void)waitpid (item->pid, NULL, 0);
  nb_fd_clear (&item->pidfd);
  *item = nursery->items[--nursery->n];
}

/* Killed by a signal that nothing can catch: its zombie stays until end(). */
static void
serve_death (NbNursery *nursery, int pidfd)
{
  for (size_t i = 0; i < nursery->n; i++)
    if (nursery->items[i].pidfd == pidfd)
      {
        (void)epoll_ctl (nursery->epoll, EPOLL_CTL_DEL, pidfd, NULL);
        nb_fd_clear (&nursery->items[i].pidfd);
        (void)pass_signal (nursery->link, nursery->items[i].id, SIGKILL);
        return;
      }
}

/* SIGSTOP cannot be caught either, but its continuation can. */
static void
serve_stops (NbNursery *nursery)
{
  struct signalfd_siginfo info;

  while (read (nursery->signals, &info, sizeof info) == sizeof info)
    for (size_t i = 0; i < nursery->n && info.ssi_code == CLD_STOPPED; i++)
      if (nursery->items[i].pid == (pid_t)info.ssi_pid)
        (void)pass_signal (nursery->link, nursery->items[i].id, SIGSTOP);
}

/* Boot message and hello, by the process that the browser started and can see. */
static int
say (NbNursery *nursery, const NbMessage *message)
{
  NbMessage answer = { .type = NB_MESSAGE_RESULT, .serial = message->serial };
  int result = nb_channel_send (nursery->control, message->text.data, message->text.length,
                                NULL, 0);

  answer.result.error = -result;
  answer.result.detail = nb_slice ("");
  if (message->serial == 1) /* the hello; from now on the relay speaks */
    nb_fd_clear (&nursery->control);
  return nb_message_send (nursery->link, &answer, NULL, 0);
}

static int
serve_link (NbNursery *nursery)
{
  static NbPacket packet;
  static NbMessage message;
  StandIn *item;
  int result = nb_channel_receive (nursery->link, &packet);

  if (result <= 0 || nb_message_decode (&packet, &message) < 0)
    {
      if (result > 0)
        nb_packet_clear (&packet);
      return -EPIPE;
    }
  item = find (nursery, message.child);
  if (message.type == NB_MESSAGE_SAY)
    result = say (nursery, &message);
  else if (message.type == NB_MESSAGE_BORN && packet.n_fds == 1)
    (void)make (nursery, message.child, packet.fds[0]);
  else if (message.type == NB_MESSAGE_EXITED && item != NULL)
    end (nursery, item);
  nb_packet_clear (&packet);
  return result < 0 ? -EPIPE : 0;
}

int
nb_nursery_fd (const NbNursery *nursery)
{
  return nursery->epoll;
}

int
nb_nursery_serve (NbNursery *nursery)
{
  struct epoll_event event;

  if (epoll_wait (nursery->epoll, &event, 1, 0) != 1)
    return 0;
  if (event.data.fd == nursery->link)
    return serve_link (nursery);
  if (event.data.fd == nursery->signals)
    serve_stops (nursery);
  else
    serve_death (nursery, event.data.fd);
  return 0;
}

NbNursery *
nb_nursery_new (int link, int control)
{
  NbNursery *nursery = calloc (1, sizeof *nursery);
  sigset_t child;

  if (nursery == NULL)
    return NULL;
  sigemptyset (&child);
  sigaddset (&child, SIGCHLD);
  (void)sigprocmask (SIG_BLOCK, &child, NULL);
  nursery->link = link;
  nursery->control = control;
  nursery->epoll = epoll_create1 (EPOLL_CLOEXEC);
  nursery->signals = signalfd (-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  if (nursery->epoll >= 0 && nursery->signals >= 0 && watch (nursery, link) == 0
      && watch (nursery, nursery->signals) == 0)
    return nursery;
  nb_nursery_free (nursery);
  return NULL;
}

void
nb_nursery_free (NbNursery *nursery)
{
  if (nursery == NULL)
    return;
  while (nursery->n > 0)
    end (nursery, &nursery->items[0]);
  nb_fd_clear (&nursery->link);
  nb_fd_clear (&nursery->control);
  nb_fd_clear (&nursery->epoll);
  nb_fd_clear (&nursery->signals);
  free (nursery->items);
  free (nursery);
}

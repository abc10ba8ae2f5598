/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/chrome-sandbox/nursery.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "zygote/wire/message.h"

enum
{
  PAGE_BYTES = 4096,
  OLD_STACK_BYTES = 256 * 1024, /* below the stand-in's frame: of calls that returned */
  MAX_STAND_INS = 4096,
  LINK_FD = STDERR_FILENO + 1, /* the only descriptor that a stand-in keeps */
};

typedef struct
{
  uint32_t id; /* of the child */
  pid_t pid;   /* ours to collect, so it is not used again before */
  bool dead;   /* and the controller knows */
} StandIn;

/* What was received last. In pages of their own: a stand-in gives its copies back. */
_Alignas(PAGE_BYTES) static NbPacket received_packet;
_Alignas(PAGE_BYTES) static NbMessage received;

struct _NbNursery
{
  int link, control, epoll, signals; /* owned; control is -1 when nothing is to be said */
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

static void
give_back (void *start, size_t bytes)
{
  (void)madvise (start, bytes / PAGE_BYTES * PAGE_BYTES, MADV_DONTNEED);
}

/*
 * Scratch memory that the nursery will write to again, and this would keep the old of.
 * Not inlined: what is a page below this small frame must be nobody's.
 */
static __attribute__ ((noinline)) void
give_scratch_back (void)
{
  uintptr_t frame = (uintptr_t)__builtin_frame_address (0) / PAGE_BYTES * PAGE_BYTES;

  give_back (&received_packet, sizeof received_packet);
  give_back (&received, sizeof received);
  give_back ((void *)(frame - PAGE_BYTES - OLD_STACK_BYTES), OLD_STACK_BYTES);
}

static __attribute__ ((noinline)) _Noreturn void
stand_in (int link, int oracle, uint32_t child, pid_t parent)
{
  sigset_t all;

  nb_channel_set_tap (NULL); /* a trace is not its affair */
  (void)prctl (PR_SET_NAME, "nestbox-standin");
  if (prctl (PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid () != parent)
    _exit (1);
  sigfillset (&all);
  if (sigprocmask (SIG_BLOCK, &all, NULL) < 0
      || nb_channel_send (oracle, NB_ZYGOTE_PING, sizeof NB_ZYGOTE_PING, NULL, 0) < 0
      || (link != LINK_FD && dup3 (link, LINK_FD, O_CLOEXEC) < 0)
      || nb_fd_close_from (LINK_FD + 1) < 0)
    _exit (1);
  give_scratch_back ();
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
  /* Not fork(): what libc would tidy up in the child is memory of its own for nothing. */
  pid = (pid_t)syscall (SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
  if (pid < 0)
    return -errno;
  if (pid == 0)
    stand_in (nursery->link, oracle, id, self);
  nursery->items[nursery->n++] = (StandIn){ .id = id, .pid = pid };
  return 0;
}

static void
end (NbNursery *nursery, StandIn *item)
{
  (void)kill (item->pid, SIGKILL);
  while (waitpid (item->pid, NULL, 0) < 0 && errno == EINTR)
    ;
  *item = nursery->items[--nursery->n];
}

/* Killed by a signal that nothing can catch: its zombie stays until end(). */
static void
note_death (NbNursery *nursery, StandIn *item)
{
  if (item == NULL || item->dead)
    return;
  item->dead = true;
  (void)pass_signal (nursery->link, item->id, SIGKILL);
}

static pid_t
find_zombie (idtype_t type, pid_t pid)
{
  siginfo_t info = { .si_pid = 0 };
  int result = waitid (type, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);

  return result == 0 ? info.si_pid : 0;
}

/*
 * Signals of several deaths come as one, so that all are looked for; but one by one only
 * when there is a zombie, which hides others from a look at all.
 */
static void
note_deaths (NbNursery *nursery)
{
  if (find_zombie (P_ALL, 0) == 0)
    return;
  for (size_t i = 0; i < nursery->n; i++)
    if (find_zombie (P_PID, nursery->items[i].pid) != 0)
      note_death (nursery, &nursery->items[i]);
}

/* SIGSTOP cannot be caught either, but its continuation can. */
static void
note_stops (NbNursery *nursery)
{
  siginfo_t info = { .si_pid = 0 };

  while (waitid (P_ALL, 0, &info, WSTOPPED | WNOHANG) == 0 && info.si_pid != 0)
    {
      for (size_t i = 0; i < nursery->n; i++)
        if (nursery->items[i].pid == info.si_pid)
          (void)pass_signal (nursery->link, nursery->items[i].id, SIGSTOP);
      info.si_pid = 0;
    }
}

/* Signals of several children come as one, so that they only say: look. */
static void
serve_children (NbNursery *nursery)
{
  struct signalfd_siginfo info;

  while (read (nursery->signals, &info, sizeof info) == sizeof info)
    ;
  note_stops (nursery);
  note_deaths (nursery);
}

/* Boot message and hello, by the process that the browser started and can see. */
static int
say (NbNursery *nursery)
{
  NbMessage answer = { .type = NB_MESSAGE_RESULT, .serial = received.serial };
  int result = nb_channel_send (nursery->control, received.text.data, received.text.length,
                                NULL, 0);

  answer.result.error = -result;
  answer.result.detail = nb_slice ("");
  if (received.serial == 1) /* the hello; from now on the relay speaks */
    nb_fd_clear (&nursery->control);
  return nb_message_send (nursery->link, &answer, NULL, 0);
}

static int
serve_link (NbNursery *nursery)
{
  StandIn *item;
  int result = nb_channel_receive (nursery->link, &received_packet);

  if (result <= 0 || nb_message_decode (&received_packet, &received) < 0)
    {
      if (result > 0)
        nb_packet_clear (&received_packet);
      return -EPIPE;
    }
  item = find (nursery, received.child);
  if (received.type == NB_MESSAGE_SAY)
    result = say (nursery);
  else if (received.type == NB_MESSAGE_BORN && received_packet.n_fds == 1)
    (void)make (nursery, received.child, received_packet.fds[0]);
  else if (received.type == NB_MESSAGE_EXITED && item != NULL)
    end (nursery, item);
  nb_packet_clear (&received_packet);
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
  serve_children (nursery);
  return 0;
}

static NbNursery *
nursery_new (int link, int control)
{
  NbNursery *nursery = calloc (1, sizeof *nursery);
  sigset_t child;

  if (nursery == NULL)
    {
      nb_fd_clear (&link);
      nb_fd_clear (&control);
      return NULL;
    }
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

NbNursery *
nb_nursery_new (int link, int control)
{
  if (control >= 0)
    return nursery_new (link, control);
  nb_fd_clear (&link);
  return NULL;
}

NbNursery *
nb_nursery_new_silent (int link)
{
  return nursery_new (link, -1);
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

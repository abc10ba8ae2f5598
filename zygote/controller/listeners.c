/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/controller/listeners.h"

#include "seccomp/watch.h"
#include "spawn/base/fd.h"

enum
{
  MAX_LISTENERS = 64, /* one for each EXEC, while a process with its filter lives */
};

static struct
{
  int fd; /* owned */
  NbKind kind;
  pid_t pid;
  uint32_t child;
} listeners[MAX_LISTENERS];
static size_t n_listeners;

void
nb_listeners_add (int listener, NbKind kind, pid_t pid, uint32_t child, const NbLoop *loop)
{
  if (n_listeners == MAX_LISTENERS || loop->watch (listener) < 0)
    {
      nb_fd_clear (&listener);
      return;
    }
  listeners[n_listeners].fd = listener;
  listeners[n_listeners].kind = kind;
  listeners[n_listeners].pid = pid;
  listeners[n_listeners++].child = child;
}

static void
forget (size_t i, const NbLoop *loop)
{
  loop->unwatch (listeners[i].fd);
  nb_fd_clear (&listeners[i].fd);
  listeners[i] = listeners[--n_listeners];
}

bool
nb_listeners_serve (int fd, const NbLoop *loop, NbMessage *message_out)
{
  NbDenial denial;
  int result;
  size_t i = 0;

  while (i < n_listeners && listeners[i].fd != fd)
    i++;
  if (i == n_listeners)
    return false;
  result = nb_watch_serve (fd, listeners[i].kind, listeners[i].pid, &denial);
  message_out->child = listeners[i].child;
  if (result > 0)
    message_out->denied = denial;
  else if (result < 0)
    forget (i, loop);
  return true;
}

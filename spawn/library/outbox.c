/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/library/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "zygote/wire/channel.h"

struct NbOutgoing
{
  NbOutgoing *next;
  int fds[NB_CHANNEL_MAX_FDS]; /* owned */
  size_t n_fds, size;
  unsigned char bytes[];
};

static void
outgoing_free (NbOutgoing *outgoing)
{
  for (size_t i = 0; i < outgoing->n_fds; i++)
    nb_fd_clear (&outgoing->fds[i]);
  free (outgoing);
}

static int
append (NbOutbox *outbox, const void *bytes, size_t size, const int *fds, size_t n_fds)
{
  NbOutgoing *outgoing = malloc (sizeof *outgoing + size);

  if (outgoing == NULL)
    return -ENOMEM;
  outgoing->next = NULL;
  outgoing->size = size;
  memcpy (outgoing->bytes, bytes, size);
  for (outgoing->n_fds = 0; outgoing->n_fds < n_fds; outgoing->n_fds++)
    {
      int copy = nb_fd_dup (fds[outgoing->n_fds], STDERR_FILENO + 1);

      if (copy < 0)
        {
          outgoing_free (outgoing);
          return copy;
        }
      outgoing->fds[outgoing->n_fds] = copy;
    }
  if (outbox->last != NULL)
    outbox->last->next = outgoing;
  else
    outbox->first = outgoing;
  outbox->last = outgoing;
  return 0;
}

int
nb_outbox_send (NbOutbox *outbox, int socket, const void *bytes, size_t size,
                const int *fds, size_t n_fds)
{
  int result
      = outbox->first == NULL ? nb_channel_send (socket, bytes, size, fds, n_fds) : -EAGAIN;

  /* ETOOMANYREFS: descriptors that nobody has received yet; unix(7). */
  return result == -EAGAIN || result == -ETOOMANYREFS
             ? append (outbox, bytes, size, fds, n_fds)
             : result;
}

void
nb_outbox_flush (NbOutbox *outbox, int socket)
{
  while (outbox->first != NULL)
    {
      NbOutgoing *first = outbox->first;
      int result
          = nb_channel_send (socket, first->bytes, first->size, first->fds, first->n_fds);

      if (result == -EAGAIN || result == -ETOOMANYREFS)
        return;
      outbox->first = first->next;
      if (outbox->first == NULL)
        outbox->last = NULL;
      outgoing_free (first);
    }
}

bool
nb_outbox_is_empty (const NbOutbox *outbox)
{
  return outbox->first == NULL;
}

void
nb_outbox_clear (NbOutbox *outbox)
{
  while (outbox->first != NULL)
    {
      NbOutgoing *next = outbox->first->next;

      outgoing_free (outbox->first);
      outbox->first = next;
    }
  outbox->last = NULL;
}

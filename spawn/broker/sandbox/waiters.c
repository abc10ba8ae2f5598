/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/sandbox/waiters.h"

typedef struct
{
  NbSettled settled;
  gpointer data;
} Waiter;

void
nb_waiters_add (NbWaiters *waiters, NbSettled settled, gpointer data)
{
  Waiter *waiter = g_new (Waiter, 1);

  *waiter = (Waiter){ .settled = settled, .data = data };
  *waiters = g_list_append (*waiters, waiter);
}

void
nb_waiters_tell (NbWaiters *waiters, const char *reason)
{
  while (*waiters != NULL)
    {
      g_autofree Waiter *waiter = (*waiters)->data;

      *waiters = g_list_delete_link (*waiters, *waiters);
      waiter->settled (waiter->data, reason);
    }
}

void
nb_waiters_forget (NbWaiters *waiters, gpointer data)
{
  for (GList *at = *waiters, *next; at != NULL; at = next)
    {
      next = at->next;
      if (((Waiter *)at->data)->data != data)
        continue;
      g_free (at->data);
      *waiters = g_list_delete_link (*waiters, at);
    }
}

void
nb_waiters_clear (NbWaiters *waiters)
{
  g_list_free_full (*waiters, g_free);
  *waiters = NULL;
}

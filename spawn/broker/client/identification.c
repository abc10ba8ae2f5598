/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/client/identification.h"

#include <errno.h>

#include "spawn/base/fd.h"
#include "spawn/base/pidfd.h"
#include "spawn/broker/pid-translation.h"

struct _NbIdentification
{
  NbSandboxes *sandboxes; /* borrowed */
  int pidfd;              /* owned */
  gint32 stand_in;        /* its PID, if it lives in the app itself; else 0 */
  gboolean is_done;
  guint asked;        /* how many of them were */
  NbSandbox *current; /* borrowed; that which is asked now */
  void (*answer) (gpointer, const NbIdentity *, NbSandbox *);
  gpointer data;
};

/* What was told of it holds only if it has not ended meanwhile. */
static void
tell (NbIdentification *identification, NbIdentity *identity)
{
  if (identity->error != EBADF && !nb_pidfd_is_alive (identification->pidfd))
    *identity = (NbIdentity){ .error = ESRCH };
  if (identity->error != 0)
    identity->instance = nb_slice ("");
  nb_fd_clear (&identification->pidfd);
  identification->is_done = TRUE;
  identification->answer (identification->data, identity, identification->current);
}

static void ask_next (NbIdentification *identification);

static void
identified_cb (gpointer data, int error)
{
  NbIdentification *identification = data;
  NbIdentity identity = { 0 };

  (void)error;
  if (nb_sandbox_describe_identity (identification->current, &identity))
    tell (identification, &identity);
  else
    ask_next (identification);
}

static void
ask_next (NbIdentification *identification)
{
  NbIdentity none = { .error = ENOENT };

  while (identification->asked < nb_sandboxes_count (identification->sandboxes))
    {
      identification->current
          = nb_sandboxes_get (identification->sandboxes, identification->asked++);
      if (identification->current == NULL)
        continue;
      nb_sandbox_identify (identification->current, identification->pidfd,
                           identification->stand_in, identified_cb, identification);
      return;
    }
  identification->current = NULL;
  tell (identification, &none);
}

NbIdentification *
nb_identification_new (NbSandboxes *sandboxes, int pidfd,
                       void (*answer) (gpointer, const NbIdentity *, NbSandbox *),
                       gpointer data)
{
  NbIdentification *identification = g_new0 (NbIdentification, 1);

  identification->sandboxes = sandboxes;
  identification->pidfd = pidfd;
  identification->answer = answer;
  identification->data = data;
  return identification;
}

/*
 * A process of the app is nobody's child in a sub-sandbox, and no pidfd of one is sent
 * there; but it may stand in for one. Its PID is its own as long as it lives: tell().
 */
void
nb_identification_start (NbIdentification *identification)
{
  pid_t pid = nb_pidfd_get_pid (identification->pidfd);
  NbIdentity bad = { .error = EBADF };

  if (pid > 0 && nb_pid_is_here (pid))
    identification->stand_in = pid;
  if (pid == -EBADF)
    tell (identification, &bad);
  else
    ask_next (identification);
}

gboolean
nb_identification_is_done (const NbIdentification *identification)
{
  return identification->is_done;
}

void
nb_identification_free (NbIdentification *identification)
{
  if (identification == NULL)
    return;
  if (identification->current != NULL && !identification->is_done)
    nb_sandbox_forget (identification->current, identification);
  nb_fd_clear (&identification->pidfd);
  g_free (identification);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/denials.h"

#include <glib-unix.h>
#include <string.h>

#include "seccomp/watch.h"
#include "spawn/base/fd.h"
#include "spawn/base/log.h"

typedef struct
{
  NbKind kind;
  pid_t child;
} Watched;

void
nb_denials_log (const NbDenial *denied)
{
  const guint64 *arguments = denied->arguments;
  const char *error = strerrorname_np (denied->error);

  nb_log_debug (NB_LOG_SECCOMP,
                "%s pid=%d: %s %d (0x%" G_GINT64_MODIFIER "x, 0x%" G_GINT64_MODIFIER
                "x, 0x%" G_GINT64_MODIFIER "x, 0x%" G_GINT64_MODIFIER
                "x) = %s, called before 0x%" G_GINT64_MODIFIER "x",
                nb_kind_name (denied->kind), denied->pid,
                nb_watch_call_name (denied->number), denied->number, arguments[0],
                arguments[1], arguments[2], arguments[3], error != NULL ? error : "?",
                denied->address);
}

static gboolean
listener_cb (int fd, GIOCondition condition, gpointer data)
{
  Watched *watched = data;
  NbDenial denial;
  int result = nb_watch_serve (fd, watched->kind, watched->child, &denial);

  (void)condition;
  if (result < 0)
    {
      nb_fd_clear (&fd);
      g_free (watched);
      return G_SOURCE_REMOVE;
    }
  if (result == 0)
    return G_SOURCE_CONTINUE;
  nb_denials_log (&denial);
  return G_SOURCE_CONTINUE;
}

void
nb_denials_watch (int listener, NbKind kind, pid_t child)
{
  Watched *watched = g_new0 (Watched, 1);

  watched->kind = kind;
  watched->child = child;
  (void)g_unix_fd_add (listener, G_IO_IN | G_IO_HUP, listener_cb, watched);
}

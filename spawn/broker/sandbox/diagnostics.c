/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/sandbox/diagnostics.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"

enum
{
  LINE_MAX_BYTES = 400, /* more of one line is cut off */
  CHUNK_BYTES = 1024,
  MAX_CHUNKS = 128, /* read in one go: twice what a pipe holds, for a writer that goes on */
};

struct _NbDiagnostics
{
  int pipe; /* read end, non-blocking */
  guint source;
  GString *line; /* unfinished */
  char *last;    /* finished, not empty */
};

static void
finish_line (NbDiagnostics *diagnostics)
{
  if (diagnostics->line->len > 0)
    {
      nb_log_debug (NB_LOG_SANDBOX, "%s", diagnostics->line->str);
      g_free (diagnostics->last);
      diagnostics->last = g_utf8_make_valid (diagnostics->line->str, -1);
      g_string_truncate (diagnostics->line, 0);
    }
}

/* FALSE at end of file. */
static gboolean
read_some (NbDiagnostics *diagnostics)
{
  char text[CHUNK_BYTES];
  ssize_t got = read (diagnostics->pipe, text, sizeof text);

  for (ssize_t i = 0; i < got; i++)
    {
      if (text[i] == '\n')
        finish_line (diagnostics);
      else if (g_ascii_isprint (text[i]) && diagnostics->line->len < LINE_MAX_BYTES)
        g_string_append_c (diagnostics->line, text[i]);
    }
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static gboolean
pipe_cb (int fd, GIOCondition condition, gpointer data)
{
  NbDiagnostics *diagnostics = data;

  (void)fd, (void)condition;
  if (read_some (diagnostics))
    return G_SOURCE_CONTINUE;
  diagnostics->source = 0;
  return G_SOURCE_REMOVE;
}

NbDiagnostics *
nb_diagnostics_new (void)
{
  NbDiagnostics *diagnostics = g_new0 (NbDiagnostics, 1);

  diagnostics->pipe = -1;
  diagnostics->line = g_string_new (NULL);
  return diagnostics;
}

int
nb_diagnostics_open (NbDiagnostics *diagnostics)
{
  int ends[2];

  if (!g_unix_open_pipe (ends, FD_CLOEXEC, NULL))
    return -errno;
  (void)g_unix_set_fd_nonblocking (ends[0], TRUE, NULL);
  diagnostics->pipe = ends[0];
  diagnostics->source = g_unix_fd_add (ends[0], G_IO_IN | G_IO_HUP, pipe_cb, diagnostics);
  return ends[1];
}

/* What is in the pipe now was written before the end that is being explained. */
char *
nb_diagnostics_last_line (NbDiagnostics *diagnostics)
{
  if (diagnostics->pipe >= 0)
    {
      GPollFD poll = { .fd = diagnostics->pipe, .events = G_IO_IN };

      for (int i = 0; i < MAX_CHUNKS && g_poll (&poll, 1, 0) == 1
                      && (poll.revents & G_IO_IN) != 0 && read_some (diagnostics);
           i++)
        ;
      finish_line (diagnostics);
    }
  return g_strdup (diagnostics->last != NULL ? diagnostics->last : "");
}

void
nb_diagnostics_free (NbDiagnostics *diagnostics)
{
  g_clear_handle_id (&diagnostics->source, g_source_remove);
  nb_fd_clear (&diagnostics->pipe);
  g_string_free (diagnostics->line, TRUE);
  g_free (diagnostics->last);
  g_free (diagnostics);
}

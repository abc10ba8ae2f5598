/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/tool/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/macros.h"

/* ECMA-48 and xterm: other screen, cursor hidden, long lines cut off; and all of it back.
 */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"
#define HOME "\033[H"
#define REST_OF_LINE "\033[K"
#define REST_OF_SCREEN "\033[J"

enum
{
  USUAL_LINES = 24, /* of a terminal that does not tell */
};

typedef struct
{
  struct termios before;
  gboolean has_keys; /* standard input is a terminal, and `before` is how it was */
  sigset_t handled, mask_before;
  int signals; /* owned */
} Terminal;

gboolean
nb_terminal_has_colours (void)
{
  const char *no_colour = g_getenv ("NO_COLOR");

  return isatty (STDOUT_FILENO) && (no_colour == NULL || *no_colour == '\0');
}

static int
put (const char *text, gsize length)
{
  while (length > 0)
    {
      ssize_t written = write (STDOUT_FILENO, text, length);

      if (written < 0 && errno != EINTR)
        return errno;
      text += written > 0 ? written : 0;
      length -= written > 0 ? (gsize)written : 0;
    }
  return 0;
}

/* --- its state --- */

static int
enter (Terminal *terminal)
{
  struct termios keys;

  terminal->has_keys = tcgetattr (STDIN_FILENO, &terminal->before) == 0;
  keys = terminal->before;
  keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* each key at once, and not on the screen */
  if (terminal->has_keys)
    (void)tcsetattr (STDIN_FILENO, TCSANOW, &keys);
  return put (ENTER, strlen (ENTER));
}

static void
leave (const Terminal *terminal)
{
  (void)put (LEAVE, strlen (LEAVE));
  if (terminal->has_keys)
    (void)tcsetattr (STDIN_FILENO, TCSANOW, &terminal->before);
}

/* Signals are read, not handled, so that none comes while the screen is drawn. */
static int
open_signals (Terminal *terminal)
{
  static const int numbers[]
      = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP, SIGWINCH };

  sigemptyset (&terminal->handled);
  for (gsize i = 0; i < NB_ARRAY_SIZE (numbers); i++)
    sigaddset (&terminal->handled, numbers[i]);
  if (sigprocmask (SIG_BLOCK, &terminal->handled, &terminal->mask_before) < 0)
    return errno;
  terminal->signals = signalfd (-1, &terminal->handled, SFD_CLOEXEC);
  return terminal->signals < 0 ? errno : 0;
}

static void
close_signals (Terminal *terminal)
{
  nb_fd_clear (&terminal->signals);
  (void)sigprocmask (SIG_SETMASK, &terminal->mask_before, NULL);
}

/* --- a frame --- */

static gsize
count_lines (void)
{
  struct winsize size = { 0 };

  return ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row
                                                                          : USUAL_LINES;
}

/* In one write, over the last frame, so that nothing flickers. */
static int
paint (const char *frame)
{
  g_autoptr (GString) screen = g_string_new (HOME);
  g_auto (GStrv) lines = g_strsplit (frame, "\n", -1);
  gsize room = count_lines ();

  for (gsize i = 0; i < room && lines[i] != NULL; i++)
    g_string_append_printf (screen, "%s%s" REST_OF_LINE, i > 0 ? "\r\n" : "", lines[i]);
  g_string_append (screen, REST_OF_SCREEN);
  return put (screen->str, screen->len);
}

/* --- what it says --- */

static void
stop (Terminal *terminal)
{
  leave (terminal);
  (void)kill (getpid (), SIGSTOP); /* returns when it is continued */
  (void)enter (terminal);
}

/* Whether it goes on. */
static gboolean
serve_signal (Terminal *terminal)
{
  struct signalfd_siginfo info;

  if (read (terminal->signals, &info, sizeof info) != sizeof info)
    return FALSE;
  if (info.ssi_signo == SIGTSTP)
    stop (terminal);
  return info.ssi_signo == SIGTSTP || info.ssi_signo == SIGWINCH;
}

static gboolean
serve_keys (void)
{
  char keys[64];
  ssize_t n = read (STDIN_FILENO, keys, sizeof keys);

  return n > 0 && memchr (keys, 'q', (size_t)n) == NULL;
}

/* Until something is to be drawn anew; FALSE: it is the end. */
static gboolean
wait_for_change (Terminal *terminal, guint interval_ms)
{
  struct pollfd fds[2]
      = { { .fd = terminal->signals, .events = POLLIN },
          { .fd = terminal->has_keys ? STDIN_FILENO : -1, .events = POLLIN } };

  if (poll (fds, 2, (int)interval_ms) < 0)
    return errno == EINTR;
  if (fds[0].revents != 0)
    return serve_signal (terminal);
  return fds[1].revents == 0 || serve_keys ();
}

int
nb_terminal_watch (guint interval_ms, void (*draw) (GString *frame, gpointer data),
                   gpointer data)
{
  Terminal terminal = { .signals = -1 };
  int error = open_signals (&terminal);

  if (error == 0)
    error = enter (&terminal);
  while (error == 0)
    {
      g_autoptr (GString) frame = g_string_new (NULL);

      draw (frame, data);
      error = paint (frame->str);
      if (error == 0 && !wait_for_change (&terminal, interval_ms))
        break;
    }
  leave (&terminal);
  close_signals (&terminal);
  return error;
}

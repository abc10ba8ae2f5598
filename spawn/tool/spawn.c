/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox spawn: runs one program in a sub-sandbox, for what a browser executes that is no
 * child of its own: native messaging hosts, helpers, plug-in hosts. A host of libnestbox
 * like any other: its broker, and with it the program, ends when it does.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/base/macros.h"
#include "spawn/library/nestbox.h"
#include "spawn/tool/commands.h"

enum
{
  N_STREAMS = 3,
  BY_SIGNAL = 128, /* a shell's exit status for an end by a signal is above */
};

typedef struct
{
  NestboxKind kind;
  char *kind_name, *bus_policy;
  const char **words; /* the program's command line */
} Options;

typedef struct
{
  NestboxConnection *connection;
  int pipes[N_STREAMS][2]; /* in place of a terminal; -1: none */
  gboolean ended;
  int status; /* to exit with */
} Run;

/* --- command line --- */

static gboolean
find_kind (Options *options, GError **error)
{
  if (options->kind_name == NULL || g_str_equal (options->kind_name, "worker"))
    options->kind = NESTBOX_KIND_WORKER;
  else if (g_str_equal (options->kind_name, "tool"))
    options->kind = NESTBOX_KIND_TOOL;
  else
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "--kind is worker or tool, not %s", options->kind_name);
      return FALSE;
    }
  return TRUE;
}

static gboolean
parse (int *argc, char ***argv, Options *options, GError **error)
{
  const GOptionEntry entries[] = {
    { "bus-policy", 0, 0, G_OPTION_ARG_FILENAME, &options->bus_policy,
      "what it may do on the session bus: nestbox-bus-gate(1); default: it has none",
      "FILE" },
    { "kind", 0, 0, G_OPTION_ARG_STRING, &options->kind_name,
      "worker (default), or tool, which can signal what it has started", "KIND" },
    { 0 },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("PROGRAM [ARGUMENT…]");

  g_set_prgname ("nestbox spawn");
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_strict_posix (context, TRUE);
  g_option_context_set_summary (
      context,
      "Runs a program of the app in a sub-sandbox: no home, no network, no bus but what a\n"
      "policy allows. It has this command's standard input, output and errors.");
  g_option_context_set_description (
      context, "Exit status: the program's, 128 and the signal that ended it, or 125 to\n"
               "127 if it was not started, 2 usage.");
  if (!g_option_context_parse (context, argc, argv, error) || !find_kind (options, error))
    return FALSE;
  options->words = (const char **)*argv + 1;
  if (options->words[0] != NULL && g_str_equal (options->words[0], "--"))
    options->words++;
  if (options->words[0] != NULL)
    return TRUE;
  g_set_error_literal (
      error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
      "which program? nestbox spawn [--bus-policy=FILE] -- PROGRAM [ARGUMENT…]");
  return FALSE;
}

/* The library wants absolute paths, people do not. */
static gboolean
make_absolute (Options *options)
{
  char *program = g_find_program_in_path (options->words[0]);

  if (program == NULL)
    {
      nb_log_error ("%s: no such program in PATH", options->words[0]);
      return FALSE;
    }
  options->words[0] = g_canonicalize_filename (program, NULL);
  g_free (program);
  if (options->bus_policy != NULL && !g_path_is_absolute (options->bus_policy))
    {
      char *relative = options->bus_policy;

      options->bus_policy = g_canonicalize_filename (relative, NULL);
      g_free (relative);
    }
  return TRUE;
}

/* --- standard streams --- */

/*
 * What is typed at a terminal could be read, and typed, by who holds it (TIOCSTI): the
 * program has a pipe in its place, and /dev/null to read from.
 */
static gboolean
take_stream (Run *run, int number, NestboxFd *fds, size_t *n)
{
  struct stat status;
  int fd = number;

  if (fstat (number, &status) < 0 || S_ISDIR (status.st_mode))
    return TRUE;
  if (isatty (number) == 1)
    {
      if (number == STDIN_FILENO)
        return TRUE;
      if (pipe2 (run->pipes[number], O_CLOEXEC) < 0)
        return FALSE;
      (void)fcntl (run->pipes[number][0], F_SETFL, O_NONBLOCK);
      fd = run->pipes[number][1];
    }
  fds[(*n)++] = (NestboxFd){ .fd = fd, .target = number };
  return TRUE;
}

/* Whether there may be more one day. */
static gboolean
copy_stream (Run *run, int number)
{
  char bytes[4096];
  ssize_t got = read (run->pipes[number][0], bytes, sizeof bytes), done = 0;

  while (done < got)
    {
      ssize_t written = write (number, bytes + done, (size_t)(got - done));

      if (written < 0 && errno != EINTR)
        return FALSE;
      done += MAX (written, 0);
    }
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

/* What the program wrote before its end is in the pipe by then. */
static void
drain_streams (Run *run)
{
  for (int number = STDOUT_FILENO; number < N_STREAMS; number++)
    {
      struct pollfd ready = { .fd = run->pipes[number][0], .events = POLLIN };

      while (ready.fd >= 0 && poll (&ready, 1, 0) == 1 && (ready.revents & POLLIN) != 0
             && copy_stream (run, number))
        ;
    }
}

/* --- the program --- */

static int
refusal (const NestboxFailure *failure)
{
  nb_log_error ("%s", failure->text);
  if (failure->code != NESTBOX_ERROR_NO_PROGRAM)
    return NB_EXIT_REFUSED;
  return failure->error_number == ENOENT ? NB_EXIT_NOT_FOUND : NB_EXIT_CANNOT_EXECUTE;
}

static int
exit_status (int wait_status)
{
  return WIFSIGNALED (wait_status) ? BY_SIGNAL + WTERMSIG (wait_status)
                                   : WEXITSTATUS (wait_status);
}

static gboolean
launch (Run *run, const Options *options)
{
  NestboxFd fds[N_STREAMS];
  NestboxLaunch request = { .kind = options->kind,
                            .argv = options->words,
                            .fds = fds,
                            .bus_policy = options->bus_policy };
  NestboxFailure failure;

  for (int number = 0; number < N_STREAMS; number++)
    if (!take_stream (run, number, fds, &request.n_fds))
      {
        nb_log_error ("no pipe in place of the terminal: %s", g_strerror (errno));
        return FALSE;
      }
  if (nestbox_connection_launch (run->connection, &request, &failure) == 0)
    {
      run->status = refusal (&failure);
      return FALSE;
    }
  for (int number = 0; number < N_STREAMS; number++)
    nb_fd_clear (&run->pipes[number][1]);
  return TRUE;
}

static void
dispatch (Run *run)
{
  NestboxEvent event;

  while (!run->ended && nestbox_connection_dispatch (run->connection, &event) == 1)
    {
      run->ended = event.type == NESTBOX_EVENT_EXITED || event.type == NESTBOX_EVENT_FAILED
                   || event.type == NESTBOX_EVENT_CLOSED;
      if (event.type == NESTBOX_EVENT_EXITED)
        run->status = exit_status (event.wait_status);
      else if (run->ended)
        run->status = refusal (&event.failure);
    }
}

static void
wait_for_end (Run *run)
{
  while (!run->ended)
    {
      struct pollfd ready[] = {
        { .fd = nestbox_connection_get_fd (run->connection), .events = POLLIN },
        { .fd = run->pipes[STDOUT_FILENO][0], .events = POLLIN },
        { .fd = run->pipes[STDERR_FILENO][0], .events = POLLIN },
      };

      if (poll (ready, NB_ARRAY_SIZE (ready), -1) < 0)
        continue;
      for (int number = STDOUT_FILENO; number < N_STREAMS; number++)
        if (ready[number].revents != 0 && !copy_stream (run, number))
          nb_fd_clear (&run->pipes[number][0]);
      if (ready[0].revents != 0)
        dispatch (run);
    }
  drain_streams (run);
}

static int
spawn (const Options *options)
{
  Run run = { .pipes = { { -1, -1 }, { -1, -1 }, { -1, -1 } }, .status = NB_EXIT_REFUSED };
  NestboxFailure failure;

  run.connection = nestbox_connection_open (&failure);
  if (run.connection == NULL)
    return refusal (&failure);
  if (launch (&run, options))
    wait_for_end (&run);
  nestbox_connection_close (run.connection);
  for (int number = 0; number < N_STREAMS; number++)
    {
      nb_fd_clear (&run.pipes[number][0]);
      nb_fd_clear (&run.pipes[number][1]);
    }
  return run.status;
}

int
nb_command_spawn (int argc, char **argv)
{
  Options options = { .kind = NESTBOX_KIND_WORKER };
  g_autoptr (GError) error = NULL;
  int status = NB_EXIT_USAGE;

  if (!parse (&argc, &argv, &options, &error))
    nb_log_error ("%s", error->message);
  else
    status = make_absolute (&options) ? spawn (&options) : NB_EXIT_NOT_FOUND;
  g_free (options.kind_name);
  g_free (options.bus_policy);
  return status;
}

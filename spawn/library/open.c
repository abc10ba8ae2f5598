/* SPDX-License-Identifier: BSD-3-Clause */
/* A broker of the host's own: no child of it, and ended by the end of either. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/flatpak-level.h"
#include "spawn/library/connection.h"
#include "spawn/library/failure.h"
#include "zygote/wire/channel.h"

#if !defined(NB_BINDIR)
#  error "where nestbox is installed is not defined"
#endif

enum
{
  CLIENT_FD = STDERR_FILENO + 1, /* as `nestbox broker` expects them */
  HOST_FD,
  ERROR_FD,
  FIRST_UNUSED_FD,
};

const char *
nestbox_version (void)
{
  return NB_VERSION;
}

NestboxLevel
nestbox_level (NestboxFailure *failure)
{
  NbFlatpakInfo info = { .level = NB_FLATPAK_NONE };
  int result = nb_flatpak_info_read (NB_FLATPAK_INFO, &info);

  if (result == 0)
    return (NestboxLevel)info.level;
  nb_failure_set (failure, NESTBOX_ERROR_UNAVAILABLE, -result, NB_FLATPAK_INFO,
                  "start the app anew, by flatpak run", "%s", "");
  return NESTBOX_LEVEL_UNKNOWN;
}

/* --- between fork and exec: async-signal-safe, no allocation --- */

typedef struct
{
  const char *program;
  int client, host, error; /* borrowed */
  sigset_t none;
} Start;

/*
 * A fork without a signal at its end, which no handler of the host's and no waitpid(2) of
 * its own sees; and without the handlers of pthread_atfork(3), of which nothing is called.
 */
static pid_t
silent_fork (void)
{
  return (pid_t)syscall (SYS_clone, 0, NULL, NULL, NULL, NULL);
}

static void
tell (int error_fd, int error)
{
  (void)!write (error_fd, &error, sizeof error);
}

/* All sources first go above the targets: one may have another's number. */
static void
map_fds (const Start *start)
{
  int nothing = open ("/dev/null", O_RDWR | O_CLOEXEC);
  int client = nb_fd_dup (start->client, FIRST_UNUSED_FD);
  int host = nb_fd_dup (start->host, FIRST_UNUSED_FD);
  int error = nb_fd_dup (start->error, FIRST_UNUSED_FD);

  if (nothing < 0 || client < 0 || host < 0 || error < 0)
    {
      tell (start->error, errno);
      _exit (127);
    }
  if (dup2 (nothing, STDIN_FILENO) < 0 || dup2 (nothing, STDOUT_FILENO) < 0
      || dup2 (client, CLIENT_FD) < 0 || dup2 (host, HOST_FD) < 0
      || dup3 (error, ERROR_FD, O_CLOEXEC) < 0 || nb_fd_close_from (FIRST_UNUSED_FD) < 0)
    _exit (127);
}

static _Noreturn void
become_broker (const Start *start)
{
  static const char *const argv[] = { "nestbox", "broker", NULL };

  for (int number = 1; number < NSIG; number++)
    (void)signal (number, SIG_DFL);
  (void)sigprocmask (SIG_SETMASK, &start->none, NULL);
  map_fds (start);
  execve (start->program, (char *const *)argv, environ);
  tell (ERROR_FD, errno);
  _exit (127);
}

/* Forks twice: what is executed belongs to whoever collects orphans. */
static _Noreturn void
leave (const Start *start)
{
  pid_t pid;

  (void)setsid ();
  pid = silent_fork ();
  if (pid == 0)
    become_broker (start);
  if (pid < 0)
    tell (start->error, errno);
  _exit (0);
}

/* --- in the host --- */

/* 0, or a positive errno once it is known that nothing was executed. */
static int
start_process (Start *start, int error_reader)
{
  sigset_t all, before;
  int error = 0;
  pid_t pid;

  (void)sigfillset (&all);
  (void)sigemptyset (&start->none);
  (void)pthread_sigmask (SIG_SETMASK, &all, &before); /* no handler runs in the fork */
  pid = silent_fork ();
  if (pid == 0)
    leave (start);
  if (pid < 0)
    error = errno;
  (void)pthread_sigmask (SIG_SETMASK, &before, NULL);
  nb_fd_clear (&start->error);
  while (pid > 0 && waitpid (pid, NULL, __WALL) < 0 && errno == EINTR)
    ;
  while (pid > 0 && read (error_reader, &error, sizeof error) < 0 && errno == EINTR)
    ;
  return error;
}

NestboxConnection *
nb_connection_start_broker (const char *program, NestboxFailure *failure)
{
  nb_autofd ours = -1, theirs = -1, reader = -1,
            host = (int)syscall (SYS_pidfd_open, getpid (), 0);
  int ends[2] = { -1, -1 }, pipe_ends[2] = { -1, -1 }, error = 0;
  Start start = { .program = program, .host = host, .error = -1 };
  NestboxConnection *connection;

  if (host < 0 || nb_channel_pair (ends) < 0 || pipe2 (pipe_ends, O_CLOEXEC) < 0)
    error = errno;
  ours = ends[0];
  theirs = ends[1];
  start.client = theirs;
  reader = pipe_ends[0];
  start.error = pipe_ends[1];
  if (error == 0)
    error = start_process (&start, reader);
  nb_fd_clear (&start.error);
  if (error != 0)
    {
      nb_failure_set (failure,
                      error == ENOENT || error == EACCES ? NESTBOX_ERROR_UNAVAILABLE
                                                         : NESTBOX_ERROR_LIMIT,
                      error, program,
                      error == ENOENT
                          ? "install nestbox with the PREFIX that the library was built for"
                          : "raise `ulimit -u` and `ulimit -n`",
                      "%s", "");
      return NULL;
    }
  connection = nb_connection_new (nb_fd_steal (&ours), failure);
  if (connection != NULL)
    nb_connection_probe (connection);
  return connection;
}

NestboxConnection *
nestbox_connection_open (NestboxFailure *failure)
{
  NestboxLevel level = nestbox_level (failure);

  if (level == NESTBOX_LEVEL_APP)
    return nb_connection_start_broker (NB_BINDIR "/nestbox", failure);
  if (level == NESTBOX_LEVEL_NONE)
    nb_failure_set (failure, NESTBOX_ERROR_NOT_IN_FLATPAK, 0, "no sub-sandbox",
                    "use another sandbox", "this process is not in Flatpak");
  else if (level == NESTBOX_LEVEL_SUB_SANDBOX)
    nb_failure_set (failure, NESTBOX_ERROR_UNAVAILABLE, EPERM, "no sub-sandbox",
                    "have the app itself open the connection",
                    "this process is in a sub-sandbox already");
  return NULL;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/library/execute.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"

enum
{
  FIRST_FD = STDERR_FILENO + 1,
  ERROR_FD = FIRST_FD + NB_EXECUTE_MAX_FDS,
  FIRST_UNUSED_FD,
};

/* --- between fork and exec: async-signal-safe, no allocation --- */

typedef struct
{
  const char *program;
  const char *const *argv;
  const int *fds; /* borrowed */
  size_t n_fds;
  int error; /* owned */
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
  int error = nb_fd_dup (start->error, FIRST_UNUSED_FD);
  int high[NB_EXECUTE_MAX_FDS] = { 0 };
  bool good = nothing >= 0 && error >= 0;

  for (size_t i = 0; good && i < start->n_fds; i++)
    good = (high[i] = nb_fd_dup (start->fds[i], FIRST_UNUSED_FD)) >= 0;
  if (!good)
    {
      tell (start->error, errno);
      _exit (127);
    }
  for (size_t i = 0; good && i < start->n_fds; i++)
    good = dup2 (high[i], FIRST_FD + (int)i) >= 0;
  if (!good || dup2 (nothing, STDIN_FILENO) < 0 || dup2 (nothing, STDOUT_FILENO) < 0
      || dup3 (error, ERROR_FD, O_CLOEXEC) < 0 || nb_fd_close_from (FIRST_UNUSED_FD) < 0)
    _exit (127);
  for (int fd = FIRST_FD + (int)start->n_fds; fd < ERROR_FD; fd++)
    (void)close (fd);
}

static _Noreturn void
become_program (const Start *start)
{
  for (int number = 1; number < NSIG; number++)
    (void)signal (number, SIG_DFL);
  (void)sigprocmask (SIG_SETMASK, &start->none, NULL);
  map_fds (start);
  execve (start->program, (char *const *)start->argv, environ);
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
    become_program (start);
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

int
nb_library_execute (const char *program, const char *const *argv, const int *fds,
                    size_t n_fds)
{
  Start start
      = { .program = program, .argv = argv, .fds = fds, .n_fds = n_fds, .error = -1 };
  nb_autofd reader = -1;
  int ends[2] = { -1, -1 }, error;

  if (n_fds > NB_EXECUTE_MAX_FDS)
    return EINVAL;
  if (pipe2 (ends, O_CLOEXEC) < 0)
    return errno;
  reader = ends[0];
  start.error = ends[1];
  error = start_process (&start, reader);
  nb_fd_clear (&start.error);
  return error;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pose-as-child [--type=TYPE] [WORD…]: takes a child of a browser's command line and has
 * what such a child must not have. Says "posing", and stays until its parent ends.
 *
 *   bus        a connection to the session bus
 *   folder     the folder /
 *   /PATH      that file, made if need be
 *   device     a terminal
 *   internet   a TCP socket
 *   filter     one more seccomp filter, which denies nothing
 *   undumpable lets nobody look into it
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/macros.h"

static int
open_bus (void)
{
  const struct sockaddr_un address
      = { .sun_family = AF_UNIX, .sun_path = "/run/flatpak/bus" };
  int fd = socket (AF_UNIX, SOCK_STREAM, 0);

  return connect (fd, (const struct sockaddr *)&address, sizeof address) < 0 ? -1 : fd;
}

static int
open_folder (void)
{
  return open ("/", O_RDONLY | O_DIRECTORY);
}

static int
open_device (void)
{
  return open ("/dev/ptmx", O_RDWR | O_NOCTTY);
}

static int
open_internet (void)
{
  int fd = socket (AF_INET, SOCK_STREAM, 0);

  return listen (fd, 1) < 0 ? -1 : fd;
}

static int
attach_filter (void)
{
  struct sock_filter allow = BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const struct sock_fprog program = { .len = 1, .filter = &allow };

  return prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int
become_undumpable (void)
{
  return prctl (PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static const struct
{
  const char *word;
  int (*take) (void);
} words[] = {
  { "bus", open_bus },         { "folder", open_folder },
  { "device", open_device },   { "internet", open_internet },
  { "filter", attach_filter }, { "undumpable", become_undumpable },
};

static int
take (const char *word)
{
  for (size_t i = 0; i < NB_ARRAY_SIZE (words); i++)
    if (strcmp (word, words[i].word) == 0)
      return words[i].take ();
  return open (word, O_RDWR | O_CREAT, 0600);
}

/* Its output is not one of the things to be found. */
static void
drop_output (void)
{
  int nothing = open ("/dev/null", O_RDWR);

  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    (void)dup2 (nothing, fd);
}

int
main (int argc, char **argv)
{
  if (nb_fd_close_from (STDERR_FILENO + 1) < 0)
    return 1;
  for (int i = 1; i < argc; i++)
    if (argv[i][0] != '-' && take (argv[i]) < 0)
      {
        perror (argv[i]);
        return 1;
      }
  if (prctl (PR_SET_PDEATHSIG, SIGKILL) < 0)
    return 1;
  (void)puts ("posing");
  (void)fflush (stdout);
  drop_output ();
  for (;;)
    (void)pause ();
}

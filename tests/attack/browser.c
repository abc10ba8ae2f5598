/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/attack/browser.h"

#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/browser-side.h"
#include "zygote/wire/channel.h"
#include "zygote/wire/zygote-command.h"

enum
{
  CONTROL_FD = 3,
  WAIT_MS = 100000,
};

/* As content/browser/zygote_host/zygote_host_impl_linux.cc launches it. */
static pid_t
launch_zygote (char **command, int *control_out)
{
  int ends[2];
  pid_t pid;

  if (nb_channel_pair (ends) < 0)
    nb_browser_die ("socketpair");
  pid = fork ();
  if (pid < 0)
    nb_browser_die ("fork");
  if (pid == 0)
    {
      if (dup2 (ends[1], CONTROL_FD) == CONTROL_FD)
        execv (command[0], command);
      nb_browser_die (command[0]);
    }
  nb_fd_clear (&ends[1]);
  *control_out = ends[0];
  return pid;
}

/*
 * Waits for the end of what never answers: a Fork of a GPU process lies unread before it,
 * wherever it is, until it has ended, and then the oracle ends.
 */
static void
wait_for_zygote (int control)
{
  static NbPickleWriter writer;
  static NbZygoteCommand command = { .type = NB_ZYGOTE_FORK };
  struct pollfd oracle = { .events = POLLIN };
  size_t size = 0;
  int ends[2];

  command.process_type = (NbSlice){ "gpu-process", strlen ("gpu-process") };
  if (nb_channel_pair (ends) < 0 || nb_zygote_command_encode (&writer, &command, &size) < 0
      || nb_channel_send (control, writer.bytes, size, &ends[1], 1) < 0)
    nb_browser_die ("fork");
  nb_fd_clear (&ends[1]);
  oracle.fd = ends[0];
  if (poll (&oracle, 1, WAIT_MS) != 1)
    nb_browser_die ("end of the zygote");
  nb_fd_clear (&ends[0]);
}

int
nb_attack_browser_main (char **arguments)
{
  int control = -1;
  pid_t pid;

  for (char **word = arguments; *word != NULL; word++)
    if (strcmp (*word, "--type=gpu-process") == 0)
      execv (arguments[0], arguments);
  pid = launch_zygote (arguments, &control);
  wait_for_zygote (control);
  nb_fd_clear (&control);
  return waitpid (pid, NULL, 0) == pid ? 0 : 1;
}

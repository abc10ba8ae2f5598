/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lib/browser-library.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "spawn/library/nestbox.h"
#include "zygote/wire/channel.h"

enum
{
  CONTROL_FD = 3,
  SANDBOX_IPC_FD = 4,
  DUMMY_FD = 7,
  WAIT_MS = 30000, /* longer than the broker's own deadlines */
  WANTED_LAYERS
  = NESTBOX_LAYER_SUB_SANDBOX | NESTBOX_LAYER_NO_NETWORK | NESTBOX_LAYER_BASE_FILTER,
};

static NestboxConnection *connection;

static _Noreturn void
die (const NestboxFailure *failure)
{
  (void)fprintf (stderr, "FATAL: %s\n", failure->text);
  exit (3);
}

static void
dispatch (int wait_ms)
{
  struct pollfd ready = { .fd = nestbox_connection_get_fd (connection), .events = POLLIN };
  NestboxEvent event;
  int result;

  if (poll (&ready, 1, wait_ms) < 0)
    nb_browser_die ("poll");
  while ((result = nestbox_connection_dispatch (connection, &event)) > 0)
    if (event.type == NESTBOX_EVENT_FAILED || event.type == NESTBOX_EVENT_UNAVAILABLE)
      die (&event.failure);
  if (result < 0)
    nb_browser_die ("the broker ended");
}

static bool
is_confirmed (NestboxHandle zygote)
{
  uint32_t layers = nestbox_connection_get_layers (connection, NESTBOX_KIND_ZYGOTE);

  return nestbox_connection_get_state (connection, zygote) == NESTBOX_STATE_RUNNING
         && (layers & WANTED_LAYERS) == WANTED_LAYERS;
}

void
nb_browser_launch_by_library (NbBrowserSide *side, char *const *command)
{
  NestboxFailure failure;
  int control[2], ipc[2], dummy[2];
  NestboxHandle zygote;

  if (nb_channel_pair (control) < 0 || nb_channel_pair (ipc) < 0
      || pipe2 (dummy, O_CLOEXEC) < 0 || nb_channel_pass_credentials (control[0]) < 0)
    nb_browser_die ("sockets");
  connection = nestbox_connection_open (&failure);
  if (connection == NULL)
    die (&failure);
  {
    const NestboxFd fds[] = { { STDOUT_FILENO, STDOUT_FILENO },
                              { STDERR_FILENO, STDERR_FILENO },
                              { control[1], CONTROL_FD },
                              { ipc[1], SANDBOX_IPC_FD },
                              { dummy[0], DUMMY_FD } };
    const NestboxLaunch launch = { .kind = NESTBOX_KIND_ZYGOTE,
                                   .argv = (const char *const *)command,
                                   .fds = fds,
                                   .n_fds = sizeof fds / sizeof fds[0] };

    zygote = nestbox_connection_launch (connection, &launch, &failure);
  }
  if (zygote == 0)
    die (&failure);
  (void)close (dummy[0]);
  (void)close (dummy[1]);
  (void)close (control[1]);
  (void)close (ipc[1]);
  while (!is_confirmed (zygote))
    dispatch (WAIT_MS);
  *side = (NbBrowserSide){ .control = control[0], .helper = -1 };
}

void
nb_browser_adjust_oom (pid_t pid, int score, int wait_ms)
{
  NestboxFailure failure;

  if (!nestbox_connection_adjust_oom (connection, pid, score, &failure))
    die (&failure);
  dispatch (wait_ms);
}

void
nb_browser_close_library (void)
{
  nestbox_connection_close (connection);
}

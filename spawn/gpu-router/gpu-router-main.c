/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the browser executes instead of its unsandboxed zygote, or of a GPU process that no
 * zygote forks. Has the broker start the GPU's in the sub-sandbox made for it, and stays:
 * to the browser it is that zygote, or that process.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/chrome-sandbox/nursery.h"
#include "spawn/chrome-sandbox/stand-in.h"
#include "spawn/client/display.h"
#include "spawn/client/trace.h"
#include "spawn/gpu-router/router.h"

#if !defined(NB_PKGLIBEXECDIR)
#  error "where nestbox is installed is not defined"
#endif

#define HELPER NB_PKGLIBEXECDIR "/nestbox-chrome-sandbox"

typedef struct
{
  char **argv;               /* of the zygote, in either place */
  char **helper_argv;        /* of the helper that becomes it */
  pid_t app_zygote;          /* 0: not started */
  NestboxConnection *broker; /* NULL: there is no GPU zygote, or not any more */
  bool asked;                /* the broker's answer is awaited */
  bool no_x11;               /* in the sub-sandbox */
  bool refusal_is_said;
  char reason[512]; /* why there is none; "" as long as there may be one */
  NestboxFailure failure;
  NbLaunch exec;
  NbOutputRelays relays;
  NbNursery *nursery; /* where PIDs are hidden */
  NbRouter *router;
} Program;

/* --- the zygote in the app --- */

/*
 * With what the browser left open for it, and the router's socket for the browser's. The
 * helper puts its filters on.
 */
static int
spawn_app_zygote (Program *program, int control)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  int error;

  (void)sigemptyset (&none);
  (void)sigfillset (&all);
  (void)posix_spawn_file_actions_init (&actions);
  (void)posix_spawnattr_init (&attributes);
  error = posix_spawn_file_actions_adddup2 (&actions, control, NB_CONTROL_FD);
  (void)posix_spawnattr_setsigmask (&attributes, &none);
  (void)posix_spawnattr_setsigdefault (&attributes, &all);
  (void)posix_spawnattr_setflags (&attributes,
                                  POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  if (error == 0)
    error = posix_spawn (&program->app_zygote, HELPER, &actions, &attributes,
                         program->helper_argv, environ);
  (void)posix_spawn_file_actions_destroy (&actions);
  (void)posix_spawnattr_destroy (&attributes);
  return -error;
}

static int
start_app_zygote (void *data)
{
  Program *program = data;
  int ends[2], result = nb_channel_pair (ends);

  if (result < 0)
    return result;
  result = spawn_app_zygote (program, ends[1]);
  nb_fd_clear (&ends[1]);
  if (result == 0)
    return ends[0];
  nb_log_error ("unsandboxed zygote not started: %s", strerror (-result));
  nb_fd_clear (&ends[0]);
  return result;
}

/* --- the zygote in the sub-sandbox --- */

/* The zygote in the app needs the rest. */
static void
drop_fds (NbLaunch *exec)
{
  for (size_t i = 0; i < exec->n_fds; i++)
    if (exec->fds[i] != exec->targets[i])
      nb_fd_clear (&exec->fds[i]);
  exec->n_fds = 0;
}

static void
drop_gpu (Program *program, const char *reason)
{
  if (program->reason[0] == '\0')
    (void)snprintf (program->reason, sizeof program->reason, "%s", reason);
  nestbox_connection_close (program->broker);
  program->broker = NULL;
  drop_fds (&program->exec);
  nb_nursery_free (program->nursery);
  program->nursery = NULL;
  nb_router_drop_gpu (program->router);
}

/* With what the browser left open, and a socket of the router's for the browser's. */
static const char *
ask_broker (Program *program, const char *path, int control)
{
  NbLaunch *exec = &program->exec;
  int result = nb_stand_in_collect_fds (exec, &program->relays);

  for (size_t i = 0; i < exec->n_fds; i++)
    if (exec->targets[i] == NB_CONTROL_FD)
      exec->fds[i] = control;
  if (result < 0)
    return "the browser left more descriptors open than fit one message";
  program->broker = path != NULL ? nb_connection_connect (path) : NULL;
  if (program->broker == NULL)
    return "the broker cannot be reached";
  nb_connection_take_links (program->broker);
  if (nb_connection_exec (program->broker, exec, &program->failure) == 0)
    return program->failure.cause;
  return NULL;
}

static void
serve_answer (Program *program)
{
  NestboxEvent event;
  int link;

  program->asked = false;
  (void)nb_connection_wait (program->broker, &event);
  if (event.type != NESTBOX_EVENT_STARTED)
    {
      program->refusal_is_said = nb_stand_in_is_said_elsewhere (&event.failure);
      drop_gpu (program, event.failure.cause);
      return;
    }
  program->no_x11 = event.no_x11;
  link = nb_connection_steal_link (program->broker, event.child);
  drop_fds (&program->exec);
  if (link >= 0)
    {
      nb_trace_follow (link, NB_TRACE_MESSAGES, "gpu-stand-ins", "nursery", "relay");
      program->nursery = nb_nursery_new_silent (link);
      if (program->nursery == NULL)
        drop_gpu (program, "no descriptors are left");
    }
}

static void
serve_broker (Program *program)
{
  NestboxEvent event;

  if (program->asked)
    serve_answer (program);
  else if (nestbox_connection_dispatch (program->broker, &event) != 0)
    drop_gpu (program, nb_connection_has_ended (program->broker) ? "the broker ended"
                                                                 : "its zygote ended");
}

/* The same line again and again would say no more. */
static bool
refuse (Program *program, const char *reason)
{
  if (!program->refusal_is_said)
    (void)nb_stand_in_refuse (NB_KIND_GPU, reason);
  program->refusal_is_said = true;
  return false;
}

static bool
has_argument (const NbZygoteCommand *fork, const char *word)
{
  for (size_t i = 0; i < fork->n_arguments; i++)
    if (fork->arguments[i].length == strlen (word)
        && memcmp (fork->arguments[i].data, word, strlen (word)) == 0)
      return true;
  return false;
}

/*
 * The browser waits for the process in any case, so the broker's answer may be waited for.
 * Without its display a GPU process would run and draw nothing, and nobody would know why.
 */
static bool
may_fork_gpu (void *data, const NbZygoteCommand *fork)
{
  Program *program = data;

  if (program->asked && program->broker != NULL)
    serve_answer (program);
  if (program->broker == NULL)
    return refuse (program, program->reason);
  if (program->no_x11 && has_argument (fork, "--ozone-platform=x11"))
    return refuse (program, "the X11 display is not in its sub-sandbox: the Flatpak portal "
                            "is older than version 3, or was started without DISPLAY; "
                            "--gpu=app does without the sub-sandbox");
  return true;
}

/* --- the loop --- */

static void
serve_nursery (Program *program)
{
  if (nb_nursery_serve (program->nursery) < 0)
    drop_gpu (program, "its zygote ended");
}

/* Until the browser closes its control socket, as a zygote. */
static void
serve (Program *program)
{
  for (;;)
    {
      struct pollfd fds[5] = {
        { .fd = nb_router_fd (program->router), .events = POLLIN },
        { .fd = program->broker != NULL ? nestbox_connection_get_fd (program->broker) : -1,
          .events = POLLIN },
        { .fd = program->nursery != NULL ? nb_nursery_fd (program->nursery) : -1,
          .events = POLLIN },
        { .fd = program->relays.items[0].pipe, .events = POLLIN },
        { .fd = program->relays.items[1].pipe, .events = POLLIN }
      };

      if (program->app_zygote > 0)
        (void)waitpid (program->app_zygote, NULL, WNOHANG);
      if (poll (fds, NB_ARRAY_SIZE (fds), -1) < 0)
        continue;
      for (int i = 0; i < 2; i++)
        if (fds[i + 3].revents != 0)
          (void)nb_output_relay_pump (&program->relays.items[i]);
      if (fds[2].revents != 0)
        serve_nursery (program);
      if (fds[1].revents != 0 && program->broker != NULL)
        serve_broker (program);
      if (fds[0].revents != 0 && nb_router_serve (program->router) < 0)
        return;
    }
}

/* The broker's path is for nobody that is started from here, but a helper that watches. */
static char *
take_broker_path (bool watched)
{
  const char *path = getenv ("NESTBOX_BROKER");
  char *copy = path != NULL ? strdup (path) : NULL;

  if (!watched)
    (void)unsetenv ("NESTBOX_BROKER");
  return copy;
}

/* --confine EXECUTABLE ARGV…: the executable is argv[0]. Kept to the end. */
static char **
make_helper_argv (char **argv, bool watched)
{
  size_t n = 0;
  char **words;

  while (argv[n] != NULL)
    n++;
  words = calloc (n + 4, sizeof *words);
  if (words == NULL)
    return NULL;
  words[0] = (char *)"nestbox-chrome-sandbox";
  words[1] = (char *)(watched ? "--watch" : "--confine");
  words[2] = argv[0];
  memcpy (words + 3, argv, n * sizeof *argv);
  return words;
}

static int
run_zygote (char **argv)
{
  static Program program = { .asked = true };
  NbRouterHooks hooks = { start_app_zygote, may_fork_gpu, &program };
  bool watched = getenv ("NESTBOX_WATCHED") != NULL;
  char *path = take_broker_path (watched);
  const char *complaint;
  int ends[2];

  (void)unsetenv ("NESTBOX_WATCHED");
  program.argv = argv;
  program.helper_argv = make_helper_argv (argv, watched);
  program.exec = (NbLaunch){ .kind = NB_KIND_UNSANDBOXED_ZYGOTE,
                             .argv = (const char *const *)argv,
                             .envp = (const char *const *)environ };
  if (program.helper_argv == NULL || nb_channel_pair (ends) < 0)
    {
      free (path);
      return nb_stand_in_refuse (NB_KIND_GPU, "no descriptors are left");
    }
  if (path != NULL)
    nb_trace_start (path);
  nb_trace_follow (NB_CONTROL_FD, NB_TRACE_ZYGOTE, "unsandboxed-zygote", "router",
                   "browser");
  complaint = ask_broker (&program, path, ends[1]);
  free (path);
  (void)nb_fd_set_cloexec (NB_CONTROL_FD, true);
  program.router = nb_router_new (NB_CONTROL_FD, ends[0], &hooks);
  if (program.router == NULL)
    return nb_stand_in_refuse (NB_KIND_GPU, "no descriptors are left");
  if (complaint != NULL)
    drop_gpu (&program, complaint);
  serve (&program);
  nestbox_connection_close (program.broker);
  nb_nursery_free (program.nursery);
  nb_router_free (program.router);
  return 0;
}

int
main (int argc, char **argv)
{
  NbKind kind = nb_kind_of_command ((const char *const *)argv);

  if (argc == 2 && strcmp (argv[1], "--look") == 0) /* for nestbox doctor */
    return (int)nb_displays_look ();
  if (argc < 3 || !nb_kind_is_for_gpu (kind))
    {
      nb_log_error ("nestbox-gpu-router is started by nestbox itself: see nestbox(1)");
      return 2;
    }
  /* The browser's terminal is not ours to end by. */
  (void)signal (SIGINT, SIG_IGN);
  (void)signal (SIGHUP, SIG_IGN);
  (void)signal (SIGPIPE, SIG_IGN);
  return kind == NB_KIND_GPU ? nb_stand_in_run (kind, argv + 1) : run_zygote (argv + 1);
}

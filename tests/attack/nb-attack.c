/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nb-attack --place=bare|app OPTION…   there
 * nb-attack --type=zygote OPTION…      in a zygote's place, and in that of its children
 * nb-attack --type=zygote --no-zygote-sandbox OPTION…
 *                                      in that of a GPU process which a zygote forks
 * nb-attack --type=gpu-process OPTION… in that of one which is executed
 * nb-attack --browser OPTION…          executes itself with these options, as a browser
 *
 * Tries every attack and prints what came of it; see runner.h. Options tell what there is
 * to attack on the host: --bus=PATH --abstract=NAME --home=FILE --data=FILE --port=N.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/attack/browser.h"
#include "tests/attack/channels.h"
#include "tests/attack/runner.h"
#include "zygote/wire/channel.h"

typedef struct
{
  const char *place, *type;
  NbHost host;
} Options;

static void
die (const char *what)
{
  (void)fprintf (stderr, "nb-attack: %s: %s\n", what, strerror (errno));
  exit (1);
}

static const char *
option (char **argv, const char *name)
{
  size_t length = strlen (name);

  for (char **word = argv + 1; *word != NULL; word++)
    if (strncmp (*word, name, length) == 0 && (*word)[length] == '=')
      return *word + length + 1;
  return "";
}

static bool
has_word (char **argv, const char *wanted)
{
  for (char **word = argv + 1; *word != NULL; word++)
    if (strcmp (*word, wanted) == 0)
      return true;
  return false;
}

static Options
parse (char **argv)
{
  return (Options){ .place = option (argv, "--place"),
                    .type = option (argv, "--type"),
                    .host = { .bus = option (argv, "--bus"),
                              .abstract = option (argv, "--abstract"),
                              .home = option (argv, "--home"),
                              .data = option (argv, "--data"),
                              .port = atoi (option (argv, "--port")) } };
}

/* As Chromium's setuid_sandbox_client.cc: ChrootMe, then the check of the namespace. */
static void
enter_chroot (void)
{
  const char *fd = getenv ("SBX_D"), *helper = getenv ("SBX_HELPER_PID");
  char answer = '\0';

  if (fd == NULL || helper == NULL || write (atoi (fd), "C", 1) != 1
      || waitpid (atoi (helper), NULL, 0) < 0 || read (atoi (fd), &answer, 1) != 1
      || answer != 'O' || getpid () != 1)
    die ("chroot");
}

static void
attack_as_zygote (const NbHost *host)
{
  static NbRunner runner;

  nb_runner_init (&runner, host);
  enter_chroot ();
  nb_runner_run (&runner, NB_PLACE_CHILD);
  nb_runner_run (&runner, NB_PLACE_ZYGOTE);
}

static void
attack_as_gpu (NbPlace place, const NbHost *host)
{
  static NbRunner runner;

  nb_runner_init (&runner, host);
  nb_runner_run (&runner, place);
}

/*
 * Where nothing of nestbox's is, its part is played: a controller that trusts its channel,
 * and a folder that is left open, as bubblewrap leaves some.
 */
static int
attack_in (NbPlace place, const NbHost *host)
{
  static NbRunner runner;
  int ends[2], status = 0;
  pid_t pid;

  if (nb_channel_pair (ends) < 0)
    die ("socketpair");
  pid = fork ();
  if (pid < 0)
    die ("fork");
  if (pid == 0)
    {
      nb_fd_clear (&ends[0]);
      if (prctl (PR_SET_PDEATHSIG, SIGKILL) < 0 || open ("/", O_RDONLY | O_DIRECTORY) < 0)
        die ("/");
      nb_runner_init (&runner, host);
      nb_runner_run (&runner, place);
      exit (0);
    }
  nb_fd_clear (&ends[1]);
  nb_attack_trusting_controller (ends[0]);
  if (waitpid (pid, &status, 0) != pid)
    die ("wait");
  return WIFEXITED (status) ? WEXITSTATUS (status) : 1;
}

int
main (int argc, char **argv)
{
  Options options = parse (argv);
  int status = 0;

  if (argc > 2 && strcmp (argv[1], "--browser") == 0)
    {
      argv[1] = argv[0];
      return nb_attack_browser_main (argv + 1);
    }
  if (strcmp (options.type, "gpu-process") == 0)
    attack_as_gpu (NB_PLACE_GPU_EXECUTED, &options.host);
  else if (strcmp (options.type, "zygote") == 0 && has_word (argv, "--no-zygote-sandbox"))
    attack_as_gpu (NB_PLACE_GPU, &options.host);
  else if (strcmp (options.type, "zygote") == 0)
    attack_as_zygote (&options.host);
  else if (strcmp (options.place, "app") == 0 || strcmp (options.place, "bare") == 0)
    status
        = attack_in (options.place[0] == 'a' ? NB_PLACE_APP : NB_PLACE_BARE, &options.host);
  else
    return 2;
  (void)printf ("done\n");
  return status;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox: `nestbox run` is here; every other command is executed from the tool. A browser
 * waits for what comes before it, so this program loads no more than that needs: not GIO.
 */
#include <errno.h>
#include <glib.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "spawn/base/exit-status.h"
#include "spawn/base/log.h"
#include "spawn/run/run.h"
#include "spawn/run/zypak.h"

#ifndef NB_PKGLIBEXECDIR
#  error "where nestbox is installed is not defined"
#endif

#define TOOL NB_PKGLIBEXECDIR "/nestbox-tool"

static int
become_tool (char **argv)
{
  (void)execv (TOOL, argv);
  nb_log_error (TOOL ": %s; install nestbox with the PREFIX that it was built for",
                g_strerror (errno));
  return NB_EXIT_NOT_FOUND;
}

int
main (int argc, char **argv)
{
  gboolean is_zypak = argc > 0 && nb_zypak_is_name (argv[0]);
  gboolean is_run = argc > 1 && strcmp (argv[1], "run") == 0;

  if (!is_zypak && !is_run)
    return become_tool (argv);
  (void)setlocale (LC_ALL, "");
  if (!nb_log_init (g_getenv ("NESTBOX_DEBUG")))
    nb_log_error (NB_LOG_USAGE);
  if (is_zypak)
    return nb_command_zypak_wrapper (argc, argv);
  if (argc == 3 && strcmp (argv[2], "--version") == 0)
    return printf ("nestbox %s\n", NB_VERSION) < 0;
  return nb_command_run (argc - 1, argv + 1);
}

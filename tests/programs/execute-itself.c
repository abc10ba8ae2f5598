/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * execute-itself PROGRAM: a browser that restarts. The first life executes its own file
 * anew, once standard input has ended; the second, told by a last word "--second-life", has
 * its helper start PROGRAM. Each says which commit of the app it lives in.
 *
 * execute-itself PROGRAM --relaunch: the same by way of a relauncher, as Electron has it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
say (const char *life)
{
  FILE *info = fopen ("/.flatpak-info", "re");
  char line[512], commit[512] = "unknown";

  while (info != NULL && fgets (line, sizeof line, info) != NULL)
    (void)sscanf (line, "app-commit=%511s", commit);
  if (info != NULL)
    (void)fclose (info);
  (void)printf ("%s life in %s\n", life, commit);
  (void)fflush (stdout);
}

static void
wait_for_end_of_input (void)
{
  char bytes[64];

  while (read (STDIN_FILENO, bytes, sizeof bytes) > 0)
    ;
}

/* By the name that Electron uses (CHILD_PROCESS_EXE). */
static int
become_relauncher (char **argv)
{
  (void)execv ("/proc/self/exe",
               (char *[]){ argv[0], (char *)"--type=relauncher", argv[1], NULL });
  return 126;
}

static int
begin_second_life (char *path, char **argv, char *program)
{
  (void)execv (path, (char *[]){ argv[0], program, (char *)"--second-life", NULL });
  return 126;
}

int
main (int argc, char **argv)
{
  char path[4096] = { 0 };

  if (argc < 2 || readlink ("/proc/self/exe", path, sizeof path - 32) <= 0)
    return 2;
  if (strcmp (argv[1], "--type=relauncher") == 0)
    return begin_second_life (path, argv, argv[argc - 1]);
  if (strcmp (argv[argc - 1], "--second-life") != 0)
    {
      say ("first");
      wait_for_end_of_input ();
      return argc > 2 ? become_relauncher (argv) : begin_second_life (path, argv, argv[1]);
    }
  say ("second");
  (void)strcpy (strrchr (path, '/') + 1, "chrome-sandbox");
  (void)execv (
      path, (char *[]){ (char *)"chrome-sandbox", argv[1], (char *)"--type=zygote", NULL });
  perror (path);
  return 127;
}

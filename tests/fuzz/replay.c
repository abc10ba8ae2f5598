/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz-NAME [FILE…]: runs each input once, by default those of tests/fuzz/corpus/NAME, and
 * prints TAP. No fuzzer and no sanitizer is needed; an input that aborts is named.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

enum
{
  MAX_BYTES = 1 << 20,
  DEADLINE_S = 120,
};

static char current[4096 + NAME_MAX + 2]; /* the input that runs */

/* async-signal-safe */
static void
name_input (int number)
{
  static const char text[] = "not ok - ";

  (void)!write (STDOUT_FILENO, text, sizeof text - 1);
  (void)!write (STDOUT_FILENO, current, strlen (current));
  (void)!write (STDOUT_FILENO, "\n", 1);
  (void)signal (number, SIG_DFL);
  (void)raise (number);
}

static void
run (const char *path)
{
  static uint8_t bytes[MAX_BYTES];
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? -1 : read (fd, bytes, sizeof bytes);
  uint8_t *exact = size < 0 ? NULL : malloc ((size_t)size + (size == 0));

  if (exact == NULL)
    {
      perror (path);
      exit (1);
    }
  (void)close (fd);
  memcpy (exact, bytes, (size_t)size); /* a read beyond its end is seen by sanitizers */
  (void)snprintf (current, sizeof current, "%s", path);
  (void)LLVMFuzzerTestOneInput (exact, (size_t)size);
  free (exact);
}

/* How many there were. */
static int
run_folder (const char *folder)
{
  struct dirent **entries;
  int n = scandir (folder, &entries, NULL, alphasort), ran = 0;

  for (int i = 0; i < n; i++)
    {
      char path[4096 + NAME_MAX + 2];

      (void)snprintf (path, sizeof path, "%s/%s", folder, entries[i]->d_name);
      if (entries[i]->d_name[0] != '.')
        {
          run (path);
          ran++;
        }
      free (entries[i]);
    }
  if (n >= 0)
    free (entries);
  return ran;
}

int
main (int argc, char **argv)
{
  static const int fatal[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM };
  const char *source = getenv ("NESTBOX_TEST_SOURCE");
  const char *name = strrchr (argv[0], '/');
  char folder[4096];
  int ran = argc - 1;

  for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
    (void)signal (fatal[i], name_input);
  (void)alarm (DEADLINE_S);
  name = name != NULL ? name + 1 : argv[0];
  name += strncmp (name, "fuzz-", strlen ("fuzz-")) == 0 ? strlen ("fuzz-") : 0;
  for (int i = 1; i < argc; i++)
    run (argv[i]);
  if (argc < 2)
    {
      (void)snprintf (folder, sizeof folder, "%s/tests/fuzz/corpus/%s",
                      source != NULL ? source : ".", name);
      ran = run_folder (folder);
    }
  (void)printf ("%sok 1 - %s: %d inputs\n1..1\n", ran > 0 ? "" : "not ", name, ran);
  return ran > 0 ? 0 : 1;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * launch-like-chromium PROGRAM [ARGUMENT…]: what Chromium does to start its zygote, and
 * no more, so that another program can be put in the zygote's place. Run under
 * `nestbox run`. Ends with the exit status of what it started.
 */
#include <sys/wait.h>

#include "tests/lib/browser-side.h"

int
main (int argc, char **argv)
{
  NbBrowserSide side;
  int status = 0;

  if (argc < 2)
    return 2;
  nb_browser_launch (&side, argv + 1);
  if (waitpid (side.helper, &status, 0) < 0)
    return 2;
  return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}

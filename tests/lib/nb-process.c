/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lib/nb-process.h"

#include <fcntl.h>

#include "spawn/base/fd.h"

NbProcess *
nb_test_open_process (pid_t pid)
{
  nb_autofd proc = open ("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int error = 0;
  NbProcess *process = nb_process_open (proc, pid, &error);

  g_assert_nonnull (process);
  return process;
}

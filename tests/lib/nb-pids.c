/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lib/nb-pids.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/nb-test.h"

void
nb_pids_run_first (void (*body) (void))
{
  pid_t pid;
  int status = -1;

  nb_test_child_check (
      unshare (CLONE_NEWPID | CLONE_NEWNS | (geteuid () != 0 ? CLONE_NEWUSER : 0)) == 0);
  nb_test_child_check (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  pid = fork ();
  nb_test_child_check (pid >= 0);
  if (pid == 0)
    {
      nb_test_child_check (mount ("proc", "/proc", "proc", 0, NULL) == 0);
      body ();
      _exit (0);
    }
  nb_test_child_check (waitpid (pid, &status, 0) == pid && status == 0);
}

pid_t
nb_pids_clone (pid_t wanted, void (*body) (void))
{
  struct clone_args arguments = { .exit_signal = SIGCHLD,
                                  .set_tid = (uint64_t)(uintptr_t)&wanted,
                                  .set_tid_size = 1 };
  pid_t pid = (pid_t)syscall (SYS_clone3, &arguments, sizeof arguments);

  if (pid == 0)
    {
      body ();
      _exit (0);
    }
  return pid;
}

void
nb_pids_wait_forever (void)
{
  for (;;)
    (void)pause ();
}

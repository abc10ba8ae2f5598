/* SPDX-License-Identifier: BSD-3-Clause */
/* New namespaces, in which a process would be root and the kernel wider open. */
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/attack/attack.h"

static int
leave (unsigned long flags)
{
  return nb_attack_result (syscall (SYS_unshare, flags));
}

static int
unshare_user (const NbScene *scene)
{
  (void)scene;
  return leave (CLONE_NEWUSER);
}

static int
unshare_mounts (const NbScene *scene)
{
  (void)scene;
  return leave (CLONE_NEWUSER | CLONE_NEWNS);
}

static int
unshare_network (const NbScene *scene)
{
  (void)scene;
  return leave (CLONE_NEWUSER | CLONE_NEWNET);
}

/* The child ends at once: that there was one is all that is asked. */
static int
ended (long pid)
{
  if (pid == 0)
    _exit (0);
  if (pid < 0)
    return -errno;
  (void)syscall (SYS_wait4, pid, NULL, __WALL, NULL);
  return 0;
}

static int
clone_with (uint64_t flags)
{
  return ended (syscall (SYS_clone, flags | SIGCHLD, 0, 0, 0, 0));
}

static int
clone_user (const NbScene *scene)
{
  (void)scene;
  return clone_with (CLONE_NEWUSER);
}

/* The kernel takes the lower half of the flags. */
static int
clone_user_garbage (const NbScene *scene)
{
  (void)scene;
  return clone_with (CLONE_NEWUSER | (UINT64_C (1) << 40));
}

static int
clone_mounts (const NbScene *scene)
{
  (void)scene;
  return clone_with (CLONE_NEWUSER | CLONE_NEWNS);
}

static int
clone_network (const NbScene *scene)
{
  (void)scene;
  return clone_with (CLONE_NEWUSER | CLONE_NEWNET);
}

static int
clone3_with (uint64_t flags)
{
  struct clone_args arguments = { .flags = flags, .exit_signal = SIGCHLD };

  return ended (syscall (SYS_clone3, &arguments, sizeof arguments));
}

static int
clone3_user (const NbScene *scene)
{
  (void)scene;
  return clone3_with (CLONE_NEWUSER);
}

static int
clone3_pids (const NbScene *scene)
{
  (void)scene;
  return clone3_with (CLONE_NEWUSER | CLONE_NEWPID);
}

static const NbAttack attacks[] = {
  { "unshare NEWUSER", NB_TARGET_SIBLING, unshare_user, NULL },
  { "unshare NEWUSER NEWNS", NB_TARGET_SIBLING, unshare_mounts, NULL },
  { "unshare NEWUSER NEWNET", NB_TARGET_SIBLING, unshare_network, NULL },
  { "clone NEWUSER", NB_TARGET_SIBLING, clone_user, NULL },
  { "clone NEWUSER, garbage", NB_TARGET_SIBLING, clone_user_garbage, NULL },
  { "clone NEWUSER NEWNS", NB_TARGET_SIBLING, clone_mounts, NULL },
  { "clone NEWUSER NEWNET", NB_TARGET_SIBLING, clone_network, NULL },
  { "clone3 NEWUSER", NB_TARGET_SIBLING, clone3_user, NULL },
  { "clone3 NEWUSER NEWPID", NB_TARGET_SIBLING, clone3_pids, NULL },
};

const NbAttackTable nb_attacks_on_namespaces = NB_ATTACK_TABLE (attacks);

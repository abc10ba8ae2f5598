/* SPDX-License-Identifier: BSD-3-Clause */
/* What one process can set of another: limits, priorities, scheduling, OOM score. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/attack/attack.h"

enum
{
  NICER = 2,          /* than it is: an attack on the whole user leaves all of it nicer */
  CPU_SECONDS = 1000, /* the victim is looked at, and not to end by it */
  IO_WHO_PROCESS = 1,
  IO_WHO_GROUP = 2,
  IO_BEST_EFFORT_7 = (2 << 13) | 7,
};

/* --- limits --- */

static bool
limit_hit (const NbVictimState *before, const NbVictimState *after)
{
  return after->cpu_limit != before->cpu_limit;
}

static int
limit_cpu_of (uint64_t pid)
{
  struct rlimit64 limit = { .rlim_cur = CPU_SECONDS, .rlim_max = CPU_SECONDS };

  return nb_attack_result (syscall (SYS_prlimit64, pid, RLIMIT_CPU, &limit, NULL));
}

static int
limit_cpu (const NbScene *scene)
{
  return limit_cpu_of ((uint64_t)scene->target);
}

static int
limit_cpu_garbage (const NbScene *scene)
{
  return limit_cpu_of (nb_attack_garbage (scene->target));
}

/* Reading asks for the same permission as setting, and leaves the target alive. */
static int
read_limit (const NbScene *scene)
{
  struct rlimit64 limit;

  return nb_attack_result (
      syscall (SYS_prlimit64, scene->target, RLIMIT_CPU, NULL, &limit));
}

/* --- priorities --- */

static bool
nice_hit (const NbVictimState *before, const NbVictimState *after)
{
  return after->nice != before->nice;
}

static int
renice (const NbScene *scene, uint64_t which, uint64_t who)
{
  int nice_value = scene->state->nice + NICER;

  return nb_attack_result (syscall (SYS_setpriority, which, who, nice_value));
}

static int
renice_process (const NbScene *scene)
{
  return renice (scene, PRIO_PROCESS, (uint64_t)scene->target);
}

static int
renice_garbage (const NbScene *scene)
{
  return renice (scene, PRIO_PROCESS, nb_attack_garbage (scene->target));
}

static int
renice_group (const NbScene *scene)
{
  return renice (scene, PRIO_PGRP, (uint64_t)scene->target);
}

/* Who 0 is the caller's own group, which is the victim's. */
static int
renice_own_group (const NbScene *scene)
{
  if (setpgid (0, scene->victim) < 0)
    return -errno;
  return renice (scene, PRIO_PGRP, 0);
}

static int
renice_user (const NbScene *scene)
{
  return renice (scene, PRIO_USER, 0);
}

static bool
io_hit (const NbVictimState *before, const NbVictimState *after)
{
  return after->io_priority != before->io_priority;
}

static int
ioprio_process (const NbScene *scene)
{
  return nb_attack_result (
      syscall (SYS_ioprio_set, IO_WHO_PROCESS, scene->target, IO_BEST_EFFORT_7));
}

static int
ioprio_group (const NbScene *scene)
{
  return nb_attack_result (
      syscall (SYS_ioprio_set, IO_WHO_GROUP, scene->target, IO_BEST_EFFORT_7));
}

/* --- scheduling --- */

static bool
scheduler_hit (const NbVictimState *before, const NbVictimState *after)
{
  return after->scheduler != before->scheduler;
}

static int
set_scheduler (const NbScene *scene)
{
  struct sched_param none = { 0 };

  return nb_attack_result (
      syscall (SYS_sched_setscheduler, scene->target, SCHED_IDLE, &none));
}

static int
set_attr (const NbScene *scene)
{
  struct
  {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
  } attr = { .size = sizeof attr, .policy = SCHED_BATCH, .nice = scene->state->nice };

  return nb_attack_result (syscall (SYS_sched_setattr, scene->target, &attr, 0));
}

static int
set_affinity (const NbScene *scene)
{
  cpu_set_t set;

  CPU_ZERO (&set);
  CPU_SET (0, &set);
  return nb_attack_result (
      syscall (SYS_sched_setaffinity, scene->target, sizeof set, &set));
}

/* --- OOM score --- */

static int
write_proc (const NbScene *scene, const char *name, const char *value)
{
  char path[64];
  nb_autofd fd = -1;

  (void)snprintf (path, sizeof path, "/proc/%d/%s", (int)scene->target, name);
  fd = open (path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return -errno;
  return nb_attack_result (write (fd, value, strlen (value)));
}

/* The highest: the first to be ended when memory is out. */
static int
oom_score (const NbScene *scene)
{
  return write_proc (scene, "oom_score_adj", "1000");
}

static int
core_dump_filter (const NbScene *scene)
{
  return write_proc (scene, "coredump_filter", "0x7f");
}

static const NbAttack attacks[] = {
  { "prlimit64 RLIMIT_CPU", NB_TARGET_SIBLING, limit_cpu, limit_hit },
  { "prlimit64, garbage above the pid", NB_TARGET_SIBLING, limit_cpu_garbage, limit_hit },
  { "prlimit64, reading", NB_TARGET_SIBLING, read_limit, NULL },
  { "setpriority PRIO_PROCESS", NB_TARGET_SIBLING, renice_process, nice_hit },
  { "setpriority, garbage above the pid", NB_TARGET_SIBLING, renice_garbage, nice_hit },
  { "setpriority PRIO_PGRP", NB_TARGET_SIBLING, renice_group, nice_hit },
  { "setpriority PRIO_PGRP 0", NB_TARGET_SIBLING, renice_own_group, nice_hit },
  { "setpriority PRIO_USER", NB_TARGET_SIBLING, renice_user, nice_hit },
  { "ioprio_set of a process", NB_TARGET_SIBLING, ioprio_process, io_hit },
  { "ioprio_set of a group", NB_TARGET_SIBLING, ioprio_group, io_hit },
  { "sched_setscheduler", NB_TARGET_SIBLING, set_scheduler, scheduler_hit },
  { "sched_setattr", NB_TARGET_SIBLING, set_attr, scheduler_hit },
  { "sched_setaffinity", NB_TARGET_SIBLING, set_affinity, NULL },
  { "write oom_score_adj", NB_TARGET_SIBLING, oom_score, NULL },
  { "write coredump_filter", NB_TARGET_SIBLING, core_dump_filter, NULL },
  { "prlimit64 of the zygote", NB_TARGET_ZYGOTE, read_limit, NULL },
  { "sched_setaffinity of the zygote", NB_TARGET_ZYGOTE, set_affinity, NULL },
  { "write oom_score_adj of the zygote", NB_TARGET_ZYGOTE, oom_score, NULL },
  { "prlimit64 of the controller", NB_TARGET_CONTROLLER, read_limit, NULL },
  { "sched_setaffinity of the controller", NB_TARGET_CONTROLLER, set_affinity, NULL },
  { "write oom_score_adj of the controller", NB_TARGET_CONTROLLER, oom_score, NULL },
};

const NbAttackTable nb_attacks_on_settings = NB_ATTACK_TABLE (attacks);

/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading and writing another process: memory, descriptors, registers, what it is. */
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/attack/attack.h"

#ifndef SO_PEERPIDFD
#  define SO_PEERPIDFD 77
#endif

static const uint64_t forged_word = 0xbadc0de;

static bool
word_hit (const NbVictimState *before, const NbVictimState *after)
{
  (void)before;
  return after->word == forged_word;
}

static int
seize (const NbScene *scene)
{
  return nb_attack_result (syscall (SYS_ptrace, PTRACE_SEIZE, scene->target, NULL, NULL));
}

/*
 * The victim's word has the same address here. In the controller that address may not be
 * mapped: EFAULT then says that the access was allowed.
 */
static int
transfer (const NbScene *scene, long number)
{
  uint64_t word = forged_word;
  struct iovec local = { &word, sizeof word };
  struct iovec remote = { scene->state->word_at, sizeof word };
  int result = nb_attack_result (syscall (number, scene->target, &local, 1, &remote, 1, 0));

  return scene->target == scene->controller && result == -EFAULT ? 0 : result;
}

static int
read_memory (const NbScene *scene)
{
  return transfer (scene, SYS_process_vm_readv);
}

static int
write_memory (const NbScene *scene)
{
  return transfer (scene, SYS_process_vm_writev);
}

static int
open_proc (const NbScene *scene, const char *name, int flags)
{
  char path[64];
  int fd;

  (void)snprintf (path, sizeof path, "/proc/%d/%s", (int)scene->target, name);
  fd = open (path, flags | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

static int
write_mem_file (const NbScene *scene)
{
  nb_autofd fd = open_proc (scene, "mem", O_RDWR);

  if (fd < 0)
    return fd;
  return nb_attack_result (pwrite (fd, &forged_word, sizeof forged_word,
                                   (off_t)(intptr_t)scene->state->word_at));
}

/* The kernel asks for permission when the file is opened. */
static int
open_mem_file (const NbScene *scene)
{
  nb_autofd fd = open_proc (scene, "mem", O_RDONLY);

  return fd < 0 ? fd : 0;
}

static int
read_environment (const NbScene *scene)
{
  nb_autofd fd = open_proc (scene, "environ", O_RDONLY);

  return fd < 0 ? fd : 0;
}

static int
read_maps (const NbScene *scene)
{
  nb_autofd fd = open_proc (scene, "maps", O_RDONLY);
  char byte;

  if (fd < 0)
    return fd;
  return read (fd, &byte, 1) == 1 ? 0 : -EPERM;
}

static int
enter_root (const NbScene *scene)
{
  nb_autofd fd = open_proc (scene, "root/", O_RDONLY | O_DIRECTORY);

  return fd < 0 ? fd : 0;
}

/* A file of the victim's own, which has no name. */
static int
reopen_descriptor (const NbScene *scene)
{
  char name[32];
  nb_autofd fd = -1;

  if (scene->state->memory_fd < 0)
    return -ENOSYS;
  (void)snprintf (name, sizeof name, "fd/%d", scene->state->memory_fd);
  fd = open_proc (scene, name, O_RDWR);
  return fd < 0 ? fd : 0;
}

static int
steal_by (int pidfd, int number)
{
  nb_autofd stolen = (int)syscall (SYS_pidfd_getfd, pidfd, number, 0);

  return stolen < 0 ? -errno : 0;
}

static int
steal_descriptor (const NbScene *scene)
{
  nb_autofd pidfd = (int)syscall (SYS_pidfd_open, scene->target, 0);

  return pidfd < 0 ? -errno : steal_by (pidfd, STDOUT_FILENO);
}

static int
steal_by_peer_pidfd (const NbScene *scene)
{
  int pidfd = -1, result;
  socklen_t size = sizeof pidfd;

  if (getsockopt (scene->zygote_pair, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) < 0)
    return -errno;
  result = steal_by (pidfd, STDOUT_FILENO);
  (void)close (pidfd);
  return result;
}

static int
compare (const NbScene *scene)
{
  return nb_attack_result (
      syscall (SYS_kcmp, scene->target, (long)getpid (), KCMP_VM, 0, 0));
}

static int
robust_list (const NbScene *scene)
{
  void *head;
  size_t size;

  return nb_attack_result (syscall (SYS_get_robust_list, scene->target, &head, &size));
}

static int
advise_memory (const NbScene *scene)
{
  nb_autofd pidfd = (int)syscall (SYS_pidfd_open, scene->target, 0);
  struct iovec remote = { (void *)((uintptr_t)scene->state->word_at & ~0xfffUL), 4096 };

  if (pidfd < 0)
    return -errno;
  return nb_attack_result (
      syscall (SYS_process_madvise, pidfd, &remote, 1, MADV_WILLNEED, 0));
}

static int
move_pages_of (const NbScene *scene)
{
  return nb_attack_result (
      syscall (SYS_move_pages, scene->target, 0UL, NULL, NULL, NULL, 0));
}

static int
watch_by_perf (const NbScene *scene)
{
  struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
                                  .size = sizeof attr,
                                  .config = PERF_COUNT_SW_TASK_CLOCK,
                                  .exclude_kernel = 1,
                                  .exclude_hv = 1 };

  return nb_attack_result (syscall (SYS_perf_event_open, &attr, scene->target, -1, -1, 0));
}

static const NbAttack attacks[] = {
  { "ptrace SEIZE", NB_TARGET_SIBLING, seize, NULL },
  { "process_vm_readv", NB_TARGET_SIBLING, read_memory, NULL },
  { "process_vm_writev", NB_TARGET_SIBLING, write_memory, word_hit },
  { "read /proc/N/mem", NB_TARGET_SIBLING, open_mem_file, NULL },
  { "write /proc/N/mem", NB_TARGET_SIBLING, write_mem_file, word_hit },
  { "read /proc/N/environ", NB_TARGET_SIBLING, read_environment, NULL },
  { "read /proc/N/maps", NB_TARGET_SIBLING, read_maps, NULL },
  { "open /proc/N/root", NB_TARGET_SIBLING, enter_root, NULL },
  { "open /proc/N/fd/M", NB_TARGET_SIBLING, reopen_descriptor, NULL },
  { "pidfd_getfd", NB_TARGET_SIBLING, steal_descriptor, NULL },
  { "kcmp", NB_TARGET_SIBLING, compare, NULL },
  { "get_robust_list", NB_TARGET_SIBLING, robust_list, NULL },
  { "process_madvise", NB_TARGET_SIBLING, advise_memory, NULL },
  { "move_pages", NB_TARGET_SIBLING, move_pages_of, NULL },
  { "perf_event_open", NB_TARGET_SIBLING, watch_by_perf, NULL },
  { "ptrace the zygote", NB_TARGET_ZYGOTE, seize, NULL },
  { "process_vm_readv of the zygote", NB_TARGET_ZYGOTE, read_memory, NULL },
  { "process_vm_writev of the zygote", NB_TARGET_ZYGOTE, write_memory, NULL },
  { "read the zygote's /proc/N/mem", NB_TARGET_ZYGOTE, open_mem_file, NULL },
  { "pidfd_getfd of the zygote", NB_TARGET_ZYGOTE, steal_descriptor, NULL },
  { "pidfd_getfd by SO_PEERPIDFD", NB_TARGET_ZYGOTE, steal_by_peer_pidfd, NULL },
  { "ptrace the controller", NB_TARGET_CONTROLLER, seize, NULL },
  { "process_vm_readv of the controller", NB_TARGET_CONTROLLER, read_memory, NULL },
  { "process_vm_writev of the controller", NB_TARGET_CONTROLLER, write_memory, NULL },
  { "read the controller's /proc/N/mem", NB_TARGET_CONTROLLER, open_mem_file, NULL },
  { "read the controller's environ", NB_TARGET_CONTROLLER, read_environment, NULL },
  { "pidfd_getfd of the controller", NB_TARGET_CONTROLLER, steal_descriptor, NULL },
};

const NbAttackTable nb_attacks_on_memory = NB_ATTACK_TABLE (attacks);

/* SPDX-License-Identifier: BSD-3-Clause */
/* Every door to a signal. A hit is a signal that the victim got. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/attack/attack.h"

#ifndef FIOSETOWN
#  define FIOSETOWN 0x8901
#endif
#ifndef SIOCSPGRP
#  define SIOCSPGRP 0x8902
#endif
#ifndef SO_PEERPIDFD
#  define SO_PEERPIDFD 77
#endif

static bool
hit (const NbVictimState *before, const NbVictimState *after)
{
  return after->signals > before->signals;
}

static bool
hit_zygote (const NbVictimState *before, const NbVictimState *after)
{
  return after->zygote_signals > before->zygote_signals;
}

static int
send_signal (uint64_t pid)
{
  return nb_attack_result (syscall (SYS_kill, pid, NB_ATTACK_SIGNAL));
}

static int
kill_target (const NbScene *scene)
{
  return send_signal ((uint64_t)scene->target);
}

static int
kill_target_garbage (const NbScene *scene)
{
  return send_signal (nb_attack_garbage (scene->target));
}

/* The victim leads a process group. */
static int
kill_own_group (const NbScene *scene)
{
  if (setpgid (0, scene->victim) < 0)
    return -errno;
  return send_signal ((uint64_t)-scene->victim);
}

static int
kill_group_of_victim (const NbScene *scene)
{
  return send_signal ((uint64_t)-scene->victim);
}

static int
kill_zero (const NbScene *scene)
{
  if (setpgid (0, scene->victim) < 0)
    return -errno;
  return send_signal (0);
}

static int
kill_zero_garbage (const NbScene *scene)
{
  if (setpgid (0, scene->victim) < 0)
    return -errno;
  return send_signal (nb_attack_garbage (0));
}

static int
kill_everyone (const NbScene *scene)
{
  (void)scene;
  return send_signal ((uint64_t)-1);
}

static int
kill_everyone_garbage (const NbScene *scene)
{
  (void)scene;
  return send_signal (nb_attack_garbage (-1));
}

static int
tgkill_target (const NbScene *scene)
{
  return nb_attack_result (
      syscall (SYS_tgkill, scene->target, scene->target, NB_ATTACK_SIGNAL));
}

static int
tgkill_target_garbage (const NbScene *scene)
{
  return nb_attack_result (syscall (SYS_tgkill, nb_attack_garbage (scene->target),
                                    scene->target, NB_ATTACK_SIGNAL));
}

static int
tkill_target (const NbScene *scene)
{
  return nb_attack_result (syscall (SYS_tkill, scene->target, NB_ATTACK_SIGNAL));
}

static siginfo_t
queued_info (void)
{
  return (siginfo_t){ .si_signo = NB_ATTACK_SIGNAL, .si_code = SI_QUEUE };
}

static int
queue_to_process (const NbScene *scene)
{
  siginfo_t info = queued_info ();

  return nb_attack_result (
      syscall (SYS_rt_sigqueueinfo, scene->target, NB_ATTACK_SIGNAL, &info));
}

static int
queue_to_thread (const NbScene *scene)
{
  siginfo_t info = queued_info ();

  return nb_attack_result (syscall (SYS_rt_tgsigqueueinfo, scene->target, scene->target,
                                    NB_ATTACK_SIGNAL, &info));
}

/* --- by descriptors that stand for a process --- */

static int
signal_by_fd (int fd)
{
  return nb_attack_result (syscall (SYS_pidfd_send_signal, fd, NB_ATTACK_SIGNAL, NULL, 0));
}

static int
signal_by_pidfd (const NbScene *scene)
{
  nb_autofd fd = (int)syscall (SYS_pidfd_open, scene->target, 0);

  return fd < 0 ? -errno : signal_by_fd (fd);
}

static int
signal_by_proc_folder (const NbScene *scene)
{
  char path[32];
  nb_autofd fd = -1;

  (void)snprintf (path, sizeof path, "/proc/%d", (int)scene->target);
  fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd < 0 ? -errno : signal_by_fd (fd);
}

/* A socket pair tells who made it by a pidfd, whether pidfd_open is allowed or not. */
static int
signal_by_peer_pidfd (const NbScene *scene)
{
  int fd = -1, result;
  socklen_t size = sizeof fd;

  if (getsockopt (scene->zygote_pair, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) < 0)
    return -errno;
  result = signal_by_fd (fd);
  (void)close (fd);
  return result;
}

/* --- by becoming the owner of a descriptor --- */

/* Input on `fd` then signals its owner. */
static int
arm_by_fcntl (int fd)
{
  if (syscall (SYS_fcntl, fd, F_SETSIG, NB_ATTACK_SIGNAL) < 0)
    return -errno;
  return nb_attack_result (fcntl (fd, F_SETFL, O_ASYNC));
}

static int
arm_by_ioctl (int fd)
{
  int on = 1;

  return nb_attack_result (ioctl (fd, FIOASYNC, &on));
}

static int
own_by_fcntl (int fd, pid_t owner)
{
  return nb_attack_result (syscall (SYS_fcntl, fd, F_SETOWN, owner));
}

static int
own_by_fcntl_garbage (int fd, pid_t owner)
{
  return nb_attack_result (syscall (SYS_fcntl, fd, nb_attack_garbage (F_SETOWN), owner));
}

static int
own_by_fcntl_ex (int fd, pid_t owner)
{
  struct f_owner_ex who = { .type = F_OWNER_PID, .pid = owner };

  return nb_attack_result (syscall (SYS_fcntl, fd, F_SETOWN_EX, &who));
}

static int
own_by_fiosetown (int fd, pid_t owner)
{
  return nb_attack_result (syscall (SYS_ioctl, fd, FIOSETOWN, &owner));
}

static int
own_by_fiosetown_garbage (int fd, pid_t owner)
{
  return nb_attack_result (syscall (SYS_ioctl, fd, nb_attack_garbage (FIOSETOWN), &owner));
}

static int
own_by_siocspgrp (int fd, pid_t owner)
{
  return nb_attack_result (syscall (SYS_ioctl, fd, SIOCSPGRP, &owner));
}

static int
signal_by_ownership (const NbScene *scene, int (*own) (int, pid_t), int (*arm) (int))
{
  nb_autofd ours = -1, theirs = -1;
  int ends[2], result;

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
    return -errno;
  ours = ends[0];
  theirs = ends[1];
  result = own (ours, scene->target);
  if (result == 0)
    result = arm (ours);
  if (result == 0 && write (theirs, "!", 1) != 1)
    result = -errno;
  return result;
}

static int
setown (const NbScene *scene)
{
  return signal_by_ownership (scene, own_by_fcntl, arm_by_fcntl);
}

static int
setown_garbage (const NbScene *scene)
{
  return signal_by_ownership (scene, own_by_fcntl_garbage, arm_by_ioctl);
}

static int
setown_ex (const NbScene *scene)
{
  return signal_by_ownership (scene, own_by_fcntl_ex, arm_by_fcntl);
}

static int
setown_without_setsig (const NbScene *scene)
{
  return signal_by_ownership (scene, own_by_fcntl, arm_by_ioctl);
}

static int
fiosetown (const NbScene *scene)
{
  return signal_by_ownership (scene, own_by_fiosetown, arm_by_ioctl);
}

static int
fiosetown_garbage (const NbScene *scene)
{
  return signal_by_ownership (scene, own_by_fiosetown_garbage, arm_by_ioctl);
}

static int
siocspgrp (const NbScene *scene)
{
  return signal_by_ownership (scene, own_by_siocspgrp, arm_by_ioctl);
}

/* --- by other entries to the kernel --- */

static int
kill_by_int80 (const NbScene *scene)
{
#ifdef __x86_64__
  enum
  {
    I386_KILL = 37,
  };
  long value;

  __asm__ volatile("int $0x80"
                   : "=a"(value)
                   : "a"(I386_KILL), "b"(scene->target), "c"(NB_ATTACK_SIGNAL)
                   : "memory", "r8", "r9", "r10", "r11");
  return (int)value;
#else
  (void)scene;
  return -ENOSYS;
#endif
}

static int
kill_by_x32 (const NbScene *scene)
{
#ifdef __x86_64__
  return nb_attack_result (
      syscall (0x40000000 | SYS_kill, scene->target, NB_ATTACK_SIGNAL));
#else
  (void)scene;
  return -ENOSYS;
#endif
}

static const NbAttack attacks[] = {
  { "kill", NB_TARGET_SIBLING, kill_target, hit },
  { "kill, garbage above the pid", NB_TARGET_SIBLING, kill_target_garbage, hit },
  { "kill own group by -pgid", NB_TARGET_SIBLING, kill_own_group, hit },
  { "kill victim's group by -pgid", NB_TARGET_SIBLING, kill_group_of_victim, hit },
  { "kill own group by 0", NB_TARGET_SIBLING, kill_zero, hit },
  { "kill own group by 0, garbage", NB_TARGET_SIBLING, kill_zero_garbage, hit },
  { "kill everyone", NB_TARGET_SIBLING, kill_everyone, hit },
  { "kill everyone, garbage", NB_TARGET_SIBLING, kill_everyone_garbage, hit },
  { "tgkill", NB_TARGET_SIBLING, tgkill_target, hit },
  { "tgkill, garbage above the pid", NB_TARGET_SIBLING, tgkill_target_garbage, hit },
  { "tkill", NB_TARGET_SIBLING, tkill_target, hit },
  { "rt_sigqueueinfo", NB_TARGET_SIBLING, queue_to_process, hit },
  { "rt_tgsigqueueinfo", NB_TARGET_SIBLING, queue_to_thread, hit },
  { "pidfd_send_signal", NB_TARGET_SIBLING, signal_by_pidfd, hit },
  { "pidfd_send_signal by /proc/N", NB_TARGET_SIBLING, signal_by_proc_folder, hit },
  { "F_SETOWN, F_SETSIG", NB_TARGET_SIBLING, setown, hit },
  { "F_SETOWN, FIOASYNC", NB_TARGET_SIBLING, setown_without_setsig, hit },
  { "F_SETOWN, garbage above the command", NB_TARGET_SIBLING, setown_garbage, hit },
  { "F_SETOWN_EX, F_SETSIG", NB_TARGET_SIBLING, setown_ex, hit },
  { "FIOSETOWN", NB_TARGET_SIBLING, fiosetown, hit },
  { "FIOSETOWN, garbage above the request", NB_TARGET_SIBLING, fiosetown_garbage, hit },
  { "SIOCSPGRP", NB_TARGET_SIBLING, siocspgrp, hit },
  { "kill by int 0x80", NB_TARGET_SIBLING, kill_by_int80, hit },
  { "kill by its x32 number", NB_TARGET_SIBLING, kill_by_x32, hit },
  { "kill the zygote", NB_TARGET_ZYGOTE, kill_target, hit_zygote },
  { "tgkill the zygote", NB_TARGET_ZYGOTE, tgkill_target, hit_zygote },
  { "rt_tgsigqueueinfo to the zygote", NB_TARGET_ZYGOTE, queue_to_thread, hit_zygote },
  { "SO_PEERPIDFD of the zygote", NB_TARGET_ZYGOTE, signal_by_peer_pidfd, hit_zygote },
  { "F_SETOWN of the zygote", NB_TARGET_ZYGOTE, setown, hit_zygote },
  { "kill the controller", NB_TARGET_CONTROLLER, kill_target, NULL },
  { "tgkill the controller", NB_TARGET_CONTROLLER, tgkill_target, NULL },
  { "rt_tgsigqueueinfo to the controller", NB_TARGET_CONTROLLER, queue_to_thread, NULL },
};

const NbAttackTable nb_attacks_by_signal = NB_ATTACK_TABLE (attacks);

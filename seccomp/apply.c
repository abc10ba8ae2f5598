/* SPDX-License-Identifier: BSD-3-Clause */
#include "seccomp/apply.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "seccomp/programs.h"
#include "spawn/base/macros.h"

#if defined(__x86_64__)
#  define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#  define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

enum
{
  MAX_INSTRUCTIONS = 512, /* of a policy that is watched: a copy on the stack */
};

/* The kernel looks at the program only after it knows the mode: EFAULT means it does. */
bool
nb_seccomp_is_available (void)
{
  return prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) < 0 && errno == EFAULT;
}

/* The kernel copies the program, and changes nothing of ours. */
static int
enter (const struct sock_filter *instructions, size_t n)
{
  struct sock_fprog program
      = { .len = (unsigned short)n, .filter = (struct sock_filter *)instructions };

  return prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
}

int
nb_seccomp_enter_path_wall (void)
{
  return enter (nb_path_wall_program.instructions, nb_path_wall_program.n);
}

int
nb_seccomp_enter_policy (NbKind kind)
{
  if (kind >= NB_N_KINDS)
    return -EINVAL;
  return enter (nb_policy_programs[kind].instructions, nb_policy_programs[kind].n);
}

/* The policy's program with every errno made a question, behind one for all signals. */
int
nb_seccomp_enter_watched_policy (NbKind kind)
{
  static const struct sock_filter signals[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, arch)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 0, 5),
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 2, 0),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 1, 0),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_tgsigqueueinfo, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
  };
  struct sock_filter instructions[MAX_INSTRUCTIONS];
  struct sock_fprog program = { .filter = instructions };
  size_t before = kind == NB_KIND_NONE ? 0 : NB_ARRAY_SIZE (signals);
  long listener;

  if (kind >= NB_N_KINDS || before + nb_policy_programs[kind].n > MAX_INSTRUCTIONS)
    return -EINVAL;
  memcpy (instructions, signals, before * sizeof *signals);
  memcpy (instructions + before, nb_policy_programs[kind].instructions,
          nb_policy_programs[kind].n * sizeof *instructions);
  program.len = (unsigned short)(before + nb_policy_programs[kind].n);
  for (size_t i = before; i < program.len; i++)
    if (instructions[i].code == (BPF_RET | BPF_K)
        && (instructions[i].k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
      instructions[i].k = SECCOMP_RET_USER_NOTIF;
  listener = syscall (SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                      SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  return listener < 0 ? -errno : (int)listener; /* the kernel makes it close-on-exec */
}

int
nb_seccomp_enter_own_pid (pid_t self, bool may_execute)
{
  /* Compares the lower 32 bits, as the kernel does, which takes an int. */
  const uint32_t never = SYS_kill; /* was answered before */
  const struct sock_filter instructions[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, arch)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 6, 0),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 5, 0),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_tgsigqueueinfo, 4, 0),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, may_execute ? never : SYS_execve, 1, 0),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, may_execute ? never : SYS_execveat, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, args[0])),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)self, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
  };

  if (self <= 0)
    return -EINVAL;
  return enter (instructions, NB_ARRAY_SIZE (instructions));
}

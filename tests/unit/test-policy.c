/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The policies: the table by its own rules, and the programs that ship against the table,
 * simulated for both architectures, every kind and every system call, with the values
 * around every condition. Mutated programs show that the comparison would notice.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define NB_ALL_ARCHITECTURES
#include "policy-programs.h"
#include "seccomp/policy.h"
#include "seccomp/programs.h"
#include "spawn/base/macros.h"
#include "tests/lib/bpf-sim.h"
#include "tests/lib/nb-test.h"

enum
{
  LAST_CALL = 511,
  X32_BIT = 0x40000000,
  DETECTED_PERCENT = 95, /* of mutants; the rest compare the same for every number */
};

typedef struct
{
  const char *name;
  uint32_t audit;
  const int16_t *numbers;
  NbProgram programs[NB_N_KINDS];
} Architecture;

#define PROGRAM(name)                                                                      \
  {                                                                                        \
    name, NB_ARRAY_SIZE (name)                                                             \
  }
#define ARCHITECTURE(name)                                                                 \
  name##_numbers,                                                                          \
  {                                                                                        \
    PROGRAM (name##_none), PROGRAM (name##_zygote), PROGRAM (name##_renderer),             \
        PROGRAM (name##_utility), PROGRAM (name##_gpu), PROGRAM (name##_network),          \
        PROGRAM (name##_unsandboxed_zygote), PROGRAM (name##_gpu_zygote),                  \
        PROGRAM (name##_audio),                                                            \
  }

static const Architecture architectures[] = {
  { "x86-64", AUDIT_ARCH_X86_64, ARCHITECTURE (x86_64) },
  { "aarch64", AUDIT_ARCH_AARCH64, ARCHITECTURE (aarch64) },
};

/* Around every condition of the table; each also with bits that the kernel ignores. */
static const uint64_t values[] = {
  0,
  1,
  2,
  3,
  9,
  10,
  11,
  15,
  16,
  17,
  40,
  63,
  64,
  0x7fffffff,
  0x80000000,
  0xffffffff,
  0x100000000,
  0x100000001,
  0x100000002,
  0x100000010,
  UINT64_MAX,
  CLONE_NEWNS,
  CLONE_NEWCGROUP,
  CLONE_NEWUTS,
  CLONE_NEWIPC,
  CLONE_NEWUSER,
  CLONE_NEWPID,
  CLONE_NEWNET,
  CLONE_NEWUSER | SIGCHLD,
  CLONE_NEWNET | 0xfedcba9800000000,
  0x3d0f00, /* a thread of libc */
  TIOCSTI,
  TIOCSTI - 1,
  TIOCSTI | 0x100000000,
  TIOCLINUX,
  TIOCSETD,
  FIOSETOWN,
  SIOCSPGRP,
  F_SETOWN,
  F_SETOWN_EX,
  F_SETSIG,
  F_SETSIG | 0xffffffff00000000,
  PR_SET_PTRACER,
  PR_SET_MM,
  PR_SET_SECUREBITS,
  PR_SET_SECCOMP,
  62, /* PR_SCHED_CORE */
  SOCK_DGRAM | SOCK_CLOEXEC,
  SOCK_SEQPACKET | SOCK_NONBLOCK,
  AF_NETLINK,
  AF_ALG,
  AF_VSOCK,
  AF_NETLINK | 0x8000000000000000,
};

static uint32_t
expected (const Architecture *architecture, NbKind kind, const struct seccomp_data *call)
{
  int error;

  if (call->arch != architecture->audit)
    return SECCOMP_RET_KILL_PROCESS;
  if (call->nr == -1)
    return SECCOMP_RET_ALLOW;
  if (((uint32_t)call->nr & X32_BIT) != 0 && call->arch == AUDIT_ARCH_X86_64)
    return SECCOMP_RET_KILL_PROCESS;
  if (((uint32_t)call->nr & X32_BIT) != 0)
    return SECCOMP_RET_ALLOW; /* no call of this architecture: ENOSYS by the kernel */
  error = nb_policy_evaluate (kind, architecture->numbers, call, NULL);
  return error == 0 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | (uint32_t)error;
}

static bool
agrees (const Architecture *architecture, NbKind kind, const struct sock_filter *program,
        size_t n, const struct seccomp_data *call)
{
  return nb_bpf_sim_run (program, n, call) == expected (architecture, kind, call);
}

static void
check_call (const Architecture *architecture, NbKind kind, const struct seccomp_data *call)
{
  const NbProgram *program = &architecture->programs[kind];

  if (agrees (architecture, kind, program->instructions, program->n, call))
    return;
  g_error ("%s %s: call %d (0x%llx, 0x%llx): 0x%08x instead of 0x%08x", architecture->name,
           nb_kind_name (kind), call->nr, call->args[0], call->args[1],
           nb_bpf_sim_run (program->instructions, program->n, call),
           expected (architecture, kind, call));
}

/* --- the programs --- */

static bool
has_condition (const Architecture *architecture, int number)
{
  for (size_t i = 0; i < nb_n_policy_rules; i++)
    if (architecture->numbers[i] == number && number >= 0
        && nb_policy_rules[i].condition.type != NB_IF_ALWAYS)
      return true;
  return false;
}

/* Every pair where arguments matter; the same for both where they must not. */
static void
check_arguments (const Architecture *architecture, NbKind kind, int number)
{
  struct seccomp_data call = { .nr = number, .arch = architecture->audit };
  bool all_pairs = has_condition (architecture, number);

  for (size_t i = 0; i < NB_ARRAY_SIZE (values); i++)
    for (size_t j = all_pairs ? 0 : i; j < (all_pairs ? NB_ARRAY_SIZE (values) : i + 1);
         j++)
      {
        call.args[0] = values[i];
        call.args[1] = values[j];
        check_call (architecture, kind, &call);
      }
}

static void
test_every_call (gconstpointer data)
{
  const Architecture *architecture = data;
  static const uint32_t odd[] = { UINT32_MAX, X32_BIT,     X32_BIT | 59, 0x7fffffff,
                                  1U << 31,   X32_BIT - 1, 1000,         4095 };

  for (NbKind kind = NB_KIND_NONE; kind < NB_N_KINDS; kind++)
    {
      for (int number = 0; number <= LAST_CALL; number++)
        check_arguments (architecture, kind, number);
      for (size_t i = 0; i < NB_ARRAY_SIZE (odd); i++)
        check_arguments (architecture, kind, (int)odd[i]);
    }
}

static void
test_foreign_entry (gconstpointer data)
{
  const Architecture *architecture = data;
  static const uint32_t foreign[] = { AUDIT_ARCH_I386,
                                      AUDIT_ARCH_ARM,
                                      AUDIT_ARCH_X86_64,
                                      AUDIT_ARCH_AARCH64,
                                      AUDIT_ARCH_RISCV64,
                                      AUDIT_ARCH_PPC64LE,
                                      0,
                                      UINT32_MAX };

  for (NbKind kind = NB_KIND_NONE; kind < NB_N_KINDS; kind++)
    for (size_t i = 0; i < NB_ARRAY_SIZE (foreign); i++)
      for (int number = -1; number <= LAST_CALL; number++)
        {
          struct seccomp_data call = { .nr = number, .arch = foreign[i] };

          check_call (architecture, kind, &call);
        }
}

/* A filter is inherited: what a zygote forks must not need another one. */
static void
test_pages_are_alike (gconstpointer data)
{
  const NbProgram *programs = ((const Architecture *)data)->programs;
  const NbProgram *zygote = &programs[NB_KIND_ZYGOTE];

  nb_test_assert_bytes (programs[NB_KIND_RENDERER].instructions,
                        programs[NB_KIND_RENDERER].n * sizeof *zygote->instructions,
                        zygote->instructions, zygote->n * sizeof *zygote->instructions);
}

/* --- mutants --- */

static bool
is_noticed_at (const Architecture *architecture, NbKind kind,
               const struct sock_filter *mutant, size_t n, int number)
{
  struct seccomp_data call = { .nr = number, .arch = architecture->audit };
  size_t n_values = has_condition (architecture, number) ? NB_ARRAY_SIZE (values) : 1;

  for (size_t i = 0; i < n_values; i++)
    for (size_t j = 0; j < 2; j++)
      {
        call.args[j] = values[i];
        call.args[1 - j] = 0;
        if (!agrees (architecture, kind, mutant, n, &call))
          return true;
      }
  return false;
}

static bool
is_noticed (const Architecture *architecture, NbKind kind, const struct sock_filter *mutant,
            size_t n)
{
  struct seccomp_data foreign = { .nr = 39, .arch = AUDIT_ARCH_I386 };

  for (int number = -1; number <= LAST_CALL; number++)
    if (is_noticed_at (architecture, kind, mutant, n, number))
      return true;
  return !agrees (architecture, kind, mutant, n, &foreign)
         || is_noticed_at (architecture, kind, mutant, n, X32_BIT | 59);
}

/* Swapped branches, a flipped bit of an operand or of an answer. */
static void
test_mutants (gconstpointer data)
{
  const Architecture *architecture = data;
  const NbProgram *program = &architecture->programs[NB_KIND_RENDERER];
  g_autofree struct sock_filter *mutant
      = g_memdup2 (program->instructions, program->n * sizeof *mutant);
  int n_mutants = 0, n_noticed = 0;

  for (size_t i = 0; i < program->n; i++)
    {
      struct sock_filter original = mutant[i];

      if (BPF_CLASS (original.code) == BPF_LD || BPF_CLASS (original.code) == BPF_ALU)
        continue;
      if (BPF_CLASS (original.code) == BPF_RET)
        mutant[i].k ^= original.k == SECCOMP_RET_ALLOW ? 0x7fff0000U ^ 0x00050001U : 2;
      else if (BPF_OP (original.code) == BPF_JA)
        mutant[i].k--;
      else
        {
          mutant[i].jt = original.jf;
          mutant[i].jf = original.jt;
        }
      n_mutants++;
      n_noticed += is_noticed (architecture, NB_KIND_RENDERER, mutant, program->n);
      mutant[i] = original;
    }
  g_test_message ("%d of %d mutants noticed", n_noticed, n_mutants);
  g_assert_cmpint (n_mutants, >, 100);
  g_assert_cmpint (n_noticed * 100, >=, n_mutants * DETECTED_PERCENT);
}

/* --- the table --- */

/* What start-up and Chromium's own sandbox need: no row may take them away. */
static void
test_must_allow (void)
{
  static const char *const calls[] = { "seccomp",
                                       "execve",
                                       "capset",
                                       "capget",
                                       "arch_prctl",
                                       "rseq",
                                       "shutdown",
                                       "rt_sigaction",
                                       "rt_sigprocmask",
                                       "rt_sigreturn",
                                       "exit",
                                       "exit_group",
                                       "futex",
                                       "mmap",
                                       "mprotect",
                                       "openat",
                                       "read",
                                       "write",
                                       "close",
                                       "set_tid_address",
                                       "set_robust_list",
                                       "landlock_restrict_self",
                                       "landlock_create_ruleset",
                                       "landlock_add_rule",
                                       "wait4",
                                       "memfd_create",
                                       "sched_setaffinity",
                                       "sendmsg",
                                       "recvmsg" };

  for (size_t i = 0; i < nb_n_policy_rules; i++)
    for (size_t j = 0; nb_policy_rules[i].call != NULL && j < NB_ARRAY_SIZE (calls); j++)
      g_assert_cmpstr (nb_policy_rules[i].call, !=, calls[j]);
}

/* Each with the arguments of which Chromium's children were seen to make them. */
static void
test_seen_arguments (void)
{
  static const struct
  {
    const char *call;
    uint64_t arguments[6];
  } seen[] = {
    { "prctl", { PR_SET_NAME } },
    { "prctl", { PR_SET_SECCOMP, SECCOMP_MODE_FILTER } },
    { "prctl", { PR_SET_NO_NEW_PRIVS, 1 } },
    { "prctl", { PR_CAPBSET_READ } },
    { "prctl", { PR_SET_VMA } },
    { "prctl", { PR_GET_SPECULATION_CTRL } },
    { "prctl", { PR_SET_DUMPABLE } },
    { "prctl", { PR_SET_PDEATHSIG, 9 } },
    { "clone", { 0x3d0f00 } },
    { "clone", { CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | SIGCHLD } },
    { "kill", { 1234, 9 } },
    { "tgkill", { 1234, 1234, 6 } },
    { "prlimit64", { 0, 7 } },
    { "setpriority", { 0, 0 } },
    { "socketpair", { AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC } },
    { "socketpair", { AF_UNIX, SOCK_STREAM } },
    { "fcntl", { 5, F_DUPFD_CLOEXEC } },
    { "fcntl", { 5, F_GETOWN } },
    { "ioctl", { 5, TCGETS } },
    { "ioctl", { 5, FIONREAD } },
  };

  for (size_t i = 0; i < nb_n_policy_rules; i++)
    for (size_t j = 0; j < NB_ARRAY_SIZE (seen); j++)
      g_assert_false (nb_policy_rules[i].call != NULL
                      && strcmp (nb_policy_rules[i].call, seen[j].call) == 0
                      && nb_policy_rule_matches (&nb_policy_rules[i], seen[j].arguments));
}

static void
test_rows (void)
{
  for (size_t i = 0; i < nb_n_policy_rules; i++)
    {
      const NbPolicyRule *rule = &nb_policy_rules[i];

      g_assert_cmpint ((int)strlen (rule->reason), >, 2);
      if (rule->call == NULL)
        continue;
      g_assert_cmpuint (rule->kinds, !=, 0);
      g_assert_true (rule->error == EPERM || rule->error == ENOSYS
                     || rule->error == EAFNOSUPPORT);
      g_assert_true (x86_64_numbers[i] >= 0 || aarch64_numbers[i] >= 0);
      g_assert_cmpint (rule->number, <=, (int)nb_policy_newest);
      /* libseccomp keeps the first of two answers, and says nothing. */
      for (size_t j = 0; j < i; j++)
        if (nb_policy_rules[j].call != NULL
            && strcmp (rule->call, nb_policy_rules[j].call) == 0)
          g_assert_cmpint (rule->error, ==, nb_policy_rules[j].error);
    }
}

/* A number that the distribution's headers have a newer meaning for would be a mistake. */
static void
test_native_numbers (void)
{
  static const struct
  {
    const char *call;
    long number;
  } known[] = {
    { "ptrace", SYS_ptrace },
    { "bpf", SYS_bpf },
    { "clone3", SYS_clone3 },
    { "unshare", SYS_unshare },
    { "socket", SYS_socket },
    { "kill", SYS_kill },
    { "io_uring_setup", SYS_io_uring_setup },
  };

  for (size_t i = 0; i < nb_n_policy_rules; i++)
    for (size_t j = 0; nb_policy_rules[i].call != NULL && j < NB_ARRAY_SIZE (known); j++)
      if (strcmp (nb_policy_rules[i].call, known[j].call) == 0)
        g_assert_cmpint (nb_policy_numbers[i], ==, known[j].number);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  for (size_t i = 0; i < NB_ARRAY_SIZE (architectures); i++)
    {
      const Architecture *architecture = &architectures[i];

      nb_test_add_case ("/policy/every-call", architecture->name, architecture,
                        test_every_call);
      nb_test_add_case ("/policy/foreign-entry", architecture->name, architecture,
                        test_foreign_entry);
      nb_test_add_case ("/policy/pages-are-alike", architecture->name, architecture,
                        test_pages_are_alike);
      nb_test_add_case ("/policy/mutants", architecture->name, architecture, test_mutants);
    }
  g_test_add_func ("/policy/must-allow", test_must_allow);
  g_test_add_func ("/policy/seen-arguments", test_seen_arguments);
  g_test_add_func ("/policy/rows", test_rows);
  g_test_add_func ("/policy/native-numbers", test_native_numbers);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The path wall, simulated for every system call, and live. The numbers that are expected
 * come from the kernel's headers, not from libseccomp, which made the filter.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NB_ALL_ARCHITECTURES
#include "policy-programs.h"
#include "seccomp/apply.h"
#include "seccomp/policy.h"
#include "seccomp/programs.h"
#include "spawn/base/fd.h"
#include "tests/lib/bpf-sim.h"
#include "tests/lib/nb-test.h"

#if defined __x86_64__
#  define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#  define NATIVE_ARCH AUDIT_ARCH_AARCH64
#endif

/* Calls that newer architectures do without; they must not be taken for number -1. */
#ifndef SYS_open
enum
{
  SYS_open = -1,
  SYS_creat = -1,
  SYS_uselib = -1,
  SYS_mknod = -1,
  SYS_mkdir = -1,
  SYS_rmdir = -1,
  SYS_unlink = -1,
  SYS_rename = -1,
  SYS_link = -1,
  SYS_symlink = -1,
  SYS_chmod = -1,
  SYS_chown = -1,
  SYS_lchown = -1,
  SYS_utime = -1,
  SYS_utimes = -1,
  SYS_futimesat = -1,
};
#endif

enum
{
  LAST_CALL = 511,
  X32_BIT = 0x40000000,
};

static const struct
{
  int number, error;
} denied[] = {
#define DENY(call, error, reason) { SYS_##call, error },
#define DENY_NUMBER(number, call, error, reason) { number, error },
#include "seccomp/path-wall.def"
};

/* --- simulated --- */

static uint32_t
verdict (uint32_t arch, int number)
{
  struct seccomp_data data = { .nr = number, .arch = arch };

  return nb_bpf_sim_run (nb_path_wall_program.instructions, nb_path_wall_program.n, &data);
}

static uint32_t
expected_verdict (int number)
{
  for (size_t i = 0; i < NB_ARRAY_SIZE (denied); i++)
    if (denied[i].number == number)
      return SECCOMP_RET_ERRNO | (uint32_t)denied[i].error;
  return (uint32_t)number > nb_policy_newest ? SECCOMP_RET_ERRNO | ENOSYS
                                             : SECCOMP_RET_ALLOW;
}

static void
test_every_call (void)
{
  for (int number = 0; number <= LAST_CALL; number++)
    g_assert_cmphex (verdict (NATIVE_ARCH, number), ==, expected_verdict (number));
}

/* A typing error in the table of the test would let every call pass. */
static void
test_some_calls (void)
{
  g_assert_cmphex (verdict (NATIVE_ARCH, SYS_openat), ==, SECCOMP_RET_ERRNO | EACCES);
  g_assert_cmphex (verdict (NATIVE_ARCH, SYS_execve), ==, SECCOMP_RET_ERRNO | EACCES);
  g_assert_cmphex (verdict (NATIVE_ARCH, 452), ==, SECCOMP_RET_ERRNO | EACCES);
  g_assert_cmphex (verdict (NATIVE_ARCH, 425), ==, SECCOMP_RET_ERRNO | ENOSYS);
  g_assert_cmphex (verdict (NATIVE_ARCH, SYS_read), ==, SECCOMP_RET_ALLOW);
  g_assert_cmphex (verdict (NATIVE_ARCH, SYS_clone), ==, SECCOMP_RET_ALLOW);
  g_assert_cmphex (verdict (NATIVE_ARCH, SYS_exit_group), ==, SECCOMP_RET_ALLOW);
}

/* The numbers of another architecture: libseccomp must not take ours for them. */
static void
test_aarch64 (void)
{
  static const struct
  {
    int number;
    uint32_t verdict;
  } calls[] = {
    { 56, SECCOMP_RET_ERRNO | EACCES },  /* openat */
    { 221, SECCOMP_RET_ERRNO | EACCES }, /* execve */
    { 452, SECCOMP_RET_ERRNO | EACCES }, /* fchmodat2 */
    { 425, SECCOMP_RET_ERRNO | ENOSYS }, /* io_uring_setup */
    { 463, SECCOMP_RET_ERRNO | ENOSYS }, /* setxattrat */
    { 63, SECCOMP_RET_ALLOW },           /* read */
    { 172, SECCOMP_RET_ALLOW },          /* getpid */
    { 94, SECCOMP_RET_ALLOW },           /* exit_group */
    { 257, SECCOMP_RET_ALLOW },          /* openat of x86-64 */
  };

  for (size_t i = 0; i < NB_ARRAY_SIZE (calls); i++)
    {
      struct seccomp_data data = { .nr = calls[i].number, .arch = AUDIT_ARCH_AARCH64 };

      g_assert_cmphex (
          nb_bpf_sim_run (aarch64_path_wall, NB_ARRAY_SIZE (aarch64_path_wall), &data), ==,
          calls[i].verdict);
    }
}

/* No argument is looked at: an address can be changed after it was. */
static void
test_arguments_do_not_matter (void)
{
  for (int number = 0; number <= LAST_CALL; number++)
    {
      struct seccomp_data data = { .nr = number, .arch = NATIVE_ARCH };

      for (size_t i = 0; i < NB_ARRAY_SIZE (data.args); i++)
        data.args[i] = UINT64_MAX;
      data.instruction_pointer = UINT64_MAX;
      g_assert_cmphex (
          nb_bpf_sim_run (nb_path_wall_program.instructions, nb_path_wall_program.n, &data),
          ==, expected_verdict (number));
    }
}

typedef struct
{
  const char *name;
  uint32_t arch;
} ArchCase;

static const ArchCase arch_cases[] = {
  { "i386", AUDIT_ARCH_I386 },       { "arm", AUDIT_ARCH_ARM },
#ifndef __x86_64__
  { "x86-64", AUDIT_ARCH_X86_64 },
#endif
#ifndef __aarch64__
  { "aarch64", AUDIT_ARCH_AARCH64 },
#endif
  { "riscv64", AUDIT_ARCH_RISCV64 }, { "ppc64le", AUDIT_ARCH_PPC64LE },
  { "s390x", AUDIT_ARCH_S390X },     { "none", 0 },
  { "all-bits", UINT32_MAX },
};

/* A 32-bit entry point has other numbers for the same calls. */
static void
test_other_architecture (gconstpointer data)
{
  const ArchCase *test = data;

  for (int number = 0; number <= LAST_CALL; number++)
    g_assert_cmphex (verdict (test->arch, number), ==, SECCOMP_RET_KILL_PROCESS);
}

/* The same architecture to the kernel, with numbers of its own. */
static void
test_x32 (void)
{
#ifdef __x86_64__
  for (int number = 0; number <= LAST_CALL; number++)
    g_assert_cmphex (verdict (NATIVE_ARCH, number | X32_BIT), ==, SECCOMP_RET_KILL_PROCESS);
#else
  g_test_skip ("only x86-64 has x32");
#endif
}

static void
test_length (void)
{
  g_assert_cmpuint (nb_path_wall_program.n, >, NB_ARRAY_SIZE (denied) / 2);
  g_assert_cmpuint (nb_path_wall_program.n, <, BPF_MAXINSNS);
}

/* --- live --- */

static void
enter_wall (void)
{
  nb_test_child_check (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  nb_test_child_check (nb_seccomp_enter_path_wall () == 0);
}

static int
try_open (const char *path, int flags)
{
  nb_autofd fd = open (path, flags | O_CLOEXEC, 0600);

  return fd < 0 ? -errno : 0;
}

static void
open_files (gconstpointer data)
{
  nb_autofd root = open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  (void)data;
  nb_test_child_check (try_open ("/etc/passwd", O_RDONLY) == 0);
  enter_wall ();
  nb_test_child_check (try_open ("/etc/passwd", O_RDONLY) == -EACCES);
  nb_test_child_check (try_open ("/proc/self/status", O_RDONLY) == -EACCES);
  nb_test_child_check (try_open ("/no/such/file", O_RDONLY) == -EACCES);
  nb_test_child_check (openat (root, "etc/passwd", O_RDONLY) < 0 && errno == EACCES);
  nb_test_child_check (syscall (SYS_io_uring_setup, 1, NULL) < 0 && errno == ENOSYS);
}

static void
change_files (gconstpointer data)
{
  (void)data;
  enter_wall ();
  nb_test_child_check (mkdir ("/tmp/nb-test-path-wall", 0700) < 0 && errno == EACCES);
  nb_test_child_check (unlink ("/tmp/nb-test-path-wall") < 0 && errno == EACCES);
  nb_test_child_check (rename ("/tmp/nb-test-path-wall", "/tmp/x") < 0 && errno == EACCES);
  nb_test_child_check (truncate ("/tmp/nb-test-path-wall", 0) < 0 && errno == EACCES);
  nb_test_child_check (chmod ("/tmp/nb-test-path-wall", 0) < 0 && errno == EACCES);
}

static void
execute (gconstpointer data)
{
  (void)data;
  enter_wall ();
  nb_test_child_check (execl ("/bin/true", "true", NULL) < 0 && errno == EACCES);
}

/* Also what makes a new process and a shared memory: the zygote's daily work. */
static void
use_the_rest (gconstpointer data)
{
  nb_autofd passwd = open ("/etc/passwd", O_RDONLY | O_CLOEXEC), memory = -1;
  struct stat found;
  char byte;

  (void)data;
  enter_wall ();
  nb_test_child_check (read (passwd, &byte, 1) == 1);
  nb_test_child_check (getppid () > 1);
  memory = nb_test_text_file ("x");
  nb_test_child_check (stat ("/etc/passwd", &found) == 0);
  nb_test_child_check (access ("/etc/passwd", R_OK) == 0);
}

static void
open_file_in_grandchild (gconstpointer data)
{
  (void)data;
  nb_test_child_check (try_open ("/etc/passwd", O_RDONLY) == -EACCES);
}

/* Without the library's waiting, which would open a pidfd: that is allowed, /proc is not.
 */
static void
inherit_wall (gconstpointer data)
{
  (void)data;
  enter_wall ();
  nb_test_in_child (open_file_in_grandchild, NULL);
}

#ifdef __x86_64__
static void
call_x32 (gconstpointer data)
{
  (void)data;
  enter_wall ();
  (void)syscall (SYS_getppid | X32_BIT);
}
#endif

static void
test_x32_live (void)
{
#ifdef __x86_64__
  int wait_status = nb_test_wait (nb_test_fork (call_x32, NULL));

  g_assert_true (WIFSIGNALED (wait_status));
  g_assert_cmpint (WTERMSIG (wait_status), ==, SIGSYS);
#else
  g_test_skip ("only x86-64 has x32");
#endif
}

static void
enter_without_no_new_privs (gconstpointer data)
{
  (void)data;
  nb_test_child_drop_root ();
  nb_test_child_check (nb_seccomp_enter_path_wall () == -EACCES);
  nb_test_child_check (try_open ("/etc/passwd", O_RDONLY) == 0);
}

static void
test_without_no_new_privs (void)
{
  if (prctl (PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0)
    g_test_skip ("only who may gain privileges is refused");
  else
    nb_test_in_child (enter_without_no_new_privs, NULL);
}

/* Asking attaches nothing. */
static void
test_is_available (void)
{
  g_assert_true (nb_seccomp_is_available ());
  g_assert_true (nb_seccomp_is_available ());
  g_assert_cmpint (try_open ("/etc/passwd", O_RDONLY), ==, 0);
}

typedef struct
{
  const char *name;
  void (*body) (gconstpointer data);
} LiveCase;

static const LiveCase live_cases[] = {
  { "files-cannot-be-opened", open_files }, { "nothing-is-changed", change_files },
  { "nothing-is-executed", execute },       { "the-rest-stays-usable", use_the_rest },
  { "forks-inherit-it", inherit_wall },
};

static void
test_live (gconstpointer data)
{
  const LiveCase *test = data;

  nb_test_in_child (test->body, NULL);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/path-wall/every-call", test_every_call);
  nb_test_add ("/path-wall/some-calls-by-hand", test_some_calls);
  nb_test_add ("/path-wall/aarch64-by-hand", test_aarch64);
  nb_test_add ("/path-wall/arguments-do-not-matter", test_arguments_do_not_matter);
  nb_test_add_cases ("/path-wall/other-architecture", arch_cases, test_other_architecture);
  nb_test_add ("/path-wall/x32", test_x32);
  nb_test_add ("/path-wall/length", test_length);
  nb_test_add_cases ("/path-wall/live", live_cases, test_live);
  nb_test_add ("/path-wall/live/x32-is-killed", test_x32_live);
  nb_test_add ("/path-wall/live/needs-no-new-privs", test_without_no_new_privs);
  nb_test_add ("/path-wall/live/is-available", test_is_available);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The policies in the kernel. Under each lies a filter that answers every other call with
 * an errno of its own, so that no call is ever made: "allowed" shows as that errno, and
 * reboot or kill (-1) are safe to try. Then the own-PID filter, with real signals.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp/apply.h"
#include "seccomp/confine.h"
#include "seccomp/policy.h"
#include "seccomp/programs.h"
#include "spawn/base/macros.h"
#include "tests/lib/nb-test.h"

enum
{
  SENTINEL = 1111, /* no errno of the kernel's */
  LAST_CALL = 511,
  UPROBES = 335, /* to 336 on x86-64: the kernel does not show them to filters */
};

static const uint64_t vectors[][2] = {
  { 0, 0 },
  { 1, 1 },
  { 0, TIOCSTI },
  { 0, TIOCSTI | 0x100000000 },
  { 0, F_SETOWN },
  { 0, FIOSETOWN },
  { AF_NETLINK, 0 },
  { AF_INET | 0x100000000, 0 },
  { 0xffffffff, 0 },
  { UINT64_MAX, UINT64_MAX },
  { CLONE_NEWUSER | SIGCHLD, 0 },
  { PR_SET_PTRACER, 0 },
};

/* What each call of each vector was answered; shared with the child that makes them. */
static int (*answers)[NB_ARRAY_SIZE (vectors)];

/* --- every call --- */

static void
enter_sentinel (void)
{
  static struct sock_filter instructions[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 3, 0),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, args[0])),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | SENTINEL),
  };
  struct sock_fprog program = { NB_ARRAY_SIZE (instructions), instructions };

  nb_test_child_check (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  nb_test_child_check (prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
}

static bool
is_left_out (int number)
{
#ifdef __x86_64__
  if (number == UPROBES || number == UPROBES + 1)
    return true;
#endif
  return number == SYS_exit_group;
}

static void
make_every_call (gconstpointer data)
{
  enter_sentinel ();
  if (nb_seccomp_enter_policy ((NbKind)GPOINTER_TO_INT (data)) < 0)
    _exit (2);
  for (int number = 0; number <= LAST_CALL; number++)
    for (size_t i = 0; !is_left_out (number) && i < NB_ARRAY_SIZE (vectors); i++)
      answers[number][i]
          = syscall (number, vectors[i][0], vectors[i][1], 0, 0, 0, 0) < 0 ? errno : 0;
  _exit (0); /* nothing else can be done here */
}

static void
test_every_call (gconstpointer data)
{
  NbKind kind = (NbKind)GPOINTER_TO_INT (data);

  answers = mmap (NULL, (LAST_CALL + 1) * sizeof *answers, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  g_assert_true (answers != MAP_FAILED);
  g_assert_cmpint (nb_test_wait (nb_test_fork (make_every_call, data)), ==, 0);
  for (int number = 0; number <= LAST_CALL; number++)
    for (size_t i = 0; !is_left_out (number) && i < NB_ARRAY_SIZE (vectors); i++)
      {
        struct seccomp_data call
            = { .nr = number, .args = { vectors[i][0], vectors[i][1] } };
        int expected = nb_policy_evaluate (kind, nb_policy_numbers, &call, NULL);

        if (answers[number][i] != (expected != 0 ? expected : SENTINEL))
          g_error ("call %d, vector %zu: errno %d instead of %d", number, i,
                   answers[number][i], expected);
      }
  munmap (answers, (LAST_CALL + 1) * sizeof *answers);
}

static void
call_as_i386 (gconstpointer data)
{
  nb_test_child_check (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  nb_test_child_check (nb_seccomp_enter_policy ((NbKind)GPOINTER_TO_INT (data)) == 0);
#ifdef __x86_64__
  int result;

  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory"); /* getpid of i386 */
#endif
}

static void
test_i386 (gconstpointer data)
{
#ifdef __x86_64__
  int status = nb_test_wait (nb_test_fork (call_as_i386, data));

  g_assert_true (WIFSIGNALED (status));
  g_assert_cmpint (WTERMSIG (status), ==, SIGSYS);
#else
  (void)data, (void)call_as_i386;
  g_test_skip ("only x86-64 has an i386 entry");
#endif
}

/* --- the own-PID filter --- */

static int
try_kill (long pid)
{
  return syscall (SYS_kill, pid, 0) < 0 ? -errno : 0;
}

static int
try_queue (pid_t pid)
{
  siginfo_t info = { .si_signo = SIGCONT, .si_code = SI_QUEUE };

  return syscall (SYS_rt_tgsigqueueinfo, pid, pid, SIGCONT, &info) < 0 ? -errno : 0;
}

static void
signal_others (gconstpointer data)
{
  bool may_execute = GPOINTER_TO_INT (data);
  pid_t self = getpid (), parent = getppid ();
  char *argv[] = { (char *)"/bin/true", NULL };

  nb_test_child_check (try_kill (parent) == 0); /* it would work */
  nb_test_child_check (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  nb_test_child_check (nb_seccomp_enter_own_pid (self, may_execute) == 0);
  nb_test_child_check (try_kill (self) == 0);
  nb_test_child_check (try_kill (self | (1L << 40)) == 0); /* the kernel sees an int */
  nb_test_child_check (try_kill (parent) == -EPERM);
  nb_test_child_check (try_kill (parent | (1L << 40)) == -EPERM);
  nb_test_child_check (try_kill (-1) == -EPERM);
  nb_test_child_check (try_kill (0) == -EPERM);
  nb_test_child_check (syscall (SYS_tgkill, parent, parent, 0) < 0 && errno == EPERM);
  nb_test_child_check (syscall (SYS_tgkill, self, self, 0) == 0);
  nb_test_child_check (try_queue (parent) == -EPERM);
  nb_test_child_check (try_queue (self) == 0);
  nb_test_child_check (raise (SIGCONT) == 0);
  if (may_execute)
    execv (argv[0], argv);
  nb_test_child_check (!may_execute && execv (argv[0], argv) < 0 && errno == EACCES);
}

static void
test_own_pid (gconstpointer data)
{
  nb_test_in_child (signal_others, data);
}

static void
abort_self (gconstpointer data)
{
  (void)data;
  nb_test_child_check (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  nb_test_child_check (nb_seccomp_enter_own_pid (getpid (), false) == 0);
  (void)signal (SIGABRT, SIG_DFL);
  abort ();
}

static void
fork_and_abort (gconstpointer data)
{
  pid_t pid;
  int status = 0;

  (void)data;
  nb_test_child_check (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  nb_test_child_check (nb_seccomp_enter_own_pid (getpid (), false) == 0);
  pid = fork ();
  if (pid == 0)
    {
      (void)signal (SIGSEGV, SIG_DFL); /* a sanitizer's would exit */
      abort ();
    }
  nb_test_child_check (waitpid (pid, &status, 0) == pid);
  nb_test_child_check (WIFSIGNALED (status)); /* SIGSEGV: abort() cannot raise */
}

/* Chromium's file broker is such a fork: a crash of it must still be its end. */
static void
test_abort (void)
{
  int status = nb_test_wait (nb_test_fork (abort_self, NULL));

  g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGABRT);
  nb_test_in_child (fork_and_abort, NULL);
}

static void
test_misuse (void)
{
  g_assert_cmpint (nb_seccomp_enter_own_pid (0, true), ==, -EINVAL);
  g_assert_cmpint (nb_seccomp_enter_own_pid (-1, true), ==, -EINVAL);
  g_assert_cmpint (nb_seccomp_enter_policy (NB_N_KINDS), ==, -EINVAL);
}

/* --- all of it --- */

static int
count_filters (void)
{
  g_autofree char *status
      = nb_test_read_all (open ("/proc/self/status", O_RDONLY | O_CLOEXEC));
  const char *line = strstr (status, "Seccomp_filters:");

  return line == NULL ? -1 : atoi (line + strlen ("Seccomp_filters:"));
}

static void
confine (gconstpointer data)
{
  NbKind kind = (NbKind)GPOINTER_TO_INT (data);
  bool alone = kind == NB_KIND_RENDERER || kind == NB_KIND_UTILITY || kind == NB_KIND_GPU
               || kind == NB_KIND_NETWORK || kind == NB_KIND_AUDIO;
  int before = count_filters ();

  nb_test_child_check (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  nb_test_child_check (nb_confine_before_exec (kind, NULL) == 0);
  nb_test_child_check (count_filters () == before + (alone ? 2 : 1));
  nb_test_child_check ((try_kill (getppid ()) == 0) == !alone);
  nb_test_child_check (try_kill (getpid ()) == 0);
}

static void
test_confine (gconstpointer data)
{
  nb_test_in_child (confine, data);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  for (int kind = 0; kind < NB_N_KINDS; kind++)
    {
      const char *name = nb_kind_name ((NbKind)kind);

      nb_test_add_case ("/policy-live/every-call", name, GINT_TO_POINTER (kind),
                        test_every_call);
      nb_test_add_case ("/policy-live/i386", name, GINT_TO_POINTER (kind), test_i386);
      nb_test_add_case ("/policy-live/confine", name, GINT_TO_POINTER (kind), test_confine);
    }
  nb_test_add_case ("/policy-live/own-pid", "may-execute", GINT_TO_POINTER (1),
                    test_own_pid);
  nb_test_add_case ("/policy-live/own-pid", "may-not-execute", GINT_TO_POINTER (0),
                    test_own_pid);
  nb_test_add ("/policy-live/abort", test_abort);
  nb_test_add ("/policy-live/misuse", test_misuse);
  return g_test_run ();
}

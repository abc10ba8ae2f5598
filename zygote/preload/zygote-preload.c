/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loaded into Chromium's zygotes, and only there. Libc only. In all of them it isolates
 * each child from its siblings. Those that Chromium calls unsandboxed, one in the app and
 * one in the sub-sandbox for the GPU process, have nothing but that at their forks. What
 * follows is about the other, which forks pages.
 *
 * Chromium believes that it was started by its set-uid helper, and at one point asks the
 * helper to chroot it (sandbox/linux/suid/client/setuid_sandbox_client.cc, ChrootMe). In
 * Flatpak chroot is forbidden, so this library puts up another wall at exactly that
 * point: Landlock, or seccomp on kernels without it. Chromium's own check that
 * /proc/self/exe cannot be opened then passes because it cannot be opened. If no wall
 * can be put up the process ends here.
 *
 * The one answer that is not the kernel's is getpid() == 1, once, for Chromium's check
 * that it is the first process of a PID namespace; here bubblewrap is, and the broker
 * has compared the namespaces before the zygote was started.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp/apply.h"
#include "seccomp/landlock.h"
#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/base/no-bus.h"
#include "zygote/preload/helper-environment.h"
#include "zygote/preload/proc-door-client.h"
#include "zygote/wire/message.h"
#include "zygote/wire/zygote-command.h"

enum
{
  CONTROL_FD = 3, /* content/public/common/zygote: kZygoteSocketPairFd */
};

static struct
{
  bool is_zygote;   /* the sandboxed one */
  bool unsandboxed; /* Chromium's other zygote, which has no wall, in the app */
  bool forks_gpu;   /* the same in the sub-sandbox for the GPU process */
  bool watched;     /* whoever holds the base filter's listener judges signals */
  bool is_child;    /* one of its forks, or a fork of that */
  bool wall_is_up;
  bool answer_pid_1; /* the next getpid() is Chromium's check */
  pid_t zygote;      /* the zygote's own pid, to its children */
  NbWall wall;
  bool forks_renderer; /* by the browser's last request */
  int helper_end;      /* our end of the socket on which Chromium asks for its chroot */
} self = { .helper_end = -1 };

static void
die (const char *what, int error)
{
  nb_log_error ("zygote not started: %s: %s (see `nestbox doctor`)", what,
                strerror (error));
  _exit (1);
}

static void
enter_wall (void)
{
  int result = -EOPNOTSUPP;

  if (self.wall == NB_WALL_AUTO && nb_landlock_abi () == 0)
    self.wall = NB_WALL_SECCOMP;
  if (self.wall == NB_WALL_SECCOMP)
    {
      /* Where the kernel can: not even the zygote reaches the controller by a signal. */
      result = nb_landlock_enter_scope (NB_LANDLOCK_SIGNALS | NB_LANDLOCK_ABSTRACT_SOCKETS);
      if (result == 0)
        result = nb_seccomp_enter_path_wall ();
    }
  else
    result = nb_landlock_enter_wall ();
  if (result < 0)
    die (self.wall == NB_WALL_SECCOMP ? "seccomp path wall" : "Landlock wall", -result);
  self.wall_is_up = true;
}

/* Chromium wrote 'C' and now waits for the helper; 'O' tells it that the wall is up. */
static void
answer_chroot (void)
{
  char request = '\0';

  if (read (self.helper_end, &request, 1) != 1 || request != 'C')
    die ("chroot request", EPROTO);
  enter_wall ();
  if (write (self.helper_end, "O", 1) != 1)
    die ("chroot answer", errno);
  nb_fd_clear (&self.helper_end);
  self.zygote = (pid_t)syscall (SYS_getpid);
  self.answer_pid_1 = true;
}

static void
end_with_zygote (void)
{
  if (prctl (PR_SET_PDEATHSIG, SIGKILL) < 0)
    die ("parent death signal", errno);
  if (getppid () != self.zygote)
    _exit (1); /* the zygote ended before the signal was set */
}

/*
 * No signal reaches anyone else. What has no files of its own must not execute what it has
 * in memory either; what the app's sandbox holds may execute programs.
 */
static void
silence_child (bool may_execute)
{
  int result = 0;

  if (!self.watched)
    result = nb_seccomp_enter_own_pid ((pid_t)syscall (SYS_getpid), may_execute);
  if (result < 0)
    die ("own-PID filter of a child", -result);
}

/* For whom there is no controller. One that cannot be set is not a hole. */
static void
set_own_score (void)
{
  nb_autofd file = (int)syscall (SYS_openat, AT_FDCWD, "/proc/self/oom_score_adj",
                                 O_WRONLY | O_CLOEXEC);

  if (file >= 0)
    (void)!write (file, "200", 3); /* Chromium's, for all but renderers */
}

/* An abstract socket may be the display's. */
static void
prepare_child_in_app (void)
{
  int result = nb_landlock_enter_scope (NB_LANDLOCK_SIGNALS);

  if (result < 0)
    die ("Landlock scope of a child", -result);
  set_own_score ();
  silence_child (true);
}

/*
 * The GPU process forks as well: a broker for the files that it opens later
 * (sandbox/policy/linux/sandbox_linux.cc, StartBrokerProcess), which inherits all of it.
 */
static void
prepare_gpu_process (void)
{
  int result = 0;

  end_with_zygote ();
  (void)nb_proc_door_use (NB_DOOR_OTHER, false);
  /* Without Landlock files are what the sub-sandbox has of them. */
  if (self.wall != NB_WALL_SECCOMP && nb_landlock_abi () > 0)
    result = nb_landlock_enter_gpu ();
  if (result < 0)
    die ("Landlock domain of the GPU process", -result);
  silence_child (false);
}

/* Of the sandboxed zygote: siblings cannot trace each other, nor signal. */
static void
prepare_page (void)
{
  int result;

  end_with_zygote ();
  result = nb_landlock_enter_child_domain ();
  if (result < 0)
    die ("Landlock scope of a child", -result);
  silence_child (false);
  /* Only the list is needed to go on; a score that cannot be set is not a hole. */
  result = nb_proc_door_use (self.forks_renderer ? NB_DOOR_RENDERER : NB_DOOR_OTHER,
                             self.wall == NB_WALL_SECCOMP);
  if (result < 0 && self.wall == NB_WALL_SECCOMP)
    die ("list of open files", -result);
}

/* In every process forked from here, before any of Chromium's code. */
static void
prepare_child (void)
{
  self.answer_pid_1 = false;
  if (self.is_child || (self.is_zygote && !self.wall_is_up))
    return; /* a zygote may yet fork itself, before the wall is up */
  self.is_child = true;
  if (self.unsandboxed)
    prepare_child_in_app ();
  else if (self.forks_gpu)
    prepare_gpu_process ();
  else
    prepare_page ();
}

/*
 * Interposed to know what is forked next, for its OOM score: the browser's request names
 * it (content/browser/zygote_host/zygote_communication_linux.cc, ForkRequest).
 */
NB_EXPORT ssize_t
recvmsg (int fd, struct msghdr *message, int flags)
{
  ssize_t size = (ssize_t)syscall (SYS_recvmsg, fd, message, flags);

  if (self.is_zygote && !self.is_child && fd == CONTROL_FD && size > 0
      && (size_t)size <= message->msg_iov->iov_len)
    self.forks_renderer = nb_zygote_command_is_fork_of (message->msg_iov->iov_base,
                                                        (size_t)size, "renderer");
  return size;
}

/* Interposed; Chromium's ChrootMe() calls it for the helper's pid and no other. */
NB_EXPORT pid_t
waitpid (pid_t pid, int *status, int options)
{
  if (self.is_zygote && pid == NB_HELPER_PID && self.helper_end >= 0)
    {
      answer_chroot ();
      if (status != NULL)
        *status = 0;
      return pid;
    }
  return (pid_t)syscall (SYS_wait4, pid, status, options, (struct rusage *)NULL);
}

/* Interposed; setuid_sandbox_client.cc checks it right after ChrootMe(). */
NB_EXPORT pid_t
getpid (void)
{
  if (self.answer_pid_1)
    {
      self.answer_pid_1 = false;
      return 1;
    }
  return (pid_t)syscall (SYS_getpid);
}

static int
open_beneath (int folder, const char *path, int flags, unsigned mode)
{
  if (self.wall_is_up && self.wall == NB_WALL_SECCOMP)
    {
      int fd = nb_proc_door_open (folder, path);

      if (fd != -ENOENT)
        return fd;
    }
  return (int)syscall (SYS_openat, folder, path, flags, mode);
}

/* Interposed for the seccomp wall only: see proc-door-client.h. */
NB_EXPORT int
openat (int folder, const char *path, int flags, ...)
{
  unsigned mode = 0;
  va_list arguments;

  va_start (arguments, flags);
  if ((flags & (O_CREAT | __O_TMPFILE)) != 0)
    mode = va_arg (arguments, unsigned);
  va_end (arguments);
  return open_beneath (folder, path, flags, mode);
}

NB_EXPORT int openat64 (int, const char *, int, ...) __attribute__ ((alias ("openat")));

/*
 * The number of Chromium's end goes into the text of SBX_D=0000 where it stands: Chromium
 * writes process titles over its arguments only while the environment lies behind them
 * unmoved (base/process/set_process_title_linux.cc), and setenv() would move it.
 */
static void
announce_helper (int chromium_end)
{
  char *number = getenv ("SBX_D");

  if (number == NULL || strlen (number) != 4)
    die ("SBX_D", EINVAL);
  for (int at = 3, rest = chromium_end; at >= 0; at--, rest /= 10)
    number[at] = (char)('0' + rest % 10);
}

static NbWall
parse_wall (const char *name)
{
  if (name != NULL && strcmp (name, "landlock") == 0)
    return NB_WALL_LANDLOCK;
  return name != NULL && strcmp (name, "seccomp") == 0 ? NB_WALL_SECCOMP : NB_WALL_AUTO;
}

/* No code of the browser's runs in here where a bus is known, or connected to. */
static void
check_bus (void)
{
  if (nb_bus_in_environment ((const char *const *)environ) == NULL
      && nb_bus_check_peers () == 0)
    return;
  nb_log_error ("zygote not started: a bus is within its reach (see `nestbox doctor`)");
  _exit (1);
}

NB_CONSTRUCTOR static void
start (void)
{
  const char *door = getenv ("NESTBOX_PROC_DOOR"), *role = getenv ("NESTBOX_ZYGOTE");
  int ends[2];

  if (role == NULL)
    return;
  self.unsandboxed = strcmp (role, "unsandboxed") == 0;
  self.forks_gpu = strcmp (role, "gpu") == 0;
  self.is_zygote = !self.unsandboxed && !self.forks_gpu;
  self.zygote = (pid_t)syscall (SYS_getpid);
  self.wall = parse_wall (getenv ("NESTBOX_WALL"));
  nb_proc_door_init (door != NULL ? atoi (door) : -1);
  self.watched = getenv ("NESTBOX_WATCHED") != NULL;
  unsetenv ("NESTBOX_ZYGOTE");
  unsetenv ("NESTBOX_WATCHED");
  unsetenv ("NESTBOX_WALL");
  unsetenv ("NESTBOX_PROC_DOOR");
  unsetenv ("LD_PRELOAD");
  if (!self.unsandboxed)
    check_bus ();
  if (pthread_atfork (NULL, NULL, prepare_child) != 0)
    die ("pthread_atfork", ENOMEM);
  if (!self.is_zygote)
    return;
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
    die ("socketpair", errno);
  self.helper_end = ends[0];
  announce_helper (ends[1]);
}

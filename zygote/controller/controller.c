/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/controller/controller.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "seccomp/apply.h"
#include "seccomp/landlock.h"
#include "spawn/base/fd.h"
#include "spawn/base/flatpak-level.h"
#include "spawn/base/no-bus.h"
#include "zygote/controller/background.h"
#include "zygote/controller/child-table.h"
#include "zygote/controller/exec.h"
#include "zygote/controller/gpu-environment.h"
#include "zygote/controller/identify.h"
#include "zygote/controller/listeners.h"
#include "zygote/controller/survey.h"
#include "zygote/controller/zygotes.h"
#include "zygote/wire/message.h"

enum
{
  REAP_GRACE_MS = 2000,      /* Chromium: content/zygote/zygote_linux.cc, ReapChildren */
  KNOWN_DEAD_WAIT_MS = 2000, /* a killed process that is stuck in the kernel */
};

static struct
{
  int channel;
  int epoll;
  int signals;
  bool relays;         /* PIDs are hidden: zygotes are relayed */
  bool watches;        /* base filters are watched */
  bool owns_namespace; /* every process of this PID namespace was started by us */
  uint32_t bus;        /* NbBus that was found where there must be none */
  bool stop;
  NbChildTable children;
} self = { .channel = -1, .epoll = -1, .signals = -1 };

static int64_t
now_ms (void)
{
  struct timespec now;

  (void)clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- messages to the broker --- */

static void
send_message (const NbMessage *message, const int *fds, size_t n_fds)
{
  if (nb_message_send (self.channel, message, fds, n_fds) < 0)
    self.stop = true;
}

static void
send_result_with (const NbMessage *request, int error, const NbChild *child,
                  const char *detail)
{
  NbMessage message
      = { .type = NB_MESSAGE_RESULT, .serial = request->serial, .child = request->child };

  message.result.error = error;
  message.result.state = child != NULL ? child->state : NB_CHILD_NONE;
  message.result.wait_status = child != NULL ? child->wait_status : 0;
  message.result.detail = nb_slice (detail);
  send_message (&message, NULL, 0);
}

static void
send_result (const NbMessage *request, int error, const NbChild *child)
{
  send_result_with (request, error, child, "");
}

static uint64_t
namespace_inode (NbNamespace namespace)
{
  static const char *const paths[NB_N_NAMESPACES]
      = { "/proc/self/ns/pid", "/proc/self/ns/net", "/proc/self/ns/mnt",
          "/proc/self/ns/ipc" };
  struct stat found;

  return stat (paths[namespace], &found) < 0 ? 0 : found.st_ino;
}

/* What this place is, as measured here; whether it will do is for the broker to judge. */
static void
send_hello (void)
{
  NbMessage message = { .type = NB_MESSAGE_HELLO };
  NbFlatpakInfo info = { .level = NB_FLATPAK_NONE };
  nb_autofd first = -1;

  (void)nb_flatpak_info_read (NB_FLATPAK_INFO, &info);
  message.hello.version = NB_PROTOCOL_VERSION;
  message.hello.level = info.level;
  message.hello.landlock_abi = (uint32_t)nb_landlock_abi ();
  message.hello.seccomp = nb_seccomp_is_available ();
  message.hello.no_new_privs = prctl (PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  for (int i = 0; i < NB_N_NAMESPACES; i++)
    message.hello.namespaces[i] = namespace_inode ((NbNamespace)i);
  message.hello.bus = nb_bus_find (false);
  self.bus = info.level == NB_FLATPAK_SUB_SANDBOX ? message.hello.bus : NB_BUS_NONE;
  self.owns_namespace = info.level == NB_FLATPAK_SUB_SANDBOX && getppid () == 1;
  if (self.owns_namespace)
    first = (int)syscall (SYS_pidfd_open, 1, 0);
  send_message (&message, &first, first >= 0);
}

/* --- children --- */

static void
report_exit (NbChild *child, int wait_status)
{
  NbMessage message = { .type = NB_MESSAGE_EXITED, .child = child->id };

  nb_child_set_exited (child, wait_status);
  message.wait_status = wait_status;
  send_message (&message, NULL, 0);
}

/* Collects everything that ended, orphans that were re-parented to us included. */
static void
collect (void)
{
  int wait_status;
  pid_t pid;

  while ((pid = waitpid (-1, &wait_status, WNOHANG)) > 0)
    {
      NbChild *child = nb_child_table_find_pid (&self.children, pid);

      if (child != NULL)
        report_exit (child, wait_status);
    }
}

static int
expire_reaps (void)
{
  int64_t now = now_ms (), next = -1;

  for (size_t i = 0; i < self.children.n; i++)
    {
      NbChild *child = &self.children.children[i];

      if (child->kill_at_ms == 0)
        continue;
      if (child->kill_at_ms <= now)
        {
          (void)nb_child_signal (child, SIGKILL);
          child->kill_at_ms = 0;
        }
      else if (next < 0 || child->kill_at_ms - now < next)
        next = child->kill_at_ms - now;
    }
  return (int)next;
}

static int
watch (int fd)
{
  struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

  return epoll_ctl (self.epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static void
unwatch (int fd)
{
  (void)epoll_ctl (self.epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* --- EXEC --- */

/* Starts argv[0]; the strings were copied out of the packet, which ends with the request.
 */
static int
spawn_copies (const NbExec *exec, NbSpawn *spawn, pid_t *pid_out, int *pidfd_out,
              int *listener_out)
{
  int result = -EINVAL;

  spawn->argv = nb_strings_dup (&exec->argv);
  spawn->envp = nb_strings_dup (&exec->envp);
  if (spawn->argv != NULL && spawn->envp != NULL)
    result = nb_spawn (spawn, pid_out, pidfd_out, listener_out);
  free (spawn->argv);
  free (spawn->envp);
  return result;
}

static const NbLoop loop = { .watch = watch, .unwatch = unwatch };

/* In a sub-sandbox what Chromium calls unsandboxed forks the GPU process, and nothing else.
 */
static NbKind
kind_in_here (NbKind kind)
{
  return kind == NB_KIND_UNSANDBOXED_ZYGOTE ? NB_KIND_GPU_ZYGOTE : kind;
}

/*
 * What the portal was to expose must be there, which it does not promise, and be nobody's
 * to replace (flatpak: portal/flatpak-portal.c ignores what it cannot expose).
 */
static int
check_endpoint (NbSlice socket)
{
  char path[PATH_MAX];
  struct stat found;
  char *slash;

  if (socket.length >= sizeof path || memchr (socket.data, '\0', socket.length) != NULL)
    return -EINVAL;
  memcpy (path, socket.data, socket.length);
  path[socket.length] = '\0';
  if (lstat (path, &found) < 0)
    return -ENOTCONN;
  slash = strrchr (path, '/');
  if (!S_ISSOCK (found.st_mode) || slash == NULL)
    return -ENOTCONN;
  *slash = '\0';
  return access (path, W_OK) == 0 ? -ENOTCONN : 0;
}

static int
start_child (NbMessage *request, NbPacket *packet, NbChild **child_out)
{
  NbExec *exec = &request->exec;
  NbSpawn spawn = { .kind = kind_in_here (exec->kind),
                    .has_bus = exec->bus.length > 0,
                    .watch = self.watches,
                    .n_fds = exec->n_targets };
  int made[2] = { -1, -1 }, result, pidfd = -1, listener = -1;
  pid_t pid = 0;

  if (nb_child_table_find (&self.children, request->child) != NULL)
    return -EEXIST;
  if (self.bus != NB_BUS_NONE && nb_kind_has_no_bus (spawn.kind))
    return -EISCONN;
  result = spawn.has_bus ? check_endpoint (exec->bus) : 0;
  if (result == 0)
    result = nb_child_table_reserve (&self.children);
  for (size_t i = 0; i < exec->n_targets; i++)
    {
      spawn.fds[i] = packet->fds[i];
      spawn.targets[i] = exec->targets[i];
    }
  if (result == 0 && nb_kind_is_zygote (exec->kind))
    result = nb_zygote_prepare (exec, packet, self.relays, &loop, &spawn, made);
  else if (result == 0 && exec->kind == NB_KIND_GPU)
    result = nb_gpu_prepare (exec, &spawn);
  if (result == 0)
    result = spawn_copies (exec, &spawn, &pid, &pidfd, &listener);
  if (result == 0 && exec->kind == NB_KIND_ZYGOTE) /* for the GPU's child a window waits */
    nb_background_prepare (pid);
  if (listener >= 0)
    nb_listeners_add (listener, spawn.kind, pid, request->child, &loop);
  nb_fd_clear (&made[0]);
  nb_fd_clear (&made[1]);
  if (result == 0)
    result = nb_child_table_add (&self.children, request->child, pid, pidfd);
  if (result < 0)
    return result;
  *child_out = nb_child_table_find (&self.children, request->child);
  return 0;
}

static void
handle_exec (NbMessage *request, NbPacket *packet)
{
  NbMessage born = { .type = NB_MESSAGE_BORN, .child = request->child };
  NbChild *child = NULL;
  int result = start_child (request, packet, &child);

  send_result_with (request, -result, child,
                    result == 0 && nb_kind_is_for_gpu (request->exec.kind)
                        ? nb_gpu_environment_lack ()
                        : "");
  if (result == 0)
    send_message (&born, &child->pidfd, 1);
}

/* --- the other requests --- */

static void
handle_oom_adjust (NbMessage *request, NbPacket *packet)
{
  int result = nb_zygotes_adjust_oom (self.relays, request->oom.pid, request->oom.score);

  (void)packet;
  send_result (request, -result, NULL);
}

/* Comes before the first EXEC; what was decided about this place stays decided. */
static void
handle_welcome (NbMessage *request, NbPacket *packet)
{
  (void)packet;
  if (self.children.n > 0)
    self.stop = true; /* not our broker */
  self.relays = request->welcome.relay;
  self.watches = request->welcome.watch;
}

static void
handle_kill (NbMessage *request, NbPacket *packet)
{
  NbChild *child = nb_child_table_find (&self.children, request->child);
  int result = child == NULL ? -ESRCH : nb_child_signal (child, request->signal);

  (void)packet;
  send_result (request, -result, child);
}

/* A child that is known to be dead is ended first, and waited for within a bound. */
static void
handle_status (NbMessage *request, NbPacket *packet)
{
  NbChild *child = nb_child_table_find (&self.children, request->child);

  (void)packet;
  if (child != NULL && child->state == NB_CHILD_RUNNING && request->known_dead)
    {
      struct pollfd ended = { .fd = child->pidfd, .events = POLLIN };

      (void)nb_child_signal (child, SIGKILL);
      (void)poll (&ended, 1, KNOWN_DEAD_WAIT_MS);
    }
  collect ();
  child = nb_child_table_find (&self.children, request->child);
  send_result (request, child == NULL ? ESRCH : 0, child);
}

/* Ends a running child within REAP_GRACE_MS, and forgets one that has ended. */
static void
handle_reap (NbMessage *request, NbPacket *packet)
{
  NbChild *child = nb_child_table_find (&self.children, request->child);

  (void)packet;
  send_result (request, child == NULL ? ESRCH : 0, child);
  if (child != NULL && child->state == NB_CHILD_EXITED)
    nb_child_table_remove (&self.children, request->child);
  else if (child != NULL && child->kill_at_ms == 0)
    child->kill_at_ms = now_ms () + REAP_GRACE_MS;
}

static void
handle_list (NbMessage *request, NbPacket *packet)
{
  static NbMessage message;

  (void)packet;
  message = (NbMessage){ .type = NB_MESSAGE_LISTED, .serial = request->serial };
  message.list.n = self.children.n;
  for (size_t i = 0; i < self.children.n; i++)
    message.list.entries[i]
        = (NbListEntry){ self.children.children[i].id, self.children.children[i].state };
  send_message (&message, NULL, 0);
}

/* Of the sub-sandbox the controller says what runs in it; the rest is the broker's. */
static void
handle_survey (NbMessage *request, NbPacket *packet)
{
  static NbMessage message;
  nb_autofd proc = open ("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  (void)packet;
  message = (NbMessage){ .type = NB_MESSAGE_SURVEYED, .serial = request->serial };
  message.survey.reason = nb_slice ("");
  if (proc >= 0)
    nb_survey_take (&message.survey, proc, getpid (), nb_zygotes_find_stand_in);
  send_message (&message, NULL, 0);
}

/* No PID of the browser's names anything here but the child that its stand-in is of. */
static void
handle_identify (NbMessage *request, NbPacket *packet)
{
  static NbMessage message;
  int pidfd
      = packet->n_fds > 0 ? packet->fds[0] : nb_zygotes_find_pidfd (request->stand_in);
  NbFlatpakInfo info = { .level = NB_FLATPAK_NONE };
  int result = -ESRCH;

  message = (NbMessage){ .type = NB_MESSAGE_IDENTIFIED, .serial = request->serial };
  if (pidfd >= 0)
    result = nb_identify (pidfd, &self.children, &message.identity);
  message.identity.error = result < 0 ? -result : 0;
  if (result == 0)
    (void)nb_flatpak_info_read (NB_FLATPAK_INFO, &info);
  message.identity.instance = nb_slice (info.instance);
  send_message (&message, NULL, 0);
}

static void
serve_channel (void)
{
  static void (*const handlers[]) (NbMessage *, NbPacket *) = {
    [NB_MESSAGE_EXEC] = handle_exec,
    [NB_MESSAGE_KILL] = handle_kill,
    [NB_MESSAGE_STATUS] = handle_status,
    [NB_MESSAGE_REAP] = handle_reap,
    [NB_MESSAGE_LIST] = handle_list,
    [NB_MESSAGE_WELCOME] = handle_welcome,
    [NB_MESSAGE_OOM_ADJUST] = handle_oom_adjust,
    [NB_MESSAGE_SURVEY] = handle_survey,
    [NB_MESSAGE_IDENTIFY] = handle_identify,
  };
  static NbPacket packet;
  static NbMessage message;
  int result = nb_channel_receive (self.channel, &packet);

  if (result > 0)
    result = nb_message_decode (&packet, &message);
  else if (result == 0)
    result = -EPIPE;
  if (result == 0 && (size_t)message.type < NB_ARRAY_SIZE (handlers)
      && handlers[message.type] != NULL)
    handlers[message.type](&message, &packet);
  else
    self.stop = true; /* the broker is gone, or is not our broker */
  nb_packet_clear (&packet);
}

/* --- the loop --- */

static void
serve_others (int fd)
{
  NbMessage denied = { .type = NB_MESSAGE_DENIED };

  if (!nb_listeners_serve (fd, &loop, &denied))
    nb_zygotes_serve (fd);
  else if (denied.denied.error != 0)
    send_message (&denied, NULL, 0);
}

static void
serve_signals (void)
{
  struct signalfd_siginfo info;

  if (read (self.signals, &info, sizeof info) != sizeof info)
    return;
  /* The portal's WATCH_BUS sends SIGINT when the broker's bus connection is gone. */
  if (info.ssi_signo != SIGCHLD)
    self.stop = true;
}

static int
set_up (int channel)
{
  sigset_t handled;
  int result;

  self.channel = channel;
  sigemptyset (&handled);
  sigaddset (&handled, SIGCHLD);
  sigaddset (&handled, SIGINT);
  sigaddset (&handled, SIGTERM);
  sigaddset (&handled, SIGHUP);
  if (sigprocmask (SIG_BLOCK, &handled, NULL) < 0
      || (self.signals = signalfd (-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK)) < 0
      || (self.epoll = epoll_create1 (EPOLL_CLOEXEC)) < 0
      || prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0
      /* Nothing that it starts may trace it, read its memory or take its channel. */
      || prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
    return -errno;
  result = watch (self.channel);
  return result < 0 ? result : watch (self.signals);
}

static void
end_everything (void)
{
  for (size_t i = 0; i < self.children.n; i++)
    (void)nb_child_signal (&self.children.children[i], SIGKILL);
  if (self.owns_namespace)
    (void)kill (-1, SIGKILL);
  nb_child_table_clear (&self.children);
}

int
nb_controller_run (int channel)
{
  int result = set_up (channel);

  if (result < 0)
    return 1;
  send_hello ();
  while (!self.stop)
    {
      struct epoll_event event;

      collect ();
      if (epoll_wait (self.epoll, &event, 1, expire_reaps ()) != 1)
        continue;
      if (event.data.fd == self.channel)
        serve_channel ();
      else if (event.data.fd == self.signals)
        serve_signals ();
      else
        serve_others (event.data.fd);
    }
  end_everything ();
  return 0;
}

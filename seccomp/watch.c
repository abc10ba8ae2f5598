/* SPDX-License-Identifier: BSD-3-Clause */
#include "seccomp/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "seccomp/policy.h"
#include "seccomp/programs.h"
#include "spawn/base/fd.h"
#include "spawn/base/macros.h"

enum
{
  MAX_SITES = 512, /* what is told of; later ones are only answered */
  MAX_WORDS = 256, /* of a command line that is looked at */
  TEXT_BYTES = 4096,
};

static struct
{
  NbKind kind;
  int number;
  uint64_t address;
} sites[MAX_SITES];
static size_t n_sites;

static bool
is_first (const NbDenial *denial)
{
  for (size_t i = 0; i < n_sites; i++)
    if (sites[i].kind == denial->kind && sites[i].number == denial->number
        && sites[i].address == denial->address)
      return false;
  if (n_sites == MAX_SITES)
    return false;
  sites[n_sites].kind = denial->kind;
  sites[n_sites].number = denial->number;
  sites[n_sites++].address = denial->address;
  return true;
}

/* --- who made the call --- */

/* Of /proc/PID/name; an empty text when it cannot be read. */
static size_t
read_proc (pid_t pid, const char *name, char text[TEXT_BYTES])
{
  char path[64];
  nb_autofd fd = -1;
  ssize_t length;

  (void)snprintf (path, sizeof path, "/proc/%d/%s", (int)pid, name);
  fd = open (path, O_RDONLY | O_CLOEXEC);
  length = fd < 0 ? -1 : read (fd, text, TEXT_BYTES - 1);
  text[length > 0 ? length : 0] = '\0';
  return length > 0 ? (size_t)length : 0;
}

/* A call is reported with its thread; the process is the thread group. */
static pid_t
process_of (pid_t thread)
{
  char text[TEXT_BYTES];
  const char *line;

  (void)read_proc (thread, "status", text);
  line = strstr (text, "\nTgid:");
  return line == NULL ? 0 : (pid_t)atoi (line + strlen ("\nTgid:"));
}

/* Chromium's process titles have blanks between their words. */
static NbKind
kind_of (pid_t pid, NbKind base)
{
  char text[TEXT_BYTES];
  const char *words[MAX_WORDS + 1];
  size_t length = read_proc (pid, "cmdline", text), n = 0;
  NbKind kind;

  for (size_t i = 0; i < length; i++)
    if (text[i] == ' ')
      text[i] = '\0';
  for (size_t at = 0; at < length && n < MAX_WORDS; at += strlen (text + at) + 1)
    words[n++] = text + at;
  words[n] = NULL;
  kind = nb_kind_of_command (words);
  return kind == NB_KIND_NONE ? base : kind;
}

/* --- the answer --- */

/* The calls that the own-PID filter judges. */
static bool
is_signal (int number)
{
  return number == SYS_kill || number == SYS_tgkill || number == SYS_rt_tgsigqueueinfo;
}

/* A zygote ends its children; everyone else has only itself to signal. */
static int
judge (const struct seccomp_notif *call, NbKind base, pid_t process, pid_t child)
{
  int error = nb_policy_evaluate (base, nb_policy_numbers, &call->data, NULL);

  if (error != 0 || !is_signal (call->data.nr)
      || (nb_kind_is_zygote (base) && process == child))
    return error;
  return (pid_t)call->data.args[0] == process ? 0 : EPERM;
}

static int
answer (int listener, uint64_t id, int error)
{
  struct seccomp_notif_resp response = { .id = id };

  if (error == 0)
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE; /* numbers only: no race */
  else
    response.error = -error;
  return ioctl (listener, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0 ? -errno : 0;
}

static void
fill (NbDenial *denial, const struct seccomp_notif *call)
{
  denial->number = call->data.nr;
  denial->address = call->data.instruction_pointer;
  for (size_t i = 0; i < NB_ARRAY_SIZE (denial->arguments); i++)
    denial->arguments[i] = call->data.args[i];
}

int
nb_watch_serve (int listener, NbKind base, pid_t child, NbDenial *denial_out)
{
  struct seccomp_notif call = { 0 };
  struct pollfd state = { .fd = listener, .events = POLLIN };

  /* Older kernels wait for ever where no process is left to make a call. */
  if (poll (&state, 1, 0) != 1 || (state.revents & POLLIN) == 0)
    return (state.revents & (POLLHUP | POLLERR)) != 0 ? -EPIPE : 0;
  if (ioctl (listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
    return errno == ENOENT || errno == EINTR ? 0 : -errno;
  *denial_out = (NbDenial){ .pid = process_of ((pid_t)call.pid) };
  denial_out->error = judge (&call, base, denial_out->pid, child);
  denial_out->kind = kind_of (denial_out->pid, base);
  fill (denial_out, &call);
  if (answer (listener, call.id, denial_out->error) < 0 || denial_out->error == 0)
    return 0;
  return is_first (denial_out);
}

const char *
nb_watch_call_name (int number)
{
  if (number == SYS_tgkill)
    return "tgkill";
  if (number == SYS_rt_tgsigqueueinfo)
    return "rt_tgsigqueueinfo";
  for (size_t i = 0; i < nb_n_policy_rules; i++)
    if (nb_policy_numbers[i] == number && number >= 0)
      return nb_policy_rules[i].call;
  return "call";
}

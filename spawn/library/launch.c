/* SPDX-License-Identifier: BSD-3-Clause */
/* What a host asks for, judged before it is asked for. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spawn/base/macros.h"
#include "spawn/base/no-bus.h"
#include "spawn/client/environment.h"
#include "spawn/library/connection.h"
#include "spawn/library/failure.h"

enum
{
  MAX_TARGET = 255, /* zygote/PROTOCOL.md, section 12 */
};

static bool
is_kind (NestboxKind kind)
{
  return kind >= NESTBOX_KIND_TOOL && kind <= NESTBOX_KIND_GPU;
}

static bool
check_program (const NestboxLaunch *launch, NestboxFailure *failure)
{
  if (launch->argv == NULL || launch->argv[0] == NULL)
    {
      nb_failure_set (failure, NESTBOX_ERROR_INVALID, EINVAL, "no program",
                      "argv[0] is its absolute path", "argv is empty");
      return false;
    }
  if (!is_kind (launch->kind))
    {
      nb_failure_set (failure, NESTBOX_ERROR_INVALID, EINVAL, launch->argv[0],
                      "see NestboxKind", "%d is no kind of child", (int)launch->kind);
      return false;
    }
  /* An absolute path of the caller's choice: nothing may be looked for in PATH. */
  if (launch->argv[0][0] != '/')
    {
      nb_failure_set (failure, NESTBOX_ERROR_INVALID, EINVAL, launch->argv[0],
                      "name a program below /app or /usr", "its path is not absolute");
      return false;
    }
  return true;
}

/*
 * flatpak: portal/flatpak-portal.c gives what the kind's sub-sandbox was asked for with;
 * one child cannot have more than that. The session bus is refused by name: through it a
 * child has every portal that the app has, Spawn among them.
 */
static bool
check_flags (const NestboxLaunch *launch, NestboxFailure *failure)
{
  uint32_t given = launch->kind == NESTBOX_KIND_GPU
                       ? NESTBOX_SANDBOX_DISPLAY | NESTBOX_SANDBOX_GPU
                       : 0;
  uint32_t more = launch->sandbox_flags & ~given;

  if (more == 0)
    return true;
  if ((more & NESTBOX_SANDBOX_SESSION_BUS) != 0)
    nb_failure_set (failure, NESTBOX_ERROR_REFUSED, EPERM, launch->argv[0],
                    "do what needs the bus in the host, and answer the child on a socket",
                    "sandbox flag 8, the session bus, would give a child the app's own "
                    "rights, starting programs outside the sandbox included");
  else
    nb_failure_set (failure, NESTBOX_ERROR_REFUSED, EPERM, launch->argv[0],
                    "only NESTBOX_KIND_GPU has the display and the GPU, and none has more",
                    "sandbox flags 0x%x are not this kind's", (unsigned)more);
  return false;
}

/* One way only, and for few: what a policy may say is judged where it is read. */
static bool
check_bus_policy (const NestboxLaunch *launch, NestboxFailure *failure)
{
  if (launch->bus_policy == NULL)
    return true;
  if (launch->kind != NESTBOX_KIND_WORKER && launch->kind != NESTBOX_KIND_TOOL)
    {
      nb_failure_set (failure, NESTBOX_ERROR_REFUSED, EPERM, launch->argv[0],
                      "launch a NESTBOX_KIND_WORKER",
                      "a child of this kind never has a bus");
      return false;
    }
  if (launch->bus_policy[0] != '/')
    {
      nb_failure_set (failure, NESTBOX_ERROR_INVALID, EINVAL, launch->argv[0],
                      "name a file of the app",
                      "the path of its bus policy is not absolute");
      return false;
    }
  return true;
}

static bool
check_environment (const NestboxLaunch *launch, NestboxFailure *failure)
{
  for (const char *const *entry = launch->envp; entry != NULL && *entry != NULL; entry++)
    if (!nb_environment_allows ((NbKind)launch->kind, *entry))
      {
        nb_failure_set (failure, NESTBOX_ERROR_REFUSED, EPERM, launch->argv[0],
                        "hand it over as an argument",
                        "the environment entry %.*s is not let into a sandbox",
                        (int)strcspn (*entry, "="), *entry);
        return false;
      }
  return true;
}

/* Why a descriptor is not handed over; NULL: it may be. */
static const char *
judge_fd (int fd)
{
  struct stat found;

  if (fstat (fd, &found) < 0)
    return "it is not open";
  if (nb_bus_is_peer (fd))
    return "it is a connection to a bus, on which the child would have the app's own "
           "rights";
  if (S_ISDIR (found.st_mode))
    return "it is a folder, from which \"..\" leads to the host's files";
  if (S_ISCHR (found.st_mode) && isatty (fd) == 1)
    return "it is a terminal, on which everything that is typed can be read";
  return NULL;
}

static bool
check_fds (const NestboxLaunch *launch, NestboxFailure *failure)
{
  if (launch->n_fds > NB_CHANNEL_MAX_FDS)
    {
      nb_failure_set (failure, NESTBOX_ERROR_LIMIT, E2BIG, launch->argv[0],
                      "send the rest over a socket", "more than %d descriptors",
                      NB_CHANNEL_MAX_FDS);
      return false;
    }
  for (size_t i = 0; i < launch->n_fds; i++)
    {
      const NestboxFd *entry = &launch->fds[i];
      const char *complaint = judge_fd (entry->fd);

      if (complaint == NULL && (entry->target < 0 || entry->target > MAX_TARGET))
        complaint = "its number in the child is not 0 to 255";
      for (size_t other = 0; other < i && complaint == NULL; other++)
        if (launch->fds[other].target == entry->target)
          complaint = "its number in the child is given twice";
      if (complaint == NULL)
        continue;
      nb_failure_set (failure,
                      entry->target < 0 || entry->target > MAX_TARGET
                          ? NESTBOX_ERROR_INVALID
                          : NESTBOX_ERROR_REFUSED,
                      EBADF, launch->argv[0], "leave it out, or hand over another",
                      "descriptor %d to be %d: %s", entry->fd, entry->target, complaint);
      return false;
    }
  return true;
}

NestboxHandle
nestbox_connection_launch (NestboxConnection *connection, const NestboxLaunch *launch,
                           NestboxFailure *failure)
{
  NbLaunch request;

  if (!check_program (launch, failure) || !check_flags (launch, failure)
      || !check_bus_policy (launch, failure) || !check_environment (launch, failure)
      || !check_fds (launch, failure))
    return 0;
  request.kind = (NbKind)launch->kind;
  request.argv = launch->argv;
  request.envp = launch->envp != NULL ? launch->envp : (const char *const *)environ;
  request.bus_policy = launch->bus_policy;
  request.n_fds = launch->n_fds;
  for (size_t i = 0; i < launch->n_fds; i++)
    {
      request.fds[i] = launch->fds[i].fd;
      request.targets[i] = launch->fds[i].target;
    }
  return nb_connection_exec (connection, &request, failure);
}

/* seccomp/confine.c: what a kind puts on; seccomp/landlock.c: from which ABI on. */
uint32_t
nestbox_connection_get_layers (const NestboxConnection *connection, NestboxKind kind)
{
  NestboxPlace place;
  uint32_t layers
      = NESTBOX_LAYER_SUB_SANDBOX | NESTBOX_LAYER_NO_NETWORK | NESTBOX_LAYER_BASE_FILTER;

  nestbox_connection_get_place (connection, &place);
  if (!place.available || !is_kind (kind) || (kind == NESTBOX_KIND_GPU && !place.gpu))
    return 0;
  if (kind != NESTBOX_KIND_TOOL && kind != NESTBOX_KIND_ZYGOTE)
    {
      layers |= NESTBOX_LAYER_OWN_PID;
      if (place.landlock_abi >= 6 || (kind == NESTBOX_KIND_GPU && place.landlock_abi > 0))
        layers |= NESTBOX_LAYER_LANDLOCK;
    }
  return layers;
}

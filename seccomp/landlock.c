/* SPDX-License-Identifier: BSD-3-Clause */
#include "seccomp/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/macros.h"

/* The kernel's interface, newer than the distribution's headers (linux/landlock.h). */
struct ruleset_attr
{
  uint64_t handled_access_fs;
  uint64_t handled_access_net;
  uint64_t scoped;
};

struct path_beneath_attr
{
  uint64_t allowed_access;
  int32_t parent_fd;
} __attribute__ ((packed));

enum
{
  CREATE_RULESET_VERSION = 1 << 0,
  RULE_PATH_BENEATH = 1,
  ACCESS_EXECUTE = 1 << 0,
  ACCESS_WRITE_FILE = 1 << 1,
  ACCESS_READ_FILE = 1 << 2,
  ACCESS_READ_DIR = 1 << 3,
  ACCESS_REMOVE_DIR = 1 << 4,
  ACCESS_REMOVE_FILE = 1 << 5,
  ACCESS_MAKE_DIR = 1 << 7,
  ACCESS_MAKE_REG = 1 << 8,
  ACCESS_MAKE_BLOCK = 1 << 11,
  ACCESS_REFER = 1 << 13,
  ACCESS_TRUNCATE = 1 << 14,
  ACCESS_IOCTL_DEV = 1 << 15,
  /* What can be allowed for something that is no folder. */
  ACCESS_OF_FILES = ACCESS_EXECUTE | ACCESS_WRITE_FILE | ACCESS_READ_FILE | ACCESS_TRUNCATE
                    | ACCESS_IOCTL_DEV,
  ABI_NET = 4,
  ABI_SCOPE = 6,
};

#define ACCESS_NET_ALL ((1U << 0) | (1U << 1)) /* bind and connect of TCP */
#define SCOPE_ALL (NB_LANDLOCK_ABSTRACT_SOCKETS | NB_LANDLOCK_SIGNALS)

/* Number of file system rights that each ABI knows: bits 0 to n-1. */
static const uint8_t fs_rights[] = { 0, 13, 14, 15, 15, 16 };

int
nb_landlock_abi (void)
{
  long abi = syscall (SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);

  return abi < 0 ? 0 : (int)abi;
}

static uint64_t
all_fs_rights (int abi)
{
  size_t newest = NB_ARRAY_SIZE (fs_rights) - 1;

  return (1ULL << fs_rights[(size_t)abi < newest ? (size_t)abi : newest]) - 1;
}

static int
allow (int ruleset, const char *path, uint64_t access)
{
  struct path_beneath_attr rule = { .allowed_access = access };
  nb_autofd place = open (path, O_PATH | O_CLOEXEC);
  struct stat found;

  if (place < 0 || fstat (place, &found) < 0)
    return -errno;
  if (!S_ISDIR (found.st_mode))
    rule.allowed_access &= ACCESS_OF_FILES;
  rule.parent_fd = place;
  return syscall (SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno
                                                                                   : 0;
}

/* The kernel takes a shorter structure for an older ABI; unknown bits must not be set. */
static size_t
attr_size (int abi)
{
  if (abi >= ABI_SCOPE)
    return sizeof (struct ruleset_attr);
  return abi >= ABI_NET ? sizeof (uint64_t) * 2 : sizeof (uint64_t);
}

static int
create_ruleset (const struct ruleset_attr *attr, int abi)
{
  long fd = syscall (SYS_landlock_create_ruleset, attr, attr_size (abi), 0);

  return fd < 0 ? -errno : (int)fd;
}

static int
restrict_self (int ruleset)
{
  return syscall (SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

int
nb_landlock_enter_wall (void)
{
  int abi = nb_landlock_abi (), result;
  struct ruleset_attr attr = { .handled_access_fs = 0 };
  nb_autofd ruleset = -1;

  if (abi < 1)
    return -EOPNOTSUPP;
  attr.handled_access_fs = all_fs_rights (abi);
  attr.handled_access_net = abi >= ABI_NET ? ACCESS_NET_ALL : 0;
  attr.scoped = abi >= ABI_SCOPE ? SCOPE_ALL : 0;
  ruleset = create_ruleset (&attr, abi);
  if (ruleset < 0)
    return ruleset;
  result = allow (ruleset, "/proc", ACCESS_READ_FILE | ACCESS_READ_DIR);
  return result < 0 ? result : restrict_self (ruleset);
}

/* --- GPU process --- */

#define GPU_READ (ACCESS_READ_FILE | ACCESS_READ_DIR)
#define GPU_PROGRAMS (GPU_READ | ACCESS_EXECUTE) /* executing is taken out for most */
#define GPU_DEVICES (GPU_READ | ACCESS_WRITE_FILE | ACCESS_IOCTL_DEV)
#define GPU_TEMPORARY                                                                      \
  (GPU_READ | ACCESS_WRITE_FILE | ACCESS_REMOVE_DIR | ACCESS_REMOVE_FILE | ACCESS_MAKE_DIR \
   | ACCESS_MAKE_REG | ACCESS_REFER | ACCESS_TRUNCATE)

/*
 * Drivers come with the runtime, its extensions (below /usr) and the app. Which nodes are
 * in /dev, Flatpak has decided; /dev/shm and /tmp are the sub-sandbox's own.
 */
static const struct
{
  const char *path;
  uint64_t access;
} gpu_places[] = {
  { "/usr", GPU_PROGRAMS },  { "/app", GPU_PROGRAMS },      { "/etc", GPU_READ },
  { "/proc", GPU_READ },     { "/sys", GPU_READ },          { "/dev", GPU_DEVICES },
  { "/tmp", GPU_TEMPORARY }, { "/dev/shm", GPU_TEMPORARY },
};

/* A place that is not there needs no rule; one that cannot be allowed is an error. */
static int
allow_gpu_places (int ruleset, uint64_t rights, const char *home)
{
  const char *authority = getenv ("XAUTHORITY");
  int result = 0;

  if (home != NULL)
    result = allow (ruleset, home, GPU_TEMPORARY & rights);
  result = result == -ENOENT ? 0 : result;

  for (size_t i = 0; i < NB_ARRAY_SIZE (gpu_places) && result == 0; i++)
    {
      result = allow (ruleset, gpu_places[i].path, gpu_places[i].access & rights);
      result = result == -ENOENT ? 0 : result;
    }
  if (result == 0 && authority != NULL)
    result = allow (ruleset, authority, ACCESS_READ_FILE);
  return result == -ENOENT ? 0 : result;
}

static int
enter_gpu (uint64_t denied, const char *home)
{
  int abi = nb_landlock_abi (), result;
  struct ruleset_attr attr = { .handled_access_fs = all_fs_rights (abi) };
  nb_autofd ruleset = -1;

  if (abi < 1)
    return -EOPNOTSUPP;
  attr.handled_access_net = abi >= ABI_NET ? ACCESS_NET_ALL : 0;
  attr.scoped = abi >= ABI_SCOPE ? NB_LANDLOCK_SIGNALS : 0;
  ruleset = create_ruleset (&attr, abi);
  if (ruleset < 0)
    return ruleset;
  result = allow_gpu_places (ruleset, all_fs_rights (abi) & ~denied, home);
  return result < 0 ? result : restrict_self (ruleset);
}

int
nb_landlock_enter_gpu (void)
{
  return enter_gpu (ACCESS_EXECUTE, NULL);
}

int
nb_landlock_enter_gpu_and_execute (void)
{
  /* Chromium ends at start-up when it cannot make its folders there; a zygote's has done.
   */
  return enter_gpu (0, getenv ("HOME"));
}

/* --- forked children --- */

static int
enter (const struct ruleset_attr *attr, int abi)
{
  nb_autofd ruleset = create_ruleset (attr, abi);

  return ruleset < 0 ? ruleset : restrict_self (ruleset);
}

int
nb_landlock_enter_scope (unsigned scope)
{
  struct ruleset_attr attr = { .scoped = scope };
  int abi = nb_landlock_abi ();

  return abi < ABI_SCOPE ? 0 : enter (&attr, abi);
}

/* An older ABI has no ruleset without a right; this one nobody in a sandbox has. */
int
nb_landlock_enter_child_domain (void)
{
  struct ruleset_attr attr = { .handled_access_fs = ACCESS_MAKE_BLOCK };
  int abi = nb_landlock_abi ();

  if (abi < 1)
    return 0;
  return abi >= ABI_SCOPE ? nb_landlock_enter_scope (SCOPE_ALL) : enter (&attr, abi);
}

const NbLandlockStep nb_landlock_steps[] = {
  { 1, "5.13", "files; no process can trace one outside its domain",
    "pages are kept from files by the coarser seccomp wall, and from each other's memory "
    "by Chromium alone" },
  { 2, "5.19", "moving files between folders", "moving is denied altogether" },
  { 3, "6.2", "truncating files",
    "a file that can be named can be emptied: none can here" },
  { 4, "6.7", "TCP", "the sub-sandbox has no network to reach" },
  { 5, "6.10", "requests to devices", "devices that are open are not restricted" },
  { 6, "6.12", "signals and abstract sockets",
    "signals to siblings are denied by the own-PID filter alone" },
  { 7, "6.15", "silence in the audit log", "denials fill the audit log" },
};

const size_t nb_n_landlock_steps = NB_ARRAY_SIZE (nb_landlock_steps);

/* SPDX-License-Identifier: BSD-3-Clause */
#include "seccomp/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"

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
  ACCESS_READ_FILE = 1 << 2,
  ACCESS_READ_DIR = 1 << 3,
  ABI_NET = 4,
  ABI_SCOPE = 6,
};

#define ACCESS_NET_ALL ((1U << 0) | (1U << 1)) /* bind and connect of TCP */
#define SCOPE_ALL ((1U << 0) | (1U << 1))      /* abstract sockets, signals */

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
allow_reading_proc (int ruleset)
{
  struct path_beneath_attr rule = { .allowed_access = ACCESS_READ_FILE | ACCESS_READ_DIR };
  nb_autofd proc = open ("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (proc < 0)
    return -errno;
  rule.parent_fd = proc;
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
  result = allow_reading_proc (ruleset);
  return result < 0 ? result : restrict_self (ruleset);
}

int
nb_landlock_enter_scope (void)
{
  struct ruleset_attr attr = { .scoped = SCOPE_ALL };
  int abi = nb_landlock_abi ();
  nb_autofd ruleset = -1;

  if (abi < ABI_SCOPE)
    return 0;
  ruleset = create_ruleset (&attr, abi);
  return ruleset < 0 ? ruleset : restrict_self (ruleset);
}

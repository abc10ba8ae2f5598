/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of the kernel that no child has a use for, and terminals. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/attack/attack.h"

#ifndef OPEN_TREE_CLONE
#  define OPEN_TREE_CLONE 1
#endif

enum
{
  NR_LISTMOUNT = 458,
  KEY_SPEC_PROCESS_KEYRING = -2,
  KEYCTL_GET_KEYRING_ID = 0,
};

/* 0 when the call gave a descriptor, which is closed. */
static int
got_descriptor (long fd)
{
  if (fd < 0)
    return -errno;
  (void)close ((int)fd);
  return 0;
}

static int
io_uring (const NbScene *scene)
{
  uint64_t parameters[15] = { 0 }; /* struct io_uring_params */

  (void)scene;
  return got_descriptor (syscall (SYS_io_uring_setup, 1, parameters));
}

static int
user_fault (const NbScene *scene)
{
  (void)scene;
  return got_descriptor (syscall (SYS_userfaultfd, O_CLOEXEC | 1 /* USER_MODE_ONLY */));
}

/* Too long an attribute that is not all zero is E2BIG before any permission is asked for.
 */
static int
bpf_reached (const NbScene *scene)
{
  static uint8_t attribute[4096] = { [4095] = 1 };
  int result
      = nb_attack_result (syscall (SYS_bpf, BPF_MAP_CREATE, attribute, sizeof attribute));

  (void)scene;
  return result == -E2BIG ? 0 : result;
}

static int
perf (const NbScene *scene)
{
  struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
                                  .size = sizeof attr,
                                  .config = PERF_COUNT_SW_TASK_CLOCK,
                                  .exclude_kernel = 1,
                                  .exclude_hv = 1 };

  (void)scene;
  return got_descriptor (syscall (SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static int
add_key (const NbScene *scene)
{
  (void)scene;
  return nb_attack_result (
      syscall (SYS_add_key, "user", "nb-attack", "x", 1UL, KEY_SPEC_PROCESS_KEYRING));
}

static int
keyring (const NbScene *scene)
{
  (void)scene;
  return nb_attack_result (
      syscall (SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1));
}

static int
change_personality (const NbScene *scene)
{
  (void)scene;
  return nb_attack_result (syscall (SYS_personality, READ_IMPLIES_EXEC));
}

static int
splice_memory (const NbScene *scene)
{
  static char page[4096];
  struct iovec part = { page, sizeof page };
  nb_autofd reader = -1, writer = -1;
  int ends[2];

  (void)scene;
  if (pipe2 (ends, O_CLOEXEC) < 0)
    return -errno;
  reader = ends[0];
  writer = ends[1];
  return nb_attack_result (syscall (SYS_vmsplice, writer, &part, 1UL, 0));
}

static int
fanotify (const NbScene *scene)
{
  (void)scene;
  return got_descriptor (
      syscall (SYS_fanotify_init, FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY));
}

/* --- mounts --- */

static int
clone_tree (const NbScene *scene)
{
  (void)scene;
  return got_descriptor (syscall (SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE));
}

static int
open_tree_plain (const NbScene *scene)
{
  (void)scene;
  return got_descriptor (syscall (SYS_open_tree, AT_FDCWD, "/", 0));
}

static int
list_mounts (const NbScene *scene)
{
  const uint64_t request[] = { 24, UINT64_MAX /* LSMT_ROOT */, 0 };
  uint64_t list[64];

  (void)scene;
  return nb_attack_result (syscall (NR_LISTMOUNT, request, list, 64UL, 0));
}

static int
make_handle (const NbScene *scene)
{
  struct
  {
    struct file_handle head;
    unsigned char bytes[MAX_HANDLE_SZ];
  } handle = { .head.handle_bytes = MAX_HANDLE_SZ };
  int mount;

  (void)scene;
  return nb_attack_result (
      syscall (SYS_name_to_handle_at, AT_FDCWD, "/", &handle, &mount, 0));
}

/* --- what else is old or for administrators --- */

static int
local_descriptors (const NbScene *scene)
{
#ifdef SYS_modify_ldt
  char table[64];

  (void)scene;
  return nb_attack_result (syscall (SYS_modify_ldt, 0, table, sizeof table));
#else
  (void)scene;
  return -ENOSYS;
#endif
}

static int
file_system_list (const NbScene *scene)
{
#ifdef SYS_sysfs
  (void)scene;
  return nb_attack_result (syscall (SYS_sysfs, 3));
#else
  (void)scene;
  return -ENOSYS;
#endif
}

static int
memory_policy (const NbScene *scene)
{
  int mode;

  (void)scene;
  return nb_attack_result (syscall (SYS_get_mempolicy, &mode, NULL, 0UL, NULL, 0UL));
}

/* --- terminals --- */

static int
take_terminal (const NbScene *scene)
{
  if (scene->terminal < 0)
    return -ENOTTY;
  if (setsid () < 0 || ioctl (scene->terminal, TIOCSCTTY, 0) < 0)
    return -errno;
  return 0;
}

static int
push_input (const NbScene *scene, uint64_t request)
{
  int result = take_terminal (scene);

  return result < 0 ? result
                    : nb_attack_result (syscall (SYS_ioctl, scene->terminal, request, "x"));
}

static int
terminal_input (const NbScene *scene)
{
  return push_input (scene, TIOCSTI);
}

static int
terminal_input_garbage (const NbScene *scene)
{
  return push_input (scene, nb_attack_garbage (TIOCSTI));
}

static int
line_discipline (const NbScene *scene)
{
  int plain = 0;

  if (scene->terminal < 0)
    return -ENOTTY;
  return nb_attack_result (syscall (SYS_ioctl, scene->terminal, TIOCSETD, &plain));
}

static const NbAttack attacks[] = {
  { "io_uring_setup", NB_TARGET_SIBLING, io_uring, NULL },
  { "userfaultfd", NB_TARGET_SIBLING, user_fault, NULL },
  { "bpf", NB_TARGET_SIBLING, bpf_reached, NULL },
  { "perf_event_open of itself", NB_TARGET_SIBLING, perf, NULL },
  { "add_key", NB_TARGET_SIBLING, add_key, NULL },
  { "keyctl", NB_TARGET_SIBLING, keyring, NULL },
  { "personality", NB_TARGET_SIBLING, change_personality, NULL },
  { "vmsplice", NB_TARGET_SIBLING, splice_memory, NULL },
  { "fanotify_init", NB_TARGET_SIBLING, fanotify, NULL },
  { "open_tree CLONE", NB_TARGET_SIBLING, clone_tree, NULL },
  { "open_tree", NB_TARGET_SIBLING, open_tree_plain, NULL },
  { "listmount", NB_TARGET_SIBLING, list_mounts, NULL },
  { "name_to_handle_at", NB_TARGET_SIBLING, make_handle, NULL },
  { "modify_ldt", NB_TARGET_SIBLING, local_descriptors, NULL },
  { "sysfs", NB_TARGET_SIBLING, file_system_list, NULL },
  { "get_mempolicy", NB_TARGET_SIBLING, memory_policy, NULL },
  { "TIOCSTI", NB_TARGET_SIBLING, terminal_input, NULL, true },
  { "TIOCSTI, garbage", NB_TARGET_SIBLING, terminal_input_garbage, NULL, true },
  { "TIOCSETD", NB_TARGET_SIBLING, line_discipline, NULL, true },
};

const NbAttackTable nb_attacks_on_kernel = NB_ATTACK_TABLE (attacks);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Landlock: what a process gives up for good, without privilege. GLib-free and
 * async-signal-safe. Needs no_new_privs, which Flatpak sets on everything it starts.
 *
 * What an older kernel lacks is left out, never pretended: nb_landlock_steps has the list
 * (linux: Documentation/userspace-api/landlock.rst).
 */
#pragma once

#include <stddef.h>

/* The kernel's ABI version, 0 when there is no Landlock or it is disabled. */
int nb_landlock_abi (void);

/*
 * The wall of a zygote at its chroot step: no file or folder can be opened, made,
 * changed or executed any more, save reading beneath /proc, which Chromium's children
 * need for their own checks (sandbox/policy/linux/sandbox_linux.cc: the thread count and
 * the list of open folders); no TCP; signals and abstract sockets stay inside the
 * domain. Inherited by every fork. Descriptors that are open stay open. 0 or -errno.
 */
int nb_landlock_enter_wall (void);

/*
 * The domain of a GPU process: programs, libraries and configuration can be read, device
 * nodes used, private temporary files made; nothing else can be opened, changed or
 * executed; no TCP; signals stay inside. Abstract sockets are left to the network
 * namespace: libxcb does not go on to the display's own socket when the kernel says EPERM
 * (xcb_util.c, _xcb_open_unix). The second one is for a process that is to be executed yet:
 * it may also write below HOME, which is the sub-sandbox's own, and empty.
 * 0 or -errno, -EOPNOTSUPP where there is no Landlock.
 */
int nb_landlock_enter_gpu (void);
int nb_landlock_enter_gpu_and_execute (void);

/* What stays inside a domain, from ABI 6 on. */
typedef enum
{
  NB_LANDLOCK_ABSTRACT_SOCKETS = 1 << 0,
  NB_LANDLOCK_SIGNALS = 1 << 1,
} NbLandlockScope;

/*
 * A domain that does nothing but scope; files and the network are as before. 0, also
 * where the ABI is too old; or -errno.
 */
int nb_landlock_enter_scope (unsigned scope);

/*
 * A domain of its own for a zygote's child, which has no business with files any more: it
 * cannot ptrace its siblings or its parent, nor open their memory; from ABI 6 on it
 * cannot signal them, nor reach their abstract sockets. 0, also without Landlock; or
 * -errno.
 */
int nb_landlock_enter_child_domain (void);

/* What an ABI has added, for people. */
typedef struct
{
  int abi;
  const char *kernel; /* "6.12" */
  const char *adds;
  const char *without; /* what stands in for it, or is lost */
} NbLandlockStep;

extern const NbLandlockStep nb_landlock_steps[];
extern const size_t nb_n_landlock_steps;

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Landlock: what a process gives up for good, without privilege. GLib-free and
 * async-signal-safe. Needs no_new_privs, which Flatpak sets on everything it starts.
 *
 * ABI 1 (Linux 5.13) has the file system; 4 (6.7) adds TCP; 5 (6.10) device ioctls;
 * 6 (6.12) scopes signals and abstract sockets. What an older kernel lacks is left out,
 * never pretended (linux: Documentation/userspace-api/landlock.rst).
 */
#pragma once

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
 * (xcb_util.c, _xcb_open_unix). The second one is for a process that is to be executed yet.
 * 0 or -errno, -EOPNOTSUPP where there is no Landlock.
 */
int nb_landlock_enter_gpu (void);
int nb_landlock_enter_gpu_and_execute (void);

/*
 * A domain of its own for a forked child: it cannot signal or ptrace its siblings or its
 * parent, nor reach their abstract sockets. 0, also where the ABI is too old; or -errno.
 */
int nb_landlock_enter_scope (void);

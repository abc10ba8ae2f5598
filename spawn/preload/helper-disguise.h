/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How files look to the browser, whichever libc function it asks; part of the host preload,
 * whose rules hold here: no allocation, no lock.
 *
 *  - The helper's path (DIR_EXE/chrome-sandbox) looks like a set-uid root executable
 *    (sandbox/linux/suid/client/setuid_sandbox_host.cc: GetSandboxBinaryPath,
 *    PrependWrapper).
 *  - OOM scores look like SELinux's business, so the helper is not executed for them.
 *
 * Every other file is what it is.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

/*
 * The absolute path that the browser takes for its helper; "": nothing is disguised.
 * Written by the preload's constructor, before the browser has threads.
 */
extern char nb_disguise_helper[4096];

bool nb_disguise_is_helper (const char *path);

/* What the file really is, as fstatat(2). */
int nb_disguise_real_stat (int folder, const char *path, struct stat *result, int flags);

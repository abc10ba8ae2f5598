/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QtWebEngine in the host preload. It forbids itself the set-uid sandbox
 * (qtwebengine: src/core/web_engine_context.cpp appends --disable-setuid-sandbox), so the
 * helper's path is of no use; what Chromium has left is its namespace sandbox. It asks
 * the kernel whether it may make a user namespace (sandbox/linux/services/credentials.cc,
 * CanCreateProcessInNewUserNS), and clones its zygote into new user, PID and network
 * namespaces (namespace_sandbox.cc, LaunchProcessWithOptions). In Flatpak the kernel says
 * no, and QtWebEngine, other than Chromium, goes on without.
 *
 * So clone() is interposed, for these two requests of that library and no other: the
 * first is answered with yes, the second carried out by the helper, which has the zygote
 * started in the new namespaces of a Flatpak sub-sandbox. The broker has then compared
 * them with the browser's, and if they cannot be had no zygote is started.
 *
 * All functions: libc only, no allocation. The first is called before there are threads.
 */
#pragma once

#include <stdbool.h>

/* From now on namespaces are asked of Flatpak. */
void nb_qtwebengine_start (void);

/* In the process cloned for the zygote, which is to execute the helper and nothing else. */
bool nb_qtwebengine_is_zygote (void);

/*
 * There: opens what the helper hands on and the namespace sandbox does not need, an empty
 * pipe as descriptor 7 (content/public/common/zygote: kZygoteIdFd). 0, or -1 and errno.
 */
int nb_qtwebengine_add_dummy_pipe (void);

/* Whether this (NULL: none) is what QtWebEngine executes in place of the browser. */
bool nb_qtwebengine_is_process (const char *path);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The browser's side of Chromium's zygote, as far as a test needs it: finds and checks
 * the set-uid helper beside the own executable, starts a zygote through it, and talks to
 * it (Chromium: sandbox/linux/suid/client/setuid_sandbox_host.cc,
 * content/browser/zygote_host/zygote_host_impl_linux.cc, zygote_communication_linux.cc).
 * What goes wrong ends the program with a line that says so.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct
{
  int control;      /* the browser's end of the control socket */
  pid_t helper;     /* what was started; our child */
  bool unsandboxed; /* a zygote that the browser starts itself, and that does not greet */
  bool gpu;         /* what is forked is to be a GPU process, whatever its --type= says */
} NbBrowserSide;

typedef struct
{
  int32_t status; /* base/process/kill.h: 0 normal, 1 abnormal, 2 killed, 3 crashed, … */
  int32_t wait_status; /* as wait(2) has it */
} NbBrowserStatus;

/* Prints to standard error and exits. */
_Noreturn void nb_browser_die (const char *what);

/* Whether PrependWrapper would take the helper; its path is DIR_EXE/chrome-sandbox. */
bool nb_browser_find_helper (char *path, size_t size);

/*
 * Starts command through the helper, with the descriptors that a zygote gets; without it,
 * and without what is for the helper, where --no-zygote-sandbox is among its words.
 */
void nb_browser_launch (NbBrowserSide *side, char *const *command);

/* Boot message and hello, which have to come from a process that is visible here. */
void nb_browser_greet (const NbBrowserSide *side);

/* The zygote's status word. */
uint32_t nb_browser_sandbox_status (const NbBrowserSide *side);

/* A child of this type, by the pid that the browser is to know it by; <= 0: it failed. */
pid_t nb_browser_fork (const NbBrowserSide *side, const char *type);

NbBrowserStatus nb_browser_status (const NbBrowserSide *side, pid_t pid, bool known_dead);

void nb_browser_reap (const NbBrowserSide *side, pid_t pid);

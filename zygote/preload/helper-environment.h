/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The environment that makes Chromium's zygote use its set-uid sandbox (Chromium:
 * sandbox/linux/suid/sandbox.c sets it, setuid_sandbox_client.cc reads it). Made by the
 * controller, completed by the zygote preload; without the preload the zygote waits for a
 * helper that does not exist, and ends.
 */
#pragma once

/* The pid of the helper that Chromium waits for: larger than any pid (PID_MAX_LIMIT). */
#define NB_HELPER_PID 2147483647

/*
 * Chromium would set the bus address itself (so that nothing launches a bus) and could
 * then no longer write process titles.
 */
#define NB_NO_BUS "DBUS_SESSION_BUS_ADDRESS=disabled:"

/* SBX_D gets its number in the preload; two are announced by being there at all. */
#define NB_HELPER_ENVIRONMENT                                                              \
  "SBX_D=0000", "SBX_HELPER_PID=2147483647", "SBX_CHROME_API_PRV=1",                       \
      "SBX_PID_NS=", "SBX_NET_NS=", NB_NO_BUS

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Can this xdg-dbus-proxy be relied on? Two ways past its filter became known in 2026, and
 * distributions have mended them in versions that call themselves old ones: so the program
 * that is there is tried, between a client and a bus that both are here.
 */
#pragma once

#include <glib.h>

/*
 * From 0.1.6 on, 0.1.7 included, it uses serials of its own that another such proxy takes
 * for an attack (flatpak-proxy.c, MAX_CLIENT_SERIAL), and Flatpak's own stands between.
 */
#define NB_PROXY_ADVICE                                                                    \
  "one before 0.1.6 with the corrections of 0.1.8, as Debian 12 has it"

/* Filters by method and path, and says when it listens, as it is used here. */
#define NB_PROXY_MIN_VERSION "0.1.4"

/*
 * FALSE, and an error of one line, when the program at this absolute path is too old, lets
 * pass what it must not, keeps what it must let pass, or does not answer. Waits for it:
 * some milliseconds, 10 s at most. Leaves nothing.
 */
gboolean nb_proxy_check (const char *program, GError **error);

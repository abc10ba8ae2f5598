/* SPDX-License-Identifier: BSD-3-Clause */
/* Where others of the app find a broker: a socket in a private folder. GLib-free. */
#pragma once

#include <sys/un.h>

#define NB_RENDEZVOUS_PREFIX "nestbox-" /* of the folder's name */
#define NB_RENDEZVOUS_SOCKET "broker"

enum
{
  NB_RENDEZVOUS_PATH = sizeof ((struct sockaddr_un *)0)->sun_path, /* bytes, with its NUL */
};

/*
 * Makes a folder in parent, and listens in it. NULL: in XDG_RUNTIME_DIR, or /tmp. Who
 * connects is told that its peer is the caller (SO_PEERCRED; unix(7): who called
 * listen(2)).
 *
 * Other instances of the app see the folder: since 1.12 Flatpak has them share their
 * XDG_RUNTIME_DIR and /tmp (flatpak_instance_ensure_per_app_xdg_runtime_dir()). They are
 * the same app, and trusted as it is. No sub-sandbox sees it.
 *
 * A close-on-exec, non-blocking descriptor, the caller's, with the socket's path; or
 * -errno, with the path of what could not be made, and nothing is left of it.
 */
int nb_rendezvous_make (const char *parent, char path_out[NB_RENDEZVOUS_PATH]);

/* The path that a listener was made with. 0 or -errno: fd is no such listener. */
int nb_rendezvous_path (int listener, char path_out[NB_RENDEZVOUS_PATH]);

/* The socket and its folder, unless there is something else in it. */
void nb_rendezvous_remove (const char *path);

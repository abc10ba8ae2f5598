/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The D-Bus interface org.freedesktop.portal.Flatpak, as far as nestbox uses it
 * (flatpak: data/org.freedesktop.portal.Flatpak.xml, portal/flatpak-portal.c), and since
 * which interface version each part exists. Unknown flags are errors to the portal and
 * unknown options are silently ignored, so nothing is sent that the version lacks.
 */
#pragma once

#define NB_PORTAL_NAME "org.freedesktop.portal.Flatpak"
#define NB_PORTAL_PATH "/org/freedesktop/portal/Flatpak"
#define NB_PORTAL_INTERFACE "org.freedesktop.portal.Flatpak"

typedef enum
{
  NB_SPAWN_LATEST_VERSION = 1 << 1, /* version 1; never of a sub-sandbox */
  NB_SPAWN_SANDBOX = 1 << 2,        /* version 1 */
  NB_SPAWN_NO_NETWORK = 1 << 3,  /* version 1; without it the app's network is inherited */
  NB_SPAWN_WATCH_BUS = 1 << 4,   /* flatpak 1.2, no version of its own: taken as 2 */
  NB_SPAWN_EXPOSE_PIDS = 1 << 5, /* version 3, and supports & NB_SUPPORTS_EXPOSE_PIDS */
} NbSpawnFlags;

/*
 * What a sub-sandbox gets of what its app has; since version 3. There is a flag for the
 * session bus as well: it would hand the app's own rights to a child, and has no name here.
 */
typedef enum
{
  NB_SANDBOX_DISPLAY = 1 << 0, /* Wayland and X11; with X11 also the IPC namespace */
  NB_SANDBOX_SOUND = 1 << 1,   /* PulseAudio's socket */
  NB_SANDBOX_GPU = 1 << 2,     /* the GPU's device nodes */
} NbSandboxFlags;

typedef enum
{
  NB_SUPPORTS_EXPOSE_PIDS = 1 << 0, /* bubblewrap is not set-uid */
} NbPortalSupports;

enum
{
  NB_PORTAL_VERSION_MIN = 1,
  NB_PORTAL_VERSION_WATCH_BUS = 2,
  NB_PORTAL_VERSION_EXPOSE_PIDS = 3, /* the `supports` property came with it */
  NB_PORTAL_VERSION_SANDBOX_FLAGS = 3,
  NB_PORTAL_VERSION_EXPOSE_FDS = 3,
  NB_PORTAL_VERSION_UNSET_ENV = 5,
};

/* dbus-daemon drops a connection that sends more in one message. */
#define NB_PORTAL_MAX_FDS 16

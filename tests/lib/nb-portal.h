/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A Flatpak portal in this process, on a session bus of its own, that answers as it is
 * told. What it is asked for it hands to the test, the sandbox's descriptors included, so
 * that the test is the controller. Served from the default main context.
 */
#pragma once

#include <gio/gio.h>

/* What it does; may be changed at any time. */
typedef struct
{
  guint version, supports;
  gboolean no_properties; /* GetAll is never answered */
  gboolean is_silent;     /* Spawn is never answered */
  const char *refusal;    /* Spawn is answered by this error; NULL: by the handle */
  guint handle;           /* 0: 4711 */
  gboolean exits_early;   /* SpawnExited comes before the answer */
  gboolean exits;         /* SpawnExited comes after the answer */
  gboolean by_stranger;   /* SpawnExited is from another connection */
} NbTestPortal;

/* One Spawn. */
typedef struct
{
  int channel, output; /* descriptors 3 and 2; owned */
  guint flags;
  char *argv0;
} NbTestSpawn;

enum
{
  NB_TEST_HANDLE = 4711,
};

/*
 * First thing in main(): runs the program again, with a bus. When it returns the bus is
 * there, and GDBus has been used, so that what it opens for good is open.
 */
void nb_test_portal_init (int argc, char **argv);

/* Owns the portal's name from now on, and does what portal says. */
void nb_test_portal_start (const NbTestPortal *portal);

/* Gives the name up; what was not taken is closed. */
void nb_test_portal_stop (void);

/* The next Spawn; waits for it. From any thread but the main context's. */
NbTestSpawn *nb_test_portal_take_spawn (void);
void nb_test_spawn_free (NbTestSpawn *spawn);

/* The handle of the next SpawnSignal; waits for it. */
guint nb_test_portal_take_kill (void);

/* Gives the name up now, as a portal that ends. From any thread. */
void nb_test_portal_lose (void);

/* SpawnExited, now. From any thread. */
void nb_test_portal_emit_exited (guint handle, guint wait_status);

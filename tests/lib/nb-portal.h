/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A Flatpak portal in this process, on a session bus of its own, that answers as it is
 * told. What it is asked for it hands to the test, the sandbox's descriptors included, so
 * that the test is the controller. Served from the default main context.
 */
#pragma once

#include <gio/gio.h>

/* When a signal is sent, as seen from the answer to Spawn. */
typedef enum
{
  NB_TEST_NEVER,
  NB_TEST_BEFORE,
  NB_TEST_AFTER,
  NB_TEST_TWICE,  /* after it */
  NB_TEST_AROUND, /* before it and after it */
} NbTestWhen;

/* How the answer to Spawn is kept back, and the portal with it. */
typedef enum
{
  NB_TEST_STAYS,
  NB_TEST_LOSES_NAME, /* and says nothing more */
  NB_TEST_DIES,       /* its connection ends: the bus answers in its place */
} NbTestLoss;

/* What it does. */
typedef struct _NbTestPortal NbTestPortal;
struct _NbTestPortal
{
  guint version, supports;
  gboolean no_properties; /* GetAll is never answered */
  gboolean is_silent;     /* Spawn is not answered; see nb_test_portal_answer() */
  const char *refusal;    /* Spawn is answered by this error; NULL: by the handle */
  gboolean refuses_later; /* the answer is a handle, and what was started is gone */
  guint handle;           /* 0: 4711, and one more for each further Spawn */
  gboolean no_handle;     /* the answer is 0 */
  NbTestWhen exits;       /* SpawnExited */
  guint exits_of_others;  /* so many SpawnExited of other handles come before ours */
  gboolean by_stranger;   /* SpawnExited is from another connection */
  NbTestWhen starts;      /* SpawnStarted, with this PID in it */
  guint started_pid;
  NbTestLoss loss;            /* in the middle of Spawn */
  const NbTestPortal *second; /* what it does from the second Spawn on; NULL: the same */
};

/* One Spawn. */
typedef struct
{
  int channel, output; /* descriptors 3 and 2; owned; -1: gone at once */
  guint flags;
  guint sandbox_flags; /* 0: there were none */
  gboolean unsets;     /* variables of the environment */
  guint handle;        /* of the answer */
  char *argv0;
} NbTestSpawn;

enum
{
  NB_TEST_HANDLE = 4711,
};

/*
 * First thing in main(): starts a bus. When it returns the bus is there, and GDBus has been
 * used, so that what it opens for good is open.
 */
void nb_test_portal_init (void);

/* Owns the portal's name from now on, and does what portal says. */
void nb_test_portal_start (const NbTestPortal *portal);

/* Gives the name up; what was not taken is closed. */
void nb_test_portal_stop (void);

/* The next Spawn; waits for it. From any thread but the main context's. */
NbTestSpawn *nb_test_portal_take_spawn (void);
/* The same, if one has come already; NULL if none has. */
NbTestSpawn *nb_test_portal_try_spawn (void);
void nb_test_spawn_free (NbTestSpawn *spawn);

/* The handle of the next SpawnSignal; waits for it. */
guint nb_test_portal_take_kill (void);

/* Answers the Spawn that was not answered yet. From any thread. */
void nb_test_portal_answer (void);

/* When it returns, who asked has got all that was sent to it. From any thread but theirs.
 */
void nb_test_portal_sync (void);

/* Gives the name up now, as a portal that ends. From any thread. */
void nb_test_portal_lose (void);

/* Ends its connection, and owns the name with a new one. From any thread. */
void nb_test_portal_restart (void);

/* Ends the bus itself, for good. From any thread. */
void nb_test_portal_end_bus (void);

/* Whether the bus ends a connection that sends so many descriptors in one message. */
gboolean nb_test_bus_drops (int n_fds);

/* SpawnExited, now. From any thread. */
void nb_test_portal_emit_exited (guint handle, guint wait_status);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnestbox: sandboxed child processes for a program that runs in Flatpak.
 *
 * A host opens a connection. That starts a broker of its own, which asks the Flatpak
 * portal for a sub-sandbox (org.freedesktop.portal.Flatpak, Spawn, with SANDBOX and
 * NO_NETWORK). Children are launched in there, each confined by its kind, and named by
 * handles that the connection gives out. There is one descriptor to poll, and one call
 * that says what has happened. What cannot be confined is not started.
 *
 * What a child has, whatever its kind: /usr and /app, read-only; an empty home and a /tmp
 * that the children of one connection share and nobody else sees; PID, mount, IPC and
 * network namespaces that are not the host's; no D-Bus bus; the descriptors that it is
 * given. What it has not is in nestbox(1), `nestbox policy KIND`.
 *
 * Threads: a connection may be used by one thread at a time, and by any. The library
 * starts no thread, keeps no state outside of connections, sets no signal handler, and
 * changes nothing of the process. Signals: no function here is async-signal-safe, and none
 * may be called between fork and exec. A fork of the host must not use its connections.
 *
 * Descriptors that are handed in are borrowed: duplicates are sent, and the caller closes
 * his own. All that the library opens is close-on-exec and closed with the connection.
 *
 * Nothing waits, save nestbox_connection_open(), and nestbox_connection_dispatch() where
 * PIDs are hidden and a zygote has started, for the time that executing a program takes.
 * Failures are told in a NestboxFailure, which may be NULL everywhere.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#  define NESTBOX_BEGIN_DECLS                                                              \
    extern "C"                                                                             \
    {
#  define NESTBOX_END_DECLS }
#else
#  define NESTBOX_BEGIN_DECLS
#  define NESTBOX_END_DECLS
#endif

NESTBOX_BEGIN_DECLS
#pragma GCC visibility push(default)

/**
 * NestboxError:
 * @NESTBOX_ERROR_NOT_IN_FLATPAK: this process is in no app's sandbox, so there is no
 * portal to ask: use another sandbox, or none
 * @NESTBOX_ERROR_UNAVAILABLE: no sub-sandbox can be had, or not any more
 * @NESTBOX_ERROR_REFUSED: what was asked for is never given
 * @NESTBOX_ERROR_NO_PROGRAM: the program could not be executed in the sub-sandbox
 * @NESTBOX_ERROR_NO_CHILD: no such child, or it has ended
 * @NESTBOX_ERROR_LIMIT: more than fits: arguments, descriptors, children, memory
 * @NESTBOX_ERROR_CANCELLED: it was killed before it was started
 * @NESTBOX_ERROR_CLOSED: the broker has ended, and every child with it
 * @NESTBOX_ERROR_INVALID: the request makes no sense
 *
 * What a caller can act upon. The codes are also those of the GLib domain NESTBOX_ERROR.
 */
typedef enum
{
  NESTBOX_ERROR_NOT_IN_FLATPAK = 1,
  NESTBOX_ERROR_UNAVAILABLE,
  NESTBOX_ERROR_REFUSED,
  NESTBOX_ERROR_NO_PROGRAM,
  NESTBOX_ERROR_NO_CHILD,
  NESTBOX_ERROR_LIMIT,
  NESTBOX_ERROR_CANCELLED,
  NESTBOX_ERROR_CLOSED,
  NESTBOX_ERROR_INVALID,
} NestboxError;

#ifndef __GI_SCANNER__ /* what has no objects; libnestbox-gio is for bindings */
                       /* Why something was not done. */
typedef struct
{
  NestboxError code;
  int error_number; /* of errno.h, where one is known; else 0 */
  char cause[512];  /* one line: the cause alone */
  char text[1024];  /* one line for people: what failed, the cause, what to do */
} NestboxFailure;
#endif

/**
 * NestboxLevel:
 * @NESTBOX_LEVEL_UNKNOWN: /.flatpak-info is there and cannot be understood
 * @NESTBOX_LEVEL_NONE: not in Flatpak
 * @NESTBOX_LEVEL_APP: in an app's sandbox: may have sub-sandboxes made
 * @NESTBOX_LEVEL_SUB_SANDBOX: in a sub-sandbox; what a child of this library sees
 */
typedef enum
{
  NESTBOX_LEVEL_UNKNOWN = -1,
  NESTBOX_LEVEL_NONE = 0,
  NESTBOX_LEVEL_APP = 1,
  NESTBOX_LEVEL_SUB_SANDBOX = 2,
} NestboxLevel;

/**
 * NestboxKind:
 * @NESTBOX_KIND_TOOL: for what is trusted more than the others: its filter only takes what
 *   Flatpak's should have taken, and it can signal what it has started, and its siblings
 * @NESTBOX_KIND_ZYGOTE: a zygote as Chromium's (zygote/PROTOCOL.md, sections 6 to 11), with
 *   its control socket as descriptor 3 and a pipe as 7. Wait for its STARTED before its
 *   greeting: until then the connection holds the zygote's end of the socket as well
 * @NESTBOX_KIND_RENDERER: for content that is not trusted; can signal and trace nothing
 *   but itself, and what it executes is confined as it is
 * @NESTBOX_KIND_WORKER: the same; for parsers, decoders, plug-ins
 * @NESTBOX_KIND_GPU: has a sub-sandbox of its own, with the app's display and GPU
 *
 * What a child is for. Selects its sub-sandbox, its seccomp filter (seccomp/policy.def)
 * and its Landlock domain; all are put on before the program is executed.
 */
typedef enum
{
  NESTBOX_KIND_TOOL = 0,
  NESTBOX_KIND_ZYGOTE = 1,
  NESTBOX_KIND_RENDERER = 2,
  NESTBOX_KIND_WORKER = 3,
  NESTBOX_KIND_GPU = 4,
} NestboxKind;

/**
 * NestboxLayers:
 * @NESTBOX_LAYER_SUB_SANDBOX: own PID and mount namespace, no home, no bus, as Flatpak
 * makes it and the broker has checked it
 * @NESTBOX_LAYER_NO_NETWORK: a network namespace with nothing in it
 * @NESTBOX_LAYER_BASE_FILTER: the seccomp filter of its kind
 * @NESTBOX_LAYER_OWN_PID: a filter that denies signals to, and limits of, other processes
 * @NESTBOX_LAYER_LANDLOCK: a Landlock domain of its own: siblings are out of reach
 */
typedef enum
{
  NESTBOX_LAYER_SUB_SANDBOX = 1 << 0,
  NESTBOX_LAYER_NO_NETWORK = 1 << 1,
  NESTBOX_LAYER_BASE_FILTER = 1 << 2,
  NESTBOX_LAYER_OWN_PID = 1 << 3,
  NESTBOX_LAYER_LANDLOCK = 1 << 4,
} NestboxLayers;

/* The portal's sandbox-flags, as it numbers them. */
typedef enum
{
  NESTBOX_SANDBOX_DISPLAY = 1 << 0,
  NESTBOX_SANDBOX_SOUND = 1 << 1,
  NESTBOX_SANDBOX_GPU = 1 << 2,
  NESTBOX_SANDBOX_SESSION_BUS = 1 << 3,
  NESTBOX_SANDBOX_A11Y_BUS = 1 << 4,
} NestboxSandboxFlags;

#ifndef __GI_SCANNER__
/* What is known of the place where children are to live. */
typedef struct
{
  bool settled;      /* the rest is known; until then it is zero */
  bool available;    /* there is a sub-sandbox, and it is what it should be */
  bool pids_visible; /* its PID namespace lies below the host's; else, as where bubblewrap
                        is set-uid, PIDs inside mean nothing outside */
  bool gpu;          /* NESTBOX_KIND_GPU can be launched */
  uint32_t portal_version;  /* of org.freedesktop.portal.Flatpak */
  uint32_t portal_supports; /* its property of that name; 0 before version 3 */
  uint32_t landlock_abi;    /* of the kernel; 0: it has no Landlock */
} NestboxPlace;

/* One end of a child's descriptors: fd, which is borrowed, becomes its number target. */
typedef struct
{
  int fd;
  int target; /* 0 to 255, each once */
} NestboxFd;

/*
 * What to launch.
 *
 * Of fds: at most 16, for a zygote 15. Numbers 0, 1 and 2 that are no target are
 * /dev/null and, twice, a pipe whose lines NESTBOX_DEBUG=sandbox shows. Terminals and
 * folders are refused: what is typed can be read from the one, and all of the host's
 * files are reached through "..", from the other.
 */
typedef struct
{
  NestboxKind kind;
  const char *const *argv; /* argv[0]: an absolute path below /app or /usr; at most 512 */
  const char *const
      *envp; /* NAME=value; NULL: the host's environment as far as it passes */
  const NestboxFd *fds;
  size_t n_fds;
  /*
   * NestboxSandboxFlags. 0 is what the kind has: DISPLAY and GPU for NESTBOX_KIND_GPU,
   * nothing for others. More than that is refused. SESSION_BUS always is: it would give a
   * child the app's own rights at every portal, and so a way out.
   */
  uint32_t sandbox_flags;
  /*
   * NULL: no D-Bus bus is within the child's reach. Else the absolute path of a policy
   * (nestbox-bus-gate(1)), for NESTBOX_KIND_WORKER and NESTBOX_KIND_TOOL: the child is
   * started in a sub-sandbox that it has to itself, and reaches the session bus through a
   * proxy of its own, as far as the policy allows, at DBUS_SESSION_BUS_ADDRESS.
   */
  const char *bus_policy;
} NestboxLaunch;

/* Names a child for as long as its connection lives; none is given out twice. 0: none. */
typedef uint32_t NestboxHandle;

/**
 * NestboxState:
 * @NESTBOX_STATE_NONE: never launched here, or it has ended and that was told
 * @NESTBOX_STATE_STARTING: launched, and not heard of yet
 * @NESTBOX_STATE_RUNNING: its program was executed
 */
typedef enum
{
  NESTBOX_STATE_NONE = 0,
  NESTBOX_STATE_STARTING,
  NESTBOX_STATE_RUNNING,
} NestboxState;

/**
 * NestboxEventType:
 * @NESTBOX_EVENT_READY: the sub-sandbox is there (once)
 * @NESTBOX_EVENT_UNAVAILABLE: it cannot be had; failure says why (once)
 * @NESTBOX_EVENT_STARTED: child runs its program
 * @NESTBOX_EVENT_FAILED: child was not started; failure says why
 * @NESTBOX_EVENT_EXITED: child has ended, with wait_status
 * @NESTBOX_EVENT_CLOSED: the broker has ended; nothing comes any more
 * @NESTBOX_EVENT_IDENTIFIED: question is answered by identity, or by failure where its
 * code is not 0
 *
 * Each child is told of by STARTED and later EXITED, or by FAILED: never both, never
 * twice.
 */
typedef enum
{
  NESTBOX_EVENT_READY = 1,
  NESTBOX_EVENT_UNAVAILABLE,
  NESTBOX_EVENT_STARTED,
  NESTBOX_EVENT_FAILED,
  NESTBOX_EVENT_EXITED,
  NESTBOX_EVENT_CLOSED,
  NESTBOX_EVENT_IDENTIFIED,
} NestboxEventType;

/*
 * Which child's a process is. All of it is the kernel's word and the broker's, what the
 * process says of itself apart. It was alive when the broker answered.
 */
typedef struct
{
  NestboxHandle child; /* of this connection, if that has launched it; else 0 */
  bool descends;       /* it was started by that child, or by what that had started */
  NestboxKind kind;    /* with which the child was launched */
  char sandbox[16];    /* "pages", "gpu", or "bus": that of one child with bus_policy */
  char instance[32];   /* of the sub-sandbox, as `flatpak ps` has it */
  int pid;             /* in the sub-sandbox's PID namespace */
  uint64_t start;      /* in clock ticks since the machine was started */
} NestboxIdentity;

typedef struct
{
  NestboxEventType type;
  NestboxHandle child;    /* STARTED, FAILED, EXITED; else 0 */
  int wait_status;        /* EXITED: as wait(2) has it; SIGKILL's when all ended at once */
  bool no_x11;            /* STARTED, of NESTBOX_KIND_GPU: it has no X server */
  NestboxFailure failure; /* UNAVAILABLE, FAILED, CLOSED, IDENTIFIED */
  uint32_t question;      /* IDENTIFIED */
  NestboxIdentity identity;
} NestboxEvent;

typedef struct NestboxConnection NestboxConnection;

/* The library's version, "0.1.0". */
const char *nestbox_version (void);

/*
 * Where this process is, by /.flatpak-info, which nothing inside can change (flatpak:
 * common/flatpak-run.c). Reads one small file, and waits for nothing. In a child it says
 * what the child can rely on. A failure is set for NESTBOX_LEVEL_UNKNOWN.
 */
NestboxLevel nestbox_level (NestboxFailure *failure);

/*
 * Starts a broker, which asks for the sub-sandbox at once: that takes about 0.1 s, so
 * open early. Returns when the broker's program is executed; it is no child of the
 * caller's, and sends no SIGCHLD. NULL: NOT_IN_FLATPAK, UNAVAILABLE (in a sub-sandbox
 * already, or nestbox is not installed), LIMIT.
 */
NestboxConnection *nestbox_connection_open (NestboxFailure *failure);

/* Ends all children and the broker, without waiting for that. NULL is let pass. */
void nestbox_connection_close (NestboxConnection *connection);

/*
 * Borrowed; the same for the connection's life. To be polled for POLLIN alone, level
 * triggered: readable while there is something to dispatch.
 */
int nestbox_connection_get_fd (const NestboxConnection *connection);

/*
 * Does what is due, and takes the next event, if there is one. 1: event_out is filled;
 * 0: nothing has happened; -1: CLOSED was told, close the connection. Call it until it
 * returns 0.
 */
int nestbox_connection_dispatch (NestboxConnection *connection, NestboxEvent *event_out);

/* What is known of the sub-sandbox by now. Waits for nothing. */
void nestbox_connection_get_place (const NestboxConnection *connection,
                                   NestboxPlace *place_out);

/*
 * NestboxLayers of children of this kind, as the broker has measured the place: 0 before
 * READY. Waits for nothing. What a zygote puts on later is not counted.
 */
uint32_t nestbox_connection_get_layers (const NestboxConnection *connection,
                                        NestboxKind kind);

/*
 * Asks for a child, also before READY: it is started when the sub-sandbox is there. The
 * answer is STARTED or FAILED. At most 128 children at a time.
 *
 * Of the environment only names that cannot carry a way out pass: HOME, LANG, LANGUAGE,
 * LC_*, LD_LIBRARY_PATH, PATH, TZ, USER, XDG_DATA_DIRS, CHROME_*, FONTCONFIG_*,
 * FREETYPE_*, G_SLICE, ICU_*, LIBGL_*, QTWEBENGINE_*; for NESTBOX_KIND_GPU what drivers
 * read as well. What does not pass is left out of the host's own environment, and REFUSED
 * in envp.
 *
 * 0: REFUSED, INVALID, LIMIT, CLOSED; nothing was asked for then.
 */
NestboxHandle nestbox_connection_launch (NestboxConnection *connection,
                                         const NestboxLaunch *launch,
                                         NestboxFailure *failure);

/*
 * Sends a signal, 1 to 64, to this child, and never to a process that has its PID now:
 * signals go through pidfds. SIGKILL for a child that is starting takes its launch back;
 * other signals have no effect then. What becomes of it is told by EXITED or FAILED.
 * False: NO_CHILD, INVALID, LIMIT, CLOSED.
 */
bool nestbox_connection_kill (NestboxConnection *connection, NestboxHandle child,
                              int number, NestboxFailure *failure);

/*
 * Asks which child's a process is: the peer of a connected AF_UNIX socket, or the process
 * of a pidfd, as they come with SO_PEERPIDFD and SCM_PIDFD. fd is borrowed. It may be a
 * process of another PID namespace, which nothing can be signalled in. The answer is
 * IDENTIFIED, with the number that is returned here; NO_CHILD there: it is alive, and no
 * child of this connection's sub-sandboxes, or has ended.
 *
 * A socket's peer is who connected it, or listened; who holds it now may be somebody else,
 * whom that process then speaks for. Of a pair of sockets the kernel names its maker at
 * both ends: refused. A kernel before Linux 6.5 cannot tell a peer: refused as well.
 *
 * 0: REFUSED, INVALID, NO_CHILD (the peer has ended), LIMIT, CLOSED; nothing was asked.
 */
uint32_t nestbox_connection_identify (NestboxConnection *connection, int fd,
                                      NestboxFailure *failure);

/*
 * Asks for the score, 0 to 1000, by which the kernel's OOM killer chooses (proc(5),
 * oom_score_adj) of what a zygote has forked, by the PID that the host knows it by; no
 * other process of a sub-sandbox is reached. Not answered: it fails silently where the
 * kernel lets a score only be raised. Of a process that is in no sub-sandbox the host
 * itself sets it, while it dispatches the answer. False: INVALID, LIMIT, CLOSED.
 */
bool nestbox_connection_adjust_oom (NestboxConnection *connection, int pid, int score,
                                    NestboxFailure *failure);

/* As far as dispatched events tell. Waits for nothing. */
NestboxState nestbox_connection_get_state (const NestboxConnection *connection,
                                           NestboxHandle child);

#endif
#pragma GCC visibility pop
NESTBOX_END_DECLS

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox's own messages: between broker and controller, and between a client (the
 * stand-in for chrome-sandbox) and the broker. zygote/PROTOCOL.md is the normative text.
 *
 * Children are named by ids that the sender of EXEC hands out; a PID never crosses as a
 * capability. Strings are borrowed from the packet that a message was decoded from.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spawn/base/denial.h"
#include "spawn/base/kind.h"
#include "zygote/wire/channel.h"
#include "zygote/wire/pickle-writer.h"
#include "zygote/wire/zygote-command.h"

#define NB_PROTOCOL_VERSION 1U

/* RESULT's detail of an EXEC that succeeded: a GPU process would not reach the X server. */
#define NB_DETAIL_NO_X11 "no-x11"

typedef enum
{
  NB_MESSAGE_HELLO = 1,    /* first message of a controller */
  NB_MESSAGE_EXEC = 2,     /* request: start a program */
  NB_MESSAGE_KILL = 3,     /* request: send a signal to a child */
  NB_MESSAGE_STATUS = 4,   /* request: state of a child, without waiting for it */
  NB_MESSAGE_REAP = 5,     /* request: let the child end within 2 s, then end it */
  NB_MESSAGE_LIST = 6,     /* request: ids of all children */
  NB_MESSAGE_RESULT = 7,   /* the one answer to EXEC, KILL, STATUS, REAP */
  NB_MESSAGE_LISTED = 8,   /* the one answer to LIST */
  NB_MESSAGE_BORN = 9,     /* event: a child runs its program */
  NB_MESSAGE_EXITED = 10,  /* event: a child ended; exactly once per child */
  NB_MESSAGE_WELCOME = 11, /* answer to a HELLO that was good */
  NB_MESSAGE_SAY = 12, /* request of a relay: send this on the browser's control socket */
  NB_MESSAGE_OOM_ADJUST = 13, /* request: OOM score of a zygote's child */
  NB_MESSAGE_DENIED = 14,     /* event: a base filter that is watched denied a call */
  NB_MESSAGE_WATCH = 15,      /* of a client that becomes a child: answer this listener */
  NB_MESSAGE_SURVEY = 16,     /* request: the sub-sandboxes, and what runs in them */
  NB_MESSAGE_SURVEYED = 17,   /* answer to SURVEY: one sub-sandbox */
  NB_MESSAGE_PROBE = 18,      /* request of a client: what is there, once that is known */
  NB_MESSAGE_PROBED = 19,     /* the one answer to PROBE */
  NB_MESSAGE_IDENTIFY = 20,   /* request: which child's is this process */
  NB_MESSAGE_IDENTIFIED = 21, /* the one answer to IDENTIFY */
} NbMessageType;

enum
{
  NB_EXEC_MAX_STRINGS = 512, /* arguments, and as many environment entries */
  NB_LIST_MAX_CHILDREN = 4096,
  NB_SURVEY_MAX_PROCESSES = 800, /* no message is larger for it */
  NB_TARGET_LINK = -1,           /* an EXEC's descriptor for the controller: see relay.h */
};

typedef enum
{
  NB_CHILD_NONE, /* never existed, or forgotten */
  NB_CHILD_RUNNING,
  NB_CHILD_EXITED, /* wait status known */
} NbChildState;

/* What denies the file system to a zygote and its children after its chroot step. */
typedef enum
{
  NB_WALL_AUTO, /* Landlock, or seccomp where the kernel has no Landlock */
  NB_WALL_LANDLOCK,
  NB_WALL_SECCOMP,
} NbWall;

typedef struct
{
  uint32_t version;
  uint32_t level;        /* NbFlatpakLevel that the controller found */
  uint32_t landlock_abi; /* 0: none */
  bool seccomp;          /* filters can be installed */
  bool no_new_privs;
  uint64_t namespaces[4]; /* inode numbers: NbNamespace order */
  uint32_t bus;           /* NbBus that the controller found */
} NbHello;

/* Namespaces that a sub-sandbox must not share with the app, in the order of the wire. */
typedef enum
{
  NB_NAMESPACE_PID,
  NB_NAMESPACE_NET,
  NB_NAMESPACE_MNT,
  NB_NAMESPACE_IPC,
  NB_N_NAMESPACES,
} NbNamespace;

typedef struct
{
  size_t n;
  NbSlice items[NB_EXEC_MAX_STRINGS];
} NbStrings;

typedef struct
{
  NbKind kind;
  NbWall wall;
  NbStrings argv; /* argv[0] is the absolute path executed */
  NbStrings envp; /* all of the child's environment, NAME=value */
  size_t n_targets;
  int32_t targets[NB_CHANNEL_MAX_FDS]; /* numbers that the packet's descriptors get */
  /* Of a client: path of the policy; of the broker: path of the socket. "": none. */
  NbSlice bus;
} NbExec;

typedef struct
{
  int32_t error; /* 0 or a positive errno */
  NbChildState state;
  int32_t wait_status; /* as wait(2) has it; meaningful when EXITED */
  NbSlice detail;      /* one line for people, or "" */
} NbResult;

typedef struct
{
  uint32_t child;
  NbChildState state;
} NbListEntry;

/* What the broker has come to with a sub-sandbox. */
typedef enum
{
  NB_SANDBOX_NEW, /* not asked for yet */
  NB_SANDBOX_STARTING,
  NB_SANDBOX_READY,
  NB_SANDBOX_ENDED,
} NbSandboxState;

/* A process of a sub-sandbox, measured by its controller. PIDs are those in there. */
typedef struct
{
  int32_t pid, parent;
  int32_t browser_pid; /* of its stand-in, as the browser said it; 0: it has none */
  NbKind kind;         /* by its command line */
  int32_t filters;     /* seccomp filters of its first thread; -1: not known */
  uint64_t start;      /* clock ticks since the machine was started */
  uint64_t resident_kib;
} NbSurveyProcess;

typedef struct
{
  uint32_t profile; /* NbProfile */
  NbSandboxState state;
  bool relayed; /* PIDs are hidden, or taken to be */
  NbWall wall;
  uint32_t landlock_abi; /* 0: none, or not ready */
  int32_t first_pid;     /* of its process 1, in the broker's namespace; 0: hidden */
  NbSlice reason;        /* why it has ended, or "" */
  uint32_t left_out;     /* processes for which there was no room */
  size_t n;
  NbSurveyProcess processes[NB_SURVEY_MAX_PROCESSES];
} NbSurvey;
/* What a broker has for its clients. */
typedef struct
{
  int32_t error; /* 0: there is a sub-sandbox; else a positive errno */
  uint32_t portal_version;
  uint32_t portal_supports; /* the portal's property; 0 before version 3 */
  uint32_t landlock_abi;    /* of the sub-sandbox's kernel; 0: none */
  bool pids_visible;
  bool gpu;       /* whether GPU processes are started */
  NbSlice detail; /* why there is no sub-sandbox: one line for people, or "" */
} NbBrokerPlace;

/* Which child's a process is. PIDs are those of the sub-sandbox. */
typedef struct
{
  int32_t error;    /* 0, ESRCH, ENOENT or another positive errno; the rest is 0 then */
  uint32_t profile; /* NbProfile */
  uint32_t program; /* the broker's id of what it was started by; 0: that has ended */
  NbKind kind;      /* what that was started as */
  bool descends;    /* it was started by the program, and is not the program */
  NbKind claim;     /* what it is by its own command line, which it can change */
  int32_t pid;
  uint64_t start;   /* clock ticks since the machine was started */
  NbSlice instance; /* Flatpak's id of the sub-sandbox */
} NbIdentity;

typedef struct
{
  NbMessageType type;
  uint32_t serial; /* of a request and its answer; 0 in events */
  uint32_t child;  /* 0 where none is meant */
  union
  {
    NbHello hello;
    NbExec exec;
    struct
    {
      bool relay; /* PIDs are hidden, zygotes are to be relayed */
      bool watch; /* base filters are to be watched: NESTBOX_DEBUG=seccomp */
    } welcome;
    NbSlice text;        /* SAY */
    NbDenial denied;     /* DENIED */
    NbKind kind;         /* WATCH */
    uint32_t version;    /* PROBE: the client's */
    NbBrokerPlace place; /* PROBED */
    struct
    {
      int32_t
          pid; /* as the browser knows the child; no capability: unknown ones are ESRCH */
      int32_t score; /* 0 to 1000 */
    } oom;
    int32_t signal;  /* KILL */
    bool known_dead; /* STATUS: end the child if it still runs */
    NbResult result;
    NbSurvey survey; /* SURVEYED */
    struct
    {
      size_t n;
      NbListEntry entries[NB_LIST_MAX_CHILDREN];
    } list;
    int32_t wait_status; /* EXITED */
    int32_t stand_in;    /* IDENTIFY: the browser's PID of one; 0: the pidfd tells */
    NbIdentity identity; /* IDENTIFIED */
  };
} NbMessage;

/* Encodes any message. 0 and the size, or -EMSGSIZE. */
int nb_message_encode (NbPickleWriter *writer, const NbMessage *message, size_t *size_out);

/*
 * Decodes a packet. 0; -EBADMSG when it is malformed; -EPROTO when it carries a number
 * of descriptors that its type does not allow; -ENOSYS for an unknown type.
 */
int nb_message_decode (const NbPacket *packet, NbMessage *message_out);

/* The same of bytes that came with n_fds descriptors, and lie anywhere. */
int nb_message_decode_bytes (const void *bytes, size_t size, size_t n_fds,
                             NbMessage *message_out);

/* Encodes and sends; fds are borrowed. As nb_channel_send(). */
int nb_message_send (int fd, const NbMessage *message, const int *fds, size_t n_fds);

/* For logs: "EXEC", … */
const char *nb_message_type_name (NbMessageType type);

/* A slice of a NUL-terminated string. */
NbSlice nb_slice (const char *string);

/* Appends a string, or sets *overflow when the vector is full. */
void nb_strings_append (NbStrings *strings, const char *string, bool *overflow);

/*
 * A NULL-terminated vector of NUL-terminated copies, in one block that the caller
 * frees with free(). NULL when memory is out or an item contains a NUL byte.
 */
char **nb_strings_dup (const NbStrings *strings);

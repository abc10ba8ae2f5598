/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attacks of a process that was taken over, and what they are tried on. Each attack is one
 * function and one row of a table; the tables are grouped by subject. runner.c gives every
 * attack a fresh victim and a process of its own. What is expected of each, in each place,
 * is in expected.table.
 */
#pragma once

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Ignored by default, so that attacks on everyone harm nobody; victims count it. */
#define NB_ATTACK_SIGNAL SIGURG

/* Where the attacker runs. Zygote and child are two places of one run. */
typedef enum
{
  NB_PLACE_BARE,   /* on the host, in user and PID namespaces of its own */
  NB_PLACE_APP,    /* in the app's sandbox, beside the browser */
  NB_PLACE_ZYGOTE, /* what took over the zygote, after its chroot step */
  NB_PLACE_CHILD,  /* what took over a child that such a zygote forked */
  NB_PLACE_GPU,    /* what took over a GPU process, as the unsandboxed zygote forks it */
  NB_PLACE_GPU_EXECUTED, /* the same, as the browser executes it without a zygote */
} NbPlace;

typedef enum
{
  NB_TARGET_SIBLING,    /* the victim: forked as the attacker was, by the same process */
  NB_TARGET_ZYGOTE,     /* the process that forked both */
  NB_TARGET_CONTROLLER, /* the parent of that; in the sub-sandbox nestbox's controller */
} NbTarget;

/* What the attacker is told of the host; "" or 0 where it is not told. */
typedef struct
{
  const char *bus;      /* path of the session bus, as the host knows it */
  const char *abstract; /* name of a listening abstract socket on the host */
  const char *home;     /* a file in the user's home */
  const char *data;     /* a file of the app's own in that home */
  int port;             /* 127.0.0.1: TCP listens, and UDP answers, on the host */
} NbHost;

/* What a victim tells of itself, in memory that it shares with runner and attacker. */
typedef struct
{
  volatile sig_atomic_t signals;        /* NB_ATTACK_SIGNAL and SIGIO that it got */
  volatile sig_atomic_t zygote_signals; /* those that the process that forked it got */
  uint64_t word;                        /* what its private word is now */
  uint64_t *word_at;                    /* where that lies in its memory */
  uint64_t cpu_limit;                   /* RLIMIT_CPU, soft */
  int nice, scheduler, io_priority;
  int memory_fd;   /* a file of its own, open */
  int segment;     /* a SysV segment of its own; < 0: -errno, it could not make one */
  char socket[32]; /* name of the abstract socket on which it listens */
} NbVictimState;

typedef struct
{
  pid_t target; /* by the attack's NbTarget */
  pid_t victim, zygote, controller;
  const NbVictimState *state; /* the victim's */
  const NbHost *host;
  int zygote_pair; /* a connected socket that the zygote made */
  int terminal;    /* slave of a new pty, nobody's controlling terminal; -1: none */
} NbScene;

typedef struct
{
  const char *name;
  NbTarget target;
  /* 0, or a negative errno. Runs in the attacker. */
  int (*attack) (const NbScene *scene);
  /* Whether the victim was hit, by what it said before and after; NULL: the result tells.
   */
  bool (*hit) (const NbVictimState *before, const NbVictimState *after);
  bool needs_terminal;
} NbAttack;

typedef struct
{
  const NbAttack *attacks;
  size_t n;
} NbAttackTable;

#define NB_ATTACK_TABLE(array)                                                             \
  {                                                                                        \
    (array), sizeof (array) / sizeof (array)[0]                                            \
  }

extern const NbAttackTable nb_attacks_by_signal;
extern const NbAttackTable nb_attacks_on_settings;
extern const NbAttackTable nb_attacks_on_memory;
extern const NbAttackTable nb_attacks_on_files;
extern const NbAttackTable nb_attacks_on_sockets;
extern const NbAttackTable nb_attacks_on_namespaces;
extern const NbAttackTable nb_attacks_on_kernel;
extern const NbAttackTable nb_attacks_on_ipc;
extern const NbAttackTable nb_attacks_on_channels;

/* A system call's return value as the attacks tell it. */
static inline int
nb_attack_result (long value)
{
  return value < 0 ? -errno : 0;
}

/* Bits above an int's: what a filter sees and the kernel does not look at. */
static inline uint64_t
nb_attack_garbage (int value)
{
  return (uint32_t)value | (UINT64_C (0x5ec) << 32);
}

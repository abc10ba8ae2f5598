/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel writes into files of /proc/PID (kernel: Documentation/filesystems/
 * proc.rst), parsed. Names in these files are chosen by whoever is looked at: whatever
 * does not have the form that the kernel gives it is an error, never a guess.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* A number that an older kernel does not tell is -1. */
typedef struct
{
  guint levels;     /* PID namespaces, from that of this /proc down to its own */
  pid_t inner_pid;  /* in its own */
  int no_new_privs; /* 0, 1 */
  int seccomp;      /* 0 none, 1 strict, 2 filter */
  int filters;
  gboolean has_capabilities; /* the kernel told all four sets */
  guint64 capabilities;      /* of any of them: effective, permitted, … ambient */
} NbProcStatus;

/* /proc/PID/status. FALSE when it has no such form. */
gboolean nb_proc_status_parse (const char *text, NbProcStatus *status_out);

typedef struct
{
  guint64 id;   /* no other mount of the machine has it at the same time */
  char *device; /* "MAJOR:MINOR" */
  char *root;   /* what of the file system is mounted */
  char *point;  /* where, seen from the root of the process */
  char *type;   /* of the file system */
  gboolean read_only;
} NbMount;

/* /proc/PID/mountinfo: of NbMount, owned. NULL when a line has no such form. */
GPtrArray *nb_proc_mounts_parse (const char *text);

/* /proc/PID/net/dev: names of the network interfaces. NULL when it has no such form. */
char **nb_proc_interfaces_parse (const char *text);

typedef struct
{
  guint64 inode;
  char *name; /* path, or "@" and abstract name; NULL: none */
} NbUnixSocket;

typedef struct
{
  GPtrArray *sockets; /* of NbUnixSocket, owned */
  gboolean whole;     /* every line was understood */
} NbUnixTable;

/*
 * /proc/PID/net/unix. A line break in a socket's name is written as it is, so that lines
 * can be forged, but none can be taken away.
 */
NbUnixTable *nb_proc_unix_parse (const char *text);
void nb_unix_table_free (NbUnixTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (NbUnixTable, nb_unix_table_free)

/*
 * Adds to a set of guint64 (g_int64_hash, keys owned) the inodes in that column, from 0, of
 * a table with one line of headings: /proc/PID/net/{tcp,udp,netlink,…}.
 */
void nb_proc_inodes_add (GHashTable *set, const char *text, guint column);

/*
 * /proc/PID/cmdline: words end in NUL; a process that wrote a title of its own over them
 * has one text, with blanks (Chromium: base/process/set_process_title.cc).
 */
char **nb_proc_command_split (const char *data, gsize length);

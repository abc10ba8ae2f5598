/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One process, held by a descriptor of its folder /proc/PID. The kernel ties the folder
 * to the process and not to the number (fs/proc/base.c: proc_pid_make_inode): what is
 * read from it is never another process's, and nothing once the process is gone. So a
 * descriptor is as good as a PID, also one of a /proc in which the PID is another.
 */
#pragma once

#include <glib.h>
#include <sys/stat.h>
#include <sys/types.h>

typedef struct _NbProcess NbProcess;

/*
 * The process that is pid in the /proc open as proc. NULL and a positive errno (ESRCH:
 * there is none) in *error_out.
 */
NbProcess *nb_process_open (int proc, pid_t pid, int *error_out);

/* The process whose folder fd is; takes fd over. pid is what messages call it. */
NbProcess *nb_process_take (int fd, pid_t pid);

void nb_process_free (NbProcess *process);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (NbProcess, nb_process_free)

/* The PIDs in the /proc open as proc, of pid_t, owned. NULL when it cannot be read. */
GArray *nb_process_list (int proc);

pid_t nb_process_get_pid (const NbProcess *process);

/* Borrowed: for what must be read in the folder itself. */
int nb_process_get_fd (const NbProcess *process);

/*
 * A file of the folder, NUL-terminated after *length_out bytes (may be NULL). NULL and
 * errno when it cannot be read, or not whole within 16 MiB.
 */
char *nb_process_read (const NbProcess *process, const char *name, gsize *length_out);

/* What a link of the folder says; NULL and errno when that may not be known. */
char *nb_process_read_link (const NbProcess *process, const char *name);

/* What a link of the folder leads to: 0 or -errno. */
int nb_process_stat (const NbProcess *process, const char *name, struct stat *stat_out);

/* Whether it still runs: neither gone nor a zombie. */
gboolean nb_process_is_alive (const NbProcess *process);

/* Its words, never NULL; { NULL } when there are none. */
char **nb_process_command (const NbProcess *process);

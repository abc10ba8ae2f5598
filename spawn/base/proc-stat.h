/* SPDX-License-Identifier: BSD-3-Clause */
/* /proc/PID/stat as the kernel writes it (proc(5); linux: fs/proc/array.c). GLib-free. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct
{
  const char *name; /* part of the text, not ended by a NUL; may contain anything */
  size_t name_length;
  char state;        /* 'R', 'S', …, 'Z' */
  pid_t parent;      /* 0: it has none here */
  uint64_t start;    /* in clock ticks since the machine was started */
  uint64_t resident; /* pages */
} NbProcStat;

/* false when text has no such form: it is never guessed. */
bool nb_proc_stat_parse (const char *text, NbProcStat *stat_out);

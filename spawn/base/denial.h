/* SPDX-License-Identifier: BSD-3-Clause */
/* One system call that a watched base filter denied: NESTBOX_DEBUG=seccomp. */
#pragma once

#include <stdint.h>

#include "spawn/base/kind.h"

typedef struct
{
  NbKind kind;    /* of the process that made the call, by its command line */
  int32_t pid;    /* its process, as whoever holds the listener knows it */
  int32_t number; /* of the system call */
  int32_t error;  /* what it was answered */
  uint64_t arguments[6];
  uint64_t address; /* of the instruction after the call */
} NbDenial;

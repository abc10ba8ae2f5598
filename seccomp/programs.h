/* SPDX-License-Identifier: BSD-3-Clause */
/* The programs that seccomp/compile-main.c made, of the architecture built for. */
#pragma once

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "spawn/base/kind.h"

typedef struct
{
  const struct sock_filter *instructions;
  size_t n;
} NbProgram;

/* The base filter of each kind. */
extern const NbProgram nb_policy_programs[NB_N_KINDS];

/* The wall for kernels without Landlock. */
extern const NbProgram nb_path_wall_program;

/* The call of each of nb_policy_rules; -1: a heading, or not of this architecture. */
extern const int16_t *const nb_policy_numbers;

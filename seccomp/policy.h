/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of seccomp/policy.def as data: for the compiler, for people (`nestbox
 * policy`), for the tests, and for whoever has to tell what a denied call would have been
 * answered. The programs themselves are made at build time: see seccomp/apply.h.
 */
#pragma once

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spawn/base/kind.h"

typedef enum
{
  NB_IF_ALWAYS,
  NB_IF_MASKED,        /* (argument & mask) == value */
  NB_IF_NOT_ZERO,      /* argument != 0, all 64 bits */
  NB_IF_FAMILY_NOT_IN, /* argument 0 is no family of the bit set `mask` */
} NbConditionType;

typedef struct
{
  NbConditionType type;
  uint8_t argument;
  uint64_t mask, value;
} NbCondition;

typedef struct
{
  const char *call; /* NULL: the heading of a group */
  int number;       /* -1: libseccomp knows it by its name */
  NbCondition condition;
  const char *condition_text; /* as written in the table */
  int error;
  unsigned kinds; /* bit set of NbKind */
  const char *reason;
} NbPolicyRule;

extern const NbPolicyRule nb_policy_rules[];
extern const size_t nb_n_policy_rules;

/* The largest system call number that the table has judged. */
extern const uint32_t nb_policy_newest;

/* Whether the rule is one of this kind; never for a heading. */
bool nb_policy_rule_applies (const NbPolicyRule *rule, NbKind kind);

/* Whether the arguments of its call are those that the rule is about. */
bool nb_policy_rule_matches (const NbPolicyRule *rule, const uint64_t arguments[6]);

/*
 * What the kind's policy answers to a system call of the native entry: 0 when it is
 * allowed, or a positive errno. numbers: of each rule's call, as the compiler resolved
 * them for the architecture (nb_policy_numbers of seccomp/apply.h for the native one); -1
 * where it has no such call. rule_out, optional: the rule, NULL when none decided.
 */
int nb_policy_evaluate (NbKind kind, const int16_t *numbers,
                        const struct seccomp_data *call, const NbPolicyRule **rule_out);

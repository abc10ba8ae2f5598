/* SPDX-License-Identifier: BSD-3-Clause */
#include "seccomp/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "spawn/base/macros.h"

/* Newer than the distribution's headers, or only in the kernel's own. */
#ifndef PR_SCHED_CORE
#  define PR_SCHED_CORE 62
#endif

#define BIT(kind) (1U << (kind))
#define ALL (BIT (NB_N_KINDS) - 1)
#define CONFINED (ALL & ~BIT (NB_KIND_NONE))
#define ZYGOTE BIT (NB_KIND_ZYGOTE)
#define RENDERER BIT (NB_KIND_RENDERER)
#define UTILITY (BIT (NB_KIND_UTILITY) | BIT (NB_KIND_AUDIO))
#define PAGES (ZYGOTE | RENDERER | UTILITY)
#define GPU (BIT (NB_KIND_GPU) | BIT (NB_KIND_GPU_ZYGOTE))
#define NETWORK BIT (NB_KIND_NETWORK)

#define ALWAYS                                                                             \
  {                                                                                        \
    .type = NB_IF_ALWAYS                                                                   \
  }
#define MASKED(number, bits, wanted)                                                       \
  {                                                                                        \
    .type = NB_IF_MASKED, .argument = (number), .mask = (bits), .value = (wanted)          \
  }
#define IS(number, wanted) MASKED (number, 0xffffffffU, (uint32_t)(wanted))
#define NOT_ZERO(number)                                                                   \
  {                                                                                        \
    .type = NB_IF_NOT_ZERO, .argument = (number)                                           \
  }
#define FAMILY(family) (1ULL << (family))

#define GROUP(name, text) { .condition_text = name, .reason = text },
/* The condition comes in two shapes, for it may hold commas. */
#define RULE(name, when, errno_value, who, why)                                            \
  { .call = #name,                                                                         \
    .number = -1,                                                                          \
    .condition = when,                                                                     \
    .condition_text = #when,                                                               \
    .error = errno_value,                                                                  \
    .kinds = who,                                                                          \
    .reason = why },
#define NUMBER(value, name, errno_value, who, why)                                         \
  { .call = #name,                                                                         \
    .number = value,                                                                       \
    .condition_text = "ALWAYS",                                                            \
    .error = errno_value,                                                                  \
    .kinds = who,                                                                          \
    .reason = why },
#define FAMILIES(who, set, why)                                                            \
  { .call = "socket",                                                                      \
    .number = -1,                                                                          \
    .condition = { .type = NB_IF_FAMILY_NOT_IN, .mask = (set) },                           \
    .condition_text = "unless " #set,                                                      \
    .error = EAFNOSUPPORT,                                                                 \
    .kinds = who,                                                                          \
    .reason = why },
#define NEWEST(number)

const NbPolicyRule nb_policy_rules[] = {
#include "seccomp/policy.def"
};

const size_t nb_n_policy_rules = NB_ARRAY_SIZE (nb_policy_rules);

#undef GROUP
#undef RULE
#undef NUMBER
#undef FAMILIES
#undef NEWEST
#define GROUP(name, text)
#define RULE(name, when, errno_value, who, why)
#define NUMBER(value, name, errno_value, who, why)
#define FAMILIES(who, set, why)
#define NEWEST(number) const uint32_t nb_policy_newest = number;
#include "seccomp/policy.def"

bool
nb_policy_rule_applies (const NbPolicyRule *rule, NbKind kind)
{
  return rule->call != NULL && (rule->kinds & BIT (kind)) != 0;
}

bool
nb_policy_rule_matches (const NbPolicyRule *rule, const uint64_t arguments[6])
{
  const NbCondition *condition = &rule->condition;
  uint64_t argument = arguments[condition->argument];

  switch (condition->type)
    {
    case NB_IF_ALWAYS:
      return true;
    case NB_IF_MASKED:
      return (argument & condition->mask) == condition->value;
    case NB_IF_NOT_ZERO:
      return argument != 0;
    case NB_IF_FAMILY_NOT_IN:
      return argument >= 64 || (condition->mask >> argument & 1) == 0;
    }
  return true; /* not reached: an unknown condition denies */
}

int
nb_policy_evaluate (NbKind kind, const int16_t *numbers, const struct seccomp_data *call,
                    const NbPolicyRule **rule_out)
{
  uint64_t arguments[6];

  for (size_t i = 0; i < NB_ARRAY_SIZE (arguments); i++)
    arguments[i] = call->args[i];
  for (size_t i = 0; i < nb_n_policy_rules; i++)
    {
      const NbPolicyRule *rule = &nb_policy_rules[i];

      if (numbers[i] < 0 || numbers[i] != call->nr || !nb_policy_rule_applies (rule, kind)
          || !nb_policy_rule_matches (rule, arguments))
        continue;
      if (rule_out != NULL)
        *rule_out = rule;
      return rule->error;
    }
  if (rule_out != NULL)
    *rule_out = NULL;
  return (uint32_t)call->nr > nb_policy_newest && call->nr != -1 ? ENOSYS : 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "seccomp/programs.h"

#include "policy-programs.h"
#include "spawn/base/macros.h"

#if defined(__x86_64__)
#  define OURS(name) x86_64_##name
#elif defined(__aarch64__)
#  define OURS(name) aarch64_##name
#else
#  error "seccomp/compile-main.c does not know this architecture yet"
#endif
#define PROGRAM(name)                                                                      \
  {                                                                                        \
    OURS (name), NB_ARRAY_SIZE (OURS (name))                                               \
  }

const NbProgram nb_policy_programs[NB_N_KINDS] = {
  [NB_KIND_NONE] = PROGRAM (none),
  [NB_KIND_ZYGOTE] = PROGRAM (zygote),
  [NB_KIND_RENDERER] = PROGRAM (renderer),
  [NB_KIND_UTILITY] = PROGRAM (utility),
  [NB_KIND_GPU] = PROGRAM (gpu),
  [NB_KIND_NETWORK] = PROGRAM (network),
  [NB_KIND_AUDIO] = PROGRAM (audio),
  [NB_KIND_UNSANDBOXED_ZYGOTE] = PROGRAM (unsandboxed_zygote),
  [NB_KIND_GPU_ZYGOTE] = PROGRAM (gpu_zygote),
};

const NbProgram nb_path_wall_program = PROGRAM (path_wall);
const int16_t *const nb_policy_numbers = OURS (numbers);

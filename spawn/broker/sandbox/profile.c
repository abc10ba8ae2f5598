/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/sandbox/profile.h"

#include "spawn/portal/portal-names.h"

static const NbProfileTraits traits[NB_N_PROFILES] = {
  [NB_PROFILE_PAGES] = { .name = "pages" },
  [NB_PROFILE_GPU] = { .name = "gpu",
                       .sandbox_flags = NB_SANDBOX_DISPLAY | NB_SANDBOX_GPU,
                       .may_share_ipc = TRUE },
  [NB_PROFILE_NETWORK] = { .name = "network", .has_network = TRUE },
  [NB_PROFILE_BUS] = { .name = "bus" },
  [NB_PROFILE_AUDIO] = { .name = "audio", .sandbox_flags = NB_SANDBOX_SOUND },
};

const NbProfileTraits *
nb_profile_traits (NbProfile profile)
{
  g_assert (profile < NB_N_PROFILES);
  return &traits[profile];
}

/* A kind that nobody thought of gets the narrowest place. */
NbProfile
nb_profile_of_kind (NbKind kind)
{
  return nb_kind_is_for_gpu (kind) ? NB_PROFILE_GPU
         : kind == NB_KIND_NETWORK ? NB_PROFILE_NETWORK
         : kind == NB_KIND_AUDIO   ? NB_PROFILE_AUDIO
                                   : NB_PROFILE_PAGES;
}

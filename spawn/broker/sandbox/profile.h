/* SPDX-License-Identifier: BSD-3-Clause */
/* The kinds of sub-sandbox that a broker makes, and what the portal is to give each. */
#pragma once

#include <glib.h>

#include "spawn/base/kind.h"

typedef enum
{
  NB_PROFILE_PAGES,   /* zygote, renderers, utilities: nothing but the programs */
  NB_PROFILE_GPU,     /* the GPU process: the display and the GPU's device nodes */
  NB_PROFILE_NETWORK, /* the network service: the app's network */
  NB_PROFILE_AUDIO,   /* the audio service: the sound server's socket */
  NB_PROFILE_BUS,     /* one child that has an endpoint on the session bus; made for it */
  NB_N_PROFILES,
} NbProfile;

typedef struct
{
  const char *name;
  guint32 sandbox_flags;  /* NbSandboxFlags, as far as the portal knows them */
  gboolean may_share_ipc; /* X11's shared memory has to be the X server's */
  gboolean has_network;   /* the app's own, as far as the app has one */
} NbProfileTraits;

const NbProfileTraits *nb_profile_traits (NbProfile profile);

/* Where a program of this kind is started. */
NbProfile nb_profile_of_kind (NbKind kind);

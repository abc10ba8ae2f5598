/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/sandboxes.h"

void
nb_sandboxes_init (NbSandboxes *sandboxes, NbPortal *portal,
                   const NbSandboxOptions *options)
{
  *sandboxes = (NbSandboxes){ { NULL } };
  for (NbProfile profile = 0; profile < NB_N_PROFILES; profile++)
    if (profile == NB_PROFILE_PAGES || options->has[profile])
      sandboxes->items[profile]
          = nb_sandbox_new (portal, profile, options->wall, options->pids);
  nb_sandbox_expose (sandboxes->items[NB_PROFILE_PAGES], options->exposed);
}

static void
start_asked_for (NbSandboxes *sandboxes)
{
  for (NbProfile profile = 0; profile < NB_N_PROFILES; profile++)
    if (sandboxes->asked[profile] && sandboxes->items[profile] != NULL)
      nb_sandbox_start (sandboxes->items[profile]);
}

static void
pages_settled_cb (gpointer data, const char *reason)
{
  NbSandboxes *sandboxes = data;

  sandboxes->pages_are_ready = reason == NULL;
  if (reason != NULL)
    nb_sandboxes_fail (sandboxes, reason);
  else
    start_asked_for (sandboxes);
}

void
nb_sandboxes_start (NbSandboxes *sandboxes)
{
  NbSandbox *pages = sandboxes->items[NB_PROFILE_PAGES];

  nb_sandbox_when_settled (pages, pages_settled_cb, sandboxes);
  nb_sandbox_start (pages);
}

NbSandbox *
nb_sandboxes_for_kind (NbSandboxes *sandboxes, NbKind kind)
{
  NbProfile profile = nb_profile_of_kind (kind);

  sandboxes->asked[profile] = TRUE;
  if (sandboxes->pages_are_ready)
    start_asked_for (sandboxes);
  return sandboxes->items[profile];
}

void
nb_sandboxes_fail (NbSandboxes *sandboxes, const char *reason)
{
  for (NbProfile profile = 0; profile < NB_N_PROFILES; profile++)
    if (sandboxes->items[profile] != NULL)
      nb_sandbox_fail (sandboxes->items[profile], reason);
}

gboolean
nb_sandboxes_are_gone (NbSandboxes *sandboxes)
{
  for (NbProfile profile = 0; profile < NB_N_PROFILES; profile++)
    if (sandboxes->items[profile] != NULL
        && !nb_sandbox_is_gone (sandboxes->items[profile]))
      return FALSE;
  return TRUE;
}

/* One that went by itself has a handle that the portal may have given to another. */
void
nb_sandboxes_kill (NbSandboxes *sandboxes, gboolean by_portal)
{
  for (NbProfile profile = 0; profile < NB_N_PROFILES; profile++)
    if (sandboxes->items[profile] != NULL
        && !nb_sandbox_is_gone (sandboxes->items[profile]))
      nb_sandbox_kill (sandboxes->items[profile], by_portal);
}

void
nb_sandboxes_clear (NbSandboxes *sandboxes)
{
  for (NbProfile profile = 0; profile < NB_N_PROFILES; profile++)
    g_clear_pointer (&sandboxes->items[profile], nb_sandbox_free);
}

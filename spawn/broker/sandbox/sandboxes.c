/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/sandbox/sandboxes.h"

void
nb_sandboxes_init (NbSandboxes *sandboxes, NbPortal *portal,
                   const NbSandboxOptions *options)
{
  *sandboxes
      = (NbSandboxes){ .portal = portal, .pids = options->pids, .wall = options->wall };
  sandboxes->gated = g_ptr_array_new ();
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

/* --- one child's each --- */

guint
nb_sandboxes_count (const NbSandboxes *sandboxes)
{
  return NB_N_PROFILES + (sandboxes->gated != NULL ? sandboxes->gated->len : 0);
}

NbSandbox *
nb_sandboxes_get (const NbSandboxes *sandboxes, guint number)
{
  return number < NB_N_PROFILES ? sandboxes->items[number]
                                : sandboxes->gated->pdata[number - NB_N_PROFILES];
}

/* Places are used again, so that numbers stay what they are for those that live. */
NbSandbox *
nb_sandboxes_add_gated (NbSandboxes *sandboxes)
{
  NbSandbox *sandbox = nb_sandbox_new (sandboxes->portal, NB_PROFILE_BUS, sandboxes->wall,
                                       sandboxes->pids);

  for (guint i = 0; i < sandboxes->gated->len; i++)
    {
      NbSandbox *old = sandboxes->gated->pdata[i];

      if (nb_sandbox_has_ended (old) && nb_sandbox_is_gone (old))
        {
          nb_sandbox_forget (sandboxes->items[NB_PROFILE_PAGES], old);
          nb_sandbox_free (old);
          sandboxes->gated->pdata[i] = sandbox;
          return sandbox;
        }
    }
  g_ptr_array_add (sandboxes->gated, sandbox);
  return sandbox;
}

/* --- all of them --- */

void
nb_sandboxes_fail (NbSandboxes *sandboxes, const char *reason)
{
  nb_sandbox_fail (sandboxes->items[NB_PROFILE_PAGES], reason);
  for (guint i = 0; i < nb_sandboxes_count (sandboxes); i++)
    if (nb_sandboxes_get (sandboxes, i) != NULL)
      nb_sandbox_fail_with_pages (nb_sandboxes_get (sandboxes, i), reason);
}

gboolean
nb_sandboxes_are_gone (NbSandboxes *sandboxes)
{
  for (guint i = 0; i < nb_sandboxes_count (sandboxes); i++)
    if (nb_sandboxes_get (sandboxes, i) != NULL
        && !nb_sandbox_is_gone (nb_sandboxes_get (sandboxes, i)))
      return FALSE;
  return TRUE;
}

/* One that went by itself has a handle that the portal may have given to another. */
void
nb_sandboxes_kill (NbSandboxes *sandboxes, gboolean by_portal)
{
  for (guint i = 0; i < nb_sandboxes_count (sandboxes); i++)
    if (nb_sandboxes_get (sandboxes, i) != NULL
        && !nb_sandbox_is_gone (nb_sandboxes_get (sandboxes, i)))
      nb_sandbox_kill (nb_sandboxes_get (sandboxes, i), by_portal);
}

void
nb_sandboxes_clear (NbSandboxes *sandboxes)
{
  for (guint i = 0; sandboxes->gated != NULL && i < sandboxes->gated->len; i++)
    {
      nb_sandbox_forget (sandboxes->items[NB_PROFILE_PAGES], sandboxes->gated->pdata[i]);
      nb_sandbox_free (sandboxes->gated->pdata[i]);
    }
  g_clear_pointer (&sandboxes->gated, g_ptr_array_unref);
  for (NbProfile profile = 0; profile < NB_N_PROFILES; profile++)
    g_clear_pointer (&sandboxes->items[profile], nb_sandbox_free);
}

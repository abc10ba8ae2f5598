/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/portal/spawn-request.h"

/* In the way of the controller's own environment, which nothing but it ever reads. */
static const char *const unset[] = {
  "DISPLAY", /* the display's come first: see FIRST_BEYOND_DISPLAY */
  "WAYLAND_DISPLAY",
  "XAUTHORITY",
  "DBUS_SESSION_BUS_ADDRESS",
  "DBUS_SYSTEM_BUS_ADDRESS",
  "AT_SPI_BUS_ADDRESS",
  "SSH_AUTH_SOCK",
  "GPG_AGENT_INFO",
  "LD_PRELOAD",
  "LD_AUDIT",
  "LD_LIBRARY_PATH",
  NULL,
};

enum
{
  FIRST_BEYOND_DISPLAY = 3,
};

gboolean
nb_portal_features_expose_pids (const NbPortalFeatures *features)
{
  return features->version >= NB_PORTAL_VERSION_EXPOSE_PIDS
         && (features->supports & NB_SUPPORTS_EXPOSE_PIDS) != 0;
}

gboolean
nb_portal_features_sandbox_flags (const NbPortalFeatures *features)
{
  return features->version >= NB_PORTAL_VERSION_SANDBOX_FLAGS;
}

static guint32
request_flags (const NbSpawnRequest *request, const NbPortalFeatures *features)
{
  guint32 flags = NB_SPAWN_SANDBOX | (request->network ? 0 : NB_SPAWN_NO_NETWORK);

  if (features->version >= NB_PORTAL_VERSION_WATCH_BUS)
    flags |= NB_SPAWN_WATCH_BUS;
  if (request->expose_pids && nb_portal_features_expose_pids (features))
    flags |= NB_SPAWN_EXPOSE_PIDS;
  return flags;
}

/* The portal mounts each at the path that it has on the host, as far as it is the same. */
static gboolean
add_exposed (const NbSpawnRequest *request, GUnixFDList *list, GVariantDict *options,
             GError **error)
{
  GVariantBuilder handles;

  g_variant_builder_init (&handles, G_VARIANT_TYPE ("ah"));
  for (gsize i = 0; i < request->n_exposed; i++)
    {
      int handle = g_unix_fd_list_append (list, request->exposed[i], error);

      if (handle < 0)
        {
          g_variant_builder_clear (&handles);
          return FALSE;
        }
      g_variant_builder_add (&handles, "h", handle);
    }
  g_variant_dict_insert_value (options, "sandbox-expose-fd-ro",
                               g_variant_builder_end (&handles));
  return TRUE;
}

static GVariant *
request_options (const NbSpawnRequest *request, const NbPortalFeatures *features,
                 GUnixFDList *list, GError **error)
{
  gboolean display = (request->sandbox_flags & NB_SANDBOX_DISPLAY) != 0;
  GVariantDict options;

  g_variant_dict_init (&options, NULL);
  if (features->version >= NB_PORTAL_VERSION_UNSET_ENV)
    g_variant_dict_insert_value (
        &options, "unset-env",
        g_variant_new_strv (unset + (display ? FIRST_BEYOND_DISPLAY : 0), -1));
  if (request->sandbox_flags != 0 && nb_portal_features_sandbox_flags (features))
    g_variant_dict_insert (&options, "sandbox-flags", "u", request->sandbox_flags);
  if (request->n_exposed > 0 && features->version >= NB_PORTAL_VERSION_EXPOSE_FDS
      && !add_exposed (request, list, &options, error))
    {
      g_variant_dict_clear (&options);
      return NULL;
    }
  if (request->endpoint != NULL)
    g_variant_dict_insert_value (&options, "sandbox-expose-ro",
                                 g_variant_new_strv (&request->endpoint, 1));
  return g_variant_dict_end (&options);
}

static GVariant *
request_fds (const NbSpawnRequest *request, GUnixFDList *list, GError **error)
{
  GVariantBuilder map;

  g_variant_builder_init (&map, G_VARIANT_TYPE ("a{uh}"));
  for (gsize i = 0; i < request->n_fds; i++)
    {
      int handle = g_unix_fd_list_append (list, request->fds[i], error);

      if (handle < 0)
        {
          g_variant_builder_clear (&map);
          return NULL;
        }
      g_variant_builder_add (&map, "{uh}", (guint32)i, handle);
    }
  return g_variant_builder_end (&map);
}

GVariant *
nb_spawn_request_build (const NbSpawnRequest *request, const NbPortalFeatures *features,
                        GUnixFDList **fds_out, GError **error)
{
  g_autoptr (GUnixFDList) list = g_unix_fd_list_new ();
  GVariant *fds, *options;

  if (request->argv[0] == NULL || !g_path_is_absolute (request->argv[0])
      || request->n_fds + request->n_exposed > NB_PORTAL_MAX_FDS
      || features->version < NB_PORTAL_VERSION_MIN)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "Spawn request breaks the portal's limits");
      return NULL;
    }
  fds = request_fds (request, list, error);
  if (fds == NULL)
    return NULL;
  options = request_options (request, features, list, error);
  if (options == NULL)
    {
      g_variant_unref (g_variant_ref_sink (fds));
      return NULL;
    }
  *fds_out = g_steal_pointer (&list);
  return g_variant_new ("(^ay^aay@a{uh}@a{ss}u@a{sv})", "/", request->argv, fds,
                        g_variant_new_array (G_VARIANT_TYPE ("{ss}"), NULL, 0),
                        request_flags (request, features), options);
}

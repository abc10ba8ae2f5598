/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/portal/portal-reply.h"

#include <string.h>

char *
nb_portal_describe_error (const GError *error)
{
  g_autoptr (GError) stripped = g_error_copy (error);
  g_autofree char *text = NULL;

  (void)g_dbus_error_strip_remote_error (stripped);
  text = g_utf8_make_valid (stripped->message, -1);
  for (char *at = text; *at != '\0'; at++)
    if (g_ascii_iscntrl (*at))
      *at = ' ';
  if (strlen (text) > NB_PORTAL_MAX_TEXT)
    *g_utf8_find_prev_char (text, text + NB_PORTAL_MAX_TEXT + 1) = '\0';
  return g_steal_pointer (&text);
}

gboolean
nb_portal_is_unanswered (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED)
         || g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY)
         || g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN)
         || g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER);
}

static gboolean
parse_properties (GDBusMessage *reply, NbPortalFeatures *features_out, GError **error)
{
  GVariant *body = g_dbus_message_get_body (reply);
  const char *sender = g_dbus_message_get_sender (reply);
  g_autoptr (GVariant) dict = NULL;
  NbPortalFeatures features = { 0 };

  if (body == NULL || !g_variant_is_of_type (body, G_VARIANT_TYPE ("(a{sv})"))
      || sender == NULL || !g_dbus_is_unique_name (sender))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                           "the Flatpak portal's answer makes no sense");
      return FALSE;
    }
  dict = g_variant_get_child_value (body, 0);
  (void)g_variant_lookup (dict, "version", "u", &features.version);
  if (features.version >= NB_PORTAL_VERSION_EXPOSE_PIDS)
    (void)g_variant_lookup (dict, "supports", "u", &features.supports);
  if (features.version < NB_PORTAL_VERSION_MIN)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "the Flatpak portal is too old (version %u)", features.version);
      return FALSE;
    }
  *features_out = features;
  return TRUE;
}

char *
nb_portal_parse_probe (GDBusMessage *reply, NbPortalFeatures *features_out, GError **error)
{
  g_autoptr (GError) refusal = NULL;

  if (g_dbus_message_to_gerror (reply, &refusal))
    {
      g_autofree char *why = nb_portal_describe_error (refusal);

      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                   "the Flatpak portal does not answer: %s; is xdg-desktop-portal or "
                   "flatpak installed on the host?",
                   why);
      return NULL;
    }
  if (!parse_properties (reply, features_out, error))
    return NULL;
  return g_strdup (g_dbus_message_get_sender (reply));
}

gboolean
nb_portal_parse_exited (GVariant *parameters, guint *pid_out, guint *wait_status_out)
{
  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(uu)")))
    return FALSE;
  g_variant_get (parameters, "(uu)", pid_out, wait_status_out);
  return TRUE;
}

const char *
nb_portal_parse_new_owner (GVariant *parameters)
{
  const char *after;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sss)")))
    return NULL;
  g_variant_get (parameters, "(ss&s)", NULL, NULL, &after);
  return g_dbus_is_unique_name (after) ? after : NULL;
}

gboolean
nb_portal_parse_owner_lost (GVariant *parameters, const char *owner)
{
  const char *before;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sss)")))
    return FALSE;
  g_variant_get (parameters, "(s&ss)", NULL, &before, NULL);
  return strcmp (before, owner) == 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the portal and the bus say, as bytes of a D-Bus message: answers to the probe,
 * errors, SpawnExited and NameOwnerChanged. GDBus takes the bytes apart as it would those
 * of a bus; the rest is nestbox's. With the first byte odd the message is a good one
 * around a body that is not.
 */
#include <gio/gio.h>
#include <string.h>

#include "spawn/portal/portal-reply.h"
#include "tests/fuzz/fuzz.h"

enum
{
  OWN_MESSAGE = 1 << 0, /* of the first byte */
  MAX_BYTES = 1 << 16,
};

static const char *const types[] = { "(a{sv})", "(uu)", "(sss)", "(s)", "(u)", "v" };

/* A message of the bus whose body is the input, taken for a value of some type. */
static GDBusMessage *
make_message (NbFuzzInput *input)
{
  GDBusMessage *message = g_dbus_message_new ();
  uint8_t shape = nb_fuzz_byte (input);
  const char *type = types[shape % G_N_ELEMENTS (types)];
  size_t size;
  const uint8_t *bytes = nb_fuzz_bytes (input, MAX_BYTES, &size);
  g_autoptr (GBytes) copy = g_bytes_new (bytes, size);
  GVariant *value = g_variant_new_from_bytes (G_VARIANT_TYPE (type), copy, FALSE);

  g_dbus_message_set_message_type (message, (shape & 0x80) != 0
                                                ? G_DBUS_MESSAGE_TYPE_ERROR
                                                : G_DBUS_MESSAGE_TYPE_METHOD_RETURN);
  g_dbus_message_set_reply_serial (message, 1);
  if ((shape & 0x40) == 0)
    g_dbus_message_set_sender (message, ":1.7");
  if ((shape & 0x80) != 0)
    g_dbus_message_set_error_name (message, "org.freedesktop.DBus.Error.Failed");
  value = g_variant_ref_sink (value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_TUPLE) && (shape & 0x20) == 0)
    g_dbus_message_set_body (message, value);
  g_variant_unref (value);
  return message;
}

/* One line, of bounded length, that a terminal and a log can take. */
static void
check_text (const char *text)
{
  nb_fuzz_check (strlen (text) <= 2 * NB_PORTAL_MAX_TEXT);
  nb_fuzz_check (g_utf8_validate (text, -1, NULL));
  for (; *text != '\0'; text++)
    nb_fuzz_check (!g_ascii_iscntrl (*text));
}

static void
check_probe (GDBusMessage *message)
{
  NbPortalFeatures features = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char *owner = nb_portal_parse_probe (message, &features, &error);

  nb_fuzz_check ((owner == NULL) == (error != NULL));
  if (owner == NULL)
    {
      nb_fuzz_check (features.version == 0 && features.supports == 0);
      check_text (error->message);
      return;
    }
  nb_fuzz_check (g_dbus_is_unique_name (owner));
  nb_fuzz_check (features.version >= NB_PORTAL_VERSION_MIN);
  nb_fuzz_check (features.supports == 0 || features.version >= 3);
  (void)nb_portal_features_expose_pids (&features);
}

static void
check_signals (GDBusMessage *message)
{
  g_autoptr (GVariant) none = g_variant_ref_sink (g_variant_new ("()"));
  GVariant *body = g_dbus_message_get_body (message);
  guint pid = 4711, status = 4711;

  body = body != NULL ? body : none; /* as GDBus hands it to a signal's handler */
  if (!nb_portal_parse_exited (body, &pid, &status))
    nb_fuzz_check (pid == 4711 && status == 4711);
  (void)nb_portal_parse_owner_lost (body, ":1.7");
  nb_fuzz_check (nb_portal_parse_new_owner (body) == NULL
                 || g_dbus_is_unique_name (nb_portal_parse_new_owner (body)));
}

static void
check_error (GDBusMessage *message)
{
  g_autoptr (GError) error = NULL;

  if (g_dbus_message_to_gerror (message, &error))
    {
      g_autofree char *text = nb_portal_describe_error (error);

      check_text (text);
      nb_fuzz_check (strlen (text) <= NB_PORTAL_MAX_TEXT);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  NbFuzzInput input = { data, size };
  g_autoptr (GDBusMessage) message = NULL;

  if ((nb_fuzz_byte (&input) & OWN_MESSAGE) != 0)
    message = make_message (&input);
  else
    message = g_dbus_message_new_from_blob ((guchar *)input.data, input.left,
                                            G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, NULL);
  if (message == NULL)
    return 0;
  check_probe (message);
  check_signals (message);
  check_error (message);
  return 0;
}

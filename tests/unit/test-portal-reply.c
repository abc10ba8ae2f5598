/* SPDX-License-Identifier: BSD-3-Clause */
/* What portals of every kind answer, and what is made of it. */
#include "spawn/portal/portal-reply.h"

#include <string.h>

#include "tests/lib/nb-test.h"

/* --- the probe --- */

typedef struct
{
  const char *name;
  const char *body; /* as text; NULL: none */
  const char *error_name;
  const char *sender;
  NbPortalFeatures features;
  const char *complaint; /* NULL: it is good */
} ProbeCase;

static const ProbeCase probe_cases[] = {
  { "good", "({'version': <uint32 6>, 'supports': <uint32 1>},)", NULL, ":1.7", { 6, 1 } },
  { "set-uid", "({'version': <uint32 6>, 'supports': <uint32 0>},)", NULL, ":1.7", { 6 } },
  { "old", "({'version': <uint32 2>},)", NULL, ":1.7", { 2, 0 } },
  /* Nothing that old has supports: what says so is not believed. */
  { "old-that-supports",
    "({'version': <uint32 2>, 'supports': <uint32 1>},)",
    NULL,
    ":1.7",
    { 2, 0 } },
  { "others", "({'version': <uint32 3>, 'x': <(1, 'y')>},)", NULL, ":1.7", { 3, 0 } },
  { "no-version", "(@a{sv} {},)", NULL, ":1.7", { 0 }, "too old (version 0)" },
  { "version-of-other-type",
    "({'version': <int32 6>},)",
    NULL,
    ":1.7",
    { 0 },
    "too old (version 0)" },
  { "no-sender", "({'version': <uint32 6>},)", NULL, NULL, { 0 }, "makes no sense" },
  { "sender-is-no-connection",
    "({'version': <uint32 6>},)",
    NULL,
    "org.x.Y",
    { 0 },
    "makes no sense" },
  { "no-body", NULL, NULL, ":1.7", { 0 }, "makes no sense" },
  { "other-body", "('x',)", NULL, ":1.7", { 0 }, "makes no sense" },
  { "error",
    "('no such name',)",
    "org.freedesktop.DBus.Error.ServiceUnknown",
    ":1.7",
    { 0 },
    "does not answer: no such name; is " },
  { "error-without-text",
    NULL,
    "org.freedesktop.DBus.Error.Failed",
    ":1.7",
    { 0 },
    "does not answer: " },
};

static GDBusMessage *
make_reply (const ProbeCase *test)
{
  GDBusMessage *reply = g_dbus_message_new ();

  g_dbus_message_set_message_type (reply, test->error_name != NULL
                                              ? G_DBUS_MESSAGE_TYPE_ERROR
                                              : G_DBUS_MESSAGE_TYPE_METHOD_RETURN);
  g_dbus_message_set_reply_serial (reply, 1);
  g_dbus_message_set_sender (reply, test->sender);
  if (test->error_name != NULL)
    g_dbus_message_set_error_name (reply, test->error_name);
  if (test->body != NULL)
    g_dbus_message_set_body (reply, g_variant_new_parsed (test->body));
  return reply;
}

static void
test_probe (gconstpointer data)
{
  const ProbeCase *test = data;
  g_autoptr (GDBusMessage) reply = make_reply (test);
  g_autoptr (GError) error = NULL;
  NbPortalFeatures features = { 0 };
  g_autofree char *owner = nb_portal_parse_probe (reply, &features, &error);

  g_assert_cmpuint (features.version, ==, test->features.version);
  g_assert_cmpuint (features.supports, ==, test->features.supports);
  if (test->complaint == NULL)
    {
      g_assert_no_error (error);
      g_assert_cmpstr (owner, ==, test->sender);
      return;
    }
  g_assert_null (owner);
  g_assert_nonnull (strstr (error->message, test->complaint));
}

/* --- signals --- */

static void
test_exited (void)
{
  g_autoptr (GVariant) good = g_variant_ref_sink (g_variant_new ("(uu)", 4711U, 256U));
  g_autoptr (GVariant) other = g_variant_ref_sink (g_variant_new ("(ui)", 4711U, 256));
  guint pid = 0, wait_status = 0;

  g_assert_false (nb_portal_parse_exited (other, &pid, &wait_status));
  g_assert_cmpuint (pid, ==, 0);
  g_assert_true (nb_portal_parse_exited (good, &pid, &wait_status));
  g_assert_cmpuint (pid, ==, 4711);
  g_assert_cmpuint (wait_status, ==, 256);
}

static gboolean
is_lost (const char *parameters)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (parameters));

  return nb_portal_parse_owner_lost (value, ":1.7");
}

static void
test_owner_lost (void)
{
  g_assert_true (is_lost ("('org.freedesktop.portal.Flatpak', ':1.7', '')"));
  g_assert_true (is_lost ("('org.freedesktop.portal.Flatpak', ':1.7', ':1.8')"));
  g_assert_false (is_lost ("('org.freedesktop.portal.Flatpak', '', ':1.7')"));
  g_assert_false (is_lost ("('org.freedesktop.portal.Flatpak', ':1.70', '')"));
  g_assert_false (is_lost ("(':1.7',)"));
}

static char *
new_owner (const char *parameters)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (parameters));

  return g_strdup (nb_portal_parse_new_owner (value));
}

static void
test_new_owner (void)
{
  g_autofree char *owner = new_owner ("('org.freedesktop.portal.Flatpak', '', ':1.8')");

  g_assert_cmpstr (owner, ==, ":1.8");
  g_assert_null (new_owner ("('org.freedesktop.portal.Flatpak', ':1.7', '')"));
  g_assert_null (new_owner ("('org.freedesktop.portal.Flatpak', '', 'org.x.Y')"));
  g_assert_null (new_owner ("(':1.7',)"));
}

/* --- texts of errors --- */

typedef struct
{
  const char *name;
  const char *text, *expected;
} TextCase;

static const TextCase text_cases[] = {
  { "plain", "no", "no" },
  { "empty", "", "" },
  { "lines", "a\nb\tc\r\033[1md\177", "a b c  [1md " },
  { "prefix", "GDBus.Error:org.freedesktop.portal.Error.NotAllowed: not you", "not you" },
  { "not-utf-8", "a\377b", "a\357\277\275b" },
};

static char *
describe (const char *text)
{
  g_autoptr (GError) error
      = g_dbus_error_new_for_dbus_error ("org.freedesktop.DBus.Error.Failed", "x");

  g_free (error->message);
  error->message = g_strdup (text);
  return nb_portal_describe_error (error);
}

static void
test_text (gconstpointer data)
{
  const TextCase *test = data;
  g_autofree char *text = describe (test->text);

  g_assert_cmpstr (text, ==, test->expected);
}

/* A megabyte would not fit a message to the client, who would then wait for ever. */
static void
test_huge_text (void)
{
  g_autofree char *huge = g_strnfill (1000000, 'x'), *text = describe (huge);

  g_assert_cmpuint (strlen (text), ==, NB_PORTAL_MAX_TEXT);
  for (size_t i = 0; i < 1000000; i += 2) /* ä */
    memcpy (huge + i, "\303\244", 2);
  g_free (text);
  text = describe (huge + 2);
  g_assert_cmpuint (strlen (text), ==, NB_PORTAL_MAX_TEXT);
  g_free (text);
  huge[0] = 'x';
  huge[1] = 'x';
  text = describe (huge + 1);
  g_assert_cmpuint (strlen (text), ==, NB_PORTAL_MAX_TEXT - 1);
  g_assert_true (g_utf8_validate (text, -1, NULL));
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_warm_up_gio ();
  nb_test_add_cases ("/portal-reply/probe", probe_cases, test_probe);
  nb_test_add ("/portal-reply/exited", test_exited);
  nb_test_add ("/portal-reply/owner-lost", test_owner_lost);
  nb_test_add ("/portal-reply/new-owner", test_new_owner);
  nb_test_add_cases ("/portal-reply/text", text_cases, test_text);
  nb_test_add ("/portal-reply/text/huge", test_huge_text);
  return g_test_run ();
}

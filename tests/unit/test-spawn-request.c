/* SPDX-License-Identifier: BSD-3-Clause */
/* The exact text of each Spawn call, for portals of every kind. */
#include "spawn/portal/spawn-request.h"

#include <string.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

#define UNSET_ENV                                                                          \
  "'unset-env': <['DISPLAY', 'WAYLAND_DISPLAY', 'XAUTHORITY', "                            \
  "'DBUS_SESSION_BUS_ADDRESS', 'DBUS_SYSTEM_BUS_ADDRESS', 'AT_SPI_BUS_ADDRESS', "          \
  "'SSH_AUTH_SOCK', 'GPG_AGENT_INFO', 'LD_PRELOAD', 'LD_AUDIT', 'LD_LIBRARY_PATH']>"

static const char *const argv_good[] = { "/app/libexec/controller", "--channel=3", NULL };
static const char *const argv_relative[] = { "controller", "--channel=3", NULL };
static const char *const argv_empty[] = { NULL };
static const char *const argv_empty_word[] = { "", NULL };
/* To be an argument of `flatpak run`, which must not take it for an option. */
static const char *const argv_option[] = { "--devel", NULL };

/* --- what is asked for --- */

typedef struct
{
  const char *name;
  NbPortalFeatures features;
  gboolean expose_pids;
  const char *flags, *options;
} TextCase;

/* 12: SANDBOX and NO_NETWORK; 16 more: WATCH_BUS; 32 more: EXPOSE_PIDS. */
static const TextCase text_cases[] = {
  { "1", { 1, 0 }, TRUE, "12", "" },
  { "2", { 2, 0 }, TRUE, "28", "" },
  { "2-with-impossible-supports", { 2, 1 }, TRUE, "28", "" },
  { "3-without-supports", { 3, 0 }, TRUE, "28", "" },
  { "3-with-supports", { 3, 1 }, TRUE, "60", "" },
  { "3-not-wanted", { 3, 1 }, FALSE, "28", "" },
  { "5-without-supports", { 5, 0 }, TRUE, "28", UNSET_ENV },
  { "5-with-supports", { 5, 1 }, TRUE, "60", UNSET_ENV },
  { "8-without-supports", { 8, 0 }, TRUE, "28", UNSET_ENV },
  { "8-with-supports", { 8, 1 }, TRUE, "60", UNSET_ENV },
  { "8-not-wanted", { 8, 1 }, FALSE, "28", UNSET_ENV },
  { "8-with-other-supports", { 8, 2 }, TRUE, "28", UNSET_ENV },
};

static void
test_text (gconstpointer data)
{
  const TextCase *test = data;
  nb_autofd file = nb_test_text_file ("x");
  int fds[] = { file, file };
  NbSpawnRequest request
      = { .argv = argv_good, .fds = fds, .n_fds = 2, .expose_pids = test->expose_pids };
  g_autoptr (GUnixFDList) list = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) call
      = nb_spawn_request_build (&request, &test->features, &list, &error);
  g_autofree char *text = NULL, *expected = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_type_string (call), ==, NB_SPAWN_REQUEST_TYPE);
  g_assert_cmpstr (g_variant_get_type_string (call), ==, "(ayaaya{uh}a{ss}ua{sv})");
  text = g_variant_print (call, FALSE);
  expected = g_strconcat ("(b'/', [b'/app/libexec/controller', b'--channel=3'], "
                          "{0: 0, 1: 1}, {}, ",
                          test->flags, ", {", test->options, "})", NULL);
  g_assert_cmpstr (text, ==, expected);
  g_assert_cmpint (g_unix_fd_list_get_length (list), ==, 2);
}

/* With the types, as GLib prints them, once: nothing is implied. */
static void
test_text_with_types (void)
{
  static const NbPortalFeatures features = { 1, 0 };
  NbSpawnRequest request = { .argv = argv_good };
  g_autoptr (GUnixFDList) list = NULL;
  g_autoptr (GVariant) call = nb_spawn_request_build (&request, &features, &list, NULL);
  g_autofree char *text = g_variant_print (call, TRUE);

  g_assert_cmpstr (text, ==,
                   "(b'/', [b'/app/libexec/controller', b'--channel=3'], @a{uh} {}, "
                   "@a{ss} {}, uint32 12, @a{sv} {})");
}

static guint32
flags_of (guint version, guint supports, gboolean expose_pids)
{
  NbPortalFeatures features = { version, supports };
  NbSpawnRequest request = { .argv = argv_good, .expose_pids = expose_pids };
  g_autoptr (GUnixFDList) list = NULL;
  g_autoptr (GVariant) call = nb_spawn_request_build (&request, &features, &list, NULL);
  guint32 flags = 0;

  g_variant_get_child (call, 4, "u", &flags);
  return flags;
}

/* Nothing else changes. */
static void
test_network_only_where_asked_for (void)
{
  static const NbPortalFeatures features = { 8, 1 };
  NbSpawnRequest request = { .argv = argv_good, .expose_pids = TRUE, .network = TRUE };
  g_autoptr (GUnixFDList) list = NULL;
  g_autoptr (GVariant) call = nb_spawn_request_build (&request, &features, &list, NULL);
  guint32 flags = 0;

  g_variant_get_child (call, 4, "u", &flags);
  g_assert_cmphex (flags, ==, flags_of (8, 1, TRUE) & ~(guint32)NB_SPAWN_NO_NETWORK);
  g_assert_cmphex (flags & NB_SPAWN_SANDBOX, ==, NB_SPAWN_SANDBOX);
}

/* Whatever a portal says of itself. */
static void
test_always_sandboxed_without_network (void)
{
  for (guint version = 1; version < 40; version++)
    for (guint supports = 0; supports < 8; supports++)
      for (int expose_pids = 0; expose_pids < 2; expose_pids++)
        {
          guint32 flags = flags_of (version, supports, expose_pids);

          g_assert_cmphex (flags & NB_SPAWN_SANDBOX, ==, NB_SPAWN_SANDBOX);
          g_assert_cmphex (flags & NB_SPAWN_NO_NETWORK, ==, NB_SPAWN_NO_NETWORK);
          g_assert_cmphex (flags & ~(4U | 8U | 16U | 32U), ==, 0);
        }
}

static void
test_most_descriptors (void)
{
  static const NbPortalFeatures features = { 8, 1 };
  nb_autofd file = nb_test_text_file ("x");
  int fds[NB_PORTAL_MAX_FDS];
  NbSpawnRequest request = { .argv = argv_good, .fds = fds, .n_fds = NB_PORTAL_MAX_FDS };
  g_autoptr (GUnixFDList) list = NULL;
  g_autoptr (GVariant) call = NULL, map = NULL;

  for (size_t i = 0; i < NB_PORTAL_MAX_FDS; i++)
    fds[i] = file;
  call = nb_spawn_request_build (&request, &features, &list, NULL);
  map = g_variant_get_child_value (call, 2);
  g_assert_cmpuint (g_variant_n_children (map), ==, NB_PORTAL_MAX_FDS);
  g_assert_cmpint (g_unix_fd_list_get_length (list), ==, NB_PORTAL_MAX_FDS);
}

/* Where the portal does not know the option, nothing is sent that would be ignored. */
static void
test_exposed (void)
{
  for (guint version = 2; version <= 3; version++)
    {
      NbPortalFeatures features = { version, 0 };
      nb_autofd first = nb_test_text_file ("x"), second = nb_test_text_file ("y");
      int fds[] = { first }, exposed[] = { second, first };
      NbSpawnRequest request = {
        .argv = argv_good, .fds = fds, .n_fds = 1, .exposed = exposed, .n_exposed = 2
      };
      g_autoptr (GUnixFDList) list = NULL;
      g_autoptr (GVariant) call = nb_spawn_request_build (&request, &features, &list, NULL);
      g_autoptr (GVariant) options = g_variant_get_child_value (call, 5);
      g_autofree char *text = g_variant_print (options, FALSE);

      g_assert_cmpstr (text, ==,
                       version == 3 ? "{'sandbox-expose-fd-ro': <[handle 1, 2]>}" : "{}");
      g_assert_cmpint (g_unix_fd_list_get_length (list), ==, version == 3 ? 3 : 1);
    }
}

/* --- what is refused --- */

typedef struct
{
  const char *name;
  guint version;
  const char *const *argv;
  size_t n_fds;
  int fd;
} RefusedCase;

/* fd 0 is only passed on, and -1 is not open. */
static const RefusedCase refused_cases[] = {
  { "relative-program", 8, argv_relative, 0, 0 },
  { "no-program", 8, argv_empty, 0, 0 },
  { "empty-program", 8, argv_empty_word, 0, 0 },
  { "option-as-program", 8, argv_option, 0, 0 },
  { "one-descriptor-too-many", 8, argv_good, NB_PORTAL_MAX_FDS + 1, 0 },
  { "closed-descriptor", 8, argv_good, 1, 1000000 },
  { "portal-not-probed", 0, argv_good, 0, 0 },
};

static void
test_refused (gconstpointer data)
{
  const RefusedCase *test = data;
  NbPortalFeatures features = { test->version, 1 };
  int fds[NB_PORTAL_MAX_FDS + 1];
  NbSpawnRequest request = { .argv = test->argv, .fds = fds, .n_fds = test->n_fds };
  g_autoptr (GUnixFDList) list = NULL;
  g_autoptr (GError) error = NULL;

  for (size_t i = 0; i < NB_ARRAY_SIZE (fds); i++)
    fds[i] = test->fd;
  g_assert_null (nb_spawn_request_build (&request, &features, &list, &error));
  g_assert_nonnull (error);
  g_assert_null (list);
}

/* In portals that know them, exactly as asked for; the display's environment stays. */
static void
test_sandbox_flags (void)
{
  for (guint version = 1; version < 10; version++)
    for (guint32 asked = 0; asked < 6; asked++)
      {
        NbPortalFeatures features = { version, 1 };
        NbSpawnRequest request = { .argv = argv_good, .sandbox_flags = asked };
        g_autoptr (GUnixFDList) list = NULL;
        g_autoptr (GVariant) call
            = nb_spawn_request_build (&request, &features, &list, NULL);
        g_autoptr (GVariant) options = g_variant_get_child_value (call, 5);
        g_autofree const char **unset = NULL;
        guint32 sent = 0;

        g_assert_true (g_variant_lookup (options, "sandbox-flags", "u", &sent)
                       == (version >= 3 && asked != 0));
        g_assert_cmpuint (sent, ==, version >= 3 ? asked : 0);
        if (!g_variant_lookup (options, "unset-env", "^a&s", &unset))
          continue;
        g_assert_true (g_strv_contains (unset, "DISPLAY")
                       == ((asked & NB_SANDBOX_DISPLAY) == 0));
        g_assert_true (g_strv_contains (unset, "DBUS_SESSION_BUS_ADDRESS"));
      }
}

/* Read-only, by its name, and nothing else. */
static void
test_expose (void)
{
  NbPortalFeatures features = { 6, 1 };
  NbSpawnRequest request = { .argv = argv_good, .endpoint = "nestbox-bus-1-x" };
  g_autoptr (GUnixFDList) list = NULL;
  g_autoptr (GVariant) call = nb_spawn_request_build (&request, &features, &list, NULL);
  g_autoptr (GVariant) options = g_variant_get_child_value (call, 5);
  g_autofree char *text = g_variant_print (options, TRUE);

  g_assert_nonnull (strstr (text, "'sandbox-expose-ro': <['nestbox-bus-1-x']>"));
  g_assert_null (strstr (text, "'sandbox-expose'"));
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/spawn-request/text-for-version", text_cases, test_text);
  nb_test_add ("/spawn-request/exposed", test_exposed);
  nb_test_add ("/spawn-request/text-with-types", test_text_with_types);
  nb_test_add ("/spawn-request/always-sandboxed-without-network",
               test_always_sandboxed_without_network);
  nb_test_add ("/spawn-request/network-only-where-asked-for",
               test_network_only_where_asked_for);
  nb_test_add ("/spawn-request/most-descriptors", test_most_descriptors);
  nb_test_add ("/spawn-request/sandbox-flags", test_sandbox_flags);
  nb_test_add ("/spawn-request/expose", test_expose);
  nb_test_add_cases ("/spawn-request/refused", refused_cases, test_refused);
  return g_test_run ();
}

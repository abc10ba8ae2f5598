/* SPDX-License-Identifier: BSD-3-Clause */
/* What is started in the newest version of an app. */
#include "spawn/tool/restart.h"

#include "tests/lib/nb-test.h"

static char *const browser[]
    = { (char *)"/app/b/b", (char *)"--restore last", (char *)"https://x.org/", NULL };

typedef struct
{
  const char *name, *wrapper, *options, *command; /* words joined by | */
} Case;

static const Case cases[] = {
  { "options", NULL, "--gpu=app\n--trace=/a b",
    NB_BINDIR
    "/nestbox|run|--gpu=app|--trace=/a b|--|/app/b/b|--restore last|https://x.org/" },
  { "no-options", NULL, "",
    NB_BINDIR "/nestbox|run|--|/app/b/b|--restore last|https://x.org/" },
  { "wrapper", "/app/bin/my-browser", "--gpu=app",
    "/app/bin/my-browser|--restore last|https://x.org/" },
  { "wrapper-without-a-path", "my-browser", "--gpu=app",
    NB_BINDIR "/nestbox|run|--gpu=app|--|/app/b/b|--restore last|https://x.org/" },
};

static void
test_command (gconstpointer data)
{
  const Case *test = data;
  g_auto (GStrv) command = nb_restart_command (test->wrapper, test->options, browser);
  g_autofree char *text = g_strjoinv ("|", command);

  g_assert_cmpstr (text, ==, test->command);
}

static void
no_bus (gconstpointer data)
{
  const char *const command[] = { "/usr/bin/true", NULL };
  g_autoptr (GError) error = NULL;

  (void)data;
  (void)g_setenv ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere", TRUE);
  nb_test_child_check (!nb_restart_in_latest (command, &error));
  nb_test_child_check (error != NULL);
}

static void
test_no_bus (void)
{
  nb_test_in_child (no_bus, NULL);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/restart/command", cases, test_command);
  nb_test_add ("/restart/no-bus", test_no_bus);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What is started in the newest version of an app. */
#include "spawn/run/restart.h"

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

/* Where the tool is not installed, or there is no bus. */
static void
no_instance (gconstpointer data)
{
  char *const command[] = { (char *)"/usr/bin/true", NULL };

  (void)data;
  (void)g_setenv ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere", TRUE);
  nb_test_child_check (!nb_restart_in_latest (command));
}

static void
test_no_instance (void)
{
  nb_test_in_child (no_instance, NULL);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/restart/command", cases, test_command);
  nb_test_add ("/restart/no-instance", test_no_instance);
  return g_test_run ();
}

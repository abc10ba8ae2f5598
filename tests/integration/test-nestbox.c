/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program nestbox, on the host and in what looks like an app: the same folders and a
 * /.flatpak-info, made by bubblewrap, with no session bus. What needs a portal is tested
 * by test-broker.c and in real Flatpak.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pty.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spawn/base/exit-status.h"
#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

enum
{
  MAX_WORDS = 10,
};

/* Where in an app which folder of the build is; PROGRAM are the test programs. */
#define NESTBOX "/app/bin/nestbox"
#define PROGRAM(name) "/app/libexec/nestbox/tests/programs/" name

typedef struct
{
  const char *name;
  const char *info; /* what /.flatpak-info is; NULL: on the host */
  const char *words[MAX_WORDS];
  int exit_status;
  const char *text, *other_text; /* in its output */
  const char *absent;            /* not in it */
  const char *variable, *value;  /* of the environment */
} Case;

/* On a browser's command line; it is printed at no level. */
#define SECRET "https://x:opensesame@x.org/"

#define APP "[Application]\nname=org.x.Y\n\n[Instance]\nflatpak-version=1.14.10\n"

/* A browser with a child, which both are a shell; until the child is there, none is found.
 */
#define PS_SCRIPT(option)                                                                  \
  "mkfifo /tmp/f; /usr/bin/dash -c 'read line' x --type=utility <> /tmp/f & "              \
  "until " NESTBOX " ps " option "; do :; done 2> /dev/null; echo > /tmp/f; wait"

static const Case cases[] = {
  { "nothing", NULL, { NULL }, NB_EXIT_USAGE, "Usage: nestbox run" },
  { "unknown-command", NULL, { "walk" }, NB_EXIT_USAGE, "Usage: nestbox run" },
  { "help", NULL, { "--help" }, 0, "nestbox doctor [--json] [BROWSER]" },
  { "version", NULL, { "--version" }, 0, "nestbox " },
  { "version-of-a-command", NULL, { "run", "--version" }, 0, "nestbox " },
  { "spawn/nothing", NULL, { "spawn", "--" }, NB_EXIT_USAGE, "which program?" },
  { "spawn/kind",
    NULL,
    { "spawn", "--kind=zygote", "--", "true" },
    NB_EXIT_USAGE,
    "--kind is worker or tool, not zygote" },
  { "spawn/no-program",
    NULL,
    { "spawn", "--kind=tool", "--", "no-such-program" },
    NB_EXIT_NOT_FOUND,
    "no-such-program: no such program in PATH" },
  { "spawn/on-the-host",
    NULL,
    { "spawn", "--bus-policy=relative", "--", "true" },
    NB_EXIT_REFUSED,
    "not in Flatpak" },
  { "spawn/without-a-portal",
    APP,
    { "spawn", "--kind=worker", "--", "/usr/bin/dash", "-c", "echo ran" },
    NB_EXIT_REFUSED,
    "nestbox: ",
    NULL,
    "ran" },
  { "version-is-no-argument",
    NULL,
    { "ps", "--version", "x" },
    NB_EXIT_USAGE,
    "nestbox: " },
  { "unknown-category",
    NULL,
    { "--version" },
    0,
    "NESTBOX_DEBUG knows portal",
    "nestbox ",
    NULL,
    "NESTBOX_DEBUG",
    "state,nonsense" },

  { "bus-gate/help", NULL, { "bus-gate", "--help" }, 0, "--check", "--app=ID" },
  { "bus-gate/no-policy", NULL, { "bus-gate" }, NB_EXIT_USAGE, "one policy: " },
  { "bus-gate/no-file", NULL, { "bus-gate", "/no/such" }, NB_EXIT_BAD, "/no/such" },
  { "bus-gate/no-text",
    NULL,
    { "bus-gate", "tests/static/check-sources" },
    NB_EXIT_BAD,
    "check-sources: line 5: " },
  { "identify/help", NULL, { "identify", "--help" }, 0, "--pid=PID", "--fd=N" },
  { "identify/nobody", NULL, { "identify" }, NB_EXIT_USAGE, "one process: " },
  { "identify/both",
    NULL,
    { "identify", "--pid=1", "--fd=0" },
    NB_EXIT_USAGE,
    "one process: " },
  { "identify/no-socket",
    NULL,
    { "identify", "--fd=1" },
    NB_EXIT_BAD,
    "neither a socket nor a pidfd" },

  { "run/help", NULL, { "run", "--help" }, 0, "--file-wall=WALL", "--pids=MODE" },
  { "run/no-browser", NULL, { "run" }, NB_EXIT_USAGE, "no browser is named" },
  { "run/no-browser-after-dashes", NULL, { "run", "--" }, NB_EXIT_USAGE, "no browser" },
  { "run/unknown-option",
    NULL,
    { "run", "--hurry", "--", "sh" },
    NB_EXIT_USAGE,
    "--hurry" },
  { "run/unknown-wall",
    NULL,
    { "run", "--file-wall=x", "--", "sh" },
    NB_EXIT_USAGE,
    "--file-wall is one of auto, landlock, seccomp, not \"x\"" },
  { "run/unknown-handshake",
    NULL,
    { "run", "--handshake=never", "--", "sh" },
    NB_EXIT_USAGE,
    "--handshake is one of auto, deferred, immediate, not \"never\"" },
  { "run/unknown-pids",
    NULL,
    { "run", "--pids=", "--", "sh" },
    NB_EXIT_USAGE,
    "--pids is one of auto, visible, stand-in, not \"\"" },
  { "run/unknown-place-of-network",
    NULL,
    { "run", "--network=x", "--", "sh" },
    NB_EXIT_USAGE,
    "--network is one of app, sandbox, not \"x\"" },
  { "run/unknown-place-of-audio",
    NULL,
    { "run", "--network=sandbox", "--audio=", "--", "sh" },
    NB_EXIT_USAGE,
    "--audio is one of app, sandbox, not \"\"" },
  { "run/not-there",
    NULL,
    { "run", "--", "/nowhere/x" },
    NB_EXIT_NOT_FOUND,
    "/nowhere/x: no such program" },
  { "run/script",
    NULL,
    { "run", "--", "tests/lib/run-tap" },
    NB_EXIT_CANNOT_EXECUTE,
    "is a script; put `nestbox run --` into it" },
  { "run/on-the-host",
    NULL,
    { "run", "--", "sh", "-c", "exit 7", SECRET },
    7,
    "not in Flatpak: ",
    "/sh starts with its own sandbox",
    SECRET },

  { "run/widevine-is-somewhere-else",
    NULL,
    { "run", "--widevine=/home", "--", "sh" },
    NB_EXIT_USAGE,
    "--widevine is auto, off, or an absolute path that ends in /WidevineCdm, not "
    "\"/home\"" },
  { "run/not-in-sight",
    APP,
    { "run", "--", "/elsewhere/sh", SECRET },
    NB_EXIT_CANNOT_EXECUTE,
    "/elsewhere/sh cannot be seen in a sub-sandbox, which has /app and /usr alone",
    "install it below /app",
    SECRET },
  { "run/link-to-what-is-not-in-sight",
    APP,
    { "run", "--", "/app/link" },
    NB_EXIT_CANNOT_EXECUTE,
    "/elsewhere/sh cannot be seen in a sub-sandbox" },
  { "run/trace-in-no-folder",
    APP,
    { "run", "--trace=/nowhere/x", "--", "sh" },
    NB_EXIT_REFUSED,
    "the trace /nowhere/x cannot be written: " },
  { "run/trace-to-a-device",
    APP,
    { "run", "--trace=/dev/null", "--", "sh" },
    NB_EXIT_REFUSED,
    "the trace /dev/null cannot be written: it is no regular file" },

  { "trace/help", NULL, { "trace", "--help" }, 0, "nestbox trace [OPTION", "--watch" },
  { "trace/two", NULL, { "trace", "x", "y" }, NB_EXIT_USAGE, "one file at most" },
  { "trace/unknown-option", NULL, { "trace", "--x" }, NB_EXIT_USAGE, "--x" },
  { "trace/no-browser", NULL, { "trace" }, NB_EXIT_NO_CHILD, "no browser is traced here" },
  { "trace/not-there",
    NULL,
    { "trace", "/nowhere/x" },
    NB_EXIT_BAD,
    "/nowhere/x: No such" },
  { "trace/recorded",
    NULL,
    { "trace", "tests/data/trace" },
    0,
    "   2.232829  zygote              zygote>browser      Fork-reply pid=94 bytes=12 fds=0 "
    "after-ms=12.042\n",
    "   4.750000  broker              -                   ENDED\n",
    "\033" },
  { "trace/to-the-end",
    NULL,
    { "trace", "--json", "--watch", "tests/data/trace" },
    0,
    "\"message\": \"Fork\", \"type\": \"renderer\", \"arguments\": 21, ",
    "{\"time-s\": 4.750000, \"conversation\": \"broker\", \"direction\": \"-\", "
    "\"message\": "
    "\"ENDED\"}\n" },
  { "trace/no-trace",
    NULL,
    { "trace", "Makefile" },
    NB_EXIT_BAD,
    "lines are none of a trace, and left out" },

  { "doctor/help", NULL, { "doctor", "--help" }, 0, "nestbox doctor [OPTION…] [BROWSER]" },
  { "doctor/two", NULL, { "doctor", "x", "y" }, NB_EXIT_USAGE, "one browser at most" },
  { "doctor/unknown-option", NULL, { "doctor", "--fast" }, NB_EXIT_USAGE, "--fast" },
  { "doctor/for-programs",
    NULL,
    { "doctor", "--json", "/usr/bin/env" },
    1,
    "{\n  \"checks\": [\n    {\"check\": \"Flatpak\", \"ok\": false, \"text\": \"level ",
    "{\"check\": \"browser\", \"ok\": true, \"text\": \"/usr/bin/env, ",
    "\033" },
  { "doctor/on-the-host",
    NULL,
    { "doctor", "/usr/bin/env" },
    1,
    "BAD  Flatpak",
    "ok   browser            /usr/bin/env, helper taken for /usr/bin/chrome-sandbox" },

  { "audit/help", NULL, { "audit", "--help" }, 0, "nestbox audit [OPTION", "--json" },
  { "audit/nothing", NULL, { "audit" }, NB_EXIT_USAGE, "one PID or --all" },
  { "audit/both", NULL, { "audit", "--all", "1" }, NB_EXIT_USAGE, "one PID or --all" },
  { "audit/no-number", NULL, { "audit", "12x" }, NB_EXIT_USAGE, "\"12x\" is no PID" },
  { "audit/unknown-option", NULL, { "audit", "--x" }, NB_EXIT_USAGE, "--x" },
  { "audit/no-browser", NULL, { "audit", "--all" }, 4, "no browser with children here" },
  { "audit/sub-sandbox",
    APP "sandbox=true\n",
    { "audit", "--all" },
    4,
    "this is a sub-sandbox; audit in the app itself" },

  { "policy/help",
    NULL,
    { "policy", "--help" },
    0,
    "--format=FORMAT",
    "Kinds: none zygote" },
  { "policy/table",
    NULL,
    { "policy", "renderer" },
    0,
    "Kind renderer: allowed is what no row names",
    "EPERM" },
  { "policy/table-by-name",
    NULL,
    { "policy", "gpu-zygote", "--format=table" },
    0,
    "Kind gpu-zygote: ",
    "Every number above" },
  { "policy/pfc",
    NULL,
    { "policy", "--format=pfc", "gpu" },
    0,
    "if ($arch ==",
    "action ERRNO(1);" },
  { "policy/no-kind", NULL, { "policy" }, NB_EXIT_USAGE, "one kind is wanted" },
  { "policy/two-kinds", NULL, { "policy", "gpu", "zygote" }, NB_EXIT_USAGE, "one kind" },
  { "policy/unknown-kind", NULL, { "policy", "x" }, NB_EXIT_USAGE, "no such kind" },
  { "policy/unknown-format",
    NULL,
    { "policy", "gpu", "--format=x" },
    NB_EXIT_USAGE,
    "--format is one of table, pfc, bpf" },
  { "policy/unknown-option", NULL, { "policy", "--x" }, NB_EXIT_USAGE, "--x" },

  { "app/run", APP, { "run", "--", "/usr/bin/dash", "-c", "exit 5" }, 5, "" },
  { "app/no-trace-of-us",
    APP,
    { "run", "--helper-name=x", "--pids=stand-in", "--", "/usr/bin/env" },
    0,
    "PATH=",
    "",
    "NESTBOX_" },
  { "app/no-preload-left",
    APP,
    { "run", "--", "/usr/bin/env" },
    0,
    "LD_PRELOAD=libdl.so.2\n",
    "",
    "libnestbox",
    "LD_PRELOAD",
    "libdl.so.2" },
  { "app/no-sandbox",
    APP,
    { "run", "--", PROGRAM ("launch-like-chromium"), "/app/x", "--type=zygote", SECRET },
    1,
    "sandbox not started: there is no session bus (see `nestbox doctor`)",
    "",
    SECRET },
  { "app/no-sandbox-at-length",
    APP,
    { "run", "--", PROGRAM ("launch-like-chromium"), "/app/x", "--type=zygote", SECRET },
    1,
    "state: broker: started",
    "sandbox not started: there is no session bus (see `nestbox doctor`)",
    SECRET,
    "NESTBOX_DEBUG",
    "all" },
  { "app/helper-of-another-name",
    APP,
    { "run", "--helper-name=other", "--", PROGRAM ("launch-like-chromium"), "/app/x",
      "--type=zygote" },
    3,
    "FATAL: No usable sandbox!" },
  { "app/restart",
    APP,
    { "run", "--", PROGRAM ("execute-itself"), "/app/x" },
    1,
    "second life in unknown\n",
    "sandbox not started: there is no session bus" },
  { "app/restart-in-the-newest-without-a-bus",
    APP,
    { "run", "--restart=latest", "--", PROGRAM ("execute-itself"), "/app/x" },
    1,
    "nestbox: the browser restarts in this version of the app, because the newest cannot "
    "be "
    "had: ",
    "sandbox not started: there is no session bus" },
  { "app/relauncher",
    APP,
    { "run", "--", PROGRAM ("execute-itself"), "/app/x", "--relaunch" },
    1,
    "second life in unknown\n",
    "sandbox not started: there is no session bus" },
  { "app/run-as-node",
    APP,
    { "run", "--", PROGRAM ("execute-itself"), "/app/x" },
    127,
    "second life in unknown\n",
    "chrome-sandbox: No such file or directory",
    "nestbox: ",
    "ELECTRON_RUN_AS_NODE",
    "1" },
  /* As flatpak-enter(1) starts programs: with the browser's environment. */
  { "app/not-the-browser",
    APP,
    { "run", "--", "/usr/bin/env", "LD_PRELOAD=/app/lib/nestbox/libnestbox-host.so",
      "NESTBOX_BROKER=/x", "NESTBOX_PID=1", PROGRAM ("execute-itself"), "/app/x" },
    127,
    "second life in unknown\n",
    "chrome-sandbox: No such file or directory",
    "nestbox: " },
  { "app/trace",
    APP,
    { "run", "--trace=/tmp/a trace", "--", "sh", "-c",
      "until grep -q SANDBOX '/tmp/a trace'; do :; done; " NESTBOX " trace" },
    0,
    "   0.000000  broker              -                   STARTED pid=",
    " SANDBOX from=",
    "lines are none" },
  { "app/ps",
    APP,
    { "run", "--", "/usr/bin/dash", "-c", PS_SCRIPT ("") },
    0,
    "the app's own sandbox",
    " service " },
  { "app/ps-for-programs",
    APP,
    { "run", "--", "/usr/bin/dash", "-c", PS_SCRIPT ("--json") },
    0,
    "\"browsers\": [",
    "\"kind\": \"service\"" },
  { "app/doctor", APP, { "doctor" }, 1, "ok   Flatpak", "BAD  portal" },
  { "app/no-runtime-folder",
    APP,
    { "run", "--", "/usr/bin/dash" },
    NB_EXIT_REFUSED,
    "cannot make /nowhere/nestbox-",
    "",
    NULL,
    "XDG_RUNTIME_DIR",
    "/nowhere" },
  { "app/sub-sandbox",
    APP "sandbox=true\n",
    { "run", "--", "/usr/bin/dash" },
    NB_EXIT_REFUSED,
    "this is a sub-sandbox already" },
  { "app/no-name",
    "[Application]\n",
    { "run", "--", "/usr/bin/dash" },
    NB_EXIT_REFUSED,
    "/.flatpak-info cannot be understood" },
};

typedef struct
{
  char **argv;
  const Case *test;
  int info, output; /* -1: none */
} Launch;

static void
become (gconstpointer data)
{
  const Launch *launch = data;

  nb_test_child_check (dup2 (launch->output, STDOUT_FILENO) == STDOUT_FILENO);
  nb_test_child_check (dup2 (launch->output, STDERR_FILENO) == STDERR_FILENO);
  if (launch->info >= 0)
    nb_test_child_check (nb_fd_set_cloexec (launch->info, false) == 0);
  (void)unsetenv ("DBUS_SESSION_BUS_ADDRESS");
  (void)unsetenv ("XDG_RUNTIME_DIR");
  /* A preload with sanitizers, in programs that have none. */
  (void)setenv ("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0", 1);
  if (launch->test->variable != NULL && launch->info < 0)
    (void)setenv (launch->test->variable, launch->test->value, 1);
  execvp (launch->argv[0], launch->argv);
  nb_test_child_verify (false, __FILE__, __LINE__, launch->argv[0]);
}

static void
add_words (GPtrArray *words, const char *const *more, size_t max)
{
  for (size_t i = 0; i < max && more[i] != NULL; i++)
    g_ptr_array_add (words, g_strdup (more[i]));
}

/* The least that an app has: runtime, nestbox and the file. */
static void
enter_app (GPtrArray *words, const char *build, const Case *test, int info)
{
  g_autofree char *here = g_get_current_dir (),
                  *folder = g_canonicalize_filename (build, here);
  g_autofree char *nestbox = g_build_filename (folder, "nestbox", NULL);
  g_autofree char *number = g_strdup_printf ("%d", info);
  const char *const bwrap[] = { "bwrap",
                                "--unshare-user",
                                "--die-with-parent",
                                "--tmpfs",
                                "/",
                                "--ro-bind",
                                "/usr",
                                "/usr",
                                "--symlink",
                                "usr/lib",
                                "/lib",
                                "--symlink",
                                "usr/lib64",
                                "/lib64",
                                "--symlink",
                                "usr/bin",
                                "/bin",
                                "--proc",
                                "/proc",
                                "--dev",
                                "/dev",
                                "--tmpfs",
                                "/tmp",
                                "--bind",
                                here,
                                here,
                                "--ro-bind",
                                folder,
                                "/app/lib/nestbox",
                                "--ro-bind",
                                folder,
                                "/app/libexec/nestbox",
                                "--ro-bind",
                                nestbox,
                                NESTBOX,
                                "--ro-bind",
                                "/usr/bin/sh",
                                "/elsewhere/sh",
                                "--symlink",
                                "/elsewhere/sh",
                                "/app/link",
                                "--ro-bind-data",
                                number,
                                "/.flatpak-info" };

  add_words (words, bwrap, G_N_ELEMENTS (bwrap));
  if (test->variable != NULL)
    add_words (words, (const char *const[]){ "--setenv", test->variable, test->value }, 3);
  add_words (words, (const char *const[]){ "--", NESTBOX }, 2);
}

/* Nothing is installed on the host: nestbox does not find its tool there. */
static const char *
program_of (const Case *test)
{
  return g_strcmp0 (test->words[0], "run") == 0 ? "nestbox" : "nestbox-tool";
}

/* Its wait status. */
static int
run_case (const Case *test, int output)
{
  const char *build = g_getenv ("NESTBOX_TEST_BUILD");
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  Launch launch = { .test = test, .info = -1, .output = output };
  int wait_status;

  build = build != NULL ? build : "build/out";
  if (test->info != NULL)
    {
      launch.info = nb_test_text_file (test->info);
      enter_app (words, build, test, launch.info);
    }
  else
    g_ptr_array_add (words, g_build_filename (build, program_of (test), NULL));
  add_words (words, test->words, MAX_WORDS);
  g_ptr_array_add (words, NULL);
  launch.argv = (char **)words->pdata;
  wait_status = nb_test_wait (nb_test_fork (become, &launch));
  nb_fd_clear (&launch.info);
  return wait_status;
}

static void
test_case (gconstpointer data)
{
  const Case *test = data;
  int output = nb_test_text_file (""), wait_status = run_case (test, output);
  g_autofree char *printed = NULL;

  g_assert_cmpint (lseek (output, 0, SEEK_SET), ==, 0);
  printed = nb_test_read_all (output);
  if (wait_status != test->exit_status << 8 || strstr (printed, test->text) == NULL
      || (test->other_text != NULL && strstr (printed, test->other_text) == NULL)
      || (test->absent != NULL && strstr (printed, test->absent) != NULL))
    g_error ("wait status 0x%x, \"%s\"", (guint)wait_status, printed);
}

/* The program itself, as the kernel takes it; not to a terminal. */
static void
test_policy_program (void)
{
  static const Case test = { .words = { "policy", "gpu", "--format=bpf" } };
  struct sock_filter first = { 0 };
  nb_autofd output = nb_test_text_file (""), terminal = -1, theirs = -1;
  char said[256] = "";

  g_assert_cmpint (run_case (&test, output), ==, 0);
  g_assert_cmpint (lseek (output, 0, SEEK_END) % (off_t)sizeof first, ==, 0);
  g_assert_cmpint (pread (output, &first, sizeof first, 0), ==, sizeof first);
  g_assert_cmphex (first.code, ==, BPF_LD | BPF_W | BPF_ABS);
  g_assert_cmpuint (first.k, ==, offsetof (struct seccomp_data, arch));
  g_assert_cmpint (openpty (&terminal, &theirs, NULL, NULL, NULL), ==, 0);
  g_assert_cmpint (run_case (&test, theirs), ==, NB_EXIT_USAGE << 8);
  g_assert_cmpint (read (terminal, said, sizeof said - 1), >, 0);
  g_assert_nonnull (strstr (said, "the program is binary"));
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/nestbox", cases, test_case);
  nb_test_add ("/nestbox/policy/bpf", test_policy_program);
  return g_test_run ();
}

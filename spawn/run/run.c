/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox run: starts the broker, then becomes the browser. Nothing is waited for: the
 * sub-sandbox is made while the browser boots. What goes wrong with it is said by the
 * stand-in for chrome-sandbox, without which the browser starts no page.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/exit-status.h"
#include "spawn/base/fd.h"
#include "spawn/base/flatpak-level.h"
#include "spawn/base/log.h"
#include "spawn/base/rendezvous.h"
#include "spawn/broker/command-line.h"
#include "spawn/broker/sandbox/exposure.h"
#include "spawn/client/trace.h"
#include "spawn/run/handshake.h"
#include "spawn/run/restart.h"
#include "spawn/run/run.h"
#include "spawn/run/start-broker.h"
#include "zygote/wire/message.h"

#if !defined(NB_PKGLIBDIR) || !defined(NB_PKGLIBEXECDIR)
#  error "where nestbox is installed is not defined"
#endif

#define HOST_PRELOAD NB_PKGLIBDIR "/libnestbox-host.so"

typedef enum
{
  HANDSHAKE_AUTO, /* deferred where the program is known for a browser */
  HANDSHAKE_DEFERRED,
  HANDSHAKE_IMMEDIATE,
} Handshake;

typedef struct
{
  char *helper_name;
  char *file_wall;
  char *pids;
  char *gpu;
  char *network, *audio;
  char *handshake;
  char *widevine; /* "auto", "off" or where it is */
  char *restart;
  gboolean restarts_in_latest;
  char *trace; /* where messages are recorded, absolute; NULL: nowhere */
  NbWall wall;
  NbPids pid_mode;
  Handshake when;
  gboolean gpu_in_app;                 /* it stays where the browser starts it */
  gboolean network_apart, audio_apart; /* they do not */
  char **browser;                      /* argv, [0] absolute */
} Options;

static const char *const gpu_names[] = { "sandbox", "app", NULL };
static const char *const restart_names[] = { "same", "latest", NULL };
static const char *const service_names[] = { "app", "sandbox", NULL };
static const char *const handshake_names[] = { "auto", "deferred", "immediate", NULL };

/* --- command line --- */

static gboolean
check_widevine (Options *options, GError **error)
{
  if (options->widevine == NULL)
    options->widevine = g_strdup ("auto");
  if (nb_exposure_is_choice (options->widevine))
    return TRUE;
  g_set_error (
      error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
      "--widevine is auto, off, or an absolute path that ends in /WidevineCdm, not "
      "\"%s\"",
      options->widevine);
  return FALSE;
}

static gboolean
check_choices (Options *options, GError **error)
{
  int wall = nb_choose ("--file-wall", options->file_wall, nb_wall_names, error);
  int pids = wall < 0 ? -1 : nb_choose ("--pids", options->pids, nb_pids_names, error);
  int gpu = pids < 0 ? -1 : nb_choose ("--gpu", options->gpu, gpu_names, error);
  int network
      = gpu < 0 ? -1 : nb_choose ("--network", options->network, service_names, error);
  int audio
      = network < 0 ? -1 : nb_choose ("--audio", options->audio, service_names, error);

  int restart
      = audio < 0 ? -1 : nb_choose ("--restart", options->restart, restart_names, error);
  int when = restart < 0
                 ? -1
                 : nb_choose ("--handshake", options->handshake, handshake_names, error);

  options->restarts_in_latest = restart > 0;
  options->when = (Handshake)when;
  options->wall = (NbWall)wall;
  options->pid_mode = (NbPids)pids;
  options->gpu_in_app = gpu > 0;
  options->network_apart = network > 0;
  options->audio_apart = audio > 0;
  return when >= 0 && check_widevine (options, error);
}

static gboolean
parse (int argc, char **argv, Options *options, GError **error)
{
  const GOptionEntry entries[] = {
    { "helper-name", 0, 0, G_OPTION_ARG_STRING, &options->helper_name,
      "what the browser calls its sandbox helper (chrome-sandbox)", "NAME" },
    { "file-wall", 0, 0, G_OPTION_ARG_STRING, &options->file_wall,
      "what denies files to pages: auto, landlock or seccomp", "WALL" },
    { "pids", 0, 0, G_OPTION_ARG_STRING, &options->pids,
      "how the browser knows its children: auto, visible or stand-in", "MODE" },
    { "gpu", 0, 0, G_OPTION_ARG_STRING, &options->gpu,
      "where the GPU process lives: sandbox (of its own) or app", "PLACE" },
    { "network", 0, 0, G_OPTION_ARG_STRING, &options->network,
      "where the network service lives: app or, to try it, sandbox", "PLACE" },
    { "audio", 0, 0, G_OPTION_ARG_STRING, &options->audio,
      "where the audio service lives: app or, to try it, sandbox", "PLACE" },
    { "handshake", 0, 0, G_OPTION_ARG_STRING, &options->handshake,
      "when the browser reads its zygote's greeting: auto, deferred or immediate", "WHEN" },
    { "restart", 0, 0, G_OPTION_ARG_STRING, &options->restart,
      "version of the app in which the browser restarts: same or latest", "VERSION" },
    { "widevine", 0, 0, G_OPTION_ARG_FILENAME, &options->widevine,
      "folder of Widevine that pages' sub-sandbox sees: auto, off or DIR", "FOLDER" },
    { "trace", 0, 0, G_OPTION_ARG_FILENAME, &options->trace,
      "record messages of zygotes and sub-sandboxes, for `nestbox trace`", "FILE" },
    { 0 },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("-- BROWSER [ARGUMENT…]");

  g_set_prgname ("nestbox run");
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_strict_posix (context, TRUE);
  g_option_context_set_summary (
      context,
      "Starts BROWSER with its zygote, renderers and utilities in a Flatpak\n"
      "sub-sandbox. Replaces itself by the browser: same pid, exit status, signals.");
  if (!g_option_context_parse (context, &argc, &argv, error)
      || !check_choices (options, error))
    return FALSE;
  if (argc > 1 && g_str_equal (argv[1], "--"))
    argv++, argc--;
  if (argc < 2)
    {
      g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                           "no browser is named: nestbox run -- BROWSER [ARGUMENT…]");
      return FALSE;
    }
  options->browser = argv + 1;
  if (options->trace != NULL)
    {
      g_autofree char *given = options->trace;

      options->trace = g_canonicalize_filename (given, NULL);
    }
  return TRUE;
}

/* A script's interpreter would load the preload and drop it before the browser starts. */
static gboolean
is_script (const char *path)
{
  char magic[2] = { 0 };
  nb_autofd fd = open (path, O_RDONLY | O_CLOEXEC);

  return fd >= 0 && read (fd, magic, 2) == 2 && magic[0] == '#' && magic[1] == '!';
}

static int
find_browser (Options *options)
{
  char *path = g_find_program_in_path (options->browser[0]);

  if (path == NULL)
    {
      nb_log_error ("%s: no such program", options->browser[0]);
      return NB_EXIT_NOT_FOUND;
    }
  if (is_script (path))
    {
      nb_log_error ("%s is a script; put `nestbox run --` into it, before the browser's "
                    "executable",
                    path);
      return NB_EXIT_CANNOT_EXECUTE;
    }
  options->browser[0] = g_canonicalize_filename (path, NULL);
  g_free (path);
  return 0;
}

/*
 * By what the browser's own name for itself will be (/proc/self/exe), which is what is
 * executed again in the sub-sandbox: a link to somewhere else does not help there.
 */
static int
check_place (const char *browser)
{
  g_autofree char *real = realpath (browser, NULL);

  if (real == NULL || g_str_has_prefix (real, "/app/") || g_str_has_prefix (real, "/usr/"))
    return 0;
  nb_log_error (
      "%s cannot be seen in a sub-sandbox, which has /app and /usr alone: install "
      "it below /app, or as an extension of the app that is mounted there",
      real);
  return NB_EXIT_CANNOT_EXECUTE;
}

/* --- the broker --- */

/*
 * The record goes on at its end: a browser that restarts has one. Helpers find it beside
 * the broker's socket, where no sub-sandbox does.
 */
static int
make_trace (const char *socket, const char *trace)
{
  nb_autofd fd = open (trace, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0600);
  struct stat found;

  if (fd < 0 || fstat (fd, &found) < 0)
    return -errno;
  if (!S_ISREG (found.st_mode))
    return -EINVAL;
  return nb_trace_link (socket, trace);
}

/* --- the browser --- */

/* For a restart of the browser: one a line. */
static char *
options_text (const Options *options)
{
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, "--file-wall=%s\n--pids=%s\n--gpu=%s\n",
                          nb_wall_names[options->wall], nb_pids_names[options->pid_mode],
                          gpu_names[options->gpu_in_app]);
  g_string_append_printf (text,
                          "--network=%s\n--audio=%s\n--widevine=%s\n--restart=%s\n"
                          "--handshake=%s",
                          service_names[options->network_apart],
                          service_names[options->audio_apart], options->widevine,
                          restart_names[options->restarts_in_latest],
                          handshake_names[options->when]);
  if (options->helper_name != NULL)
    g_string_append_printf (text, "\n--helper-name=%s", options->helper_name);
  if (options->trace != NULL)
    g_string_append_printf (text, "\n--trace=%s", options->trace);
  return g_string_free (text, FALSE);
}

/* What the host preload is to execute the stand-in for, besides the zygote. */
static char *
services_text (const Options *options)
{
  return g_strconcat (options->network_apart ? "network," : "",
                      options->audio_apart ? "audio," : "", NULL);
}

static char **
browser_environment (const Options *options, const char *socket)
{
  char **environment = g_get_environ ();
  const char *preload = g_environ_getenv (environment, "LD_PRELOAD");
  g_autofree char *list = preload != NULL && *preload != '\0'
                              ? g_strconcat (HOST_PRELOAD ":", preload, NULL)
                              : g_strdup (HOST_PRELOAD);
  g_autofree char *again = options_text (options), *services = services_text (options);
  g_autofree char *pid = g_strdup_printf ("%d", (int)getpid ());

  environment = g_environ_setenv (environment, "LD_PRELOAD", list, TRUE);
  environment = g_environ_setenv (environment, "NESTBOX_BROKER", socket, TRUE);
  environment = g_environ_setenv (environment, "NESTBOX_RUN_OPTIONS", again, TRUE);
  environment = g_environ_setenv (environment, "NESTBOX_PID", pid, TRUE);
  environment
      = g_environ_setenv (environment, "NESTBOX_GPU", gpu_names[options->gpu_in_app], TRUE);
  environment = g_environ_setenv (environment, "NESTBOX_SERVICES", services, TRUE);
  environment = g_environ_unsetenv (environment, "NESTBOX_HELPER_NAME");
  if (options->helper_name != NULL)
    environment
        = g_environ_setenv (environment, "NESTBOX_HELPER_NAME", options->helper_name, TRUE);
  return environment;
}

static void
defer_handshake (Options *options)
{
  g_autofree char *real = realpath (options->browser[0], NULL);

  if (options->when == HANDSHAKE_DEFERRED
      || (options->when == HANDSHAKE_AUTO && real != NULL
          && nb_handshake_is_browser (real)))
    options->browser = nb_handshake_defer (options->browser);
}

static int
become_browser (const Options *options, char **environment)
{
  execve (options->browser[0], options->browser, environment);
  nb_log_error ("%s: %s", options->browser[0], g_strerror (errno));
  return NB_EXIT_CANNOT_EXECUTE;
}

/* 0 or a positive errno, which was said. */
static int
prepare_trace (const Options *options, const char *socket)
{
  int result = options->trace != NULL ? make_trace (socket, options->trace) : 0;

  if (result < 0)
    nb_log_error ("the trace %s cannot be written: %s", options->trace,
                  result == -EINVAL ? "it is no regular file" : g_strerror (-result));
  return -result;
}

static int
start_broker (const Options *options, int listener, int browser)
{
  NbBrokerOptions broker
      = { .listener = listener,
          .browser = browser,
          .host = -1,
          .widevine = options->widevine,
          .argv = options->browser,
          .sandboxes = { .wall = options->wall,
                         .pids = options->pid_mode,
                         .has = {
                             [NB_PROFILE_GPU] = !options->gpu_in_app,
                             [NB_PROFILE_NETWORK] = options->network_apart,
                             [NB_PROFILE_AUDIO] = options->audio_apart,
                         } } };
  int error = nb_start_broker (&broker);

  if (error != 0)
    nb_log_error (
        "cannot start the broker: %s%s", g_strerror (error),
        error == ENOENT ? "; install nestbox with the PREFIX that it was built for" : "");
  return error;
}

/* Returns only when there is no browser: nothing is left then. */
static int
run_listening (const Options *options, const char *socket, int listener)
{
  nb_autofd browser = (int)syscall (SYS_pidfd_open, getpid (), 0);

  if (browser < 0)
    nb_log_error ("no pidfd of the browser: %s", g_strerror (errno));
  else if (prepare_trace (options, socket) == 0
           && start_broker (options, listener, browser) == 0)
    return become_browser (options, browser_environment (options, socket));
  nb_trace_unlink (socket);
  nb_rendezvous_remove (socket);
  return NB_EXIT_REFUSED;
}

static int
run_with_broker (const Options *options)
{
  char socket[NB_RENDEZVOUS_PATH];
  nb_autofd listener = nb_rendezvous_make (NULL, socket);

  if (listener >= 0)
    return run_listening (options, socket, listener);
  nb_log_error ("cannot make %s: %s; set XDG_RUNTIME_DIR to a folder of this user", socket,
                g_strerror (-listener));
  return NB_EXIT_REFUSED;
}

/* TRUE: it runs in the newest version of the app by now. Else this one has to do. */
static gboolean
restart_in_latest (const Options *options)
{
  g_autofree char *again = options_text (options);
  g_auto (GStrv) command
      = nb_restart_command (g_getenv ("CHROME_WRAPPER"), again, options->browser);

  return nb_restart_in_latest (command);
}

int
nb_command_run (int argc, char **argv)
{
  gboolean is_restart = g_getenv (NB_RESTART_VARIABLE) != NULL;
  Options options = { 0 };
  NbFlatpakInfo info = { .level = NB_FLATPAK_NONE };
  g_autoptr (GError) error = NULL;
  int result;

  if (!parse (argc, argv, &options, &error))
    {
      nb_log_error ("%s", error->message);
      return NB_EXIT_USAGE;
    }
  result = find_browser (&options);
  if (result != 0)
    return result;
  result = nb_flatpak_info_read (NB_FLATPAK_INFO, &info);
  if (result < 0 || info.level == NB_FLATPAK_SUB_SANDBOX)
    {
      nb_log_error ("no browser can be sandboxed here: %s",
                    result < 0 ? "/.flatpak-info cannot be understood"
                               : "this is a sub-sandbox already");
      return NB_EXIT_REFUSED;
    }
  if (info.level == NB_FLATPAK_NONE)
    {
      nb_log_error ("not in Flatpak: %s starts with its own sandbox", options.browser[0]);
      return become_browser (&options, g_get_environ ());
    }
  g_unsetenv (NB_RESTART_VARIABLE);
  if (is_restart && options.restarts_in_latest && restart_in_latest (&options))
    return 0;
  result = check_place (options.browser[0]);
  if (result != 0)
    return result;
  defer_handshake (&options);
  return run_with_broker (&options);
}

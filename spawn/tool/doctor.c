/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox doctor: what works here, measured rather than guessed. The last rows start the
 * sub-sandboxes for real, with all that `nestbox run` demands of them.
 */
#include <errno.h>
#include <gio/gio.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp/apply.h"
#include "seccomp/landlock.h"
#include "spawn/base/flatpak-level.h"
#include "spawn/base/log.h"
#include "spawn/broker/sandbox/sandbox.h"
#include "spawn/client/display.h"
#include "spawn/tool/audit-print.h"
#include "spawn/tool/commands.h"
#include "spawn/tool/terminal.h"

#if !defined(NB_PKGLIBDIR) || !defined(NB_PKGLIBEXECDIR)
#  error "where nestbox is installed is not defined"
#endif

#define GPU_ROUTER NB_PKGLIBEXECDIR "/nestbox-gpu-router"

enum
{
  PROBE_DEADLINE_MS = 4000,
};

typedef struct
{
  gboolean json, colours;
  char *browser; /* owned; NULL: none was named */
} Options;

typedef struct
{
  const Options *options;
  GMainLoop *loop;
  NbPortal *portal;
  NbSandbox *sandbox, *gpu;
  gint64 asked_at;
  guint n_rows;
  gboolean good;
} Doctor;

/* --- rows --- */

static void
print_row (const Doctor *doctor, gboolean good, const char *what, const char *remedy,
           const char *text)
{
  static const char *const colours[] = { "\033[1;31m", "\033[32m" };
  g_autofree char *clean = nb_print_clean (text);
  gboolean colour = doctor->options->colours;

  (void)printf ("%s%-4s%s %-18s %s\n", colour ? colours[good != FALSE] : "",
                good ? "ok" : "BAD", colour ? "\033[0m" : "", what, clean);
  if (!good)
    (void)printf ("     to do: %s\n", remedy);
}

static void
print_json_row (const Doctor *doctor, gboolean good, const char *what, const char *remedy,
                const char *text)
{
  g_autofree char *name = nb_print_json_string (what), *found = nb_print_json_string (text);
  g_autofree char *to_do = good ? g_strdup ("null") : nb_print_json_string (remedy);

  (void)printf ("%s\n    {\"check\": %s, \"ok\": %s, \"text\": %s, \"to-do\": %s}",
                doctor->n_rows > 0 ? "," : "", name, good ? "true" : "false", found, to_do);
}

/* One row: what, the finding, and what to do where it is bad. */
static void row (Doctor *doctor, gboolean good, const char *what, const char *remedy,
                 const char *format, ...) G_GNUC_PRINTF (5, 6);

static void
row (Doctor *doctor, gboolean good, const char *what, const char *remedy,
     const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  (doctor->options->json ? print_json_row : print_row) (doctor, good, what, remedy, text);
  (void)fflush (stdout);
  doctor->n_rows++;
  doctor->good = doctor->good && good;
}

/* What is neither good nor bad, about the row before. */
static void note (Doctor *doctor, const char *what, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static void
note (Doctor *doctor, const char *what, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  if (doctor->options->json)
    print_json_row (doctor, TRUE, what, "", text);
  else
    (void)printf ("     %s\n", text);
  doctor->n_rows++;
}

static void
print_end (const Doctor *doctor)
{
  if (doctor->options->json)
    (void)printf ("\n  ],\n  \"ok\": %s\n}\n", doctor->good ? "true" : "false");
  else
    (void)printf ("\n%s\n", doctor->good ? "Browsers can be sandboxed here."
                                         : "Browsers cannot be sandboxed here.");
}

/* --- what needs no bus --- */

static gboolean
check_flatpak (Doctor *doctor)
{
  NbFlatpakInfo info = { .level = NB_FLATPAK_NONE };
  int result = nb_flatpak_info_read (NB_FLATPAK_INFO, &info);

  row (doctor, result == 0 && info.level == NB_FLATPAK_APP, "Flatpak",
       "run this inside the app: flatpak run --command=nestbox APP doctor",
       "level %s, version %s, app %s",
       result == 0 ? nb_flatpak_level_name (info.level) : "unreadable",
       info.version[0] != '\0' ? info.version : "unknown",
       info.app_id[0] != '\0' ? info.app_id : "none");
  return info.level == NB_FLATPAK_APP;
}

static void
check_kernel (Doctor *doctor)
{
  gboolean seccomp = nb_seccomp_is_available ();
  int abi = nb_landlock_abi ();

  row (doctor, seccomp, "seccomp", "use a kernel with CONFIG_SECCOMP_FILTER",
       seccomp ? "filters can be installed" : "not available");
  row (doctor, abi > 0 || seccomp, "Landlock", "use a kernel with CONFIG_SECURITY_LANDLOCK",
       abi == 0 ? "not available" : "ABI %d", abi);
  for (gsize i = 0; i < nb_n_landlock_steps; i++)
    if (nb_landlock_steps[i].abi > abi)
      note (doctor, "Landlock", "without %s (Linux %s): %s", nb_landlock_steps[i].adds,
            nb_landlock_steps[i].kernel, nb_landlock_steps[i].without);
}

/* The browser would prefer its own namespaces; Flatpak forbids them, and that is fine. */
static void
check_user_namespaces (Doctor *doctor)
{
  gboolean denied = TRUE;
  int status = 0;
  pid_t pid = fork (); /* success would change the caller, and a thread would prevent it */

  if (pid == 0)
    _exit (unshare (CLONE_NEWUSER) < 0);
  if (pid > 0 && waitpid (pid, &status, 0) == pid)
    denied = !WIFEXITED (status) || WEXITSTATUS (status) != 0;

  row (doctor, TRUE, "user namespaces", "",
       denied ? "denied to the app, as in every Flatpak: the sub-sandbox takes their place"
              : "open to the app: the browser may use its own sandbox instead");
}

static void
check_file (Doctor *doctor, const char *what, const char *path, int mode)
{
  gboolean there = access (path, mode) == 0;

  row (doctor, there, what, "install nestbox with its default PREFIX, /app", "%s%s", path,
       there ? "" : ": missing");
}

static void
check_installation (Doctor *doctor, const char *browser)
{
  check_file (doctor, "host preload", NB_PKGLIBDIR "/libnestbox-host.so", R_OK);
  check_file (doctor, "zygote preload", NB_PKGLIBDIR "/libnestbox-zygote.so", R_OK);
  check_file (doctor, "controller", NB_PKGLIBEXECDIR "/nestbox-controller", X_OK);
  check_file (doctor, "GPU router", GPU_ROUTER, X_OK);
  check_file (doctor, "sandbox helper", NB_PKGLIBEXECDIR "/nestbox-chrome-sandbox", X_OK);
  if (browser != NULL)
    {
      g_autofree char *exe = g_canonicalize_filename (browser, NULL);
      g_autofree char *folder = g_path_get_dirname (exe);
      gboolean visible = g_str_has_prefix (exe, "/app/") || g_str_has_prefix (exe, "/usr/");

      row (doctor, visible && access (exe, X_OK) == 0, "browser",
           "install the browser below /app", "%s, helper taken for %s/chrome-sandbox", exe,
           folder);
    }
}

/* --- portal and sub-sandbox --- */

static char *
describe_displays (unsigned found)
{
  return g_strdup_printf ("%s%s, %s", (found & NB_DISPLAY_X11) != 0 ? "X11" : "no X11",
                          (found & NB_DISPLAY_WAYLAND) != 0 ? ", Wayland" : ", no Wayland",
                          (found & NB_DISPLAY_GPU) != 0 ? "GPU" : "no GPU: software");
}

/* What the app has and the GPU process would not have is what must be told. */
static void
gpu_exited_cb (gpointer data, int wait_status)
{
  Doctor *doctor = data;
  unsigned found = WIFEXITED (wait_status) ? (unsigned)WEXITSTATUS (wait_status) : 0;
  unsigned missing = nb_displays_look () & ~found;
  g_autofree char *has = describe_displays (found);

  row (doctor, (missing & NB_DISPLAY_X11) == 0, "GPU sub-sandbox",
       "nestbox run --gpu=app, or a portal of version 3 that knows DISPLAY",
       "works; own PID, network and mount namespace; %s%s%s", has,
       (missing & NB_DISPLAY_X11) != 0 ? "; under X11 nothing would be drawn" : "",
       (missing & NB_DISPLAY_GPU) != 0 ? "; the app's GPU is not used: software" : "");
  g_main_loop_quit (doctor->loop);
}

static void
gpu_result_cb (gpointer data, int error, const char *detail, int link)
{
  Doctor *doctor = data;

  (void)link;
  if (error == 0)
    return; /* what it finds is told by its exit status */
  row (doctor, FALSE, "GPU sub-sandbox", "nestbox run --gpu=app does without it", "%s",
       detail);
  g_main_loop_quit (doctor->loop);
}

static void
check_gpu (Doctor *doctor)
{
  static char program[] = GPU_ROUTER, look[] = "--look";
  NbObserver observer
      = { .result = gpu_result_cb, .exited = gpu_exited_cb, .data = doctor };
  g_autofree NbExec *exec = g_new0 (NbExec, 1);
  bool overflow = false;

  exec->kind = NB_KIND_GPU;
  nb_strings_append (&exec->argv, program, &overflow);
  nb_strings_append (&exec->argv, look, &overflow);
  nb_sandbox_start (doctor->gpu);
  (void)nb_sandbox_exec (doctor->gpu, exec, NULL, &observer);
}

static void
sandbox_result_cb (gpointer data, int error, const char *detail, int link)
{
  Doctor *doctor = data;
  double ms = (double)(g_get_monotonic_time () - doctor->asked_at) / 1000;

  (void)link;
  if (error == 0)
    row (doctor, TRUE, "sub-sandbox", "",
         "works, ready in %.0f ms; own PID, network, mount and IPC namespace; PIDs %s", ms,
         nb_sandbox_is_relayed (doctor->sandbox) ? "hidden: known by stand-ins"
                                                 : "visible");
  else
    row (doctor, FALSE, "sub-sandbox", "NESTBOX_DEBUG=all nestbox doctor shows every step",
         "%s", detail);
  if (error == 0)
    check_gpu (doctor);
  else
    g_main_loop_quit (doctor->loop);
}

static void
probed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  static char program[] = NB_PKGLIBEXECDIR "/nestbox-chrome-sandbox", api[] = "--get-api";
  Doctor *doctor = data;
  NbObserver observer = { .result = sandbox_result_cb, .data = doctor };
  g_autofree NbExec *exec = g_new0 (NbExec, 1);
  g_autoptr (GError) error = NULL;
  const NbPortalFeatures *features = nb_portal_get_features (doctor->portal);
  bool overflow = false;

  if (!nb_portal_probe_finish (NB_PORTAL (source), result, &error))
    {
      row (doctor, FALSE, "portal", "install or start Flatpak's portal on the host", "%s",
           error->message);
      g_main_loop_quit (doctor->loop);
      return;
    }
  row (doctor, TRUE, "portal", "", "version %u, supports 0x%x: PIDs can be %s%s",
       features->version, features->supports,
       nb_portal_features_expose_pids (features) ? "visible" : "hidden only",
       nb_portal_features_sandbox_flags (features) ? "" : "; gives no display");
  nb_strings_append (&exec->argv, program, &overflow);
  nb_strings_append (&exec->argv, api, &overflow);
  doctor->asked_at = g_get_monotonic_time ();
  nb_sandbox_start (doctor->sandbox);
  (void)nb_sandbox_exec (doctor->sandbox, exec, NULL, &observer);
}

static void
check_portal (Doctor *doctor)
{
  doctor->loop = g_main_loop_new (NULL, FALSE);
  doctor->portal = nb_portal_new ();
  doctor->sandbox
      = nb_sandbox_new (doctor->portal, NB_PROFILE_PAGES, NB_WALL_AUTO, NB_PIDS_AUTO);
  doctor->gpu = nb_sandbox_new (doctor->portal, NB_PROFILE_GPU, NB_WALL_AUTO, NB_PIDS_AUTO);
  nb_portal_probe_async (doctor->portal, PROBE_DEADLINE_MS, probed_cb, doctor);
  g_main_loop_run (doctor->loop);
  nb_sandbox_free (doctor->gpu);
  nb_sandbox_free (doctor->sandbox);
  g_object_unref (doctor->portal);
  g_main_loop_unref (doctor->loop);
}

/* --- the command --- */

static gboolean
parse (int argc, char **argv, Options *options, GError **error)
{
  const GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "for programs", NULL },
    { 0 },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("[BROWSER]");

  g_set_prgname ("nestbox doctor");
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (
      context, "Says what works here, measured, and what to do about the rest.");
  g_option_context_set_description (
      context, "Exit status: 0 browsers can be sandboxed here, 1 they cannot, 2 usage.");
  if (!g_option_context_parse (context, &argc, &argv, error))
    return FALSE;
  if (argc <= 2)
    {
      options->browser = g_strdup (argc == 2 ? argv[1] : NULL);
      return TRUE;
    }
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                       "one browser at most: nestbox doctor [--json] [BROWSER]");
  return FALSE;
}

int
nb_command_doctor (int argc, char **argv)
{
  Options options = { .colours = nb_terminal_has_colours () };
  Doctor doctor = { .options = &options, .good = TRUE };
  g_autoptr (GError) error = NULL;
  gboolean in_app;

  if (!parse (argc, argv, &options, &error))
    {
      nb_log_error ("%s", error->message);
      return NB_EXIT_USAGE;
    }
  (void)printf (options.json ? "{\n  \"checks\": [" : "");
  in_app = check_flatpak (&doctor);
  check_kernel (&doctor);
  check_user_namespaces (&doctor);
  check_installation (&doctor, options.browser);
  if (in_app)
    check_portal (&doctor);
  print_end (&doctor);
  g_free (options.browser);
  return doctor.good ? 0 : 1;
}

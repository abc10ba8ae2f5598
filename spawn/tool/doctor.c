/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox doctor: what works here, measured rather than guessed. The last row starts a
 * sub-sandbox for real, with all that `nestbox run` demands of one.
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
#include "spawn/broker/sandbox.h"
#include "spawn/tool/commands.h"

#if !defined(NB_PKGLIBDIR) || !defined(NB_PKGLIBEXECDIR)
#  error "where nestbox is installed is not defined"
#endif

enum
{
  PROBE_DEADLINE_MS = 4000,
};

typedef struct
{
  GMainLoop *loop;
  NbPortal *portal;
  NbSandbox *sandbox;
  gint64 asked_at;
  gboolean good;
} Doctor;

/* One row: what, the finding, and what to do where it is bad. */
static void
row (Doctor *doctor, gboolean good, const char *what, const char *remedy,
     const char *format, ...)
{
  va_list arguments;

  (void)printf ("%-4s %-18s ", good ? "ok" : "BAD", what);
  va_start (arguments, format);
  (void)vprintf (format, arguments);
  va_end (arguments);
  (void)printf ("\n");
  if (!good)
    (void)printf ("     to do: %s\n", remedy);
  (void)fflush (stdout);
  doctor->good = doctor->good && good;
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
      (void)printf ("     without %s (Linux %s): %s\n", nb_landlock_steps[i].adds,
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
  row (doctor, TRUE, "portal", "", "version %u, supports 0x%x: PIDs can be %s",
       features->version, features->supports,
       nb_portal_features_expose_pids (features) ? "visible" : "hidden only");
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
  doctor->sandbox = nb_sandbox_new (doctor->portal, NB_WALL_AUTO, NB_PIDS_AUTO);
  nb_portal_probe_async (doctor->portal, PROBE_DEADLINE_MS, probed_cb, doctor);
  g_main_loop_run (doctor->loop);
  nb_sandbox_free (doctor->sandbox);
  g_object_unref (doctor->portal);
  g_main_loop_unref (doctor->loop);
}

int
nb_command_doctor (int argc, char **argv)
{
  Doctor doctor = { .good = TRUE };
  const char *browser = argc > 1 ? argv[1] : NULL;
  gboolean in_app;

  if (argc > 2 || (browser != NULL && browser[0] == '-'))
    {
      gboolean help = argc == 2 && strcmp (browser, "--help") == 0;

      (void)fputs (
          "Usage: nestbox doctor [BROWSER]\n\nSays what works here, measured. Exits "
          "0 when browsers can be sandboxed, else 1.\n",
          help ? stdout : stderr);
      return help ? 0 : NB_EXIT_USAGE;
    }
  in_app = check_flatpak (&doctor);
  check_kernel (&doctor);
  check_user_namespaces (&doctor);
  check_installation (&doctor, browser);
  if (in_app)
    check_portal (&doctor);
  (void)printf ("\n%s\n", doctor.good ? "Browsers can be sandboxed here."
                                      : "Browsers cannot be sandboxed here.");
  return doctor.good ? 0 : 1;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox identify: which child a process is, or that at the other end of a socket. It runs
 * beside the browser, in its app, and asks the brokers there.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/base/pidfd.h"
#include "spawn/broker/sandbox/profile.h"
#include "spawn/ps/brokers.h"
#include "spawn/tool/audit-print.h"
#include "spawn/tool/commands.h"

enum
{
  ASK_MS = 2000, /* a broker answers within milliseconds, as its controllers do */
};

typedef struct
{
  gboolean json;
  int pid, fd; /* one of them; the other is -1 */
} Options;

/* --- command line --- */

static gboolean
parse (int argc, char **argv, Options *options, GError **error)
{
  const GOptionEntry entries[] = {
    { "pid", 0, 0, G_OPTION_ARG_INT, &options->pid, "a process", "PID" },
    { "fd", 0, 0, G_OPTION_ARG_INT, &options->fd,
      "the peer of a connected Unix socket, or the process of a pidfd", "N" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, "for programs", NULL },
    { 0 },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  g_set_prgname ("nestbox identify");
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (
      context,
      "Says which child of which browser a process is, and in which sub-sandbox, by the\n"
      "word of the kernel and the browser's broker. Run it in the browser's app.");
  g_option_context_set_description (
      context, "Exit status: 0, 1 nobody can tell, 2 usage, 4 no child.");
  if (!g_option_context_parse (context, &argc, &argv, error))
    return FALSE;
  if (argc == 1 && (options->pid > 0) != (options->fd >= 0))
    return TRUE;
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                       "one process: nestbox identify [--json] --pid=PID|--fd=N");
  return FALSE;
}

/* --- the process --- */

static int
open_process (const Options *options)
{
  int pidfd;

  if (options->fd >= 0)
    return nb_pidfd_take_from (options->fd);
  pidfd = (int)syscall (SYS_pidfd_open, options->pid, 0);
  return pidfd < 0 ? -errno : pidfd;
}

static const char *
explain (int error)
{
  switch (error)
    {
    case EISCONN:
      return "one end of a pair: the kernel names who made it, and not who has the other "
             "end; let the child connect, or send a pidfd";
    case ENOPROTOOPT:
      return "this kernel cannot name a peer without a race; Linux 6.5 can";
    case EBADF:
      return "neither a socket nor a pidfd; hand in one of these";
    case EAFNOSUPPORT:
      return "not a Unix socket; only those have a process at the other end";
    case ENOENT:
      return "lives in no sub-sandbox of a browser here";
    case ESRCH:
      return "has ended";
    default:
      return g_strerror (error);
    }
}

static int
fail (const Options *options, int error)
{
  if (options->fd >= 0)
    nb_log_error ("descriptor %d: %s", options->fd, explain (error));
  else
    nb_log_error ("PID %d: %s", options->pid, explain (error));
  return error == ENOENT || error == ESRCH ? NB_EXIT_NO_CHILD : NB_EXIT_BAD;
}

/* --- what is said --- */

static const char *
sandbox_name (guint profile)
{
  return profile < NB_N_PROFILES ? nb_profile_traits ((NbProfile)profile)->name : "other";
}

static void
print_text (const NbBrokerIdentity *found)
{
  const NbIdentity *identity = &found->identity;

  (void)printf ("sandbox  %s, Flatpak instance %s, of the browser with PID %d\n",
                sandbox_name (identity->profile), found->instance, (int)found->browser);
  if (identity->program == 0)
    (void)printf ("child    of a program that has ended\n");
  else
    (void)printf ("child    %sprogram %u, kind %s\n",
                  identity->descends ? "started by " : "", identity->program,
                  nb_kind_name (identity->kind));
  (void)printf ("process  PID %d in there; calls itself %s\n", identity->pid,
                nb_kind_name (identity->claim));
}

static void
print_json (const NbBrokerIdentity *found)
{
  const NbIdentity *identity = &found->identity;
  g_autofree char *instance = nb_print_json_string (found->instance);

  (void)printf (
      "{\"browser\": %d, \"sandbox\": \"%s\", \"instance\": %s, \"program\": %u, "
      "\"kind\": \"%s\", \"descends\": %s, \"pid\": %d, \"calls_itself\": \"%s\", "
      "\"start\": %" G_GUINT64_FORMAT "}\n",
      (int)found->browser, sandbox_name (identity->profile), instance, identity->program,
      nb_kind_name (identity->kind), identity->descends ? "true" : "false", identity->pid,
      nb_kind_name (identity->claim), identity->start);
}

int
nb_command_identify (int argc, char **argv)
{
  Options options = { .pid = -1, .fd = -1 };
  g_auto (GStrv) folders = nb_brokers_folders ();
  g_autoptr (GError) error = NULL;
  NbBrokerIdentity found = { 0 };
  nb_autofd pidfd = -1;
  int result;

  if (!parse (argc, argv, &options, &error))
    {
      nb_log_error ("%s", error->message);
      return NB_EXIT_USAGE;
    }
  pidfd = open_process (&options);
  result = pidfd < 0
               ? pidfd
               : nb_brokers_identify ((const char *const *)folders, pidfd, ASK_MS, &found);
  if (result < 0)
    return fail (&options, -result);
  if (options.json)
    print_json (&found);
  else
    print_text (&found);
  g_free (found.instance);
  return 0;
}

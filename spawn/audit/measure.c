/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/audit/measure.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "spawn/audit/proc-text.h"
#include "spawn/base/fd.h"

/* What is read of the process, once. */
typedef struct
{
  const NbProcess *process;
  const NbBrowser *browser;
  const NbSockets *sockets;
  gboolean has_status;
  NbProcStatus status;
  NbNamespaces namespaces;
  GPtrArray *mounts;               /* NULL: not readable, or not understood */
  char **interfaces;               /* the same */
  NbSocketView *view;              /* of its network namespace */
  NbSame network, mount_namespace; /* as the browser's */
} Subject;

static NbFinding
found (NbState state, const char *text)
{
  return (NbFinding){ state, g_strdup (text) };
}

static NbSame
compare (const Subject *subject, NbNs ns)
{
  const ino_t theirs = subject->namespaces.inodes[ns];

  if (theirs == 0)
    return NB_SAME_UNKNOWN;
  return theirs == subject->browser->namespaces.inodes[ns] ? NB_SAME_YES : NB_SAME_NO;
}

/* --- PID namespace --- */

/*
 * NSpid has one number for each namespace from that of /proc down to the process's own:
 * in the same /proc a process with more of them is in a namespace below. With as many it
 * is in the same only where that is the namespace of /proc itself.
 */
static NbSame
compare_pids (const Subject *subject)
{
  NbSame same = compare (subject, NB_NS_PID);
  struct stat folder;

  if (same != NB_SAME_UNKNOWN || !subject->has_status
      || nb_process_stat (subject->process, ".", &folder) < 0
      || folder.st_dev != subject->browser->proc)
    return same;
  if (subject->status.levels != subject->browser->levels)
    return NB_SAME_NO;
  return subject->status.levels == 1 ? NB_SAME_YES : NB_SAME_UNKNOWN;
}

static NbFinding
find_pid (const Subject *subject)
{
  switch (compare_pids (subject))
    {
    case NB_SAME_YES:
      return found (NB_STATE_OPEN, "shared with the browser");
    case NB_SAME_NO:
      break;
    case NB_SAME_UNKNOWN:
    default:
      return found (NB_STATE_UNKNOWN, NB_CLOSED_TO_US);
    }
  if (subject->mounts == NULL || !subject->has_status)
    return found (NB_STATE_UNKNOWN, "own, but whose /proc it has cannot be read");
  if (nb_mounts_have_proc_of (subject->mounts, subject->browser->mounts))
    return found (NB_STATE_OPEN, "own, but it has the browser's /proc");
  return (NbFinding){ NB_STATE_CLOSED,
                      g_strdup_printf (
                          "own: it is PID %d there; its /proc is not the browser's",
                          (int)subject->status.inner_pid) };
}

/* --- network --- */

gboolean
nb_measure_can_compare_networks (const NbBrowser *browser, const NbSockets *sockets)
{
  return nb_sockets_compare (sockets, browser->process) == NB_SAME_YES;
}

static NbSame
compare_networks (const Subject *subject)
{
  NbSame same = compare (subject, NB_NS_NETWORK);

  if (same == NB_SAME_UNKNOWN
      && nb_measure_can_compare_networks (subject->browser, subject->sockets))
    same = nb_sockets_compare (subject->sockets, subject->process);
  return same;
}

static NbFinding
find_network (const Subject *subject)
{
  g_autofree char *list
      = subject->interfaces != NULL ? g_strjoinv (", ", subject->interfaces) : NULL;

  if (subject->network == NB_SAME_YES)
    return (NbFinding){ NB_STATE_OPEN,
                        g_strconcat ("shared with the browser", list != NULL ? ": " : NULL,
                                     list, NULL) };
  if (subject->network == NB_SAME_UNKNOWN || list == NULL)
    return found (NB_STATE_UNKNOWN, NB_CLOSED_TO_US);
  if (*list != '\0' && !g_str_equal (list, "lo"))
    return (NbFinding){ NB_STATE_OPEN, g_strconcat ("own, but with ", list, NULL) };
  return found (NB_STATE_CLOSED, "own, with no interface but lo");
}

/* --- mount, IPC and user namespace --- */

static NbSame
compare_mounts (const Subject *subject)
{
  NbSame same = compare (subject, NB_NS_MOUNTS);

  return same == NB_SAME_UNKNOWN && subject->mounts != NULL
             ? nb_mounts_compare (subject->mounts, subject->browser->mounts)
             : same;
}

static NbFinding
find_mounts (const Subject *subject)
{
  const NbSame same = subject->mount_namespace;

  return same == NB_SAME_YES  ? found (NB_STATE_OPEN, "shared with the browser")
         : same == NB_SAME_NO ? found (NB_STATE_CLOSED, "own, none of the browser's")
                              : found (NB_STATE_UNKNOWN, NB_CLOSED_TO_US);
}

static NbFinding
find_namespace (const Subject *subject, NbNs ns)
{
  NbSame same = compare (subject, ns);

  return same == NB_SAME_YES  ? found (NB_STATE_OPEN, "shared with the browser")
         : same == NB_SAME_NO ? found (NB_STATE_CLOSED, "own")
                              : found (NB_STATE_UNKNOWN, NB_CLOSED_TO_US);
}

/* --- files, buses, displays, devices --- */

static NbFinding
find_secret (const Subject *subject, NbSecret secret, const char *nothing)
{
  const char *point = NULL;
  NbReach reach;

  if (subject->mounts == NULL || subject->mounts->len == 0)
    return found (NB_STATE_UNKNOWN, "its mounts cannot be read");
  reach = nb_mounts_reach (subject->mounts, subject->browser->secrets, secret, &point);
  if (reach == NB_REACH_NO)
    return found (NB_STATE_CLOSED, nothing);
  if (reach == NB_REACH_YES)
    return (NbFinding){ NB_STATE_OPEN, g_strdup_printf ("reachable: %s", point) };
  if (point == NULL)
    return found (NB_STATE_UNKNOWN, "where the user's home is, is not known");
  if (subject->mount_namespace == NB_SAME_YES)
    return found (NB_STATE_UNKNOWN, "at no usual place, but it has all that the app has");
  return (NbFinding){
    NB_STATE_UNKNOWN, g_strdup_printf ("%s is mounted; what it holds is not known", point)
  };
}

/* A socket of its network namespace with "@", and one of the words, in its name. */
static const char *
find_abstract (const Subject *subject, const char *const *words)
{
  const GPtrArray *names = nb_socket_view_get_names (subject->view);

  for (guint i = 0; i < names->len; i++)
    for (guint j = 0; words[j] != NULL; j++)
      if (((const char *)names->pdata[i])[0] == '@'
          && strstr (names->pdata[i], words[j]) != NULL)
        return names->pdata[i];
  return NULL;
}

/* Abstract names need no mount: all of the network namespace can be connected to. */
static NbFinding
find_sockets (const Subject *subject, NbSecret secret, const char *const *words,
              const char *nothing)
{
  NbFinding finding = find_secret (subject, secret, nothing);
  const char *name = find_abstract (subject, words);

  if (finding.state == NB_STATE_OPEN
      || (name == NULL && nb_socket_view_is_whole (subject->view)))
    return finding;
  g_free (finding.text);
  if (name == NULL)
    return found (NB_STATE_UNKNOWN, "its abstract sockets cannot be read");
  return (NbFinding){ NB_STATE_OPEN, g_strdup_printf ("reachable: %s", name) };
}

static NbFinding
find_bus (const Subject *subject)
{
  static const char *const words[] = { "dbus", "/bus", NULL };
  NbFinding finding
      = find_sockets (subject, NB_SECRET_BUS, words, "none is mounted, none is abstract");
  const char *name = subject->network == NB_SAME_NO
                         ? nb_sockets_find_bus (subject->sockets, subject->view)
                         : NULL;

  if (name == NULL || finding.state == NB_STATE_OPEN)
    return finding;
  g_free (finding.text);
  return (NbFinding){ NB_STATE_OPEN, g_strdup_printf ("in use: %s", name) };
}

static NbFinding
find_display (const Subject *subject)
{
  static const char *const words[] = { "/.X11-unix/", "/.ICE-unix/", "wayland", NULL };

  return find_sockets (subject, NB_SECRET_DISPLAY, words,
                       "none is mounted, none is abstract");
}

static NbFinding
find_devices (const Subject *subject)
{
  const char *point;

  if (subject->mounts == NULL || subject->mounts->len == 0)
    return found (NB_STATE_UNKNOWN, "its mounts cannot be read");
  point = nb_mounts_find_device (subject->mounts);
  if (point == NULL)
    return found (NB_STATE_CLOSED, "none but null, zero, random and tty");
  return (NbFinding){ NB_STATE_OPEN, g_strdup_printf ("mounted: %s", point) };
}

/* --- what each thread may do --- */

typedef struct
{
  guint threads;
  gboolean torn; /* one is there and cannot be read */
  gboolean has_capabilities;
  guint64 capabilities;
  int no_new_privs, seccomp, filters; /* the least; -1: one of them is not known */
} Threads;

/* Capabilities, seccomp and no_new_privs belong to threads; the weakest one counts. */
static void
add_thread (Threads *threads, const NbProcStatus *status)
{
  gboolean first = threads->threads++ == 0;

  threads->has_capabilities
      = (first || threads->has_capabilities) && status->has_capabilities;
  threads->capabilities |= status->capabilities;
  threads->no_new_privs
      = first ? status->no_new_privs : MIN (threads->no_new_privs, status->no_new_privs);
  threads->seccomp = first ? status->seccomp : MIN (threads->seccomp, status->seccomp);
  threads->filters = first ? status->filters : MIN (threads->filters, status->filters);
}

/* One that ended meanwhile does nothing any more. */
static void
read_thread (const NbProcess *process, const char *id, Threads *threads)
{
  g_autofree char *name = g_strdup_printf ("task/%s/status", id);
  g_autofree char *text = nb_process_read (process, name, NULL);
  NbProcStatus status;

  if (text == NULL && (errno == ENOENT || errno == ESRCH))
    return;
  if (text != NULL && nb_proc_status_parse (text, &status))
    add_thread (threads, &status);
  else
    threads->torn = TRUE;
}

static void
read_threads (const NbProcess *process, Threads *threads)
{
  int fd = openat (nb_process_get_fd (process), "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = fd >= 0 ? fdopendir (fd) : NULL;
  const struct dirent *entry;

  while (folder != NULL && (entry = readdir (folder)) != NULL)
    if (g_ascii_isdigit (entry->d_name[0]))
      read_thread (process, entry->d_name, threads);
  if (folder != NULL)
    (void)closedir (folder);
  else
    nb_fd_clear (&fd);
}

static gboolean
is_known (const Threads *threads)
{
  return threads->threads > 0 && !threads->torn;
}

static NbFinding
find_flag (const Threads *threads, int value, const char *set, const char *not_set)
{
  if (!is_known (threads) || value < 0)
    return found (NB_STATE_UNKNOWN, "the kernel does not tell");
  return (NbFinding){ value > 0 ? NB_STATE_CLOSED : NB_STATE_OPEN,
                      g_strdup_printf ("%s (threads: %u)", value > 0 ? set : not_set,
                                       threads->threads) };
}

static NbFinding
find_capabilities (const Threads *threads)
{
  if (!is_known (threads) || !threads->has_capabilities)
    return found (NB_STATE_UNKNOWN, "the kernel does not tell");
  if (threads->capabilities == 0)
    return found (NB_STATE_CLOSED, "none");
  return (NbFinding){ NB_STATE_OPEN, g_strdup_printf ("0x%" G_GINT64_MODIFIER "x",
                                                      threads->capabilities) };
}

static void
measure_threads (const NbProcess *process, NbMeasurement *measurement)
{
  Threads threads = { 0 };

  read_threads (process, &threads);
  measurement->findings[NB_PROPERTY_NO_NEW_PRIVS]
      = find_flag (&threads, threads.no_new_privs, "set", "not set");
  measurement->findings[NB_PROPERTY_CAPABILITIES] = find_capabilities (&threads);
  measurement->findings[NB_PROPERTY_SECCOMP]
      = find_flag (&threads, threads.seccomp, "filtered", "none");
  measurement->filters = is_known (&threads) ? threads.filters : -1;
}

/* --- all of it --- */

static void
read_subject (Subject *subject)
{
  g_autofree char *status = nb_process_read (subject->process, "status", NULL);
  g_autofree char *mounts = nb_process_read (subject->process, "mountinfo", NULL);
  g_autofree char *dev = nb_process_read (subject->process, "net/dev", NULL);

  subject->has_status = status != NULL && nb_proc_status_parse (status, &subject->status);
  subject->mounts = mounts != NULL ? nb_proc_mounts_parse (mounts) : NULL;
  subject->interfaces = dev != NULL ? nb_proc_interfaces_parse (dev) : NULL;
  subject->view = nb_socket_view_new (subject->process);
  nb_namespaces_read (subject->process, &subject->namespaces);
  subject->network = compare_networks (subject);
  subject->mount_namespace = compare_mounts (subject);
}

static void
clear_subject (Subject *subject)
{
  g_clear_pointer (&subject->mounts, g_ptr_array_unref);
  g_strfreev (subject->interfaces);
  nb_socket_view_free (subject->view);
}

static void
measure_place (const Subject *subject, NbFinding *findings)
{
  findings[NB_PROPERTY_PID] = find_pid (subject);
  findings[NB_PROPERTY_NETWORK] = find_network (subject);
  findings[NB_PROPERTY_MOUNTS] = find_mounts (subject);
  findings[NB_PROPERTY_IPC] = find_namespace (subject, NB_NS_IPC);
  findings[NB_PROPERTY_USER] = find_namespace (subject, NB_NS_USER);
  findings[NB_PROPERTY_FILES]
      = find_secret (subject, NB_SECRET_HOME,
                     subject->mounts != NULL && nb_mounts_have_widevine (subject->mounts)
                         ? "nothing of it is mounted but Widevine, read-only"
                         : "nothing of it is mounted");
  findings[NB_PROPERTY_BUS] = find_bus (subject);
  findings[NB_PROPERTY_DISPLAY] = find_display (subject);
  findings[NB_PROPERTY_DEVICES] = find_devices (subject);
}

gboolean
nb_measure (const NbProcess *process, const NbBrowser *browser, NbSockets *sockets,
            NbMeasurement *measurement_out)
{
  Subject subject = { .process = process, .browser = browser, .sockets = sockets };
  NbDescriptorContext context
      = { .home = browser->home, .sockets = sockets, .browser = browser->process };
  g_auto (GStrv) before = nb_process_command (process);
  g_auto (GStrv) after = NULL;
  NbMeasurement measurement = { 0 };

  read_subject (&subject);
  measure_place (&subject, measurement.findings);
  clear_subject (&subject);
  measure_threads (process, &measurement);
  nb_descriptors_measure (process, &context, &measurement.descriptors);

  /* Last: that it still runs, and is the program that it was. */
  after = nb_process_command (process);
  if (nb_process_is_alive (process)
      && g_strv_equal ((const char *const *)before, (const char *const *)after))
    {
      *measurement_out = measurement;
      return TRUE;
    }
  nb_measurement_clear (&measurement);
  return FALSE;
}

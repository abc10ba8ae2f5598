/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/sandbox/orphans.h"

#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/base/pidfd.h"
#include "spawn/base/proc-stat.h"

#if !defined(NB_PKGLIBEXECDIR)
#  error "where nestbox is installed is not defined"
#endif

/* 0 also when it has ended, or, with a name, when its name is another. */
static int
parent_of (int pid, const char *name)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", pid);
  g_autofree char *text = NULL;
  NbProcStat stat;

  if (!g_file_get_contents (path, &text, NULL, NULL) || !nb_proc_stat_parse (text, &stat))
    return 0;
  if (name != NULL
      && (strlen (name) != stat.name_length
          || memcmp (name, stat.name, stat.name_length) != 0))
    return 0;
  return stat.parent;
}

/* Its last words are what it is to execute: Flatpak has the rest in a file. */
static gboolean
was_to_be_controller (int pid)
{
  static const char wanted[] = NB_PKGLIBEXECDIR "/nestbox-controller\0--channel=3";
  g_autofree char *path = g_strdup_printf ("/proc/%d/cmdline", pid);
  g_autofree char *words = NULL;
  gsize length = 0;

  return g_file_get_contents (path, &words, &length, NULL) && length > sizeof wanted
         && memcmp (words + length - sizeof wanted, wanted, sizeof wanted) == 0;
}

static gboolean
is_orphan (int pid)
{
  return parent_of (pid, "bwrap") == 1 && was_to_be_controller (pid);
}

/* Read by its number while the pidfd holds it: so it was its own if it is alive after. */
static void
end_orphan (int pid)
{
  nb_autofd pidfd = (int)syscall (SYS_pidfd_open, pid, 0);

  if (pidfd < 0 || !is_orphan (pid) || !nb_pidfd_is_alive (pidfd))
    return;
  nb_log_debug (NB_LOG_SANDBOX, "bubblewrap %d was left behind: ended", pid);
  (void)syscall (SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

void
nb_orphans_end (void)
{
  GDir *proc = g_dir_open ("/proc", 0, NULL);
  g_autoptr (GArray) orphans = g_array_new (FALSE, FALSE, sizeof (int));
  g_autoptr (GHashTable) parents = g_hash_table_new (NULL, NULL);
  const char *name;

  while (proc != NULL && (name = g_dir_read_name (proc)) != NULL)
    {
      int pid = atoi (name);

      if (pid <= 0)
        continue;
      g_hash_table_add (parents, GINT_TO_POINTER (parent_of (pid, NULL)));
      if (is_orphan (pid))
        g_array_append_val (orphans, pid);
    }
  g_clear_pointer (&proc, g_dir_close);
  for (guint i = 0; i < orphans->len; i++)
    if (!g_hash_table_contains (parents, GINT_TO_POINTER (g_array_index (orphans, int, i))))
      end_orphan (g_array_index (orphans, int, i));
}

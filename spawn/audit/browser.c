/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/audit/browser.h"

#include <string.h>

#include "spawn/audit/proc-text.h"

void
nb_namespaces_read (const NbProcess *process, NbNamespaces *namespaces_out)
{
  static const char *const links[NB_N_NS] = {
    [NB_NS_PID] = "ns/pid", [NB_NS_NETWORK] = "ns/net", [NB_NS_MOUNTS] = "ns/mnt",
    [NB_NS_IPC] = "ns/ipc", [NB_NS_USER] = "ns/user",
  };

  for (int i = 0; i < NB_N_NS; i++)
    {
      struct stat stat;

      namespaces_out->inodes[i]
          = nb_process_stat (process, links[i], &stat) == 0 ? stat.st_ino : 0;
    }
}

/*
 * From its mounts: ~/.var/app/ID is one of every app. Its environment cannot be read, as
 * Chromium writes its title over it.
 */
static char *
home_of (const GPtrArray *mounts)
{
  for (guint i = 0; i < mounts->len; i++)
    {
      const char *point = ((const NbMount *)mounts->pdata[i])->point;
      const char *data = strstr (point, "/.var/app/");

      if (data != NULL && data > point)
        return g_strndup (point, (gsize)(data - point));
    }
  return NULL;
}

static gboolean
read_mounts (NbBrowser *browser)
{
  g_autofree char *mounts = nb_process_read (browser->process, "mountinfo", NULL);

  browser->mounts = mounts != NULL ? nb_proc_mounts_parse (mounts) : NULL;
  if (browser->mounts == NULL)
    return FALSE;
  browser->home = home_of (browser->mounts);
  browser->secrets = nb_secrets_new (browser->mounts, browser->home);
  return TRUE;
}

static gboolean
read_namespaces (NbBrowser *browser)
{
  g_autofree char *status_text = nb_process_read (browser->process, "status", NULL);
  g_autofree char *dev = nb_process_read (browser->process, "net/dev", NULL);
  NbProcStatus status;
  struct stat folder;

  if (status_text == NULL || !nb_proc_status_parse (status_text, &status)
      || nb_process_stat (browser->process, ".", &folder) < 0)
    return FALSE;
  browser->levels = status.levels;
  browser->proc = folder.st_dev;
  browser->interfaces = dev != NULL ? nb_proc_interfaces_parse (dev) : NULL;
  nb_namespaces_read (browser->process, &browser->namespaces);
  for (int i = 0; i < NB_N_NS; i++)
    if (browser->namespaces.inodes[i] == 0)
      return FALSE;
  return browser->interfaces != NULL;
}

NbBrowser *
nb_browser_new (NbProcess *process)
{
  g_autoptr (NbBrowser) browser = g_new0 (NbBrowser, 1);

  browser->process = process;
  return read_mounts (browser) && read_namespaces (browser) ? g_steal_pointer (&browser)
                                                            : NULL;
}

void
nb_browser_free (NbBrowser *browser)
{
  if (browser == NULL)
    return;
  nb_process_free (browser->process);
  g_clear_pointer (&browser->mounts, g_ptr_array_unref);
  g_strfreev (browser->interfaces);
  g_free (browser->home);
  nb_secrets_free (browser->secrets);
  g_free (browser);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/tool/here.h"

#include <sys/resource.h>

#include "spawn/base/flatpak-level.h"
#include "spawn/base/log.h"

#if !defined(NB_PKGLIBEXECDIR)
#  error "where nestbox is installed is not defined"
#endif

static const NbFamilyPrograms programs
    = { .helper = NB_PKGLIBEXECDIR "/nestbox-chrome-sandbox",
        .router = NB_PKGLIBEXECDIR "/nestbox-gpu-router" };

static void
allow_many_descriptors (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit (RLIMIT_NOFILE, &limit);
}

NbFamily *
nb_here_find (int proc)
{
  allow_many_descriptors ();
  return nb_family_find (proc, &programs);
}

void
nb_here_say_why_nothing (const NbFamily *family, const char *verb)
{
  NbFlatpakInfo info = { .level = NB_FLATPAK_NONE };

  (void)nb_flatpak_info_read (NB_FLATPAK_INFO, &info);
  if (family->unreadable != 0)
    nb_log_error ("the browser, PID %d, cannot be looked into: %s as its user",
                  (int)family->unreadable, verb);
  else if (info.level == NB_FLATPAK_SUB_SANDBOX)
    nb_log_error ("no browser here: this is a sub-sandbox; %s in the app itself", verb);
  else
    nb_log_error ("no browser with children here; %s in its app, while it runs", verb);
}

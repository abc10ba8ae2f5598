/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/sandbox/exposure.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spawn/base/fd.h"

/* Chromium: chrome/common/chrome_paths.cc, DIR_COMPONENT_UPDATED_WIDEVINE_CDM */
#define WIDEVINE "WidevineCdm"
#define USER_DATA_DIR "--user-data-dir="

/* A browser's profile is BRAND or VENDOR/BRAND below the configuration. */
enum
{
  MAX_DEPTH = 2,
};

void
nb_exposure_open (NbExposure *exposure, char *const *paths)
{
  exposure->n = 0;
  for (; paths != NULL && *paths != NULL && exposure->n < NB_EXPOSURE_MAX; paths++)
    {
      int fd = open (*paths, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

      if (fd >= 0)
        exposure->fds[exposure->n++] = fd;
    }
}

void
nb_exposure_clear (NbExposure *exposure)
{
  for (gsize i = 0; i < exposure->n; i++)
    nb_fd_clear (&exposure->fds[i]);
  exposure->n = 0;
}

gboolean
nb_exposure_is_choice (const char *choice)
{
  return g_str_equal (choice, "auto") || g_str_equal (choice, "off")
         || (g_path_is_absolute (choice)
             && (g_str_has_suffix (choice, "/" WIDEVINE)
                 || g_str_has_suffix (choice, "/" WIDEVINE "/")));
}

/* By its last name, which must be no link, so that it leads nowhere else. */
static void
add (GPtrArray *found, const char *folder)
{
  g_autofree char *parent = realpath (folder, NULL);
  char *path = parent != NULL ? g_build_filename (parent, WIDEVINE, NULL) : NULL;
  struct stat here;

  if (path != NULL && lstat (path, &here) == 0 && S_ISDIR (here.st_mode)
      && here.st_uid == getuid () && found->len < NB_EXPOSURE_MAX)
    g_ptr_array_add (found, path);
  else
    g_free (path);
}

static void
search (GPtrArray *found, const char *folder, int depth)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      struct stat here;

      if (lstat (path, &here) < 0 || !S_ISDIR (here.st_mode))
        continue;
      add (found, path);
      if (depth < MAX_DEPTH)
        search (found, path, depth + 1);
    }
  g_clear_pointer (&dir, g_dir_close);
}

/* The last one counts; NULL: none is named. */
static const char *
named_profile (char *const *argv)
{
  const char *named = g_getenv ("CHROME_USER_DATA_DIR");

  for (; argv != NULL && *argv != NULL; argv++)
    if (g_str_has_prefix (*argv, USER_DATA_DIR))
      named = *argv + strlen (USER_DATA_DIR);
  return named != NULL && *named != '\0' ? named : NULL;
}

char **
nb_exposure_find_widevine (const char *choice, char *const *argv)
{
  GPtrArray *found = g_ptr_array_new ();
  const char *profile = named_profile (argv);

  if (g_path_is_absolute (choice))
    {
      g_autofree char *plain = g_canonicalize_filename (choice, NULL);
      g_autofree char *parent = g_path_get_dirname (plain);

      add (found, parent);
    }
  else if (g_str_equal (choice, "auto") && profile != NULL)
    add (found, profile);
  else if (g_str_equal (choice, "auto"))
    search (found, g_get_user_config_dir (), 1);
  g_ptr_array_add (found, NULL);
  return (char **)g_ptr_array_free (found, FALSE);
}

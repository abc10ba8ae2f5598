/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/client/environment.h"

#include <string.h>

#include "spawn/base/macros.h"

bool
nb_environment_allows (const char *entry)
{
  /* A name ends in '='; without it, it is the beginning of names. */
  static const char *const allowed[] = {
    "HOME=",          "LANG=",    "LANGUAGE=", "LC_",     "LD_LIBRARY_PATH=",
    "PATH=",          "TZ=",      "USER=",     "CHROME_", "FONTCONFIG_",
    "FREETYPE_",      "G_SLICE=", "ICU_",      "LIBGL_",  "QTWEBENGINE_",
    "XDG_DATA_DIRS=",
  };

  for (size_t i = 0; i < NB_ARRAY_SIZE (allowed); i++)
    if (strncmp (entry, allowed[i], strlen (allowed[i])) == 0)
      return true;
  return false;
}

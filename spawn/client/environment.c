/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/client/environment.h"

#include <string.h>

#include "spawn/base/macros.h"

/* A name ends in '='; without it, it is the beginning of names. */
static const char *const for_all[] = {
  "HOME=",          "LANG=",    "LANGUAGE=", "LC_",     "LD_LIBRARY_PATH=",
  "PATH=",          "TZ=",      "USER=",     "CHROME_", "FONTCONFIG_",
  "FREETYPE_",      "G_SLICE=", "ICU_",      "LIBGL_",  "QTWEBENGINE_",
  "XDG_DATA_DIRS=",
};

/* Mesa: docs/envvars.rst; libglvnd, Vulkan loader, VA-API, NVIDIA. */
static const char *const for_gpu[] = {
  "AMD_",  "ANV_",  "DRI_PRIME=", "EGL_",  "GALLIUM_", "GBM_",     "INTEL_", "LIBVA_",
  "LP_",   "MESA_", "NVK_",       "RADV_", "VDPAU_",   "VK_",      "__EGL_", "__GL_",
  "__NV_", "__VK_", "__GLX_",     "GL_",   "ZINK_",    "RUSTICL_",
};

static const char *const for_audio[] = { "PULSE_", "ALSA_" };

static bool
has_name_of (const char *entry, const char *const *names, size_t n_names)
{
  for (size_t i = 0; i < n_names; i++)
    if (strncmp (entry, names[i], strlen (names[i])) == 0)
      return true;
  return false;
}

bool
nb_environment_allows (NbKind kind, const char *entry)
{
  return has_name_of (entry, for_all, NB_ARRAY_SIZE (for_all))
         || (nb_kind_is_for_gpu (kind)
             && has_name_of (entry, for_gpu, NB_ARRAY_SIZE (for_gpu)))
         || (kind == NB_KIND_AUDIO
             && has_name_of (entry, for_audio, NB_ARRAY_SIZE (for_audio)));
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/controller/gpu-environment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* flatpak: common/flatpak-run-x11.c, flatpak-run-wayland.c */
static const char *const display[]
    = { "DISPLAY=", "XAUTHORITY=", "WAYLAND_DISPLAY=", "XDG_RUNTIME_DIR=" };

/* /tmp is the sub-sandbox's own; Mesa and NVIDIA would take the home, which is empty. */
static const char *const caches[]
    = { "MESA_SHADER_CACHE_DIR=/tmp", "__GL_SHADER_DISK_CACHE_PATH=/tmp" };

static const char *
find (const char *name)
{
  for (char **entry = environ; *entry != NULL; entry++)
    if (strncmp (*entry, name, strlen (name)) == 0)
      return *entry;
  return NULL;
}

int
nb_gpu_environment_extend (NbStrings *envp)
{
  bool overflow = false;

  for (size_t i = 0; i < NB_ARRAY_SIZE (display); i++)
    if (find (display[i]) != NULL)
      nb_strings_append (envp, find (display[i]), &overflow);
  for (size_t i = 0; i < NB_ARRAY_SIZE (caches); i++)
    nb_strings_append (envp, caches[i], &overflow);
  return overflow ? -E2BIG : 0;
}

/* flatpak names the display :N, or :N.0, whatever it is on the host. */
const char *
nb_gpu_environment_lack (void)
{
  const char *entry = find ("DISPLAY=:");
  char path[64];
  int number;

  if (entry == NULL || sscanf (entry, "DISPLAY=:%d", &number) != 1)
    return NB_DETAIL_NO_X11;
  (void)snprintf (path, sizeof path, "/tmp/.X11-unix/X%d", number);
  return access (path, F_OK) == 0 ? "" : NB_DETAIL_NO_X11;
}

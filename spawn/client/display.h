/* SPDX-License-Identifier: BSD-3-Clause */
/* Which displays and GPUs can be reached from here, by trying. Libc only. */
#pragma once

typedef enum
{
  NB_DISPLAY_X11 = 1 << 0,
  NB_DISPLAY_WAYLAND = 1 << 1,
  NB_DISPLAY_GPU = 1 << 2, /* a device node of one */
} NbDisplays;

/* NbDisplays, by DISPLAY, WAYLAND_DISPLAY, XDG_RUNTIME_DIR and what is in /dev. */
unsigned nb_displays_look (void);

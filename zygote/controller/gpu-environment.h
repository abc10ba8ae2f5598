/* SPDX-License-Identifier: BSD-3-Clause */
/* What the GPU process is told of the sub-sandbox that it lives in. */
#pragma once

#include "zygote/wire/message.h"

/*
 * Appends the display as it is reached from here, which Flatpak told this process and not
 * the browser, and places for drivers' caches that nothing outlives. 0 or -E2BIG.
 */
int nb_gpu_environment_extend (NbStrings *envp);

/* NB_DETAIL_NO_X11, or "" when there is an X server's socket in here. */
const char *nb_gpu_environment_lack (void);

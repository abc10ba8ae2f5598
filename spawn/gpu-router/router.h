/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One browser, and two zygotes that it takes for one: the unsandboxed zygote as Chromium
 * starts it, in the app's sandbox, and another in the GPU process's sub-sandbox.
 *
 *     browser <── control socket ──> router <── socket pair ──> zygote in the sub-sandbox
 *                                      └─────── socket pair ──> zygote in the app
 *
 * A Fork of a GPU process goes to the one, every other to the other; what follows goes
 * where its Fork went, or where the child lives that it names. Messages and descriptors
 * pass unchanged, so children ping the browser themselves (Chromium:
 * content/common/zygote/zygote_communication_linux.cc). Libc only, one thread.
 */
#pragma once

#include <stdbool.h>

#include "zygote/wire/zygote-command.h"

typedef struct _NbRouter NbRouter;

typedef struct
{
  /* Starts the app's zygote, when it is first needed: our end of its control socket, or
   * -errno. Called once. */
  int (*start_app_zygote) (void *data);
  /* A GPU process is to be forked. Whether there is a zygote for it, or will be; says why
   * not. */
  bool (*may_fork_gpu) (void *data, const NbZygoteCommand *fork);
  void *data;
} NbRouterHooks;

/*
 * Takes over both sockets: to the browser, and to the zygote in the sub-sandbox, which may
 * start reading later. NULL when memory or descriptors are out.
 */
NbRouter *nb_router_new (int browser, int gpu_zygote, const NbRouterHooks *hooks);

/* Readable when there is something to serve. */
int nb_router_fd (const NbRouter *router);

/* 0; -EPIPE when the browser is gone. */
int nb_router_serve (NbRouter *router);

/* There is no GPU zygote, or not any more: what was asked of it has failed. */
void nb_router_drop_gpu (NbRouter *router);

void nb_router_free (NbRouter *router);

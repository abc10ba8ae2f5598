/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/chrome-sandbox/confined-child.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seccomp/confine.h"
#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/client/client.h"
#include "zygote/wire/message.h"

#ifndef NB_PKGLIBDIR
#  error "where nestbox is installed is not defined"
#endif

/* As the host preload does it for what it executes itself. */
static void
prepare_unsandboxed_zygote (bool watched)
{
  const char *others = getenv ("LD_PRELOAD");
  char list[4096];

  (void)snprintf (list, sizeof list, "%s/libnestbox-zygote.so%s%s", NB_PKGLIBDIR,
                  others != NULL ? ":" : "", others != NULL ? others : "");
  (void)setenv ("LD_PRELOAD", list, 1);
  (void)setenv ("NESTBOX_ZYGOTE", "unsandboxed", 1);
  if (watched)
    (void)setenv ("NESTBOX_WATCHED", "1", 1);
}

static int
confine_watched (NbKind kind)
{
  static NbMessage message;
  const char *path = getenv ("NESTBOX_BROKER");
  nb_autofd broker = path != NULL ? nb_client_connect (path) : -ENOENT, listener = -1;
  int result = broker < 0 ? broker : nb_confine_before_exec (kind, &listener);

  message = (NbMessage){ .type = NB_MESSAGE_WATCH, .kind = kind };
  return result < 0 ? result : nb_message_send (broker, &message, &listener, 1);
}

int
nb_become_confined_child (char **argv, bool watched)
{
  NbKind kind = nb_kind_of_command ((const char *const *)argv + 1);
  int result = watched ? confine_watched (kind) : nb_confine_before_exec (kind, NULL);

  (void)unsetenv ("NESTBOX_BROKER");
  if (result == 0)
    {
      if (kind == NB_KIND_UNSANDBOXED_ZYGOTE)
        prepare_unsandboxed_zygote (watched);
      (void)execv (argv[0], argv + 1);
      result = -errno;
    }
  nb_log_error ("%s process not started: %s (see `nestbox doctor`)", nb_kind_name (kind),
                strerror (-result));
  return 1;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * This program by the names of zypak's wrapper, so that a manifest that was written for
 * zypak needs another module and no other change.
 */
#include <glib.h>
#include <stdlib.h>

#include "spawn/base/exit-status.h"
#include "spawn/base/log.h"
#include "spawn/run/run.h"
#include "spawn/run/zypak.h"

static void
set_environment (char **environment)
{
  (void)clearenv ();
  for (; *environment != NULL; environment++)
    (void)putenv (g_strdup (*environment));
}

int
nb_command_zypak_wrapper (int argc, char **argv)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  g_autoptr (GPtrArray) notes = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) environment = g_get_environ ();

  if (argc < 2)
    {
      nb_log_error ("no browser is named: zypak-wrapper BROWSER [ARGUMENT…]");
      return NB_EXIT_USAGE;
    }
  g_ptr_array_add (words, (char *)"run");
  nb_zypak_translate (&environment, words, notes);
  g_ptr_array_add (words, (char *)"--");
  for (int i = 1; i <= argc; i++)
    g_ptr_array_add (words, argv[i]); /* and the NULL */
  for (guint i = 0; i < notes->len; i++)
    nb_log_error ("%s", (const char *)notes->pdata[i]);
  set_environment (environment);
  (void)nb_log_init (g_getenv ("NESTBOX_DEBUG"));
  return nb_command_run ((int)words->len - 1, (char **)words->pdata);
}

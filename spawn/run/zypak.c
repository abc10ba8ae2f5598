/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/run/zypak.h"

#include <string.h>

#include "spawn/base/macros.h"

#define PREFIX "ZYPAK_"

/* The variables that zypak 2025.09 reads. */
static const struct
{
  const char *name;
  const char *option; /* of `nestbox run`, which takes the value; NULL: none */
  const char *note;   /* NULL: it means the same here */
  gboolean is_switch; /* "0" is off, as if it were not there */
  const char *value;  /* what the option takes; NULL: the variable's */
} variables[] = {
  { "ZYPAK_SANDBOX_FILENAME", "--helper-name", NULL },
  { "ZYPAK_DEBUG", NULL, NULL, TRUE },
  { "ZYPAK_LD_PRELOAD", NULL,
    "is loaded into the browser and what it starts, not into its sub-sandboxes" },
  { "ZYPAK_DISABLE_SANDBOX", NULL,
    "is not followed: pages stay in their sub-sandbox; --no-sandbox is the browser's own",
    TRUE },
  { "ZYPAK_ALLOW_GPU", NULL,
    "is not followed: pages get no GPU; the GPU process has it in a sub-sandbox of its own",
    TRUE },
  { "ZYPAK_EXPOSE_WIDEVINE_PATH", "--widevine", NULL },
  { "ZYPAK_SPAWN_LATEST_ON_REEXEC", "--restart", NULL, TRUE, "latest" },
  { "ZYPAK_ZYGOTE_STRATEGY_SPAWN", NULL,
    "has no meaning here: which way is open is found out (nestbox run --pids)" },
  { "ZYPAK_CEF_LIBRARY_PATH", NULL, "has no meaning here: close() is not interposed" },
  { "ZYPAK_STRACE", NULL, "has no meaning here: see NESTBOX_DEBUG in nestbox(1)" },
  { "ZYPAK_STRACE_FILTER", NULL, "has no meaning here: see NESTBOX_DEBUG in nestbox(1)" },
  { "ZYPAK_STRACE_NO_LINE_LIMIT", NULL, "has no meaning here: lines are not cut" },
  { "ZYPAK_BIN", NULL, "has no meaning here: nestbox knows where it is installed" },
  { "ZYPAK_LIB", NULL, "has no meaning here: nestbox knows where it is installed" },
};

gboolean
nb_zypak_is_name (const char *argv0)
{
  g_autofree char *name = g_path_get_basename (argv0);

  return strcmp (name, "zypak-wrapper") == 0 || strcmp (name, "zypak-wrapper.sh") == 0;
}

static gsize
find_variable (const char *entry)
{
  gsize length = strcspn (entry, "="), i = 0;

  while (i < NB_ARRAY_SIZE (variables)
         && !(strlen (variables[i].name) == length
              && memcmp (variables[i].name, entry, length) == 0))
    i++;
  return i;
}

/* Before what the user has there already. */
static char **
add_preload (char **environment, const char *list)
{
  const char *before = g_environ_getenv (environment, "LD_PRELOAD");
  g_autofree char *both = before != NULL && *before != '\0'
                              ? g_strconcat (list, ":", before, NULL)
                              : g_strdup (list);

  return g_environ_setenv (environment, "LD_PRELOAD", both, TRUE);
}

static char **
apply (char **environment, const char *name, const char *value)
{
  if (strcmp (name, "ZYPAK_LD_PRELOAD") == 0)
    return add_preload (environment, value);
  if (strcmp (name, "ZYPAK_DEBUG") == 0)
    return g_environ_setenv (environment, "NESTBOX_DEBUG", "all", FALSE);
  return environment;
}

static char **
translate_one (char **environment, const char *entry, GPtrArray *options, GPtrArray *notes)
{
  gsize i = find_variable (entry), length = strcspn (entry, "=");
  const char *value = entry + length + (entry[length] == '=');
  g_autofree char *name = g_strndup (entry, length);

  environment = g_environ_unsetenv (environment, name);
  if (*value == '\0')
    return environment;
  if (i < NB_ARRAY_SIZE (variables) && variables[i].is_switch && strcmp (value, "0") == 0)
    return environment;
  if (i == NB_ARRAY_SIZE (variables))
    {
      g_ptr_array_add (notes, g_strdup_printf ("%s is not known, and ignored", name));
      return environment;
    }
  if (variables[i].option != NULL)
    g_ptr_array_add (
        options, g_strdup_printf ("%s=%s", variables[i].option,
                                  variables[i].value != NULL ? variables[i].value : value));
  if (variables[i].note != NULL)
    g_ptr_array_add (notes, g_strdup_printf ("%s %s", name, variables[i].note));
  return apply (environment, variables[i].name, value);
}

void
nb_zypak_translate (char ***environment, GPtrArray *options, GPtrArray *notes)
{
  g_auto (GStrv) before = g_strdupv (*environment);

  for (char **entry = before; *entry != NULL; entry++)
    if (g_str_has_prefix (*entry, PREFIX))
      *environment = translate_one (*environment, *entry, options, notes);
}

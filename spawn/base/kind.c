/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/base/kind.h"

#include <string.h>

#include "spawn/base/macros.h"

static const char *const names[NB_N_KINDS]
    = { "none", "zygote",  "renderer",           "utility",
        "gpu",  "network", "unsandboxed-zygote", "gpu-zygote",
        "audio" };

const char *
nb_kind_name (NbKind kind)
{
  return kind < NB_N_KINDS ? names[kind] : "unknown";
}

bool
nb_kind_is_for_gpu (NbKind kind)
{
  return kind == NB_KIND_GPU || kind == NB_KIND_UNSANDBOXED_ZYGOTE
         || kind == NB_KIND_GPU_ZYGOTE;
}

bool
nb_kind_is_zygote (NbKind kind)
{
  return kind == NB_KIND_ZYGOTE || kind == NB_KIND_UNSANDBOXED_ZYGOTE
         || kind == NB_KIND_GPU_ZYGOTE;
}

bool
nb_kind_parse (const char *name, NbKind *kind_out)
{
  for (NbKind kind = NB_KIND_NONE; kind < NB_N_KINDS; kind++)
    if (strcmp (name, names[kind]) == 0)
      {
        *kind_out = kind;
        return true;
      }
  return false;
}

/* The value of the last --name=value, as Chromium takes it; NULL: not there. */
static const char *
value_of (const char *const *argv, const char *option)
{
  size_t length = strlen (option);
  const char *value = NULL;

  for (; *argv != NULL; argv++)
    if (strncmp (*argv, option, length) == 0)
      value = *argv + length;
  return value;
}

static bool
has (const char *const *argv, const char *word)
{
  for (; *argv != NULL; argv++)
    if (strcmp (*argv, word) == 0)
      return true;
  return false;
}

static NbKind
kind_of_utility (const char *const *argv)
{
  const char *service = value_of (argv, "--utility-sub-type=");
  const char *sandbox = value_of (argv, "--service-sandbox-type=");

  if (service != NULL && strcmp (service, "network.mojom.NetworkService") == 0)
    return NB_KIND_NETWORK;
  if (service != NULL && strcmp (service, "audio.mojom.AudioService") == 0)
    return NB_KIND_AUDIO;
  return sandbox == NULL || strcmp (sandbox, "none") == 0 ? NB_KIND_NONE : NB_KIND_UTILITY;
}

NbKind
nb_kind_of_command (const char *const *argv)
{
  static const struct
  {
    const char *type;
    NbKind kind;
  } types[] = {
    { "renderer", NB_KIND_RENDERER },
    { "gpu-process", NB_KIND_GPU },
    { "ppapi", NB_KIND_UTILITY },
  };
  const char *type = value_of (argv, "--type=");

  if (type == NULL)
    return NB_KIND_NONE;
  if (strcmp (type, "zygote") == 0)
    return has (argv, "--no-zygote-sandbox") ? NB_KIND_UNSANDBOXED_ZYGOTE : NB_KIND_ZYGOTE;
  if (strcmp (type, "utility") == 0)
    return kind_of_utility (argv);
  for (size_t i = 0; i < NB_ARRAY_SIZE (types); i++)
    if (strcmp (type, types[i].type) == 0)
      return types[i].kind;
  return NB_KIND_NONE;
}

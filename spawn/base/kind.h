/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a child is to the browser. The kind selects what the child is given and how it is
 * confined (seccomp/policy.def has one column for each). GLib-free and async-signal-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The numbers go over the wire (zygote/PROTOCOL.md): append, never reorder. */
typedef enum
{
  NB_KIND_NONE,     /* anything: a service that Chromium itself does not sandbox, a tool */
  NB_KIND_ZYGOTE,   /* the sandboxed zygote: forks renderers and most utilities */
  NB_KIND_RENDERER, /* pages */
  NB_KIND_UTILITY,  /* services that need no more than a page does */
  NB_KIND_GPU,      /* the GPU process */
  NB_KIND_NETWORK,  /* the network service */
  NB_KIND_UNSANDBOXED_ZYGOTE, /* --no-zygote-sandbox: forks the GPU process */
  NB_KIND_GPU_ZYGOTE, /* the same in the GPU process's sub-sandbox; on no command line */
  NB_KIND_AUDIO,      /* the audio service */
  NB_N_KINDS,
} NbKind;

/* Whether it is started in the GPU process's sub-sandbox. */
bool nb_kind_is_for_gpu (NbKind kind);

/* Whether it forks others for a browser that asks on a control socket. */
bool nb_kind_is_zygote (NbKind kind);

/* "none", "zygote", …, "unsandboxed-zygote". */
const char *nb_kind_name (NbKind kind);

/* The kind of that name. False when there is none. */
bool nb_kind_parse (const char *name, NbKind *kind_out);

/*
 * The kind that a Chromium child's command line tells (Chromium: content_switches.h
 * --type, sandbox/policy/switches.cc --service-sandbox-type, service_utils
 * --utility-sub-type). What is not known, the browser itself included, is NB_KIND_NONE.
 */
NbKind nb_kind_of_command (const char *const *argv);

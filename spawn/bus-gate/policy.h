/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a child may say on the session bus: a text of one rule a line, for which there is
 * one way out, the options of xdg-dbus-proxy(1), always with --filter.
 *
 *   # ...                a comment
 *   backend NAME         xdg-dbus-proxy, the default, and the only one that there is
 *   see NAME             it may know whether the name has an owner
 *   talk NAME            it may call everything there, and hear every signal
 *   own NAME             it may have the name, which must be below APP.Sandboxed
 *   call NAME RULE       it may call what fits
 *   broadcast NAME RULE  it may hear the signals that fit
 *
 * NAME may end in .* but for own. A rule is INTERFACE.METHOD, or INTERFACE.* for all of
 * them, or * or nothing for all interfaces; then, where it is for one object, @ and its
 * path, or a path that ends in a star for all below. No rule may give what leads out of all
 * sandboxes: policy.c.
 */
#pragma once

#include <glib.h>

typedef enum
{
  NB_BUS_POLICY_ERROR_LINE,    /* a line cannot be understood, or is too long */
  NB_BUS_POLICY_ERROR_REFUSED, /* it is understood, and never given */
  NB_BUS_POLICY_ERROR_LIMIT,   /* more than fits */
} NbBusPolicyError;

#define NB_BUS_POLICY_ERROR (nb_bus_policy_error_quark ())
GQuark nb_bus_policy_error_quark (void);

enum
{
  NB_BUS_POLICY_MAX_RULES = 256,
  NB_BUS_POLICY_MAX_LINE = 1024,      /* bytes */
  NB_BUS_POLICY_MAX_TEXT = 64 * 1024, /* bytes */
};

/*
 * The proxy's options for one endpoint, --filter first; NULL-terminated, owned. NULL and an
 * error of one line: where, the cause, what to do. app: the app's id.
 */
char **nb_bus_policy_compile (const char *text, const char *app, GError **error);

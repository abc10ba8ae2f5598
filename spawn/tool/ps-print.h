/* SPDX-License-Identifier: BSD-3-Clause */
/* A tree of browsers and their children, for people and for programs. */
#pragma once

#include "spawn/ps/tree.h"

typedef struct
{
  gboolean colours;
  gboolean utf8;  /* lines of the tree may be other than ASCII */
  guint64 now_ms; /* since the machine was started: CLOCK_BOOTTIME */
} NbPsStyle;

/* Lines, each ended by a line break. */
void nb_ps_print_text (GString *out, const GPtrArray *tree, const NbPsStyle *style);

/* One object, and a line break. */
void nb_ps_print_json (GString *out, const GPtrArray *tree, const NbPsStyle *style);

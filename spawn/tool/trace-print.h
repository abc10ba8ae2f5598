/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of a trace (spawn/client/trace.h), for people or for programs. */
#pragma once

#include <glib.h>

typedef struct
{
  gboolean json, colours;
  gdouble first_s;   /* time of the first line; below 0: none was printed yet */
  gboolean is_ended; /* the last line said that the broker has ended */
} NbTracePrinter;

#define NB_TRACE_PRINTER_INIT                                                              \
  {                                                                                        \
    .first_s = -1                                                                          \
  }

/* Appends one line, given without its end. FALSE: it is not one of a trace, and left out.
 */
gboolean nb_trace_print (NbTracePrinter *printer, const char *line, GString *out);

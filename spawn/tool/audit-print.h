/* SPDX-License-Identifier: BSD-3-Clause */
/* What an audit found, for people and for programs. All of it goes to standard output. */
#pragma once

#include "spawn/audit/find.h"

typedef enum
{
  NB_PRINT_TEXT,
  NB_PRINT_COLOURS,
  NB_PRINT_JSON,
} NbPrintStyle;

typedef struct
{
  NbPrintStyle style;
  guint n, n_bad, n_unmeasured; /* children so far */
} NbPrinter;

void nb_print_begin (NbPrinter *printer, const NbFamily *family);

/* A child and its rows. */
void nb_print_report (NbPrinter *printer, const NbFamily *family, const NbSubject *subject,
                      const NbReport *report);

/* A stand-in: nothing of what it stands for was measured. */
void nb_print_stand_in (NbPrinter *printer, const NbFamily *family,
                        const NbSubject *subject);

/* The sum; status is what the command will exit with. */
void nb_print_end (const NbPrinter *printer, int status);

/* Text that others chose, with nothing in it that a terminal obeys. Owned. */
char *nb_print_clean (const char *text);

/* The text as a string of JSON, quotes included. Owned. */
char *nb_print_json_string (const char *text);

/* SPDX-License-Identifier: BSD-3-Clause */
/* What is measured of a child, what is expected of its kind, and the verdict. */
#pragma once

#include <glib.h>

#include "spawn/audit/descriptors.h"

/* Kinds (spawn/base/kind.h), with those apart that Chromium sandboxes in other ways. */
typedef enum
{
#define ROLE(role, ...) NB_ROLE_##role,
#include "spawn/audit/expectations.def"
#undef ROLE
  NB_N_ROLES,
} NbRole;

/* The role that a command line tells; FALSE: of no child of a Chromium. */
gboolean nb_role_of_command (const char *const *argv, NbRole *role_out);

/*
 * The same where the command line alone does not tell. in_app: it descends from a browser;
 * routed: that one has the GPU process in a sub-sandbox. Who has not asked for that gets no
 * better than the truth, and who has is told when it is not so.
 */
NbRole nb_role_in_place (NbRole role, gboolean in_app, gboolean routed);

/* "zygote", "renderer", … */
const char *nb_role_name (NbRole role);

typedef enum
{
  NB_PROPERTY_PID,
  NB_PROPERTY_NETWORK,
  NB_PROPERTY_MOUNTS,
  NB_PROPERTY_IPC,
  NB_PROPERTY_USER,
  NB_PROPERTY_FILES,
  NB_PROPERTY_BUS,
  NB_PROPERTY_DISPLAY,
  NB_PROPERTY_DEVICES,
  NB_PROPERTY_DESCRIPTORS,
  NB_PROPERTY_NO_NEW_PRIVS,
  NB_PROPERTY_CAPABILITIES,
  NB_PROPERTY_SECCOMP,
  NB_PROPERTY_FILTERS,
  NB_N_PROPERTIES,
} NbProperty;

/* For people ("PID namespace") and for programs ("pid-namespace"). */
const char *nb_property_title (NbProperty property);
const char *nb_property_name (NbProperty property);

/* Whether what the property is about is closed to the child. */
typedef enum
{
  NB_STATE_UNKNOWN, /* could not be measured */
  NB_STATE_CLOSED,
  NB_STATE_OPEN,
} NbState;

/* Why it is so as a rule. */
#define NB_CLOSED_TO_US "the process lets nobody look into it"

typedef struct
{
  NbState state;
  char *text; /* owned; what was found, or why nothing was */
} NbFinding;

/* What was measured of one process, whatever it is. */
typedef struct
{
  NbFinding findings[NB_N_PROPERTIES]; /* but for descriptors and filters */
  NbDescriptors descriptors;
  int filters; /* of the thread that has fewest; -1: not known */
} NbMeasurement;

void nb_measurement_clear (NbMeasurement *measurement);

/* From good to bad. */
typedef enum
{
  NB_VERDICT_OK,
  NB_VERDICT_FACT,
  NB_VERDICT_UNMEASURED,
  NB_VERDICT_BAD,
} NbVerdict;

typedef struct
{
  NbVerdict verdict;
  NbState state;
  char *text; /* owned */
} NbRow;

typedef struct
{
  NbRow rows[NB_N_PROPERTIES];
  NbVerdict verdict; /* OK, UNMEASURED or BAD: the worst of the rows that are required */
} NbReport;

/* Judges what was measured by what is expected of the role. */
void nb_report_make (const NbMeasurement *measurement, NbRole role, NbReport *report_out);
void nb_report_clear (NbReport *report);

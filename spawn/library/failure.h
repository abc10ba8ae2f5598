/* SPDX-License-Identifier: BSD-3-Clause */
/* How a NestboxFailure is written: what failed, the cause, what to do. Libc only. */
#pragma once

#include "spawn/base/macros.h"
#include "spawn/library/nestbox.h"

/* error_number: 0 or a positive errno, whose text is the cause when format is "". */
void nb_failure_set (NestboxFailure *failure, NestboxError code, int error_number,
                     const char *object, const char *remedy, const char *format, ...)
    NB_PRINTF (6, 7);

#define NB_REMEDY_DOCTOR "`nestbox doctor` in the app says more"

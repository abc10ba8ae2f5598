/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/library/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
nb_failure_set (NestboxFailure *failure, NestboxError code, int error_number,
                const char *object, const char *remedy, const char *format, ...)
{
  va_list arguments;
  char text[128];

  if (failure == NULL)
    return;
  failure->code = code;
  failure->error_number = error_number;
  va_start (arguments, format);
  (void)vsnprintf (failure->cause, sizeof failure->cause, format, arguments);
  va_end (arguments);
  if (failure->cause[0] == '\0' && error_number != 0)
    (void)snprintf (failure->cause, sizeof failure->cause, "%s",
                    strerror_r (error_number, text, sizeof text));
  (void)snprintf (failure->text, sizeof failure->text, "%.256s: %s; %.200s", object,
                  failure->cause, remedy);
}

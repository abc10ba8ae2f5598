/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stddef.h>

#define NB_ARRAY_SIZE(array) (sizeof (array) / sizeof ((array)[0]))
#define NB_PRINTF(text, first) __attribute__ ((format (printf, text, first)))
#define NB_EXPORT __attribute__ ((visibility ("default")))
#define NB_CONSTRUCTOR __attribute__ ((constructor))
#define NB_CLEANUP(function) __attribute__ ((cleanup (function)))

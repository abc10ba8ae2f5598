/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An independent description of what nestbox reads: Chromium's rules for base::Pickle, and
 * the layouts of messages as zygote/PROTOCOL.md gives them. Written from base/pickle.cc's
 * rules and that text, and not from zygote/wire, against which it is held.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What Chromium lets pass and nestbox does not (PROTOCOL.md, section 1). */
typedef enum
{
  NB_LENIENT_GAP = 1 << 0,       /* bytes between header and payload */
  NB_LENIENT_UNALIGNED = 1 << 1, /* a payload that is no multiple of 4 */
  NB_LENIENT_PADDING = 1 << 2,   /* the last field's padding is missing */
} NbLenience;

/* Chromium's PickleIterator. */
typedef struct
{
  const uint8_t *message;
  size_t at, end; /* of the payload, from the message's beginning */
  bool failed;    /* a read has failed: nothing can be read any more */
  unsigned lenient;
} NbModel;

NbModel nb_model (const uint8_t *message, size_t size);

/* The next field of so many bytes, or NULL. */
const uint8_t *nb_model_take (NbModel *model, size_t size);

/* 0 when it failed. */
int32_t nb_model_int (NbModel *model);

/* A length and so many units of unit bytes, or NULL. */
const uint8_t *nb_model_counted (NbModel *model, size_t unit, size_t *units_out);

/*
 * Whether a whole message has this layout, by nestbox's rules. canonical: what a writer
 * makes of the same fields, of the same size; may be NULL. last_count: the latest count.
 *
 *   i u     4 bytes                    q      8 bytes
 *   b       bool                       s S    string, string16
 *   eN.     uint up to N               *N()   count up to N, and so often what is in ()
 *   k       uint n from 1 to 16, and n - 1 uints (Fork's descriptors)
 *   h       string, and, unless it is "", two ints (the histogram of Fork's reply)
 */
bool nb_layout_fits (const char *layout, const uint8_t *message, size_t size,
                     uint8_t *canonical, size_t *last_count_out);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading Chromium's base::Pickle: u32 payload size, then fields padded to 4 bytes, all
 * in host byte order (Chromium: base/pickle.h, base/pickle.cc).
 *
 * The reader is sticky: after the first error every getter returns 0 or "" and changes
 * nothing, so that decoders read straight through and ask once, at the end. It is
 * stricter than Chromium's where being lenient has no use: the payload must start right
 * after the header and fill the message, padding must be there, zero-length reads fail
 * after an error, and nothing may be left over.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct
{
  const uint8_t *pos; /* next unread byte of the payload */
  size_t left;        /* unread bytes */
  bool error;
} NbPickleReader;

/* Starts at the payload of a whole message of size bytes, which must outlive the reader. */
void nb_pickle_reader_init (NbPickleReader *reader, const void *message, size_t size);

int32_t nb_pickle_reader_int (NbPickleReader *reader);
uint32_t nb_pickle_reader_uint (NbPickleReader *reader);
uint64_t nb_pickle_reader_uint64 (NbPickleReader *reader);

/* Written as an int; read as one byte, the way Chromium reads it. */
bool nb_pickle_reader_bool (NbPickleReader *reader);

/* A string without terminating NUL. Borrowed from the message; "" and 0 on error. */
const char *nb_pickle_reader_string (NbPickleReader *reader, size_t *length_out);

/* UTF-16 code units, borrowed as bytes: the pointer need not be aligned. */
const uint8_t *nb_pickle_reader_string16 (NbPickleReader *reader, size_t *units_out);

/*
 * A count of elements that follow, each of at least element_bytes: fails when it is
 * negative, above max, or more than the unread bytes can hold, so that no peer can make
 * a caller loop or allocate beyond what it sent.
 */
size_t nb_pickle_reader_count (NbPickleReader *reader, size_t max, size_t element_bytes);

/* 0 when everything was read without error and nothing is left, else -EBADMSG. */
int nb_pickle_reader_finish (const NbPickleReader *reader);

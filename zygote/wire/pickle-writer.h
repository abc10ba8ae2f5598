/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing Chromium's base::Pickle into a buffer of fixed capacity: the 64 KiB that
 * Chromium's zygote takes (content/common/zygote/zygote_commands_linux.h,
 * kZygoteMaxMessageLength). Overflow is sticky and shows in finish().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NB_MESSAGE_MAX_BYTES 65536

typedef struct
{
  size_t used; /* bytes of header and payload so far */
  bool overflow;
  uint8_t bytes[NB_MESSAGE_MAX_BYTES];
} NbPickleWriter;

void nb_pickle_writer_init (NbPickleWriter *writer);

void nb_pickle_writer_int (NbPickleWriter *writer, int32_t value);
void nb_pickle_writer_uint (NbPickleWriter *writer, uint32_t value);
void nb_pickle_writer_uint64 (NbPickleWriter *writer, uint64_t value);
void nb_pickle_writer_bool (NbPickleWriter *writer, bool value);
void nb_pickle_writer_string (NbPickleWriter *writer, const char *string, size_t length);
void nb_pickle_writer_string16 (NbPickleWriter *writer, const uint16_t *string,
                                size_t units);

/* Fills in the payload size. 0 and the message's size in bytes, or -EMSGSIZE. */
int nb_pickle_writer_finish (NbPickleWriter *writer, size_t *size_out);

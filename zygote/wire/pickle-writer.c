/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/wire/pickle-writer.h"

#include <errno.h>
#include <string.h>

enum
{
  ALIGNMENT = 4,
  HEADER_BYTES = 4,
};

void
nb_pickle_writer_init (NbPickleWriter *writer)
{
  writer->used = HEADER_BYTES;
  writer->overflow = false;
}

static void
put (NbPickleWriter *writer, const void *data, size_t size)
{
  size_t padding = (ALIGNMENT - size % ALIGNMENT) % ALIGNMENT;
  size_t free_bytes = sizeof writer->bytes - writer->used;

  if (writer->overflow || size > free_bytes || padding > free_bytes - size)
    {
      writer->overflow = true;
      return;
    }
  if (size > 0)
    memcpy (writer->bytes + writer->used, data, size);
  memset (writer->bytes + writer->used + size, 0, padding);
  writer->used += size + padding;
}

void
nb_pickle_writer_uint (NbPickleWriter *writer, uint32_t value)
{
  put (writer, &value, sizeof value);
}

void
nb_pickle_writer_int (NbPickleWriter *writer, int32_t value)
{
  put (writer, &value, sizeof value);
}

void
nb_pickle_writer_uint64 (NbPickleWriter *writer, uint64_t value)
{
  put (writer, &value, sizeof value);
}

void
nb_pickle_writer_bool (NbPickleWriter *writer, bool value)
{
  nb_pickle_writer_int (writer, value);
}

/* Lengths are ints on the wire; nothing that fits the buffer is longer than one. */
void
nb_pickle_writer_string (NbPickleWriter *writer, const char *string, size_t length)
{
  nb_pickle_writer_int (writer, (int32_t)(length & INT32_MAX));
  put (writer, string, length);
}

void
nb_pickle_writer_string16 (NbPickleWriter *writer, const uint16_t *string, size_t units)
{
  nb_pickle_writer_int (writer, (int32_t)(units & INT32_MAX));
  put (writer, string, units > sizeof writer->bytes ? SIZE_MAX / 2 : units * 2);
}

int
nb_pickle_writer_finish (NbPickleWriter *writer, size_t *size_out)
{
  uint32_t payload = (uint32_t)(writer->used - HEADER_BYTES);

  if (writer->overflow)
    return -EMSGSIZE;
  memcpy (writer->bytes, &payload, sizeof payload);
  *size_out = writer->used;
  return 0;
}

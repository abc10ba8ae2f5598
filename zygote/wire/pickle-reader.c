/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/wire/pickle-reader.h"

#include <errno.h>
#include <string.h>

enum
{
  ALIGNMENT = 4,
  HEADER_BYTES = 4,
};

static void
fail (NbPickleReader *reader)
{
  reader->error = true;
  reader->left = 0;
}

void
nb_pickle_reader_init (NbPickleReader *reader, const void *message, size_t size)
{
  uint32_t payload = 0;

  *reader = (NbPickleReader){ .pos = message };
  if (size < HEADER_BYTES)
    {
      fail (reader);
      return;
    }
  memcpy (&payload, message, sizeof payload);
  reader->pos += HEADER_BYTES;
  reader->left = size - HEADER_BYTES;
  if (payload != reader->left || payload % ALIGNMENT != 0)
    fail (reader);
}

/* The next size bytes and their padding, or NULL. Never adds to an offset: no overflow. */
static const uint8_t *
take (NbPickleReader *reader, size_t size)
{
  const uint8_t *bytes = reader->pos;
  size_t padding = (ALIGNMENT - size % ALIGNMENT) % ALIGNMENT;

  if (reader->error || size > reader->left || padding > reader->left - size)
    {
      fail (reader);
      return NULL;
    }
  reader->pos += size + padding;
  reader->left -= size + padding;
  return bytes;
}

uint32_t
nb_pickle_reader_uint (NbPickleReader *reader)
{
  uint32_t value = 0;
  const uint8_t *bytes = take (reader, sizeof value);

  if (bytes != NULL)
    memcpy (&value, bytes, sizeof value);
  return value;
}

int32_t
nb_pickle_reader_int (NbPickleReader *reader)
{
  return (int32_t)nb_pickle_reader_uint (reader);
}

uint64_t
nb_pickle_reader_uint64 (NbPickleReader *reader)
{
  uint64_t value = 0;
  const uint8_t *bytes = take (reader, sizeof value);

  if (bytes != NULL)
    memcpy (&value, bytes, sizeof value);
  return value;
}

bool
nb_pickle_reader_bool (NbPickleReader *reader)
{
  const uint8_t *bytes = take (reader, 1);

  return bytes != NULL && bytes[0] != 0;
}

static const uint8_t *
take_counted (NbPickleReader *reader, size_t unit, size_t *units_out)
{
  int32_t units = nb_pickle_reader_int (reader);
  const uint8_t *bytes = NULL;

  *units_out = 0;
  if (units < 0 || (size_t)units > reader->left / unit)
    fail (reader);
  else
    bytes = take (reader, (size_t)units * unit);
  if (bytes != NULL)
    *units_out = (size_t)units;
  return bytes;
}

const char *
nb_pickle_reader_string (NbPickleReader *reader, size_t *length_out)
{
  const uint8_t *bytes = take_counted (reader, 1, length_out);

  return bytes != NULL ? (const char *)bytes : "";
}

const uint8_t *
nb_pickle_reader_string16 (NbPickleReader *reader, size_t *units_out)
{
  const uint8_t *bytes = take_counted (reader, 2, units_out);

  return bytes != NULL ? bytes : (const uint8_t *)"";
}

size_t
nb_pickle_reader_count (NbPickleReader *reader, size_t max, size_t element_bytes)
{
  int32_t count = nb_pickle_reader_int (reader);

  if (!reader->error && count >= 0 && (size_t)count <= max
      && (size_t)count <= reader->left / element_bytes)
    return (size_t)count;
  fail (reader);
  return 0;
}

int
nb_pickle_reader_finish (const NbPickleReader *reader)
{
  return reader->error || reader->left != 0 ? -EBADMSG : 0;
}

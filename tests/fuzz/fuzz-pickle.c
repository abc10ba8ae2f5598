/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pickle reader against Chromium's rules (layout.h), operation by operation: what it
 * takes has Chromium's values, and what it refuses is either no good to Chromium or one of
 * the leniencies that zygote/PROTOCOL.md, section 1, names. The writer against bytes.
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/layout.h"
#include "zygote/wire/pickle-reader.h"
#include "zygote/wire/pickle-writer.h"

enum
{
  WRITE = 1 << 7,      /* of the first byte: the writer is meant */
  FIX_HEADER = 1 << 6, /* the payload's size is made right, so that more is reached */
  N_OPERATIONS = 31,   /* at most */
};

typedef enum
{
  READ_INT,
  READ_UINT,
  READ_UINT64,
  READ_BOOL,
  READ_STRING,
  READ_STRING16,
  READ_COUNT,
  N_TYPES,
} Type;

/* --- reading --- */

static void
check_number (NbPickleReader *reader, NbModel *model, Type type)
{
  uint64_t expected = 0, value = 0;
  size_t size = type == READ_UINT64 ? 8 : type == READ_BOOL ? 1 : 4;
  const uint8_t *field = nb_model_take (model, size);

  if (field != NULL)
    memcpy (&expected, field, size);
  if (type == READ_INT)
    value = (uint32_t)nb_pickle_reader_int (reader);
  else if (type == READ_UINT)
    value = nb_pickle_reader_uint (reader);
  else if (type == READ_UINT64)
    value = nb_pickle_reader_uint64 (reader);
  else
    {
      value = nb_pickle_reader_bool (reader);
      expected = expected != 0;
    }
  nb_fuzz_check (value == (reader->error ? 0 : expected));
}

static void
check_text (NbPickleReader *reader, NbModel *model, Type type)
{
  size_t units, expected_units, unit = type == READ_STRING ? 1 : 2;
  const uint8_t *expected = nb_model_counted (model, unit, &expected_units), *text;

  if (type == READ_STRING)
    text = (const uint8_t *)nb_pickle_reader_string (reader, &units);
  else
    text = nb_pickle_reader_string16 (reader, &units);
  nb_fuzz_check (text != NULL);
  nb_fuzz_check (units == (reader->error ? 0 : expected_units));
  nb_fuzz_check (reader->error || text == expected);
}

/* A count is nestbox's own: an int that is none is an error, which Chromium knows not. */
static void
check_count (NbPickleReader *reader, NbModel *model, size_t max, size_t element)
{
  int32_t expected = nb_model_int (model);
  size_t count = nb_pickle_reader_count (reader, max, element);

  if (expected < 0 || (size_t)expected > max
      || (size_t)expected > (model->end - model->at) / element)
    {
      model->failed = true;
      model->at = model->end;
    }
  nb_fuzz_check (count == (reader->error ? 0 : (size_t)expected));
}

static void
read_all (NbFuzzInput *input, uint8_t first)
{
  static uint8_t fixed[NB_MESSAGE_MAX_BYTES];
  size_t n, size;
  const uint8_t *types = nb_fuzz_bytes (input, first & N_OPERATIONS, &n);
  const uint8_t *message = nb_fuzz_bytes (input, sizeof fixed, &size);
  NbPickleReader reader;
  NbModel model;

  if ((first & FIX_HEADER) != 0 && size >= 4)
    {
      uint32_t payload = (uint32_t)size - 4;

      nb_fuzz_open_memory (fixed, sizeof fixed);
      memcpy (fixed, message, size);
      memcpy (fixed, &payload, sizeof payload);
      nb_fuzz_close_memory (fixed + size, sizeof fixed - size);
      message = fixed;
    }
  nb_pickle_reader_init (&reader, message, size);
  model = nb_model (message, size);
  for (size_t i = 0; i < n; i++)
    {
      Type type = (Type)(types[i] % N_TYPES);

      nb_fuzz_check (reader.error == (model.failed || model.lenient != 0));
      if (type == READ_COUNT)
        check_count (&reader, &model, types[i], 1 + types[i] / N_TYPES % 8U);
      else if (type == READ_STRING || type == READ_STRING16)
        check_text (&reader, &model, type);
      else
        check_number (&reader, &model, type);
    }
  nb_fuzz_check (reader.error == (model.failed || model.lenient != 0));
  nb_fuzz_check ((nb_pickle_reader_finish (&reader) == 0)
                 == (!reader.error && model.at == model.end));
}

/* --- writing --- */

/* What Chromium's Pickle::WriteBytes and WriteInt make; used says how much fits. */
static size_t
append (uint8_t *expected, size_t used, const void *data, size_t size)
{
  size_t padded = (size + 3) & ~(size_t)3;

  if (used > NB_MESSAGE_MAX_BYTES || padded > NB_MESSAGE_MAX_BYTES - used)
    return SIZE_MAX;
  memset (expected + used, 0, padded);
  memcpy (expected + used, data, size);
  return used + padded;
}

static void
write_all (NbFuzzInput *input)
{
  static NbPickleWriter writer;
  static uint8_t expected[NB_MESSAGE_MAX_BYTES];
  static uint16_t text[NB_MESSAGE_MAX_BYTES];
  size_t used = 4, size = 0;
  uint32_t payload;
  int result;

  nb_pickle_writer_init (&writer);
  while (input->left > 0)
    {
      Type type = (Type)(nb_fuzz_byte (input) % N_TYPES);
      uint64_t value = nb_fuzz_u32 (input) * UINT64_C (0x100000001);
      uint32_t low = (uint32_t)value, flag = low & 1;
      uint16_t length = (uint16_t)(value >> (value & 15));
      uint32_t counted = length;

      memset (text, (int)(low & 255), sizeof text[0] * length);
      if (type == READ_INT)
        nb_pickle_writer_int (&writer, (int32_t)low);
      else if (type == READ_UINT || type == READ_COUNT)
        nb_pickle_writer_uint (&writer, low);
      else if (type == READ_UINT64)
        nb_pickle_writer_uint64 (&writer, value);
      else if (type == READ_BOOL)
        nb_pickle_writer_bool (&writer, flag != 0);
      else if (type == READ_STRING)
        nb_pickle_writer_string (&writer, (const char *)text, length);
      else
        nb_pickle_writer_string16 (&writer, text, length);
      if (type == READ_STRING || type == READ_STRING16)
        {
          used = append (expected, used, &counted, 4);
          used = append (expected, used, text, type == READ_STRING ? length : length * 2U);
        }
      else if (type == READ_UINT64)
        used = append (expected, used, &value, 8);
      else
        used = append (expected, used, type == READ_BOOL ? &flag : &low, 4);
    }
  result = nb_pickle_writer_finish (&writer, &size);
  nb_fuzz_check ((result == 0) == (used <= sizeof expected));
  if (result < 0)
    return;
  payload = (uint32_t)used - 4;
  memcpy (expected, &payload, sizeof payload);
  nb_fuzz_check (size == used && memcmp (writer.bytes, expected, used) == 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  NbFuzzInput input = { data, size };
  uint8_t first = nb_fuzz_byte (&input);

  if ((first & WRITE) != 0)
    write_all (&input);
  else
    read_all (&input, first);
  return 0;
}

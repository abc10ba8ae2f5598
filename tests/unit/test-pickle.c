/* SPDX-License-Identifier: BSD-3-Clause */
/* Reader and writer of Chromium's base::Pickle, against each other and against bytes. */
#include <errno.h>
#include <string.h>

#include "spawn/base/macros.h"
#include "tests/lib/nb-test.h"
#include "zygote/wire/pickle-reader.h"
#include "zygote/wire/pickle-writer.h"

/* 64 KiB each: not on the stack. */
static NbPickleWriter writer;
static uint8_t message[NB_MESSAGE_MAX_BYTES + 64];

/* A message around this payload. Its size. */
static size_t
make_message (const void *payload, size_t size)
{
  uint32_t header = (uint32_t)size;

  memcpy (message, &header, sizeof header);
  if (size > 0)
    memcpy (message + sizeof header, payload, size);
  return sizeof header + size;
}

static NbPickleReader
reader_of (const void *payload, size_t size)
{
  NbPickleReader reader;

  nb_pickle_reader_init (&reader, message, make_message (payload, size));
  return reader;
}

/* A reader on what the writer holds. */
static NbPickleReader
reader_of_writer (void)
{
  NbPickleReader reader;
  size_t size = 0;

  g_assert_cmpint (nb_pickle_writer_finish (&writer, &size), ==, 0);
  nb_pickle_reader_init (&reader, writer.bytes, size);
  return reader;
}

/* --- the reader: header --- */

typedef struct
{
  const char *name;
  size_t size; /* of the message */
  uint8_t bytes[16];
  int result; /* of reading one uint and nothing else */
} HeaderCase;

static const HeaderCase header_cases[] = {
  { "empty-message", 0, { 0 }, -EBADMSG },
  { "shorter-than-header", 3, { 0, 0, 0 }, -EBADMSG },
  { "no-payload", 4, { 0, 0, 0, 0 }, -EBADMSG },
  { "one-field", 8, { 4, 0, 0, 0, 1, 0, 0, 0 }, 0 },
  { "payload-longer-than-message", 8, { 8, 0, 0, 0, 1, 0, 0, 0 }, -EBADMSG },
  /* Chromium skips what is between header and payload; nothing of ours puts any there. */
  { "payload-shorter-than-message", 12, { 4, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0 }, -EBADMSG },
  { "payload-not-padded", 7, { 3, 0, 0, 0, 1, 0, 0 }, -EBADMSG },
  { "payload-size-negative", 8, { 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0 }, -EBADMSG },
  { "payload-size-wraps-around", 8, { 4, 0, 0, 0x80, 1, 0, 0, 0 }, -EBADMSG },
};

static void
test_header (gconstpointer data)
{
  const HeaderCase *test = data;
  g_autofree uint8_t *exact = g_memdup2 (test->bytes, test->size);
  NbPickleReader reader;

  nb_pickle_reader_init (&reader, exact, test->size);
  g_assert_cmpuint (nb_pickle_reader_uint (&reader), ==, test->result == 0);
  g_assert_cmpint (nb_pickle_reader_finish (&reader), ==, test->result);
}

/* --- the reader: fields --- */

static void
test_numbers (void)
{
  static const uint8_t payload[]
      = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 8, 7, 6, 5, 4, 3, 2, 1 };
  NbPickleReader reader = reader_of (payload, sizeof payload);

  g_assert_cmpint (nb_pickle_reader_int (&reader), ==, -2);
  g_assert_cmpuint (nb_pickle_reader_uint (&reader), ==, UINT32_MAX);
  g_assert_cmphex (nb_pickle_reader_uint64 (&reader), ==, 0x0102030405060708);
  g_assert_cmpint (nb_pickle_reader_finish (&reader), ==, 0);
}

/* Chromium's ReadBool looks at the first byte alone, and then skips the padding. */
static void
test_bool_is_one_byte (void)
{
  static const uint8_t payload[] = { 0, 1, 1, 1, 1, 0, 0, 0, 0x80, 0, 0, 0 };
  NbPickleReader reader = reader_of (payload, sizeof payload);

  g_assert_false (nb_pickle_reader_bool (&reader));
  g_assert_true (nb_pickle_reader_bool (&reader));
  g_assert_true (nb_pickle_reader_bool (&reader));
  g_assert_cmpint (nb_pickle_reader_finish (&reader), ==, 0);
}

typedef struct
{
  const char *name;
  size_t size; /* of the payload: a string, and then nothing */
  uint8_t payload[16];
  int result;
  const char *text; /* "" when result is not 0 */
} StringCase;

static const StringCase string_cases[] = {
  { "empty", 4, { 0 }, 0, "" },
  { "padded-by-three", 8, { 1, 0, 0, 0, 'a', 0, 0, 0 }, 0, "a" },
  { "padded-by-one", 8, { 3, 0, 0, 0, 'a', 'b', 'c', 0 }, 0, "abc" },
  { "not-padded", 8, { 4, 0, 0, 0, 'a', 'b', 'c', 'd' }, 0, "abcd" },
  { "longer-than-message", 8, { 5, 0, 0, 0, 'a', 'b', 'c', 'd' }, -EBADMSG, "" },
  { "length-missing", 0, { 0 }, -EBADMSG, "" },
  { "length-negative", 8, { 0xff, 0xff, 0xff, 0xff, 'a', 0, 0, 0 }, -EBADMSG, "" },
  { "length-int-min", 8, { 0, 0, 0, 0x80, 'a', 0, 0, 0 }, -EBADMSG, "" },
  { "length-int-max", 8, { 0xff, 0xff, 0xff, 0x7f, 'a', 0, 0, 0 }, -EBADMSG, "" },
  { "leftover", 12, { 1, 0, 0, 0, 'a', 0, 0, 0, 0, 0, 0, 0 }, -EBADMSG, "a" },
};

static void
test_string (gconstpointer data)
{
  const StringCase *test = data;
  NbPickleReader reader = reader_of (test->payload, test->size);
  size_t length = 99;
  const char *text = nb_pickle_reader_string (&reader, &length);

  nb_test_assert_bytes (text, length, test->text, strlen (test->text));
  g_assert_cmpint (nb_pickle_reader_finish (&reader), ==, test->result);
}

static const StringCase string16_cases[] = {
  { "empty", 4, { 0 }, 0, "" },
  { "one-unit-padded-by-two", 8, { 1, 0, 0, 0, 'a', 'A', 0, 0 }, 0, "aA" },
  { "two-units", 8, { 2, 0, 0, 0, 'a', 'A', 'b', 'B' }, 0, "aAbB" },
  { "longer-than-message", 8, { 3, 0, 0, 0, 'a', 'A', 'b', 'B' }, -EBADMSG, "" },
  { "units-negative", 8, { 0xfe, 0xff, 0xff, 0xff, 'a', 'A', 0, 0 }, -EBADMSG, "" },
  /* Twice this is 2 in 32 bits. */
  { "bytes-wrap-around", 8, { 1, 0, 0, 0x80, 'a', 'A', 0, 0 }, -EBADMSG, "" },
  { "units-int-max", 8, { 0xff, 0xff, 0xff, 0x7f, 'a', 'A', 0, 0 }, -EBADMSG, "" },
};

static void
test_string16 (gconstpointer data)
{
  const StringCase *test = data;
  NbPickleReader reader = reader_of (test->payload, test->size);
  size_t units = 99;
  const uint8_t *text = nb_pickle_reader_string16 (&reader, &units);

  nb_test_assert_bytes (text, units * 2, test->text, strlen (test->text));
  g_assert_cmpint (nb_pickle_reader_finish (&reader), ==, test->result);
}

typedef struct
{
  const char *name;
  int32_t count;
  size_t max, element_bytes;
  bool allowed; /* with 8 bytes following */
} CountCase;

static const CountCase count_cases[] = {
  { "zero", 0, 10, 4, true },
  { "as-many-as-fit", 2, 10, 4, true },
  { "at-the-limit", 2, 2, 4, true },
  { "above-the-limit", 2, 1, 4, false },
  { "more-than-fit", 3, 10, 4, false },
  { "one-larger-than-the-rest", 1, 10, 9, false },
  { "negative", -1, 10, 4, false },
  { "int-min", INT32_MIN, SIZE_MAX, 1, false },
  { "int-max", INT32_MAX, SIZE_MAX, 1, false },
};

static void
test_count (gconstpointer data)
{
  const CountCase *test = data;
  uint8_t payload[12] = { 0 };
  NbPickleReader reader;

  memcpy (payload, &test->count, sizeof test->count);
  reader = reader_of (payload, sizeof payload);
  g_assert_cmpuint (nb_pickle_reader_count (&reader, test->max, test->element_bytes), ==,
                    test->allowed ? (size_t)test->count : 0);
  g_assert_true (reader.error == !test->allowed);
}

/* --- the reader: errors stay --- */

static void
test_sticky_error (void)
{
  static const uint8_t payload[] = { 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 1, 0, 0, 0 };
  NbPickleReader reader = reader_of (payload, sizeof payload);
  size_t length = 99;

  (void)nb_pickle_reader_string (&reader, &length);
  g_assert_true (reader.error);
  g_assert_cmpint (nb_pickle_reader_int (&reader), ==, 0);
  g_assert_cmpuint (nb_pickle_reader_uint (&reader), ==, 0);
  g_assert_cmpuint (nb_pickle_reader_uint64 (&reader), ==, 0);
  g_assert_false (nb_pickle_reader_bool (&reader));
  g_assert_cmpstr (nb_pickle_reader_string (&reader, &length), ==, "");
  g_assert_cmpuint (length, ==, 0);
  g_assert_nonnull (nb_pickle_reader_string16 (&reader, &length));
  g_assert_cmpuint (length, ==, 0);
  g_assert_cmpuint (nb_pickle_reader_count (&reader, 1, 1), ==, 0);
  g_assert_cmpint (nb_pickle_reader_finish (&reader), ==, -EBADMSG);
}

static void
test_leftover_bytes (void)
{
  static const uint8_t payload[8] = { 1, 0, 0, 0, 2, 0, 0, 0 };
  NbPickleReader reader = reader_of (payload, sizeof payload);

  g_assert_cmpint (nb_pickle_reader_finish (&reader), ==, -EBADMSG);
  g_assert_cmpint (nb_pickle_reader_int (&reader), ==, 1);
  g_assert_cmpint (nb_pickle_reader_finish (&reader), ==, -EBADMSG);
  g_assert_cmpint (nb_pickle_reader_int (&reader), ==, 2);
  g_assert_cmpint (nb_pickle_reader_finish (&reader), ==, 0);
}

/* --- one message with everything --- */

static void
write_everything (void)
{
  static const uint16_t zone[] = { 'E', 't', 'c', 0x20ac, 0xd83d };

  nb_pickle_writer_init (&writer);
  nb_pickle_writer_int (&writer, INT32_MIN);
  nb_pickle_writer_uint (&writer, UINT32_MAX);
  nb_pickle_writer_uint64 (&writer, UINT64_MAX - 1);
  nb_pickle_writer_bool (&writer, true);
  nb_pickle_writer_bool (&writer, false);
  nb_pickle_writer_string (&writer, "with\0NUL", 8);
  nb_pickle_writer_string (&writer, "hello", 5);
  nb_pickle_writer_string (&writer, "", 0);
  nb_pickle_writer_string16 (&writer, zone, NB_ARRAY_SIZE (zone));
  nb_pickle_writer_int (&writer, 7);
}

static void
check_numbers (NbPickleReader *reader)
{
  g_assert_cmpint (nb_pickle_reader_int (reader), ==, INT32_MIN);
  g_assert_cmpuint (nb_pickle_reader_uint (reader), ==, UINT32_MAX);
  g_assert_cmphex (nb_pickle_reader_uint64 (reader), ==, UINT64_MAX - 1);
  g_assert_true (nb_pickle_reader_bool (reader));
  g_assert_false (nb_pickle_reader_bool (reader));
}

static void
test_round_trip (void)
{
  static const uint16_t zone[] = { 'E', 't', 'c', 0x20ac, 0xd83d };
  NbPickleReader reader;
  size_t length = 0;
  const void *text;

  write_everything ();
  reader = reader_of_writer ();
  check_numbers (&reader);
  text = nb_pickle_reader_string (&reader, &length);
  nb_test_assert_bytes (text, length, "with\0NUL", 8);
  text = nb_pickle_reader_string (&reader, &length);
  nb_test_assert_bytes (text, length, "hello", 5);
  (void)nb_pickle_reader_string (&reader, &length);
  g_assert_cmpuint (length, ==, 0);
  text = nb_pickle_reader_string16 (&reader, &length);
  nb_test_assert_bytes (text, length * 2, zone, sizeof zone);
  g_assert_cmpint (nb_pickle_reader_int (&reader), ==, 7);
  g_assert_cmpint (nb_pickle_reader_finish (&reader), ==, 0);
}

/* Reads what write_everything() wrote. */
static int
read_everything (const void *bytes, size_t size)
{
  NbPickleReader reader;
  size_t length = 0;

  nb_pickle_reader_init (&reader, bytes, size);
  (void)nb_pickle_reader_int (&reader);
  (void)nb_pickle_reader_uint (&reader);
  (void)nb_pickle_reader_uint64 (&reader);
  (void)nb_pickle_reader_bool (&reader);
  (void)nb_pickle_reader_bool (&reader);
  for (int i = 0; i < 3; i++)
    (void)nb_pickle_reader_string (&reader, &length);
  (void)nb_pickle_reader_string16 (&reader, &length);
  (void)nb_pickle_reader_int (&reader);
  return nb_pickle_reader_finish (&reader);
}

/*
 * Once as the peer sent it, cut on the way; once with a header that fits what is there.
 * The copy has the exact size, so that a sanitiser sees a read beyond it.
 */
static void
test_truncated_at_every_byte (void)
{
  size_t size = 0;

  write_everything ();
  g_assert_cmpint (nb_pickle_writer_finish (&writer, &size), ==, 0);
  g_assert_cmpint (read_everything (writer.bytes, size), ==, 0);
  for (size_t cut = 0; cut < size; cut++)
    {
      g_autofree uint8_t *part = g_memdup2 (writer.bytes, cut);
      uint32_t payload = (uint32_t)(cut - sizeof payload);

      g_assert_cmpint (read_everything (part, cut), ==, -EBADMSG);
      if (cut < sizeof payload)
        continue;
      memcpy (part, &payload, sizeof payload);
      g_assert_cmpint (read_everything (part, cut), ==, -EBADMSG);
    }
}

/* --- the writer --- */

static void
test_bytes (void)
{
  static const uint8_t expected[]
      = { 36,  0, 0,   0,   0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 5, 0,
          0,   0, 'h', 'e', 'l',  'l',  'o',  0,    0, 0, 1, 0, 0, 0,
          'Z', 0, 0,   0,   4,    3,    2,    1,    0, 0, 0, 0 };
  static const uint16_t zone[] = { 'Z' };
  size_t size = 0;

  /* Padding is written: what was in the buffer before must not leak to the peer. */
  memset (&writer, 0xaa, sizeof writer);
  nb_pickle_writer_init (&writer);
  nb_pickle_writer_int (&writer, -1);
  nb_pickle_writer_bool (&writer, true);
  nb_pickle_writer_string (&writer, "hello", 5);
  nb_pickle_writer_string16 (&writer, zone, 1);
  nb_pickle_writer_uint64 (&writer, 0x01020304);
  g_assert_cmpint (nb_pickle_writer_finish (&writer, &size), ==, 0);
  nb_test_assert_bytes (writer.bytes, size, expected, sizeof expected);
}

static void
test_empty (void)
{
  static const uint8_t expected[4] = { 0 };
  size_t size = 0;

  nb_pickle_writer_init (&writer);
  g_assert_cmpint (nb_pickle_writer_finish (&writer, &size), ==, 0);
  nb_test_assert_bytes (writer.bytes, size, expected, sizeof expected);
}

/* 4 bytes of header, 4 of length, and the text fill the 64 KiB exactly. */
static void
test_full_to_the_last_byte (void)
{
  static char text[NB_MESSAGE_MAX_BYTES];
  NbPickleReader reader;
  size_t length = 0;

  memset (text, 'x', sizeof text);
  nb_pickle_writer_init (&writer);
  nb_pickle_writer_string (&writer, text, NB_MESSAGE_MAX_BYTES - 8);
  reader = reader_of_writer ();
  (void)nb_pickle_reader_string (&reader, &length);
  g_assert_cmpuint (length, ==, NB_MESSAGE_MAX_BYTES - 8);
  g_assert_cmpint (nb_pickle_reader_finish (&reader), ==, 0);
  nb_pickle_writer_string (&writer, "", 0);
  g_assert_cmpint (nb_pickle_writer_finish (&writer, &length), ==, -EMSGSIZE);
}

static void
write_long_string (size_t length)
{
  static char text[NB_MESSAGE_MAX_BYTES];

  nb_pickle_writer_string (&writer, text, length);
}

static void
write_long_string16 (size_t units)
{
  static uint16_t text[NB_MESSAGE_MAX_BYTES];

  nb_pickle_writer_string16 (&writer, text, units);
}

typedef struct
{
  const char *name;
  void (*write) (size_t length);
  size_t length;
} OverflowCase;

/* Nothing of the text is looked at, so lengths can be claimed that no buffer has. */
static const OverflowCase overflow_cases[] = {
  { "string-by-one", write_long_string, NB_MESSAGE_MAX_BYTES - 7 },
  { "string-of-int-max", write_long_string, INT32_MAX },
  { "string-of-size-max", write_long_string, SIZE_MAX },
  { "string16-by-one", write_long_string16, NB_MESSAGE_MAX_BYTES / 2 - 3 },
  { "string16-whose-bytes-wrap-to-0", write_long_string16, SIZE_MAX / 2 + 1 },
  { "string16-of-size-max", write_long_string16, SIZE_MAX },
};

static void
test_overflow_is_sticky (gconstpointer data)
{
  const OverflowCase *test = data;
  size_t size = 99;

  nb_pickle_writer_init (&writer);
  test->write (test->length);
  nb_pickle_writer_int (&writer, 1);
  g_assert_cmpint (nb_pickle_writer_finish (&writer, &size), ==, -EMSGSIZE);
  g_assert_cmpuint (size, ==, 99);
  g_assert_cmpuint (writer.used, <=, NB_MESSAGE_MAX_BYTES);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/pickle-reader/header", header_cases, test_header);
  nb_test_add ("/pickle-reader/numbers", test_numbers);
  nb_test_add ("/pickle-reader/bool-is-one-byte", test_bool_is_one_byte);
  nb_test_add_cases ("/pickle-reader/string", string_cases, test_string);
  nb_test_add_cases ("/pickle-reader/string16", string16_cases, test_string16);
  nb_test_add_cases ("/pickle-reader/count", count_cases, test_count);
  nb_test_add ("/pickle-reader/error-is-sticky", test_sticky_error);
  nb_test_add ("/pickle-reader/leftover-bytes-are-refused", test_leftover_bytes);
  nb_test_add ("/pickle-reader/truncated-at-every-byte", test_truncated_at_every_byte);
  nb_test_add ("/pickle-writer/bytes-and-padding", test_bytes);
  nb_test_add ("/pickle-writer/empty-message", test_empty);
  nb_test_add ("/pickle-writer/full-to-the-last-byte", test_full_to_the_last_byte);
  nb_test_add_cases ("/pickle-writer/overflow", overflow_cases, test_overflow_is_sticky);
  nb_test_add ("/pickle/round-trip-of-every-field", test_round_trip);
  return g_test_run ();
}

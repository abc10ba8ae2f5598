/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The decoder of nestbox's own messages against their layouts in zygote/PROTOCOL.md,
 * section 3: it takes exactly what fits, and what it made of it is written again as it
 * was. The first byte is the number of descriptors.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spawn/base/macros.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/layout.h"
#include "zygote/wire/message.h"
#include "zygote/wire/trace-text.h"

enum
{
  AS_COUNTED = -1, /* as many descriptors as the message's last count says */
  FIX_HEADER = 1 << 7,
  HEADER = 16, /* payload size, type, serial, child */
};

static const struct
{
  const char *layout;
  int min_fds, max_fds;
} layouts[] = {
  { NULL, 0, 0 },
  { "uuu uuubbqqqqu", 0, 1 },
  { "uuu e8.e2.*512(s)*512(s)*16(i)s", AS_COUNTED, AS_COUNTED },
  { "uuu i", 0, 0 },
  { "uuu b", 0, 0 },
  { "uuu", 0, 0 },
  { "uuu", 0, 0 },
  { "uuu ie2.is", 0, 1 },
  { "uuu *4096(ue2.)", 0, 0 },
  { "uuu", 0, 1 },
  { "uuu i", 0, 0 },
  { "uuu bb", 0, 0 },
  { "uuu s", 0, 0 },
  { "uuu ii", 0, 0 },
  { "uuu e8.iiiqqqqqqq", 0, 0 },
  { "uuu e8.", 1, 1 },
  { "uuu", 0, 0 },
  { "uuu ue3.be2.uisu*800(iiie8.iqq)", 0, 0 },
  { "uuu u", 0, 0 },
  { "uuu iuuubbs", 0, 0 },
  { "uuu i", 0, 1 },
  { "uuu iuue8.be8.iqs", 0, 0 },
};

/* What nb_message_decode() has to say. */
static int
expect (const NbPacket *packet, uint8_t *canonical)
{
  NbModel model = nb_model (packet->bytes, packet->size);
  uint32_t type = (uint32_t)nb_model_int (&model);
  size_t count = 0, min, max;

  (void)nb_model_int (&model);
  (void)nb_model_int (&model);
  if (model.failed || model.lenient != 0)
    return -EBADMSG;
  if (type >= NB_ARRAY_SIZE (layouts) || layouts[type].layout == NULL)
    return -ENOSYS;
  if (!nb_layout_fits (layouts[type].layout, packet->bytes, packet->size, canonical,
                       &count))
    return -EBADMSG;
  min = layouts[type].min_fds == AS_COUNTED ? count : (size_t)layouts[type].min_fds;
  max = layouts[type].max_fds == AS_COUNTED ? count : (size_t)layouts[type].max_fds;
  return packet->n_fds >= min && packet->n_fds <= max ? 0 : -EPROTO;
}

/* What execve() is given has the strings of the message, or there is nothing. */
static void
check_copies (const NbStrings *strings)
{
  char **vector = nb_strings_dup (strings);
  bool has_nul = false;

  for (size_t i = 0; i < strings->n; i++)
    has_nul = has_nul || memchr (strings->items[i].data, 0, strings->items[i].length);
  nb_fuzz_check ((vector == NULL) == has_nul);
  for (size_t i = 0; vector != NULL && i < strings->n; i++)
    nb_fuzz_check (strlen (vector[i]) == strings->items[i].length
                   && memcmp (vector[i], strings->items[i].data, strlen (vector[i])) == 0);
  nb_fuzz_check (vector == NULL || vector[strings->n] == NULL);
  free (vector);
}

/* A word of a trace for each: one line that a terminal can show. */
static void
check_text (const NbMessage *message)
{
  char text[NB_TRACE_TEXT_BYTES];

  nb_trace_text_of_message (message, text, sizeof text);
  for (const char *at = text; *at != '\0'; at++)
    nb_fuzz_check (*at >= ' ' && *at < 0x7f);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static NbPacket packet;
  static NbMessage message;
  static NbPickleWriter writer;
  static uint8_t canonical[NB_MESSAGE_MAX_BYTES];
  NbFuzzInput input = { data, size };
  uint8_t first = nb_fuzz_byte (&input);
  const uint8_t *bytes = nb_fuzz_bytes (&input, sizeof packet.bytes, &packet.size);
  int result, expected;

  packet.n_fds = (first & 0x7fU) % (NB_CHANNEL_MAX_FDS + 1U);
  nb_fuzz_open_memory (packet.bytes, sizeof packet.bytes);
  if (packet.size > 0)
    memcpy (packet.bytes, bytes, packet.size);
  if ((first & FIX_HEADER) != 0 && packet.size >= 4)
    {
      uint32_t payload = (uint32_t)packet.size - 4;

      memcpy (packet.bytes, &payload, sizeof payload);
    }
  nb_fuzz_close_memory (packet.bytes + packet.size, sizeof packet.bytes - packet.size);
  expected = expect (&packet, canonical);
  result = nb_message_decode (&packet, &message);
  nb_fuzz_check (result == expected);
  if (packet.size >= HEADER)
    (void)nb_message_type_name (message.type);
  if (result < 0)
    return 0;
  check_text (&message);
  nb_fuzz_check (nb_message_encode (&writer, &message, &size) == 0);
  nb_fuzz_check (size == packet.size && memcmp (writer.bytes, canonical, size) == 0);
  if (message.type == NB_MESSAGE_EXEC)
    {
      check_copies (&message.exec.argv);
      check_copies (&message.exec.envp);
    }
  return 0;
}

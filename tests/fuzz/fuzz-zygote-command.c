/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The decoders of Chromium's zygote commands and of the replies to them against their
 * layouts in zygote/PROTOCOL.md, section 6. The first byte says which decoder, and the
 * number of descriptors.
 */
#include <errno.h>
#include <string.h>

#include "spawn/base/macros.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/layout.h"
#include "zygote/wire/trace-text.h"
#include "zygote/wire/zygote-command.h"

enum
{
  COMMAND,
  FORK_REPLY,
  STATUS_REPLY,
  N_DECODERS,
  AS_COUNTED = -1, /* as many descriptors as the message says */
};

static const struct
{
  const char *layout;
  int n_fds;
} layouts[] = {
  { "i s*512(s)Sk", AS_COUNTED },
  { "i i", 0 },
  { "i bi", 0 },
  { "i", 0 },
  { "i i", 0 },
  { "i u", 1 },
};

static uint8_t canonical[NB_MESSAGE_MAX_BYTES];

static int
expect (const uint8_t *message, size_t size, size_t n_fds)
{
  NbModel model = nb_model (message, size);
  uint32_t type = (uint32_t)nb_model_int (&model);
  size_t count = 0;

  if (model.failed || model.lenient != 0)
    return -EBADMSG;
  if (type >= NB_ARRAY_SIZE (layouts))
    return -ENOSYS;
  if (!nb_layout_fits (layouts[type].layout, message, size, canonical, &count))
    return -EBADMSG;
  if (layouts[type].n_fds != AS_COUNTED)
    count = (size_t)layouts[type].n_fds;
  return n_fds == count ? 0 : -EPROTO;
}

static bool
same_text (NbSlice one, NbSlice other)
{
  return one.length == other.length
         && (one.length == 0 || memcmp (one.data, other.data, one.length) == 0);
}

/* Of a fork all but the time zone, which our writer does not take from anybody. */
static void
check_fork (const NbZygoteCommand *command, const uint8_t *again, size_t size, size_t n_fds)
{
  static NbZygoteCommand decoded;

  nb_fuzz_check (nb_zygote_command_decode (again, size, n_fds, &decoded) == 0);
  nb_fuzz_check (decoded.type == NB_ZYGOTE_FORK);
  nb_fuzz_check (same_text (decoded.process_type, command->process_type));
  nb_fuzz_check (decoded.n_arguments == command->n_arguments);
  for (size_t i = 0; i < command->n_arguments; i++)
    nb_fuzz_check (same_text (decoded.arguments[i], command->arguments[i]));
  nb_fuzz_check (decoded.n_keys == command->n_keys && command->n_keys + 1 == n_fds);
  for (size_t i = 0; i < command->n_keys; i++)
    nb_fuzz_check (decoded.keys[i] == command->keys[i]);
}

/* One line that a terminal can show. */
static void
check_text (const char *text)
{
  for (; *text != '\0'; text++)
    nb_fuzz_check (*text >= ' ' && *text < 0x7f);
}

static void
check_command (const uint8_t *message, size_t size, size_t n_fds)
{
  static NbZygoteCommand command;
  static NbPickleWriter writer;
  int result = nb_zygote_command_decode (message, size, n_fds, &command);
  size_t again = 0;
  char text[NB_TRACE_TEXT_BYTES];

  nb_fuzz_check (result == expect (message, size, n_fds));
  if (result < 0)
    return;
  nb_trace_text_of_command (&command, text, sizeof text);
  check_text (text);
  result = nb_zygote_command_encode (&writer, &command, &again);
  nb_fuzz_check (result == 0 || (command.type == NB_ZYGOTE_FORK && size > 65000));
  if (result < 0)
    return;
  if (command.type == NB_ZYGOTE_FORK)
    check_fork (&command, writer.bytes, again, n_fds);
  else if (command.type != NB_ZYGOTE_REINITIALIZE_LOGGING)
    nb_fuzz_check (again == size && memcmp (writer.bytes, canonical, size) == 0);
}

static void
check_reply_text (const uint8_t *message, size_t size, NbZygoteCommandType asked)
{
  char text[NB_TRACE_TEXT_BYTES];

  nb_trace_text_of_reply (message, size, asked, text, sizeof text);
  check_text (text);
}

static void
check_fork_reply (const uint8_t *message, size_t size)
{
  NbZygoteForkReply reply;
  NbModel model = nb_model (message, size);
  size_t count;
  bool fits = nb_layout_fits ("ih", message, size, NULL, &count);

  nb_fuzz_check ((nb_zygote_fork_reply_decode (message, size, &reply) == 0) == fits);
  nb_fuzz_check (!fits || reply.pid == nb_model_int (&model));
}

static void
check_status_reply (const uint8_t *message, size_t size)
{
  NbZygoteStatusReply reply;
  NbModel model = nb_model (message, size);
  size_t count;
  bool fits = nb_layout_fits ("ii", message, size, NULL, &count);

  nb_fuzz_check ((nb_zygote_status_reply_decode (message, size, &reply) == 0) == fits);
  nb_fuzz_check (!fits || reply.status == nb_model_int (&model));
  nb_fuzz_check (!fits || reply.wait_status == nb_model_int (&model));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  NbFuzzInput input = { data, size };
  uint8_t first = nb_fuzz_byte (&input);
  const uint8_t *message = nb_fuzz_bytes (&input, NB_MESSAGE_MAX_BYTES, &size);

  switch (first % N_DECODERS)
    {
    case COMMAND:
      check_command (message, size, first / N_DECODERS % 18U);
      break;
    case FORK_REPLY:
      check_fork_reply (message, size);
      check_reply_text (message, size, NB_ZYGOTE_FORK);
      break;
    default:
      check_status_reply (message, size);
      check_reply_text (message, size, NB_ZYGOTE_TERMINATION_STATUS);
    }
  return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/wire/zygote-command.h"

#include <errno.h>
#include <string.h>

#include "spawn/base/macros.h"
#include "zygote/wire/pickle-reader.h"

enum
{
  MIN_STRING_BYTES = 4, /* the length of an empty one */
  ANY_FDS = -1,
};

static const struct
{
  const char *name;
  int n_fds;
} commands[] = {
  [NB_ZYGOTE_FORK] = { "Fork", ANY_FDS },
  [NB_ZYGOTE_REAP] = { "Reap", 0 },
  [NB_ZYGOTE_TERMINATION_STATUS] = { "GetTerminationStatus", 0 },
  [NB_ZYGOTE_SANDBOX_STATUS] = { "GetSandboxStatus", 0 },
  [NB_ZYGOTE_FORK_REAL_PID] = { "ForkRealPID", 0 },
  [NB_ZYGOTE_REINITIALIZE_LOGGING] = { "ReinitializeLogging", 1 },
};

static NbSlice
read_slice (NbPickleReader *reader)
{
  NbSlice slice;

  slice.data = nb_pickle_reader_string (reader, &slice.length);
  return slice;
}

/* ZygoteCommunication::ForkRequest writes 1 + keys as the number of descriptors. */
static void
decode_fork (NbPickleReader *reader, NbZygoteCommand *command)
{
  size_t n_fds;

  command->process_type = read_slice (reader);
  command->n_arguments
      = nb_pickle_reader_count (reader, NB_ZYGOTE_MAX_ARGUMENTS, MIN_STRING_BYTES);
  for (size_t i = 0; i < command->n_arguments; i++)
    command->arguments[i] = read_slice (reader);
  (void)nb_pickle_reader_string16 (reader, &command->timezone_units);
  n_fds = nb_pickle_reader_uint (reader);
  if (n_fds < 1 || n_fds > NB_ZYGOTE_MAX_KEYS + 1)
    reader->error = true;
  else
    command->n_keys = n_fds - 1;
  for (size_t i = 0; i < command->n_keys; i++)
    command->keys[i] = nb_pickle_reader_uint (reader);
}

bool
nb_zygote_command_is_fork_of (const void *message, size_t size, const char *process_type)
{
  NbPickleReader reader;
  NbSlice type;

  nb_pickle_reader_init (&reader, message, size);
  if (nb_pickle_reader_int (&reader) != NB_ZYGOTE_FORK)
    return false;
  type = read_slice (&reader);
  return !reader.error && type.length == strlen (process_type)
         && memcmp (type.data, process_type, type.length) == 0;
}

int
nb_zygote_command_decode (const void *message, size_t size, size_t n_fds,
                          NbZygoteCommand *command_out)
{
  NbPickleReader reader;
  int expected_fds;

  nb_pickle_reader_init (&reader, message, size);
  command_out->type = (NbZygoteCommandType)nb_pickle_reader_int (&reader);
  command_out->n_keys = command_out->n_arguments = 0;
  if (reader.error)
    return -EBADMSG;
  if ((size_t)command_out->type >= NB_ARRAY_SIZE (commands))
    return -ENOSYS;
  if (command_out->type == NB_ZYGOTE_FORK)
    decode_fork (&reader, command_out);
  if (command_out->type == NB_ZYGOTE_TERMINATION_STATUS)
    command_out->known_dead = nb_pickle_reader_bool (&reader);
  if (command_out->type == NB_ZYGOTE_REAP || command_out->type == NB_ZYGOTE_FORK_REAL_PID
      || command_out->type == NB_ZYGOTE_TERMINATION_STATUS)
    command_out->pid = nb_pickle_reader_int (&reader);
  if (command_out->type == NB_ZYGOTE_REINITIALIZE_LOGGING)
    (void)nb_pickle_reader_uint (&reader);
  if (nb_pickle_reader_finish (&reader) < 0)
    return -EBADMSG;
  expected_fds = commands[command_out->type].n_fds;
  if (expected_fds == ANY_FDS)
    expected_fds = (int)command_out->n_keys + 1;
  return (size_t)expected_fds == n_fds ? 0 : -EPROTO;
}

const char *
nb_zygote_command_name (NbZygoteCommandType type)
{
  return (size_t)type < NB_ARRAY_SIZE (commands) ? commands[type].name : "unknown";
}

int
nb_zygote_fork_reply_decode (const void *message, size_t size, NbZygoteForkReply *reply_out)
{
  NbPickleReader reader;

  nb_pickle_reader_init (&reader, message, size);
  reply_out->pid = nb_pickle_reader_int (&reader);
  reply_out->uma_name = read_slice (&reader);
  if (reply_out->uma_name.length > 0)
    {
      (void)nb_pickle_reader_int (&reader);
      (void)nb_pickle_reader_int (&reader);
    }
  return nb_pickle_reader_finish (&reader);
}

int
nb_zygote_status_reply_decode (const void *message, size_t size,
                               NbZygoteStatusReply *reply_out)
{
  NbPickleReader reader;

  nb_pickle_reader_init (&reader, message, size);
  reply_out->status = nb_pickle_reader_int (&reader);
  reply_out->wait_status = nb_pickle_reader_int (&reader);
  return nb_pickle_reader_finish (&reader);
}

static void
encode_fork (NbPickleWriter *writer, const NbZygoteCommand *command)
{
  static const uint16_t utc[] = { 'E', 't', 'c', '/', 'U', 'T', 'C' };

  nb_pickle_writer_string (writer, command->process_type.data,
                           command->process_type.length);
  nb_pickle_writer_int (writer, (int32_t)command->n_arguments);
  for (size_t i = 0; i < command->n_arguments; i++)
    nb_pickle_writer_string (writer, command->arguments[i].data,
                             command->arguments[i].length);
  nb_pickle_writer_string16 (writer, utc, NB_ARRAY_SIZE (utc));
  nb_pickle_writer_uint (writer, (uint32_t)command->n_keys + 1);
  for (size_t i = 0; i < command->n_keys; i++)
    nb_pickle_writer_uint (writer, command->keys[i]);
}

int
nb_zygote_command_encode (NbPickleWriter *writer, const NbZygoteCommand *command,
                          size_t *size_out)
{
  nb_pickle_writer_init (writer);
  nb_pickle_writer_int (writer, (int32_t)command->type);
  if (command->type == NB_ZYGOTE_FORK)
    encode_fork (writer, command);
  if (command->type == NB_ZYGOTE_TERMINATION_STATUS)
    nb_pickle_writer_bool (writer, command->known_dead);
  if (command->type == NB_ZYGOTE_REAP || command->type == NB_ZYGOTE_FORK_REAL_PID
      || command->type == NB_ZYGOTE_TERMINATION_STATUS)
    nb_pickle_writer_int (writer, command->pid);
  if (command->type == NB_ZYGOTE_REINITIALIZE_LOGGING)
    nb_pickle_writer_uint (writer, 0); /* the destination, which nothing here reads */
  return nb_pickle_writer_finish (writer, size_out);
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/wire/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zygote/wire/pickle-reader.h"

enum
{
  MIN_STRING_BYTES = 4,
  LIST_ENTRY_BYTES = 8,
  SURVEY_PROCESS_BYTES = 36,
};

/* --- one pair of functions per shape --- */

static NbSlice
read_slice (NbPickleReader *reader)
{
  NbSlice slice;

  slice.data = nb_pickle_reader_string (reader, &slice.length);
  return slice;
}

static void
write_slice (NbPickleWriter *writer, NbSlice slice)
{
  nb_pickle_writer_string (writer, slice.data, slice.length);
}

static uint32_t
read_enum (NbPickleReader *reader, uint32_t last)
{
  uint32_t value = nb_pickle_reader_uint (reader);

  if (value <= last)
    return value;
  reader->error = true;
  return 0;
}

static void
encode_hello (NbPickleWriter *writer, const NbMessage *message)
{
  const NbHello *hello = &message->hello;

  nb_pickle_writer_uint (writer, hello->version);
  nb_pickle_writer_uint (writer, hello->level);
  nb_pickle_writer_uint (writer, hello->landlock_abi);
  nb_pickle_writer_bool (writer, hello->seccomp);
  nb_pickle_writer_bool (writer, hello->no_new_privs);
  for (size_t i = 0; i < NB_N_NAMESPACES; i++)
    nb_pickle_writer_uint64 (writer, hello->namespaces[i]);
  nb_pickle_writer_uint (writer, hello->bus);
}

static void
decode_hello (NbPickleReader *reader, NbMessage *message)
{
  NbHello *hello = &message->hello;

  hello->version = nb_pickle_reader_uint (reader);
  hello->level = nb_pickle_reader_uint (reader);
  hello->landlock_abi = nb_pickle_reader_uint (reader);
  hello->seccomp = nb_pickle_reader_bool (reader);
  hello->no_new_privs = nb_pickle_reader_bool (reader);
  for (size_t i = 0; i < NB_N_NAMESPACES; i++)
    hello->namespaces[i] = nb_pickle_reader_uint64 (reader);
  hello->bus = nb_pickle_reader_uint (reader);
}

static void
write_strings (NbPickleWriter *writer, const NbStrings *strings)
{
  nb_pickle_writer_int (writer, (int32_t)strings->n);
  for (size_t i = 0; i < strings->n; i++)
    write_slice (writer, strings->items[i]);
}

static void
read_strings (NbPickleReader *reader, NbStrings *strings)
{
  strings->n = nb_pickle_reader_count (reader, NB_EXEC_MAX_STRINGS, MIN_STRING_BYTES);
  for (size_t i = 0; i < strings->n; i++)
    strings->items[i] = read_slice (reader);
}

static void
encode_exec (NbPickleWriter *writer, const NbMessage *message)
{
  const NbExec *exec = &message->exec;

  nb_pickle_writer_uint (writer, exec->kind);
  nb_pickle_writer_uint (writer, exec->wall);
  write_strings (writer, &exec->argv);
  write_strings (writer, &exec->envp);
  nb_pickle_writer_int (writer, (int32_t)exec->n_targets);
  for (size_t i = 0; i < exec->n_targets; i++)
    nb_pickle_writer_int (writer, exec->targets[i]);
  write_slice (writer, exec->bus);
}

static void
decode_exec (NbPickleReader *reader, NbMessage *message)
{
  NbExec *exec = &message->exec;

  exec->kind = (NbKind)read_enum (reader, NB_N_KINDS - 1);
  exec->wall = (NbWall)read_enum (reader, NB_WALL_SECCOMP);
  read_strings (reader, &exec->argv);
  read_strings (reader, &exec->envp);
  exec->n_targets = nb_pickle_reader_count (reader, NB_CHANNEL_MAX_FDS, sizeof (int32_t));
  for (size_t i = 0; i < exec->n_targets; i++)
    exec->targets[i] = nb_pickle_reader_int (reader);
  exec->bus = read_slice (reader);
}

static void
encode_kill (NbPickleWriter *writer, const NbMessage *message)
{
  nb_pickle_writer_int (writer, message->signal);
}

static void
decode_kill (NbPickleReader *reader, NbMessage *message)
{
  message->signal = nb_pickle_reader_int (reader);
}

static void
encode_status (NbPickleWriter *writer, const NbMessage *message)
{
  nb_pickle_writer_bool (writer, message->known_dead);
}

static void
decode_status (NbPickleReader *reader, NbMessage *message)
{
  message->known_dead = nb_pickle_reader_bool (reader);
}

static void
encode_nothing (NbPickleWriter *writer, const NbMessage *message)
{
  (void)writer;
  (void)message;
}

static void
decode_nothing (NbPickleReader *reader, NbMessage *message)
{
  (void)reader;
  (void)message;
}

static void
encode_result (NbPickleWriter *writer, const NbMessage *message)
{
  nb_pickle_writer_int (writer, message->result.error);
  nb_pickle_writer_uint (writer, message->result.state);
  nb_pickle_writer_int (writer, message->result.wait_status);
  write_slice (writer, message->result.detail);
}

static void
decode_result (NbPickleReader *reader, NbMessage *message)
{
  message->result.error = nb_pickle_reader_int (reader);
  message->result.state = (NbChildState)read_enum (reader, NB_CHILD_EXITED);
  message->result.wait_status = nb_pickle_reader_int (reader);
  message->result.detail = read_slice (reader);
}

static void
encode_listed (NbPickleWriter *writer, const NbMessage *message)
{
  nb_pickle_writer_int (writer, (int32_t)message->list.n);
  for (size_t i = 0; i < message->list.n; i++)
    {
      nb_pickle_writer_uint (writer, message->list.entries[i].child);
      nb_pickle_writer_uint (writer, message->list.entries[i].state);
    }
}

static void
decode_listed (NbPickleReader *reader, NbMessage *message)
{
  message->list.n = nb_pickle_reader_count (reader, NB_LIST_MAX_CHILDREN, LIST_ENTRY_BYTES);
  for (size_t i = 0; i < message->list.n; i++)
    {
      message->list.entries[i].child = nb_pickle_reader_uint (reader);
      message->list.entries[i].state = (NbChildState)read_enum (reader, NB_CHILD_EXITED);
    }
}

static void
encode_exited (NbPickleWriter *writer, const NbMessage *message)
{
  nb_pickle_writer_int (writer, message->wait_status);
}

static void
decode_exited (NbPickleReader *reader, NbMessage *message)
{
  message->wait_status = nb_pickle_reader_int (reader);
}

/* --- the vocabulary --- */

static void
encode_welcome (NbPickleWriter *writer, const NbMessage *message)
{
  nb_pickle_writer_bool (writer, message->welcome.relay);
  nb_pickle_writer_bool (writer, message->welcome.watch);
}

static void
decode_welcome (NbPickleReader *reader, NbMessage *message)
{
  message->welcome.relay = nb_pickle_reader_bool (reader);
  message->welcome.watch = nb_pickle_reader_bool (reader);
}

static void
encode_oom_adjust (NbPickleWriter *writer, const NbMessage *message)
{
  nb_pickle_writer_int (writer, message->oom.pid);
  nb_pickle_writer_int (writer, message->oom.score);
}

static void
decode_oom_adjust (NbPickleReader *reader, NbMessage *message)
{
  message->oom.pid = nb_pickle_reader_int (reader);
  message->oom.score = nb_pickle_reader_int (reader);
}

static void
encode_say (NbPickleWriter *writer, const NbMessage *message)
{
  write_slice (writer, message->text);
}

static void
decode_say (NbPickleReader *reader, NbMessage *message)
{
  message->text = read_slice (reader);
}

static void
encode_denied (NbPickleWriter *writer, const NbMessage *message)
{
  const NbDenial *denied = &message->denied;

  nb_pickle_writer_uint (writer, denied->kind);
  nb_pickle_writer_int (writer, denied->pid);
  nb_pickle_writer_int (writer, denied->number);
  nb_pickle_writer_int (writer, denied->error);
  for (size_t i = 0; i < NB_ARRAY_SIZE (denied->arguments); i++)
    nb_pickle_writer_uint64 (writer, denied->arguments[i]);
  nb_pickle_writer_uint64 (writer, denied->address);
}

static void
decode_denied (NbPickleReader *reader, NbMessage *message)
{
  NbDenial *denied = &message->denied;

  denied->kind = (NbKind)read_enum (reader, NB_N_KINDS - 1);
  denied->pid = nb_pickle_reader_int (reader);
  denied->number = nb_pickle_reader_int (reader);
  denied->error = nb_pickle_reader_int (reader);
  for (size_t i = 0; i < NB_ARRAY_SIZE (denied->arguments); i++)
    denied->arguments[i] = nb_pickle_reader_uint64 (reader);
  denied->address = nb_pickle_reader_uint64 (reader);
}

static void
encode_watch (NbPickleWriter *writer, const NbMessage *message)
{
  nb_pickle_writer_uint (writer, message->kind);
}

static void
decode_watch (NbPickleReader *reader, NbMessage *message)
{
  message->kind = (NbKind)read_enum (reader, NB_N_KINDS - 1);
}

static void
encode_probe (NbPickleWriter *writer, const NbMessage *message)
{
  nb_pickle_writer_uint (writer, message->version);
}

static void
decode_probe (NbPickleReader *reader, NbMessage *message)
{
  message->version = nb_pickle_reader_uint (reader);
}

static void
encode_probed (NbPickleWriter *writer, const NbMessage *message)
{
  const NbBrokerPlace *place = &message->place;

  nb_pickle_writer_int (writer, place->error);
  nb_pickle_writer_uint (writer, place->portal_version);
  nb_pickle_writer_uint (writer, place->portal_supports);
  nb_pickle_writer_uint (writer, place->landlock_abi);
  nb_pickle_writer_bool (writer, place->pids_visible);
  nb_pickle_writer_bool (writer, place->gpu);
  write_slice (writer, place->detail);
}

static void
decode_probed (NbPickleReader *reader, NbMessage *message)
{
  NbBrokerPlace *place = &message->place;

  place->error = nb_pickle_reader_int (reader);
  place->portal_version = nb_pickle_reader_uint (reader);
  place->portal_supports = nb_pickle_reader_uint (reader);
  place->landlock_abi = nb_pickle_reader_uint (reader);
  place->pids_visible = nb_pickle_reader_bool (reader);
  place->gpu = nb_pickle_reader_bool (reader);
  place->detail = read_slice (reader);
}

static void
encode_surveyed (NbPickleWriter *writer, const NbMessage *message)
{
  const NbSurvey *survey = &message->survey;

  nb_pickle_writer_uint (writer, survey->profile);
  nb_pickle_writer_uint (writer, survey->state);
  nb_pickle_writer_bool (writer, survey->relayed);
  nb_pickle_writer_uint (writer, survey->wall);
  nb_pickle_writer_uint (writer, survey->landlock_abi);
  nb_pickle_writer_int (writer, survey->first_pid);
  write_slice (writer, survey->reason);
  nb_pickle_writer_uint (writer, survey->left_out);
  nb_pickle_writer_int (writer, (int32_t)survey->n);
  for (size_t i = 0; i < survey->n; i++)
    {
      const NbSurveyProcess *process = &survey->processes[i];

      nb_pickle_writer_int (writer, process->pid);
      nb_pickle_writer_int (writer, process->parent);
      nb_pickle_writer_int (writer, process->browser_pid);
      nb_pickle_writer_uint (writer, process->kind);
      nb_pickle_writer_int (writer, process->filters);
      nb_pickle_writer_uint64 (writer, process->start);
      nb_pickle_writer_uint64 (writer, process->resident_kib);
    }
}

static void
read_survey_process (NbPickleReader *reader, NbSurveyProcess *process)
{
  process->pid = nb_pickle_reader_int (reader);
  process->parent = nb_pickle_reader_int (reader);
  process->browser_pid = nb_pickle_reader_int (reader);
  process->kind = (NbKind)read_enum (reader, NB_N_KINDS - 1);
  process->filters = nb_pickle_reader_int (reader);
  process->start = nb_pickle_reader_uint64 (reader);
  process->resident_kib = nb_pickle_reader_uint64 (reader);
}

static void
decode_surveyed (NbPickleReader *reader, NbMessage *message)
{
  NbSurvey *survey = &message->survey;

  survey->profile = nb_pickle_reader_uint (reader);
  survey->state = (NbSandboxState)read_enum (reader, NB_SANDBOX_ENDED);
  survey->relayed = nb_pickle_reader_bool (reader);
  survey->wall = (NbWall)read_enum (reader, NB_WALL_SECCOMP);
  survey->landlock_abi = nb_pickle_reader_uint (reader);
  survey->first_pid = nb_pickle_reader_int (reader);
  survey->reason = read_slice (reader);
  survey->left_out = nb_pickle_reader_uint (reader);
  survey->n
      = nb_pickle_reader_count (reader, NB_SURVEY_MAX_PROCESSES, SURVEY_PROCESS_BYTES);
  for (size_t i = 0; i < survey->n; i++)
    read_survey_process (reader, &survey->processes[i]);
}

static void
encode_identify (NbPickleWriter *writer, const NbMessage *message)
{
  nb_pickle_writer_int (writer, message->stand_in);
}

static void
decode_identify (NbPickleReader *reader, NbMessage *message)
{
  message->stand_in = nb_pickle_reader_int (reader);
}

static void
encode_identified (NbPickleWriter *writer, const NbMessage *message)
{
  const NbIdentity *identity = &message->identity;

  nb_pickle_writer_int (writer, identity->error);
  nb_pickle_writer_uint (writer, identity->profile);
  nb_pickle_writer_uint (writer, identity->program);
  nb_pickle_writer_uint (writer, identity->kind);
  nb_pickle_writer_bool (writer, identity->descends);
  nb_pickle_writer_uint (writer, identity->claim);
  nb_pickle_writer_int (writer, identity->pid);
  nb_pickle_writer_uint64 (writer, identity->start);
  write_slice (writer, identity->instance);
}

static void
decode_identified (NbPickleReader *reader, NbMessage *message)
{
  NbIdentity *identity = &message->identity;

  identity->error = nb_pickle_reader_int (reader);
  identity->profile = nb_pickle_reader_uint (reader);
  identity->program = nb_pickle_reader_uint (reader);
  identity->kind = (NbKind)read_enum (reader, NB_N_KINDS - 1);
  identity->descends = nb_pickle_reader_bool (reader);
  identity->claim = (NbKind)read_enum (reader, NB_N_KINDS - 1);
  identity->pid = nb_pickle_reader_int (reader);
  identity->start = nb_pickle_reader_uint64 (reader);
  identity->instance = read_slice (reader);
}

enum
{
  FDS_AS_TARGETS = -1,
};

static const struct
{
  const char *name;
  int min_fds, max_fds; /* FDS_AS_TARGETS: one for each of exec.targets */
  void (*encode) (NbPickleWriter *, const NbMessage *);
  void (*decode) (NbPickleReader *, NbMessage *);
} shapes[] = {
  [NB_MESSAGE_HELLO] = { "HELLO", 0, 1, encode_hello, decode_hello },
  [NB_MESSAGE_EXEC] = { "EXEC", FDS_AS_TARGETS, FDS_AS_TARGETS, encode_exec, decode_exec },
  [NB_MESSAGE_KILL] = { "KILL", 0, 0, encode_kill, decode_kill },
  [NB_MESSAGE_STATUS] = { "STATUS", 0, 0, encode_status, decode_status },
  [NB_MESSAGE_REAP] = { "REAP", 0, 0, encode_nothing, decode_nothing },
  [NB_MESSAGE_LIST] = { "LIST", 0, 0, encode_nothing, decode_nothing },
  [NB_MESSAGE_RESULT] = { "RESULT", 0, 1, encode_result, decode_result },
  [NB_MESSAGE_LISTED] = { "LISTED", 0, 0, encode_listed, decode_listed },
  [NB_MESSAGE_BORN] = { "BORN", 0, 1, encode_nothing, decode_nothing },
  [NB_MESSAGE_EXITED] = { "EXITED", 0, 0, encode_exited, decode_exited },
  [NB_MESSAGE_WELCOME] = { "WELCOME", 0, 0, encode_welcome, decode_welcome },
  [NB_MESSAGE_SAY] = { "SAY", 0, 0, encode_say, decode_say },
  [NB_MESSAGE_OOM_ADJUST] = { "OOM_ADJUST", 0, 0, encode_oom_adjust, decode_oom_adjust },
  [NB_MESSAGE_DENIED] = { "DENIED", 0, 0, encode_denied, decode_denied },
  [NB_MESSAGE_WATCH] = { "WATCH", 1, 1, encode_watch, decode_watch },
  [NB_MESSAGE_SURVEY] = { "SURVEY", 0, 0, encode_nothing, decode_nothing },
  [NB_MESSAGE_SURVEYED] = { "SURVEYED", 0, 0, encode_surveyed, decode_surveyed },
  [NB_MESSAGE_PROBE] = { "PROBE", 0, 0, encode_probe, decode_probe },
  [NB_MESSAGE_PROBED] = { "PROBED", 0, 0, encode_probed, decode_probed },
  [NB_MESSAGE_IDENTIFY] = { "IDENTIFY", 0, 1, encode_identify, decode_identify },
  [NB_MESSAGE_IDENTIFIED] = { "IDENTIFIED", 0, 0, encode_identified, decode_identified },
};

static bool
is_known (NbMessageType type)
{
  return (size_t)type < NB_ARRAY_SIZE (shapes) && shapes[type].name != NULL;
}

const char *
nb_message_type_name (NbMessageType type)
{
  return is_known (type) ? shapes[type].name : "unknown";
}

int
nb_message_encode (NbPickleWriter *writer, const NbMessage *message, size_t *size_out)
{
  nb_pickle_writer_init (writer);
  nb_pickle_writer_uint (writer, message->type);
  nb_pickle_writer_uint (writer, message->serial);
  nb_pickle_writer_uint (writer, message->child);
  shapes[message->type].encode (writer, message);
  return nb_pickle_writer_finish (writer, size_out);
}

static bool
has_right_fds (const NbMessage *message, size_t n_fds)
{
  int min = shapes[message->type].min_fds, max = shapes[message->type].max_fds;

  if (min == FDS_AS_TARGETS)
    return n_fds == message->exec.n_targets;
  return n_fds >= (size_t)min && n_fds <= (size_t)max;
}

int
nb_message_decode (const NbPacket *packet, NbMessage *message_out)
{
  return nb_message_decode_bytes (packet->bytes, packet->size, packet->n_fds, message_out);
}

int
nb_message_decode_bytes (const void *bytes, size_t size, size_t n_fds,
                         NbMessage *message_out)
{
  NbPickleReader reader;

  nb_pickle_reader_init (&reader, bytes, size);
  message_out->type = (NbMessageType)nb_pickle_reader_uint (&reader);
  message_out->serial = nb_pickle_reader_uint (&reader);
  message_out->child = nb_pickle_reader_uint (&reader);
  if (reader.error)
    return -EBADMSG;
  if (!is_known (message_out->type))
    return -ENOSYS;
  shapes[message_out->type].decode (&reader, message_out);
  if (nb_pickle_reader_finish (&reader) < 0)
    return -EBADMSG;
  return has_right_fds (message_out, n_fds) ? 0 : -EPROTO;
}

int
nb_message_send (int fd, const NbMessage *message, const int *fds, size_t n_fds)
{
  NbPickleWriter writer;
  size_t size = 0;
  int result = nb_message_encode (&writer, message, &size);

  return result < 0 ? result : nb_channel_send (fd, writer.bytes, size, fds, n_fds);
}

/* --- strings --- */

NbSlice
nb_slice (const char *string)
{
  return (NbSlice){ .data = string, .length = strlen (string) };
}

void
nb_strings_append (NbStrings *strings, const char *string, bool *overflow)
{
  if (strings->n == NB_EXEC_MAX_STRINGS)
    *overflow = true;
  else
    strings->items[strings->n++] = nb_slice (string);
}

char **
nb_strings_dup (const NbStrings *strings)
{
  size_t bytes = (strings->n + 1) * sizeof (char *);
  char **vector;
  char *text;

  for (size_t i = 0; i < strings->n; i++)
    {
      if (memchr (strings->items[i].data, '\0', strings->items[i].length) != NULL)
        return NULL;
      bytes += strings->items[i].length + 1;
    }
  vector = malloc (bytes);
  if (vector == NULL)
    return NULL;
  text = (char *)(vector + strings->n + 1);
  for (size_t i = 0; i < strings->n; i++)
    {
      vector[i] = text;
      memcpy (text, strings->items[i].data, strings->items[i].length);
      text[strings->items[i].length] = '\0';
      text += strings->items[i].length + 1;
    }
  vector[strings->n] = NULL;
  return vector;
}

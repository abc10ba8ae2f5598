/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/wire/trace-text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "spawn/base/macros.h"

enum
{
  WORD_MAX_BYTES = 32,
  MAX_FIELDS = 8,
};

/* How a member is written. */
typedef enum
{
  AS_INT,   /* int32_t */
  AS_UINT,  /* uint32_t */
  AS_HEX,   /* int32_t */
  AS_BOOL,  /* bool */
  AS_COUNT, /* size_t */
  AS_ENUM,  /* an enum, by its names */
  AS_KIND,  /* NbKind */
  AS_SIZE,  /* NbSlice, of which the length is told */
  AS_WORD,  /* NbSlice of which the beginning is told: a name that nobody chose */
} Form;

typedef struct
{
  const char *name; /* NULL: no more fields */
  Form form;
  size_t offset;
  const char *const *names;
} Field;

/* --- what is told --- */

static const char *const child_states[] = { "none", "running", "exited" };
static const char *const sandbox_states[] = { "new", "starting", "ready", "ended" };
static const char *const walls[] = { "auto", "landlock", "seccomp" };

#define OF(label, form, member)                                                            \
  {                                                                                        \
    label, form, offsetof (NbMessage, member), NULL                                        \
  }
#define OF_NAMES(label, member, names)                                                     \
  {                                                                                        \
    label, AS_ENUM, offsetof (NbMessage, member), names                                    \
  }

static const Field message_fields[][MAX_FIELDS] = {
  [NB_MESSAGE_HELLO]
  = { OF ("version", AS_UINT, hello.version), OF ("level", AS_UINT, hello.level),
      OF ("landlock", AS_UINT, hello.landlock_abi), OF ("seccomp", AS_BOOL, hello.seccomp),
      OF ("no-new-privs", AS_BOOL, hello.no_new_privs) },
  [NB_MESSAGE_EXEC]
  = { OF ("kind", AS_KIND, exec.kind), OF_NAMES ("wall", exec.wall, walls),
      OF ("arguments", AS_COUNT, exec.argv.n), OF ("environment", AS_COUNT, exec.envp.n) },
  [NB_MESSAGE_KILL] = { OF ("signal", AS_INT, signal) },
  [NB_MESSAGE_STATUS] = { OF ("known-dead", AS_BOOL, known_dead) },
  [NB_MESSAGE_RESULT]
  = { OF ("error", AS_INT, result.error), OF_NAMES ("state", result.state, child_states),
      OF ("wait-status", AS_HEX, result.wait_status),
      OF ("detail-bytes", AS_SIZE, result.detail) },
  [NB_MESSAGE_LISTED] = { OF ("children", AS_COUNT, list.n) },
  [NB_MESSAGE_EXITED] = { OF ("wait-status", AS_HEX, wait_status) },
  [NB_MESSAGE_WELCOME]
  = { OF ("relay", AS_BOOL, welcome.relay), OF ("watch", AS_BOOL, welcome.watch) },
  [NB_MESSAGE_SAY] = { OF ("text", AS_WORD, text) },
  [NB_MESSAGE_OOM_ADJUST]
  = { OF ("pid", AS_INT, oom.pid), OF ("score", AS_INT, oom.score) },
  [NB_MESSAGE_DENIED]
  = { OF ("kind", AS_KIND, denied.kind), OF ("pid", AS_INT, denied.pid),
      OF ("call", AS_INT, denied.number), OF ("error", AS_INT, denied.error) },
  [NB_MESSAGE_WATCH] = { OF ("kind", AS_KIND, kind) },
  [NB_MESSAGE_SURVEYED]
  = { OF ("profile", AS_UINT, survey.profile),
      OF_NAMES ("state", survey.state, sandbox_states),
      OF ("relayed", AS_BOOL, survey.relayed), OF ("processes", AS_COUNT, survey.n),
      OF ("left-out", AS_UINT, survey.left_out) },
  [NB_MESSAGE_PROBE] = { OF ("version", AS_UINT, version) },
  [NB_MESSAGE_PROBED]
  = { OF ("error", AS_INT, place.error), OF ("portal", AS_UINT, place.portal_version),
      OF ("supports", AS_UINT, place.portal_supports),
      OF ("landlock", AS_UINT, place.landlock_abi),
      OF ("pids-visible", AS_BOOL, place.pids_visible), OF ("gpu", AS_BOOL, place.gpu) },
};

#undef OF
#define OF(label, form, member)                                                            \
  {                                                                                        \
    label, form, offsetof (NbZygoteCommand, member), NULL                                  \
  }

static const Field command_fields[][MAX_FIELDS] = {
  [NB_ZYGOTE_FORK]
  = { OF ("type", AS_WORD, process_type), OF ("arguments", AS_COUNT, n_arguments),
      OF ("timezone-units", AS_COUNT, timezone_units), OF ("keys", AS_COUNT, n_keys) },
  [NB_ZYGOTE_REAP] = { OF ("pid", AS_INT, pid) },
  [NB_ZYGOTE_TERMINATION_STATUS]
  = { OF ("pid", AS_INT, pid), OF ("known-dead", AS_BOOL, known_dead) },
  [NB_ZYGOTE_FORK_REAL_PID] = { OF ("pid", AS_INT, pid) },
};

/* base/process/kill.h: TerminationStatus */
static const char *const termination_states[]
    = { "normal", "abnormal", "killed", "crashed", "running" };

#undef OF
#define OF(label, form, member)                                                            \
  {                                                                                        \
    label, form, offsetof (NbZygoteForkReply, member), NULL                                \
  }

static const Field fork_reply_fields[MAX_FIELDS] = { OF ("pid", AS_INT, pid) };

/* --- how it is told --- */

typedef struct
{
  char *out;
  size_t room, used;
} Text;

static void NB_PRINTF (2, 3) append (Text *text, const char *format, ...)
{
  size_t left = text->room - text->used;
  va_list arguments;
  int length;

  va_start (arguments, format);
  length = vsnprintf (text->out + text->used, left, format, arguments);
  va_end (arguments);
  if (length > 0)
    text->used += (size_t)length < left ? (size_t)length : left - 1;
}

static Text
text_new (char *out, size_t room)
{
  out[0] = '\0';
  return (Text){ .out = out, .room = room };
}

/* No blank and nothing that a terminal would obey. */
static void
append_word (Text *text, NbSlice slice)
{
  size_t length = strnlen (slice.data, slice.length);

  length = length < WORD_MAX_BYTES ? length : WORD_MAX_BYTES;
  for (size_t i = 0; i < length; i++)
    append (text, "%c", slice.data[i] > ' ' && slice.data[i] < 0x7f ? slice.data[i] : '?');
}

static void
append_field (Text *text, const Field *field, const void *from)
{
  union
  {
    int32_t number;
    uint32_t unsigned_number;
    size_t count;
    bool flag;
    NbSlice slice;
  } value = { 0 };
  static const size_t sizes[] = { [AS_INT] = sizeof value.number,
                                  [AS_HEX] = sizeof value.number,
                                  [AS_UINT] = sizeof value.unsigned_number,
                                  [AS_ENUM] = sizeof value.unsigned_number,
                                  [AS_KIND] = sizeof value.unsigned_number,
                                  [AS_COUNT] = sizeof value.count,
                                  [AS_BOOL] = sizeof value.flag,
                                  [AS_SIZE] = sizeof value.slice,
                                  [AS_WORD] = sizeof value.slice };

  memcpy (&value, (const char *)from + field->offset, sizes[field->form]);
  append (text, " %s=", field->name);
  switch (field->form)
    {
    case AS_INT:
      append (text, "%d", value.number);
      break;
    case AS_UINT:
      append (text, "%u", value.unsigned_number);
      break;
    case AS_HEX:
      append (text, "0x%x", value.unsigned_number);
      break;
    case AS_BOOL:
      append (text, "%s", value.flag ? "yes" : "no");
      break;
    case AS_COUNT:
      append (text, "%zu", value.count);
      break;
    case AS_ENUM:
      append (text, "%s", field->names[value.unsigned_number]);
      break;
    case AS_KIND:
      append (text, "%s", nb_kind_name ((NbKind)value.unsigned_number));
      break;
    case AS_SIZE:
      append (text, "%zu", value.slice.length);
      break;
    case AS_WORD:
      append_word (text, value.slice);
      break;
    }
}

static void
append_fields (Text *text, const Field *fields, const void *from)
{
  for (size_t i = 0; i < MAX_FIELDS && fields[i].name != NULL; i++)
    append_field (text, &fields[i], from);
}

void
nb_trace_text_of_message (const NbMessage *message, char *out, size_t room)
{
  Text text = text_new (out, room);

  append (&text, "%s", nb_message_type_name (message->type));
  if (message->serial != 0)
    append (&text, " serial=%u", message->serial);
  if (message->child != 0)
    append (&text, " child=%u", message->child);
  if ((size_t)message->type < NB_ARRAY_SIZE (message_fields))
    append_fields (&text, message_fields[message->type], message);
}

void
nb_trace_text_of_command (const NbZygoteCommand *command, char *out, size_t room)
{
  Text text = text_new (out, room);

  append (&text, "%s", nb_zygote_command_name (command->type));
  if ((size_t)command->type < NB_ARRAY_SIZE (command_fields))
    append_fields (&text, command_fields[command->type], command);
}

static bool
is_text (const void *bytes, size_t size, const char *text)
{
  return size == strlen (text) + 1 && memcmp (bytes, text, size) == 0;
}

static void
append_status (Text *text, const NbZygoteStatusReply *reply)
{
  if ((size_t)reply->status < NB_ARRAY_SIZE (termination_states))
    append (text, " status=%s", termination_states[reply->status]);
  else
    append (text, " status=%d", reply->status);
  append (text, " wait-status=0x%x", (unsigned)reply->wait_status);
}

void
nb_trace_text_of_reply (const void *bytes, size_t size, NbZygoteCommandType asked,
                        char *out, size_t room)
{
  Text text = text_new (out, room);
  NbZygoteForkReply forked = { 0 };
  NbZygoteStatusReply status = { 0 };
  uint32_t word;

  if (is_text (bytes, size, NB_ZYGOTE_BOOT) || is_text (bytes, size, NB_ZYGOTE_HELLO))
    append (&text, "%s", (const char *)bytes);
  else if (asked == NB_ZYGOTE_SANDBOX_STATUS && size == sizeof word)
    {
      memcpy (&word, bytes, sizeof word);
      append (&text, "GetSandboxStatus-reply status=0x%x", word);
    }
  else if (asked == NB_ZYGOTE_FORK
           && nb_zygote_fork_reply_decode (bytes, size, &forked) == 0)
    {
      append (&text, "Fork-reply");
      append_fields (&text, fork_reply_fields, &forked);
    }
  else if (asked == NB_ZYGOTE_TERMINATION_STATUS
           && nb_zygote_status_reply_decode (bytes, size, &status) == 0)
    {
      append (&text, "GetTerminationStatus-reply");
      append_status (&text, &status);
    }
  else
    append (&text, "unexpected");
}

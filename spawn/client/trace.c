/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/client/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "zygote/wire/channel.h"
#include "zygote/wire/trace-text.h"

enum
{
  MAX_CONVERSATIONS = 64, /* clients of a broker, and its controllers */
  MAX_QUESTIONS = 32,     /* of one conversation, without an answer */
  NAME_BYTES = 32,
  PATH_BYTES = 256,
  LINE_BYTES = NB_TRACE_TEXT_BYTES + 200,
};

/* What is not answered yet. */
typedef struct
{
  uint32_t serial;           /* NB_TRACE_MESSAGES */
  NbZygoteCommandType asked; /* NB_TRACE_ZYGOTE, where answers come in order */
  int64_t asked_ns;
} Question;

/* A socket is known by its inode: its number may be another one's by now. */
typedef struct
{
  int fd; /* not owned; 0: nothing is here */
  ino_t inode;
  NbTraceVocabulary vocabulary;
  char name[NAME_BYTES], here[NAME_BYTES], there[NAME_BYTES];
  Question questions[MAX_QUESTIONS];
  size_t n_questions;
} Conversation;

static struct
{
  int file;
  Conversation conversations[MAX_CONVERSATIONS];
} self = { .file = -1 };

static int64_t
now_ns (void)
{
  struct timespec now;

  (void)clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* One write(2) on a file that is appended to: lines of several processes do not mix. */
static void
write_line (int64_t ns, const char *conversation, const char *direction, const char *text,
            const char *rest)
{
  char line[LINE_BYTES];
  int length = snprintf (line, sizeof line, "%lld.%06lld %s %s %s%s\n",
                         (long long)(ns / 1000000000), (long long)(ns / 1000 % 1000000),
                         conversation, direction, text, rest);

  if (length > 0 && (size_t)length < sizeof line)
    (void)!write (self.file, line, (size_t)length);
}

/* --- questions and answers --- */

/* The oldest makes room: one that was never answered. */
static void
remember (Conversation *conversation, Question question)
{
  if (conversation->n_questions == MAX_QUESTIONS)
    memmove (conversation->questions, conversation->questions + 1,
             --conversation->n_questions * sizeof question);
  conversation->questions[conversation->n_questions++] = question;
}

static Question
take (Conversation *conversation, size_t index)
{
  Question question = conversation->questions[index];

  memmove (conversation->questions + index, conversation->questions + index + 1,
           (--conversation->n_questions - index) * sizeof question);
  return question;
}

/* When what this answers was asked; 0: it answers nothing. */
static int64_t
match_message (Conversation *conversation, const NbMessage *message, int64_t ns)
{
  bool answers = message->type == NB_MESSAGE_RESULT || message->type == NB_MESSAGE_LISTED
                 || message->type == NB_MESSAGE_SURVEYED
                 || message->type == NB_MESSAGE_PROBED;

  if (message->serial == 0)
    return 0;
  if (!answers)
    {
      remember (conversation, (Question){ .serial = message->serial, .asked_ns = ns });
      return 0;
    }
  for (size_t i = 0; i < conversation->n_questions; i++)
    if (conversation->questions[i].serial == message->serial)
      return message->type == NB_MESSAGE_SURVEYED /* others, or a RESULT, may follow */
                 ? conversation->questions[i].asked_ns
                 : take (conversation, i).asked_ns;
  return 0;
}

/* --- what is said --- */

static int64_t
describe_message (Conversation *conversation, const void *bytes, size_t size, size_t n_fds,
                  int64_t ns, char *text)
{
  static NbMessage message;

  if (nb_message_decode_bytes (bytes, size, n_fds, &message) < 0)
    {
      (void)strcpy (text, "malformed");
      return 0;
    }
  nb_trace_text_of_message (&message, text, NB_TRACE_TEXT_BYTES);
  return match_message (conversation, &message, ns);
}

static void
describe_command (Conversation *conversation, const void *bytes, size_t size, size_t n_fds,
                  int64_t ns, char *text)
{
  static NbZygoteCommand command;

  if (nb_zygote_command_decode (bytes, size, n_fds, &command) < 0)
    {
      (void)strcpy (text, "malformed");
      return;
    }
  nb_trace_text_of_command (&command, text, NB_TRACE_TEXT_BYTES);
  if (command.type == NB_ZYGOTE_FORK || command.type == NB_ZYGOTE_TERMINATION_STATUS
      || command.type == NB_ZYGOTE_SANDBOX_STATUS)
    remember (conversation, (Question){ .asked = command.type, .asked_ns = ns });
}

/* The greeting may come when the status of the sandbox was asked for already. */
static int64_t
describe_reply (Conversation *conversation, const void *bytes, size_t size, char *text)
{
  bool greets
      = (size == sizeof NB_ZYGOTE_BOOT && memcmp (bytes, NB_ZYGOTE_BOOT, size) == 0)
        || (size == sizeof NB_ZYGOTE_HELLO && memcmp (bytes, NB_ZYGOTE_HELLO, size) == 0);
  Question question = { .asked = NB_ZYGOTE_REAP }; /* which nothing answers */

  if (!greets && conversation->n_questions > 0)
    question = take (conversation, 0);
  nb_trace_text_of_reply (bytes, size, question.asked, text, NB_TRACE_TEXT_BYTES);
  return question.asked_ns;
}

static Conversation *
find (int fd)
{
  struct stat found;

  for (size_t i = 0; i < MAX_CONVERSATIONS; i++)
    if (self.conversations[i].fd == fd && fstat (fd, &found) == 0
        && found.st_ino == self.conversations[i].inode)
      return &self.conversations[i];
  return NULL;
}

static void
tap (int fd, bool sent, const void *bytes, size_t size, size_t n_fds)
{
  Conversation *conversation = find (fd);
  char text[NB_TRACE_TEXT_BYTES], direction[2 * NAME_BYTES], rest[100];
  int64_t ns = now_ns (), asked_ns = 0;
  int length;

  if (conversation == NULL)
    return;
  if (conversation->vocabulary == NB_TRACE_MESSAGES)
    asked_ns = describe_message (conversation, bytes, size, n_fds, ns, text);
  else if (sent)
    asked_ns = describe_reply (conversation, bytes, size, text);
  else
    describe_command (conversation, bytes, size, n_fds, ns, text);
  (void)snprintf (direction, sizeof direction, "%s>%s",
                  sent ? conversation->here : conversation->there,
                  sent ? conversation->there : conversation->here);
  length = snprintf (rest, sizeof rest, " bytes=%zu fds=%zu", size, n_fds);
  if (asked_ns != 0)
    (void)snprintf (rest + length, sizeof rest - (size_t)length, " after-ms=%.3f",
                    (double)(ns - asked_ns) / 1e6);
  write_line (ns, conversation->name, direction, text, rest);
}

/* --- for its process --- */

/* Where the trace lies beside this socket; "" when that is nowhere. */
static void
find_path (const char *broker_socket, char path_out[PATH_BYTES])
{
  const char *slash = strrchr (broker_socket, '/');
  int length = slash == NULL ? -1
                             : snprintf (path_out, PATH_BYTES, "%.*s/" NB_TRACE_FILE,
                                         (int)(slash - broker_socket), broker_socket);

  if (length < 0 || length >= PATH_BYTES)
    path_out[0] = '\0';
}

int
nb_trace_link (const char *broker_socket, const char *file)
{
  char path[PATH_BYTES];

  find_path (broker_socket, path);
  return symlink (file, path) < 0 ? -errno : 0;
}

void
nb_trace_unlink (const char *broker_socket)
{
  char path[PATH_BYTES];

  find_path (broker_socket, path);
  (void)unlink (path);
}

void
nb_trace_start (const char *broker_socket)
{
  char path[PATH_BYTES];

  find_path (broker_socket, path);
  self.file = open (path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
  if (self.file >= 0)
    nb_channel_set_tap (tap);
}

bool
nb_trace_is_on (void)
{
  return self.file >= 0;
}

void
nb_trace_follow (int fd, NbTraceVocabulary vocabulary, const char *conversation,
                 const char *here, const char *there)
{
  struct stat found;
  size_t i = 0;

  if (self.file < 0 || fd <= 0 || fstat (fd, &found) < 0)
    return;
  while (i < MAX_CONVERSATIONS && self.conversations[i].fd != fd)
    i++;
  for (size_t j = 0; j < MAX_CONVERSATIONS && i == MAX_CONVERSATIONS; j++)
    if (self.conversations[j].fd == 0)
      i = j;
  if (i == MAX_CONVERSATIONS)
    {
      nb_trace_note (conversation, "NOT-FOLLOWED");
      return;
    }
  self.conversations[i]
      = (Conversation){ .fd = fd, .inode = found.st_ino, .vocabulary = vocabulary };
  (void)snprintf (self.conversations[i].name, NAME_BYTES, "%s", conversation);
  (void)snprintf (self.conversations[i].here, NAME_BYTES, "%s", here);
  (void)snprintf (self.conversations[i].there, NAME_BYTES, "%s", there);
}

void
nb_trace_note (const char *conversation, const char *format, ...)
{
  char text[NB_TRACE_TEXT_BYTES];
  va_list arguments;

  if (self.file < 0)
    return;
  va_start (arguments, format);
  (void)vsnprintf (text, sizeof text, format, arguments);
  va_end (arguments);
  write_line (now_ns (), conversation, "-", text, "");
}

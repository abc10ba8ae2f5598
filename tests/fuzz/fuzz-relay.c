/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The relay between a hostile browser, a hostile zygote and a hostile nursery, which do
 * anything in any order. Whatever they do (zygote/PROTOCOL.md, section 10):
 *
 *  - the zygote gets nothing but what the browser sent, in order;
 *  - the browser gets nothing but what the zygote sent, in order, or the normal end of an
 *    unknown child, never a descriptor, and at most one answer to each question;
 *  - on the link are greetings, and births and ends of children, each at most once;
 *  - no descriptor is left, and it does not run in circles.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/macros.h"
#include "tests/fuzz/fuzz.h"
#include "zygote/controller/relay-children.h"
#include "zygote/controller/relay.h"
#include "zygote/wire/message.h"

enum
{
  MAX_WATCHED = 128,
  MAX_SENT = 512, /* more than a socket holds, and than an input makes */
  MAX_STEPS = 5000,
  MAX_CHILDREN = 8, /* real processes, of which there must be an end */
  MAX_RAW = 64,
  KNOWN_PIDS = 4,
};

/* What one side sent, so that it is known when it comes out at the other. */
typedef struct
{
  size_t size, n_fds;
  uint8_t beginning[64];
} Sent;

typedef struct
{
  Sent items[MAX_SENT];
  size_t n, passed;
} Log;

static struct
{
  NbRelay *relay;
  int browser, zygote, link; /* our ends */
  int oracle;                /* that the zygote got last; -1: none */
  bool lazy;                 /* nobody reads before the end */
  Log from_browser, from_zygote;
  unsigned questions, answers, greetings;
  uint32_t born;
  bool ended[MAX_CHILDREN + 1];
  int n_children;
} self;

static NbPickleWriter writer;
static NbPacket packet;

/* --- the loop --- */

static int watched[MAX_WATCHED];
static size_t n_watched;

static int
watch (int fd)
{
  nb_fuzz_check (fd >= 0 && n_watched < MAX_WATCHED);
  for (size_t i = 0; i < n_watched; i++)
    nb_fuzz_check (watched[i] != fd);
  watched[n_watched++] = fd;
  return 0;
}

static void
unwatch (int fd)
{
  size_t i = 0;

  while (i < n_watched && watched[i] != fd)
    i++;
  nb_fuzz_check (i < n_watched);
  watched[i] = watched[--n_watched];
}

/* Serves one of those that are ready, by choice. Whether there was one. */
static bool
serve_one (unsigned choice)
{
  struct pollfd fds[MAX_WATCHED];
  unsigned n_ready = 0;

  for (size_t i = 0; i < n_watched; i++)
    fds[i] = (struct pollfd){ .fd = watched[i], .events = POLLIN };
  if (self.relay == NULL || poll (fds, n_watched, 0) <= 0)
    return false;
  for (size_t i = 0; i < n_watched; i++)
    {
      nb_fuzz_check ((fds[i].revents & POLLNVAL) == 0);
      if (fds[i].revents != 0)
        fds[n_ready++].fd = fds[i].fd;
    }
  nb_fuzz_check (nb_relay_owns (self.relay, fds[choice % n_ready].fd));
  if (nb_relay_serve (self.relay, fds[choice % n_ready].fd) == 0)
    return true;
  nb_relay_free (self.relay);
  self.relay = NULL;
  n_watched = 0;
  return false;
}

/* --- what comes out --- */

static void
note (Log *log, const void *bytes, size_t size, size_t n_fds)
{
  Sent *sent = &log->items[log->n];

  nb_fuzz_check (log->n < MAX_SENT);
  log->n++;
  *sent = (Sent){ .size = size, .n_fds = n_fds };
  memcpy (sent->beginning, bytes, size < sizeof sent->beginning ? size : 64);
}

/* Whether this was sent after all that was passed on already. */
static bool
was_sent (Log *log)
{
  while (log->passed < log->n)
    {
      const Sent *sent = &log->items[log->passed++];

      if (sent->size == packet.size && sent->n_fds == packet.n_fds
          && memcmp (sent->beginning, packet.bytes, sent->size < 64 ? sent->size : 64) == 0)
        return true;
    }
  return false;
}

static void
check_at_zygote (void)
{
  static NbZygoteCommand command;

  nb_fuzz_check (was_sent (&self.from_browser));
  nb_fuzz_check (
      nb_zygote_command_decode (packet.bytes, packet.size, packet.n_fds, &command) == 0);
  if (command.type != NB_ZYGOTE_FORK)
    return;
  nb_fd_clear (&self.oracle);
  self.oracle = nb_packet_steal_fd (&packet, 0);
}

static void
check_at_browser (void)
{
  static const uint8_t normal_end[] = { 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
  bool own = packet.size == sizeof normal_end
             && memcmp (packet.bytes, normal_end, sizeof normal_end) == 0;

  nb_fuzz_check (packet.n_fds == 0);
  nb_fuzz_check (own || was_sent (&self.from_zygote));
  nb_fuzz_check (++self.answers <= self.questions);
}

static void
check_at_link (void)
{
  static NbMessage message;
  static const char *const greetings[] = { NB_ZYGOTE_BOOT, NB_ZYGOTE_HELLO };

  nb_fuzz_check (nb_message_decode (&packet, &message) == 0);
  if (message.type == NB_MESSAGE_SAY)
    {
      const char *text = self.greetings < 2 ? greetings[self.greetings] : "";

      nb_fuzz_check (message.serial == 2 - self.greetings);
      nb_fuzz_check (message.text.length == strlen (text) + 1
                     && memcmp (message.text.data, text, message.text.length) == 0);
      self.greetings++;
      return;
    }
  nb_fuzz_check (message.type == NB_MESSAGE_BORN || message.type == NB_MESSAGE_EXITED);
  if (message.type == NB_MESSAGE_BORN)
    {
      nb_fuzz_check (message.child == ++self.born && packet.n_fds == 1);
      return;
    }
  nb_fuzz_check (message.child >= 1 && message.child <= self.born);
  nb_fuzz_check (!self.ended[message.child]);
  self.ended[message.child] = true;
}

static void
drain (int fd, void (*check) (void))
{
  while (fd >= 0 && nb_channel_receive (fd, &packet) > 0)
    {
      check ();
      nb_packet_clear (&packet);
    }
}

static void
drain_all (void)
{
  drain (self.zygote, check_at_zygote);
  drain (self.browser, check_at_browser);
  drain (self.link, check_at_link);
}

/* --- what goes in --- */

static bool
send_from (int fd, Log *log, const void *bytes, size_t size, size_t n_fds)
{
  int fds[NB_CHANNEL_MAX_FDS];
  bool sent;

  n_fds = n_fds < NB_CHANNEL_MAX_FDS ? n_fds : NB_CHANNEL_MAX_FDS;
  for (size_t i = 0; i < n_fds; i++)
    fds[i] = STDERR_FILENO;
  sent = fd >= 0 && (log == NULL || log->n < MAX_SENT)
         && nb_channel_send (fd, bytes, size, fds, n_fds) == 0;
  if (sent && log != NULL)
    note (log, bytes, size, n_fds);
  return sent;
}

static void
send_raw (int fd, Log *log, NbFuzzInput *input)
{
  uint8_t shape = nb_fuzz_byte (input);
  size_t size;
  const uint8_t *bytes = nb_fuzz_bytes (input, shape % MAX_RAW, &size);

  if (size > 0)
    (void)send_from (fd, log, bytes, size, shape / MAX_RAW);
}

static void
send_command (NbZygoteCommand *command, size_t n_fds)
{
  size_t size;

  nb_fuzz_check (nb_zygote_command_encode (&writer, command, &size) == 0);
  if (send_from (self.browser, &self.from_browser, writer.bytes, size, n_fds))
    self.questions += command->type == NB_ZYGOTE_FORK
                      || command->type == NB_ZYGOTE_TERMINATION_STATUS
                      || command->type == NB_ZYGOTE_SANDBOX_STATUS;
}

static void
browser_commands (NbFuzzInput *input)
{
  static NbZygoteCommand command;
  uint8_t choice = nb_fuzz_byte (input);

  command = (NbZygoteCommand){ .type = (NbZygoteCommandType)(choice % 7),
                               .pid = 100 + choice / 7 % KNOWN_PIDS };
  if (choice >= 7 * KNOWN_PIDS * 8)
    command.pid = -1;
  send_command (&command, command.type == NB_ZYGOTE_REINITIALIZE_LOGGING);
}

static void
browser_forks (NbFuzzInput *input)
{
  static NbZygoteCommand command;
  uint8_t shape = nb_fuzz_byte (input);

  command = (NbZygoteCommand){ .type = NB_ZYGOTE_FORK, .n_keys = shape % 16 };
  command.process_type = (NbSlice){ "renderer", 8 };
  send_command (&command, (shape & 0xc0) == 0xc0 ? shape / 16 % 4 : command.n_keys + 1);
}

static void
zygote_replies (NbFuzzInput *input)
{
  uint8_t shape = nb_fuzz_byte (input);
  size_t size = 0;

  nb_pickle_writer_init (&writer);
  nb_pickle_writer_int (&writer, (shape & 1) != 0 ? shape / 2 % 6 : 99 + shape / 2 % 6);
  if ((shape & 1) != 0)
    nb_pickle_writer_int (&writer, 9);
  else
    nb_pickle_writer_string (&writer, "uma", (shape & 0x80) != 0 ? 3 : 0);
  if ((shape & 0x40) != 0) /* too long for an answer */
    for (int i = 0; i < NB_RELAY_MAX_ANSWER / 4; i++)
      nb_pickle_writer_int (&writer, i);
  (void)nb_pickle_writer_finish (&writer, &size);
  (void)send_from (self.zygote, &self.from_zygote, writer.bytes, size, shape == 0xff);
}

static void
zygote_greets (NbFuzzInput *input)
{
  const char *text = (nb_fuzz_byte (input) & 1) != 0 ? NB_ZYGOTE_HELLO : NB_ZYGOTE_BOOT;

  (void)send_from (self.zygote, &self.from_zygote, text, strlen (text) + 1, 0);
}

/* Shares our memory and ends at once: nothing but system calls. */
static void
be_child (int oracle, uint8_t shape)
{
  const char *text = (shape & 6) == 6 ? "CHILD_PONG" : NB_ZYGOTE_PING;
  int fd = STDERR_FILENO;

  for (int i = 0; i <= (shape & 1); i++)
    (void)nb_channel_send (oracle, text, sizeof NB_ZYGOTE_PING - ((shape & 24) == 24), &fd,
                           (shape & 96) == 96);
}

/* Its end is known to the kernel at once, and to the relay when that is served. */
static void
child_pings (NbFuzzInput *input)
{
  uint8_t shape = nb_fuzz_byte (input);
  pid_t pid;

  if (self.oracle < 0 || self.n_children == MAX_CHILDREN)
    return;
  pid = vfork ();
  nb_fuzz_check (pid >= 0);
  if (pid == 0)
    {
      be_child (self.oracle, shape);
      _exit (0);
    }
  self.n_children++;
}

static void
nursery_speaks (NbFuzzInput *input)
{
  uint8_t shape = nb_fuzz_byte (input);
  NbMessage message = { .type = NB_MESSAGE_RESULT, .serial = shape / 2 % 4 };
  size_t size;

  message.result.error = shape >= 0xf0 ? EPIPE : 0;
  message.result.detail = nb_slice ("");
  if ((shape & 1) != 0)
    {
      message = (NbMessage){ .type = NB_MESSAGE_KILL, .child = shape / 2 % 8 };
      message.signal = shape / 16;
    }
  nb_fuzz_check (nb_message_encode (&writer, &message, &size) == 0);
  (void)send_from (self.link, NULL, writer.bytes, size, shape == 0xff);
}

static void
someone_ends (NbFuzzInput *input)
{
  int *const ends[] = { &self.browser, &self.zygote, &self.link, &self.oracle };

  nb_fd_clear (ends[nb_fuzz_byte (input) % NB_ARRAY_SIZE (ends)]);
}

static void
act (NbFuzzInput *input)
{
  uint8_t choice = nb_fuzz_byte (input);

  switch (choice % 12)
    {
    case 0:
      browser_commands (input);
      break;
    case 1:
      browser_forks (input);
      break;
    case 2:
      send_raw (self.browser, &self.from_browser, input);
      self.questions++; /* it may be one */
      break;
    case 3:
      zygote_replies (input);
      break;
    case 4:
      send_raw (self.zygote, &self.from_zygote, input);
      break;
    case 5:
      zygote_greets (input);
      break;
    case 6:
      child_pings (input);
      break;
    case 7:
      nursery_speaks (input);
      break;
    case 8:
      send_raw (self.link, NULL, input);
      break;
    case 9:
      someone_ends (input);
      break;
    default:
      (void)serve_one (choice / 12);
    }
  if (self.relay != NULL)
    (void)nb_relay_find_child (self.relay, 100 + choice % KNOWN_PIDS);
}

/* --- beginning and end --- */

static void
greet (void)
{
  NbMessage said = { .type = NB_MESSAGE_RESULT, .serial = 1 };
  size_t size;

  (void)send_from (self.zygote, &self.from_zygote, NB_ZYGOTE_BOOT, sizeof NB_ZYGOTE_BOOT,
                   0);
  (void)send_from (self.zygote, &self.from_zygote, NB_ZYGOTE_HELLO, sizeof NB_ZYGOTE_HELLO,
                   0);
  while (serve_one (0))
    ;
  said.result.detail = nb_slice ("");
  nb_fuzz_check (nb_message_encode (&writer, &said, &size) == 0);
  (void)send_from (self.link, NULL, writer.bytes, size, 0);
  while (serve_one (0))
    ;
}

static void
begin (uint8_t first)
{
  static const NbLoop loop = { .watch = watch, .unwatch = unwatch };
  int control[2], link[2];

  memset (&self, 0, sizeof self);
  n_watched = 0;
  nb_fuzz_check (nb_channel_pair (control) == 0 && nb_channel_pair (link) == 0);
  self.browser = control[0];
  self.link = link[0];
  self.oracle = -1;
  self.lazy = (first & 1) != 0;
  self.relay = nb_relay_new (control[1], link[1], true, &loop, &self.zygote);
  nb_fuzz_check (self.relay != NULL);
  (void)fcntl (self.browser, F_SETFL, O_NONBLOCK);
  (void)fcntl (self.link, F_SETFL, O_NONBLOCK);
  (void)fcntl (self.zygote, F_SETFL, O_NONBLOCK);
  if ((first & 2) != 0)
    greet ();
}

static void
end (void)
{
  for (int step = 0; serve_one (0); step++)
    nb_fuzz_check (step < MAX_STEPS);
  drain_all ();
  if (self.relay != NULL)
    nb_relay_free (self.relay);
  drain_all ();
  nb_fd_clear (&self.browser);
  nb_fd_clear (&self.zygote);
  nb_fd_clear (&self.link);
  nb_fd_clear (&self.oracle);
  for (; self.n_children > 0; self.n_children--)
    while (wait (NULL) < 0) /* the fuzzer has an alarm */
      nb_fuzz_check (errno == EINTR);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  NbFuzzInput input = { data, size };
  unsigned fds_before = nb_fuzz_count_fds ();

  begin (nb_fuzz_byte (&input));
  while (input.left > 0 && self.relay != NULL)
    {
      act (&input);
      if (!self.lazy)
        drain_all ();
    }
  end ();
  nb_fuzz_check (nb_fuzz_count_fds () == fds_before);
  return 0;
}

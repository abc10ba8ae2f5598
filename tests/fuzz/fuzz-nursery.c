/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The nursery, with a hostile controller at the link, and stand-ins that get any signal.
 * Whatever they do (zygote/PROTOCOL.md, section 11): what is said on the control socket is
 * what SAY asked for, nothing after the hello; KILL names children that were born; no
 * process and no descriptor is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/chrome-sandbox/nursery.h"
#include "tests/fuzz/fuzz.h"
#include "zygote/wire/message.h"

enum
{
  N_IDS = 4,
  MAX_BORN = 4, /* real processes */
  MAX_RAW = 64,
  MAX_SENDS = 100,
};

static struct
{
  NbNursery *nursery;
  int link, control, oracle; /* our ends */
  pid_t stand_in;            /* the latest that pinged; 0: none */
  bool was_born[N_IDS];
  unsigned sent, n_born, said, may_say;
} self;

static NbPacket packet;

static void
check_link (void)
{
  static NbMessage message;

  while (self.link >= 0 && nb_channel_receive (self.link, &packet) > 0)
    {
      nb_fuzz_check (nb_message_decode (&packet, &message) == 0 && packet.n_fds == 0);
      if (message.type == NB_MESSAGE_RESULT)
        continue;
      nb_fuzz_check (message.type == NB_MESSAGE_KILL);
      nb_fuzz_check (message.child < N_IDS && self.was_born[message.child]);
      nb_fuzz_check (message.signal > 0 && message.signal <= SIGRTMAX);
    }
}

static void
check_control (void)
{
  while (self.control >= 0 && nb_channel_receive (self.control, &packet) > 0)
    {
      nb_fuzz_check (packet.n_fds == 0 && ++self.said <= self.may_say);
      nb_packet_clear (&packet);
    }
}

static void
serve (void)
{
  struct pollfd ready = { .events = POLLIN };

  while (self.nursery != NULL)
    {
      ready.fd = nb_nursery_fd (self.nursery);
      if (poll (&ready, 1, 0) != 1)
        return;
      if (nb_nursery_serve (self.nursery) == 0)
        continue;
      nb_nursery_free (self.nursery);
      self.nursery = NULL;
    }
}

/* --- the controller --- */

static void
tell (const NbMessage *message, int fd)
{
  if (self.link >= 0 && self.sent++ < MAX_SENDS)
    (void)nb_message_send (self.link, message, &fd, fd >= 0);
}

static void
tell_raw (NbFuzzInput *input)
{
  uint8_t shape = nb_fuzz_byte (input);
  size_t size;
  const uint8_t *bytes = nb_fuzz_bytes (input, shape % MAX_RAW, &size);
  int fd = STDERR_FILENO;

  /* Not what could be a birth: those are counted. */
  if (size > 4 && bytes[4] != NB_MESSAGE_BORN && self.link >= 0 && self.sent++ < MAX_SENDS)
    {
      self.may_say++;
      (void)nb_channel_send (self.link, bytes, size, &fd, shape >= 0xc0);
    }
}

static void
say (NbFuzzInput *input)
{
  uint8_t shape = nb_fuzz_byte (input);
  NbMessage message = { .type = NB_MESSAGE_SAY, .serial = shape % 4 };
  size_t size;

  message.text.data = (const char *)nb_fuzz_bytes (input, shape / 4, &size);
  message.text.length = size;
  self.may_say++;
  tell (&message, -1);
}

static void
bear (uint8_t id)
{
  NbMessage message = { .type = NB_MESSAGE_BORN, .child = id % N_IDS };
  int ends[2];

  if (self.n_born == MAX_BORN)
    return;
  nb_fuzz_check (nb_channel_pair (ends) == 0);
  nb_fuzz_check (nb_channel_pass_credentials (ends[0]) == 0);
  (void)fcntl (ends[0], F_SETFL, O_NONBLOCK);
  self.n_born++;
  self.was_born[id % N_IDS] = true;
  tell (&message, ends[1]);
  nb_fd_clear (&ends[1]);
  nb_fd_clear (&self.oracle);
  self.oracle = ends[0];
}

/* --- the browser --- */

/* Waits for the ping: it comes, or the oracle ends. */
static void
take_ping (void)
{
  struct pollfd ready = { .fd = self.oracle, .events = POLLIN };

  serve ();
  if (self.oracle < 0 || self.sent >= MAX_SENDS || self.nursery == NULL)
    return;
  if (poll (&ready, 1, 2000) == 1 && nb_channel_receive (self.oracle, &packet) > 0)
    {
      nb_fuzz_check (packet.size == sizeof NB_ZYGOTE_PING && packet.n_fds == 0);
      nb_fuzz_check (packet.has_credentials && packet.pid > 1);
      self.stand_in = packet.pid;
    }
  nb_fd_clear (&self.oracle);
}

/* Only one that is a child of ours still, alive or dead: no other has this number then. */
static void
signal_stand_in (uint8_t choice)
{
  static const int numbers[] = { SIGTERM, SIGSTOP, SIGCONT, SIGKILL, SIGUSR1, SIGCHLD };
  siginfo_t info;

  if (self.stand_in > 0
      && waitid (P_PID, (id_t)self.stand_in, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
    (void)kill (self.stand_in, numbers[choice % 6]);
}

static void
act (NbFuzzInput *input)
{
  uint8_t choice = nb_fuzz_byte (input);
  NbMessage message = { .type = NB_MESSAGE_EXITED, .child = choice / 16 % N_IDS };

  switch (choice % 8)
    {
    case 0:
      say (input);
      break;
    case 1:
      bear (choice / 16);
      break;
    case 2:
      tell (&message, -1);
      break;
    case 3:
      tell_raw (input);
      break;
    case 4:
      take_ping ();
      break;
    case 5:
      signal_stand_in (choice / 8);
      break;
    case 6:
      if (choice >= 0xf0)
        nb_fd_clear (choice & 8 ? &self.link : &self.control);
      break;
    default:
      serve ();
    }
  check_link ();
  check_control ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  NbFuzzInput input = { data, size };
  unsigned fds_before = nb_fuzz_count_fds ();
  int link[2], control[2];

  memset (&self, 0, sizeof self);
  nb_fuzz_check (nb_channel_pair (link) == 0 && nb_channel_pair (control) == 0);
  self.link = link[0];
  self.control = control[0];
  self.oracle = -1;
  (void)fcntl (self.link, F_SETFL, O_NONBLOCK);
  (void)fcntl (self.control, F_SETFL, O_NONBLOCK);
  self.nursery = nb_nursery_new (link[1], control[1]);
  nb_fuzz_check (self.nursery != NULL);
  while (input.left > 0 && self.nursery != NULL)
    act (&input);
  serve ();
  check_control ();
  nb_nursery_free (self.nursery);
  check_link ();
  nb_fd_clear (&self.link);
  nb_fd_clear (&self.control);
  nb_fd_clear (&self.oracle);
  nb_fuzz_check (waitpid (-1, NULL, WNOHANG) == -1 && errno == ECHILD);
  nb_fuzz_check (nb_fuzz_count_fds () == fds_before);
  return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The broker's side of a sub-sandbox and of its clients, between a portal, a controller
 * and clients that do anything in any order. Whatever they do (zygote/PROTOCOL.md, 4, 5):
 *
 *  - no client is told that its program runs unless a good HELLO came and the controller
 *    said so: "sandboxed" is never said of what is not;
 *  - a client gets at most one answer to a request, and one EXITED after each RESULT that
 *    says that its program runs, by the id that it gave;
 *  - the controller gets WELCOME first, EXECs of this broker's ids, wall and environment,
 *    and nothing before its HELLO was good;
 *  - no descriptor is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/flatpak-level.h"
#include "spawn/broker/client/client-connection.h"
#include "spawn/broker/sandbox/orphans.h"
#include "spawn/broker/sandbox/sandbox.h"
#include "spawn/client/environment.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/nb-fake-portal.h"

enum
{
  N_CLIENTS = 4,
  MAX_RAW = 64,
  MAX_TURNS = 2000, /* of the main loop, for one settling */
  MAX_SENDS = 200,  /* of one side: below what a socket holds */
};

typedef struct
{
  int fd; /* our end; -1: not connected */
  NbClientConnection *connection;
  unsigned answers, surveys, sent;
  GHashTable *running; /* a set of the ids of programs that run */
} Client;

static struct
{
  NbPortal *portal;
  NbSandbox *sandbox;
  NbSandboxes sandboxes; /* that one, and no other */
  NbWall wall;
  int controller; /* our end; -1: none */
  Client clients[N_CLIENTS];
  unsigned sent, good_results;
  gboolean started, good_hello, welcomed;
  guint32 last_exec;
} self;

static NbPacket packet;
static NbMessage message;

/* In spawn/broker/sandbox/orphans.c's place: no bubblewrap is here, and looking takes long.
 */
void
nb_orphans_end (void)
{
}

static void
settle (void)
{
  for (int turn = 0; g_main_context_iteration (NULL, FALSE); turn++)
    nb_fuzz_check (turn < MAX_TURNS);
}

/* --- what comes out --- */

static gboolean
receive (int fd)
{
  nb_packet_clear (&packet);
  if (fd < 0 || nb_channel_receive (fd, &packet) <= 0)
    return FALSE;
  nb_fuzz_check (nb_message_decode (&packet, &message) == 0);
  return TRUE;
}

static void
check_exec (void)
{
  nb_fuzz_check (message.serial == message.child && message.child > self.last_exec);
  nb_fuzz_check (message.exec.wall == self.wall);
  for (size_t i = 0; i < message.exec.envp.n; i++)
    {
      g_autofree char *entry
          = g_strndup (message.exec.envp.items[i].data, message.exec.envp.items[i].length);

      nb_fuzz_check (nb_environment_allows (message.exec.kind, entry));
    }
}

static void
check_at_controller (void)
{
  while (receive (self.controller))
    {
      if (!self.welcomed)
        {
          nb_fuzz_check (self.good_hello && message.type == NB_MESSAGE_WELCOME);
          self.welcomed = TRUE;
        }
      else if (message.type == NB_MESSAGE_EXEC)
        check_exec ();
      else if (message.type == NB_MESSAGE_KILL || message.type == NB_MESSAGE_REAP)
        nb_fuzz_check (message.serial == 0);
      else
        nb_fuzz_check (message.type == NB_MESSAGE_OOM_ADJUST
                       || (message.type == NB_MESSAGE_SURVEY && message.serial != 0));
    }
}

/* Of the one sandbox there is told once; what it is, is the broker's word. */
static void
check_survey (Client *client)
{
  const NbSurvey *survey = &message.survey;

  nb_fuzz_check (++client->surveys == 1);
  nb_fuzz_check (message.serial != 0 && survey->profile == NB_PROFILE_PAGES);
  nb_fuzz_check (survey->wall == self.wall);
  nb_fuzz_check (survey->state != NB_SANDBOX_READY || self.good_hello);
  nb_fuzz_check ((survey->state == NB_SANDBOX_ENDED) == (survey->reason.length > 0));
  nb_fuzz_check (survey->n == 0 || self.good_hello);
}

static void
check_at_client (Client *client)
{
  while (receive (client->fd))
    {
      gpointer id = GUINT_TO_POINTER (message.child);

      if (message.type == NB_MESSAGE_SURVEYED)
        {
          check_survey (client);
          continue;
        }
      if (message.type == NB_MESSAGE_EXITED)
        {
          nb_fuzz_check (g_hash_table_remove (client->running, id));
          continue;
        }
      nb_fuzz_check (message.serial != 0 && ++client->answers <= client->sent);
      if (message.type == NB_MESSAGE_PROBED)
        {
          nb_fuzz_check (message.place.error != 0 || self.good_hello);
          continue;
        }
      if (message.type == NB_MESSAGE_IDENTIFIED)
        {
          nb_fuzz_check (message.identity.error != 0 || self.good_hello);
          continue;
        }
      nb_fuzz_check (message.type == NB_MESSAGE_RESULT);
      nb_fuzz_check (message.result.error != 0 || packet.n_fds == 0
                     || nb_sandbox_is_relayed (self.sandbox));
      if (message.result.error != 0)
        continue;
      /* What ends a survey is good as well, and says nothing of a program. */
      nb_fuzz_check ((self.good_hello && self.good_results > 0)
                     || (client->surveys > 0 && message.result.state != NB_CHILD_RUNNING));
      if (message.result.state == NB_CHILD_RUNNING)
        nb_fuzz_check (g_hash_table_add (client->running, id));
    }
}

/* --- what goes in --- */

static void
send_to_broker (int fd, unsigned *sent, const NbMessage *what, size_t n_fds)
{
  int fds[NB_CHANNEL_MAX_FDS] = { 0 };

  if (fd >= 0 && (*sent)++ < MAX_SENDS)
    (void)nb_message_send (fd, what, fds, MIN (n_fds, NB_CHANNEL_MAX_FDS));
}

static void
send_raw (int fd, unsigned *sent, NbFuzzInput *input)
{
  uint8_t shape = nb_fuzz_byte (input);
  int fds[4] = { 0 };
  size_t size;
  const uint8_t *bytes = nb_fuzz_bytes (input, shape % MAX_RAW, &size);

  if (fd >= 0 && size > 0 && (*sent)++ < MAX_SENDS)
    (void)nb_channel_send (fd, bytes, size, fds, shape / MAX_RAW);
}

static void
portal_speaks (NbFuzzInput *input)
{
  uint8_t shape = nb_fuzz_byte (input);

  switch (shape % 4)
    {
    case 0:
      nb_fake_portal_answer (self.portal, shape / 4 % 3);
      break;
    case 1:
      nb_fake_portal_refuse (self.portal, "no");
      break;
    case 2:
      nb_fake_portal_exit (self.portal, shape / 4 % 3, 9);
      break;
    default:
      nb_fake_portal_lose (self.portal);
    }
}

static void
controller_greets (NbFuzzInput *input)
{
  uint8_t shape = nb_fuzz_byte (input);
  NbMessage hello = { .type = NB_MESSAGE_HELLO };
  gboolean good = shape < 0x80;

  hello.hello.version = NB_PROTOCOL_VERSION;
  hello.hello.level = NB_FLATPAK_SUB_SANDBOX;
  hello.hello.landlock_abi = 1;
  hello.hello.seccomp = hello.hello.no_new_privs = TRUE;
  for (int i = 0; i < NB_N_NAMESPACES; i++)
    hello.hello.namespaces[i] = 1; /* no inode number of a namespace */
  if (shape >= 0x80)
    switch (shape % 6)
      {
      case 0:
        hello.hello.version++;
        break;
      case 1:
        hello.hello.level = NB_FLATPAK_APP;
        break;
      case 2:
        hello.hello.seccomp = FALSE;
        break;
      case 3:
        hello.hello.no_new_privs = FALSE;
        break;
      case 4:
        hello.hello.namespaces[shape / 6 % 4] = 0;
        break;
      default:
        hello.hello.landlock_abi = 0;
        good = self.wall != NB_WALL_LANDLOCK;
      }
  self.good_hello = self.good_hello || good;
  send_to_broker (self.controller, &self.sent, &hello, shape & 1);
}

static void
controller_answers (NbFuzzInput *input)
{
  uint8_t shape = nb_fuzz_byte (input), ids = nb_fuzz_byte (input);
  NbMessage what = { .serial = ids & 7, .child = ids / 8 % 8 };

  what.type = shape % 3 == 0   ? NB_MESSAGE_RESULT
              : shape % 3 == 1 ? NB_MESSAGE_EXITED
              : shape >= 0xf0  ? NB_MESSAGE_SURVEYED
                               : NB_MESSAGE_BORN;
  if (shape % 3 == 0)
    {
      what.result.error = shape >= 0xc0 ? ENOENT : 0;
      what.result.state = NB_CHILD_RUNNING;
      what.result.detail = nb_slice ("");
      self.good_results += what.result.error == 0;
    }
  if (what.type == NB_MESSAGE_SURVEYED)
    {
      what.survey.reason = nb_slice ("not for the controller to say");
      what.survey.n = ids % 3;
      send_to_broker (self.controller, &self.sent, &what, 0);
      return;
    }
  send_to_broker (self.controller, &self.sent, &what, shape / 3 & 1);
}

static void
closed_cb (NbClientConnection *connection, gpointer data)
{
  ((Client *)data)->connection = NULL;
  nb_client_connection_free (connection);
}

static void
connect_client (Client *client)
{
  int ends[2];

  if (client->fd >= 0 || client->connection != NULL)
    return;
  nb_fuzz_check (nb_channel_pair (ends) == 0);
  g_hash_table_remove_all (client->running);
  *client = (Client){ .fd = ends[0], .running = client->running };
  (void)fcntl (ends[0], F_SETFL, O_NONBLOCK);
  client->connection = nb_client_connection_new (ends[1], NB_CLIENT_STARTS, &self.sandboxes,
                                                 self.wall, closed_cb, client);
  nb_fuzz_check (client->connection != NULL);
}

/* Anything but a program. */
static void
client_asks_more (Client *client, uint8_t shape)
{
  NbMessage what = { .type = NB_MESSAGE_OOM_ADJUST, .serial = shape & 3 };

  what.oom.pid = shape / 4 % 4;
  what.oom.score = 300;
  if ((shape & 0x60) == 0x20)
    {
      what = (NbMessage){ .type = NB_MESSAGE_KILL, .child = shape / 16 % 2 };
      what.signal = shape % 2 == 0 ? 9 : 15;
    }
  if ((shape & 0x60) == 0x40)
    {
      what = (NbMessage){ .type = NB_MESSAGE_PROBE, .serial = shape & 3 };
      what.version = NB_PROTOCOL_VERSION;
    }
  send_to_broker (client->fd, &client->sent, &what, 0);
}

static void
client_asks (Client *client, NbFuzzInput *input)
{
  static NbMessage what;
  uint8_t shape = nb_fuzz_byte (input);
  bool overflow = false;

  what = (NbMessage){ .type = NB_MESSAGE_EXEC, .serial = shape & 3 };
  if (shape >= 0xf0)
    {
      what.type = NB_MESSAGE_SURVEY;
      send_to_broker (client->fd, &client->sent, &what, 0);
      return;
    }
  if ((shape & 0x80) != 0)
    {
      client_asks_more (client, shape);
      return;
    }
  what.child = shape / 16 % 2;
  what.exec.kind = (NbKind)(shape / 4 % 4);
  nb_strings_append (&what.exec.argv, "/app/bin/x", &overflow);
  nb_strings_append (&what.exec.envp, "LANG=C", &overflow);
  nb_strings_append (&what.exec.envp, "LD_PRELOAD=/x", &overflow);
  what.exec.wall = (NbWall)(shape % 3);
  what.exec.n_targets = shape >= 0x70 ? NB_CHANNEL_MAX_FDS : shape / 16;
  for (size_t i = 0; i < what.exec.n_targets; i++)
    what.exec.targets[i] = (int32_t)i;
  send_to_broker (client->fd, &client->sent, &what, what.exec.n_targets);
}

static void
start_sandbox (void)
{
  if (self.started)
    return;
  self.started = TRUE;
  nb_sandbox_start (self.sandbox);
  if (nb_fake_portal_spawn (self.portal)->output >= 0)
    (void)fcntl (nb_fake_portal_spawn (self.portal)->output, F_SETFL, O_NONBLOCK);
  self.controller = nb_fd_dup (nb_fake_portal_spawn (self.portal)->channel, 3);
  nb_fd_clear (&nb_fake_portal_spawn (self.portal)->channel);
  if (self.controller >= 0)
    (void)fcntl (self.controller, F_SETFL, O_NONBLOCK);
}

static void
act (NbFuzzInput *input)
{
  uint8_t choice = nb_fuzz_byte (input);
  Client *client = &self.clients[choice / 16 % N_CLIENTS];

  switch (choice % 14)
    {
    case 0:
      start_sandbox ();
      break;
    case 1:
      portal_speaks (input);
      break;
    case 2:
      controller_greets (input);
      break;
    case 3:
    case 4:
      controller_answers (input);
      break;
    case 5:
      send_raw (self.controller, &self.sent, input);
      self.good_hello = self.good_hello || self.welcomed;
      self.good_results += self.good_hello ? 1U : 0U; /* any bytes may be a RESULT */
      break;
    case 6:
      nb_fd_clear (&self.controller);
      break;
    case 7:
      connect_client (client);
      break;
    case 8:
    case 9:
      connect_client (client);
      client_asks (client, input);
      break;
    case 10:
      send_raw (client->fd, &client->sent, input);
      break;
    case 11:
      nb_fd_clear (&client->fd);
      break;
    case 12:
      if (nb_fake_portal_spawn (self.portal)->output >= 0)
        (void)!write (nb_fake_portal_spawn (self.portal)->output, input->data,
                      MIN (input->left, MAX_RAW));
      break;
    default:
      if (choice >= 0xf0)
        {
          self.started = TRUE; /* a broker that ends starts nothing */
          nb_sandbox_fail (self.sandbox, "the browser ended");
        }
      settle ();
    }
}

static void
begin (uint8_t first)
{
  memset (&self, 0, sizeof self);
  self.wall = (NbWall)(first % 3);
  self.controller = -1;
  self.portal = nb_fake_portal_new (first / 4 % 4 + 1U, 1);
  self.sandbox
      = nb_sandbox_new (self.portal, NB_PROFILE_PAGES, self.wall, (NbPids)(first / 16 % 3));
  self.sandboxes.items[NB_PROFILE_PAGES] = self.sandbox;
  for (int i = 0; i < N_CLIENTS; i++)
    self.clients[i] = (Client){ .fd = -1, .running = g_hash_table_new (NULL, NULL) };
  if ((first & 0x80) != 0)
    start_sandbox ();
}

static void
end (void)
{
  settle ();
  check_at_controller ();
  for (int i = 0; i < N_CLIENTS; i++)
    {
      check_at_client (&self.clients[i]);
      if (self.clients[i].connection != NULL)
        nb_client_connection_free (self.clients[i].connection);
      nb_fd_clear (&self.clients[i].fd);
      g_hash_table_unref (self.clients[i].running);
    }
  (void)nb_sandbox_is_gone (self.sandbox);
  nb_sandbox_kill (self.sandbox, TRUE);
  nb_sandbox_free (self.sandbox);
  nb_fake_portal_cancel (self.portal);
  nb_fd_clear (&self.controller);
  g_object_unref (self.portal);
  settle ();
}

/* GLib opens descriptors of its own when it is first used, and keeps them. */
static void
warm_up (void)
{
  static gboolean warm;

  if (warm)
    return;
  warm = TRUE;
  begin (0x80);
  end ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  NbFuzzInput input = { data, size };
  unsigned fds_before;

  warm_up ();
  fds_before = nb_fuzz_count_fds ();
  begin (nb_fuzz_byte (&input));
  while (input.left > 0)
    act (&input);
  end ();
  nb_fuzz_check (nb_fuzz_count_fds () == fds_before);
  return 0;
}

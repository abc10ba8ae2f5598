/* SPDX-License-Identifier: BSD-3-Clause */
/* The broker's end of a sub-sandbox's channel: what its controller says. */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>

#include "spawn/base/log.h"
#include "spawn/broker/denials.h"
#include "spawn/broker/sandbox/hello-check.h"
#include "spawn/broker/sandbox/sandbox-private.h"
#include "spawn/client/trace.h"

static void
handle_hello (NbSandbox *sandbox, const NbMessage *message, NbPacket *packet)
{
  const char *complaint
      = nb_hello_check (&message->hello, packet->has_credentials ? packet->uid : (uid_t)-1,
                        sandbox->wall, nb_profile_traits (sandbox->profile));
  gboolean hidden = packet->pid <= 0;
  NbMessage welcome = { .type = NB_MESSAGE_WELCOME };

  if (complaint != NULL)
    {
      nb_sandbox_fail (sandbox, complaint);
      return;
    }
  if (hidden && sandbox->pids == NB_PIDS_VISIBLE)
    {
      nb_sandbox_fail (sandbox, NB_PIDS_HIDDEN);
      return;
    }
  sandbox->relayed = hidden || sandbox->pids == NB_PIDS_STAND_IN;
  welcome.welcome.relay = sandbox->relayed;
  welcome.welcome.watch = nb_log_is_on (NB_LOG_SECCOMP);
  sandbox->landlock_abi = message->hello.landlock_abi;
  sandbox->init_pidfd = nb_packet_steal_fd (packet, 0);
  (void)nb_message_send (sandbox->channel, &welcome, NULL, 0);
  g_clear_handle_id (&sandbox->deadline_source, g_source_remove);
  nb_sandbox_enter (sandbox, STATE_READY);
  nb_sandbox_send_waiting (sandbox);
  nb_waiters_tell (&sandbox->waiters, sandbox->reason);
}

static void
handle_message (NbSandbox *sandbox, NbMessage *message, NbPacket *packet)
{
  nb_log_debug (NB_LOG_CHANNEL, "controller: %s child=%u",
                nb_message_type_name (message->type), message->child);
  if (sandbox->state == STATE_STARTING && message->type == NB_MESSAGE_HELLO)
    handle_hello (sandbox, message, packet);
  else if (sandbox->state == STATE_READY && message->type == NB_MESSAGE_RESULT)
    nb_sandbox_take_result (sandbox, message);
  else if (sandbox->state == STATE_READY && message->type == NB_MESSAGE_EXITED)
    nb_sandbox_take_exited (sandbox, message);
  else if (sandbox->state == STATE_READY && message->type == NB_MESSAGE_DENIED)
    nb_denials_log (&message->denied);
  else if (sandbox->state == STATE_READY
           && (message->type == NB_MESSAGE_SURVEYED
               || message->type == NB_MESSAGE_IDENTIFIED))
    nb_sandbox_take_told (sandbox, message);
  else if (sandbox->state != STATE_READY || message->type != NB_MESSAGE_BORN)
    nb_sandbox_fail (sandbox, "the controller broke the protocol");
}

/*
 * A portal that refuses drops the descriptors first and says why afterwards, so until it
 * has answered the channel's end alone explains nothing.
 */
void
nb_sandbox_channel_ended (NbSandbox *sandbox)
{
  if (sandbox->state == STATE_STARTING && sandbox->spawned_pid == 0)
    return;
  nb_sandbox_fail_and_quote (sandbox, sandbox->state == STATE_STARTING
                                          ? "the sub-sandbox ended before it was ready"
                                          : "the sub-sandbox ended");
}

static gboolean
channel_cb (int fd, GIOCondition condition, gpointer data)
{
  static NbPacket packet;
  static NbMessage message;
  NbSandbox *sandbox = data;
  int result = nb_channel_receive (fd, &packet);

  (void)condition;
  if (result == -EAGAIN)
    return G_SOURCE_CONTINUE;
  if (result <= 0)
    {
      sandbox->channel_source = 0;
      nb_sandbox_channel_ended (sandbox);
      return G_SOURCE_REMOVE;
    }
  if (nb_message_decode (&packet, &message) == 0)
    handle_message (sandbox, &message, &packet);
  else
    nb_sandbox_fail (sandbox, "the controller sent a malformed message");
  nb_packet_clear (&packet);
  return G_SOURCE_CONTINUE;
}

gboolean
nb_sandbox_open_channel (NbSandbox *sandbox, int *their_end_out)
{
  int ends[2];

  if (nb_channel_pair (ends) < 0)
    return FALSE;
  sandbox->channel = ends[0];
  *their_end_out = ends[1];
  nb_trace_follow (ends[0], NB_TRACE_MESSAGES, nb_profile_traits (sandbox->profile)->name,
                   "broker", "controller");
  sandbox->channel_source
      = g_unix_fd_add (ends[0], G_IO_IN | G_IO_HUP, channel_cb, sandbox);
  return nb_channel_pass_credentials (ends[0]) == 0
         && fcntl (ends[0], F_SETFL, O_NONBLOCK) == 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/client/client-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/broker/denials.h"
#include "spawn/client/trace.h"

enum
{
  REQUEST_DEADLINE_MS = 10000, /* who connects has something to ask, and asks at once */
};

/* --- to the client --- */

static gboolean
hang_up_cb (gpointer data)
{
  NbClientConnection *client = data;

  client->hang_up_source = 0;
  client->closed (client, client->data);
  return G_SOURCE_REMOVE;
}

void
nb_client_send (NbClientConnection *client, const NbMessage *message, int fd)
{
  if (nb_message_send (client->fd, message, &fd, fd >= 0) == 0)
    return;
  nb_log_debug (NB_LOG_CHANNEL, "client: %s is not taken",
                nb_message_type_name (message->type));
  if (client->hang_up_source == 0)
    client->hang_up_source = g_idle_add_full (G_PRIORITY_DEFAULT, hang_up_cb, client, NULL);
}

void
nb_client_send_result (NbClientConnection *client, guint32 serial, guint32 handle,
                       int error, const char *detail, int link)
{
  NbMessage message = { .type = NB_MESSAGE_RESULT, .serial = serial, .child = handle };

  message.result.error = error;
  message.result.detail = nb_slice (detail);
  nb_client_send (client, &message, link);
}

/* --- from the client --- */

/* Who connected becomes the child that the listener is of; there is no answer. */
static void
handle_watch (NbClientConnection *client, const NbMessage *message, NbPacket *packet)
{
  if (nb_log_is_on (NB_LOG_SECCOMP))
    nb_denials_watch (nb_packet_steal_fd (packet, 0), message->kind, client->pid);
}

/* Places are few: see MAX_CLIENTS of the broker. */
static gboolean
silent_cb (gpointer data)
{
  NbClientConnection *client = data;

  client->deadline_source = 0;
  nb_log_debug (NB_LOG_STATE, "client pid=%d hung up on: it asks for nothing",
                (int)client->pid);
  client->closed (client, client->data);
  return G_SOURCE_REMOVE;
}

static gboolean
may (const NbClientConnection *client, NbMessageType type)
{
  return client->rights == NB_CLIENT_STARTS || type == NB_MESSAGE_PROBE
         || type == NB_MESSAGE_SURVEY || type == NB_MESSAGE_IDENTIFY;
}

/* FALSE: hang up. */
static gboolean
handle_message (NbClientConnection *client, NbMessage *message, NbPacket *packet)
{
  static gboolean (*const handlers[]) (NbClientConnection *, NbMessage *, NbPacket *) = {
    [NB_MESSAGE_EXEC] = nb_client_handle_exec,
    [NB_MESSAGE_KILL] = nb_client_handle_kill,
    [NB_MESSAGE_OOM_ADJUST] = nb_client_handle_oom_adjust,
    [NB_MESSAGE_PROBE] = nb_client_handle_probe,
    [NB_MESSAGE_SURVEY] = nb_client_handle_survey,
    [NB_MESSAGE_IDENTIFY] = nb_client_handle_identify,
  };

  g_clear_handle_id (&client->deadline_source, g_source_remove);
  if (!may (client, message->type))
    return FALSE;
  if (message->type == NB_MESSAGE_WATCH && !client->has_asked)
    handle_watch (client, message, packet);
  client->has_asked = TRUE;
  return (size_t)message->type < NB_ARRAY_SIZE (handlers) && handlers[message->type] != NULL
         && handlers[message->type](client, message, packet);
}

static gboolean
readable_cb (int fd, GIOCondition condition, gpointer data)
{
  static NbPacket packet;
  static NbMessage message;
  NbClientConnection *client = data;
  int result = nb_channel_receive (fd, &packet);
  gboolean good = result == -EAGAIN;

  (void)condition;
  if (result > 0)
    {
      good = nb_message_decode (&packet, &message) == 0
             && handle_message (client, &message, &packet);
      nb_packet_clear (&packet);
    }
  if (good)
    return G_SOURCE_CONTINUE;
  client->source = 0;
  client->closed (client, client->data);
  return G_SOURCE_REMOVE;
}

static void
follow (const NbClientConnection *client)
{
  g_autofree char *name = g_strdup_printf ("client-%d", (int)client->pid);

  nb_trace_follow (client->fd, NB_TRACE_MESSAGES, name, "broker", "client");
}

NbClientConnection *
nb_client_connection_new (int fd, NbClientRights rights, NbSandboxes *sandboxes,
                          NbWall wall, void (*closed) (NbClientConnection *, gpointer),
                          gpointer data)
{
  NbClientConnection *client;
  struct ucred peer = { .uid = (uid_t)-1 };
  socklen_t size = sizeof peer;

  if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != getuid ()
      || fcntl (fd, F_SETFL, O_NONBLOCK) < 0)
    {
      nb_fd_clear (&fd);
      return NULL;
    }
  client = g_new0 (NbClientConnection, 1);
  client->fd = fd;
  client->rights = rights;
  client->pid = peer.pid;
  client->sandboxes = sandboxes;
  client->wall = wall;
  nb_client_init_programs (client);
  nb_client_init_questions (client);
  client->closed = closed;
  client->data = data;
  client->source = g_unix_fd_add (fd, G_IO_IN | G_IO_HUP, readable_cb, client);
  client->deadline_source = g_timeout_add (REQUEST_DEADLINE_MS, silent_cb, client);
  nb_log_debug (NB_LOG_STATE, "client pid=%d connected", (int)peer.pid);
  follow (client);
  return client;
}

const char *
nb_client_connection_get_zygote (NbClientConnection *client)
{
  return client->started ? client->zygote : NULL;
}

void
nb_client_connection_free (NbClientConnection *client)
{
  nb_log_debug (NB_LOG_STATE, "client pid=%d gone", (int)client->pid);
  nb_client_clear_questions (client);
  nb_client_clear_programs (client);
  g_clear_handle_id (&client->source, g_source_remove);
  g_clear_handle_id (&client->hang_up_source, g_source_remove);
  g_clear_handle_id (&client->deadline_source, g_source_remove);
  nb_fd_clear (&client->fd);
  g_free (client->zygote);
  g_free (client);
}

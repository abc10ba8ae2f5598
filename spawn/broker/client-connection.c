/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/client-connection.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/broker/denials.h"
#include "spawn/client/environment.h"

struct _NbClientConnection
{
  int fd;
  guint source;
  pid_t pid;              /* of who connected, says the kernel */
  NbSandboxes *sandboxes; /* borrowed */
  NbSandbox *sandbox;     /* of the child; NULL: none was asked for */
  NbWall wall;
  guint32 child; /* 0: none asked for yet, or it has ended */
  guint32 serial;
  NbProfile asked; /* how many of the sandboxes were asked whether oom_pid is theirs */
  gint32 oom_pid, oom_score;
  char *zygote;      /* path of the one that was asked for, or NULL */
  gboolean started;  /* what was asked for */
  gboolean finished; /* its story is told: hang up */
  void (*closed) (NbClientConnection *, gpointer);
  gpointer data;
};

/* A client that does not read its answers is gone, or as good as that. */
static void
send_to_client (NbClientConnection *client, const NbMessage *message, int fd)
{
  if (nb_message_send (client->fd, message, &fd, fd >= 0) < 0)
    nb_log_debug (NB_LOG_CHANNEL, "client: %s is not taken",
                  nb_message_type_name (message->type));
}

static void
result_cb (gpointer data, int error, const char *detail, int link)
{
  NbClientConnection *client = data;
  NbMessage message = { .type = NB_MESSAGE_RESULT, .serial = client->serial };

  message.result.error = error;
  message.result.state = error == 0 ? NB_CHILD_RUNNING : NB_CHILD_NONE;
  message.result.detail = nb_slice (detail);
  client->started = error == 0;
  client->finished = error != 0;
  send_to_client (client, &message, link);
}

static void
exited_cb (gpointer data, int wait_status)
{
  NbClientConnection *client = data;
  NbMessage message = { .type = NB_MESSAGE_EXITED };

  message.wait_status = wait_status;
  client->finished = TRUE;
  send_to_client (client, &message, -1);
}

/* The client has filtered already; what a child may know is decided here. */
static void
filter_environment (NbKind kind, NbStrings *environment)
{
  size_t kept = 0;

  for (size_t i = 0; i < environment->n; i++)
    {
      g_autofree char *entry
          = g_strndup (environment->items[i].data, environment->items[i].length);

      if (nb_environment_allows (kind, entry))
        environment->items[kept++] = environment->items[i];
    }
  environment->n = kept;
}

static gboolean ask_next (NbClientConnection *client);

/* ESRCH: not ours, the client may try for itself. What the kernel refuses is said once. */
static void
oom_adjusted_cb (gpointer data, int error)
{
  static gboolean said;
  NbClientConnection *client = data;
  NbMessage message = { .type = NB_MESSAGE_RESULT, .serial = client->serial };

  if (error == ESRCH && ask_next (client))
    return;
  if (error != 0 && error != ESRCH && error != ECONNREFUSED && !said)
    {
      said = TRUE;
      nb_log_error ("the OOM score of pages cannot be set: %s", g_strerror (error));
    }
  message.result.error = error;
  message.result.detail = nb_slice ("");
  client->finished = TRUE;
  send_to_client (client, &message, -1);
}

/* Of the next sandbox, whether that is the one in which the child lives. */
static gboolean
ask_next (NbClientConnection *client)
{
  while (client->asked < NB_N_PROFILES)
    {
      NbSandbox *sandbox = client->sandboxes->items[client->asked++];

      if (sandbox == NULL)
        continue;
      nb_sandbox_adjust_oom (sandbox, client->oom_pid, client->oom_score, oom_adjusted_cb,
                             client);
      return TRUE;
    }
  return FALSE;
}

static gboolean
handle_oom_adjust (NbClientConnection *client, const NbMessage *message)
{
  client->oom_pid = message->oom.pid;
  client->oom_score = message->oom.score;
  return ask_next (client);
}

static gboolean
handle_exec (NbClientConnection *client, NbMessage *message, const NbPacket *packet)
{
  NbObserver observer = { .result = result_cb, .exited = exited_cb, .data = client };

  client->sandbox = nb_sandboxes_for_kind (client->sandboxes, message->exec.kind);
  if (client->sandbox == NULL)
    {
      result_cb (client, ENOTSUP, "there is no sub-sandbox for this kind of program", -1);
      return TRUE;
    }
  if (message->exec.kind == NB_KIND_ZYGOTE && message->exec.argv.n > 0)
    client->zygote
        = g_strndup (message->exec.argv.items[0].data, message->exec.argv.items[0].length);
  message->exec.wall = client->wall;
  filter_environment (message->exec.kind, &message->exec.envp);
  client->child = nb_sandbox_exec (client->sandbox, &message->exec, packet->fds, &observer);
  return TRUE;
}

/* Who connected becomes the child that the listener is of; there is no answer. */
static void
handle_watch (NbClientConnection *client, const NbMessage *message, NbPacket *packet)
{
  if (nb_log_is_on (NB_LOG_SECCOMP))
    nb_denials_watch (nb_packet_steal_fd (packet, 0), message->kind, client->pid);
}

/* One request for each connection. */
static gboolean
handle_message (NbClientConnection *client, NbMessage *message, NbPacket *packet)
{
  if (message->type == NB_MESSAGE_WATCH && client->serial == 0)
    {
      handle_watch (client, message, packet);
      return FALSE;
    }
  if (client->serial != 0 || message->serial == 0)
    return FALSE;
  client->serial = message->serial;
  if (message->type == NB_MESSAGE_EXEC)
    return handle_exec (client, message, packet);
  return message->type == NB_MESSAGE_OOM_ADJUST && handle_oom_adjust (client, message);
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

NbClientConnection *
nb_client_connection_new (int fd, NbSandboxes *sandboxes, NbWall wall,
                          void (*closed) (NbClientConnection *, gpointer), gpointer data)
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
  client->pid = peer.pid;
  client->sandboxes = sandboxes;
  client->wall = wall;
  client->closed = closed;
  client->data = data;
  client->source = g_unix_fd_add (fd, G_IO_IN | G_IO_HUP, readable_cb, client);
  nb_log_debug (NB_LOG_STATE, "client pid=%d connected", (int)peer.pid);
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
  for (NbProfile profile = 0; profile < client->asked; profile++)
    if (client->sandboxes->items[profile] != NULL)
      nb_sandbox_forget (client->sandboxes->items[profile], client);
  if (client->child != 0 && !client->finished)
    nb_sandbox_abandon (client->sandbox, client->child);
  g_clear_handle_id (&client->source, g_source_remove);
  nb_fd_clear (&client->fd);
  g_free (client->zygote);
  g_free (client);
}

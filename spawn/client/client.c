/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/client/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "spawn/base/fd.h"
#include "spawn/client/environment.h"

int
nb_client_connect (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  nb_autofd fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

  if (strlen (path) >= sizeof address.sun_path)
    return -ENAMETOOLONG;
  memcpy (address.sun_path, path, strlen (path) + 1);
  if (fd < 0 || connect (fd, (struct sockaddr *)&address, sizeof address) < 0)
    return -errno;
  return nb_fd_steal (&fd);
}

static int
fill_exec (NbMessage *message, const NbClientExec *exec)
{
  bool overflow = false;

  *message = (NbMessage){ .type = NB_MESSAGE_EXEC, .serial = 1 };
  message->exec.kind = exec->kind;
  for (char *const *word = exec->argv; *word != NULL; word++)
    nb_strings_append (&message->exec.argv, *word, &overflow);
  for (char *const *entry = exec->envp; *entry != NULL; entry++)
    if (nb_environment_allows (exec->kind, *entry))
      nb_strings_append (&message->exec.envp, *entry, &overflow);
  message->exec.n_targets = exec->n_fds;
  for (size_t i = 0; i < exec->n_fds; i++)
    message->exec.targets[i] = exec->targets[i];
  return overflow ? -E2BIG : 0;
}

static int
receive (int broker, NbPacket *packet, NbMessage *message)
{
  int result = nb_channel_receive (broker, packet);

  if (result <= 0)
    return -EPIPE;
  return nb_message_decode (packet, message);
}

int
nb_client_exec_begin (int broker, const NbClientExec *exec, char *reason,
                      size_t reason_size)
{
  static NbMessage message;
  int result = fill_exec (&message, exec);

  if (result == 0)
    result = nb_message_send (broker, &message, exec->fds, exec->n_fds);
  if (result == -E2BIG || result == -EMSGSIZE)
    (void)snprintf (reason, reason_size,
                    "arguments, environment or descriptors are too many");
  else if (result < 0)
    (void)snprintf (reason, reason_size, "cannot be asked for: %s", strerror (-result));
  return result;
}

int
nb_client_exec_finish (int broker, int *link_out, char *reason, size_t reason_size)
{
  static NbMessage message;
  static NbPacket packet;
  int result;

  *link_out = -1;
  for (;;)
    {
      result = receive (broker, &packet, &message);
      if (result < 0)
        {
          nb_packet_clear (&packet);
          (void)snprintf (reason, reason_size, "the broker ended");
          return result;
        }
      if (message.type == NB_MESSAGE_RESULT)
        break;
      nb_packet_clear (&packet);
    }
  if (message.result.error == 0)
    *link_out = nb_packet_steal_fd (&packet, 0);
  (void)snprintf (reason, reason_size, "%.*s", (int)message.result.detail.length,
                  message.result.detail.data);
  nb_packet_clear (&packet);
  return -message.result.error;
}

int
nb_client_exec (int broker, const NbClientExec *exec, int *link_out, char *reason,
                size_t reason_size)
{
  int result = nb_client_exec_begin (broker, exec, reason, reason_size);

  *link_out = -1;
  return result < 0 ? result
                    : nb_client_exec_finish (broker, link_out, reason, reason_size);
}

int
nb_client_adjust_oom (int broker, int pid, int score)
{
  static NbMessage message;
  static NbPacket packet;
  int result;

  message = (NbMessage){ .type = NB_MESSAGE_OOM_ADJUST, .serial = 1 };
  message.oom.pid = pid;
  message.oom.score = score;
  result = nb_message_send (broker, &message, NULL, 0);
  if (result == 0)
    result = receive (broker, &packet, &message);
  if (result == 0)
    nb_packet_clear (&packet);
  return result < 0 ? result : -message.result.error;
}

int
nb_client_dispatch (int broker, int *wait_status_out)
{
  static NbMessage message;
  static NbPacket packet;
  int result = receive (broker, &packet, &message);

  nb_packet_clear (&packet);
  if (result < 0)
    return -EPIPE;
  if (message.type != NB_MESSAGE_EXITED)
    return 0;
  *wait_status_out = message.wait_status;
  return 1;
}

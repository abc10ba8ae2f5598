/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/audit/sock-diag.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "spawn/base/fd.h"

enum
{
  ANSWER_BYTES = 32 * 1024, /* what the kernel fills at most in one go */
  TRIES = 5,                /* a dump that others' sockets changed under is begun anew */
  WAIT_S = 5,
  BOTH_WAYS = 3, /* kernel: net/sock.h SHUTDOWN_MASK */
};

typedef enum
{
  DUMP_GOES_ON,
  DUMP_DONE,
  DUMP_TORN, /* the list changed: something may be missing */
  DUMP_FAILED,
} Dump;

static gboolean
ask (int fd)
{
  const struct
  {
    struct nlmsghdr header;
    struct unix_diag_req request;
  } question = { .header = { .nlmsg_len = sizeof question,
                             .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                             .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
                 .request = { .sdiag_family = AF_UNIX,
                              .udiag_states = ~0U,
                              .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER } };

  return send (fd, &question, sizeof question, 0) == sizeof question;
}

static void
socket_free (gpointer data)
{
  NbDiagSocket *socket = data;

  g_free (socket->name);
  g_free (socket);
}

/* An abstract name begins with NUL, and has a length instead of an end. */
static char *
name_of (const char *data, gsize length)
{
  char *name = g_strndup (data, length);

  if (length > 0 && data[0] == '\0')
    {
      GString *abstract = g_string_new_len (data, (gssize)length);

      g_free (name);
      for (gsize i = 0; i < length; i++)
        if (abstract->str[i] == '\0')
          abstract->str[i] = '@';
      return g_string_free (abstract, FALSE);
    }
  return name;
}

static void
add_part (NbDiagSocket *socket, const struct rtattr *part)
{
  gsize size = RTA_PAYLOAD (part);

  if (part->rta_type == UNIX_DIAG_NAME && socket->name == NULL)
    socket->name = name_of (RTA_DATA (part), size);
  if (part->rta_type == UNIX_DIAG_PEER && size == sizeof (guint32))
    {
      guint32 peer;

      memcpy (&peer, RTA_DATA (part), sizeof peer);
      socket->peer = peer;
      socket->has_peer = TRUE;
    }
  if (part->rta_type == UNIX_DIAG_SHUTDOWN && size == sizeof (guint8))
    socket->is_shut = *(const guint8 *)RTA_DATA (part) == BOTH_WAYS;
}

/* What begins at data is whole, and the next one begins *size_out bytes after it. */
static gboolean
is_whole (const struct rtattr *part, gsize left, gsize *size_out)
{
  if (left < sizeof *part || part->rta_len < sizeof *part || part->rta_len > left)
    return FALSE;
  *size_out = MIN (RTA_ALIGN (part->rta_len), left);
  return TRUE;
}

static void
add_socket (GHashTable *sockets, const struct nlmsghdr *header)
{
  const struct unix_diag_msg *message = NLMSG_DATA (header);
  gsize left = header->nlmsg_len - NLMSG_LENGTH (0), size;
  const char *at = (const char *)(message + 1);
  NbDiagSocket *socket;

  if (left < sizeof *message)
    return;
  left -= sizeof *message;
  socket = g_new0 (NbDiagSocket, 1);
  socket->inode = message->udiag_ino;
  for (; is_whole ((const struct rtattr *)(const void *)at, left, &size);
       at += size, left -= size)
    add_part (socket, (const struct rtattr *)(const void *)at);
  g_hash_table_replace (sockets, &socket->inode, socket);
}

static Dump
dump_of (const struct nlmsghdr *header)
{
  if (header->nlmsg_type == NLMSG_ERROR)
    return DUMP_FAILED;
  if ((header->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
    return DUMP_TORN;
  return header->nlmsg_type == NLMSG_DONE ? DUMP_DONE : DUMP_GOES_ON;
}

/* Messages up to the one that ends the dump. */
static Dump
read_answer (GHashTable *sockets, const char *data, gsize left)
{
  Dump dump = DUMP_GOES_ON;

  while (dump == DUMP_GOES_ON && left >= NLMSG_HDRLEN)
    {
      const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)data;
      gsize size = MIN (NLMSG_ALIGN (header->nlmsg_len), left);

      if (header->nlmsg_len < NLMSG_HDRLEN || header->nlmsg_len > left)
        return DUMP_FAILED;
      dump = dump_of (header);
      if (dump == DUMP_GOES_ON && header->nlmsg_type == SOCK_DIAG_BY_FAMILY)
        add_socket (sockets, header);
      data += size;
      left -= size;
    }
  return dump;
}

static Dump
dump_once (GHashTable *sockets)
{
  nb_autofd fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  const struct timeval wait = { .tv_sec = WAIT_S };
  g_autofree char *answer = g_malloc (ANSWER_BYTES);
  Dump dump = DUMP_GOES_ON;

  if (fd < 0 || setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) < 0
      || !ask (fd))
    return DUMP_FAILED;
  while (dump == DUMP_GOES_ON)
    {
      ssize_t got = recv (fd, answer, ANSWER_BYTES, MSG_TRUNC);

      if (got < 0 && errno == EINTR)
        continue;
      if (got <= 0 || got > ANSWER_BYTES)
        return DUMP_FAILED;
      dump = read_answer (sockets, answer, (gsize)got);
    }
  return dump;
}

GHashTable *
nb_sock_diag_dump (void)
{
  g_autoptr (GHashTable) sockets
      = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, socket_free);
  Dump dump = DUMP_TORN;

  for (int i = 0; dump == DUMP_TORN && i < TRIES; i++)
    {
      g_hash_table_remove_all (sockets);
      dump = dump_once (sockets);
    }
  return dump == DUMP_DONE ? g_steal_pointer (&sockets) : NULL;
}

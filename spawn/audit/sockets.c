/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/audit/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "spawn/audit/proc-text.h"
#include "spawn/audit/sock-diag.h"
#include "spawn/base/fd.h"
#include "spawn/base/macros.h"

enum
{
  /* The table is read a page at a time; others' sockets that go meanwhile may make the
   * kernel skip one. Not all of these, in buckets of their own, in two readings. */
  N_MARKERS = 4,
  N_READINGS = 2,
};

struct _NbSockets
{
  int markers[N_MARKERS];
  guint64 marker_inodes[N_MARKERS];
  GHashTable *all;   /* inode -> NbDiagSocket; NULL: not known */
  GHashTable *buses; /* names, owned */
};

struct _NbSocketView
{
  NbUnixTable *unix_table; /* NULL: not readable */
  GPtrArray *names;        /* borrowed from it */
  GHashTable *others;      /* inodes of other families */
};

/* --- the caller's namespace --- */

static void
open_markers (NbSockets *sockets)
{
  for (int i = 0; i < N_MARKERS; i++)
    {
      struct stat stat = { 0 };

      sockets->markers[i] = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      if (sockets->markers[i] >= 0 && fstat (sockets->markers[i], &stat) == 0)
        sockets->marker_inodes[i] = stat.st_ino;
    }
}

NbSockets *
nb_sockets_new (void)
{
  NbSockets *sockets = g_new0 (NbSockets, 1);

  open_markers (sockets);
  sockets->buses = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return sockets;
}

void
nb_sockets_free (NbSockets *sockets)
{
  if (sockets == NULL)
    return;
  for (int i = 0; i < N_MARKERS; i++)
    nb_fd_clear (&sockets->markers[i]);
  g_clear_pointer (&sockets->all, g_hash_table_unref);
  g_hash_table_unref (sockets->buses);
  g_free (sockets);
}

void
nb_sockets_refresh (NbSockets *sockets)
{
  g_clear_pointer (&sockets->all, g_hash_table_unref);
  sockets->all = nb_sock_diag_dump ();
}

/* A name is as long as the kernel says; a path is also ended by NUL. */
static char *
name_of (const struct sockaddr_un *address, socklen_t length)
{
  gsize size = length > offsetof (struct sockaddr_un, sun_path)
                   ? length - offsetof (struct sockaddr_un, sun_path)
                   : 0;
  char *name;

  if (size == 0)
    return NULL;
  if (address->sun_path[0] != '\0')
    return g_strndup (address->sun_path, size);
  name = g_malloc0 (size + 1);
  memcpy (name, address->sun_path, size);
  for (gsize i = 0; i < size; i++)
    if (name[i] == '\0')
      name[i] = '@';
  return name;
}

gboolean
nb_sockets_add_bus (NbSockets *sockets, const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  socklen_t length = sizeof address;
  nb_autofd fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  char *name;

  if (fd < 0 || strlen (path) >= sizeof address.sun_path)
    return FALSE;
  memcpy (address.sun_path, path, strlen (path) + 1);
  if (connect (fd, (struct sockaddr *)&address, sizeof address) < 0
      || getpeername (fd, (struct sockaddr *)&address, &length) < 0)
    return FALSE;
  name = name_of (&address, length);
  if (name != NULL)
    g_hash_table_add (sockets->buses, name);
  return TRUE;
}

/* --- the same namespace --- */

static gboolean
is_marker (const NbSockets *sockets, guint64 inode)
{
  for (int i = 0; i < N_MARKERS; i++)
    if (sockets->marker_inodes[i] == inode)
      return TRUE;
  return FALSE;
}

static NbSame
compare_once (const NbSockets *sockets, const NbProcess *process)
{
  g_autofree char *text = nb_process_read (process, "net/unix", NULL);
  g_autoptr (NbUnixTable) table = text != NULL ? nb_proc_unix_parse (text) : NULL;

  if (table == NULL)
    return NB_SAME_UNKNOWN;
  for (guint i = 0; i < table->sockets->len; i++)
    if (is_marker (sockets, ((NbUnixSocket *)table->sockets->pdata[i])->inode))
      return NB_SAME_YES;
  return table->whole ? NB_SAME_NO : NB_SAME_UNKNOWN;
}

NbSame
nb_sockets_compare (const NbSockets *sockets, const NbProcess *process)
{
  NbSame same = NB_SAME_NO;

  for (int i = 0; i < N_MARKERS; i++)
    if (sockets->marker_inodes[i] == 0)
      return NB_SAME_UNKNOWN;
  for (int i = 0; same == NB_SAME_NO && i < N_READINGS; i++)
    same = compare_once (sockets, process);
  return same;
}

/* --- a process's namespace --- */

static void
add_others (GHashTable *set, const NbProcess *process)
{
  static const struct
  {
    const char *file;
    guint column; /* of the inode */
  } tables[] = {
    { "net/tcp", 9 },  { "net/tcp6", 9 },  { "net/udp", 9 },     { "net/udp6", 9 },
    { "net/raw", 9 },  { "net/raw6", 9 },  { "net/udplite", 9 }, { "net/udplite6", 9 },
    { "net/icmp", 9 }, { "net/icmp6", 9 }, { "net/packet", 8 },  { "net/netlink", 9 },
  };

  for (gsize i = 0; i < NB_ARRAY_SIZE (tables); i++)
    {
      g_autofree char *text = nb_process_read (process, tables[i].file, NULL);

      if (text != NULL)
        nb_proc_inodes_add (set, text, tables[i].column);
    }
}

NbSocketView *
nb_socket_view_new (const NbProcess *process)
{
  NbSocketView *view = g_new0 (NbSocketView, 1);
  g_autofree char *text = nb_process_read (process, "net/unix", NULL);

  view->names = g_ptr_array_new ();
  view->unix_table = text != NULL ? nb_proc_unix_parse (text) : NULL;
  for (guint i = 0; view->unix_table != NULL && i < view->unix_table->sockets->len; i++)
    {
      const NbUnixSocket *socket = view->unix_table->sockets->pdata[i];

      if (socket->name != NULL)
        g_ptr_array_add (view->names, socket->name);
    }
  view->others = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  add_others (view->others, process);
  return view;
}

void
nb_socket_view_free (NbSocketView *view)
{
  if (view == NULL)
    return;
  g_ptr_array_unref (view->names);
  g_clear_pointer (&view->unix_table, nb_unix_table_free);
  g_hash_table_unref (view->others);
  g_free (view);
}

const GPtrArray *
nb_socket_view_get_names (const NbSocketView *view)
{
  return view->names;
}

gboolean
nb_socket_view_is_whole (const NbSocketView *view)
{
  return view->unix_table != NULL && view->unix_table->whole;
}

const char *
nb_sockets_find_bus (const NbSockets *sockets, const NbSocketView *view)
{
  for (guint i = 0; i < view->names->len; i++)
    if (g_hash_table_contains (sockets->buses, view->names->pdata[i]))
      return view->names->pdata[i];
  return NULL;
}

/* --- one socket --- */

static NbSocketClass
class_of_name (const NbSockets *sockets, const char *name, char **name_out)
{
  *name_out = g_strdup (name);
  return g_hash_table_contains (sockets->buses, name) ? NB_SOCKET_BUS : NB_SOCKET_NAMED;
}

/*
 * The kernel's own choice, for a socket that sends its credentials (net/unix/af_unix.c:
 * unix_autobind): the browser's end of a zygote's control socket has one.
 */
static gboolean
is_automatic (const char *name)
{
  enum
  {
    DIGITS = 5,
  };

  return name[0] == '@' && strspn (name + 1, "0123456789abcdef") == DIGITS
         && name[1 + DIGITS] == '\0';
}

static gboolean
has_name (const NbDiagSocket *socket)
{
  return socket != NULL && socket->name != NULL && !is_automatic (socket->name);
}

/* In the caller's own namespace both ends are known. */
static NbSocketClass
classify_own (const NbSockets *sockets, const NbDiagSocket *socket, char **name_out)
{
  const NbDiagSocket *peer
      = socket->peer != 0 ? g_hash_table_lookup (sockets->all, &socket->peer) : NULL;

  if (has_name (socket))
    return class_of_name (sockets, socket->name, name_out);
  if (has_name (peer))
    return class_of_name (sockets, peer->name, name_out);
  if (peer != NULL || !socket->has_peer || socket->is_shut)
    return NB_SOCKET_PRIVATE;
  return NB_SOCKET_UNKNOWN; /* not accepted yet, perhaps at a name */
}

/* NULL: there are several, or none. The kernel makes the end that accepts in there, too. */
static const char *
only_name (const NbSocketView *view)
{
  const char *name = view->names->len > 0 ? view->names->pdata[0] : NULL;

  for (guint i = 1; i < view->names->len; i++)
    if (!g_str_equal (view->names->pdata[i], name))
      return NULL;
  return name;
}

/*
 * In another one only names are known, not who is connected to whom. Where there is none,
 * neither end of any has one; where there is one, any may be connected to that.
 */
static NbSocketClass
classify_theirs (const NbSockets *sockets, const NbSocketView *view, guint64 inode,
                 char **name_out)
{
  for (guint i = 0; i < view->unix_table->sockets->len; i++)
    {
      const NbUnixSocket *socket = view->unix_table->sockets->pdata[i];

      if (socket->inode != inode)
        continue;
      if (socket->name != NULL)
        return class_of_name (sockets, socket->name, name_out);
      if (!view->unix_table->whole)
        return NB_SOCKET_UNKNOWN;
      if (view->names->len == 0)
        return NB_SOCKET_PRIVATE;
      return only_name (view) != NULL ? class_of_name (sockets, only_name (view), name_out)
                                      : NB_SOCKET_UNKNOWN;
    }
  return NB_SOCKET_UNKNOWN;
}

NbSocketClass
nb_sockets_classify (const NbSockets *sockets, const NbSocketView *view, guint64 inode,
                     char **name_out)
{
  const NbDiagSocket *own
      = sockets->all != NULL ? g_hash_table_lookup (sockets->all, &inode) : NULL;

  *name_out = NULL;
  if (own != NULL)
    return classify_own (sockets, own, name_out);
  if (g_hash_table_contains (view->others, &inode))
    return NB_SOCKET_NETWORK;
  return view->unix_table != NULL ? classify_theirs (sockets, view, inode, name_out)
                                  : NB_SOCKET_UNKNOWN;
}

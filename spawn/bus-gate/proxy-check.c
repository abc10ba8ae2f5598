/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/bus-gate/proxy-check.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/macros.h"

#define BUS "org.freedesktop.DBus"
#define CLIENT ":1.7" /* what the bus here calls its one client */
#define CALLER ":1.5" /* and another, who calls that */
#define HIDDEN "org.nestbox.Hidden"
#define LAST "type='signal',member='NestboxLast'"

enum
{
  DEADLINE_MS = 10000, /* in all */
  CALL_SERIAL = 77,    /* the caller's */
  MAX_MESSAGE = 65536,
};

/* What a proxy, from 0.1.6 on, lets a client use; Flatpak's own is what this one talks to.
 */
#define MAX_CLIENT_SERIAL (G_MAXUINT32 - 65536)

/* A proxy that runs, its client and its bus. */
typedef struct
{
  char *folder; /* with both sockets */
  int listener; /* the bus's */
  int client, bus;
  int alive; /* the proxy ends when this is closed */
  pid_t pid;
  gint64 deadline;
  gboolean has_odd_serials; /* in what it says to the bus itself */
} Bench;

static gboolean
fail (GError **error, const char *program, const char *format, const char *what)
{
  g_autofree char *cause = g_strdup_printf (format, what);

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s; bundle " NB_PROXY_ADVICE,
               program, cause);
  return FALSE;
}

/* --- bytes --- */

/* FALSE at the deadline, or when the other has ended instead (-1: there is none). */
static gboolean
wait_for_either (const Bench *bench, int fd, int other)
{
  struct pollfd wanted[]
      = { { .fd = fd, .events = POLLIN }, { .fd = other, .events = POLLIN } };
  gint64 left;
  int result;

  do
    {
      left = (bench->deadline - g_get_monotonic_time ()) / G_TIME_SPAN_MILLISECOND;
      result = poll (wanted, NB_ARRAY_SIZE (wanted), left > 0 ? (int)left : 0);
    }
  while (result < 0 && errno == EINTR);
  return result > 0 && wanted[0].revents != 0;
}

static gboolean
wait_for (const Bench *bench, int fd)
{
  return wait_for_either (bench, fd, -1);
}

static gboolean
read_bytes (const Bench *bench, int fd, char *bytes, gsize size)
{
  while (size > 0)
    {
      ssize_t got = wait_for (bench, fd) ? recv (fd, bytes, size, 0) : -1;

      if (got <= 0)
        return FALSE;
      bytes += got;
      size -= (gsize)got;
    }
  return TRUE;
}

/* Up to the end of a line. */
static gboolean
read_line (const Bench *bench, int fd)
{
  char byte = '\0';

  while (byte != '\n')
    if (!read_bytes (bench, fd, &byte, 1))
      return FALSE;
  return TRUE;
}

static gboolean
write_bytes (int fd, const void *bytes, gsize size)
{
  return send (fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size;
}

/* --- messages --- */

static gboolean
send_message (int fd, GDBusMessage *message, guint32 serial)
{
  gsize size = 0;
  g_autofree guchar *blob = NULL;

  g_dbus_message_set_serial (message, serial);
  blob = g_dbus_message_to_blob (message, &size, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
  return blob != NULL && write_bytes (fd, blob, size);
}

/* NULL: end of file, the deadline, or what is no message. */
static GDBusMessage *
receive_message (const Bench *bench, int fd)
{
  g_autofree char *bytes = g_malloc (MAX_MESSAGE);
  gssize size;

  if (!read_bytes (bench, fd, bytes, 16))
    return NULL;
  size = g_dbus_message_bytes_needed ((guchar *)bytes, 16, NULL);
  if (size < 16 || size > MAX_MESSAGE
      || !read_bytes (bench, fd, bytes + 16, (gsize)size - 16))
    return NULL;
  return g_dbus_message_new_from_blob ((guchar *)bytes, (gsize)size,
                                       G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
}

static GDBusMessage *
new_bus_call (const char *member, const char *argument)
{
  GDBusMessage *message
      = g_dbus_message_new_method_call (BUS, "/org/freedesktop/DBus", BUS, member);

  if (argument != NULL)
    g_dbus_message_set_body (message, g_variant_new ("(s)", argument));
  return message;
}

/* --- the bus --- */

/* As a bus would: a name for the client, and nothing else of interest. */
static void
answer (Bench *bench, GDBusMessage *call)
{
  g_autoptr (GDBusMessage) reply = NULL;
  static guint32 serial = 1000;

  bench->has_odd_serials |= g_dbus_message_get_serial (call) > MAX_CLIENT_SERIAL;
  if (g_dbus_message_get_message_type (call) != G_DBUS_MESSAGE_TYPE_METHOD_CALL)
    return;
  reply = g_dbus_message_new ();
  g_dbus_message_set_message_type (reply, G_DBUS_MESSAGE_TYPE_METHOD_RETURN);
  g_dbus_message_set_reply_serial (reply, g_dbus_message_get_serial (call));
  g_dbus_message_set_sender (reply, BUS);
  g_dbus_message_set_destination (reply, CLIENT);
  if (g_strcmp0 (g_dbus_message_get_member (call), "Hello") == 0)
    g_dbus_message_set_body (reply, g_variant_new ("(s)", CLIENT));
  if (g_strcmp0 (g_dbus_message_get_member (call), "GetNameOwner") == 0)
    {
      g_dbus_message_set_message_type (reply, G_DBUS_MESSAGE_TYPE_ERROR);
      g_dbus_message_set_error_name (reply, BUS ".Error.NameHasNoOwner");
    }
  (void)send_message (bench->bus, reply, ++serial);
}

static const char *
first_string (GDBusMessage *message)
{
  GVariant *body = g_dbus_message_get_body (message);
  const char *text = NULL;

  if (body != NULL && g_variant_is_of_type (body, G_VARIANT_TYPE ("(s)")))
    g_variant_get (body, "(&s)", &text);
  return text;
}

/* --- one try --- */

typedef struct
{
  const char *what;
  GDBusMessage *(*make) (void);
  gboolean after_call; /* the client is called first, by CALLER */
  gboolean is_good;    /* it has to pass */
} Try;

static GDBusMessage *
make_eavesdrop (void)
{
  return new_bus_call ("AddMatch", "eavesdrop='true'");
}

static GDBusMessage *
make_eavesdrop_space (void)
{
  return new_bus_call ("AddMatch", "eavesdrop ='true'");
}

static GDBusMessage *
make_eavesdrop_tab (void)
{
  return new_bus_call ("AddMatch", "type='signal',eavesdrop\t\n='true'");
}

static GDBusMessage *
make_hidden_call (void)
{
  return g_dbus_message_new_method_call (HIDDEN, "/x", "org.nestbox.I", "M");
}

static GDBusMessage *
make_call_as_reply (void)
{
  GDBusMessage *message = make_hidden_call ();

  g_dbus_message_set_reply_serial (message, CALL_SERIAL);
  return message;
}

static GDBusMessage *
make_signal_as_reply (void)
{
  GDBusMessage *message = g_dbus_message_new_signal ("/x", "org.nestbox.I", "S");

  g_dbus_message_set_destination (message, HIDDEN);
  g_dbus_message_set_reply_serial (message, CALL_SERIAL);
  return message;
}

static GDBusMessage *
make_reply_to (const char *name)
{
  GDBusMessage *message = g_dbus_message_new ();

  g_dbus_message_set_message_type (message, G_DBUS_MESSAGE_TYPE_METHOD_RETURN);
  g_dbus_message_set_destination (message, name);
  g_dbus_message_set_reply_serial (message, CALL_SERIAL);
  return message;
}

static GDBusMessage *
make_reply_to_another (void)
{
  return make_reply_to (":1.99");
}

static GDBusMessage *
make_reply (void)
{
  return make_reply_to (CALLER);
}

static const Try tries[] = {
  { "calls to names that it hides", make_hidden_call, FALSE, FALSE },
  { "replies to nothing", make_reply, FALSE, FALSE },
  { "the listening in on others (eavesdrop)", make_eavesdrop, FALSE, FALSE },
  { "the listening in on others (CVE-2026-34080)", make_eavesdrop_space, FALSE, FALSE },
  { "the listening in on others (CVE-2026-34080)", make_eavesdrop_tab, FALSE, FALSE },
  { "calls that pretend to be replies (CVE-2026-94422)", make_call_as_reply, TRUE, FALSE },
  { "signals that pretend to be replies (CVE-2026-94422)", make_signal_as_reply, TRUE,
    FALSE },
  { "replies to who has not called (CVE-2026-94422)", make_reply_to_another, TRUE, FALSE },
  { "replies", make_reply, TRUE, TRUE },
};

/* The other end of the proxy, and its greeting (D-Bus specification, authentication). */
static gboolean
open_connection (Bench *bench)
{
  static const char ok[] = "OK 0123456789abcdef0123456789abcdef\r\n";
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_autofree char *user = g_strdup_printf ("%u", (guint)getuid ());
  g_autoptr (GString) hello = g_string_new ("AUTH EXTERNAL ");

  for (const char *digit = user; *digit != '\0'; digit++)
    g_string_append_printf (hello, "%02x", (guint)*digit);
  g_string_append (hello, "\r\n");
  (void)snprintf (address.sun_path, sizeof address.sun_path, "%s/proxy", bench->folder);
  bench->client = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bench->client < 0
      || connect (bench->client, (struct sockaddr *)&address, sizeof address) < 0
      || !write_bytes (bench->client, "", 1)
      || !wait_for_either (bench, bench->listener, bench->client))
    return FALSE;
  bench->bus = accept4 (bench->listener, NULL, NULL, SOCK_CLOEXEC);
  return bench->bus >= 0 && write_bytes (bench->client, hello->str, hello->len)
         && read_line (bench, bench->bus) && write_bytes (bench->bus, ok, strlen (ok))
         && read_line (bench, bench->client) && write_bytes (bench->client, "BEGIN\r\n", 7)
         && read_line (bench, bench->bus);
}

/* Up to the message with this member, which passes; at either end. */
static gboolean
read_until (Bench *bench, int fd, const char *member)
{
  for (;;)
    {
      g_autoptr (GDBusMessage) message = receive_message (bench, fd);

      if (message == NULL)
        return FALSE;
      if (fd == bench->bus)
        answer (bench, message);
      if (g_strcmp0 (g_dbus_message_get_member (message), member) == 0)
        return TRUE;
    }
}

static gboolean
say_hello (Bench *bench)
{
  g_autoptr (GDBusMessage) hello = new_bus_call ("Hello", NULL);

  return send_message (bench->client, hello, 1) && read_until (bench, bench->bus, "Hello");
}

static gboolean
call_client (Bench *bench)
{
  g_autoptr (GDBusMessage) call
      = g_dbus_message_new_method_call (CLIENT, "/x", "org.nestbox.I", "Called");

  g_dbus_message_set_sender (call, CALLER);
  return send_message (bench->bus, call, CALL_SERIAL)
         && read_until (bench, bench->client, "Called");
}

/* What the client said is at the bus, rather than a ping that the proxy puts in its place.
 */
static gboolean
is_same (GDBusMessage *at_bus, GDBusMessage *sent)
{
  return g_strcmp0 (g_dbus_message_get_member (at_bus), g_dbus_message_get_member (sent))
             == 0
         && g_strcmp0 (g_dbus_message_get_destination (at_bus),
                       g_dbus_message_get_destination (sent))
                == 0
         && g_strcmp0 (first_string (at_bus), first_string (sent)) == 0;
}

/*
 * Whether it passes: seen before what is said after it. 1, 0, or -1: nothing more came. A
 * proxy that hangs up on such a client has not let it pass.
 */
static int
passes (Bench *bench, const Try *try)
{
  g_autoptr (GDBusMessage) sent = try->make (), last = new_bus_call ("AddMatch", LAST);

  if (!send_message (bench->client, sent, 2))
    return -1;
  (void)send_message (bench->client, last, 3);
  for (;;)
    {
      g_autoptr (GDBusMessage) message = receive_message (bench, bench->bus);

      if (message == NULL)
        return g_get_monotonic_time () < bench->deadline ? 0 : -1;
      if (is_same (message, sent))
        return 1;
      if (g_strcmp0 (first_string (message), LAST) == 0)
        return 0;
      answer (bench, message);
    }
}

static gboolean
try_once (Bench *bench, const Try *try, const char *program, GError **error)
{
  int passed = -1;

  if (open_connection (bench) && say_hello (bench)
      && (!try->after_call || call_client (bench)))
    passed = passes (bench, try);
  nb_fd_clear (&bench->client);
  nb_fd_clear (&bench->bus);
  if (passed < 0 && g_get_monotonic_time () >= bench->deadline)
    return fail (error, program, "%s", "does not answer in time");
  if (passed < 0)
    return fail (error, program, "does not do as a proxy should, with %s", try->what);
  if (passed == 1 && !try->is_good)
    return fail (error, program, "lets pass %s", try->what);
  if (passed == 0 && try->is_good)
    return fail (error, program, "does not let pass %s", try->what);
  return TRUE;
}

/* --- the proxy --- */

static gboolean
start (Bench *bench, const char *program, GError **error)
{
  g_autofree char *bus = g_strdup_printf ("unix:path=%s/bus", bench->folder),
                  *proxy = g_strdup_printf ("%s/proxy", bench->folder), *option = NULL;
  nb_autofd theirs = -1;
  int ends[2];
  char byte;

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
    return fail (error, program, "not tried: %s", g_strerror (errno));
  bench->alive = ends[0];
  theirs = nb_fd_dup (ends[1], STDERR_FILENO + 1);
  nb_fd_clear (&ends[1]);
  option = g_strdup_printf ("--fd=%d", theirs);
  {
    const char *argv[]
        = { program, option, bus, proxy, "--filter", "--talk=org.nestbox.Known", NULL };

    bench->pid = fork ();
    if (bench->pid == 0)
      {
        char *nothing_set[] = { NULL }; /* G_DEBUG makes an end of its warnings */
        int nothing = open ("/dev/null", O_RDWR | O_CLOEXEC);

        (void)dup2 (nothing, STDOUT_FILENO);
        (void)dup2 (nothing, STDERR_FILENO);
        (void)nb_fd_set_cloexec (theirs, false);
        (void)execve (program, (char **)argv, nothing_set);
        _exit (127);
      }
  }
  nb_fd_clear (&theirs);
  if (bench->pid < 0 || !read_bytes (bench, bench->alive, &byte, 1))
    return fail (error, program, "%s", "cannot be started");
  return TRUE;
}

static gboolean
listen_as_bus (Bench *bench)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  bench->folder = g_dir_make_tmp ("nestbox-proxy-XXXXXX", NULL);
  if (bench->folder == NULL
      || (gsize)snprintf (address.sun_path, sizeof address.sun_path, "%s/bus",
                          bench->folder)
             >= sizeof address.sun_path)
    return FALSE;
  bench->listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return bench->listener >= 0
         && bind (bench->listener, (struct sockaddr *)&address, sizeof address) == 0
         && listen (bench->listener, 4) == 0;
}

static void
clear (Bench *bench)
{
  static const char *const names[] = { "bus", "proxy" };

  nb_fd_clear (&bench->listener);
  nb_fd_clear (&bench->alive);
  if (bench->pid > 0)
    {
      (void)kill (bench->pid, SIGKILL);
      (void)waitpid (bench->pid, NULL, 0);
    }
  for (gsize i = 0; bench->folder != NULL && i < NB_ARRAY_SIZE (names); i++)
    {
      g_autofree char *path = g_build_filename (bench->folder, names[i], NULL);

      (void)g_unlink (path);
    }
  if (bench->folder != NULL)
    (void)g_rmdir (bench->folder);
  g_free (bench->folder);
}

/* "xdg-dbus-proxy 0.1.4". */
static gboolean
check_version (const char *program, GError **error)
{
  const char *argv[] = { program, "--version", NULL };
  g_autofree char *output = NULL;
  guint have[3] = { 0 }, want[3] = { 0 };

  (void)sscanf (NB_PROXY_MIN_VERSION, "%u.%u.%u", &want[0], &want[1], &want[2]);
  if (!g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                     &output, NULL, NULL, NULL)
      || sscanf (output, "xdg-dbus-proxy %u.%u.%u", &have[0], &have[1], &have[2]) != 3)
    return fail (error, program, "%s", "is not there, or no xdg-dbus-proxy");
  for (gsize i = 0; i < NB_ARRAY_SIZE (have); i++)
    if (have[i] != want[i])
      return have[i] > want[i]
             || fail (error, program, "is older than %s", NB_PROXY_MIN_VERSION);
  return TRUE;
}

gboolean
nb_proxy_check (const char *program, GError **error)
{
  Bench bench
      = { .listener = -1,
          .client = -1,
          .bus = -1,
          .alive = -1,
          .deadline = g_get_monotonic_time () + DEADLINE_MS * G_TIME_SPAN_MILLISECOND };
  gboolean good = check_version (program, error);

  if (good && !listen_as_bus (&bench))
    good = fail (error, program, "not tried: %s", "no socket can be made to try it with");
  if (good)
    good = start (&bench, program, error);
  for (gsize i = 0; good && i < NB_ARRAY_SIZE (tries); i++)
    good = try_once (&bench, &tries[i], program, error);
  if (good && bench.has_odd_serials)
    good = fail (error, program, "%s",
                 "cannot work behind Flatpak's own proxy, which hangs up on what it says "
                 "to the bus itself");
  clear (&bench);
  return good;
}

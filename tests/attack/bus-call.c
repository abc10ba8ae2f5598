/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/attack/bus-call.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/macros.h"

enum
{
  METHOD_CALL = 1,
  METHOD_RETURN = 2,
  SIGNAL = 4,
  FIELD_PATH = 1,
  FIELD_INTERFACE = 2,
  FIELD_MEMBER = 3,
  FIELD_DESTINATION = 6,
  FIELD_SIGNATURE = 8,
  SPAWN_SANDBOX = 4,
  PATIENCE_S = 4,
};

/* --- writing (D-Bus specification, "Marshaling") --- */

typedef struct
{
  uint8_t bytes[1024]; /* none of our messages comes near */
  size_t size;
} Buffer;

static void
align (Buffer *buffer, size_t to)
{
  while (buffer->size % to != 0)
    buffer->bytes[buffer->size++] = 0;
}

static void
put (Buffer *buffer, const void *data, size_t size)
{
  memcpy (buffer->bytes + buffer->size, data, size);
  buffer->size += size;
}

static void
put_u32 (Buffer *buffer, uint32_t value)
{
  align (buffer, 4);
  put (buffer, &value, sizeof value);
}

static void
put_string (Buffer *buffer, const char *string)
{
  put_u32 (buffer, (uint32_t)strlen (string));
  put (buffer, string, strlen (string) + 1);
}

/* An array of bytes with its NUL, as the portal wants paths and words. */
static void
put_bytes (Buffer *buffer, const char *string)
{
  put_u32 (buffer, (uint32_t)strlen (string) + 1);
  put (buffer, string, strlen (string) + 1);
}

static void
put_empty_dictionary (Buffer *buffer)
{
  put_u32 (buffer, 0);
  align (buffer, 8);
}

static void
put_field (Buffer *buffer, uint8_t code, char type, const char *value)
{
  const uint8_t head[] = { code, 1, (uint8_t)type, 0 };

  align (buffer, 8);
  put (buffer, head, sizeof head);
  if (type != 'g')
    {
      put_string (buffer, value);
      return;
    }
  buffer->bytes[buffer->size++] = (uint8_t)strlen (value);
  put (buffer, value, strlen (value) + 1);
}

static void
set_u32 (Buffer *buffer, size_t at, size_t value)
{
  uint32_t word = (uint32_t)value;

  memcpy (buffer->bytes + at, &word, sizeof word);
}

/* A call with this body; offsets 4 and 12 hold the sizes of body and fields. */
static void
put_call (Buffer *buffer, uint32_t serial, const char *const words[4],
          const char *signature, const Buffer *body)
{
  const uint8_t head[] = { 'l', METHOD_CALL, 0, 1 };

  put (buffer, head, sizeof head);
  put_u32 (buffer, (uint32_t)body->size);
  put_u32 (buffer, serial);
  put_u32 (buffer, 0);
  put_field (buffer, FIELD_DESTINATION, 's', words[0]);
  put_field (buffer, FIELD_PATH, 'o', words[1]);
  put_field (buffer, FIELD_INTERFACE, 's', words[2]);
  put_field (buffer, FIELD_MEMBER, 's', words[3]);
  if (signature[0] != '\0')
    put_field (buffer, FIELD_SIGNATURE, 'g', signature);
  set_u32 (buffer, 12, buffer->size - 16);
  align (buffer, 8);
  put (buffer, body->bytes, body->size);
}

static void
put_hello (Buffer *buffer)
{
  static const char *const words[] = { "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                       "org.freedesktop.DBus", "Hello" };
  const Buffer nothing = { .size = 0 };

  put_call (buffer, 1, words, "", &nothing);
}

static void
put_spawn (Buffer *buffer)
{
  static const char *const words[]
      = { "org.freedesktop.portal.Flatpak", "/org/freedesktop/portal/Flatpak",
          "org.freedesktop.portal.Flatpak", "Spawn" };
  Buffer body = { .size = 0 };
  size_t words_at;

  put_bytes (&body, "/");
  words_at = body.size = (body.size + 3) / 4 * 4;
  put_u32 (&body, 0);
  put_bytes (&body, "true");
  set_u32 (&body, words_at, body.size - words_at - 4);
  put_empty_dictionary (&body); /* descriptors */
  put_empty_dictionary (&body); /* environment */
  put_u32 (&body, SPAWN_SANDBOX);
  put_empty_dictionary (&body); /* options */
  put_call (buffer, 2, words, "ayaaya{uh}a{ss}ua{sv}", &body);
}

/* --- talking --- */

static int
send_all (int fd, const void *data, size_t size)
{
  return send (fd, data, size, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -errno;
}

static int
receive_all (int fd, void *data, size_t size)
{
  ssize_t got = recv (fd, data, size, MSG_WAITALL);

  if (got < 0)
    return -errno;
  return got == (ssize_t)size ? 0 : -ECONNRESET;
}

/* EXTERNAL: the kernel tells the bus who we are; the name is the uid's digits in hex. */
static int
authenticate (int fd)
{
  char digits[16], line[64] = "\0AUTH EXTERNAL ";
  size_t size = 1 + strlen ("AUTH EXTERNAL ");
  int result;

  (void)snprintf (digits, sizeof digits, "%d", (int)getuid ());
  for (const char *digit = digits; *digit != '\0'; digit++)
    size += (size_t)snprintf (line + size, sizeof line - size, "%02x", *digit);
  size += (size_t)snprintf (line + size, sizeof line - size, "\r\n");
  result = send_all (fd, line, size);
  do
    result = result == 0 ? receive_all (fd, line, 1) : result;
  while (result == 0 && line[0] != '\n');
  return result == 0 ? send_all (fd, "BEGIN\r\n", strlen ("BEGIN\r\n")) : result;
}

/* The type of the next message that is no signal, or a negative errno. */
static int
receive_answer (int fd)
{
  static uint8_t rest[65536];
  uint8_t head[16];

  for (;;)
    {
      uint32_t body, fields;
      size_t size;
      int result = receive_all (fd, head, sizeof head);

      if (result < 0)
        return result;
      memcpy (&body, head + 4, sizeof body);
      memcpy (&fields, head + 12, sizeof fields);
      size = ((size_t)fields + 7) / 8 * 8 + body;
      if (size > sizeof rest)
        return -EMSGSIZE;
      result = receive_all (fd, rest, size);
      if (result < 0)
        return result;
      if (head[1] != SIGNAL)
        return head[1];
    }
}

static int
call (int fd, void (*compose) (Buffer *))
{
  Buffer buffer = { .size = 0 };
  int result;

  compose (&buffer);
  result = send_all (fd, buffer.bytes, buffer.size);
  if (result == 0)
    result = receive_answer (fd);
  if (result < 0)
    return result;
  return result == METHOD_RETURN ? 0 : -EACCES;
}

static int
connect_bus (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  struct timeval patience = { .tv_sec = PATIENCE_S };
  nb_autofd fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd < 0)
    return -errno;
  (void)snprintf (address.sun_path, sizeof address.sun_path, "%s", path);
  (void)setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect (fd, (struct sockaddr *)&address, sizeof address) < 0)
    return -errno;
  return nb_fd_steal (&fd);
}

static int
connect_any (const char *path)
{
  const char *const places[] = { path, "/run/flatpak/bus" };
  int result = -ENOENT;

  for (size_t i = 0; i < NB_ARRAY_SIZE (places) && result < 0; i++)
    result = connect_bus (places[i]);
  return result;
}

int
nb_bus_call (const char *path, NbBusCall what)
{
  nb_autofd fd = connect_any (path);
  int result = fd < 0 ? fd : authenticate (fd);

  if (result == 0)
    result = call (fd, put_hello);
  if (result == 0 && what == NB_BUS_CALL_SPAWN)
    result = call (fd, put_spawn);
  return result;
}

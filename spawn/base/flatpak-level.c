/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/base/flatpak-level.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spawn/base/fd.h"

enum
{
  /* extra-args= repeats a caller's environment; a file longer than this is refused. */
  INFO_MAX_BYTES = 256 * 1024,
};

const char *
nb_flatpak_level_name (NbFlatpakLevel level)
{
  static const char *const names[] = { "none", "app", "sub-sandbox" };

  return names[level];
}

static void
copy_value (char *target, size_t size, const char *value)
{
  (void)snprintf (target, size, "%s", value);
}

/* One line of the key file; *group is the current [group]. */
static void
parse_line (char *line, char **group, NbFlatpakInfo *info)
{
  char *end = strchr (line, ']');
  char *equals;

  if (line[0] == '[' && end != NULL)
    {
      *end = '\0';
      *group = line + 1;
      return;
    }
  equals = strchr (line, '=');
  if (equals == NULL)
    return;
  *equals = '\0';
  if (strcmp (*group, "Application") == 0 && strcmp (line, "name") == 0)
    copy_value (info->app_id, sizeof info->app_id, equals + 1);
  if (strcmp (*group, "Instance") == 0 && strcmp (line, "flatpak-version") == 0)
    copy_value (info->version, sizeof info->version, equals + 1);
  if (strcmp (*group, "Instance") == 0 && strcmp (line, "instance-id") == 0)
    copy_value (info->instance, sizeof info->instance, equals + 1);
  if (strcmp (*group, "Instance") == 0 && strcmp (line, "sandbox") == 0
      && strcmp (equals + 1, "true") == 0)
    info->level = NB_FLATPAK_SUB_SANDBOX;
}

static int
read_all (int fd, char *buffer, size_t size)
{
  size_t used = 0;

  for (;;)
    {
      ssize_t got = read (fd, buffer + used, size - 1 - used);

      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return -errno;
      if (got == 0)
        break;
      used += (size_t)got;
      if (used == size - 1)
        return -EFBIG;
    }
  buffer[used] = '\0';
  return 0;
}

static int
parse (char *text, NbFlatpakInfo *info_out)
{
  NbFlatpakInfo info = { .level = NB_FLATPAK_APP };
  char none[] = "", *group = none;

  for (char *line = text, *next; line != NULL; line = next)
    {
      next = strchr (line, '\n');
      if (next != NULL)
        *next++ = '\0';
      parse_line (line, &group, &info);
    }
  if (info.app_id[0] == '\0')
    return -EBADMSG;
  *info_out = info;
  return 0;
}

int
nb_flatpak_info_read (const char *path, NbFlatpakInfo *info_out)
{
  nb_autofd fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  char *buffer;
  int result;

  if (fd < 0 && errno == ENOENT)
    {
      *info_out = (NbFlatpakInfo){ .level = NB_FLATPAK_NONE };
      return 0;
    }
  if (fd < 0)
    return -errno;
  buffer = malloc (INFO_MAX_BYTES);
  if (buffer == NULL)
    return -ENOMEM;
  result = read_all (fd, buffer, INFO_MAX_BYTES);
  if (result == 0)
    result = parse (buffer, info_out);
  free (buffer);
  return result;
}

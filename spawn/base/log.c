/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum
{
  LINE_MAX_BYTES = 1024,
};

static const struct
{
  const char *name;
  NbLogCategory category;
} categories[] = {
  { "portal", NB_LOG_PORTAL },   { "state", NB_LOG_STATE },
  { "channel", NB_LOG_CHANNEL }, { "sandbox", NB_LOG_SANDBOX },
  { "seccomp", NB_LOG_SECCOMP }, { "bus", NB_LOG_BUS },
};

static unsigned active;

static bool
activate (const char *name, size_t length)
{
  if (length == 3 && memcmp (name, "all", 3) == 0)
    {
      /* The one changes how filters are attached, the other tells what is said. */
      active |= ~((unsigned)NB_LOG_SECCOMP | (unsigned)NB_LOG_BUS);
      return true;
    }
  for (size_t i = 0; i < NB_ARRAY_SIZE (categories); i++)
    if (strlen (categories[i].name) == length
        && memcmp (categories[i].name, name, length) == 0)
      {
        active |= (unsigned)categories[i].category;
        return true;
      }
  return length == 0;
}

bool
nb_log_init (const char *debug)
{
  bool known = true;

  active = 0;
  while (debug != NULL && *debug != '\0')
    {
      size_t length = strcspn (debug, ",");

      known = activate (debug, length) && known;
      debug += length;
      debug += *debug == ',';
    }
  return known;
}

bool
nb_log_is_on (NbLogCategory category)
{
  return (active & (unsigned)category) != 0;
}

static void
write_line (const char *prefix, const char *format, va_list arguments)
{
  char line[LINE_MAX_BYTES];
  int used = snprintf (line, sizeof line, "%s", prefix);
  size_t length;

  (void)vsnprintf (line + used, sizeof line - (size_t)used - 1, format, arguments);
  length = strlen (line);
  line[length++] = '\n';
  (void)!write (STDERR_FILENO, line, length);
}

void
nb_log_error (const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  write_line ("nestbox: ", format, arguments);
  va_end (arguments);
}

void
nb_log_debug (NbLogCategory category, const char *format, ...)
{
  char prefix[96];
  const char *name = "debug";
  struct timespec now;
  va_list arguments;

  if (!nb_log_is_on (category))
    return;
  for (size_t i = 0; i < NB_ARRAY_SIZE (categories); i++)
    if (categories[i].category == category)
      name = categories[i].name;
  (void)clock_gettime (CLOCK_MONOTONIC, &now);
  (void)snprintf (prefix, sizeof prefix, "nestbox[%d] %ld.%06ld %s: ", (int)getpid (),
                  (long)now.tv_sec, now.tv_nsec / 1000, name);
  va_start (arguments, format);
  write_line (prefix, format, arguments);
  va_end (arguments);
}

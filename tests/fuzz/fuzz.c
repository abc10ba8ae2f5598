/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#  define HAVE_ASAN 1
#elif defined(__has_feature)
#  if __has_feature(address_sanitizer)
#    define HAVE_ASAN 1
#  endif
#endif
#ifdef HAVE_ASAN
#  include <sanitizer/asan_interface.h>
#endif

enum
{
  LOW_FDS = 128,
};

void
nb_fuzz_fail (const char *condition, const char *file, int line)
{
  (void)dprintf (STDERR_FILENO, "# %s:%d: does not hold: %s\n", file, line, condition);
  abort ();
}

const uint8_t *
nb_fuzz_bytes (NbFuzzInput *input, size_t wanted, size_t *size_out)
{
  const uint8_t *bytes = input->data;

  *size_out = wanted < input->left ? wanted : input->left;
  input->data += *size_out;
  input->left -= *size_out;
  return bytes;
}

static void
take (NbFuzzInput *input, void *value, size_t wanted)
{
  size_t size;
  const uint8_t *bytes = nb_fuzz_bytes (input, wanted, &size);

  memset (value, 0, wanted);
  if (size > 0)
    memcpy (value, bytes, size);
}

uint8_t
nb_fuzz_byte (NbFuzzInput *input)
{
  uint8_t value;

  take (input, &value, sizeof value);
  return value;
}

uint16_t
nb_fuzz_u16 (NbFuzzInput *input)
{
  uint16_t value;

  take (input, &value, sizeof value);
  return value;
}

uint32_t
nb_fuzz_u32 (NbFuzzInput *input)
{
  uint32_t value;

  take (input, &value, sizeof value);
  return value;
}

char *
nb_fuzz_rest (NbFuzzInput *input)
{
  size_t size;
  const uint8_t *bytes = nb_fuzz_bytes (input, SIZE_MAX, &size);
  char *text = malloc (size + 1);

  nb_fuzz_check (text != NULL);
  if (size > 0)
    memcpy (text, bytes, size);
  text[size] = '\0';
  return text;
}

char **
nb_fuzz_words (NbFuzzInput *input, int max, int *n_out)
{
  size_t size, head = sizeof (char *) * (size_t)(max + 2);
  const uint8_t *bytes = nb_fuzz_bytes (input, SIZE_MAX, &size);
  char **words = malloc (head + sizeof "program" + size + 1), *text, *end;
  int n = 0;

  nb_fuzz_check (words != NULL);
  text = (char *)words + head;
  words[n++] = strcpy (text, "program");
  text += sizeof "program";
  if (size > 0)
    memcpy (text, bytes, size);
  end = text + size;
  *end = '\0';
  for (; text < end && n <= max; text += strlen (text) + 1)
    words[n++] = text;
  words[n] = NULL;
  *n_out = n;
  return words;
}

unsigned
nb_fuzz_count_fds (void)
{
  unsigned n = 0;

  for (int fd = 0; fd < LOW_FDS; fd++)
    n += fcntl (fd, F_GETFD) >= 0;
  return n;
}

int
nb_fuzz_some_fd (void)
{
  int fd = open ("/dev/null", O_RDWR | O_CLOEXEC);

  nb_fuzz_check (fd >= 0);
  return fd;
}

const char *
nb_fuzz_file (const void *data, size_t size, int *fd_out)
{
  static char path[48];
  int fd = memfd_create ("nb-fuzz", MFD_CLOEXEC);

  nb_fuzz_check (fd >= 0);
  nb_fuzz_check (size == 0 || write (fd, data, size) == (ssize_t)size);
  (void)snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  *fd_out = fd;
  return path;
}

void
nb_fuzz_close_memory (const void *start, size_t size)
{
#ifdef HAVE_ASAN
  __asan_poison_memory_region (start, size);
#else
  (void)start, (void)size;
#endif
}

void
nb_fuzz_open_memory (const void *start, size_t size)
{
#ifdef HAVE_ASAN
  __asan_unpoison_memory_region (start, size);
#else
  (void)start, (void)size;
#endif
}

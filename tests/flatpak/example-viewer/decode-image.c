/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The part of the example that touches untrusted data: reads a PNG from standard input and
 * writes its pixels to standard output. It is started in a sandbox, once for each image.
 *
 * It has a hole, so that tests can see what one is worth: a file that begins with "EVIL"
 * takes it over. Each further line is something to try, and is answered by one line.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <png.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol.h"

/* --- taken over --- */

static int
try_read (const char *path)
{
  char bytes[64];
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? -1 : read (fd, bytes, sizeof bytes - 1);

  if (got < 0)
    return errno;
  bytes[got] = '\0';
  (void)printf ("stolen %s\n", strtok (bytes, "\n"));
  return 0;
}

static int
try_write (const char *path)
{
  return open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 ? errno : 0;
}

static int
try_connect (const char *port)
{
  struct sockaddr_in address
      = { .sin_family = AF_INET, .sin_port = htons ((uint16_t)atoi (port)) };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  return fd < 0 || connect (fd, (struct sockaddr *)&address, sizeof address) < 0 ? errno
                                                                                 : 0;
}

static int
try_signal_others (const char *unused)
{
  (void)unused;
  return kill (-1, SIGKILL) < 0 ? errno : 0;
}

/* Another program may be allowed what this one is not. */
static int
try_cat (const char *path)
{
  int status = 0;
  pid_t pid = fork ();

  if (pid == 0)
    {
      (void)execl ("/usr/bin/cat", "cat", path, (char *)NULL);
      _exit (errno);
    }
  if (pid < 0 || waitpid (pid, &status, 0) < 0)
    return errno;
  return WIFEXITED (status) ? WEXITSTATUS (status) : EINTR;
}

static int
hang (const char *unused)
{
  (void)unused;
  (void)fflush (stdout);
  while (pause () < 0)
    ;
  return 0;
}

static int
crash (const char *unused)
{
  (void)unused;
  (void)fflush (stdout);
  (void)raise (SIGSEGV);
  return 0;
}

static void
obey (char *line)
{
  static const struct
  {
    const char *name;
    int (*attempt) (const char *argument);
  } attempts[] = {
    { "read", try_read },       { "write", try_write },
    { "connect", try_connect }, { "kill-all", try_signal_others },
    { "hang", hang },           { "crash", crash },
    { "cat", try_cat },
  };
  char *name = strtok (line, " \n"), *argument = strtok (NULL, "\n");

  for (size_t i = 0; name != NULL && i < sizeof attempts / sizeof attempts[0]; i++)
    if (strcmp (name, attempts[i].name) == 0)
      {
        int error = attempts[i].attempt (argument != NULL ? argument : "");

        (void)printf ("%s %s: %s\n", name, argument != NULL ? argument : "",
                      error == 0 ? "done" : strerror (error));
      }
}

static int
be_taken_over (FILE *input)
{
  char line[512];

  while (fgets (line, sizeof line, input) != NULL)
    obey (line);
  return 0;
}

/* --- as it was meant --- */

static int
decode (FILE *input)
{
  png_image image = { .version = PNG_IMAGE_VERSION };
  PictureHeader header = { .magic = PICTURE_MAGIC };
  png_bytep pixels;

  if (png_image_begin_read_from_stdio (&image, input) == 0)
    {
      (void)fprintf (stderr, "%s\n", image.message);
      return 1;
    }
  image.format = PNG_FORMAT_RGBA;
  header.width = image.width;
  header.height = image.height;
  if (image.width > MAX_SIDE || image.height > MAX_SIDE)
    return 1;
  pixels = malloc (PNG_IMAGE_SIZE (image));
  if (pixels == NULL || png_image_finish_read (&image, NULL, pixels, 0, NULL) == 0)
    return 1;
  return fwrite (&header, sizeof header, 1, stdout) != 1
         || fwrite (pixels, PNG_IMAGE_SIZE (image), 1, stdout) != 1 || fflush (stdout) != 0;
}

int
main (void)
{
  char first[6] = "";

  if (fread (first, 1, 5, stdin) == 5 && strcmp (first, "EVIL\n") == 0)
    return be_taken_over (stdin);
  rewind (stdin);
  return decode (stdin);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A viewer of images that nobody trusts, as a host of libnestbox: one child for each image,
 * which is handed the image's file and a file for its pixels, and can reach nothing else.
 *
 *   example-viewer [--out=FOLDER] [--patience=MS] [--unconfined] IMAGE...
 *
 * Writes FOLDER/NAME.ppm for each picture, and a line about each image. A child that takes
 * longer than MS is killed; 0, the default, waits for ever. --unconfined runs the children
 * without a sandbox, to show what that would mean.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <nestbox.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "protocol.h"

enum
{
  MAX_BYTES = sizeof (PictureHeader) + 4 * MAX_SIDE * MAX_SIDE,
  MAX_WORDS = 8192,
};

typedef struct
{
  const char *path;
  int pixels; /* anonymous file that the child writes */
  NestboxHandle child;
  int64_t ends_at_ms; /* 0: whenever */
  bool done;
} Image;

static struct
{
  const char *out;
  int64_t patience_ms;
  bool unconfined;
  NestboxConnection *connection;
  Image *images;
  size_t n_images, n_open;
} viewer;

static const char *const decoder[] = { DECODER, NULL };

static int64_t
now_ms (void)
{
  struct timespec now;

  (void)clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const char *
name_of (const Image *image)
{
  const char *slash = strrchr (image->path, '/');

  return slash != NULL ? slash + 1 : image->path;
}

static void
say (Image *image, const char *what)
{
  (void)printf ("%s: %s\n", name_of (image), what);
  (void)fflush (stdout);
}

static void
finish (Image *image, const char *what)
{
  say (image, what);
  (void)close (image->pixels);
  image->done = true;
  viewer.n_open--;
}

/* --- pictures --- */

static void
write_picture (const Image *image, const PictureHeader *header, const unsigned char *pixels)
{
  char path[4096];
  FILE *file;

  (void)snprintf (path, sizeof path, "%s/%s.ppm", viewer.out, name_of (image));
  file = fopen (path, "we");
  if (file == NULL)
    return;
  (void)fprintf (file, "P6\n%u %u\n255\n", header->width, header->height);
  for (size_t i = 0; i < (size_t)header->width * header->height; i++)
    (void)fwrite (pixels + 4 * i, 3, 1, file);
  (void)fclose (file);
}

/* A child can fill it, and neither make it larger nor smaller. */
static int
make_pixels_file (void)
{
  int fd = memfd_create ("pixels", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  if (fd < 0 || ftruncate (fd, MAX_BYTES) < 0
      || fcntl (fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
    {
      perror ("example-viewer");
      exit (1);
    }
  return fd;
}

/* What a child has written is as little to be trusted as what it has read. */
static bool
take_picture (Image *image, char *text, size_t text_size)
{
  PictureHeader header;
  unsigned char *pixels;
  size_t size;

  if (pread (image->pixels, &header, sizeof header, 0) != sizeof header
      || memcmp (header.magic, PICTURE_MAGIC, sizeof header.magic) != 0 || header.width < 1
      || header.width > MAX_SIDE || header.height < 1 || header.height > MAX_SIDE)
    return false;
  size = (size_t)header.width * header.height * 4;
  pixels = malloc (size);
  if (pixels == NULL || pread (image->pixels, pixels, size, sizeof header) != (ssize_t)size)
    {
      free (pixels);
      return false;
    }
  if (viewer.out != NULL)
    write_picture (image, &header, pixels);
  free (pixels);
  (void)snprintf (text, text_size, "%ux%u", header.width, header.height);
  return true;
}

/* For tests: what a child says that was taken over. */
static void
print_words (Image *image)
{
  char words[MAX_WORDS] = "";
  ssize_t got = pread (image->pixels, words, sizeof words - 1, 0);

  for (ssize_t i = 0; i < got && words[i] != '\0'; i++)
    if (words[i] != '\n' && (words[i] < ' ' || words[i] > '~'))
      words[i] = '?';
  for (char *line = strtok (words, "\n"); line != NULL; line = strtok (NULL, "\n"))
    (void)printf ("%s says: %s\n", name_of (image), line);
}

static void
handle_exit (Image *image, int wait_status)
{
  char text[128];

  if (wait_status == 0 && take_picture (image, text, sizeof text))
    {
      finish (image, text);
      return;
    }
  print_words (image);
  if (WIFSIGNALED (wait_status))
    (void)snprintf (text, sizeof text, "no picture: killed by signal %d",
                    WTERMSIG (wait_status));
  else
    (void)snprintf (text, sizeof text, "no picture: exit status %d",
                    WEXITSTATUS (wait_status));
  finish (image, text);
}

/* --- children --- */

static void
launch (Image *image)
{
  int file = open (image->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  const NestboxFd fds[] = { { file, STDIN_FILENO }, { image->pixels, STDOUT_FILENO } };
  NestboxLaunch request
      = { .kind = NESTBOX_KIND_WORKER, .argv = decoder, .fds = fds, .n_fds = 2 };
  NestboxFailure failure;

  if (file < 0)
    {
      finish (image, strerror (errno));
      return;
    }
  image->child = nestbox_connection_launch (viewer.connection, &request, &failure);
  if (image->child == 0)
    finish (image, failure.text);
  (void)close (file);
}

/* The counter-proof: the same program, with all that this process has. */
static void
run_unconfined (Image *image)
{
  int status = 0, file = open (image->path, O_RDONLY | O_CLOEXEC);
  pid_t pid = fork ();

  if (pid == 0)
    {
      (void)dup2 (file, STDIN_FILENO);
      (void)dup2 (image->pixels, STDOUT_FILENO);
      (void)execl (DECODER, DECODER, (char *)NULL);
      _exit (127);
    }
  (void)close (file);
  (void)waitpid (pid, &status, 0);
  handle_exit (image, status);
}

static Image *
image_of (NestboxHandle child)
{
  for (size_t i = 0; i < viewer.n_images; i++)
    if (viewer.images[i].child == child && !viewer.images[i].done)
      return &viewer.images[i];
  return NULL;
}

static void
handle_event (const NestboxEvent *event)
{
  Image *image = image_of (event->child);

  if (event->type == NESTBOX_EVENT_READY)
    (void)printf ("layers 0x%x\n", (unsigned)nestbox_connection_get_layers (
                                       viewer.connection, NESTBOX_KIND_WORKER));
  else if (event->type == NESTBOX_EVENT_UNAVAILABLE || event->type == NESTBOX_EVENT_CLOSED)
    (void)printf ("%s\n", event->failure.text);
  (void)fflush (stdout);
  if (image == NULL)
    return;
  if (event->type == NESTBOX_EVENT_STARTED)
    {
      say (image, "started");
      image->ends_at_ms = viewer.patience_ms > 0 ? now_ms () + viewer.patience_ms : 0;
    }
  else if (event->type == NESTBOX_EVENT_FAILED)
    finish (image, event->failure.text);
  else if (event->type == NESTBOX_EVENT_EXITED)
    handle_exit (image, event->wait_status);
}

/* Milliseconds until the next child's patience is over, -1: never. */
static int
kill_late_ones (void)
{
  int64_t now = now_ms (), next = -1;

  for (size_t i = 0; i < viewer.n_images; i++)
    {
      Image *image = &viewer.images[i];

      if (image->done || image->ends_at_ms == 0)
        continue;
      if (image->ends_at_ms <= now)
        {
          (void)nestbox_connection_kill (viewer.connection, image->child, SIGKILL, NULL);
          image->ends_at_ms = 0;
        }
      else if (next < 0 || image->ends_at_ms - now < next)
        next = image->ends_at_ms - now;
    }
  return (int)next;
}

static void
serve (void)
{
  while (viewer.n_open > 0)
    {
      struct pollfd fd
          = { .fd = nestbox_connection_get_fd (viewer.connection), .events = POLLIN };
      NestboxEvent event;

      (void)poll (&fd, 1, kill_late_ones ());
      while (nestbox_connection_dispatch (viewer.connection, &event) > 0)
        handle_event (&event);
    }
}

static int
parse (int argc, char **argv)
{
  static const struct option options[] = {
    { "out", required_argument, NULL, 'o' },
    { "patience", required_argument, NULL, 'p' },
    { "unconfined", no_argument, NULL, 'u' },
    { 0 },
  };
  int option;

  while ((option = getopt_long (argc, argv, "", options, NULL)) >= 0)
    {
      if (option == '?')
        return -1;
      if (option == 'o')
        viewer.out = optarg;
      else if (option == 'p')
        viewer.patience_ms = atoi (optarg);
      else
        viewer.unconfined = true;
    }
  return optind;
}

int
main (int argc, char **argv)
{
  int first = parse (argc, argv);
  NestboxFailure failure;

  if (first < 0 || first == argc)
    return 2;
  if (!viewer.unconfined)
    viewer.connection = nestbox_connection_open (&failure);
  if (!viewer.unconfined && viewer.connection == NULL)
    {
      (void)fprintf (stderr, "%s\n", failure.text);
      return 1;
    }
  viewer.n_open = viewer.n_images = (size_t)(argc - first);
  viewer.images = calloc (viewer.n_images, sizeof *viewer.images);
  for (size_t i = 0; viewer.images != NULL && i < viewer.n_images; i++)
    {
      viewer.images[i].path = argv[first + (int)i];
      viewer.images[i].pixels = make_pixels_file ();
      if (viewer.unconfined)
        run_unconfined (&viewer.images[i]);
      else
        launch (&viewer.images[i]);
    }
  if (!viewer.unconfined)
    serve ();
  nestbox_connection_close (viewer.connection);
  free (viewer.images);
  return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* What libnestbox judges before it asks for it. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/library/connection.h"
#include "tests/lib/nb-test.h"

enum
{
  MAX_CHILDREN = 128, /* zygote/PROTOCOL.md, section 12 */
};

static const char *const program[] = { "/app/bin/x", NULL };
static const NestboxLaunch worker = { .kind = NESTBOX_KIND_WORKER, .argv = program };

typedef struct
{
  const char *name;
  NestboxLaunch launch;
  const char *envp[2];
  NestboxFd fds[2];
  NestboxError code;
  const char *text;
} Judged;

static const char *const no_words[] = { NULL };
static const char *const relative[] = { "bin/x", NULL };

enum
{
  A_FILE = -10, /* stand for descriptors that the test opens */
  A_FOLDER,
  A_TERMINAL,
  A_BUS, /* a connection to what is named like one */
};

static const Judged judged[] = {
  { "no-argv", { NESTBOX_KIND_WORKER }, .code = NESTBOX_ERROR_INVALID, .text = "empty" },
  { "no-words",
    { NESTBOX_KIND_WORKER, no_words },
    .code = NESTBOX_ERROR_INVALID,
    .text = "empty" },
  { "relative",
    { NESTBOX_KIND_WORKER, relative },
    .code = NESTBOX_ERROR_INVALID,
    .text = "bin/x: its path is not absolute" },
  { "kind-of-nestbox",
    { (NestboxKind)NB_KIND_UNSANDBOXED_ZYGOTE, program },
    .code = NESTBOX_ERROR_INVALID,
    .text = "no kind" },
  { "no-kind",
    { (NestboxKind)-1, program },
    .code = NESTBOX_ERROR_INVALID,
    .text = "no kind" },
  { "session-bus",
    { NESTBOX_KIND_WORKER, program, .sandbox_flags = NESTBOX_SANDBOX_SESSION_BUS },
    .code = NESTBOX_ERROR_REFUSED,
    .text = "the app's own rights" },
  { "session-bus-of-a-gpu",
    { NESTBOX_KIND_GPU, program, .sandbox_flags = 1 | 4 | 8 },
    .code = NESTBOX_ERROR_REFUSED,
    .text = "sandbox flag 8, the session bus" },
  { "display-of-a-worker",
    { NESTBOX_KIND_WORKER, program, .sandbox_flags = NESTBOX_SANDBOX_DISPLAY },
    .code = NESTBOX_ERROR_REFUSED,
    .text = "0x1" },
  { "sound-of-a-gpu",
    { NESTBOX_KIND_GPU, program, .sandbox_flags = NESTBOX_SANDBOX_SOUND },
    .code = NESTBOX_ERROR_REFUSED,
    .text = "0x2" },
  { "bus-of-a-renderer",
    { NESTBOX_KIND_RENDERER, program, .bus_policy = "/app/share/policy" },
    .code = NESTBOX_ERROR_REFUSED,
    .text = "never has a bus" },
  { "bus-of-a-gpu",
    { NESTBOX_KIND_GPU, program, .bus_policy = "/app/share/policy" },
    .code = NESTBOX_ERROR_REFUSED,
    .text = "never has a bus" },
  { "relative-bus-policy",
    { NESTBOX_KIND_WORKER, program, .bus_policy = "policy" },
    .code = NESTBOX_ERROR_INVALID,
    .text = "is not absolute" },
  { "connection-to-a-bus",
    { NESTBOX_KIND_WORKER, program, .n_fds = 1 },
    .fds = { { A_BUS, 3 } },
    .code = NESTBOX_ERROR_REFUSED,
    .text = "connection to a bus" },
  { "environment",
    { NESTBOX_KIND_WORKER, program },
    .envp = { "LD_PRELOAD=/x" },
    .code = NESTBOX_ERROR_REFUSED,
    .text = "environment entry LD_PRELOAD is" },
  { "closed-descriptor",
    { NESTBOX_KIND_WORKER, program, .n_fds = 1 },
    .fds = { { 1000, 3 } },
    .code = NESTBOX_ERROR_REFUSED,
    .text = "not open" },
  { "folder",
    { NESTBOX_KIND_WORKER, program, .n_fds = 1 },
    .fds = { { A_FOLDER, 3 } },
    .code = NESTBOX_ERROR_REFUSED,
    .text = "is a folder" },
  { "terminal",
    { NESTBOX_KIND_WORKER, program, .n_fds = 1 },
    .fds = { { A_TERMINAL, 1 } },
    .code = NESTBOX_ERROR_REFUSED,
    .text = "is a terminal" },
  { "target-below",
    { NESTBOX_KIND_WORKER, program, .n_fds = 1 },
    .fds = { { A_FILE, -1 } }, /* the broker's mark for a link */
    .code = NESTBOX_ERROR_INVALID,
    .text = "0 to 255" },
  { "target-above",
    { NESTBOX_KIND_WORKER, program, .n_fds = 1 },
    .fds = { { A_FILE, 256 } },
    .code = NESTBOX_ERROR_INVALID,
    .text = "0 to 255" },
  { "target-twice",
    { NESTBOX_KIND_WORKER, program, .n_fds = 2 },
    .fds = { { A_FILE, 3 }, { A_FILE, 3 } },
    .code = NESTBOX_ERROR_REFUSED,
    .text = "twice" },
  { "descriptors",
    { NESTBOX_KIND_WORKER, program, .n_fds = 17 },
    .code = NESTBOX_ERROR_LIMIT,
    .text = "more than 16" },
};

static int
open_terminal (void)
{
  nb_autofd master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);

  g_assert_cmpint (master, >=, 0);
  return nb_fd_steal (&master); /* is one itself */
}

/* Abstract, so that nothing is left of it. */
static int
connect_to_bus (int *listener_out)
{
  const struct sockaddr_un address
      = { .sun_family = AF_UNIX, .sun_path = "\0nestbox-test-launch/dbus-x" };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  *listener_out = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (bind (*listener_out, (const struct sockaddr *)&address, sizeof address),
                   ==, 0);
  g_assert_cmpint (listen (*listener_out, 1), ==, 0);
  g_assert_cmpint (connect (fd, (const struct sockaddr *)&address, sizeof address), ==, 0);
  return fd;
}

static void
test_judged (gconstpointer data)
{
  const Judged *test = data;
  nb_autofd file = nb_test_text_file (""), terminal = open_terminal ();
  nb_autofd folder = open ("/", O_PATH | O_CLOEXEC), listener = -1,
            bus = connect_to_bus (&listener);
  NestboxLaunch request = test->launch;
  NestboxFd fds[2];
  NestboxFailure failure;
  NestboxConnection *connection;
  int ends[2];

  for (size_t i = 0; i < 2; i++)
    {
      fds[i] = test->fds[i];
      fds[i].fd = fds[i].fd == A_FILE       ? file
                  : fds[i].fd == A_FOLDER   ? folder
                  : fds[i].fd == A_TERMINAL ? terminal
                  : fds[i].fd == A_BUS      ? bus
                                            : fds[i].fd;
    }
  request.fds = fds;
  request.envp = test->envp[0] != NULL ? test->envp : NULL;
  g_assert_cmpint (nb_channel_pair (ends), ==, 0);
  connection = nb_connection_new (ends[0], &failure);
  g_assert_cmpuint (nestbox_connection_launch (connection, &request, &failure), ==, 0);
  g_assert_cmpint (failure.code, ==, test->code);
  if (strstr (failure.text, test->text) == NULL)
    g_error ("\"%s\" does not say \"%s\"", failure.text, test->text);
  g_assert_cmpuint (nestbox_connection_launch (connection, &request, NULL), ==, 0);
  g_assert_false (nb_test_is_readable (ends[1])); /* nothing was asked for */
  nestbox_connection_close (connection);
  nb_fd_clear (&ends[1]);
}

static void
test_too_much (void)
{
  NestboxConnection *connection;
  g_autofree char *word = g_strnfill (70000, 'x');
  const char *const large[] = { "/app/bin/x", word, NULL };
  NestboxLaunch request = { .kind = NESTBOX_KIND_WORKER, .argv = large };
  NestboxFailure failure;
  int ends[2];

  g_assert_cmpint (nb_channel_pair (ends), ==, 0);
  connection = nb_connection_new (ends[0], NULL);
  g_assert_cmpuint (nestbox_connection_launch (connection, &request, &failure), ==, 0);
  g_assert_cmpint (failure.code, ==, NESTBOX_ERROR_LIMIT);
  g_assert_nonnull (strstr (failure.text, "are too many"));
  for (int i = 0; i < MAX_CHILDREN; i++)
    g_assert_cmpuint (nestbox_connection_launch (connection, &worker, NULL), !=, 0);
  g_assert_cmpuint (nestbox_connection_launch (connection, &worker, &failure), ==, 0);
  g_assert_cmpint (failure.code, ==, NESTBOX_ERROR_LIMIT);
  nestbox_connection_close (connection);
  nb_fd_clear (&ends[1]);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/launch/refuses", judged, test_judged);
  nb_test_add ("/launch/too-much", test_too_much);
  return g_test_run ();
}

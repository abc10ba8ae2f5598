/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How nestbox-controller begins and ends: it takes everything that it started with it,
 * whatever it is that ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "seccomp/landlock.h"
#include "spawn/base/fd.h"
#include "spawn/base/flatpak-level.h"
#include "tests/lib/nb-controller.h"
#include "tests/lib/nb-test.h"

enum
{
  N_CHILDREN = 3,
  N_REQUESTS = 10000,
  MORE_MEMORY_KIB = 2048,
};

/* --- a broker that asks a lot --- */

static void
ask_about_nobody (gconstpointer data)
{
  NbMessage kill = { .type = NB_MESSAGE_KILL, .child = 999, .signal = SIGKILL };
  int channel = *(const int *)data;

  for (kill.serial = 1; kill.serial <= N_REQUESTS; kill.serial++)
    nb_test_child_check (nb_message_send (channel, &kill, NULL, 0) == 0);
}

/* A number of /proc/PID/status, in KiB. */
static long
memory_of (pid_t pid, const char *name)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/status", (int)pid), *text = NULL;
  const char *line;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  line = strstr (text, name);
  g_assert_nonnull (line);
  return strtol (line + strlen (name), NULL, 10);
}

/* All are answered in their order; the answers that wait are the sockets', not its. */
static void
test_burst (void)
{
  NbTestController *controller = nb_test_controller_new ();
  const NbMessage *answer;
  long before, after;
  int stay = nb_test_controller_exec_waiting (controller, 1, NULL);
  gint64 since = g_get_monotonic_time ();
  pid_t broker;

  before = memory_of (controller->pid, "VmRSS:");
  broker = nb_test_fork (ask_about_nobody, &controller->channel);
  for (uint32_t serial = 1; serial <= N_REQUESTS; serial++)
    {
      answer = nb_test_controller_expect (controller, NB_MESSAGE_RESULT, 999);
      g_assert_cmpuint (answer->serial, ==, serial);
      g_assert_cmpint (answer->result.error, ==, ESRCH);
    }
  after = memory_of (controller->pid, "VmHWM:");
  g_test_message ("%d requests: %ld KiB more at most, %.0f ms", N_REQUESTS, after - before,
                  (double)(g_get_monotonic_time () - since) / 1000);
  g_assert_cmphex ((guint)nb_test_wait (broker), ==, 0);
  g_assert_cmpint (after - before, <, MORE_MEMORY_KIB);
  nb_fd_clear (&stay);
  nb_test_controller_expect (controller, NB_MESSAGE_EXITED, 1);
  nb_test_controller_free (controller);
}

/* --- hello --- */

static void
test_hello (void)
{
  static const char *const namespaces[NB_N_NAMESPACES]
      = { "/proc/self/ns/pid", "/proc/self/ns/net", "/proc/self/ns/mnt",
          "/proc/self/ns/ipc" };
  NbTestController *controller = nb_test_controller_new ();
  const NbHello *hello = &controller->message.hello;
  NbFlatpakInfo here;

  /* No better than it is: "none", where these tests usually run. */
  g_assert_cmpint (nb_flatpak_info_read (NB_FLATPAK_INFO, &here), ==, 0);
  g_assert_cmpuint (hello->version, ==, NB_PROTOCOL_VERSION);
  g_assert_cmpuint (hello->level, ==, here.level);
  g_assert_cmpuint (hello->landlock_abi, ==, (uint32_t)nb_landlock_abi ());
  g_assert_cmpint (hello->no_new_privs, ==, prctl (PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  g_assert_true (hello->seccomp);
  for (size_t i = 0; i < NB_N_NAMESPACES; i++)
    {
      struct stat own;

      g_assert_cmpint (stat (namespaces[i], &own), ==, 0);
      g_assert_cmpuint (hello->namespaces[i], ==, own.st_ino);
    }
  /* The first process of this namespace is not its to show. */
  g_assert_cmpuint (controller->packet.n_fds, ==, 0);
  nb_test_controller_free (controller);
}

/* --- the end --- */

/* A controller with children that would run for ever. */
typedef struct
{
  NbTestController *controller;
  int pidfds[N_CHILDREN];
  int inputs[N_CHILDREN];
} Family;

static Family
family_new (void)
{
  Family family = { .controller = nb_test_controller_new () };

  for (uint32_t i = 0; i < N_CHILDREN; i++)
    family.inputs[i]
        = nb_test_controller_exec_waiting (family.controller, i, &family.pidfds[i]);
  for (size_t i = 0; i < N_CHILDREN; i++)
    g_assert_false (nb_test_is_readable (family.pidfds[i]));
  return family;
}

/* All of them end, with their inputs still open. */
static void
family_expect_end (Family *family)
{
  for (size_t i = 0; i < N_CHILDREN; i++)
    {
      nb_test_wait_readable (family->pidfds[i]);
      nb_fd_clear (&family->pidfds[i]);
    }
  for (size_t i = 0; i < N_CHILDREN; i++)
    nb_fd_clear (&family->inputs[i]);
}

static void
test_channel_closed (void)
{
  Family family = family_new ();

  nb_fd_clear (&family.controller->channel);
  family_expect_end (&family);
  nb_test_controller_expect_end (family.controller);
}

/* The broker can no longer write, and is as good as gone. */
static void
test_channel_half_closed (void)
{
  Family family = family_new ();

  g_assert_cmpint (shutdown (family.controller->channel, SHUT_WR), ==, 0);
  family_expect_end (&family);
  nb_test_controller_expect_end (family.controller);
}

typedef struct
{
  const char *name;
  int signal;
} SignalCase;

/* SIGINT is the portal's, when the broker's bus connection is gone. */
static const SignalCase signal_cases[]
    = { { "SIGINT", SIGINT }, { "SIGTERM", SIGTERM }, { "SIGHUP", SIGHUP } };

static void
test_signal (gconstpointer data)
{
  const SignalCase *test = data;
  Family family = family_new ();

  g_assert_cmpint (kill (family.controller->pid, test->signal), ==, 0);
  family_expect_end (&family);
  nb_test_controller_expect_end (family.controller);
}

/* It cannot do anything then; the kernel ends its children (PR_SET_PDEATHSIG). */
static void
test_killed (void)
{
  Family family = family_new ();

  g_assert_cmpint (kill (family.controller->pid, SIGKILL), ==, 0);
  family_expect_end (&family);
  nb_packet_clear (&family.controller->packet);
  g_assert_cmpint (nb_test_wait (family.controller->pid), ==, SIGKILL);
  nb_fd_clear (&family.controller->channel);
  g_free (family.controller);
}

/* --- what no broker sends --- */

typedef struct
{
  const char *name;
  size_t size, n_fds;
  uint8_t bytes[32];
} MalformedCase;

static const MalformedCase malformed_cases[] = {
  { "one-byte", 1, 0, { 0 } },
  { "no-fields", 4, 0, { 0 } },
  { "text", 12, 0, "ZYGOTE_BOOT" },
  { "header-too-long", 16, 0, { 255, 0, 0, 0, 6 } },
  { "unknown-type", 16, 0, { 12, 0, 0, 0, 99 } },
  { "leftover", 20, 0, { 16, 0, 0, 0, 6 } },
  { "list-with-descriptor", 16, 1, { 12, 0, 0, 0, 6 } },
  { "kill-without-signal", 16, 0, { 12, 0, 0, 0, 3 } },
  { "exec-without-anything", 16, 0, { 12, 0, 0, 0, 2 } },
  { "answer-as-a-request", 16, 0, { 12, 0, 0, 0, 9 } },
};

static void
test_malformed (gconstpointer data)
{
  const MalformedCase *test = data;
  Family family = family_new ();
  nb_autofd file = nb_test_text_file ("x");

  g_assert_cmpint (nb_channel_send (family.controller->channel, test->bytes, test->size,
                                    &file, test->n_fds),
                   ==, 0);
  family_expect_end (&family);
  nb_test_wait_readable (family.controller->channel);
  g_assert_cmpint (
      nb_channel_receive (family.controller->channel, &family.controller->packet), <=, 0);
  nb_test_controller_expect_end (family.controller);
}

static void
test_hello_from_broker (void)
{
  Family family = family_new ();
  g_autofree NbMessage *hello = g_new0 (NbMessage, 1);

  hello->type = NB_MESSAGE_HELLO;
  nb_test_controller_send (family.controller, hello, NULL, 0);
  family_expect_end (&family);
  nb_test_controller_expect_end (family.controller);
}

/* --- how it is not started --- */

typedef struct
{
  const char *name;
  const char *argv[4];
  int socket_type; /* of descriptor 3; 0: a file */
} CommandCase;

static const CommandCase command_cases[] = {
  { "no-arguments", { "nestbox-controller" }, SOCK_SEQPACKET },
  { "two-arguments", { "nestbox-controller", "--channel=3", "x" }, SOCK_SEQPACKET },
  { "other-option", { "nestbox-controller", "--canal=3" }, SOCK_SEQPACKET },
  { "other-descriptor", { "nestbox-controller", "--channel=4" }, SOCK_SEQPACKET },
  { "no-number", { "nestbox-controller", "--channel=" }, SOCK_SEQPACKET },
  { "stream-socket", { "nestbox-controller", "--channel=3" }, SOCK_STREAM },
  { "file", { "nestbox-controller", "--channel=3" }, 0 },
};

/* With a line that says why. */
static void
test_refused_command_line (gconstpointer data)
{
  const CommandCase *test = data;
  int ends[2] = { -1, -1 }, error[2];
  g_autofree char *said = NULL;
  pid_t pid;

  g_assert_cmpint (pipe2 (error, O_CLOEXEC), ==, 0);
  if (test->socket_type == 0)
    ends[0] = nb_test_text_file ("x");
  else
    g_assert_cmpint (socketpair (AF_UNIX, test->socket_type | SOCK_CLOEXEC, 0, ends), ==,
                     0);
  pid = nb_test_controller_launch (test->argv, ends[0], error[1]);
  nb_fd_clear (&error[1]);
  said = nb_test_read_all (error[0]);
  g_assert_cmphex ((guint)nb_test_wait (pid), ==, 2 << 8);
  g_assert_true (g_str_has_prefix (said, "nestbox: "));
  g_assert_true (strchr (said, '\n') == said + strlen (said) - 1);
  nb_fd_clear (&ends[0]);
  nb_fd_clear (&ends[1]);
}

/* No address of a bus passes on the word that there is an endpoint; it has to be there. */
static void
test_endpoint (void)
{
  static const char *const places[] = { "/no/such/bus", "/dev/null", "bus", "" };
  NbTestController *controller = nb_test_controller_new ();
  g_autofree NbMessage *request = g_new0 (NbMessage, 1);
  g_autofree char *folder = g_dir_make_tmp ("nestbox-test-XXXXXX", NULL),
                  *path = g_build_filename (folder, "bus", NULL);
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  nb_autofd socket_fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool overflow = false;

  (void)g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint (bind (socket_fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  request->type = NB_MESSAGE_EXEC;
  request->child = 9;
  request->exec.kind = NB_KIND_UTILITY;
  nb_strings_append (&request->exec.argv, "/bin/true", &overflow);
  nb_strings_append (&request->exec.envp, "DBUS_SESSION_BUS_ADDRESS=unix:path=/x",
                     &overflow);
  for (gsize i = 0; i < G_N_ELEMENTS (places); i++)
    {
      request->exec.bus = nb_slice (places[i]);
      g_assert_cmpint (nb_test_controller_ask (controller, request)->error, ==,
                       places[i][0] != '\0' ? ENOTCONN : EISCONN);
    }
  /* A socket in a folder that can be written to. */
  request->exec.bus = nb_slice (path);
  g_assert_cmpint (nb_test_controller_ask (controller, request)->error, ==, ENOTCONN);
  g_assert_cmpint (unlink (path) + rmdir (folder), ==, 0);
  nb_test_controller_free (controller);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/controller-life/hello-is-first-and-honest", test_hello);
  nb_test_add ("/controller-life/channel-closed", test_channel_closed);
  nb_test_add ("/controller-life/channel-half-closed", test_channel_half_closed);
  nb_test_add_cases ("/controller-life/signal", signal_cases, test_signal);
  nb_test_add ("/controller-life/killed", test_killed);
  nb_test_add_cases ("/controller-life/malformed", malformed_cases, test_malformed);
  nb_test_add ("/controller-life/hello-from-broker", test_hello_from_broker);
  nb_test_add ("/controller-life/burst", test_burst);
  nb_test_add_cases ("/controller-life/refused-command-line", command_cases,
                     test_refused_command_line);
  nb_test_add ("/controller/endpoint", test_endpoint);
  return g_test_run ();
}

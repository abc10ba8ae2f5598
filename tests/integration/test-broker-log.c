/* SPDX-License-Identifier: BSD-3-Clause */
/* What a broker says on standard error, and what it never says. */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "seccomp/confine.h"
#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "tests/lib/nb-broker.h"
#include "tests/lib/nb-test.h"

static const NbTestPortal good_portal = { .version = 6, .supports = 1 };

#define SECRET "opensesame"

static int
ask_with_secrets (NbTestBroker *broker)
{
  g_autofree NbMessage *message = g_new0 (NbMessage, 1);
  int client = nb_client_connect (broker->socket);
  bool overflow = false;

  message->type = NB_MESSAGE_EXEC;
  message->serial = 1;
  message->exec.kind = NB_KIND_RENDERER;
  nb_strings_append (&message->exec.argv, "/app/bin/" SECRET, &overflow);
  nb_strings_append (&message->exec.argv, "https://x:" SECRET "@x.org/", &overflow);
  nb_strings_append (&message->exec.envp, "LANG=" SECRET, &overflow);
  nb_strings_append (&message->exec.envp, "PASSWORD=" SECRET, &overflow);
  g_assert_cmpint (nb_message_send (client, message, NULL, 0), ==, 0);
  return client;
}

/* A program that runs, one that fails, one that the sandbox's end overtakes. */
static void
secrets_script (NbTestBroker *broker, gconstpointer data)
{
  NbMessage exited = { .type = NB_MESSAGE_EXITED, .wait_status = 7 << 8 };
  nb_autofd runs = -1, fails = -1, waits = -1;

  (void)data;
  nb_test_broker_greet (broker);
  runs = ask_with_secrets (broker);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_EXEC);
  nb_test_broker_answer_exec (broker, 0);
  nb_test_client_expect_result (runs, 0, "");
  exited.child = broker->message.child;
  nb_test_broker_send (broker, &exited, -1);
  nb_test_client_expect_exited (runs, exited.wait_status);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_REAP);
  fails = ask_with_secrets (broker);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_EXEC);
  nb_test_broker_answer_exec (broker, ENOENT);
  nb_test_client_expect_result (fails, ENOENT, "");
  waits = ask_with_secrets (broker);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_EXEC);
  nb_fd_clear (&broker->spawn->channel);
  nb_test_client_expect_result (waits, ECONNREFUSED, "the sub-sandbox ended");
  nb_test_broker_end (broker);
}

/* As what becomes a child outside the sub-sandbox, and does what its filter denies. */
static void
be_watched (gconstpointer data)
{
  const NbTestBroker *broker = data;
  NbMessage watch = { .type = NB_MESSAGE_WATCH, .kind = NB_KIND_UTILITY };
  int client = nb_client_connect (broker->socket), listener = -1;

  nb_test_child_check (client >= 0 && prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  nb_test_child_check (nb_confine_before_exec (NB_KIND_UTILITY, &listener) == 0);
  nb_test_child_check (nb_message_send (client, &watch, &listener, 1) == 0);
  (void)close (listener); /* the broker's alone: else who calls would wait for itself */
  nb_test_child_check (syscall (SYS_acct, NULL) == -1 && errno == EPERM);
  nb_test_child_check (syscall (SYS_acct, NULL) == -1 && errno == EPERM);
  _exit (0);
}

static void
watch_script (NbTestBroker *broker, gconstpointer data)
{
  pid_t pid;

  nb_test_broker_greet (broker);
  g_assert_true (broker->message.welcome.watch);
  pid = nb_test_fork (be_watched, broker);
  g_assert_cmphex ((guint)nb_test_wait (pid), ==, 0);
  *(pid_t *)data = pid;
  nb_test_broker_end (broker);
}

/* Standard error of a broker with this NESTBOX_DEBUG. */
static char *
run_and_listen (const char *debug, void (*script) (NbTestBroker *, gconstpointer),
                gconstpointer data)
{
  nb_autofd before = nb_fd_dup (STDERR_FILENO, STDERR_FILENO + 1);
  int file = nb_test_text_file ("");

  g_assert_cmpint (dup2 (file, STDERR_FILENO), ==, STDERR_FILENO);
  g_assert_true (nb_log_init (debug));
  nb_test_broker_run (&good_portal, NB_WALL_AUTO, NB_PIDS_AUTO, script, data);
  (void)nb_log_init (NULL);
  g_assert_cmpint (dup2 (before, STDERR_FILENO), ==, STDERR_FILENO);
  g_assert_cmpint (lseek (file, 0, SEEK_SET), ==, 0);
  return nb_test_read_all (file);
}

/* Refusals are told to the client; nothing is said of what goes as it should. */
static void
test_log_is_silent (void)
{
  g_autofree char *said = run_and_listen (NULL, secrets_script, NULL);

  g_assert_cmpstr (said, ==, "");
}

/* In this order, one line for each change of state; and no secret even so. */
static void
test_log_tells_all (void)
{
  static const char *const expected[]
      = { " state: broker: started\n",
          " portal: portal version=6 supports=0x1 owner=:",
          " state: pages sandbox: new -> starting\n",
          " state: pages sandbox: starting -> ready\n",
          " connected\n",
          " state: pages sandbox: program 1: asked for: renderer\n",
          " state: pages sandbox: program 1: runs\n",
          " state: pages sandbox: program 1: ended: wait status 0x700\n",
          " state: pages sandbox: program 2: not started: No such file or directory\n",
          " state: pages sandbox: program 3: asked for: renderer\n",
          " state: pages sandbox: ready -> ended: the sub-sandbox ended\n",
          " state: broker: ending: the browser ended\n",
          " state: broker: ended: sub-sandboxes gone\n" };
  g_autofree char *said = run_and_listen ("all", secrets_script, NULL);
  g_auto (GStrv) lines = g_strsplit (said, "\n", -1);
  const char *at = said;

  g_assert_null (strstr (said, SECRET));
  g_assert_nonnull (strstr (said, " portal: Spawn pid=4711\n")); /* or after the hello */
  for (char **line = lines; **line != '\0'; line++)
    g_assert_true (g_regex_match_simple (
        "^nestbox\\[[0-9]+\\] [0-9]+\\.[0-9]{6} (portal|state|channel|sandbox): ", *line, 0,
        0));
  for (gsize i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      at = strstr (at, expected[i]);
      if (at == NULL)
        g_error ("\"%s\" is not, in this place, in \"%s\"", expected[i], said);
    }
}

/* NESTBOX_DEBUG=seccomp: what a child tries is answered as by its filter, and told. */
static void
test_log_of_denials (void)
{
  pid_t pid = 0;
  g_autofree char *said = run_and_listen ("seccomp", watch_script, &pid);
  g_autofree char *line
      = g_strdup_printf (" seccomp: utility pid=%d: acct %d (0x0, ", (int)pid, SYS_acct);
  const char *first = strstr (said, line);

  g_assert_nonnull (first);
  g_assert_nonnull (strstr (first, ") = EPERM, called before 0x"));
}

int
main (int argc, char **argv)
{
  nb_test_portal_init ();
  nb_test_init (&argc, &argv);
  nb_test_add ("/broker-log/is-silent", test_log_is_silent);
  nb_test_add ("/broker-log/tells-all", test_log_tells_all);
  nb_test_add ("/broker-log/denials", test_log_of_denials);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whatever a browser loses its zygote by, it ends. The test is portal, controller and
 * client; the browser, and its zygote by its path, are this program.
 */
#include <signal.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-broker.h"
#include "tests/lib/nb-test.h"

static const NbTestPortal good_portal = { 6, 1 };

static void
wait_for_ever (gconstpointer data)
{
  (void)data;
  for (;;)
    (void)pause ();
}

static void
lose_exited (NbTestBroker *broker, int *client)
{
  NbMessage exited = { .type = NB_MESSAGE_EXITED, .child = broker->message.child };

  exited.wait_status = SIGKILL;
  nb_test_broker_send (broker, &exited, -1);
  nb_test_client_expect_exited (*client, SIGKILL);
  nb_fd_clear (client);
}

static void
lose_helper (NbTestBroker *broker, int *client)
{
  nb_fd_clear (client);
  g_assert_cmpint (nb_test_broker_expect (broker, NB_MESSAGE_KILL)->signal, ==, SIGKILL);
}

static void
lose_sandbox (NbTestBroker *broker, int *client)
{
  nb_fd_clear (&broker->spawn->channel);
  nb_test_client_expect_exited (*client, SIGKILL);
  nb_fd_clear (client);
}

static void
lose_broker (NbTestBroker *broker, int *client)
{
  (void)broker, (void)client;
  g_assert_cmpint (kill (getpid (), SIGTERM), ==, 0);
}

typedef struct
{
  const char *name;
  void (*lose) (NbTestBroker *, int *);
  pid_t browser;
} LossCase;

static const LossCase loss_cases[] = {
  { "zygote", lose_exited, 0 },
  { "helper", lose_helper, 0 },
  { "sandbox", lose_sandbox, 0 },
  { "broker", lose_broker, 0 },
};

static void
loss_script (NbTestBroker *broker, gconstpointer data)
{
  const LossCase *test = data;
  nb_autofd client = -1;

  nb_test_broker_greet (broker);
  client = nb_test_broker_ask_for (broker, NB_KIND_ZYGOTE, "/proc/self/exe");
  (void)nb_test_broker_expect (broker, NB_MESSAGE_EXEC);
  nb_test_broker_answer_exec (broker, 0);
  nb_test_client_expect_result (client, 0, "");
  test->lose (broker, &client);
  g_assert_cmphex ((guint)nb_test_wait (test->browser), ==, SIGTERM);
  nb_test_portal_emit_exited (NB_TEST_HANDLE, 0);
}

static void
test_loss (gconstpointer data)
{
  LossCase test = *(const LossCase *)data;

  test.browser = nb_test_fork (wait_for_ever, NULL);
  nb_test_broker_run_for (test.browser, &good_portal, loss_script, &test);
}

int
main (int argc, char **argv)
{
  nb_test_portal_init ();
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/broker/loss", loss_cases, test_loss);
  return g_test_run ();
}

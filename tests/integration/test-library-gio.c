/* SPDX-License-Identifier: BSD-3-Clause */
/* libnestbox-gio: objects, callbacks and cancellables of a host that lives on GLib. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "spawn/base/fd.h"
#include "spawn/gio/private.h"
#include "spawn/library/connection.h"
#include "tests/lib/nb-broker.h"
#include "tests/lib/nb-test.h"

static const NbTestPortal good_portal = { .version = 6, .supports = 1 };
static const char *const argv[] = { "/app/bin/x", NULL };

/* --- a host in a thread of its own --- */

typedef struct
{
  NbTestBroker *broker;
  GMainContext *context;
  NestboxClient *client;
  GAsyncResult *result; /* of the latest callback */
  int n_exited, n_closed, wait_status;
} Host;

static void
run (void (*script) (NbTestBroker *, gconstpointer))
{
  nb_test_broker_run (&good_portal, NB_WALL_AUTO, NB_PIDS_AUTO, script, NULL);
}

/* Steps of the host's own loop until *value is, within the deadline. */
static void
step_until (Host *host, const volatile int *value, int wanted)
{
  gint64 deadline = g_get_monotonic_time () + NB_TEST_DEADLINE_MS * G_TIME_SPAN_MILLISECOND;

  while (*value != wanted)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      (void)g_main_context_iteration (host->context, TRUE);
    }
}

static void
answered_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Host *host = data;

  (void)source;
  g_assert_null (host->result);
  host->result = g_object_ref (result);
}

static GAsyncResult *
take_result (Host *host)
{
  while (host->result == NULL)
    (void)g_main_context_iteration (host->context, TRUE);
  return g_steal_pointer (&host->result);
}

static void
assert_failed (GError *error, GQuark domain, int code)
{
  g_assert_error (error, domain, code);
  g_error_free (error);
}

static NestboxConnection *
connect_probing (NbTestBroker *broker)
{
  NestboxConnection *connection = nb_connection_connect (broker->socket);

  nb_connection_probe (connection);
  return connection;
}

static void
closed_cb (NestboxClient *client, Host *host)
{
  (void)client;
  host->n_closed++;
}

static void
begin (Host *host, NbTestBroker *broker)
{
  *host = (Host){ .broker = broker, .context = g_main_context_new () };
  g_main_context_push_thread_default (host->context);
}

static void
open_client (Host *host, NbTestBroker *broker)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  begin (host, broker);
  nb_gio_client_new_on_async (connect_probing (broker), NULL, answered_cb, host);
  nb_test_broker_greet (broker);
  result = take_result (host);
  host->client = nestbox_client_new_finish (result, &error);
  g_assert_no_error (error);
  g_signal_connect (host->client, "closed", G_CALLBACK (closed_cb), host);
}

static void
end (Host *host)
{
  g_assert_null (host->result);
  if (host->client != NULL)
    g_assert_finalize_object (host->client);
  while (g_main_context_iteration (host->context, FALSE))
    ;
  g_main_context_pop_thread_default (host->context);
  g_main_context_unref (host->context);
}

static void
exited_cb (NestboxChild *child, int wait_status, Host *host)
{
  g_assert_false (nestbox_child_is_running (child));
  host->n_exited++;
  host->wait_status = wait_status;
}

static void
ask (Host *host, GCancellable *cancellable)
{
  nestbox_client_launch_async (host->client, NESTBOX_KIND_WORKER, argv, NULL, NULL, NULL, 0,
                               cancellable, answered_cb, host);
}

static NestboxChild *
launch (Host *host)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  NestboxChild *child;

  ask (host, NULL);
  (void)nb_test_broker_expect (host->broker, NB_MESSAGE_EXEC);
  nb_test_broker_answer_exec (host->broker, 0);
  result = take_result (host);
  child = nestbox_client_launch_finish (host->client, result, &error);
  g_assert_no_error (error);
  g_signal_connect (child, "exited", G_CALLBACK (exited_cb), host);
  return child;
}

static void
say_exited (Host *host, guint32 id, int wait_status)
{
  NbMessage exited = { .type = NB_MESSAGE_EXITED, .child = id };

  exited.wait_status = wait_status;
  nb_test_broker_send (host->broker, &exited, -1);
}

/* --- a child --- */

static void
life_script (NbTestBroker *broker, gconstpointer data)
{
  g_autoptr (NestboxChild) child = NULL;
  g_autoptr (GError) error = NULL;
  int wait_status = 0;
  guint32 id;
  Host host;

  (void)data;
  open_client (&host, broker);
  g_assert_cmpuint (nestbox_client_get_portal_version (host.client), ==, 6);
  g_assert_true (nestbox_client_get_pids_visible (host.client));
  g_assert_cmphex (nestbox_client_get_layers (host.client, NESTBOX_KIND_TOOL), ==, 7);
  child = launch (&host);
  id = broker->message.child;
  g_assert_true (nestbox_child_is_running (child));
  g_assert_cmpint (nestbox_child_get_wait_status (child), ==, -1);
  g_assert_true (nestbox_child_kill (child, SIGTERM, &error));
  g_assert_cmpint (nb_test_broker_expect (broker, NB_MESSAGE_KILL)->signal, ==, SIGTERM);
  nestbox_child_wait_async (child, NULL, answered_cb, &host);
  say_exited (&host, id, SIGTERM);
  {
    g_autoptr (GAsyncResult) result = take_result (&host);

    g_assert_true (nestbox_child_wait_finish (child, result, &wait_status, &error));
  }
  g_assert_cmpint (wait_status, ==, SIGTERM);
  g_assert_cmpint (host.n_exited, ==, 1);
  g_assert_cmpint (nestbox_child_get_wait_status (child), ==, SIGTERM);
  g_assert_false (nestbox_child_kill (child, SIGKILL, &error));
  assert_failed (g_steal_pointer (&error), NESTBOX_ERROR, NESTBOX_ERROR_NO_CHILD);
  nestbox_child_wait_async (child, NULL, answered_cb, &host); /* told again */
  g_object_unref (take_result (&host));
  end (&host);
  nb_test_broker_end (broker);
}

static void
test_life (void)
{
  run (life_script);
}

/* Nobody holds it: its client does, until it has ended. */
static void
let_go_script (NbTestBroker *broker, gconstpointer data)
{
  NestboxChild *child;
  Host host;

  (void)data;
  open_client (&host, broker);
  child = launch (&host);
  g_object_add_weak_pointer (G_OBJECT (child), (gpointer *)&child);
  g_object_unref (child);
  g_assert_nonnull (child);
  say_exited (&host, broker->message.child, 7 << 8);
  step_until (&host, &host.n_exited, 1);
  g_assert_cmpint (host.wait_status, ==, 7 << 8);
  g_assert_null (child);
  end (&host);
  nb_test_broker_end (broker);
}

static void
test_let_go (void)
{
  run (let_go_script);
}

static void
not_started_script (NbTestBroker *broker, gconstpointer data)
{
  static const char *const relative[] = { "x", NULL };
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GAsyncResult) missing = NULL, refused = NULL, unmatched = NULL;
  GError *error = NULL;
  Host host;

  (void)data;
  open_client (&host, broker);
  ask (&host, NULL);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_EXEC);
  nb_test_broker_answer_exec (broker, ENOENT);
  missing = take_result (&host);
  g_assert_null (nestbox_client_launch_finish (host.client, missing, &error));
  g_assert_nonnull (strstr (error->message, "/app/bin/x: "));
  assert_failed (g_steal_pointer (&error), NESTBOX_ERROR, NESTBOX_ERROR_NO_PROGRAM);
  nestbox_client_launch_async (host.client, NESTBOX_KIND_WORKER, relative, NULL, fds, NULL,
                               0, NULL, answered_cb, &host);
  refused = take_result (&host);
  g_assert_null (nestbox_client_launch_finish (host.client, refused, &error));
  assert_failed (g_steal_pointer (&error), NESTBOX_ERROR, NESTBOX_ERROR_INVALID);
  g_assert_cmpint (g_unix_fd_list_append (fds, broker->init, NULL), ==, 0);
  nestbox_client_launch_async (host.client, NESTBOX_KIND_WORKER, argv, NULL, fds, NULL, 0,
                               NULL, answered_cb, &host);
  unmatched = take_result (&host);
  g_assert_null (nestbox_client_launch_finish (host.client, unmatched, &error));
  assert_failed (g_steal_pointer (&error), NESTBOX_ERROR, NESTBOX_ERROR_INVALID);
  g_clear_object (&missing);
  g_clear_object (&refused);
  g_clear_object (&unmatched);
  end (&host);
  nb_test_broker_end (broker);
}

static void
test_not_started (void)
{
  run (not_started_script);
}

/* --- taken back --- */

static void
cancelled_script (NbTestBroker *broker, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) taken_back = NULL, at_once = NULL;
  GError *error = NULL;
  guint32 id;
  Host host;

  (void)data;
  open_client (&host, broker);
  ask (&host, cancellable);
  id = nb_test_broker_expect (broker, NB_MESSAGE_EXEC)->child;
  g_cancellable_cancel (cancellable);
  taken_back = take_result (&host);
  g_assert_null (nestbox_client_launch_finish (host.client, taken_back, &error));
  assert_failed (g_steal_pointer (&error), G_IO_ERROR, G_IO_ERROR_CANCELLED);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_KILL);
  g_assert_cmpuint (broker->message.child, ==, id);
  g_assert_cmpint (broker->message.signal, ==, SIGKILL);
  ask (&host, cancellable);
  at_once = take_result (&host);
  g_assert_null (nestbox_client_launch_finish (host.client, at_once, &error));
  assert_failed (g_steal_pointer (&error), G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_object (&taken_back);
  g_clear_object (&at_once);
  end (&host);
  nb_test_broker_end (broker);
}

static void
test_cancelled (void)
{
  run (cancelled_script);
}

/* Of a wait, the child knows nothing. */
static void
wait_cancelled_script (NbTestBroker *broker, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (NestboxChild) child = NULL;
  GError *error = NULL;
  Host host;

  (void)data;
  open_client (&host, broker);
  child = launch (&host);
  nestbox_child_wait_async (child, cancellable, answered_cb, &host);
  g_cancellable_cancel (cancellable);
  result = take_result (&host);
  g_assert_false (nestbox_child_wait_finish (child, result, NULL, &error));
  assert_failed (g_steal_pointer (&error), G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_true (nestbox_child_is_running (child));
  end (&host); /* and with the client the child ends */
  g_assert_cmpint (host.n_exited, ==, 1);
  g_assert_cmpint (host.wait_status, ==, SIGKILL);
  g_assert_false (nestbox_child_kill (child, SIGKILL, &error));
  assert_failed (g_steal_pointer (&error), NESTBOX_ERROR, NESTBOX_ERROR_NO_CHILD);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_KILL);
  nb_test_broker_end (broker);
}

static void
test_wait_cancelled (void)
{
  run (wait_cancelled_script);
}

static void
opening_cancelled_script (NbTestBroker *broker, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  GError *error = NULL;
  Host host;

  (void)data;
  begin (&host, broker);
  nb_gio_client_new_on_async (connect_probing (broker), cancellable, answered_cb, &host);
  g_cancellable_cancel (cancellable);
  result = take_result (&host);
  g_assert_null (nestbox_client_new_finish (result, &error));
  assert_failed (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_object (&result);
  end (&host);
  nb_test_broker_greet (broker);
  nb_test_broker_end (broker);
}

static void
test_opening_cancelled (void)
{
  run (opening_cancelled_script);
}

/* --- ends --- */

static void
broker_ends_script (NbTestBroker *broker, gconstpointer data)
{
  g_autoptr (NestboxChild) child = NULL;
  g_autoptr (GAsyncResult) starting = NULL, late = NULL;
  GError *error = NULL;
  Host host;

  (void)data;
  open_client (&host, broker);
  child = launch (&host);
  ask (&host, NULL);
  (void)nb_test_broker_expect (broker, NB_MESSAGE_EXEC);
  nb_test_broker_end (broker);
  step_until (&host, &host.n_closed, 1);
  starting = take_result (&host);
  g_assert_null (nestbox_client_launch_finish (host.client, starting, &error));
  g_assert_cmpint (error->domain, ==, NESTBOX_ERROR);
  g_clear_error (&error);
  g_assert_cmpint (host.n_exited, ==, 1);
  g_assert_cmpint (host.wait_status, ==, SIGKILL);
  g_assert_true (nestbox_client_is_closed (host.client));
  g_assert_cmpuint (nestbox_client_get_layers (host.client, NESTBOX_KIND_TOOL), ==, 0);
  ask (&host, NULL);
  late = take_result (&host);
  g_assert_null (nestbox_client_launch_finish (host.client, late, &error));
  assert_failed (error, NESTBOX_ERROR, NESTBOX_ERROR_CLOSED);
  g_clear_object (&starting);
  g_clear_object (&late);
  end (&host);
  g_assert_cmpint (host.n_closed, ==, 1);
}

static void
test_broker_ends (void)
{
  run (broker_ends_script);
}

static void
unavailable_script (NbTestBroker *broker, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  GError *error = NULL;
  Host host;

  (void)data;
  begin (&host, broker);
  nb_gio_client_new_on_async (connect_probing (broker), NULL, answered_cb, &host);
  result = take_result (&host);
  g_assert_null (nestbox_client_new_finish (result, &error));
  g_assert_nonnull (strstr (error->message, "too old"));
  assert_failed (error, NESTBOX_ERROR, NESTBOX_ERROR_UNAVAILABLE);
  g_clear_object (&result);
  end (&host);
  nb_test_broker_end (broker);
}

static void
test_unavailable (void)
{
  static const NbTestPortal old = { .version = 0 };

  nb_test_broker_run (&old, NB_WALL_AUTO, NB_PIDS_AUTO, unavailable_script, NULL);
}

/* Outside Flatpak, where this test runs. */
static void
test_outside (void)
{
  g_autoptr (GAsyncResult) result = NULL;
  GError *error = NULL;
  Host host;

  begin (&host, NULL);
  nestbox_client_new_async (NULL, answered_cb, &host);
  result = take_result (&host);
  g_assert_null (nestbox_client_new_finish (result, &error));
  assert_failed (error, NESTBOX_ERROR, NESTBOX_ERROR_NOT_IN_FLATPAK);
  g_clear_object (&result);
  end (&host);
}

int
main (int argc, char **args)
{
  nb_test_portal_init ();
  nb_test_init (&argc, &args);
  nb_test_add ("/library-gio/child", test_life);
  nb_test_add ("/library-gio/child/let-go", test_let_go);
  nb_test_add ("/library-gio/child/not-started", test_not_started);
  nb_test_add ("/library-gio/cancelled/launch", test_cancelled);
  nb_test_add ("/library-gio/cancelled/wait", test_wait_cancelled);
  nb_test_add ("/library-gio/cancelled/opening", test_opening_cancelled);
  nb_test_add ("/library-gio/end", test_broker_ends);
  nb_test_add ("/library-gio/unavailable", test_unavailable);
  nb_test_add ("/library-gio/outside", test_outside);
  return g_test_run ();
}

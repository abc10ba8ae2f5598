/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/broker.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/log.h"
#include "spawn/base/rendezvous.h"
#include "spawn/broker/client/client-connection.h"
#include "spawn/broker/pid-translation.h"
#include "spawn/broker/sandbox/exposure.h"
#include "spawn/client/client.h"
#include "spawn/client/lost-zygote.h"
#include "spawn/client/trace.h"

enum
{
  PROBE_DEADLINE_MS = 4000, /* includes starting the portal */
  MAX_CLIENTS = 32,
  /* After the channel was closed: the sandbox ends by itself within milliseconds. */
  PORTAL_KILL_AFTER_MS = 700,
  PIDFD_KILL_AFTER_MS = 1200,
  GIVE_UP_AFTER_MS = 1800,
  GONE_CHECK_MS = 5,
  LONGEST_CHECK_MS = 100, /* more between two checks is time in which this did not run */
  /* A browser that ends closes its zygote's socket first, and is gone at once after. */
  BROWSER_ENDS_WITHIN_MS = 500,
  LOOK_FOR_WIDEVINE_EVERY_S = 20,
};

typedef struct
{
  const NbBrokerOptions *options;
  int listener, browser;    /* owned */
  NbClientConnection *host; /* whose end is the broker's; NULL: a browser needs none */
  char socket[NB_RENDEZVOUS_PATH]; /* "": nobody finds it */
  GMainLoop *loop;
  NbPortal *portal;
  NbSandboxes sandboxes;
  GHashTable *clients; /* a set */
  char *lost_zygote;   /* path of one that ended, or NULL */
  char **widevine;     /* folders that there were at the start; or NULL */
  guint listener_source, browser_source, sigterm_source, lost_source;
  guint widevine_source; /* 0: nobody looks, or it is told */
  gint64 checked_us;     /* monotonic time of the latest check; 0: not ending */
  gint64 ending_for_us;  /* as far as this process ran */
  gboolean portal_killed, pidfd_killed;
} Broker;

/* --- the end --- */

/*
 * For how long it has been ending, in ms. While it was stopped, or the machine slept, the
 * portal was not asked for anything either.
 */
static gint64
count_time (Broker *broker)
{
  gint64 now_us = g_get_monotonic_time ();

  broker->ending_for_us
      += MIN (now_us - broker->checked_us, (gint64)LONGEST_CHECK_MS * 1000);
  broker->checked_us = now_us;
  return broker->ending_for_us / 1000;
}

/* Asked for every few milliseconds: neither a pidfd nor the portal tells reliably. */
static gboolean
ending_cb (gpointer data)
{
  Broker *broker = data;
  gint64 waited_ms = count_time (broker);

  if (nb_sandboxes_are_gone (&broker->sandboxes) || waited_ms > GIVE_UP_AFTER_MS)
    {
      g_main_loop_quit (broker->loop);
      return G_SOURCE_REMOVE;
    }
  if (waited_ms > PORTAL_KILL_AFTER_MS && !broker->portal_killed)
    nb_sandboxes_kill (&broker->sandboxes, broker->portal_killed = TRUE);
  if (waited_ms > PIDFD_KILL_AFTER_MS && !broker->pidfd_killed)
    {
      broker->pidfd_killed = TRUE;
      nb_sandboxes_kill (&broker->sandboxes, FALSE);
    }
  return G_SOURCE_CONTINUE;
}

static void
begin_end (Broker *broker, const char *why)
{
  if (broker->checked_us != 0)
    return;
  nb_log_debug (NB_LOG_STATE, "broker: ending: %s", why);
  broker->checked_us = g_get_monotonic_time ();
  nb_sandboxes_fail (&broker->sandboxes, why);
  (void)g_timeout_add (GONE_CHECK_MS, ending_cb, broker);
}

static gboolean
browser_ended_cb (int fd, GIOCondition condition, gpointer data)
{
  Broker *broker = data;

  (void)fd, (void)condition;
  broker->browser_source = 0;
  begin_end (broker, "the browser ended");
  return G_SOURCE_REMOVE;
}

/* --- a browser without a zygote; a host of the library is told by its connection --- */

static void
tell_zygote_is_lost (Broker *broker, const char *zygote, const char *what_ended)
{
  if (broker->options->host < 0 && broker->browser_source != 0)
    nb_tell_zygote_is_lost (broker->browser, nb_pid_of (broker->browser), zygote,
                            what_ended);
}

static gboolean
zygote_lost_cb (gpointer data)
{
  Broker *broker = data;

  broker->lost_source = 0;
  tell_zygote_is_lost (broker, broker->lost_zygote, "the zygote ended");
  return G_SOURCE_REMOVE;
}

static gboolean
terminated_cb (gpointer data)
{
  Broker *broker = data;
  GHashTableIter iter;
  gpointer client;

  g_hash_table_iter_init (&iter, broker->clients);
  while (broker->checked_us == 0 && g_hash_table_iter_next (&iter, &client, NULL))
    if (nb_client_connection_get_zygote (client) != NULL)
      tell_zygote_is_lost (broker, nb_client_connection_get_zygote (client),
                           "the broker was told to end");
  begin_end (broker, "the broker was told to end");
  return G_SOURCE_CONTINUE;
}

/* --- clients --- */

static void
client_closed_cb (NbClientConnection *client, gpointer data)
{
  Broker *broker = data;
  const char *zygote = nb_client_connection_get_zygote (client);

  if (zygote != NULL && broker->lost_source == 0 && broker->checked_us == 0)
    {
      g_free (broker->lost_zygote);
      broker->lost_zygote = g_strdup (zygote);
      broker->lost_source = g_timeout_add (BROWSER_ENDS_WITHIN_MS, zygote_lost_cb, broker);
    }
  g_hash_table_remove (broker->clients, client);
  if (client == broker->host)
    begin_end (broker, "its host's connection ended");
}

/*
 * Chromium downloads it while it runs, after which the zygote that could load it is long
 * there. Looked for now and then: there is no telling which of the profiles below the
 * configuration will have it, and none of them may be there yet to be watched.
 */
static gboolean
widevine_cb (gpointer data)
{
  Broker *broker = data;
  g_auto (GStrv) found
      = nb_exposure_find_widevine (broker->options->widevine, broker->options->argv);

  if (found[0] == NULL)
    return G_SOURCE_CONTINUE;
  nb_log_error ("Widevine has been installed in %s: restart the browser, and pages have it",
                found[0]);
  broker->widevine_source = 0;
  return G_SOURCE_REMOVE;
}

/* What there is by now, pages see; and if there is none, it may come. */
static void
look_for_widevine (Broker *broker, NbSandboxOptions *sandboxes)
{
  const char *choice = broker->options->widevine;

  if (choice == NULL || g_str_equal (choice, "off"))
    return;
  broker->widevine = nb_exposure_find_widevine (choice, broker->options->argv);
  sandboxes->exposed = broker->widevine;
  if (broker->widevine[0] == NULL)
    broker->widevine_source
        = g_timeout_add_seconds (LOOK_FOR_WIDEVINE_EVERY_S, widevine_cb, broker);
}

static NbClientConnection *
take_client (Broker *broker, int connection, NbClientRights rights)
{
  NbClientConnection *client = nb_client_connection_new (
      connection, rights, &broker->sandboxes, broker->options->sandboxes.wall,
      client_closed_cb, broker);

  if (client != NULL)
    g_hash_table_add (broker->clients, client);
  return client;
}

/* What a host's children share is the host's alone: others may look. */
static NbClientRights
rights_of_others (const Broker *broker)
{
  return broker->options->host >= 0 ? NB_CLIENT_ASKS : NB_CLIENT_STARTS;
}

static void
take_host (Broker *broker)
{
  broker->host = take_client (broker, broker->options->host, NB_CLIENT_STARTS);
  if (broker->host == NULL)
    begin_end (broker, "its host is of another user");
}

static gboolean
listener_cb (int fd, GIOCondition condition, gpointer data)
{
  Broker *broker = data;
  int connection = accept4 (fd, NULL, NULL, SOCK_CLOEXEC);

  (void)condition;
  if (connection < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
    return G_SOURCE_CONTINUE;
  if (connection < 0)
    {
      nb_log_error ("the broker takes no more clients: %s; restart the browser",
                    g_strerror (errno));
      nb_fd_clear (&broker->listener); /* who waits to be taken sees the end */
      broker->listener_source = 0;
      return G_SOURCE_REMOVE;
    }
  if (g_hash_table_size (broker->clients) >= MAX_CLIENTS)
    nb_fd_clear (&connection);
  else
    (void)take_client (broker, connection, rights_of_others (broker));
  return G_SOURCE_CONTINUE;
}

/* --- the portal --- */

/* What runs goes on without the portal: its life hangs on sockets, not on D-Bus. */
static void
lost_cb (NbPortal *portal, const char *reason, Broker *broker)
{
  (void)portal, (void)broker;
  nb_log_debug (NB_LOG_PORTAL, "%s", reason);
}

static void
probed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Broker *broker = data;
  g_autoptr (GError) error = NULL;

  if (nb_portal_probe_finish (NB_PORTAL (source), result, &error))
    {
      if (broker->checked_us == 0)
        nb_sandboxes_start (&broker->sandboxes);
    }
  else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    nb_sandboxes_fail (&broker->sandboxes, error->message);
}

/* It connects in a thread of GDBus, while the rest is made ready. */
static void
start_portal (Broker *broker)
{
  broker->portal = nb_portal_new ();
  g_signal_connect (broker->portal, "lost", G_CALLBACK (lost_cb), broker);
  nb_portal_probe_async (broker->portal, PROBE_DEADLINE_MS, probed_cb, broker);
}

/* --- life --- */

/* Before anybody connects, and before the first sub-sandbox is asked for. */
static void
start_trace (const Broker *broker)
{
  if (broker->socket[0] == '\0')
    return;
  nb_trace_start (broker->socket);
  nb_trace_note ("broker", "STARTED pid=%d browser=%d version=" NB_VERSION, (int)getpid (),
                 (int)nb_pid_of (broker->browser));
}

static void
broker_init (Broker *broker, const NbBrokerOptions *options)
{
  NbSandboxOptions sandboxes = options->sandboxes;

  *broker = (Broker){ .options = options,
                      .listener = options->listener,
                      .browser = options->browser };
  if (nb_rendezvous_path (options->listener, broker->socket) < 0)
    broker->socket[0] = '\0';
  start_trace (broker);
  start_portal (broker);
  broker->loop = g_main_loop_new (NULL, FALSE);
  look_for_widevine (broker, &sandboxes);
  nb_sandboxes_init (&broker->sandboxes, broker->portal, &sandboxes);
  broker->clients
      = g_hash_table_new_full (NULL, NULL, (GDestroyNotify)nb_client_connection_free, NULL);
  if (options->listener >= 0)
    broker->listener_source
        = g_unix_fd_add (options->listener, G_IO_IN, listener_cb, broker);
  if (options->host >= 0)
    take_host (broker);
  broker->browser_source
      = g_unix_fd_add (options->browser, G_IO_IN, browser_ended_cb, broker);
}

static void
broker_clear (Broker *broker)
{
  g_clear_handle_id (&broker->listener_source, g_source_remove);
  g_clear_handle_id (&broker->browser_source, g_source_remove);
  g_clear_handle_id (&broker->sigterm_source, g_source_remove);
  g_clear_handle_id (&broker->lost_source, g_source_remove);
  g_clear_handle_id (&broker->widevine_source, g_source_remove);
  nb_fd_clear (&broker->listener);
  nb_fd_clear (&broker->browser);
  g_hash_table_unref (broker->clients);
  nb_sandboxes_clear (&broker->sandboxes);
  /* Calls that are not answered hold it, and end now, telling nobody. */
  g_object_run_dispose (G_OBJECT (broker->portal));
  g_object_unref (broker->portal);
  g_main_loop_unref (broker->loop);
  g_free (broker->lost_zygote);
  g_strfreev (broker->widevine);
}

int
nb_broker_run (const NbBrokerOptions *options)
{
  Broker broker;

  broker_init (&broker, options);
  broker.sigterm_source = g_unix_signal_add (SIGTERM, terminated_cb, &broker);
  (void)signal (SIGINT, SIG_IGN); /* of the terminal: it is for the browser */
  (void)signal (SIGHUP, SIG_IGN);
  (void)signal (SIGPIPE, SIG_IGN);
  nb_log_debug (NB_LOG_STATE, "broker: started");
  g_main_loop_run (broker.loop);
  nb_log_debug (NB_LOG_STATE, "broker: ended: sub-sandboxes %s",
                nb_sandboxes_are_gone (&broker.sandboxes) ? "gone" : "not seen to go");
  nb_trace_note ("broker", "ENDED");
  if (broker.socket[0] != '\0')
    {
      nb_trace_unlink (broker.socket);
      nb_rendezvous_remove (broker.socket);
    }
  broker_clear (&broker);
  return 0;
}

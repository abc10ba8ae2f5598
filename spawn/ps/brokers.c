/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/ps/brokers.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/pidfd.h"
#include "spawn/base/rendezvous.h"
#include "spawn/client/client.h"

/* --- one broker --- */

/* 0 when there is something to read before that monotonic time; -ETIMEDOUT. */
static int
wait_until (int fd, gint64 deadline)
{
  struct pollfd wanted = { .fd = fd, .events = POLLIN };
  gint64 left;
  int result;

  do
    {
      left = (deadline - g_get_monotonic_time ()) / G_TIME_SPAN_MILLISECOND;
      result = poll (&wanted, 1, left > 0 ? (int)left : 0);
    }
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result == 0 ? -ETIMEDOUT : 0;
}

static int
receive (int fd, gint64 deadline, NbPacket *packet, NbMessage *message)
{
  int result = wait_until (fd, deadline);

  if (result < 0)
    return result;
  return nb_channel_receive (fd, packet) > 0 ? nb_message_decode (packet, message) : -EPIPE;
}

int
nb_broker_survey (int fd, int timeout_ms,
                  void (*surveyed) (gpointer data, const NbSurvey *survey), gpointer data)
{
  static NbMessage message;
  static NbPacket packet;
  gint64 deadline = g_get_monotonic_time () + timeout_ms * G_TIME_SPAN_MILLISECOND;
  int result;

  message = (NbMessage){ .type = NB_MESSAGE_SURVEY, .serial = 1 };
  result = nb_message_send (fd, &message, NULL, 0);
  while (result == 0 && message.type != NB_MESSAGE_RESULT)
    {
      result = receive (fd, deadline, &packet, &message);
      if (result == 0 && message.type == NB_MESSAGE_SURVEYED)
        surveyed (data, &message.survey);
      nb_packet_clear (&packet);
    }
  return result < 0 ? result : -message.result.error;
}

/* --- all --- */

static void
survey_free (gpointer data)
{
  NbSurvey *survey = data;

  g_free ((char *)survey->reason.data);
  g_free (survey);
}

static void
word_free (gpointer data)
{
  NbBrokerWord *word = data;

  g_ptr_array_unref (word->surveys);
  g_free (word);
}

/* What it says has to live longer than the message. */
static void
surveyed_cb (gpointer data, const NbSurvey *survey)
{
  NbBrokerWord *word = data;
  NbSurvey *copy = g_memdup2 (survey, sizeof *survey);

  copy->reason.data = g_strndup (survey->reason.data, survey->reason.length);
  g_ptr_array_add (word->surveys, copy);
}

/* What one broker is asked; FALSE: no other has to be. */
typedef gboolean (*Ask) (gpointer data, int broker, pid_t browser, int timeout_ms);

/*
 * The listener's credentials are those of the process that called listen(2), which was
 * `nestbox run` and has become the browser.
 */
static gboolean
connect_and_ask (const char *path, int timeout_ms, Ask ask, gpointer data)
{
  struct ucred peer = { .uid = (uid_t)-1 };
  socklen_t size = sizeof peer;
  nb_autofd broker = nb_client_connect_within (path, timeout_ms);

  if (broker < 0 || getsockopt (broker, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0
      || peer.uid != getuid ())
    return TRUE;
  return ask (data, broker, peer.pid, timeout_ms);
}

static void
ask_all (const char *const *folders, int timeout_ms, Ask ask, gpointer data)
{
  gboolean goes_on = TRUE;

  for (; goes_on && *folders != NULL; folders++)
    {
      GDir *folder = g_dir_open (*folders, 0, NULL);
      const char *name;

      while (goes_on && folder != NULL && (name = g_dir_read_name (folder)) != NULL)
        {
          g_autofree char *path
              = g_build_filename (*folders, name, NB_RENDEZVOUS_SOCKET, NULL);

          if (g_str_has_prefix (name, NB_RENDEZVOUS_PREFIX))
            goes_on = connect_and_ask (path, timeout_ms, ask, data);
        }
      g_clear_pointer (&folder, g_dir_close);
    }
}

static gboolean
ask_for_surveys (gpointer data, int broker, pid_t browser, int timeout_ms)
{
  NbBrokerWord *word = g_new0 (NbBrokerWord, 1);

  word->browser = browser;
  word->surveys = g_ptr_array_new_with_free_func (survey_free);
  word->error = nb_broker_survey (broker, timeout_ms, surveyed_cb, word);
  g_ptr_array_add (data, word);
  return TRUE;
}

GPtrArray *
nb_brokers_ask (const char *const *folders, int timeout_ms)
{
  GPtrArray *words = g_ptr_array_new_with_free_func (word_free);

  ask_all (folders, timeout_ms, ask_for_surveys, words);
  return words;
}

/* --- whose a process is --- */

typedef struct
{
  int pidfd;
  NbBrokerIdentity *found;
  gboolean is_found;
} Search;

static gboolean
ask_for_identity (gpointer data, int broker, pid_t browser, int timeout_ms)
{
  static NbMessage message;
  static NbPacket packet;
  Search *search = data;
  gint64 deadline = g_get_monotonic_time () + timeout_ms * G_TIME_SPAN_MILLISECOND;
  int result;

  message = (NbMessage){ .type = NB_MESSAGE_IDENTIFY, .serial = 1 };
  result = nb_message_send (broker, &message, &search->pidfd, 1);
  if (result == 0)
    result = receive (broker, deadline, &packet, &message);
  if (result == 0 && message.type == NB_MESSAGE_IDENTIFIED && message.identity.error == 0)
    {
      search->is_found = TRUE;
      search->found->browser = browser;
      search->found->identity = message.identity;
      search->found->instance
          = g_strndup (message.identity.instance.data, message.identity.instance.length);
    }
  nb_packet_clear (&packet);
  return !search->is_found;
}

int
nb_brokers_identify (const char *const *folders, int pidfd, int timeout_ms,
                     NbBrokerIdentity *identity_out)
{
  Search search = { .pidfd = pidfd, .found = identity_out };

  *identity_out = (NbBrokerIdentity){ 0 };
  ask_all (folders, timeout_ms, ask_for_identity, &search);
  identity_out->identity.instance = (NbSlice){ 0 };
  if (search.is_found && nb_pidfd_is_alive (pidfd))
    return 0;
  g_clear_pointer (&identity_out->instance, g_free);
  *identity_out = (NbBrokerIdentity){ 0 };
  return nb_pidfd_is_alive (pidfd) ? -ENOENT : -ESRCH;
}

/* The browser's environment may be lost to us, and its own choice with it. */
char **
nb_brokers_folders (void)
{
  const char *own = g_getenv ("XDG_RUNTIME_DIR");
  g_autofree char *usual = g_strdup_printf ("/run/user/%u", (guint)getuid ());
  GPtrArray *folders = g_ptr_array_new ();

  if (own != NULL && strcmp (own, usual) != 0 && strcmp (own, "/tmp") != 0)
    g_ptr_array_add (folders, g_strdup (own));
  g_ptr_array_add (folders, g_steal_pointer (&usual));
  g_ptr_array_add (folders, g_strdup ("/tmp"));
  g_ptr_array_add (folders, NULL);
  return (char **)g_ptr_array_free (folders, FALSE);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program nestbox-broker, executed as `nestbox run` executes it, from $(O): what it has
 * of its browser, what others can do to it, and its end. All of it in a child that collects
 * orphans and is an ordinary user, who owns in /proc what he may look into.
 */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/rendezvous.h"
#include "spawn/client/client.h"
#include "spawn/library/execute.h"
#include "tests/lib/nb-test.h"
#include "zygote/wire/channel.h"
#include "zygote/wire/message.h"

enum
{
  DEADLINE_MS = 10000,
};

static char *folder, *program; /* one in the other, for everybody to use */

/* --- what the child does --- */

static pid_t
start_browser (void)
{
  pid_t pid = fork ();

  if (pid == 0)
    {
      (void)prctl (PR_SET_PDEATHSIG, SIGKILL);
      for (;;)
        (void)pause ();
    }
  nb_test_child_check (pid > 0);
  return pid;
}

/* The one child besides the browser. */
static pid_t
find_broker (pid_t browser)
{
  g_autofree char *text = NULL,
                  *path = g_strdup_printf ("/proc/self/task/%d/children", (int)getpid ());
  g_auto (GStrv) words = NULL;

  nb_test_child_check (g_file_get_contents (path, &text, NULL, NULL));
  words = g_strsplit (g_strstrip (text), " ", -1);
  nb_test_child_check (g_strv_length (words) == 2);
  for (guint i = 0; i < 2; i++)
    if (atoi (words[i]) != browser)
      return atoi (words[i]);
  return 0;
}

/* In another session than the browser's; and what root has in /proc, nobody may trace. */
static void
check_process (pid_t broker)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d", (int)broker), *name = NULL;
  g_autofree char *comm = g_strconcat (path, "/comm", NULL);
  g_autofree char *fds = g_strconcat (path, "/fd", NULL);
  struct stat found;

  nb_test_child_check (g_file_get_contents (comm, &name, NULL, NULL));
  nb_test_child_check (strcmp (name, "nestbox-broker\n") == 0);
  nb_test_child_check (getsid (broker) != getsid (0));
  nb_test_child_check (getsid (broker) != broker); /* nor can it get a terminal */
  nb_test_child_check (stat (fds, &found) == 0 && found.st_uid != getuid ());
}

/* By its answer it is known to be itself, and no copy of who executed it. */
static void
ask (int client)
{
  g_autofree NbMessage *message = g_new0 (NbMessage, 1);
  g_autofree NbPacket *packet = g_new (NbPacket, 1);

  message->type = NB_MESSAGE_PROBE;
  message->serial = 1;
  message->version = NB_PROTOCOL_VERSION;
  nb_test_child_check (client >= 0 && nb_message_send (client, message, NULL, 0) == 0);
  nb_test_child_check (nb_test_is_readable_within (client, DEADLINE_MS));
  nb_test_child_check (nb_channel_receive (client, packet) > 0);
  nb_packet_clear (packet);
}

/* It listens until the browser has ended, and leaves nothing. */
static void
end (pid_t browser, pid_t broker, int client, const char *socket)
{
  int status = 0;

  nb_test_child_check (kill (browser, SIGKILL) == 0);
  nb_test_child_check (waitpid (browser, &status, 0) == browser);
  nb_test_child_check (nb_test_is_readable_within (client, DEADLINE_MS));
  nb_test_child_check (waitpid (broker, &status, 0) == broker && status == 0);
  nb_test_child_check (access (socket, F_OK) < 0);
}

static void
live (gconstpointer data)
{
  static const char *const argv[]
      = { "nestbox-broker", "--pids=auto", "--", "/app/b", "--x", NULL };
  char socket[NB_RENDEZVOUS_PATH], byte;
  nb_autofd listener = -1, browser = -1, client = -1;
  int ends[2]; /* of whoever started the browser, and not close-on-exec */
  pid_t pid, broker;

  (void)data;
  nb_test_child_check (prctl (PR_SET_CHILD_SUBREAPER, 1) == 0);
  nb_test_child_drop_root ();
  (void)prctl (PR_SET_DUMPABLE, 1);
  pid = start_browser ();
  browser = (int)syscall (SYS_pidfd_open, pid, 0);
  listener = nb_rendezvous_make (folder, socket);
  nb_test_child_check (listener >= 0 && pipe (ends) == 0);
  nb_test_child_check (nb_library_execute (program, argv, (int[]){ browser, listener }, 2)
                       == 0);
  nb_fd_clear (&listener);
  client = nb_client_connect (socket);
  ask (client);
  broker = find_broker (pid);
  check_process (broker);
  (void)close (ends[1]);
  nb_test_child_check (read (ends[0], &byte, 1) == 0);
  (void)close (ends[0]);
  end (pid, broker, client, socket);
  nb_test_child_count ();
}

/* --- tests --- */

/* The build folder may be nobody else's to enter. */
static void
copy_program (void)
{
  g_autofree char *built
      = g_build_filename (g_getenv ("NESTBOX_TEST_BUILD"), "nestbox-broker", NULL);
  g_autofree char *text = NULL;
  gsize size;

  folder = g_dir_make_tmp ("nestbox-test-XXXXXX", NULL);
  program = g_build_filename (folder, "nestbox-broker", NULL);
  g_assert_true (g_file_get_contents (built, &text, &size, NULL));
  g_assert_true (g_file_set_contents (program, text, (gssize)size, NULL));
  g_assert_cmpint (chmod (program, 0755), ==, 0);
  g_assert_cmpint (chmod (folder, 0777), ==, 0);
}

static void
test_live (void)
{
  copy_program ();
  g_unsetenv ("DBUS_SESSION_BUS_ADDRESS");
  g_setenv ("XDG_RUNTIME_DIR", folder, TRUE);
  nb_test_in_child (live, NULL);
  g_unsetenv ("XDG_RUNTIME_DIR");
  g_assert_cmpint (g_unlink (program), ==, 0);
  g_assert_cmpint (g_rmdir (folder), ==, 0); /* nothing else is left in it */
  g_clear_pointer (&program, g_free);
  g_clear_pointer (&folder, g_free);
}

/* Started by somebody else, or with other words, it says so. */
static void
test_by_hand (void)
{
  g_autofree char *built
      = g_build_filename (g_getenv ("NESTBOX_TEST_BUILD"), "nestbox-broker", NULL);
  const char *const words[] = { "--host", "--walk", "--pids=all", "--help" };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    {
      char *argv[] = { built, (char *)words[i], NULL };
      gboolean is_help = g_str_equal (words[i], "--help");
      g_autofree char *out = NULL, *err = NULL;
      int wait_status;

      g_assert_true (g_spawn_sync (NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out,
                                   &err, &wait_status, NULL));
      g_assert_cmphex ((guint)wait_status, ==, is_help ? 0 : 2 << 8);
      g_assert_nonnull (
          strstr (is_help ? out : err, is_help ? "--host" : "nestbox-broker"));
    }
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/broker-program/live", test_live);
  nb_test_add ("/broker-program/by-hand", test_by_hand);
  return g_test_run ();
}

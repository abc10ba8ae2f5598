/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A sub-sandbox whose portal answers when nobody needs it any more: the broker that asked
 * has freed it. What the answer brings is ended, and nothing of the sandbox is touched.
 */
#include "spawn/broker/sandbox/sandbox.h"

#include "spawn/base/fd.h"
#include "tests/lib/nb-fake-portal.h"
#include "tests/lib/nb-test.h"

enum
{
  HANDLE = 4711,
};

static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* Spawn is asked for, and the sandbox freed before the answer. */
static NbPortal *
free_early (void)
{
  NbPortal *portal = nb_fake_portal_new (6, 1);
  NbSandbox *sandbox
      = nb_sandbox_new (portal, NB_PROFILE_PAGES, NB_WALL_AUTO, NB_PIDS_AUTO);

  nb_sandbox_start (sandbox);
  g_assert_cmpint (nb_fake_portal_spawn (portal)->n_asked, ==, 1);
  nb_sandbox_free (sandbox);
  settle ();
  return portal;
}

static void
finish (NbPortal *portal, int n_killed)
{
  settle ();
  g_assert_cmpint (nb_fake_portal_spawn (portal)->n_killed, ==, n_killed);
  nb_fake_portal_exit (portal, HANDLE, 0);
  nb_fake_portal_lose (portal);
  g_object_unref (portal);
  settle ();
}

static void
test_answered (void)
{
  NbPortal *portal = free_early ();

  nb_fake_portal_answer (portal, HANDLE);
  settle ();
  g_assert_cmpuint (nb_fake_portal_spawn (portal)->killed_pid, ==, HANDLE);
  finish (portal, 1);
}

static void
test_refused (void)
{
  NbPortal *portal = free_early ();

  nb_fake_portal_refuse (portal, "no");
  finish (portal, 0);
}

static void
test_cancelled (void)
{
  NbPortal *portal = free_early ();

  nb_fake_portal_cancel (portal);
  finish (portal, 0);
}

/* The channel's end is what the sandbox itself sees of it, at once. */
static void
test_channel_ends (void)
{
  NbPortal *portal = free_early ();
  g_autofree NbPacket *packet = g_new0 (NbPacket, 1);
  int channel = nb_fake_portal_spawn (portal)->channel;

  nb_test_wait_readable (channel);
  g_assert_cmpint (nb_channel_receive (channel, packet), ==, 0);
  nb_fake_portal_cancel (portal);
  finish (portal, 0);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_warm_up_gio ();
  nb_test_add ("/sandbox/freed/answered", test_answered);
  nb_test_add ("/sandbox/freed/refused", test_refused);
  nb_test_add ("/sandbox/freed/cancelled", test_cancelled);
  nb_test_add ("/sandbox/freed/channel-ends", test_channel_ends);
  return g_test_run ();
}

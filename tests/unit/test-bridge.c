/* SPDX-License-Identifier: BSD-3-Clause */
/* The helper between a browser and its zygote: what passes is the same, and the ends are.
 */
#include "spawn/chrome-sandbox/bridge.h"

#include <string.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"
#include "zygote/wire/channel.h"

typedef struct
{
  NbBridge bridge;
  int browser, zygote; /* the far ends */
} Scene;

static NbPacket packet;

static Scene
scene_new (void)
{
  Scene scene = { .bridge = NB_BRIDGE_NONE };
  int control[2];

  g_assert_cmpint (nb_channel_pair (control), ==, 0);
  g_assert_cmpint (nb_channel_pass_credentials (control[0]), ==, 0);
  g_assert_cmpint (nb_bridge_init (&scene.bridge, control[1], &scene.zygote), ==, 0);
  nb_fd_clear (&control[1]); /* as the helper does; the bridge has its own */
  scene.browser = control[0];
  return scene;
}

static void
scene_clear (Scene *scene)
{
  nb_bridge_clear (&scene->bridge);
  nb_fd_clear (&scene->browser);
  nb_fd_clear (&scene->zygote);
  nb_packet_clear (&packet);
}

static void
expect (int fd, const char *text, size_t n_fds)
{
  nb_packet_clear (&packet);
  g_assert_true (nb_test_is_readable (fd));
  g_assert_cmpint (nb_channel_receive (fd, &packet), ==, 1);
  nb_test_assert_bytes (packet.bytes, packet.size, text, strlen (text) + 1);
  g_assert_cmpuint (packet.n_fds, ==, n_fds);
}

static void
say (int fd, const char *text, const int *fds, size_t n_fds)
{
  g_assert_cmpint (nb_channel_send (fd, text, strlen (text) + 1, fds, n_fds), ==, 0);
}

static void
test_passes_on (void)
{
  Scene scene = scene_new ();
  int oracle[2];

  g_assert_cmpint (nb_channel_pair (oracle), ==, 0);
  say (scene.zygote, "ZYGOTE_OK", NULL, 0);
  nb_bridge_serve (&scene.bridge, scene.bridge.zygote);
  expect (scene.browser, "ZYGOTE_OK", 0);
  g_assert_cmpint (packet.pid, ==, getpid ());
  say (scene.browser, "fork", &oracle[1], 1);
  say (scene.browser, "pid", NULL, 0);
  nb_bridge_serve (&scene.bridge, scene.bridge.browser);
  nb_bridge_serve (&scene.bridge, scene.bridge.browser);
  nb_bridge_serve (&scene.bridge,
                   scene.bridge.browser); /* nothing more: it does not wait */
  nb_fd_clear (&oracle[1]);
  expect (scene.zygote, "fork", 1);
  say (packet.fds[0], "ping", NULL, 0);
  expect (scene.zygote, "pid", 0);
  expect (oracle[0], "ping", 0);
  /* The child's end of the oracle was closed here with the packet, and nobody has a copy.
   */
  g_assert_cmpint (nb_channel_receive (oracle[0], &packet), ==, 0);
  nb_fd_clear (&oracle[0]);
  scene_clear (&scene);
}

static void
test_ends (void)
{
  for (int i = 0; i < 2; i++)
    {
      Scene scene = scene_new ();
      int *gone = i == 0 ? &scene.browser : &scene.zygote;
      int *other = i == 0 ? &scene.zygote : &scene.browser;

      nb_fd_clear (gone);
      nb_bridge_serve (&scene.bridge, i == 0 ? scene.bridge.browser : scene.bridge.zygote);
      g_assert_cmpint (scene.bridge.browser, ==, -1);
      g_assert_cmpint (scene.bridge.zygote, ==, -1);
      g_assert_true (nb_test_is_readable (*other));
      g_assert_cmpint (nb_channel_receive (*other, &packet), ==, 0);
      scene_clear (&scene);
    }
}

/* Who does not read is given up, so that the helper's other affairs go on. */
static void
test_does_not_wait (void)
{
  Scene scene = scene_new ();

  while (scene.bridge.browser >= 0)
    {
      say (scene.browser, "GetSandboxStatus", NULL, 0);
      nb_bridge_serve (&scene.bridge, scene.bridge.browser);
    }
  g_assert_cmpint (scene.bridge.zygote, ==, -1);
  scene_clear (&scene);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/bridge/passes-on", test_passes_on);
  nb_test_add ("/bridge/ends", test_ends);
  nb_test_add ("/bridge/does-not-wait", test_does_not_wait);
  return g_test_run ();
}

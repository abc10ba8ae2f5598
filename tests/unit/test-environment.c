/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/client/environment.h"

#include "tests/lib/nb-test.h"

typedef struct
{
  const char *name; /* of the test */
  const char *entry;
  bool allowed;
  bool for_gpu; /* allowed to the GPU process and its zygote, if not to all */
  bool for_audio;
} Case;

static const Case cases[] = {
  { "language", "LANG=C.UTF-8", true },
  { "languages", "LANGUAGE=de:en", true },
  { "all-locale", "LC_ALL=C", true },
  { "one-locale", "LC_MESSAGES=de_DE.UTF-8", true },
  { "time-zone", "TZ=Europe/Berlin", true },
  { "path", "PATH=/app/bin:/usr/bin", true },
  { "home", "HOME=/home/user", true },
  { "library-path", "LD_LIBRARY_PATH=/app/lib", true },
  { "fonts", "FONTCONFIG_FILE=/etc/fonts/fonts.conf", true },
  { "data-folders", "XDG_DATA_DIRS=/app/share", true },
  { "chromium", "CHROME_DESKTOP=org.nestbox.Chromium.desktop", true },
  { "empty-value", "LANG=", true },

  { "mesa", "MESA_LOADER_DRIVER_OVERRIDE=zink", false, true },
  { "vulkan-driver", "VK_DRIVER_FILES=/usr/lib/icd.json", false, true },
  { "second-gpu", "DRI_PRIME=1", false, true },

  { "session-bus", "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus", false },
  { "system-bus", "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/bus", false },
  { "accessibility-bus", "AT_SPI_BUS_ADDRESS=unix:path=/run/at-spi", false },
  { "display", "DISPLAY=:0", false },
  { "wayland-display", "WAYLAND_DISPLAY=wayland-0", false },
  { "x-authority", "XAUTHORITY=/run/xauth", false },
  { "runtime-folder", "XDG_RUNTIME_DIR=/run/user/1000", false },
  { "ssh-agent", "SSH_AUTH_SOCK=/run/ssh", false },
  { "gpg-agent", "GPG_AGENT_INFO=/run/gpg", false },
  { "pulse-server", "PULSE_SERVER=unix:/run/pulse", false, .for_audio = true },
  { "alsa-configuration", "ALSA_CONFIG_PATH=/x", false, .for_audio = true },
  { "preload", "LD_PRELOAD=/tmp/evil.so", false },
  { "audit", "LD_AUDIT=/tmp/evil.so", false },
  { "loader-debug", "LD_DEBUG=all", false },
  { "malloc-tunables", "GLIBC_TUNABLES=glibc.malloc.check=3", false },
  { "gio-modules", "GIO_EXTRA_MODULES=/tmp", false },
  { "nestbox-channel", "NESTBOX_BROKER=/run/nestbox", false },
  { "nestbox-zygote", "NESTBOX_ZYGOTE=1", false },
  { "nestbox-debug", "NESTBOX_DEBUG=all", false },
  { "helper-descriptor", "SBX_D=5", false },
  { "helper-user-namespace", "SBX_USER_NS=1", false },
  { "secret", "AWS_SECRET_ACCESS_KEY=x", false },
  { "longer-name", "LANGX=C", false },
  { "longer-name-of-time-zone", "TZDIR=/tmp", false },
  { "other-case", "lang=C", false },
  { "name-inside", "X_LANG=C", false },
  { "no-value", "LANG", false },
  { "no-name", "=LANG=C", false },
  { "empty", "", false },
};

static void
test_allows (gconstpointer data)
{
  const Case *test = data;

  for (NbKind kind = NB_KIND_NONE; kind < NB_N_KINDS; kind++)
    {
      g_assert_true (nb_environment_allows (kind, test->entry)
                     == (test->allowed || (nb_kind_is_for_gpu (kind) && test->for_gpu)
                         || (kind == NB_KIND_AUDIO && test->for_audio)));
    }
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    nb_test_add_case (cases[i].allowed ? "/environment/passes" : "/environment/is-kept",
                      cases[i].name, &cases[i], test_allows);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Mount lists as Flatpak makes them, and what more on one of them gives away. */
#include "spawn/audit/mounts.h"

#include "spawn/audit/proc-text.h"
#include "tests/lib/nb-test.h"

#define HOME "/home/u"
#define DATA HOME "/.var/app/org.example.B"
#define INSTALLATION HOME "/.local/share/flatpak"

/* The browser's: an app of the user's own installation, without files of the home. */
#define BROWSER                                                                            \
  "102 43 0:40 /newroot / rw - tmpfs tmpfs rw\n"                                           \
  "103 102 254:0 " INSTALLATION "/runtime/R/files /usr ro - ext4 /dev/vda rw\n"            \
  "104 102 254:0 " INSTALLATION "/app/B/files /app ro - ext4 /dev/vda rw\n"                \
  "105 102 0:41 / /proc rw - proc proc rw\n"                                               \
  "106 105 0:41 /irq /proc/irq ro - proc proc rw\n"                                        \
  "178 102 254:0 " DATA "/cache /var/cache rw - ext4 /dev/vda rw\n"                        \
  "188 102 0:30 /.flatpak/B/xdg-run /run/user/1000 rw - tmpfs tmpfs rw\n"                  \
  "189 102 0:42 / /dev rw - tmpfs tmpfs rw\n"                                              \
  "190 189 0:6 /null /dev/null rw - devtmpfs devtmpfs rw\n"                                \
  "199 102 254:0 " DATA " " DATA " rw - ext4 /dev/vda rw\n"                                \
  "201 102 0:44 / /tmp/.X11-unix rw - tmpfs tmpfs rw\n"                                    \
  "203 201 0:29 /.X11-unix/X0 /tmp/.X11-unix/X99 ro - tmpfs tmpfs rw\n"                    \
  "202 102 0:30 /.dbus-proxy/session-bus-proxy-X /run/flatpak/bus ro - tmpfs tmpfs rw\n"

/* A sub-sandbox's, as it is. */
#define SANDBOX                                                                            \
  "212 44 0:47 /newroot / rw - tmpfs tmpfs rw\n"                                           \
  "213 212 254:0 " INSTALLATION "/runtime/R/files /usr ro - ext4 /dev/vda rw\n"            \
  "214 212 254:0 " INSTALLATION "/app/B/files /app ro - ext4 /dev/vda rw\n"                \
  "215 212 0:48 / /proc rw - proc proc rw\n"                                               \
  "216 215 0:48 /irq /proc/irq ro - proc proc rw\n"                                        \
  "218 212 0:22 /block /sys/block ro - sysfs sysfs rw\n"                                   \
  "223 212 0:4 user:[4026532180] /run/.userns ro - nsfs nsfs rw\n"                         \
  "224 212 254:0 " INSTALLATION                                                            \
  "/runtime/R/files/etc/ssl /etc/ssl ro - ext4 /dev/vda rw\n"                              \
  "290 212 0:30 /.flatpak-helper/monitor /run/host/monitor ro - tmpfs tmpfs rw\n"          \
  "291 212 0:30 /.flatpak/77 /run/flatpak/.flatpak/77 ro - tmpfs tmpfs rw\n"               \
  "294 212 0:49 / /dev rw - tmpfs tmpfs rw\n"                                              \
  "295 294 0:6 /null /dev/null rw - devtmpfs devtmpfs rw\n"                                \
  "296 294 0:6 /urandom /dev/urandom rw - devtmpfs devtmpfs rw\n"                          \
  "301 294 0:50 / /dev/pts rw - devpts devpts rw\n"                                        \
  "303 212 0:51 / /tmp/.X11-unix rw - tmpfs tmpfs rw\n"                                    \
  "304 212 254:0 " HOME "/.local/share/fonts /run/host/user-fonts ro - ext4 /dev/vda rw\n"

typedef struct
{
  const char *name, *extra; /* a line more than a sub-sandbox has */
  NbReach home, bus, display;
  const char *device; /* where one is mounted, or NULL */
} ReachCase;

#define NO NB_REACH_NO
#define YES NB_REACH_YES
#define UNKNOWN NB_REACH_UNKNOWN

static const ReachCase reach_cases[] = {
  { "as-it-is", "", NO, NO, NO, NULL },
  { "all-of-the-home", "400 212 254:0 " HOME " " HOME " rw - ext4 /dev/vda rw\n", YES,
    UNKNOWN, UNKNOWN, NULL },
  { "the-home-somewhere-else", "400 212 254:0 " HOME " /mnt/h ro - ext4 /dev/vda rw\n", YES,
    UNKNOWN, UNKNOWN, NULL },
  { "a-folder-of-the-home", "400 212 254:0 " HOME "/Documents /x ro - ext4 /dev/vda rw\n",
    YES, UNKNOWN, UNKNOWN, NULL },
  { "the-home-below-a-given-place", "400 212 254:0 " HOME " /app/h ro - ext4 /dev/vda rw\n",
    YES, NO, NO, NULL },
  { "writable-fonts", "400 212 254:0 " HOME " /run/host/user-fonts rw - ext4 /d rw\n", YES,
    NO, NO, NULL },
  { "all-of-the-disk", "400 212 254:0 / /run/host/root ro - ext4 /dev/vda rw\n", YES,
    UNKNOWN, UNKNOWN, NULL },
  { "the-apps-data", "400 212 254:0 " DATA "/cache /var/cache rw - ext4 /dev/vda rw\n", YES,
    UNKNOWN, UNKNOWN, NULL },
  { "a-neighbour-of-the-home", "400 212 254:0 /home/ugo /home/ugo ro - ext4 /dev/vda rw\n",
    YES, UNKNOWN, UNKNOWN, NULL }, /* below /home */
  { "documents", "400 212 0:60 / /run/user/1000/doc rw - fuse.portal portal rw\n", YES,
    UNKNOWN, UNKNOWN, NULL },
  { "widevine",
    "400 212 254:0 " DATA "/config/b/WidevineCdm " DATA
    "/config/b/WidevineCdm ro - ext4 /dev/vda rw\n",
    NO, NO, NO, NULL },
  { "writable-widevine",
    "400 212 254:0 " DATA "/config/b/WidevineCdm " DATA
    "/config/b/WidevineCdm rw - ext4 /dev/vda rw\n",
    YES, UNKNOWN, UNKNOWN, NULL },
  { "something-else-as-widevine",
    "400 212 254:0 " DATA "/config " DATA "/config/b/WidevineCdm ro - ext4 /dev/vda rw\n",
    YES, UNKNOWN, UNKNOWN, NULL },
  { "another-disk", "400 212 8:1 / /mnt/d ro - ext4 /dev/sda1 rw\n", UNKNOWN, UNKNOWN,
    UNKNOWN, NULL },
  { "the-browsers-bus",
    "400 212 0:30 /.dbus-proxy/session-bus-proxy-X /run/flatpak/bus ro - tmpfs t rw\n", NO,
    YES, NO, NULL },
  { "another-bus",
    "400 212 0:30 /.dbus-proxy/session-bus-proxy-Y /run/flatpak/bus ro - tmpfs t rw\n", NO,
    YES, NO, NULL },
  { "the-browsers-bus-somewhere-else",
    "400 212 0:30 /.dbus-proxy/session-bus-proxy-X /etc/b ro - tmpfs t rw\n", NO, YES, NO,
    NULL },
  { "the-folder-of-the-bus", "400 212 0:30 /.dbus-proxy /mnt ro - tmpfs t rw\n", UNKNOWN,
    YES, UNKNOWN, NULL },
  { "the-systems-bus",
    "400 212 0:25 /dbus/system_bus_socket /run/dbus/system_bus_socket ro - tmpfs t rw\n",
    NO, YES, NO, NULL },
  { "the-bus-of-the-runtime-folder", "400 212 0:99 /b /run/user/1001/bus ro - ext4 t rw\n",
    NO, YES, NO, NULL },
  { "all-of-run", "400 212 0:25 / /run rw - tmpfs t rw\n", UNKNOWN, UNKNOWN, UNKNOWN,
    NULL },
  { "all-of-tmp", "400 212 0:26 / /tmp rw - tmpfs t rw\n", UNKNOWN, UNKNOWN, UNKNOWN,
    NULL },
  { "shared-memory", "400 212 0:27 / /dev/shm rw - tmpfs t rw\n", UNKNOWN, UNKNOWN, UNKNOWN,
    NULL },
  { "all-of-the-browsers-runtime-folder", "400 212 0:30 / /run/user/1000 rw - tmpfs t rw\n",
    UNKNOWN, YES, UNKNOWN, NULL },
  { "x11", "400 303 0:29 /.X11-unix/X0 /tmp/.X11-unix/X99 ro - tmpfs t rw\n", NO, NO, YES,
    NULL },
  { "wayland", "400 212 0:98 /wayland-1 /run/user/1000/wayland-0 rw - ext4 t rw\n", NO, NO,
    YES, NULL },
  { "sound", "400 212 0:98 /native /run/flatpak/pulse/native rw - ext4 t rw\n", NO, NO, YES,
    NULL },
  { "home-at-the-place-of-x11", "400 303 254:0 " HOME " /tmp/.X11-unix/X1 rw - ext4 d rw\n",
    YES, UNKNOWN, YES, NULL },
  { "graphics", "400 294 0:6 /dri /dev/dri rw - devtmpfs devtmpfs rw\n", NO, NO, NO,
    "/dev/dri" },
  { "all-devices", "400 212 0:6 / /dev rw - devtmpfs devtmpfs rw\n", NO, NO, NO, "/dev" },
};

static NbReach
reach (const GPtrArray *mounts, const NbSecrets *secrets, NbSecret secret)
{
  const char *point = "";
  NbReach found = nb_mounts_reach (mounts, secrets, secret, &point);

  g_assert_cmpint (point != NULL, ==, found != NB_REACH_NO);
  return found;
}

static void
test_reach (gconstpointer data)
{
  const ReachCase *test = data;
  g_autofree char *text = g_strconcat (SANDBOX, test->extra, NULL);
  g_autoptr (GPtrArray) browsers = nb_proc_mounts_parse (BROWSER);
  g_autoptr (GPtrArray) mounts = nb_proc_mounts_parse (text);
  g_autoptr (NbSecrets) secrets = nb_secrets_new (browsers, HOME);

  g_assert_cmpint (reach (mounts, secrets, NB_SECRET_HOME), ==, test->home);
  g_assert_cmpint (reach (mounts, secrets, NB_SECRET_BUS), ==, test->bus);
  g_assert_cmpint (reach (mounts, secrets, NB_SECRET_DISPLAY), ==, test->display);
  g_assert_cmpstr (nb_mounts_find_device (mounts), ==, test->device);
}

/* Who has the browser's mounts has all of it, named by the most telling place. */
static void
test_reach_of_browser (void)
{
  g_autoptr (GPtrArray) mounts = nb_proc_mounts_parse (BROWSER);
  g_autoptr (NbSecrets) secrets = nb_secrets_new (mounts, HOME);
  const char *point;

  g_assert_cmpint (nb_mounts_reach (mounts, secrets, NB_SECRET_HOME, &point), ==, YES);
  g_assert_cmpstr (point, ==, DATA);
  g_assert_cmpint (nb_mounts_reach (mounts, secrets, NB_SECRET_BUS, &point), ==, YES);
  g_assert_cmpstr (point, ==, "/run/flatpak/bus");
  g_assert_cmpint (nb_mounts_reach (mounts, secrets, NB_SECRET_DISPLAY, &point), ==, YES);
  g_assert_cmpstr (point, ==, "/tmp/.X11-unix/X99");
}

/* An app with the whole home: its own installation lies in it, and is no leak. */
static void
test_reach_with_home (void)
{
  g_autoptr (GPtrArray) browsers = nb_proc_mounts_parse (
      BROWSER "250 102 254:0 " HOME " " HOME " rw - ext4 /dev/vda rw\n");
  g_autoptr (GPtrArray) mounts = nb_proc_mounts_parse (SANDBOX);
  g_autoptr (NbSecrets) secrets = nb_secrets_new (browsers, HOME);

  g_assert_cmpint (reach (mounts, secrets, NB_SECRET_HOME), ==, NO);
}

static void
test_home_not_known (void)
{
  g_autoptr (GPtrArray) browsers = nb_proc_mounts_parse (BROWSER);
  g_autoptr (GPtrArray) mounts = nb_proc_mounts_parse (SANDBOX);
  g_autoptr (NbSecrets) secrets = nb_secrets_new (browsers, NULL);
  const char *point;

  g_assert_cmpint (nb_mounts_reach (mounts, secrets, NB_SECRET_HOME, &point), ==, UNKNOWN);
  g_assert_null (point);
  g_assert_cmpint (nb_mounts_reach (mounts, secrets, NB_SECRET_BUS, &point), ==, NO);
}

typedef struct
{
  const char *name, *text;
  NbSame same;
  gboolean proc;
} CompareCase;

static const CompareCase compare_cases[] = {
  { "itself", BROWSER, NB_SAME_YES, TRUE },
  { "sandbox", SANDBOX, NB_SAME_NO, FALSE },
  { "one-mount-in-common", SANDBOX "190 189 0:6 /null /dev/null rw - devtmpfs d rw\n",
    NB_SAME_YES, FALSE },
  { "no-root", "400 1 0:99 / /x rw - tmpfs t rw\n", NB_SAME_UNKNOWN, FALSE },
  { "nothing", "", NB_SAME_UNKNOWN, FALSE },
  { "the-browsers-proc", SANDBOX "400 212 0:41 / /mnt rw - proc proc rw\n", NB_SAME_NO,
    TRUE },
};

static void
test_compare (gconstpointer data)
{
  const CompareCase *test = data;
  g_autoptr (GPtrArray) browsers = nb_proc_mounts_parse (BROWSER);
  g_autoptr (GPtrArray) mounts = nb_proc_mounts_parse (test->text);

  g_assert_cmpint (nb_mounts_compare (mounts, browsers), ==, test->same);
  g_assert_cmpint (nb_mounts_have_proc_of (mounts, browsers), ==, test->proc);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/mounts/reach", reach_cases, test_reach);
  nb_test_add ("/mounts/reach-of-the-browser", test_reach_of_browser);
  nb_test_add ("/mounts/reach-where-the-app-has-the-home", test_reach_with_home);
  nb_test_add ("/mounts/home-not-known", test_home_not_known);
  nb_test_add_cases ("/mounts/compare", compare_cases, test_compare);
  return g_test_run ();
}

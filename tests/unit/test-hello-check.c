/* SPDX-License-Identifier: BSD-3-Clause */
/* A place that is good enough, and the same place with one thing wrong at a time. */
#include "spawn/broker/sandbox/hello-check.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spawn/base/flatpak-level.h"
#include "spawn/base/no-bus.h"
#include "tests/lib/nb-test.h"

static const char *const namespace_paths[NB_N_NAMESPACES]
    = { "/proc/self/ns/pid", "/proc/self/ns/net", "/proc/self/ns/mnt",
        "/proc/self/ns/ipc" };

/* All that nb_hello_check() is told. */
typedef struct
{
  NbHello hello;
  uid_t uid;
  NbWall wall;
  NbProfile profile;
} Place;

static uint64_t
own_namespace (NbNamespace namespace)
{
  struct stat own;

  g_assert_cmpint (stat (namespace_paths[namespace], &own), ==, 0);
  return own.st_ino;
}

static Place
good_place (void)
{
  Place place = { .hello = { .version = NB_PROTOCOL_VERSION,
                             .level = NB_FLATPAK_SUB_SANDBOX,
                             .landlock_abi = 6,
                             .seccomp = true,
                             .no_new_privs = true },
                  .uid = getuid (),
                  .wall = NB_WALL_AUTO };

  for (int i = 0; i < NB_N_NAMESPACES; i++)
    place.hello.namespaces[i] = own_namespace ((NbNamespace)i) + 1;
  return place;
}

static const char *
check (const Place *place)
{
  return nb_hello_check (&place->hello, place->uid, place->wall,
                         nb_profile_traits (place->profile));
}

static void
make_old (Place *place)
{
  place->hello.version = NB_PROTOCOL_VERSION - 1;
}

static void
make_new (Place *place)
{
  place->hello.version = NB_PROTOCOL_VERSION + 1;
}

static void
make_foreign (Place *place)
{
  place->uid = getuid () + 1;
}

static void
make_level_none (Place *place)
{
  place->hello.level = NB_FLATPAK_NONE;
}

static void
make_level_app (Place *place)
{
  place->hello.level = NB_FLATPAK_APP;
}

static void
make_level_unknown (Place *place)
{
  place->hello.level = 99;
}

static void
make_privileged (Place *place)
{
  place->hello.no_new_privs = false;
}

static void
share_pid (Place *place)
{
  place->hello.namespaces[NB_NAMESPACE_PID] = own_namespace (NB_NAMESPACE_PID);
}

static void
share_net (Place *place)
{
  place->hello.namespaces[NB_NAMESPACE_NET] = own_namespace (NB_NAMESPACE_NET);
}

static void
share_mnt (Place *place)
{
  place->hello.namespaces[NB_NAMESPACE_MNT] = own_namespace (NB_NAMESPACE_MNT);
}

static void
share_ipc (Place *place)
{
  place->hello.namespaces[NB_NAMESPACE_IPC] = own_namespace (NB_NAMESPACE_IPC);
}

static void
hide_namespace (Place *place)
{
  place->hello.namespaces[NB_NAMESPACE_IPC] = 0;
}

static void
take_seccomp (Place *place)
{
  place->hello.seccomp = false;
}

static void
take_landlock (Place *place)
{
  place->hello.landlock_abi = 0;
  place->wall = NB_WALL_LANDLOCK;
}

static void
add_session_bus (Place *place)
{
  place->hello.bus = NB_BUS_SESSION;
}

static void
add_a11y_bus (Place *place)
{
  place->hello.bus = NB_BUS_A11Y;
}

static void
add_system_bus (Place *place)
{
  place->hello.bus = NB_BUS_SYSTEM;
}

static void
add_bus_in_runtime_folder (Place *place)
{
  place->hello.bus = NB_BUS_RUNTIME;
}

static void
add_abstract_socket (Place *place)
{
  place->hello.bus = NB_BUS_ABSTRACT;
}

static void
hide_buses (Place *place)
{
  place->hello.bus = NB_BUS_UNKNOWN;
}

static void
add_unheard_of_bus (Place *place)
{
  place->hello.bus = NB_N_BUSES;
}

typedef struct
{
  const char *name;
  void (*spoil) (Place *place);
  const char *complaint; /* a part of it that no other complaint has */
} DefectCase;

static const DefectCase defects[] = {
  { "older-controller", make_old, "another version" },
  { "newer-controller", make_new, "another version" },
  { "another-user", make_foreign, "another user" },
  { "not-in-flatpak", make_level_none, "not a sub-sandbox" },
  { "in-the-app-itself", make_level_app, "not a sub-sandbox" },
  { "at-an-unknown-level", make_level_unknown, "not a sub-sandbox" },
  { "new-privileges", make_privileged, "gain privileges" },
  { "same-pid-namespace", share_pid, "PID namespace" },
  { "same-network", share_net, "network namespace" },
  { "same-mounts", share_mnt, "mount namespace" },
  { "same-ipc", share_ipc, "IPC namespace" },
  { "unreadable-namespaces", hide_namespace, "namespaces cannot be read" },
  { "no-seccomp", take_seccomp, "seccomp" },
  { "session-bus", add_session_bus, "the session bus" },
  { "accessibility-bus", add_a11y_bus, "the accessibility bus" },
  { "system-bus", add_system_bus, "the system bus" },
  { "bus-in-runtime-folder", add_bus_in_runtime_folder, "runtime folder" },
  { "abstract-socket", add_abstract_socket, "abstract sockets" },
  { "not-searched", hide_buses, "searched for a bus" },
  { "unheard-of", add_unheard_of_bus, "searched for a bus" },
  { "no-landlock-where-asked-for", take_landlock, "no Landlock" },
};

/* Its own complaint: one line, with its mark and with that of no other defect. */
static void
test_defect (gconstpointer data)
{
  const DefectCase *test = data;
  Place place = good_place ();
  const char *complaint;

  test->spoil (&place);
  complaint = check (&place);
  g_assert_nonnull (complaint);
  g_assert_null (strchr (complaint, '\n'));
  for (size_t i = 0; i < NB_ARRAY_SIZE (defects); i++)
    g_assert_true ((strstr (complaint, defects[i].complaint) != NULL)
                   == (strcmp (defects[i].complaint, test->complaint) == 0));
}

static void
test_good_place (void)
{
  static const NbWall walls[] = { NB_WALL_AUTO, NB_WALL_LANDLOCK, NB_WALL_SECCOMP };
  Place place = good_place ();

  for (size_t i = 0; i < NB_ARRAY_SIZE (walls); i++)
    {
      place.wall = walls[i];
      g_assert_cmpstr (check (&place), ==, NULL);
    }
}

/* Seccomp stands in for it, so its absence alone is no defect. */
static void
test_no_landlock (void)
{
  Place place = good_place ();

  place.hello.landlock_abi = 0;
  g_assert_cmpstr (check (&place), ==, NULL);
  place.wall = NB_WALL_SECCOMP;
  g_assert_cmpstr (check (&place), ==, NULL);
}

/* X11's shared memory is the X server's, and the network is what one profile is for. */
static gboolean
may_have (NbProfile profile, void (*spoil) (Place *))
{
  return (profile == NB_PROFILE_GPU && spoil == share_ipc)
         || (profile == NB_PROFILE_NETWORK
             && (spoil == share_net || spoil == add_abstract_socket));
}

/* Everything else is as for pages. */
static void
test_profiles_differ_in_one_thing (void)
{
  for (NbProfile profile = 0; profile < NB_N_PROFILES; profile++)
    for (size_t i = 0; i < NB_ARRAY_SIZE (defects); i++)
      {
        Place place = good_place ();

        place.profile = profile;
        g_assert_cmpstr (check (&place), ==, NULL);
        defects[i].spoil (&place);
        g_assert_true ((check (&place) == NULL) == may_have (profile, defects[i].spoil));
      }
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add ("/hello-check/good-place", test_good_place);
  nb_test_add ("/hello-check/landlock-is-not-needed", test_no_landlock);
  nb_test_add ("/hello-check/profiles-differ-in-one-thing",
               test_profiles_differ_in_one_thing);
  nb_test_add_cases ("/hello-check/defect", defects, test_defect);
  return g_test_run ();
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/broker/sandbox/hello-check.h"

#include <sys/stat.h>
#include <unistd.h>

#include "spawn/base/flatpak-level.h"
#include "spawn/base/no-bus.h"

static const struct
{
  const char *path;
  const char *complaint;
} namespaces[NB_N_NAMESPACES] = {
  [NB_NAMESPACE_PID]
  = { "/proc/self/ns/pid", "the sub-sandbox shares the browser's PID namespace" },
  [NB_NAMESPACE_NET]
  = { "/proc/self/ns/net", "the sub-sandbox shares the browser's network namespace" },
  [NB_NAMESPACE_MNT]
  = { "/proc/self/ns/mnt", "the sub-sandbox shares the browser's mount namespace" },
  [NB_NAMESPACE_IPC]
  = { "/proc/self/ns/ipc", "the sub-sandbox shares the browser's IPC namespace" },
};

static const char *
check_namespaces (const NbHello *hello, const NbProfileTraits *traits)
{
  for (int i = 0; i < NB_N_NAMESPACES; i++)
    {
      struct stat own;

      if (stat (namespaces[i].path, &own) < 0 || hello->namespaces[i] == 0)
        return "the sub-sandbox's namespaces cannot be read";
      if (hello->namespaces[i] == own.st_ino
          && !(i == NB_NAMESPACE_IPC && traits->may_share_ipc)
          && !(i == NB_NAMESPACE_NET && traits->has_network))
        return namespaces[i].complaint;
    }
  return NULL;
}

static const char *
check_wall (const NbHello *hello, NbWall wall)
{
  if (!hello->seccomp)
    return "the kernel offers no seccomp filters in the sub-sandbox";
  if (wall == NB_WALL_LANDLOCK && hello->landlock_abi == 0)
    return "--file-wall=landlock was asked for, but the kernel has no Landlock";
  return NULL;
}

/* Abstract sockets are the app's where its network is. */
static const char *
check_bus (const NbHello *hello, const NbProfileTraits *traits)
{
  static const char *const complaints[NB_N_BUSES] = {
    [NB_BUS_SESSION] = "the sub-sandbox has the session bus",
    [NB_BUS_A11Y] = "the sub-sandbox has the accessibility bus",
    [NB_BUS_SYSTEM] = "the sub-sandbox has the system bus",
    [NB_BUS_RUNTIME] = "the sub-sandbox has a bus in its runtime folder",
    [NB_BUS_ABSTRACT] = "the sub-sandbox has abstract sockets, which may be a bus's",
    [NB_BUS_UNKNOWN] = "the sub-sandbox cannot be searched for a bus",
  };

  if (hello->bus == NB_BUS_ABSTRACT && traits->has_network)
    return NULL;
  return hello->bus < NB_N_BUSES ? complaints[hello->bus] : complaints[NB_BUS_UNKNOWN];
}

const char *
nb_hello_check (const NbHello *hello, uid_t uid, NbWall wall, const NbProfileTraits *traits)
{
  const char *complaint;

  if (hello->version != NB_PROTOCOL_VERSION)
    return "the controller is of another version of nestbox; restart the app";
  if (uid != getuid ())
    return "the controller runs as another user";
  if (hello->level != NB_FLATPAK_SUB_SANDBOX)
    return "the portal started something that is not a sub-sandbox";
  if (!hello->no_new_privs)
    return "the sub-sandbox can gain privileges";

  complaint = check_namespaces (hello, traits);
  if (complaint == NULL)
    complaint = check_bus (hello, traits);
  return complaint != NULL ? complaint : check_wall (hello, wall);
}

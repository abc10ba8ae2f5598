/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/audit/mounts.h"

#include <string.h>

#include "spawn/audit/proc-text.h"
#include "spawn/base/macros.h"

/* A part of a file system. */
typedef struct
{
  NbSecret secret;
  char *device, *path; /* owned */
} Part;

struct _NbSecrets
{
  char *home;          /* NULL: not known */
  GPtrArray *parts;    /* of Part, owned */
  GHashTable *devices; /* of all the browser's mounts */
};

/* --- paths --- */

/* What follows folder in path: "" or "/…"; NULL when path is not folder or below it. */
static const char *
path_below (const char *path, const char *folder)
{
  gsize length = strlen (folder);

  if (g_str_equal (folder, "/"))
    return path[1] == '\0' ? "" : path;
  if (strncmp (path, folder, length) != 0 || (path[length] != '\0' && path[length] != '/'))
    return NULL;
  return path + length;
}

static gboolean
overlap (const char *path, const char *other)
{
  return path_below (path, other) != NULL || path_below (other, path) != NULL;
}

/* --- where the browser's secrets are --- */

static void
part_free (gpointer data)
{
  Part *part = data;

  g_free (part->device);
  g_free (part->path);
  g_free (part);
}

/* Of the first length bytes of path; of none, the whole device. */
static void
add_part (NbSecrets *secrets, NbSecret secret, const char *device, const char *path,
          gsize length)
{
  Part *part = g_new (Part, 1);

  part->secret = secret;
  part->device = g_strdup (device);
  part->path = length > 0 ? g_strndup (path, length) : g_strdup ("/");
  g_ptr_array_add (secrets->parts, part);
}

/* The mount that the path is on: the last of those with the longest mount point. */
static const NbMount *
mount_of (const GPtrArray *mounts, const char *path)
{
  const NbMount *best = NULL;

  for (guint i = 0; i < mounts->len; i++)
    {
      const NbMount *mount = mounts->pdata[i];

      if (path_below (path, mount->point) != NULL
          && (best == NULL || strlen (mount->point) >= strlen (best->point)))
        best = mount;
    }
  return best;
}

/* The path on the mount's own file system. */
static char *
path_on (const NbMount *mount, const char *path)
{
  return g_strconcat (g_str_equal (mount->root, "/") ? "" : mount->root,
                      path_below (path, mount->point), NULL);
}

/*
 * An app has a part of the home as a rule, ~/.var/app/ID, and what is mounted there as
 * ~/.var/app/ID tells where the rest is.
 */
static void
add_home_around (NbSecrets *secrets, const NbMount *mount, const char *home)
{
  const char *below = path_below (mount->point, home);
  gsize length = strlen (mount->root);

  if (below == NULL)
    return;
  if (*below != '\0' && g_str_has_suffix (mount->root, below))
    length -= strlen (below);
  add_part (secrets, NB_SECRET_HOME, mount->device, mount->root, length);
}

static void
add_home (NbSecrets *secrets, const GPtrArray *mounts, const char *home)
{
  const NbMount *around = mount_of (mounts, home);

  if (around != NULL)
    {
      g_autofree char *path = path_on (around, home);

      add_part (secrets, NB_SECRET_HOME, around->device, path, strlen (path));
    }
  for (guint i = 0; i < mounts->len; i++)
    add_home_around (secrets, mounts->pdata[i], home);
}

/* Where such things are mounted (flatpak: common/flatpak-run.c, flatpak-run-sockets.c). */
static const struct
{
  NbSecret secret;
  const char *pattern; /* a star stands for one folder */
} points[] = {
  { NB_SECRET_HOME, "/home" },
  { NB_SECRET_HOME, "/var/home" },
  { NB_SECRET_HOME, "/root" },
  { NB_SECRET_HOME, "/run/flatpak/doc" },
  { NB_SECRET_HOME, "/run/user/*/doc" },
  { NB_SECRET_BUS, "/run/flatpak/bus" },
  { NB_SECRET_BUS, "/run/flatpak/at-spi-bus" },
  { NB_SECRET_BUS, "/run/dbus" },
  { NB_SECRET_BUS, "/var/run/dbus" },
  { NB_SECRET_BUS, "/run/user/*/bus" },
  { NB_SECRET_BUS, "/run/user/*/at-spi" },
  { NB_SECRET_DISPLAY, "/tmp/.X11-unix" },
  { NB_SECRET_DISPLAY, "/run/flatpak/wayland-*" },
  { NB_SECRET_DISPLAY, "/run/flatpak/pulse" },
  { NB_SECRET_DISPLAY, "/run/pulse" },
  { NB_SECRET_DISPLAY, "/run/user/*/wayland-*" },
  { NB_SECRET_DISPLAY, "/run/user/*/pulse" },
  { NB_SECRET_DISPLAY, "/run/user/*/pipewire-*" },
};

/* Whether path is what the pattern means, or below it. */
static gboolean
matches (const char *path, const char *pattern)
{
  while (*pattern != '\0')
    if (*pattern == '*')
      {
        path += strcspn (path, "/");
        pattern++;
      }
    else if (*pattern++ != *path++)
      return FALSE;
  return *path == '\0' || *path == '/';
}

static gboolean
is_at_point_of (const NbSecrets *secrets, NbSecret secret, const NbMount *mount)
{
  if (secret == NB_SECRET_HOME && secrets->home != NULL
      && path_below (mount->point, secrets->home) != NULL)
    return TRUE;
  for (gsize i = 0; i < NB_ARRAY_SIZE (points); i++)
    if (points[i].secret == secret && matches (mount->point, points[i].pattern))
      return TRUE;
  return FALSE;
}

/* Empty at first, as bubblewrap makes them, so that what lies below is out of sight. */
static gboolean
is_cover (const NbMount *mount)
{
  return g_str_equal (mount->type, "tmpfs") && g_str_equal (mount->root, "/");
}

NbSecrets *
nb_secrets_new (const GPtrArray *mounts, const char *home)
{
  NbSecrets *secrets = g_new0 (NbSecrets, 1);

  secrets->home = g_strdup (home);
  secrets->parts = g_ptr_array_new_with_free_func (part_free);
  secrets->devices = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (home != NULL)
    add_home (secrets, mounts, home);
  for (guint i = 0; i < mounts->len; i++)
    {
      const NbMount *mount = mounts->pdata[i];

      g_hash_table_add (secrets->devices, g_strdup (mount->device));
      for (int secret = NB_SECRET_BUS; secret < NB_N_SECRETS; secret++)
        if (is_at_point_of (secrets, (NbSecret)secret, mount) && !is_cover (mount))
          add_part (secrets, (NbSecret)secret, mount->device, mount->root,
                    strlen (mount->root));
    }
  return secrets;
}

void
nb_secrets_free (NbSecrets *secrets)
{
  if (secrets == NULL)
    return;
  g_free (secrets->home);
  g_ptr_array_unref (secrets->parts);
  g_hash_table_unref (secrets->devices);
  g_free (secrets);
}

/* --- namespaces --- */

static gboolean
has_id (const GPtrArray *mounts, guint64 id)
{
  for (guint i = 0; i < mounts->len; i++)
    if (((const NbMount *)mounts->pdata[i])->id == id)
      return TRUE;
  return FALSE;
}

NbSame
nb_mounts_compare (const GPtrArray *mounts, const GPtrArray *browsers)
{
  gboolean has_root = FALSE;

  for (guint i = 0; i < mounts->len; i++)
    {
      const NbMount *mount = mounts->pdata[i];

      if (has_id (browsers, mount->id))
        return NB_SAME_YES;
      has_root = has_root || g_str_equal (mount->point, "/");
    }
  return has_root && browsers->len > 0 ? NB_SAME_NO : NB_SAME_UNKNOWN;
}

/* Each mount of proc that is not a part of another is a device of its own. */
gboolean
nb_mounts_have_proc_of (const GPtrArray *mounts, const GPtrArray *browsers)
{
  const NbMount *proc = mount_of (browsers, "/proc");

  for (guint i = 0; proc != NULL && i < mounts->len; i++)
    {
      const NbMount *mount = mounts->pdata[i];

      if (g_str_equal (mount->type, "proc") && g_str_equal (mount->device, proc->device))
        return TRUE;
    }
  return FALSE;
}

/* --- what can be reached --- */

/* What Flatpak gives to every sandbox: program, runtime, facts, fonts and icons. */
static gboolean
is_given (const NbMount *mount)
{
  static const char *const given[] = {
    "/usr",
    "/app",
    "/etc",
    "/sys",
    "/.flatpak-info",
    "/run/.userns",
    "/run/flatpak/.flatpak",
    "/run/flatpak/ld.so.conf.d",
    "/run/flatpak/p11-kit",
    "/run/host/container-manager",
    "/run/host/font-dirs.xml",
    "/run/host/fonts",
    "/run/host/fonts-cache",
    "/run/host/local-fonts",
    "/run/host/monitor",
    "/run/host/os-release",
    "/run/host/share",
    "/run/host/user-fonts",
    "/run/host/user-fonts-cache",
    "/run/host/user-share",
    "/run/systemd/journal",
  };

  for (gsize i = 0; i < NB_ARRAY_SIZE (given); i++)
    if (path_below (mount->point, given[i]) != NULL)
      return TRUE;
  return FALSE;
}

/* Read-only parts of a home: a user's own Flatpak installation, fonts and icons. */
static gboolean
is_given_of_home (const NbMount *mount)
{
  if (!mount->read_only || !is_given (mount))
    return FALSE;
  return path_below (mount->point, "/run/host") != NULL
         || strstr (mount->root, "/flatpak/app/") != NULL
         || strstr (mount->root, "/flatpak/runtime/") != NULL;
}

/* What nestbox exposes of a profile, named so on either side: sandbox/exposure.h. */
static gboolean
is_widevine (const NbMount *mount)
{
  return mount->read_only && g_str_has_suffix (mount->point, "/WidevineCdm")
         && g_str_has_suffix (mount->root, "/WidevineCdm");
}

gboolean
nb_mounts_have_widevine (const GPtrArray *mounts)
{
  for (guint i = 0; i < mounts->len; i++)
    if (is_widevine (mounts->pdata[i]))
      return TRUE;
  return FALSE;
}

/* What the kernel makes up: no files or sockets of anybody. */
static gboolean
holds_no_files (const NbMount *mount)
{
  static const char *const types[]
      = { "proc", "sysfs", "devpts", "devtmpfs", "mqueue", "nsfs" };

  for (gsize i = 0; i < NB_ARRAY_SIZE (types); i++)
    if (g_str_equal (mount->type, types[i]))
      return TRUE;
  return FALSE;
}

/*
 * A tmpfs is empty at first where bubblewrap made it: the root with files on it, and few
 * others. Anywhere else it may be one of the host's, such as /run.
 */
static gboolean
is_empty (const NbMount *mount, const NbMount *root)
{
  static const char *const empty[]
      = { "/dev", "/tmp/.X11-unix", "/run/host/user-fonts-cache" };

  if (!g_str_equal (mount->type, "tmpfs"))
    return FALSE;
  if (root != NULL && g_str_equal (root->root, "/newroot")
      && g_str_equal (mount->device, root->device))
    return TRUE;
  for (gsize i = 0; i < NB_ARRAY_SIZE (empty); i++)
    if (g_str_equal (mount->point, empty[i]) && g_str_equal (mount->root, "/"))
      return TRUE;
  return FALSE;
}

static gboolean
is_part_of (const NbSecrets *secrets, NbSecret secret, const NbMount *mount)
{
  for (guint i = 0; i < secrets->parts->len; i++)
    {
      const Part *part = secrets->parts->pdata[i];

      if (part->secret == secret && g_str_equal (part->device, mount->device)
          && overlap (part->path, mount->root))
        return TRUE;
    }
  return FALSE;
}

/*
 * A socket of another kind, or a folder of such, is known not to be of this one. Not so
 * the home, which may hold anything.
 */
static gboolean
is_other (const NbMount *mount, const NbSecrets *secrets, NbSecret secret)
{
  if (is_part_of (secrets, NB_SECRET_HOME, mount))
    return FALSE;
  for (guint i = 0; i < secrets->parts->len; i++)
    {
      const Part *part = secrets->parts->pdata[i];

      if (part->secret != secret && part->secret != NB_SECRET_HOME
          && g_str_equal (part->device, mount->device)
          && path_below (mount->root, part->path) != NULL)
        return TRUE;
    }
  for (int other = NB_SECRET_BUS; other < NB_N_SECRETS; other++)
    if ((NbSecret)other != secret && is_at_point_of (secrets, (NbSecret)other, mount)
        && !is_cover (mount))
      return TRUE;
  return FALSE;
}

static NbReach
reach_by (const NbMount *mount, const NbMount *root, const NbSecrets *secrets,
          NbSecret secret)
{
  if (is_widevine (mount))
    return NB_REACH_NO;
  if (is_part_of (secrets, secret, mount))
    return secret == NB_SECRET_HOME && is_given_of_home (mount) ? NB_REACH_NO
                                                                : NB_REACH_YES;
  if (!g_hash_table_contains (secrets->devices, mount->device) && is_empty (mount, root))
    return NB_REACH_NO;
  if (is_at_point_of (secrets, secret, mount) && !is_cover (mount))
    return NB_REACH_YES;
  if (is_given (mount) || holds_no_files (mount) || is_other (mount, secrets, secret))
    return NB_REACH_NO;
  return NB_REACH_UNKNOWN;
}

/* Of several ways in, the one that says most: the longest mount point. */
NbReach
nb_mounts_reach (const GPtrArray *mounts, const NbSecrets *secrets, NbSecret secret,
                 const char **point_out)
{
  const char *ways[] = { [NB_REACH_UNKNOWN] = NULL, [NB_REACH_YES] = NULL };
  const NbMount *root = mount_of (mounts, "/");
  NbReach worst;

  for (guint i = 0; i < mounts->len; i++)
    {
      const NbMount *mount = mounts->pdata[i];
      NbReach reach = reach_by (mount, root, secrets, secret);

      if (reach != NB_REACH_NO
          && (ways[reach] == NULL || strlen (mount->point) > strlen (ways[reach])))
        ways[reach] = mount->point;
    }
  worst = ways[NB_REACH_YES] != NULL       ? NB_REACH_YES
          : ways[NB_REACH_UNKNOWN] != NULL ? NB_REACH_UNKNOWN
                                           : NB_REACH_NO;
  if (worst == NB_REACH_NO && secret == NB_SECRET_HOME && secrets->home == NULL)
    worst = NB_REACH_UNKNOWN;
  *point_out = worst != NB_REACH_NO ? ways[worst] : NULL;
  return worst;
}

const char *
nb_mounts_find_device (const GPtrArray *mounts)
{
  static const char *const nodes[]
      = { "/null", "/zero", "/full", "/random", "/urandom", "/tty", "/ntsync" };

  for (guint i = 0; i < mounts->len; i++)
    {
      const NbMount *mount = mounts->pdata[i];
      gboolean plain = !g_str_equal (mount->type, "devtmpfs");

      for (gsize j = 0; !plain && j < NB_ARRAY_SIZE (nodes); j++)
        plain = g_str_equal (mount->root, nodes[j]);
      if (!plain)
        return mount->point;
    }
  return NULL;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/audit/descriptors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "spawn/audit/proc-text.h"
#include "spawn/base/fd.h"
#include "spawn/base/macros.h"

enum
{
  N_STANDARD = 3, /* input, output, error */
  TRIES = 3,
};

static const char *const class_names[NB_N_FD_CLASSES] = {
  [NB_FD_PLAIN] = "pipes, events, memory",
  [NB_FD_SOCKET] = "unnamed sockets",
  [NB_FD_PROGRAM] = "files of program and system",
  [NB_FD_OUTPUT] = "the browser's standard output",
  [NB_FD_STATISTICS] = "process statistics",
  [NB_FD_OWN_PROC] = "its own /proc",
  [NB_FD_PAGES] = "files that the browser hands to pages",
  [NB_FD_SHADERS] = "files of the shader cache",
  [NB_FD_OWN_FILE] = "files of its sub-sandbox's own memory",
  [NB_FD_HOME] = "files of the home",
  [NB_FD_FILE] = "other files",
  [NB_FD_DIRECTORY] = "folders",
  [NB_FD_DEVICE] = "devices",
  [NB_FD_GPU] = "devices of the GPU and files of /sys",
  [NB_FD_NAMED] = "sockets with a name",
  [NB_FD_BUS] = "connections to a bus",
  [NB_FD_DISPLAY] = "connections to a display",
  [NB_FD_SOUND] = "connections to a sound server",
  [NB_FD_NETWORK] = "network sockets",
  [NB_FD_OTHER] = "other kernel objects",
  [NB_FD_UNKNOWN] = "sockets that cannot be told",
};

/* One descriptor of the process. */
typedef struct
{
  const NbProcess *process;
  const NbDescriptorContext *context;
  const NbSocketView *view;
  char link[32];      /* "fd/NUMBER" */
  const char *target; /* what the link says */
  struct stat stat;   /* what it leads to */
  gboolean writable;
} Descriptor;

/* --- mounts --- */

/* The mount that the descriptor is on, from its fdinfo; 0: not known. */
static guint64
mount_id_of (const Descriptor *descriptor)
{
  g_autofree char *name = g_strconcat ("fdinfo/", strchr (descriptor->link, '/') + 1, NULL);
  g_autofree char *text = nb_process_read (descriptor->process, name, NULL);
  const char *line = text != NULL ? strstr (text, "\nmnt_id:\t") : NULL;

  return line != NULL ? g_ascii_strtoull (line + strlen ("\nmnt_id:\t"), NULL, 10) : 0;
}

/* Empty where they cannot be read. */
static GPtrArray *
mounts_of (const NbProcess *process)
{
  g_autofree char *text = nb_process_read (process, "mountinfo", NULL);
  GPtrArray *mounts = text != NULL ? nb_proc_mounts_parse (text) : NULL;

  return mounts != NULL ? mounts : g_ptr_array_new ();
}

/*
 * On a tmpfs of the process's own mounts, of which the browser has no part: what lies
 * there is called as in the app, but ends with the sub-sandbox. What was handed over has
 * a mount of who opened it.
 */
static gboolean
is_in_own_memory (const Descriptor *descriptor)
{
  g_autoptr (GPtrArray) own = mounts_of (descriptor->process);
  g_autoptr (GPtrArray) browsers = mounts_of (descriptor->context->browser);
  guint64 id = mount_id_of (descriptor);
  const char *device = NULL;

  for (guint i = 0; i < own->len; i++)
    {
      const NbMount *mount = own->pdata[i];

      if (mount->id == id && g_str_equal (mount->type, "tmpfs"))
        device = mount->device;
    }
  for (guint i = 0; i < browsers->len; i++)
    if (g_strcmp0 (((const NbMount *)browsers->pdata[i])->device, device) == 0)
      return FALSE;
  return device != NULL && browsers->len > 0;
}

static gboolean
has_mount (const NbProcess *process, guint64 id, const char *point)
{
  g_autoptr (GPtrArray) mounts = mounts_of (process);

  for (guint i = 0; i < mounts->len; i++)
    {
      const NbMount *mount = mounts->pdata[i];

      if (mount->id == id && g_str_equal (mount->point, point))
        return TRUE;
    }
  return FALSE;
}

/* --- files --- */

static gboolean
is_below (const char *path, const char *folder)
{
  gsize length = strlen (folder);

  return strncmp (path, folder, length) == 0 && path[length] == '/';
}

static gboolean
is_program (const char *path)
{
  static const char *const folders[] = { "/app", "/usr", "/etc", "/run/host" };

  for (gsize i = 0; i < NB_ARRAY_SIZE (folders); i++)
    if (is_below (path, folders[i]))
      return TRUE;
  return FALSE;
}

/* /proc/NUMBER/NAME: sizes and times, which the browser lets a renderer read of itself. */
static gboolean
is_statistics (const char *path)
{
  const char *name = is_below (path, "/proc") ? path + strlen ("/proc/") : "";
  gsize digits = strspn (name, "0123456789");

  name += digits;
  return digits > 0
         && (g_str_equal (name, "/stat") || g_str_equal (name, "/statm")
             || g_str_equal (name, "/status"));
}

/* Memory, and files of the same use: made without a name, or with one that is gone. */
static gboolean
is_memory (const Descriptor *descriptor)
{
  const char *path = descriptor->target;

  return descriptor->stat.st_nlink == 0
         && (g_str_has_prefix (path, "/memfd:") || is_below (path, "/dev/shm")
             || is_below (path, "/tmp"));
}

static gboolean
is_standard_of_browser (const Descriptor *descriptor)
{
  for (int i = 0; i < N_STANDARD; i++)
    {
      char link[8];
      struct stat theirs;

      (void)snprintf (link, sizeof link, "fd/%d", i);
      if (nb_process_stat (descriptor->context->browser, link, &theirs) == 0
          && theirs.st_dev == descriptor->stat.st_dev
          && theirs.st_ino == descriptor->stat.st_ino)
        return TRUE;
    }
  return FALSE;
}

/* Flatpak's two names of the app's own folder; NULL where the path is not below it. */
static const char *
app_data_in (const char *path)
{
  static const char *const folders[] = { "/var/data", "/var/config", "/var/cache" };

  for (gsize i = 0; i < NB_ARRAY_SIZE (folders); i++)
    if (is_below (path, folders[i]))
      return path;
  return strstr (path, "/.var/app/");
}

/* Chromium: gpu_disk_cache_factory.cc, persistent_cache; the old ones are the browser's. */
static gboolean
is_shader_cache (const char *path)
{
  const char *data = app_data_in (path);

  return data != NULL && strstr (data, "/GPUPersistentCache/") != NULL;
}

/*
 * A page's own files, and what renderers read (Chromium: file_system_access_file_handle.cc,
 * spellcheck.mojom, subresource_filter.mojom, safe_browsing.mojom). The profile lies in
 * the app's data.
 */
static gboolean
is_for_pages (const Descriptor *descriptor)
{
  static const struct
  {
    const char *folder;
    gboolean writable;
  } folders[] = {
    { "/File System/", TRUE },
    { "/Dictionaries/", FALSE },
    { "/Subresource Filter/", FALSE },
    { "/optimization_guide_model_store/", FALSE },
  };
  const char *data = app_data_in (descriptor->target);

  for (gsize i = 0; data != NULL && i < NB_ARRAY_SIZE (folders); i++)
    if (strstr (data, folders[i].folder) != NULL
        && (folders[i].writable || !descriptor->writable))
      return TRUE;
  return FALSE;
}

static NbFdClass
class_of_file (const Descriptor *descriptor)
{
  const char *path = descriptor->target, *home = descriptor->context->home;

  if (is_standard_of_browser (descriptor))
    return NB_FD_OUTPUT;
  if (is_shader_cache (path))
    return NB_FD_SHADERS;
  if ((home != NULL && is_below (path, home)) || app_data_in (path) != NULL)
    return is_in_own_memory (descriptor) ? NB_FD_OWN_FILE
           : is_for_pages (descriptor)   ? NB_FD_PAGES
                                         : NB_FD_HOME;
  if (is_memory (descriptor))
    return NB_FD_PLAIN;
  if (descriptor->writable)
    return NB_FD_FILE;
  if (is_below (path, "/sys"))
    return NB_FD_GPU;
  return is_statistics (path) ? NB_FD_STATISTICS
         : is_program (path)  ? NB_FD_PROGRAM
                              : NB_FD_FILE;
}

/* --- folders --- */

/* The browser's /proc would show the browser's processes, whatever the path says. */
static NbFdClass
class_of_folder (const Descriptor *descriptor)
{
  if (g_str_equal (descriptor->target, "/proc")
      && has_mount (descriptor->process, mount_id_of (descriptor), "/proc")
      && !has_mount (descriptor->context->browser, mount_id_of (descriptor), "/proc"))
    return NB_FD_OWN_PROC;
  return NB_FD_DIRECTORY;
}

/* --- the rest --- */

/* What Flatpak's --device=dri gives. */
static gboolean
is_gpu_device (const char *target)
{
  static const char *const prefixes[]
      = { "/dev/dri/", "/dev/nvidia", "/dev/mali", "/dev/umplock", "/dev/udmabuf" };

  for (gsize i = 0; i < NB_ARRAY_SIZE (prefixes); i++)
    if (g_str_has_prefix (target, prefixes[i]))
      return TRUE;
  return FALSE;
}

static NbFdClass
class_of_device (const Descriptor *descriptor)
{
  static const struct
  {
    guint major, minor;
  } plain[] = { { 1, 3 }, { 1, 5 }, { 1, 7 }, { 1, 8 }, { 1, 9 } }; /* null … urandom */

  for (gsize i = 0; S_ISCHR (descriptor->stat.st_mode) && i < NB_ARRAY_SIZE (plain); i++)
    if (descriptor->stat.st_rdev == makedev (plain[i].major, plain[i].minor))
      return NB_FD_PLAIN;
  return is_gpu_device (descriptor->target) ? NB_FD_GPU : NB_FD_DEVICE;
}

static NbFdClass
class_of_anonymous (const char *target)
{
  static const char *const plain[] = {
    "anon_inode:[eventfd]",   "anon_inode:[eventpoll]", "anon_inode:[timerfd]",
    "anon_inode:[signalfd]",  "anon_inode:inotify",     "anon_inode:sync_file",
    "anon_inode:[sync_file]",
  };

  for (gsize i = 0; i < NB_ARRAY_SIZE (plain); i++)
    if (g_str_equal (target, plain[i]))
      return NB_FD_PLAIN;
  return g_str_has_prefix (target, "/dmabuf:") ? NB_FD_PLAIN : NB_FD_OTHER;
}

/* Names are those that a listener has given itself. */
static gboolean
is_display (const char *name)
{
  g_autofree char *base = g_path_get_basename (name);

  return strstr (name, "/tmp/.X11-unix/X") != NULL || g_str_has_prefix (base, "wayland-");
}

/* PulseAudio's, and of PipeWire in its place. */
static gboolean
is_sound (const char *name)
{
  return g_str_has_suffix (name, "/pulse/native");
}

static NbFdClass
class_of_socket (const Descriptor *descriptor, char **name_out)
{
  static const NbFdClass classes[] = { [NB_SOCKET_UNKNOWN] = NB_FD_UNKNOWN,
                                       [NB_SOCKET_PRIVATE] = NB_FD_SOCKET,
                                       [NB_SOCKET_NAMED] = NB_FD_NAMED,
                                       [NB_SOCKET_BUS] = NB_FD_BUS,
                                       [NB_SOCKET_NETWORK] = NB_FD_NETWORK };

  const NbFdClass found = classes[nb_sockets_classify (
      descriptor->context->sockets, descriptor->view, descriptor->stat.st_ino, name_out)];

  if (found != NB_FD_NAMED || *name_out == NULL)
    return found;
  return is_display (*name_out) ? NB_FD_DISPLAY
         : is_sound (*name_out) ? NB_FD_SOUND
                                : found;
}

static NbFdClass
class_of (const Descriptor *descriptor, char **name_out)
{
  const mode_t mode = descriptor->stat.st_mode;

  if (S_ISSOCK (mode))
    return class_of_socket (descriptor, name_out);
  if (S_ISFIFO (mode) && g_str_has_prefix (descriptor->target, "pipe:["))
    return NB_FD_PLAIN;
  if (descriptor->target[0] != '/' || g_str_has_prefix (descriptor->target, "/dmabuf:"))
    return class_of_anonymous (descriptor->target);
  if (S_ISDIR (mode))
    return class_of_folder (descriptor);
  if (S_ISCHR (mode) || S_ISBLK (mode))
    return class_of_device (descriptor);
  return class_of_file (descriptor);
}

/* --- all of them --- */

static void
count (NbDescriptors *descriptors, NbFdClass fd_class, int number, const char *target,
       const char *name)
{
  if (descriptors->counts[fd_class]++ == 0)
    descriptors->examples[fd_class]
        = g_strdup_printf ("%d %s", number, name != NULL ? name : target);
}

/* One that was closed while it was looked at is none. 0, or the errno of a refusal. */
static int
measure_one (Descriptor *descriptor, int number, NbDescriptors *descriptors)
{
  g_autofree char *target = NULL, *name = NULL, *again = NULL;
  struct stat link;
  NbFdClass fd_class;

  (void)snprintf (descriptor->link, sizeof descriptor->link, "fd/%d", number);
  target = nb_process_read_link (descriptor->process, descriptor->link);
  if (target == NULL)
    return errno == ENOENT ? 0 : errno;
  if (nb_process_stat (descriptor->process, descriptor->link, &descriptor->stat) < 0
      || fstatat (nb_process_get_fd (descriptor->process), descriptor->link, &link,
                  AT_SYMLINK_NOFOLLOW)
             < 0)
    return errno == ENOENT ? 0 : errno;
  descriptor->target = target;
  descriptor->writable = (link.st_mode & S_IWUSR) != 0;
  fd_class = class_of (descriptor, &name);
  if (fd_class == NB_FD_UNKNOWN)
    again = nb_process_read_link (descriptor->process, descriptor->link);
  if (fd_class != NB_FD_UNKNOWN || g_strcmp0 (again, target) == 0)
    count (descriptors, fd_class, number, target, name);
  return 0;
}

static DIR *
open_folder (const NbProcess *process)
{
  nb_autofd fd
      = openat (nb_process_get_fd (process), "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = fd >= 0 ? fdopendir (fd) : NULL;

  if (folder != NULL)
    (void)nb_fd_steal (&fd);
  return folder;
}

static void
measure_all (const NbProcess *process, const NbDescriptorContext *context,
             NbDescriptors *descriptors)
{
  g_autoptr (NbSocketView) view = nb_socket_view_new (process);
  Descriptor descriptor = { .process = process, .context = context, .view = view };
  DIR *folder = open_folder (process);
  const struct dirent *entry;

  *descriptors = (NbDescriptors){ .error = folder == NULL ? errno : 0 };
  if (folder == NULL)
    return;
  while (descriptors->error == 0 && (entry = readdir (folder)) != NULL)
    if (g_ascii_isdigit (entry->d_name[0]))
      descriptors->error = measure_one (&descriptor, atoi (entry->d_name), descriptors);
  (void)closedir (folder);
}

/* A socket that is younger than the lists of sockets is in those of the next try. */
void
nb_descriptors_measure (const NbProcess *process, const NbDescriptorContext *context,
                        NbDescriptors *descriptors_out)
{
  *descriptors_out = (NbDescriptors){ 0 };
  for (int i = 0; i < TRIES; i++)
    {
      nb_descriptors_clear (descriptors_out);
      nb_sockets_refresh (context->sockets);
      measure_all (process, context, descriptors_out);
      if (descriptors_out->counts[NB_FD_UNKNOWN] == 0)
        return;
    }
}

void
nb_descriptors_clear (NbDescriptors *descriptors)
{
  for (int i = 0; i < NB_N_FD_CLASSES; i++)
    g_clear_pointer (&descriptors->examples[i], g_free);
}

guint
nb_descriptors_classes (const NbDescriptors *descriptors)
{
  guint classes = 0;

  for (int i = 0; i < NB_N_FD_CLASSES; i++)
    if (descriptors->counts[i] > 0)
      classes |= NB_FD_BIT (i);
  return classes;
}

char *
nb_descriptors_describe (const NbDescriptors *descriptors, guint classes)
{
  GString *text = g_string_new (NULL);

  for (int i = 0; i < NB_N_FD_CLASSES; i++)
    if ((classes & NB_FD_BIT (i)) != 0 && descriptors->counts[i] > 0)
      g_string_append_printf (text, "%s%s: %u (%s)", text->len > 0 ? ", " : "",
                              class_names[i], descriptors->counts[i],
                              descriptors->examples[i]);
  return g_string_free (text, FALSE);
}

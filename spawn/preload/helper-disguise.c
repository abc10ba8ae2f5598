/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/preload/helper-disguise.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spawn/base/macros.h"

#if !defined(NB_PKGLIBDIR) || !defined(NB_PKGLIBEXECDIR)
#  error "where nestbox is installed is not defined"
#endif

#define SELINUX "/selinux"
#define STAND_IN NB_PKGLIBEXECDIR "/nestbox-chrome-sandbox"

char nb_disguise_helper[4096];

bool
nb_disguise_is_helper (const char *path)
{
  return nb_disguise_helper[0] != '\0' && path != NULL
         && strcmp (path, nb_disguise_helper) == 0;
}

int
nb_disguise_real_stat (int folder, const char *path, struct stat *result, int flags)
{
  return (int)syscall (SYS_newfstatat, folder, path, result, flags);
}

/* The stand-in's own file, as if root had made it set-uid. */
static int
helper_stat (struct stat *result)
{
  if (nb_disguise_real_stat (AT_FDCWD, STAND_IN, result, 0) < 0)
    return -1;
  result->st_uid = result->st_gid = 0;
  result->st_mode = S_IFREG | S_ISUID | 0755;
  return 0;
}

/*
 * Chromium sets the OOM score of a zygote's child by its set-uid helper, for which the
 * browser, large as it is, forks itself each time; not where it finds that SELinux, in its
 * old place, would object (content/browser/zygote_host/zygote_host_impl_linux.cc,
 * AdjustRendererOOMScore: the folder may be entered and has a file;
 * base/files/file_enumerator_posix.cc drops entries that it can get no status of). Here
 * the children's scores are set as they are forked (zygote/preload/zygote-preload.c).
 */
static const char *
place_of (const char *path)
{
  if (nb_disguise_helper[0] == '\0' || path == NULL
      || strncmp (path, SELINUX, strlen (SELINUX)) != 0)
    return path;
  path += strlen (SELINUX);
  return *path == '\0' ? NB_PKGLIBDIR : *path == '/' ? STAND_IN : path - strlen (SELINUX);
}

static int
stat_at (int folder, const char *path, struct stat *result, int flags)
{
  return nb_disguise_is_helper (path)
             ? helper_stat (result)
             : nb_disguise_real_stat (folder, place_of (path), result, flags);
}

NB_EXPORT int
stat (const char *path, struct stat *result)
{
  return stat_at (AT_FDCWD, path, result, 0);
}

NB_EXPORT int
lstat (const char *path, struct stat *result)
{
  return stat_at (AT_FDCWD, path, result, AT_SYMLINK_NOFOLLOW);
}

NB_EXPORT int
fstatat (int folder, const char *path, struct stat *result, int flags)
{
  return stat_at (folder, path, result, flags);
}

/* On 64-bit architectures struct stat64 is struct stat, and so is the kernel's. */
_Static_assert(sizeof (off_t) == 8, "64-bit architectures only");
NB_EXPORT int stat64 (const char *, struct stat64 *) __attribute__ ((alias ("stat")));
NB_EXPORT int lstat64 (const char *, struct stat64 *) __attribute__ ((alias ("lstat")));
NB_EXPORT int fstatat64 (int, const char *, struct stat64 *, int)
    __attribute__ ((alias ("fstatat")));

/* What binaries linked against a glibc older than 2.33 call; prototypes of their own. */
int __xstat (int version, const char *path, struct stat *result);
int __lxstat (int version, const char *path, struct stat *result);
int __fxstatat (int version, int folder, const char *path, struct stat *result, int flags);
int __xstat64 (int version, const char *path, struct stat *result);
int __lxstat64 (int version, const char *path, struct stat *result);
int __fxstatat64 (int version, int folder, const char *path, struct stat *result,
                  int flags);

NB_EXPORT int
__xstat (int version, const char *path, struct stat *result)
{
  (void)version;
  return stat_at (AT_FDCWD, path, result, 0);
}

NB_EXPORT int
__lxstat (int version, const char *path, struct stat *result)
{
  (void)version;
  return stat_at (AT_FDCWD, path, result, AT_SYMLINK_NOFOLLOW);
}

NB_EXPORT int
__fxstatat (int version, int folder, const char *path, struct stat *result, int flags)
{
  (void)version;
  return stat_at (folder, path, result, flags);
}

NB_EXPORT int __xstat64 (int, const char *, struct stat *)
    __attribute__ ((alias ("__xstat")));
NB_EXPORT int __lxstat64 (int, const char *, struct stat *)
    __attribute__ ((alias ("__lxstat")));
NB_EXPORT int __fxstatat64 (int, int, const char *, struct stat *, int)
    __attribute__ ((alias ("__fxstatat")));

NB_EXPORT int
statx (int folder, const char *path, int flags, unsigned mask, struct statx *result)
{
  if (!nb_disguise_is_helper (path))
    return (int)syscall (SYS_statx, folder, place_of (path), flags, mask, result);
  if (syscall (SYS_statx, AT_FDCWD, STAND_IN, 0, mask, result) < 0)
    return -1;
  result->stx_uid = result->stx_gid = 0;
  result->stx_mode = S_IFREG | S_ISUID | 0755;
  return 0;
}

NB_EXPORT int
access (const char *path, int mode)
{
  path = nb_disguise_is_helper (path) ? STAND_IN : place_of (path);
  return (int)syscall (SYS_faccessat, AT_FDCWD, path, mode);
}

/* As libc's own does it. */
NB_EXPORT DIR *
opendir (const char *path)
{
  int fd = (int)syscall (SYS_openat, AT_FDCWD, place_of (path),
                         O_RDONLY | O_NONBLOCK | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = fd >= 0 ? fdopendir (fd) : NULL;
  int error = errno;

  if (folder == NULL && fd >= 0)
    (void)close (fd);
  errno = error;
  return folder;
}

/* faccessat2 is Linux 5.8; without flags the older call is the same. */
NB_EXPORT int
faccessat (int folder, const char *path, int mode, int flags)
{
  if (nb_disguise_is_helper (path))
    {
      folder = AT_FDCWD;
      path = STAND_IN;
    }
  if (flags == 0)
    return (int)syscall (SYS_faccessat, folder, path, mode);
  return (int)syscall (SYS_faccessat2, folder, path, mode, flags);
}

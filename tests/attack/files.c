/* SPDX-License-Identifier: BSD-3-Clause */
/* Files: reading, making, executing. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/attack/attack.h"

extern char **environ;

static int
open_path (const char *path, int flags)
{
  nb_autofd fd = open (path, flags | O_CLOEXEC, 0600);

  return fd < 0 ? -errno : 0;
}

static int
home (const NbScene *scene)
{
  return open_path (scene->host->home, O_RDONLY);
}

static int
app_data (const NbScene *scene)
{
  return open_path (scene->host->data, O_RDONLY);
}

/* Reopening is not enough: the file has to be changed. */
static int
write_app_data (const NbScene *scene)
{
  return open_path (scene->host->data, O_WRONLY | O_TRUNC);
}

static int
truncate_app_data (const NbScene *scene)
{
  return nb_attack_result (truncate (scene->host->data, 0));
}

static int
app (const NbScene *scene)
{
  (void)scene;
  return open_path ("/app", O_RDONLY | O_DIRECTORY);
}

static int
usr (const NbScene *scene)
{
  (void)scene;
  return open_path ("/usr", O_RDONLY | O_DIRECTORY);
}

static int
etc (const NbScene *scene)
{
  (void)scene;
  return open_path ("/etc/passwd", O_RDONLY);
}

static int
root_by_openat2 (const NbScene *scene)
{
  struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC };
  nb_autofd fd = (int)syscall (SYS_openat2, AT_FDCWD, "/", &how, sizeof how);

  (void)scene;
  return fd < 0 ? -errno : 0;
}

static int
run_user (const NbScene *scene)
{
  (void)scene;
  return open_path ("/run/user", O_RDONLY | O_DIRECTORY);
}

static int
proc_1_root (const NbScene *scene)
{
  (void)scene;
  return open_path ("/proc/1/root/", O_RDONLY | O_DIRECTORY);
}

static int
proc_1_environ (const NbScene *scene)
{
  (void)scene;
  return open_path ("/proc/1/environ", O_RDONLY);
}

static int
proc_1_mem (const NbScene *scene)
{
  (void)scene;
  return open_path ("/proc/1/mem", O_RDONLY);
}

static int
proc_1_cmdline (const NbScene *scene)
{
  (void)scene;
  return open_path ("/proc/1/cmdline", O_RDONLY);
}

/* The own root by way of /proc, which the wall leaves readable. */
static int
proc_self_root (const NbScene *scene)
{
  (void)scene;
  return open_path ("/proc/self/root/usr", O_RDONLY | O_DIRECTORY);
}

static int
proc_self_exe (const NbScene *scene)
{
  (void)scene;
  return open_path ("/proc/self/exe", O_RDONLY);
}

static int
make_in (const char *folder)
{
  char path[64];
  int result;

  (void)snprintf (path, sizeof path, "%s/nb-attack-%d", folder, (int)getpid ());
  result = open_path (path, O_WRONLY | O_CREAT | O_EXCL);
  (void)unlink (path);
  return result;
}

static int
make_in_tmp (const NbScene *scene)
{
  (void)scene;
  return make_in ("/tmp");
}

static int
make_in_shm (const NbScene *scene)
{
  (void)scene;
  return make_in ("/dev/shm");
}

static int
make_folder (const NbScene *scene)
{
  char path[64];
  int result;

  (void)scene;
  (void)snprintf (path, sizeof path, "/tmp/nb-attack-%d", (int)getpid ());
  result = nb_attack_result (mkdir (path, 0700));
  (void)rmdir (path);
  return result;
}

static int
make_link (const NbScene *scene)
{
  char path[64];
  int result;

  (void)scene;
  (void)snprintf (path, sizeof path, "/tmp/nb-attack-%d", (int)getpid ());
  result = nb_attack_result (symlink ("/", path));
  (void)unlink (path);
  return result;
}

/* --- executing --- */

/* 0 when `execute` did replace the program by one that ends with 0, else what it failed
 * with. */
static int
in_a_fork (void (*execute) (void))
{
  int status = 0;
  pid_t pid = (pid_t)syscall (SYS_clone, SIGCHLD, 0, 0, 0, 0);

  if (pid < 0)
    return -errno;
  if (pid == 0)
    {
      execute ();
      _exit (errno);
    }
  if (waitpid (pid, &status, 0) != pid)
    return -errno;
  return WIFEXITED (status) ? -WEXITSTATUS (status) : -EPERM;
}

static void
execute_true (void)
{
  char *argv[] = { (char *)"true", NULL };

  (void)execve ("/usr/bin/true", argv, environ);
}

/* What is no program is refused last of all: ENOEXEC says that execution was allowed. */
static void
execute_memory (void)
{
  char *argv[] = { (char *)"memory", NULL };
  int fd = memfd_create ("program", MFD_CLOEXEC);

  if (fd < 0 || write (fd, "\177nothing", 8) != 8)
    return;
  (void)syscall (SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
}

static int
execute (const NbScene *scene)
{
  (void)scene;
  return in_a_fork (execute_true);
}

static int
execute_unnamed (const NbScene *scene)
{
  int result = in_a_fork (execute_memory);

  (void)scene;
  return result == -ENOEXEC ? 0 : result;
}

/* --- descriptors that were left open --- */

/* By way of a folder among the inherited descriptors, past what looks at whole paths. */
static int
inherited_folder (const NbScene *scene)
{
  int result = -EBADF;

  (void)scene;
  for (int fd = STDERR_FILENO + 1; fd < 1024 && result < 0; fd++)
    {
      struct stat found;

      if (fstat (fd, &found) < 0 || !S_ISDIR (found.st_mode))
        continue;
      result = nb_attack_result (syscall (SYS_openat, fd, "..", O_RDONLY | O_CLOEXEC, 0));
    }
  return result;
}

static const NbAttack attacks[] = {
  { "the user's home", NB_TARGET_SIBLING, home, NULL },
  { "the app's own files, reading", NB_TARGET_SIBLING, app_data, NULL },
  { "the app's own files, writing", NB_TARGET_SIBLING, write_app_data, NULL },
  { "the app's own files, truncate", NB_TARGET_SIBLING, truncate_app_data, NULL },
  { "/app", NB_TARGET_SIBLING, app, NULL },
  { "/usr", NB_TARGET_SIBLING, usr, NULL },
  { "/etc/passwd", NB_TARGET_SIBLING, etc, NULL },
  { "/ by openat2", NB_TARGET_SIBLING, root_by_openat2, NULL },
  { "/run/user", NB_TARGET_SIBLING, run_user, NULL },
  { "/proc/1/root", NB_TARGET_SIBLING, proc_1_root, NULL },
  { "/proc/1/environ", NB_TARGET_SIBLING, proc_1_environ, NULL },
  { "/proc/1/mem", NB_TARGET_SIBLING, proc_1_mem, NULL },
  { "/proc/1/cmdline", NB_TARGET_SIBLING, proc_1_cmdline, NULL },
  { "/proc/self/root/usr", NB_TARGET_SIBLING, proc_self_root, NULL },
  { "/proc/self/exe", NB_TARGET_SIBLING, proc_self_exe, NULL },
  { "a file in /tmp", NB_TARGET_SIBLING, make_in_tmp, NULL },
  { "a file in /dev/shm", NB_TARGET_SIBLING, make_in_shm, NULL },
  { "a folder in /tmp", NB_TARGET_SIBLING, make_folder, NULL },
  { "a symbolic link in /tmp", NB_TARGET_SIBLING, make_link, NULL },
  { "execute a program", NB_TARGET_SIBLING, execute, NULL },
  { "execute memory", NB_TARGET_SIBLING, execute_unnamed, NULL },
  { "by a folder left open", NB_TARGET_SIBLING, inherited_folder, NULL },
};

const NbAttackTable nb_attacks_on_files = NB_ATTACK_TABLE (attacks);

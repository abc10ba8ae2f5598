/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loaded into the browser process. Libc only; the smallest set of hooks that makes an
 * unmodified Chromium choose its set-uid sandbox and start our stand-in for it:
 *
 *  - files look as they must for that: helper-disguise.h;
 *  - executing the helper's path executes the stand-in, which knows the broker;
 *  - executing the unsandboxed zygote, or a GPU process, executes the GPU router;
 *  - executing the network or the audio service executes the stand-in too, if asked for;
 *  - executing the browser itself anew (chrome://restart) goes through `nestbox run`;
 *  - executing it as another of its own children (the network service, …) puts the child
 *    under the base filter of its kind first. Those run in the app's sandbox, most of them
 *    without any filter of Chromium's;
 *  - QtWebEngine, which never asks for the helper, gets it all the same: qtwebengine.h;
 *  - a zygote that is to be sandboxed, but neither way, is not executed.
 *
 * Nothing else that the browser starts sees this library or its variables: both leave
 * the environment before main(). Everything here is usable between fork and exec of a
 * process with threads: no allocation, no lock, and state that is written only once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "seccomp/confine.h"
#include "spawn/base/kind.h"
#include "spawn/base/log.h"
#include "spawn/base/macros.h"
#include "spawn/preload/helper-disguise.h"
#include "spawn/preload/qtwebengine.h"

#if !defined(NB_PKGLIBDIR) || !defined(NB_PKGLIBEXECDIR) || !defined(NB_BINDIR)
#  error "where nestbox is installed is not defined"
#endif

#define STAND_IN NB_PKGLIBEXECDIR "/nestbox-chrome-sandbox"
#define GPU_ROUTER NB_PKGLIBEXECDIR "/nestbox-gpu-router"
#define OWN_PATH NB_PKGLIBDIR "/libnestbox-host.so"
#define ZYGOTE_PRELOAD NB_PKGLIBDIR "/libnestbox-zygote.so"

enum
{
  MAX_ENTRIES = 4096, /* of an environment or a command line that is handed on */
  MAX_OPTIONS = 16,
};

/* Written by the constructor, before the browser has threads. */
static struct
{
  char broker[256];    /* NESTBOX_BROKER=… */
  char debug[128];     /* NESTBOX_DEBUG=…, for a restart; "": not set */
  char exe[4096];      /* the browser's executable */
  bool gpu;            /* the GPU process is to have a sub-sandbox of its own */
  bool network, audio; /* so are these services */
  char options[4608];  /* of `nestbox run`, for a restart; one a line */
  char *option_words[MAX_OPTIONS];
  size_t n_options;
  bool
      watched; /* NESTBOX_DEBUG=seccomp: the helper starts children, and tells the broker */
  dev_t exe_device;
  ino_t exe_inode;
} self;

/* --- executing --- */

static size_t
count (char *const *vector)
{
  size_t n = 0;

  while (vector[n] != NULL)
    n++;
  return n;
}

static bool
has_same_name (const char *entry, const char *other)
{
  size_t length = strcspn (other, "=");

  return length > 0 && strncmp (entry, other, length) == 0 && entry[length] == '=';
}

/* With these variables ("": none) in place of those of the same name. */
static int
exec_with (const char *path, char *const *argv, char *const *envp, const char *first,
           const char *second)
{
  size_t used = 0;
  char *extended[MAX_ENTRIES];

  if (count (envp) + 3 > MAX_ENTRIES)
    {
      errno = E2BIG;
      return -1;
    }
  for (; *envp != NULL; envp++)
    if (!has_same_name (*envp, first) && !has_same_name (*envp, second))
      extended[used++] = *envp;
  if (*first != '\0')
    extended[used++] = (char *)first;
  if (*second != '\0')
    extended[used++] = (char *)second;
  extended[used] = NULL;
  return (int)syscall (SYS_execve, path, argv, extended);
}

static bool
is_browser_itself (const char *path)
{
  struct stat found;

  return nb_disguise_helper[0] != '\0' && path != NULL
         && nb_disguise_real_stat (AT_FDCWD, path, &found, 0) == 0
         && found.st_dev == self.exe_device && found.st_ino == self.exe_inode;
}

/* What the browser executes as its children. */
static bool
is_browsers (const char *path)
{
  return is_browser_itself (path)
         || (nb_disguise_helper[0] != '\0' && nb_qtwebengine_is_process (path));
}

static bool
has_word (char *const *argv, const char *word)
{
  for (; *argv != NULL; argv++)
    if (strcmp (*argv, word) == 0)
      return true;
  return false;
}

static bool
has_beginning (char *const *vector, const char *beginning)
{
  for (; *vector != NULL; vector++)
    if (strncmp (*vector, beginning, strlen (beginning)) == 0)
      return true;
  return false;
}

/* Of Electron, at app.relaunch(): waits for our end, and starts the browser anew. */
static bool
is_relauncher (char *const *argv)
{
  return has_word (argv, "--type=relauncher");
}

/* Electron's run-as-node and every other --type= child are not new browsers. */
static bool
is_restart (char *const *argv, char *const *envp)
{
  return (is_relauncher (argv) || !has_beginning (argv, "--type="))
         && !has_beginning (envp, "ELECTRON_RUN_AS_NODE=");
}

/*
 * Who runs the browser without its sandbox does not want ours either. The sandboxed zygote
 * is not executed this way, but by the helper.
 */
static bool
is_child_to_confine (char *const *argv)
{
  return has_beginning (argv, "--type=") && !has_word (argv, "--no-sandbox");
}

/*
 * A browser that found no sandbox, and goes on without, executes its zygote itself. Here
 * pages are sandboxed or not shown, unless the user says --no-sandbox.
 */
static bool
is_zygote_without_helper (char *const *argv)
{
  return nb_disguise_helper[0] != '\0' && has_word (argv, "--type=zygote")
         && !has_word (argv, "--no-zygote-sandbox") && !has_word (argv, "--no-sandbox");
}

static int
refuse_zygote (const char *path)
{
  nb_log_error ("%s: zygote not started: the browser did not ask for its sandbox helper, "
                "and pages would be without one (see `nestbox doctor`)",
                path);
  errno = EPERM;
  return -1;
}

/* With the zygote preload before those of the user. */
static int
exec_unsandboxed_zygote (const char *path, char *const *argv, char *const *envp)
{
  static const char name[] = "LD_PRELOAD=";
  char list[4096] = "LD_PRELOAD=" ZYGOTE_PRELOAD;
  size_t used = strlen (list);

  for (char *const *entry = envp; *entry != NULL; entry++)
    if (strncmp (*entry, name, sizeof name - 1) == 0)
      {
        int length
            = snprintf (list + used, sizeof list - used, ":%s", *entry + sizeof name - 1);

        if (length < 0 || (size_t)length >= sizeof list - used)
          list[used] = '\0'; /* the user's are too long to be kept */
        else
          used += (size_t)length;
      }
  return exec_with (path, argv, envp, list, "NESTBOX_ZYGOTE=unsandboxed");
}

/* The helper's command line is a word that says what it is to do, and the child's own. */
static int
exec_helper_for_child (const char *word, const char *path, char *const *argv,
                       char *const *envp)
{
  size_t n = count (argv);
  char *words[MAX_ENTRIES];

  if (n + 4 > MAX_ENTRIES)
    {
      errno = E2BIG;
      return -1;
    }
  words[0] = (char *)STAND_IN;
  words[1] = (char *)word;
  words[2] = is_browser_itself (path) ? self.exe : (char *)path;
  memcpy (words + 3, argv, (n + 1) * sizeof *argv);
  return exec_with (STAND_IN, words, envp, self.broker, "");
}

/* The helper's command line is the zygote's, after its own name. */
static int
exec_helper_for_zygote (const char *path, char *const *argv, char *const *envp)
{
  size_t n = count (argv);
  char *words[MAX_ENTRIES];

  if (n == 0 || n + 2 > MAX_ENTRIES)
    {
      errno = E2BIG;
      return -1;
    }
  if (nb_qtwebengine_add_dummy_pipe () < 0)
    return -1;
  words[0] = nb_disguise_helper;
  words[1] = (char *)path;
  memcpy (words + 2, argv + 1, n * sizeof *argv);
  return exec_with (STAND_IN, words, envp, self.broker, "");
}

/* In the process that becomes the child, which has one thread. */
static int
exec_confined (const char *path, char *const *argv, char *const *envp)
{
  NbKind kind = nb_kind_of_command ((const char *const *)argv);
  int result;

  /* The helper has the broker answer the base filter's listener, and executes it. */
  if (self.watched)
    return exec_helper_for_child ("--watch", path, argv, envp);
  result = nb_confine_before_exec (kind, NULL);

  if (result < 0)
    {
      nb_log_error ("%s process not started: its filters cannot be attached: %s (see "
                    "`nestbox doctor`)",
                    nb_kind_name (kind), strerror (-result));
      errno = -result;
      return -1;
    }
  if (kind == NB_KIND_UNSANDBOXED_ZYGOTE)
    return exec_unsandboxed_zygote (path, argv, envp);
  return (int)syscall (SYS_execve, path, argv, envp);
}

/* /proc/self/exe, by which Electron starts its relauncher, is another program to nestbox.
 */
static int
exec_restart (const char *path, char *const *argv, char *const *envp)
{
  size_t n = count (argv), used = 0;
  char *words[MAX_ENTRIES];

  if (n == 0 || n + MAX_OPTIONS + 4 > MAX_ENTRIES)
    {
      errno = E2BIG;
      return -1;
    }
  words[used++] = (char *)"nestbox";
  words[used++] = (char *)"run";
  for (size_t i = 0; i < self.n_options; i++)
    words[used++] = self.option_words[i];
  words[used++] = (char *)"--";
  words[used++] = strcmp (path, "/proc/self/exe") == 0 ? self.exe : (char *)path;
  memcpy (words + used, argv + 1, n * sizeof *argv);
  return exec_with (NB_BINDIR "/nestbox", words, envp, self.debug,
                    is_relauncher (argv) ? "" : "NESTBOX_RESTART=1");
}

/* What forks the GPU process, or is one. QtWebEngine has neither, but a thread. */
static bool
is_for_gpu (const char *path, char *const *argv)
{
  return self.gpu && nb_disguise_helper[0] != '\0' && is_child_to_confine (argv)
         && !nb_qtwebengine_is_process (path)
         && nb_kind_is_for_gpu (nb_kind_of_command ((const char *const *)argv));
}

/* The router is not the browser: /proc/self/exe means another program to it. */
static int
exec_gpu_router (const char *path, char *const *argv, char *const *envp)
{
  size_t n = count (argv);
  char *words[MAX_ENTRIES];

  if (n == 0 || n + 2 > MAX_ENTRIES)
    {
      errno = E2BIG;
      return -1;
    }
  words[0] = (char *)"nestbox-gpu-router";
  words[1] = strcmp (path, "/proc/self/exe") == 0 ? self.exe : (char *)path;
  memcpy (words + 2, argv + 1, n * sizeof *argv);
  return exec_with (GPU_ROUTER, words, envp, self.broker,
                    self.watched ? "NESTBOX_WATCHED=1" : "");
}

/* The helper stands in for it. Forked by a zygote it is the router's business, and stays.
 */
static bool
is_service_apart (const char *path, char *const *argv)
{
  NbKind kind = nb_kind_of_command ((const char *const *)argv);

  return is_browser_itself (path) && is_child_to_confine (argv)
         && ((self.network && kind == NB_KIND_NETWORK)
             || (self.audio && kind == NB_KIND_AUDIO));
}

NB_EXPORT int
execve (const char *path, char *const *argv, char *const *envp)
{
  if (nb_disguise_is_helper (path))
    return exec_with (STAND_IN, argv, envp, self.broker, "");
  if (nb_qtwebengine_is_zygote ())
    return exec_helper_for_zygote (path, argv, envp);
  if (is_zygote_without_helper (argv))
    return refuse_zygote (path);
  if (is_for_gpu (path, argv))
    return exec_gpu_router (path, argv, envp);
  if (is_service_apart (path, argv))
    return exec_helper_for_child ("--stand-in", path, argv, envp);
  if (is_browser_itself (path) && is_restart (argv, envp))
    return exec_restart (path, argv, envp);
  if (is_browsers (path) && is_child_to_confine (argv))
    return exec_confined (path, argv, envp);
  return (int)syscall (SYS_execve, path, argv, envp);
}

NB_EXPORT int
execv (const char *path, char *const *argv)
{
  return execve (path, argv, environ);
}

/* Names without a slash are looked up in PATH, which execvpe() of libc does. */
NB_EXPORT int
execvp (const char *file, char *const *argv)
{
  if (strchr (file, '/') != NULL)
    return execve (file, argv, environ);
  return execvpe (file, argv, environ);
}

/* --- set-up --- */

/* Takes our own entry out of LD_PRELOAD, and leaves the user's. */
static void
leave_preload_list (void)
{
  const char *list = getenv ("LD_PRELOAD");
  char rest[4096];
  size_t used = 0;

  while (list != NULL && *list != '\0')
    {
      size_t length = strcspn (list, ": ");

      if (length > 0
          && !(length == strlen (OWN_PATH) && memcmp (list, OWN_PATH, length) == 0)
          && used + length + 2 < sizeof rest)
        {
          if (used > 0)
            rest[used++] = ':';
          memcpy (rest + used, list, length);
          used += length;
        }
      list += length + (list[length] != '\0');
    }
  rest[used] = '\0';
  if (used > 0)
    (void)setenv ("LD_PRELOAD", rest, 1);
  else
    (void)unsetenv ("LD_PRELOAD");
}

/* Nothing that the browser starts is to find any variable of ours. */
static void
leave_environment (void)
{
  char **to = environ;

  for (char **from = environ; *from != NULL; from++)
    if (strncmp (*from, "NESTBOX_", strlen ("NESTBOX_")) != 0)
      *to++ = *from;
  *to = NULL;
}

static void
keep_options (const char *options)
{
  if (options == NULL || strlen (options) >= sizeof self.options)
    return;
  (void)strcpy (self.options, options);
  for (char *word = strtok (self.options, "\n");
       word != NULL && self.n_options < MAX_OPTIONS; word = strtok (NULL, "\n"))
    self.option_words[self.n_options++] = word;
}

/* DIR_EXE/NAME, as Chromium makes it from /proc/self/exe. */
static bool
locate_helper (const char *name)
{
  struct stat exe;
  ssize_t length
      = readlink ("/proc/self/exe", nb_disguise_helper, sizeof nb_disguise_helper - 1);
  char *slash;

  if (length <= 0 || nb_disguise_real_stat (AT_FDCWD, "/proc/self/exe", &exe, 0) < 0)
    return false;
  self.exe_device = exe.st_dev;
  self.exe_inode = exe.st_ino;
  nb_disguise_helper[length] = '\0';
  (void)strcpy (self.exe, nb_disguise_helper);
  slash = strrchr (nb_disguise_helper, '/');
  if (slash == NULL
      || (size_t)(slash - nb_disguise_helper) + strlen (name) + 2
             > sizeof nb_disguise_helper)
    return false;
  (void)strcpy (slash + 1, name);
  return true;
}

/*
 * `nestbox run` becomes the browser and keeps its PID. Who finds the same environment in
 * another process was not started by it: flatpak-enter(1) copies what the browser had
 * when it was executed.
 */
static bool
is_browser (void)
{
  const char *pid = getenv ("NESTBOX_PID");

  return pid != NULL && atoi (pid) == (int)getpid ();
}

NB_CONSTRUCTOR static void
start (void)
{
  const char *broker = getenv ("NESTBOX_BROKER");
  const char *name = getenv ("NESTBOX_HELPER_NAME");
  const char *debug = getenv ("NESTBOX_DEBUG"), *gpu = getenv ("NESTBOX_GPU");
  const char *services = getenv ("NESTBOX_SERVICES");

  leave_preload_list ();
  if (broker == NULL || !is_browser ()
      || strlen (broker) + sizeof "NESTBOX_BROKER=" > sizeof self.broker
      || !locate_helper (name != NULL ? name : "chrome-sandbox"))
    nb_disguise_helper[0] = '\0';
  else
    {
      (void)snprintf (self.broker, sizeof self.broker, "NESTBOX_BROKER=%s", broker);
      nb_qtwebengine_start ();
    }
  self.gpu = gpu != NULL && strcmp (gpu, "sandbox") == 0;
  self.network = services != NULL && strstr (services, "network,") != NULL;
  self.audio = services != NULL && strstr (services, "audio,") != NULL;
  keep_options (getenv ("NESTBOX_RUN_OPTIONS"));
  if (debug != NULL && strlen (debug) + sizeof "NESTBOX_DEBUG=" <= sizeof self.debug)
    (void)snprintf (self.debug, sizeof self.debug, "NESTBOX_DEBUG=%s", debug);
  (void)nb_log_init (debug);
  self.watched = nb_log_is_on (NB_LOG_SECCOMP);
  leave_environment ();
}

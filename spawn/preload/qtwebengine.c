/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/preload/qtwebengine.h"

#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "spawn/base/macros.h"

enum
{
  DUMMY_PIPE = 7,
  NAMESPACES = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET,
};

static struct
{
  bool active;
  bool is_zygote; /* this process was cloned for it */
} self;

/* libc's own names of what is interposed here. */
int __clone (int (*function) (void *), void *stack, int flags, void *argument, ...);
int __open64 (const char *path, int flags, ...);

typedef struct
{
  uintptr_t address;
  bool found;
} Caller;

/* libQt5WebEngineCore.so.5, libQt6WebEngineCore.so.6, also where distributors add to it. */
static bool
is_library (const char *path)
{
  const char *slash = strrchr (path, '/');
  const char *name = slash != NULL ? slash + 1 : path;

  return strncmp (name, "libQt", 5) == 0 && strstr (name, "WebEngineCore") != NULL;
}

static int
look_for_caller (struct dl_phdr_info *object, size_t size, void *data)
{
  Caller *caller = data;

  (void)size;
  for (size_t i = 0; i < object->dlpi_phnum; i++)
    {
      const ElfW (Phdr) *segment = &object->dlpi_phdr[i];

      if (segment->p_type == PT_LOAD
          && caller->address - object->dlpi_addr - segment->p_vaddr < segment->p_memsz)
        {
          caller->found = is_library (object->dlpi_name);
          return 1;
        }
    }
  return 0;
}

static bool
is_called_by_library (const void *address)
{
  Caller caller = { .address = (uintptr_t)address };

  (void)dl_iterate_phdr (look_for_caller, &caller);
  return caller.found;
}

static int
say_yes (void *nothing)
{
  (void)nothing;
  _exit (0);
}

typedef struct
{
  int (*function) (void *);
  void *argument;
} Start;

static int
begin_zygote (void *data)
{
  const Start *start = data;

  self.is_zygote = true;
  return start->function (start->argument);
}

/* The new process has a copy of start, as of all memory, and the stack that it is given. */
static int
clone_for_library (int (*function) (void *), void *stack, int flags, void *argument)
{
  Start start = { .function = function, .argument = argument };

  if ((flags & NAMESPACES) == CLONE_NEWUSER)
    return __clone (say_yes, stack, SIGCHLD, NULL);
  return __clone (begin_zygote, stack, flags & ~NAMESPACES, &start);
}

/*
 * Interposed. With CLONE_VM it is not Chromium's ForkWithFlags
 * (base/process/launch_posix.cc). Like libc's own it takes up all arguments, and what the
 * caller left out is not used.
 */
NB_EXPORT int
clone (int (*function) (void *), void *stack, int flags, void *argument, ...)
{
  va_list rest;
  pid_t *parent_tid, *child_tid;
  void *tls;

  va_start (rest, argument);
  parent_tid = va_arg (rest, pid_t *);
  tls = va_arg (rest, void *);
  child_tid = va_arg (rest, pid_t *);
  va_end (rest);
  if (self.active && (flags & CLONE_NEWUSER) != 0 && (flags & CLONE_VM) == 0
      && is_called_by_library (__builtin_return_address (0)))
    return clone_for_library (function, stack, flags, argument);
  return __clone (function, stack, flags, argument, parent_tid, tls, child_tid);
}

/* What is written to these is for a namespace of one's own; Flatpak writes its own. */
static bool
is_map (const char *path)
{
  static const char *const maps[]
      = { "/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups" };

  for (size_t i = 0; i < NB_ARRAY_SIZE (maps); i++)
    if (strcmp (path, maps[i]) == 0)
      return true;
  return false;
}

/* Interposed for sandbox/linux/services/namespace_utils.cc, WriteToIdMapFile. */
NB_EXPORT int
open (const char *path, int flags, ...)
{
  unsigned mode = 0;
  va_list arguments;

  va_start (arguments, flags);
  if ((flags & (O_CREAT | __O_TMPFILE)) != 0)
    mode = va_arg (arguments, unsigned);
  va_end (arguments);
  if (self.is_zygote && is_map (path))
    path = "/dev/null";
  return __open64 (path, flags, mode);
}

NB_EXPORT int open64 (const char *, int, ...) __attribute__ ((alias ("open")));

void
nb_qtwebengine_start (void)
{
  self.active = true;
}

bool
nb_qtwebengine_is_zygote (void)
{
  return self.is_zygote;
}

int
nb_qtwebengine_add_dummy_pipe (void)
{
  int ends[2];

  if (pipe2 (ends, O_CLOEXEC) < 0 || dup2 (ends[0], DUMMY_PIPE) < 0)
    return -1;
  return fcntl (DUMMY_PIPE, F_SETFD, 0); /* also if the pipe came to lie there */
}

bool
nb_qtwebengine_is_process (const char *path)
{
  const char *slash = path != NULL ? strrchr (path, '/') : NULL;

  return path != NULL
         && strcmp (slash != NULL ? slash + 1 : path, "QtWebEngineProcess") == 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/controller/survey.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "spawn/base/proc-stat.h"

enum
{
  TEXT_BYTES = 16384, /* of a file; what follows in a longer one is not needed */
  MAX_WORDS = 256,    /* of a command line: --type= is among the first */
  PID_DIGITS = 12,
};

/* NUL-terminated; what is cut off is lost. The number of bytes, 0 when there are none. */
static size_t
read_file (int folder, const char *name, char *text)
{
  nb_autofd fd = openat (folder, name, O_RDONLY | O_CLOEXEC);
  size_t used = 0;
  ssize_t got = 0;

  while (fd >= 0 && used < TEXT_BYTES - 1
         && (got = read (fd, text + used, TEXT_BYTES - 1 - used)) > 0)
    used += (size_t)got;
  text[used] = '\0';
  return used;
}

static bool
parse_stat (const char *text, NbSurveyProcess *process)
{
  NbProcStat stat;

  if (!nb_proc_stat_parse (text, &stat))
    return false;
  process->parent = stat.parent;
  process->start = stat.start;
  process->resident_kib = stat.resident * (uint64_t)sysconf (_SC_PAGESIZE) / 1024;
  return stat.state != 'Z' && stat.state != 'X';
}

static int32_t
parse_filters (const char *text)
{
  static const char name[] = "\nSeccomp_filters:";
  const char *found = strstr (text, name);

  return found != NULL ? (int32_t)strtol (found + sizeof name - 1, NULL, 10) : -1;
}

/*
 * Words end in NUL, or, where a process has written a title over them, in blanks (Chromium:
 * base/process/set_process_title.cc).
 */
static NbKind
parse_command (char *text, size_t size)
{
  const char *words[MAX_WORDS + 1];
  bool is_title = memchr (text, '\0', size) == NULL || strlen (text) + 1 >= size;
  size_t n = 0;

  for (size_t i = 0; is_title && i < size; i++)
    if (text[i] == ' ')
      text[i] = '\0';
  for (size_t at = 0; at < size && n < MAX_WORDS; at += strlen (text + at) + 1)
    words[n++] = text + at;
  words[n] = NULL;
  return nb_kind_of_command (words);
}

bool
nb_survey_look_at (int folder, NbSurveyProcess *process)
{
  static char text[TEXT_BYTES];
  size_t size;

  if (read_file (folder, "stat", text) == 0 || !parse_stat (text, process))
    return false;
  (void)read_file (folder, "status", text);
  process->filters = parse_filters (text);
  size = read_file (folder, "cmdline", text);
  process->kind = parse_command (text, size);
  return true;
}

static void
add (NbSurvey *survey, int proc, const char *name, int32_t (*stand_in) (pid_t))
{
  nb_autofd folder = openat (proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  NbSurveyProcess process = { .pid = (int32_t)strtol (name, NULL, 10) };

  if (folder < 0 || !nb_survey_look_at (folder, &process))
    return;
  process.browser_pid = stand_in (process.pid);
  if (survey->n < NB_SURVEY_MAX_PROCESSES)
    survey->processes[survey->n++] = process;
  else
    survey->left_out++;
}

static bool
is_listed (const char *name, pid_t self)
{
  size_t digits = strspn (name, "0123456789");
  long pid = strtol (name, NULL, 10);

  return digits > 0 && digits < PID_DIGITS && name[digits] == '\0' && pid > 1
         && pid != self;
}

void
nb_survey_take (NbSurvey *survey, int proc, pid_t self, int32_t (*stand_in) (pid_t))
{
  int fd = openat (proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = fd >= 0 ? fdopendir (fd) : NULL;
  const struct dirent *entry;

  while (folder != NULL && (entry = readdir (folder)) != NULL)
    if (is_listed (entry->d_name, self))
      add (survey, proc, entry->d_name, stand_in);
  if (folder != NULL)
    (void)closedir (folder);
  else
    nb_fd_clear (&fd);
}

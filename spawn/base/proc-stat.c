/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/base/proc-stat.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The number that the word begins with, up to a blank or the end of the line. */
static bool
parse_number (const char *word, uint64_t max, uint64_t *number_out)
{
  char *end;

  if (*word < '0' || *word > '9') /* strtoull() takes signs and blanks, too */
    return false;
  errno = 0;
  *number_out = strtoull (word, &end, 10);
  return errno == 0 && *number_out <= max && (*end == ' ' || *end == '\n');
}

static const char *
skip_words (const char *text, unsigned n)
{
  while (n-- > 0 && text != NULL)
    {
      text = strchr (text, ' ');
      if (text != NULL)
        text++;
    }
  return text;
}

bool
nb_proc_stat_parse (const char *text, NbProcStat *stat_out)
{
  enum
  {
    PARENT_AFTER_STATE = 1,
    START_AFTER_PARENT = 18,
    RESIDENT_AFTER_START = 2,
  };
  const char *name = strchr (text, '(');
  const char *after = strrchr (text, ')'); /* the rest is numbers and one letter */
  const char *state, *parent_word, *start_word, *resident_word;
  uint64_t parent, start, resident;

  if (name == NULL || after == NULL || after < name || after[1] != ' ')
    return false;
  state = after + 2;
  parent_word = skip_words (state, PARENT_AFTER_STATE);
  start_word = skip_words (parent_word, START_AFTER_PARENT);
  resident_word = skip_words (start_word, RESIDENT_AFTER_START);
  if (resident_word == NULL || state[0] == ' ' || state[1] != ' '
      || !parse_number (parent_word, INT_MAX, &parent)
      || !parse_number (start_word, UINT64_MAX, &start)
      || !parse_number (resident_word, UINT64_MAX, &resident))
    return false;
  *stat_out = (NbProcStat){ .name = name + 1,
                            .name_length = (size_t)(after - name - 1),
                            .state = state[0],
                            .parent = (pid_t)parent,
                            .start = start,
                            .resident = resident };
  return true;
}

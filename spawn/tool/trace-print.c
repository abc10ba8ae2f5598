/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/tool/trace-print.h"

#include <string.h>

#include "spawn/tool/audit-print.h"

#define BOLD "\033[1m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

/* A line's words: what stands before the fields. */
enum
{
  WORD_TIME,
  WORD_CONVERSATION,
  WORD_DIRECTION,
  WORD_NAME,
  FIRST_FIELD,
};

static gboolean
parse_seconds (const char *word, gdouble *seconds_out)
{
  char *end = NULL;

  *seconds_out = g_ascii_strtod (word, &end);
  return end != word && *end == '\0' && *seconds_out >= 0;
}

static void
print_text (const NbTracePrinter *printer, gdouble since_s, char **words, GString *out)
{
  const char *dim = printer->colours ? DIM : "", *bold = printer->colours ? BOLD : "";
  const char *plain = printer->colours ? PLAIN : "";

  g_string_append_printf (out, "%s%11.6f%s  %-18s  %-18s  %s%s%s", dim, since_s, plain,
                          words[WORD_CONVERSATION], words[WORD_DIRECTION], bold,
                          words[WORD_NAME], plain);
  for (char **field = words + FIRST_FIELD; *field != NULL; field++)
    g_string_append_printf (out, " %s%.*s%s%s", dim, (int)strcspn (*field, "=") + 1, *field,
                            plain, *field + strcspn (*field, "=") + 1);
  g_string_append_c (out, '\n');
}

static void
append_member (GString *out, const char *name, const char *value)
{
  g_autofree char *key = nb_print_json_string (name);
  g_autofree char *text = nb_print_json_string (value);

  g_string_append_printf (out, ", %s: %s", key, text);
}

/* As JSON has them: no other notation, no version. */
static gboolean
is_number (const char *value)
{
  const char *at = value + (*value == '-');
  gsize digits = strspn (at, "0123456789");

  at += digits;
  if (digits > 0 && *at == '.')
    {
      digits = strspn (at + 1, "0123456789");
      at += 1 + digits;
    }
  return digits > 0 && *at == '\0';
}

static void
append_field (GString *out, const char *field)
{
  const char *value = strchr (field, '=') + 1;
  g_autofree char *name = g_strndup (field, (gsize)(value - field - 1));
  g_autofree char *key = nb_print_json_string (name);

  if (is_number (value))
    g_string_append_printf (out, ", %s: %s", key, value);
  else
    append_member (out, name, value);
}

static void
print_json (gdouble since_s, char **words, GString *out)
{
  char time[G_ASCII_DTOSTR_BUF_SIZE];

  (void)g_ascii_formatd (time, sizeof time, "%.6f", since_s);
  g_string_append_printf (out, "{\"time-s\": %s", time);
  append_member (out, "conversation", words[WORD_CONVERSATION]);
  append_member (out, "direction", words[WORD_DIRECTION]);
  append_member (out, "message", words[WORD_NAME]);
  for (char **field = words + FIRST_FIELD; *field != NULL; field++)
    append_field (out, *field);
  g_string_append (out, "}\n");
}

static gboolean
has_fields_only (char **words)
{
  for (char **field = words + FIRST_FIELD; *field != NULL; field++)
    if (strchr (*field, '=') == NULL || **field == '=')
      return FALSE;
  return TRUE;
}

gboolean
nb_trace_print (NbTracePrinter *printer, const char *line, GString *out)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  gdouble seconds;

  if (!g_utf8_validate (line, -1, NULL) || g_strv_length (words) < FIRST_FIELD
      || !parse_seconds (words[WORD_TIME], &seconds) || !has_fields_only (words))
    return FALSE;
  if (printer->first_s < 0)
    printer->first_s = seconds;
  printer->is_ended = strcmp (words[WORD_CONVERSATION], "broker") == 0
                      && strcmp (words[WORD_NAME], "ENDED") == 0;
  if (printer->json)
    print_json (seconds - printer->first_s, words, out);
  else
    print_text (printer, seconds - printer->first_s, words, out);
  return TRUE;
}

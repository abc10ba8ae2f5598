/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/tool/ps-print.h"

#include <string.h>
#include <unistd.h>

#include "spawn/tool/audit-print.h"

#define BOLD "\033[1m"
#define DIM "\033[2m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define RED "\033[1;31m"
#define PLAIN "\033[0m"

enum
{
  KIND_WIDTH = 26, /* with the lines before it */
};

static const char *const state_names[] = { [NB_SANDBOX_NEW] = "not asked for",
                                           [NB_SANDBOX_STARTING] = "starting",
                                           [NB_SANDBOX_READY] = "ready",
                                           [NB_SANDBOX_ENDED] = "ended" };
static const char *const wall_names[] = {
  [NB_WALL_AUTO] = "auto", [NB_WALL_LANDLOCK] = "landlock", [NB_WALL_SECCOMP] = "seccomp"
};

/* --- words --- */

static guint64
age_s (const NbPsChild *child, const NbPsStyle *style)
{
  guint64 start_ms = child->start * 1000 / (guint64)sysconf (_SC_CLK_TCK);

  return style->now_ms > start_ms ? (style->now_ms - start_ms) / 1000 : 0;
}

static char *
age_text (const NbPsChild *child, const NbPsStyle *style)
{
  guint64 age = age_s (child, style);
  guint days = (guint)(age / 86400), hours = (guint)(age / 3600 % 24);
  guint minutes = (guint)(age / 60 % 60), seconds = (guint)(age % 60);

  if (child->start == 0)
    return g_strdup ("-");
  if (days > 0)
    return g_strdup_printf ("%ud %02uh", days, hours);
  if (hours > 0)
    return g_strdup_printf ("%u:%02u:%02u", hours, minutes, seconds);
  return g_strdup_printf ("%u:%02u", minutes, seconds);
}

/* The resident size counts what is shared once more for each that shares it. */
static char *
memory_text (const NbPsChild *child)
{
  if (!child->has_memory)
    return g_strdup ("-");
  return g_strdup_printf ("%.1f MiB %s", (double)child->memory_kib / 1024,
                          child->shared_out ? "pss" : "rss");
}

static char *
pid_text (pid_t pid)
{
  return pid > 0 ? g_strdup_printf ("%d", (int)pid) : g_strdup ("-");
}

/* What is between a page and the user's files. No more is said than was put up. */
static char *
wall_text (const NbPlace *place)
{
  gboolean pages = strcmp (place->name, "pages") == 0;

  if (place->wall == NB_WALL_LANDLOCK && place->landlock_abi > 0)
    return g_strdup_printf ("%s Landlock ABI %u", pages ? "file wall" : "with",
                            place->landlock_abi);
  return g_strdup (pages ? "file wall seccomp" : "without Landlock");
}

static char *
place_text (const NbPlace *place)
{
  g_autofree char *wall = place->type == NB_PLACE_SANDBOX ? wall_text (place) : NULL;
  g_autofree char *reason = nb_print_clean (place->reason != NULL ? place->reason : "");
  g_autofree char *more
      = place->left_out > 0 ? g_strdup_printf ("; %u more", place->left_out) : NULL;

  if (place->type == NB_PLACE_APP)
    return g_strdup ("the app's own sandbox");
  if (place->type == NB_PLACE_UNKNOWN)
    return g_strdup ("not known where: no broker told of these");
  if (place->state != NB_SANDBOX_READY)
    return g_strdup_printf ("sub-sandbox %s: %s%s%s", place->name,
                            state_names[place->state], *reason != '\0' ? ": " : "", reason);
  return g_strdup_printf ("sub-sandbox %s: ready, PIDs %s, %s%s", place->name,
                          place->relayed ? "hidden" : "visible", wall,
                          more != NULL ? more : "");
}

static const char *
place_colour (const NbPlace *place)
{
  if (place->type == NB_PLACE_APP)
    return YELLOW;
  if (place->type == NB_PLACE_UNKNOWN || place->state == NB_SANDBOX_ENDED)
    return RED;
  return place->state == NB_SANDBOX_READY ? GREEN : YELLOW;
}

/* --- lines of text --- */

typedef enum
{
  LINE_MORE, /* something follows on the same level */
  LINE_LAST,
} Line;

static const char *
branch (const NbPsStyle *style, Line line)
{
  if (style->utf8)
    return line == LINE_LAST ? "└─ " : "├─ ";
  return line == LINE_LAST ? "`- " : "|- ";
}

static const char *
trunk (const NbPsStyle *style, Line line)
{
  if (line == LINE_LAST)
    return "   ";
  return style->utf8 ? "│  " : "|  ";
}

static void
paint (GString *out, const NbPsStyle *style, const char *colour, const char *text)
{
  if (style->colours)
    g_string_append_printf (out, "%s%s" PLAIN, colour, text);
  else
    g_string_append (out, text);
}

static void
print_child (GString *out, const NbPsStyle *style, const NbPsChild *child,
             const char *lines)
{
  g_autofree char *pid = pid_text (child->pid), *inner = pid_text (child->inner_pid);
  g_autofree char *memory = memory_text (child), *age = age_text (child, style);
  g_autofree char *filters
      = child->filters >= 0 ? g_strdup_printf ("%d", child->filters) : g_strdup ("-");
  gsize used = (gsize)g_utf8_strlen (lines, -1) + strlen (child->kind);

  g_string_append_printf (out, "%7s%s %6s  %s%s%*s %14s %8s %7s\n", pid,
                          child->stand_in ? "*" : " ", inner, lines, child->kind,
                          used < KIND_WIDTH ? (int)(KIND_WIDTH - used) : 0, "", memory, age,
                          filters);
}

static void
print_place (GString *out, const NbPsStyle *style, const NbPlace *place, Line line)
{
  g_autofree char *text = place_text (place);

  g_string_append_printf (out, "%17s%s", "", branch (style, line));
  paint (out, style, place_colour (place), text);
  g_string_append_c (out, '\n');
  for (guint i = 0; i < place->children->len; i++)
    {
      Line inner = i + 1 == place->children->len ? LINE_LAST : LINE_MORE;
      g_autofree char *lines
          = g_strconcat (trunk (style, line), branch (style, inner), NULL);

      print_child (out, style, place->children->pdata[i], lines);
    }
}

static gboolean
has_stand_ins (const NbPsBrowser *browser)
{
  for (guint i = 0; i < browser->places->len; i++)
    {
      const NbPlace *place = browser->places->pdata[i];

      for (guint j = 0; j < place->children->len; j++)
        if (((NbPsChild *)place->children->pdata[j])->stand_in)
          return TRUE;
    }
  return FALSE;
}

static void
print_browser (GString *out, const NbPsStyle *style, const NbPsBrowser *browser)
{
  print_child (out, style, &browser->self, "");
  for (guint i = 0; i < browser->places->len; i++)
    print_place (out, style, browser->places->pdata[i],
                 i + 1 == browser->places->len ? LINE_LAST : LINE_MORE);
  if (!browser->answered)
    {
      paint (out, style, RED, "No broker of this browser answers.");
      g_string_append_c (out, '\n');
    }
}

void
nb_ps_print_text (GString *out, const GPtrArray *tree, const NbPsStyle *style)
{
  gboolean stand_ins = FALSE;

  if (style->colours)
    g_string_append (out, BOLD);
  g_string_append_printf (out, "%7s  %6s  %-*s %14s %8s %7s", "PID", "INSIDE", KIND_WIDTH,
                          "KIND", "MEMORY", "AGE", "FILTERS");
  g_string_append (out, style->colours ? PLAIN "\n" : "\n");
  for (guint i = 0; i < tree->len; i++)
    {
      print_browser (out, style, tree->pdata[i]);
      stand_ins = stand_ins || has_stand_ins (tree->pdata[i]);
    }
  if (stand_ins)
    paint (out, style, DIM, "* PID of the stand-in by which the browser knows it\n");
}

/* --- JSON --- */

/* What is not known is null. */
static void
append_number (GString *out, const char *name, gboolean known, guint64 number)
{
  g_string_append_printf (out, "\"%s\": ", name);
  if (known)
    g_string_append_printf (out, "%" G_GUINT64_FORMAT, number);
  else
    g_string_append (out, "null");
}

static void
append_text (GString *out, const char *name, const char *text)
{
  g_autofree char *string = text != NULL ? nb_print_json_string (text) : g_strdup ("null");

  g_string_append_printf (out, "\"%s\": %s", name, string);
}

/* The members of a process, without braces. */
static void
append_process (GString *out, const NbPsStyle *style, const NbPsChild *child)
{
  append_number (out, "pid", child->pid > 0, (guint64)child->pid);
  g_string_append (out, ", ");
  append_number (out, "inner-pid", child->inner_pid > 0, (guint64)child->inner_pid);
  g_string_append_printf (out, ", \"stand-in\": %s, ", child->stand_in ? "true" : "false");
  append_text (out, "kind", child->kind);
  g_string_append (out, ", ");
  append_number (out, "memory-kib", child->has_memory, child->memory_kib);
  g_string_append (out, ", ");
  append_text (out, "memory",
               !child->has_memory  ? NULL
               : child->shared_out ? "pss"
                                   : "rss");
  g_string_append (out, ", ");
  append_number (out, "age-s", child->start > 0, age_s (child, style));
  g_string_append (out, ", ");
  append_number (out, "filters", child->filters >= 0, (guint64)child->filters);
}

static void
append_sandbox (GString *out, const NbPlace *place)
{
  static const char *const states[] = { "new", "starting", "ready", "ended" };
  gboolean ready = place->state == NB_SANDBOX_READY;

  g_string_append (out, ", ");
  append_text (out, "profile", place->name);
  g_string_append (out, ", ");
  append_text (out, "state", states[place->state]);
  g_string_append (out, ", ");
  append_text (out, "reason", *place->reason != '\0' ? place->reason : NULL);
  g_string_append (out, ", ");
  append_text (out, "pids", !ready ? NULL : place->relayed ? "hidden" : "visible");
  g_string_append (out, ", ");
  append_text (out, "file-wall", wall_names[place->wall]);
  g_string_append (out, ", ");
  append_number (out, "landlock-abi", ready, place->landlock_abi);
  g_string_append (out, ", ");
  append_number (out, "left-out", TRUE, place->left_out);
}

static void
append_place (GString *out, const NbPsStyle *style, const NbPlace *place)
{
  static const char *const types[] = { [NB_PLACE_SANDBOX] = "sub-sandbox",
                                       [NB_PLACE_UNKNOWN] = "unknown",
                                       [NB_PLACE_APP] = "app" };

  g_string_append (out, "\n      {");
  append_text (out, "place", types[place->type]);
  if (place->type == NB_PLACE_SANDBOX)
    append_sandbox (out, place);
  g_string_append (out, ", \"children\": [");
  for (guint i = 0; i < place->children->len; i++)
    {
      g_string_append (out, i > 0 ? ",\n        {" : "\n        {");
      append_process (out, style, place->children->pdata[i]);
      g_string_append_c (out, '}');
    }
  g_string_append (out, "]}");
}

void
nb_ps_print_json (GString *out, const GPtrArray *tree, const NbPsStyle *style)
{
  g_string_append (out, "{\n  \"browsers\": [");
  for (guint i = 0; i < tree->len; i++)
    {
      const NbPsBrowser *browser = tree->pdata[i];

      g_string_append (out, i > 0 ? ",\n    {" : "\n    {");
      append_process (out, style, &browser->self);
      g_string_append_printf (out, ", \"broker-answers\": %s, \"places\": [",
                              browser->answered ? "true" : "false");
      for (guint j = 0; j < browser->places->len; j++)
        {
          g_string_append (out, j > 0 ? "," : "");
          append_place (out, style, browser->places->pdata[j]);
        }
      g_string_append (out, "]}");
    }
  g_string_append (out, "\n  ]\n}\n");
}

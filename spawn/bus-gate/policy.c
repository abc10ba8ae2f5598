/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/bus-gate/policy.h"

#include <gio/gio.h>
#include <string.h>

#include "spawn/base/macros.h"

#define PORTALS "org.freedesktop.portal"

G_DEFINE_QUARK (nb - bus - policy - error - quark, nb_bus_policy_error)

/*
 * Through these a program is started outside of the sandbox that asks (flatpak:
 * portal/flatpak-portal.c, session-helper/), or files of the user are handed out to others.
 */
static const struct
{
  const char *name, *cause;
} never[] = {
  { PORTALS ".Flatpak", "it starts programs that are not in this sandbox" },
  { "org.freedesktop.Flatpak", "it starts programs that are in no sandbox" },
  { PORTALS ".Documents", "it hands out files of the user" },
  { "org.freedesktop.impl.portal", "it decides what the portals allow" },
  { "org.freedesktop.systemd1", "it starts programs that are in no sandbox" },
  { "org.freedesktop.DBus", "the bus itself is always there, as far as is good" },
};

/* One line. */
typedef struct
{
  guint number;
  const char *app;
  const char *name; /* without .* at its end */
  gboolean is_wildcard;
  const char *rule; /* NULL: the verb takes none */
} Line;

/* --- complaints --- */

static gboolean G_GNUC_PRINTF (5, 6)
    complain (GError **error, const Line *line, NbBusPolicyError code, const char *remedy,
              const char *format, ...)
{
  va_list arguments;
  g_autofree char *cause = NULL;

  va_start (arguments, format);
  cause = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, NB_BUS_POLICY_ERROR, (gint)code, "line %u: %s; %s", line->number,
               cause, remedy);
  return FALSE;
}

/* --- names --- */

/* Whether name is prefix, or lies below it. */
static gboolean
is_below (const char *name, const char *prefix)
{
  size_t length = strlen (prefix);

  return strncmp (name, prefix, length) == 0
         && (name[length] == '\0' || name[length] == '.');
}

static gboolean
covers (const Line *line, const char *name)
{
  return line->is_wildcard ? is_below (name, line->name) || is_below (line->name, name)
                           : strcmp (line->name, name) == 0;
}

static gboolean
check_never (const Line *line, GError **error)
{
  const char *wildcard = line->is_wildcard ? ".*" : "";

  if (line->is_wildcard
      && (is_below (PORTALS, line->name) || is_below (line->name, PORTALS)))
    return complain (error, line, NB_BUS_POLICY_ERROR_REFUSED,
                     "name one portal, and what is to be called of it",
                     "%s.* is every portal, and among them ways out of the sandbox",
                     line->name);
  for (gsize i = 0; i < NB_ARRAY_SIZE (never); i++)
    if (covers (line, never[i].name) || is_below (line->name, never[i].name))
      return complain (error, line, NB_BUS_POLICY_ERROR_REFUSED,
                       "do in the host what needs it, and answer the child on a socket",
                       "%s%s is never given: %s", line->name, wildcard, never[i].cause);
  return TRUE;
}

/* Takes .* off the name's end. */
static gboolean
check_name (Line *line, char *name, GError **error)
{
  g_autofree char *whole = g_strdup (name);

  line->is_wildcard = g_str_has_suffix (name, ".*");
  if (line->is_wildcard)
    name[strlen (name) - 2] = '\0';
  line->name = name;
  /* Of one element there is no name, but with .* it is an element's. */
  if (!(g_dbus_is_name (name) && !g_dbus_is_unique_name (name))
      && !(line->is_wildcard && g_dbus_is_member_name (name)))
    return complain (error, line, NB_BUS_POLICY_ERROR_LINE,
                     "names are like org.example.Name, or org.example.* where .* may stand",
                     "\"%s\" is no well-known name", whole);
  return check_never (line, error);
}

/* --- rules --- */

static gboolean
is_path (const char *text)
{
  g_autofree char *path = g_strdup (text);

  if (strcmp (path, "/*") == 0)
    return TRUE;
  if (g_str_has_suffix (path, "/*"))
    path[strlen (path) - 2] = '\0';
  return g_variant_is_object_path (path);
}

/* INTERFACE.METHOD, INTERFACE.*, *, or nothing. */
static gboolean
is_method (const char *text)
{
  g_autofree char *interface = g_strdup (text);
  char *member = strrchr (interface, '.');

  if (*text == '\0' || strcmp (text, "*") == 0)
    return TRUE;
  if (member == NULL)
    return FALSE;
  *member++ = '\0';
  return g_dbus_is_interface_name (interface)
         && (strcmp (member, "*") == 0 || g_dbus_is_member_name (member));
}

/* All portals but those of never[] are interfaces of one name. */
static gboolean
check_portal (const Line *line, const char *method, GError **error)
{
  if (!is_below (line->name, PORTALS) || line->is_wildcard)
    return TRUE;
  if (g_str_has_prefix (method, PORTALS ".") && !g_str_has_prefix (method, PORTALS ".*"))
    return TRUE;
  return complain (error, line, NB_BUS_POLICY_ERROR_REFUSED,
                   "name one interface, as in call " PORTALS ".Desktop " PORTALS
                   ".Camera.*@/org/freedesktop/portal/desktop",
                   "that is every portal of %s", line->name);
}

static gboolean
check_rule (const Line *line, GError **error)
{
  g_autofree char *method = g_strdup (line->rule != NULL ? line->rule : "*");
  char *path = strchr (method, '@');

  if (path != NULL)
    *path++ = '\0';
  if (!is_method (method) || (path != NULL && !is_path (path)))
    return complain (
        error, line, NB_BUS_POLICY_ERROR_LINE,
        "rules are like org.example.Interface.Method@/org/example/*, or parts of "
        "that",
        "\"%s\" is no rule", line->rule);
  return check_portal (line, method, error);
}

/* --- verbs --- */

static gboolean
may_own (const Line *line, GError **error)
{
  g_autofree char *below = g_strconcat (line->app, ".Sandboxed.", NULL);

  if (!line->is_wildcard && g_str_has_prefix (line->name, below))
    return TRUE;
  return complain (
      error, line, NB_BUS_POLICY_ERROR_REFUSED, "own one name there",
      "a child may own names below %s.Sandboxed only, and each by its whole name",
      line->app);
}

static const struct
{
  const char *word;
  gboolean has_rule;
  gboolean gives_calls; /* or signals, rather than that something is there */
  gboolean (*check) (const Line *, GError **);
} verbs[] = {
  { "see", FALSE, FALSE, NULL },     { "talk", FALSE, TRUE, NULL },
  { "own", FALSE, FALSE, may_own },  { "call", TRUE, TRUE, NULL },
  { "broadcast", TRUE, TRUE, NULL },
};

/* Fields are words; at most three. */
static gboolean
compile_rule (Line *line, char **words, GPtrArray *options, GError **error)
{
  guint n = g_strv_length (words);
  gsize verb = 0;

  while (verb < NB_ARRAY_SIZE (verbs) && strcmp (verbs[verb].word, words[0]) != 0)
    verb++;
  if (verb == NB_ARRAY_SIZE (verbs))
    return complain (error, line, NB_BUS_POLICY_ERROR_LINE,
                     "there are backend, see, talk, own, call and broadcast",
                     "\"%s\" is nothing that a policy says", words[0]);
  if (n != (verbs[verb].has_rule ? 3U : 2U))
    return complain (error, line, NB_BUS_POLICY_ERROR_LINE,
                     verbs[verb].has_rule ? "write: VERB NAME RULE" : "write: VERB NAME",
                     "\"%s\" with %u words behind it", words[0], n - 1);
  line->rule = verbs[verb].has_rule ? words[2] : NULL;
  if (!check_name (line, words[1], error)
      || (verbs[verb].gives_calls && !check_rule (line, error))
      || (verbs[verb].check != NULL && !verbs[verb].check (line, error)))
    return FALSE;
  g_ptr_array_add (options, g_strdup_printf ("--%s=%s%s%s%s", words[0], line->name,
                                             line->is_wildcard ? ".*" : "",
                                             line->rule != NULL ? "=" : "",
                                             line->rule != NULL ? line->rule : ""));
  return TRUE;
}

/*
 * org.freedesktop.DBus.Containers1 would be another, which no bus has, and which none gives
 * to a process that is in a container itself.
 */
static gboolean
check_backend (const Line *line, char **words, GError **error)
{
  if (g_strv_length (words) == 2 && strcmp (words[1], "xdg-dbus-proxy") == 0)
    return TRUE;
  if (g_strv_length (words) == 2 && strcmp (words[1], "containers1") == 0)
    return complain (error, line, NB_BUS_POLICY_ERROR_REFUSED, "use xdg-dbus-proxy",
                     "the backend containers1 is reserved, and not written");
  return complain (error, line, NB_BUS_POLICY_ERROR_LINE, "use xdg-dbus-proxy",
                   "there is no such backend");
}

static gboolean
compile_line (Line *line, const char *text, GPtrArray *options, GError **error)
{
  g_auto (GStrv) fields = g_strsplit_set (text, " \t", -1);
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  char **first;

  for (char **field = fields; *field != NULL; field++)
    if (**field != '\0')
      g_ptr_array_add (words, *field);
  g_ptr_array_add (words, NULL);
  first = (char **)words->pdata;
  if (first[0] == NULL || first[0][0] == '#')
    return TRUE;
  if (strcmp (first[0], "backend") == 0)
    return check_backend (line, first, error);
  if (options->len > NB_BUS_POLICY_MAX_RULES)
    return complain (error, line, NB_BUS_POLICY_ERROR_LIMIT, "use fewer",
                     "more than %d rules", (int)NB_BUS_POLICY_MAX_RULES);
  return compile_rule (line, first, options, error);
}

/* No byte of a line but what can be printed. */
static gboolean
check_text (const Line *line, const char *text, GError **error)
{
  size_t length = strlen (text);

  if (length > NB_BUS_POLICY_MAX_LINE)
    return complain (error, line, NB_BUS_POLICY_ERROR_LIMIT, "cut it",
                     "longer than %d bytes", (int)NB_BUS_POLICY_MAX_LINE);
  for (size_t i = 0; i < length; i++)
    if (!g_ascii_isprint (text[i]) && text[i] != '\t' && text[strspn (text, " \t")] != '#')
      return complain (error, line, NB_BUS_POLICY_ERROR_LINE, "write plain ASCII",
                       "a byte that cannot be printed");
  return TRUE;
}

char **
nb_bus_policy_compile (const char *text, const char *app, GError **error)
{
  g_autoptr (GPtrArray) options = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) lines = NULL;
  Line line = { .app = app };

  if (strlen (text) > NB_BUS_POLICY_MAX_TEXT)
    {
      (void)complain (error, &line, NB_BUS_POLICY_ERROR_LIMIT, "use fewer rules",
                      "the policy is longer than %d bytes", (int)NB_BUS_POLICY_MAX_TEXT);
      return NULL;
    }
  /* Without it the proxy lets everything pass. */
  g_ptr_array_add (options, g_strdup ("--filter"));
  lines = g_strsplit (text, "\n", -1);
  for (char **at = lines; *at != NULL; at++)
    {
      line.number++;
      if (!check_text (&line, *at, error) || !compile_line (&line, *at, options, error))
        return NULL;
    }
  g_ptr_array_add (options, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&options), FALSE);
}

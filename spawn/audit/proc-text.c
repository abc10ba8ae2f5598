/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn/audit/proc-text.h"

#include <stdlib.h>
#include <string.h>

/* --- numbers and lines --- */

/* The whole of word, which begins with a digit of that base. */
static gboolean
parse_number (const char *word, guint base, guint64 max, guint64 *number_out)
{
  return word != NULL && g_ascii_string_to_unsigned (word, base, 0, max, number_out, NULL);
}

static void
next_line (char **rest, char **line_out)
{
  char *end = strchr (*rest, '\n');

  *line_out = *rest;
  *rest = end == NULL ? *rest + strlen (*rest) : end + 1;
  if (end != NULL)
    *end = '\0';
}

/* --- status --- */

/* The text after "KEY:\t", up to the end of its line; NULL when there is no such line. */
static char *
value_of (const char *text, const char *key)
{
  g_autofree char *start = g_strconcat ("\n", key, ":\t", NULL);
  const char *found = strstr (text, start);

  if (found == NULL)
    return NULL;
  found += strlen (start);
  return g_strndup (found, strcspn (found, "\n"));
}

static int
small_number_of (const char *text, const char *key)
{
  g_autofree char *value = value_of (text, key);
  guint64 number;

  return parse_number (value, 10, G_MAXINT, &number) ? (int)number : -1;
}

static gboolean
parse_levels (const char *text, NbProcStatus *status)
{
  g_autofree char *value = value_of (text, "NSpid");
  g_auto (GStrv) pids = value != NULL ? g_strsplit (value, "\t", -1) : NULL;
  guint64 pid = 0;

  for (status->levels = 0; pids != NULL && pids[status->levels] != NULL; status->levels++)
    if (!parse_number (pids[status->levels], 10, G_MAXINT, &pid))
      return FALSE;
  status->inner_pid = (pid_t)pid;
  return status->levels > 0;
}

static gboolean
parse_capabilities (const char *text, NbProcStatus *status)
{
  static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapAmb" };

  for (guint i = 0; i < G_N_ELEMENTS (sets); i++)
    {
      g_autofree char *value = value_of (text, sets[i]);
      guint64 set;

      if (!parse_number (value, 16, G_MAXUINT64, &set))
        return FALSE;
      status->capabilities |= set;
    }
  return TRUE;
}

gboolean
nb_proc_status_parse (const char *text, NbProcStatus *status_out)
{
  NbProcStatus status = { 0 };

  /* The first line is the name, in which the kernel masks line breaks. */
  if (!g_str_has_prefix (text, "Name:\t") || !parse_levels (text, &status))
    return FALSE;
  status.has_capabilities = parse_capabilities (text, &status);
  status.no_new_privs = small_number_of (text, "NoNewPrivs");
  status.seccomp = small_number_of (text, "Seccomp");
  status.filters = small_number_of (text, "Seccomp_filters");
  *status_out = status;
  return TRUE;
}

/* --- mountinfo --- */

static void
mount_free (gpointer data)
{
  NbMount *mount = data;

  g_free (mount->device);
  g_free (mount->root);
  g_free (mount->point);
  g_free (mount->type);
  g_free (mount);
}

/* Blanks, line breaks, # and backslashes are written as \\ and three octal digits. */
static char *
decode_path (const char *word)
{
  GString *path = g_string_new (NULL);

  for (; *word != '\0'; word++)
    if (word[0] == '\\' && strspn (word + 1, "01234567") >= 3)
      {
        g_string_append_c (
            path, (char)((word[1] - '0') * 64 + (word[2] - '0') * 8 + (word[3] - '0')));
        word += 3;
      }
    else
      g_string_append_c (path, *word);
  return g_string_free (path, FALSE);
}

/* "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG…] - TYPE SOURCE OPTIONS". */
static NbMount *
parse_mount (const char *line)
{
  enum
  {
    ID,
    DEVICE = 2,
    ROOT,
    POINT,
    OPTIONS,
    TAGS,
  };
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  guint n = g_strv_length (words), dash = TAGS;
  guint64 id;
  NbMount *mount;

  while (dash < n && strcmp (words[dash], "-") != 0)
    dash++;
  if (dash + 1 >= n || !parse_number (words[ID], 10, G_MAXUINT64, &id)
      || words[POINT][0] != '/' || words[dash + 1][0] == '\0')
    return NULL;
  mount = g_new0 (NbMount, 1);
  mount->id = id;
  mount->device = g_strdup (words[DEVICE]);
  mount->root = decode_path (words[ROOT]);
  mount->point = decode_path (words[POINT]);
  mount->type = g_strdup (words[dash + 1]);
  mount->read_only
      = g_str_equal (words[OPTIONS], "ro") || g_str_has_prefix (words[OPTIONS], "ro,");
  return mount;
}

GPtrArray *
nb_proc_mounts_parse (const char *text)
{
  g_autoptr (GPtrArray) mounts = g_ptr_array_new_with_free_func (mount_free);
  g_autofree char *copy = g_strdup (text);

  for (char *rest = copy, *line; *rest != '\0';)
    {
      NbMount *mount;

      next_line (&rest, &line);
      mount = parse_mount (line);
      if (mount == NULL)
        return NULL;
      g_ptr_array_add (mounts, mount);
    }
  return g_steal_pointer (&mounts);
}

/* --- net --- */

char **
nb_proc_interfaces_parse (const char *text)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *copy = g_strdup (text);
  guint number = 0;

  for (char *rest = copy, *line; *rest != '\0'; number++)
    {
      char *colon;

      next_line (&rest, &line);
      if (number < 2) /* headings */
        continue;
      colon = strchr (line, ':');
      if (colon == NULL)
        return NULL;
      *colon = '\0';
      g_ptr_array_add (names, g_strdup (g_strstrip (line)));
    }
  if (number < 2)
    return NULL;
  g_ptr_array_add (names, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&names), FALSE);
}

static void
socket_free (gpointer data)
{
  NbUnixSocket *socket = data;

  g_free (socket->name);
  g_free (socket);
}

void
nb_unix_table_free (NbUnixTable *table)
{
  g_ptr_array_unref (table->sockets);
  g_free (table);
}

/* "Num: RefCount Protocol Flags Type St Inode[ Path]", the inode padded to five. */
static NbUnixSocket *
parse_socket (char *line)
{
  enum
  {
    COLUMNS_BEFORE_INODE = 6,
  };
  char *word = line, *end;
  guint64 inode;

  for (guint i = 0; i < COLUMNS_BEFORE_INODE; i++)
    {
      gsize length = strspn (word, i == 0 ? "0123456789abcdef:" : "0123456789ABCDEF");

      if (length == 0 || word[length] != ' ')
        return NULL;
      word += length + 1;
    }
  word += strspn (word, " ");
  end = strchr (word, ' ');
  if (end != NULL)
    *end++ = '\0';
  if (!parse_number (word, 10, G_MAXUINT64, &inode))
    return NULL;
  word = end;
  return g_memdup2 (&(NbUnixSocket){ .inode = inode, .name = g_strdup (word) },
                    sizeof (NbUnixSocket));
}

NbUnixTable *
nb_proc_unix_parse (const char *text)
{
  NbUnixTable *table = g_new0 (NbUnixTable, 1);
  g_autofree char *copy = g_strdup (text);
  char *rest = copy, *line;

  table->sockets = g_ptr_array_new_with_free_func (socket_free);
  next_line (&rest, &line);
  table->whole = g_str_has_prefix (line, "Num ");
  while (*rest != '\0')
    {
      NbUnixSocket *socket;

      next_line (&rest, &line);
      socket = parse_socket (line);
      if (socket != NULL)
        g_ptr_array_add (table->sockets, socket);
      table->whole = table->whole && socket != NULL;
    }
  return table;
}

static void
add_inode_of (GHashTable *set, const char *line, guint column)
{
  g_auto (GStrv) words = g_strsplit_set (line, " \t", -1);
  guint64 inode;

  for (char **word = words; *word != NULL; word++)
    if (**word != '\0' && column-- == 0)
      {
        if (parse_number (*word, 10, G_MAXUINT64, &inode))
          g_hash_table_add (set, g_memdup2 (&inode, sizeof inode));
        return;
      }
}

void
nb_proc_inodes_add (GHashTable *set, const char *text, guint column)
{
  g_autofree char *copy = g_strdup (text);
  char *rest = copy, *line;

  next_line (&rest, &line);
  while (*rest != '\0')
    {
      next_line (&rest, &line);
      add_inode_of (set, line, column);
    }
}

/* --- cmdline --- */

char **
nb_proc_command_split (const char *data, gsize length)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);

  while (length > 0 && data[length - 1] == '\0')
    length--;
  if (length > 0 && memchr (data, '\0', length) == NULL)
    {
      g_autofree char *title = g_strndup (data, length);

      return g_strsplit (title, " ", -1);
    }
  for (gsize start = 0; start < length; start += strlen (words->pdata[words->len - 1]) + 1)
    g_ptr_array_add (words, g_strndup (data + start, length - start));
  g_ptr_array_add (words, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&words), FALSE);
}

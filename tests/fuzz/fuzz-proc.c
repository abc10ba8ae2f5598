/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files of /proc/PID, with names in them that a hostile process has chosen. Some are as the
 * kernel writes them around such a name: then everything else must be read as it was
 * written, whatever the name looks like. The rest is any text.
 */
#include <glib.h>
#include <string.h>

#include "spawn/audit/proc-text.h"
#include "spawn/base/proc-stat.h"
#include "tests/fuzz/fuzz.h"

enum
{
  MAX_COMM = 15,     /* linux: TASK_COMM_LEN */
  MAX_SUN_PATH = 90, /* of a socket's name */
};

/* --- as the kernel writes them --- */

/* A name of at most that many bytes, without NUL. */
static char *
take_name (NbFuzzInput *input, gsize max)
{
  gsize size;
  const uint8_t *bytes = nb_fuzz_bytes (input, max, &size);

  return g_strndup ((const char *)bytes, size);
}

/* linux: fs/proc/array.c, do_task_stat(): the name is written as it is. */
static void
check_stat (NbFuzzInput *input)
{
  g_autofree char *name = take_name (input, MAX_COMM);
  guint parent = nb_fuzz_u16 (input), start = nb_fuzz_u32 (input);
  guint resident = nb_fuzz_u32 (input);
  g_autofree char *text = g_strdup_printf (
      "107 (%s) S %u 5 6 7 -1 9 10 11 12 13 14 15 16 17 18 19 20 21 %u 23 %u 25\n", name,
      parent, start, resident);
  NbProcStat stat;

  nb_fuzz_check (nb_proc_stat_parse (text, &stat));
  nb_fuzz_check (stat.name_length == strlen (name));
  nb_fuzz_check (memcmp (stat.name, name, stat.name_length) == 0);
  nb_fuzz_check (stat.state == 'S' && stat.parent == (pid_t)parent);
  nb_fuzz_check (stat.start == start && stat.resident == resident);
}

/* The same, proc_task_name(): line breaks and backslashes are escaped. */
static void
check_status (NbFuzzInput *input)
{
  g_autofree char *raw = take_name (input, MAX_COMM);
  g_autoptr (GString) name = g_string_new (NULL);
  guint inner = nb_fuzz_u16 (input), filters = nb_fuzz_byte (input);
  g_autofree char *text = NULL;
  NbProcStatus status;

  for (const char *at = raw; *at != '\0'; at++)
    g_string_append (name, *at == '\n'   ? "\\n"
                           : *at == '\\' ? "\\\\"
                                         : (char[]){ *at, '\0' });
  text = g_strdup_printf ("Name:\t%s\nState:\tS (sleeping)\nNSpid:\t9\t%u\n"
                          "CapInh:\t0\nCapPrm:\t0\nCapEff:\t0\nCapAmb:\t0\n"
                          "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t%u\n",
                          name->str, inner, filters);
  nb_fuzz_check (nb_proc_status_parse (text, &status));
  nb_fuzz_check (status.levels == 2 && status.inner_pid == (pid_t)inner);
  nb_fuzz_check (status.no_new_privs == 1 && status.seccomp == 2);
  nb_fuzz_check (status.filters == (int)filters && status.capabilities == 0);
}

static gboolean
has_socket (const NbUnixTable *table, guint64 inode, const char *name)
{
  for (guint i = 0; i < table->sockets->len; i++)
    {
      const NbUnixSocket *socket = table->sockets->pdata[i];

      if (socket->inode == inode && g_strcmp0 (socket->name, name) == 0)
        return TRUE;
    }
  return FALSE;
}

/* linux: net/unix/af_unix.c, unix_seq_show(): no name can hide the sockets of others. */
static void
check_unix (NbFuzzInput *input)
{
  static const char start[] = "0000000000000000: 00000002 00000000 00010000 0001 01";
  g_autofree char *name = take_name (input, MAX_SUN_PATH);
  g_autofree char *text
      = g_strdup_printf ("Num       RefCount Protocol Flags    Type St Inode Path\n"
                         "%s    17 /run/first\n%s  9876 %s\n%s 12345 @/last\n",
                         start, start, name, start);
  g_autoptr (NbUnixTable) table = nb_proc_unix_parse (text);

  nb_fuzz_check (has_socket (table, 17, "/run/first"));
  nb_fuzz_check (has_socket (table, 12345, "@/last"));
  if (strchr (name, '\n') == NULL && name[0] != '\0')
    nb_fuzz_check (table->whole && has_socket (table, 9876, name));
}

/* Words with NUL after each: none is lost but empty ones at the end. */
static void
check_command (NbFuzzInput *input)
{
  gsize size, used = 0;
  const char *bytes = (const char *)nb_fuzz_bytes (input, input->left, &size);
  g_autofree char *data = g_memdup2 (bytes != NULL ? bytes : "", size + (bytes == NULL));
  g_auto (GStrv) words = NULL;

  while (size > 0 && data[size - 1] == '\0')
    size--;
  words = nb_proc_command_split (data, size);
  for (char **word = words; *word != NULL; word++)
    {
      nb_fuzz_check (used + strlen (*word) <= size);
      nb_fuzz_check (memcmp (data + used, *word, strlen (*word)) == 0);
      used += strlen (*word) + 1;
    }
  nb_fuzz_check (size == 0 ? words[0] == NULL : used == size + 1);
}

/* --- as anybody writes them --- */

static void
check_mounts (const char *text)
{
  g_autoptr (GPtrArray) mounts = nb_proc_mounts_parse (text);

  for (guint i = 0; mounts != NULL && i < mounts->len; i++)
    {
      const NbMount *mount = mounts->pdata[i];

      nb_fuzz_check (mount->point[0] == '/' && mount->type[0] != '\0');
    }
}

static void
check_net (const char *text)
{
  g_autoptr (NbUnixTable) table = nb_proc_unix_parse (text);
  g_auto (GStrv) interfaces = nb_proc_interfaces_parse (text);

  for (guint i = 0; i < table->sockets->len; i++)
    {
      const char *name = ((const NbUnixSocket *)table->sockets->pdata[i])->name;

      nb_fuzz_check (name == NULL || strchr (name, '\n') == NULL);
    }
  for (char **name = interfaces; name != NULL && *name != NULL; name++)
    nb_fuzz_check (strpbrk (*name, ":\n") == NULL);
}

static void
check_texts (NbFuzzInput *input)
{
  g_autofree char *text = nb_fuzz_rest (input);
  g_autoptr (GHashTable) inodes
      = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  NbProcStatus status;
  NbProcStat stat;

  if (nb_proc_stat_parse (text, &stat))
    nb_fuzz_check (stat.parent >= 0 && stat.name > text
                   && stat.name + stat.name_length < text + strlen (text));
  if (nb_proc_status_parse (text, &status))
    nb_fuzz_check (status.levels > 0 && status.inner_pid >= 0 && status.filters >= -1);
  check_mounts (text);
  check_net (text);
  nb_proc_inodes_add (inodes, text, 9);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static void (*const checks[]) (NbFuzzInput *)
      = { check_stat, check_status, check_unix, check_command, check_texts };
  NbFuzzInput input = { .data = data, .left = size };

  checks[nb_fuzz_byte (&input) % G_N_ELEMENTS (checks)](&input);
  return 0;
}

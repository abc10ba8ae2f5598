/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of /proc/PID as the kernel writes them, and as somebody might forge them. */
#include "spawn/audit/proc-text.h"

#include <string.h>

#include "tests/lib/nb-test.h"

/* --- status --- */

#define REST                                                                               \
  "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"      \
  "CapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\n"                                 \
  "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t2\nSpeculation_Store_Bypass:"            \
  "\tvulnerable\n"

typedef struct
{
  const char *name, *text;
  gboolean good;
  NbProcStatus status;
} StatusCase;

static const StatusCase status_cases[] = {
  { "renderer",
    "Name:\tchromium\nState:\tS (sleeping)\nPid:\t107\nNSpid:\t107\t26\n" REST,
    TRUE,
    { 2, 26, 1, 2, 2, TRUE, 0 } },
  { "browser", "Name:\tchromium\nNSpid:\t2\n" REST, TRUE, { 1, 2, 1, 2, 2, TRUE, 0 } },
  { "unconfined",
    "Name:\tsh\nNSpid:\t9\nCapInh:\t0\nCapPrm:\t21\nCapEff:\t20\nCapAmb:\t0\n"
    "NoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\n",
    TRUE,
    { 1, 9, 0, 0, 0, TRUE, 0x21 } },
  { "before-linux-5.9",
    "Name:\tx\nNSpid:\t7\nNoNewPrivs:\t1\nSeccomp:\t2\n",
    TRUE,
    { 1, 7, 1, 2, -1, FALSE, 0 } },
  { "numbers-that-are-none",
    "Name:\tx\nNSpid:\t7\nNoNewPrivs:\tyes\nSeccomp:\t-2\nSeccomp_filters:\t2x\n"
    "CapInh:\t0\nCapPrm:\t0\nCapEff:\tall\nCapAmb:\t0\n",
    TRUE,
    { 1, 7, -1, -1, -1, FALSE, 0 } },
  { "number-too-large",
    "Name:\tx\nNSpid:\t7\nSeccomp_filters:\t99999999999999999999\n",
    TRUE,
    { 1, 7, -1, -1, -1, FALSE, 0 } },
  /* The kernel writes a line break in a name as \n, so that this is all name. */
  { "name-like-rows",
    "Name:\tx\\nSeccomp:\t2\nNSpid:\t7\nSeccomp:\t0\n",
    TRUE,
    { 1, 7, -1, 0, -1, FALSE, 0 } },
  { "no-pids", "Name:\tx\nSeccomp:\t2\n", FALSE, { 0 } },
  { "pids-that-are-none", "Name:\tx\nNSpid:\t7\ta\n", FALSE, { 0 } },
  { "pids-empty", "Name:\tx\nNSpid:\t\n", FALSE, { 0 } },
  { "no-name", "NSpid:\t7\n", FALSE, { 0 } },
  { "empty", "", FALSE, { 0 } },
};

static void
test_status (gconstpointer data)
{
  const StatusCase *test = data;
  NbProcStatus status = { 0 };

  g_assert_cmpint (nb_proc_status_parse (test->text, &status), ==, test->good);
  if (!test->good)
    return;
  g_assert_cmpuint (status.levels, ==, test->status.levels);
  g_assert_cmpint (status.inner_pid, ==, test->status.inner_pid);
  g_assert_cmpint (status.no_new_privs, ==, test->status.no_new_privs);
  g_assert_cmpint (status.seccomp, ==, test->status.seccomp);
  g_assert_cmpint (status.filters, ==, test->status.filters);
  g_assert_cmpint (status.has_capabilities, ==, test->status.has_capabilities);
  if (test->status.has_capabilities)
    g_assert_cmphex (status.capabilities, ==, test->status.capabilities);
}

/* --- mountinfo --- */

static void
test_mounts (void)
{
  g_autoptr (GPtrArray) mounts = nb_proc_mounts_parse (
      "212 44 0:47 /newroot / rw,nosuid,nodev,relatime - tmpfs tmpfs rw\n"
      "213 212 254:0 /home/u/.local/share/flatpak/runtime/files /usr ro,nosuid - ext4 "
      "/dev/vda rw\n"
      "223 212 0:4 user:[4026532180] /run/.userns ro shared:7 master:3 - nsfs nsfs rw\n"
      "300 212 8:1 /a\\040b\\134c\\011 /mnt/\\012x ro - fuse.portal portal rw,user_id=1\n"
      "301 212 8:1 / /read-only-not roaming - ext4 /dev/sda1 ro\n");
  const NbMount *mount;

  g_assert_nonnull (mounts);
  g_assert_cmpuint (mounts->len, ==, 5);
  mount = mounts->pdata[0];
  g_assert_cmpuint (mount->id, ==, 212);
  g_assert_cmpstr (mount->device, ==, "0:47");
  g_assert_cmpstr (mount->root, ==, "/newroot");
  g_assert_cmpstr (mount->point, ==, "/");
  g_assert_cmpstr (mount->type, ==, "tmpfs");
  g_assert_false (mount->read_only);
  g_assert_true (((const NbMount *)mounts->pdata[1])->read_only);
  mount = mounts->pdata[2];
  g_assert_cmpstr (mount->root, ==, "user:[4026532180]");
  g_assert_cmpstr (mount->type, ==, "nsfs");
  mount = mounts->pdata[3];
  g_assert_cmpstr (mount->root, ==, "/a b\\c\t");
  g_assert_cmpstr (mount->point, ==, "/mnt/\nx");
  g_assert_true (mount->read_only);
  g_assert_false (((const NbMount *)mounts->pdata[4])->read_only);
}

typedef struct
{
  const char *name, *text;
} TextCase;

static const TextCase bad_mounts[] = {
  { "no-dash", "212 44 0:47 / / rw tmpfs tmpfs rw\n" },
  { "nothing-after-the-dash", "212 44 0:47 / / rw -\n" },
  { "no-type", "212 44 0:47 / / rw -  tmpfs rw\n" },
  { "id-is-none", "x 44 0:47 / / rw - tmpfs tmpfs rw\n" },
  { "point-is-no-path", "212 44 0:47 / home rw - tmpfs tmpfs rw\n" },
  { "second-line-cut-off", "212 44 0:47 / / rw - tmpfs tmpfs rw\n213 212 254:0 /ho" },
  { "empty-line", "212 44 0:47 / / rw - tmpfs tmpfs rw\n\n" },
};

static void
test_bad_mounts (gconstpointer data)
{
  g_assert_null (nb_proc_mounts_parse (((const TextCase *)data)->text));
}

/* A backslash that the kernel did not write stays what it is. */
static void
test_mount_escapes (void)
{
  g_autoptr (GPtrArray) mounts
      = nb_proc_mounts_parse ("1 0 0:1 /a\\ /b\\04 rw - tmpfs t rw\n");

  g_assert_cmpstr (((const NbMount *)mounts->pdata[0])->root, ==, "/a\\");
  g_assert_cmpstr (((const NbMount *)mounts->pdata[0])->point, ==, "/b\\04");
}

/* --- net --- */

#define DEV_HEADINGS "Inter-|   Receive\n face |bytes    packets\n"

typedef struct
{
  const char *name, *text, *list; /* NULL: refused */
} ListCase;

static const ListCase interface_cases[] = {
  { "lo-only", DEV_HEADINGS "    lo:       0       0\n", "lo" },
  { "several", DEV_HEADINGS "    lo: 1 2\n  eth0: 1 2\nwlan-long0: 3\n",
    "lo eth0 wlan-long0" },
  { "none", DEV_HEADINGS, "" },
  { "headings-cut-off", "Inter-|   Receive\n", NULL },
  { "empty", "", NULL },
  { "line-without-colon", DEV_HEADINGS "    lo 0 0\n", NULL },
};

static void
test_interfaces (gconstpointer data)
{
  const ListCase *test = data;
  g_auto (GStrv) names = nb_proc_interfaces_parse (test->text);
  g_autofree char *list = names != NULL ? g_strjoinv (" ", names) : NULL;

  g_assert_cmpstr (list, ==, test->list);
}

#define UNIX_HEADING "Num       RefCount Protocol Flags    Type St Inode Path\n"
#define UNIX_LINE "00000000cb4c05fa: 00000003 00000000 00000000 0001 03 "

typedef struct
{
  const char *name, *text, *list; /* "INODE=NAME" */
  gboolean whole;
} UnixCase;

static const UnixCase unix_cases[] = {
  { "unnamed", UNIX_HEADING UNIX_LINE "5045119\n" UNIX_LINE "    7\n",
    "5045119= 7=", TRUE },
  { "named", UNIX_HEADING UNIX_LINE "12 /run/user/1000/bus\n" UNIX_LINE "13 @/tmp/dbus-x\n",
    "12=/run/user/1000/bus 13=@/tmp/dbus-x", TRUE },
  { "name-with-blanks", UNIX_HEADING UNIX_LINE "12 /a b  c\n", "12=/a b  c", TRUE },
  { "nothing", UNIX_HEADING, "", TRUE },
  { "no-heading", UNIX_LINE "12\n", "", FALSE },
  { "empty", "", "", FALSE },
  /* A name with a line break in it: the rest of it is a line of its own. */
  { "line-break", UNIX_HEADING UNIX_LINE "12 @a\nb\n" UNIX_LINE "13\n",
    "12=@a 13=", FALSE },
  { "forged-line", UNIX_HEADING UNIX_LINE "12 @a\n" UNIX_LINE "99\n" UNIX_LINE "13\n",
    "12=@a 99= 13=", TRUE },
  { "cut-off", UNIX_HEADING UNIX_LINE "12\n0000", "12=", FALSE },
  { "inode-is-none", UNIX_HEADING UNIX_LINE "x\n", "", FALSE },
  { "no-inode", UNIX_HEADING "00000000cb4c05fa: 00000003 00000000 00000000 0001 03\n", "",
    FALSE },
};

static void
test_unix (gconstpointer data)
{
  const UnixCase *test = data;
  g_autoptr (NbUnixTable) table = nb_proc_unix_parse (test->text);
  g_autoptr (GString) list = g_string_new (NULL);

  for (guint i = 0; i < table->sockets->len; i++)
    {
      const NbUnixSocket *socket = table->sockets->pdata[i];

      g_string_append_printf (list, "%s%" G_GUINT64_FORMAT "=%s", i > 0 ? " " : "",
                              socket->inode, socket->name != NULL ? socket->name : "");
    }
  g_assert_cmpstr (list->str, ==, test->list);
  g_assert_cmpint (table->whole, ==, test->whole);
}

static void
test_inodes (void)
{
  g_autoptr (GHashTable) set
      = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  static const guint64 there[] = { 1234, 5678 }, not_there[] = { 0, 9, 10, 1000 };

  nb_proc_inodes_add (
      set,
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid "
      "timeout inode\n"
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000   "
      "     0 1234 1 0000000000000000 100 0 0 10 0\n"
      "   1: short line 1000\n"
      "   2: 0100007F:1F91 00000000:0000 0A 0:0 00:0 0  1000 0 5678\n",
      9);
  for (gsize i = 0; i < G_N_ELEMENTS (there); i++)
    g_assert_true (g_hash_table_contains (set, &there[i]));
  for (gsize i = 0; i < G_N_ELEMENTS (not_there); i++)
    g_assert_false (g_hash_table_contains (set, &not_there[i]));
}

/* --- cmdline --- */

typedef struct
{
  const char *name, *data;
  gsize length;
  const char *list; /* words with | between them */
} CommandCase;

#define BYTES(text) text, sizeof (text) - 1

static const CommandCase command_cases[] = {
  { "words", BYTES ("sh\0-c\0echo a b\0"), "sh|-c|echo a b" },
  { "title", BYTES ("/app/chromium --type=renderer --lang=en\0"),
    "/app/chromium|--type=renderer|--lang=en" },
  { "title-without-end", BYTES ("/app/chromium --type=zygote"),
    "/app/chromium|--type=zygote" },
  { "title-with-room-behind", BYTES ("chromium --type=gpu-process\0\0\0\0"),
    "chromium|--type=gpu-process" },
  { "one-word", BYTES ("cat\0"), "cat" },
  { "empty-words", BYTES ("a\0\0b\0"), "a||b" },
  { "word-with-type-in-it", BYTES ("sh\0-c\0x --type=renderer\0"),
    "sh|-c|x --type=renderer" },
  { "nothing", BYTES (""), "" },
  { "only-ends", BYTES ("\0\0\0"), "" },
};

static void
test_command (gconstpointer data)
{
  const CommandCase *test = data;
  g_autofree char *copy = g_memdup2 (test->data, test->length + 1);
  g_auto (GStrv) words = nb_proc_command_split (copy, test->length);
  g_autofree char *list = g_strjoinv ("|", words);

  g_assert_cmpstr (list, ==, test->list);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/proc-text/status", status_cases, test_status);
  nb_test_add ("/proc-text/mounts/good", test_mounts);
  nb_test_add_cases ("/proc-text/mounts/refused", bad_mounts, test_bad_mounts);
  nb_test_add ("/proc-text/mounts/backslashes", test_mount_escapes);
  nb_test_add_cases ("/proc-text/interfaces", interface_cases, test_interfaces);
  nb_test_add_cases ("/proc-text/unix", unix_cases, test_unix);
  nb_test_add ("/proc-text/inodes", test_inodes);
  nb_test_add_cases ("/proc-text/command", command_cases, test_command);
  return g_test_run ();
}

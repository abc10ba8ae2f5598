/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is a browser and who a child, in folders that look like /proc. */
#include "spawn/audit/find.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

#define HELPER "/app/libexec/nestbox-chrome-sandbox"
#define ROUTER "/app/libexec/nestbox-gpu-router"
#define CHROMIUM "/app/chromium/chromium"
#define ZYGOTE_WORDS CHROMIUM " --type=zygote --headless"

static const NbFamilyPrograms programs = { .helper = HELPER, .router = ROUTER };

typedef struct
{
  int pid, parent;
  const char *levels; /* of NSpid, after its own PID */
  const char *name, *executable, *command;
} Process;

/* Read by other users only as far as /proc lets them; here an empty executable is none. */
#define VISIBLE                                                                             \
  { 1, 0, "", "bwrap", "/usr/bin/bwrap", "bwrap -- nestbox run" },                          \
      { 2, 1, "", "chromium", CHROMIUM, CHROMIUM " --headless" },                           \
      { 4, 1, "", "nestbox-broker", "", "nestbox run -- " CHROMIUM " --headless" },         \
      { 9, 1, "", "chrome_crashpad", "/app/chromium/chrome_crashpad_handler", "crashpad" }, \
      { 14, 2, "", "chromium", CHROMIUM, CHROMIUM " --type=zygote --no-zygote-sandbox" },   \
      { 15, 2, "", "nestbox-chrome-", HELPER, "chrome-sandbox " ZYGOTE_WORDS },             \
  {                                                                                         \
    41, 14, "", "chromium", CHROMIUM, CHROMIUM " --type=gpu-process"                        \
  }
#define SUB_SANDBOX                                                                        \
  { 17, 1, "\t1", "bwrap", "/usr/bin/bwrap", "bwrap -- nestbox-controller" },              \
      { 18, 17, "\t2", "nestbox-control", "", "nestbox-controller --channel=3" },          \
      { 19, 18, "\t3", "chromium", "", ZYGOTE_WORDS },                                     \
  {                                                                                        \
    107, 19, "\t26", "chromium", "", CHROMIUM " --type=renderer"                           \
  }
#define ROUTED                                                                             \
  { 2, 1, "", "chromium", CHROMIUM, CHROMIUM " --headless" },                              \
      { 14,     2,                                                                         \
        "",     "nestbox-gpu-rou",                                                         \
        ROUTER, "nestbox-gpu-router " CHROMIUM " --type=zygote --no-zygote-sandbox" },     \
      { 15, 2, "", "nestbox-chrome-", HELPER, "chrome-sandbox " ZYGOTE_WORDS },            \
  {                                                                                        \
    16, 14, "", "chromium", CHROMIUM, CHROMIUM " --type=zygote --no-zygote-sandbox"        \
  }
#define GPU_SUB_SANDBOX                                                                    \
  { 30, 1, "\t3", "chromium", "", CHROMIUM " --type=zygote --no-zygote-sandbox" },         \
  {                                                                                        \
    31, 30, "\t4", "chromium", "", CHROMIUM " --type=gpu-process"                          \
  }
#define STAND_INS                                                                          \
  {                                                                                        \
    50, 15, "", "nestbox-standin", HELPER, "chrome-sandbox " ZYGOTE_WORDS                  \
  }

#define NETWORK_WORDS " --type=utility --utility-sub-type=network.mojom.NetworkService"
#define NETWORK_STAND_IN                                                                   \
  {                                                                                        \
    36, 2, "", "nestbox-chrome-", HELPER,                                                  \
        "nestbox-chrome-sandbox --stand-in " CHROMIUM " /proc/self/exe" NETWORK_WORDS      \
  }

typedef struct
{
  const char *name;
  Process processes[16];
  const char *browsers; /* PIDs */
  const char *subjects; /* "PID role BROWSER", roles in capitals for stand-ins */
} FamilyCase;

static const FamilyCase family_cases[] = {
  { "visible",
    { VISIBLE, SUB_SANDBOX },
    "2",
    "14 unsandboxed-zygote 2, 19 zygote 2, 41 gpu-in-app 2, 107 renderer 2" },
  { "hidden",
    { VISIBLE, STAND_INS },
    "2",
    "14 unsandboxed-zygote 2, 15 HELPER 2, 41 gpu-in-app 2, 50 STAND-IN 2" },
  { "stand-ins-of-visible-ones",
    { VISIBLE, SUB_SANDBOX, STAND_INS },
    "2",
    "14 unsandboxed-zygote 2, 19 zygote 2, 41 gpu-in-app 2, 50 STAND-IN 2, 107 renderer "
    "2" },
  /* The app's zygote is executed by the router, which has the one in the sub-sandbox. */
  { "routed",
    { ROUTED, SUB_SANDBOX, GPU_SUB_SANDBOX },
    "2",
    "16 unsandboxed-zygote 2, 19 zygote 2, 30 gpu-zygote 2, 31 gpu 2, 107 "
    "renderer 2" },
  { "routed-and-hidden",
    { ROUTED },
    "2",
    "14 ROUTER 2, 15 HELPER 2, 16 unsandboxed-zygote 2" },
  { "routed-but-not-there",
    { ROUTED,
      SUB_SANDBOX,
      { 41, 16, "", "chromium", CHROMIUM, CHROMIUM " --type=gpu-process" } },
    "2",
    "16 unsandboxed-zygote 2, 19 zygote 2, 41 gpu 2, 107 "
    "renderer 2" },
  { "without-sandbox",
    { { 2, 1, "", "chromium", CHROMIUM, CHROMIUM " --no-sandbox" },
      { 8, 2, "", "chromium", CHROMIUM, ZYGOTE_WORDS },
      { 9, 8, "", "chromium", CHROMIUM, CHROMIUM " --type=renderer" } },
    "2",
    "8 zygote 2, 9 renderer 2" },
  { "network-in-the-app",
    { VISIBLE, { 36, 2, "", "chromium", CHROMIUM, CHROMIUM NETWORK_WORDS } },
    "2",
    "14 unsandboxed-zygote 2, 15 HELPER 2, 36 network-in-app 2, 41 gpu-in-app 2" },
  { "network-apart",
    { VISIBLE, NETWORK_STAND_IN, { 37, 1, "\t3", "chromium", "", CHROMIUM NETWORK_WORDS } },
    "2",
    "14 unsandboxed-zygote 2, 37 network 2, 41 gpu-in-app 2" },
  { "network-apart-and-hidden",
    { VISIBLE, NETWORK_STAND_IN },
    "2",
    "14 unsandboxed-zygote 2, 15 HELPER 2, 36 HELPER 2, 41 gpu-in-app 2" },
  /* Started by a shell, as no child of the browser is. */
  { "poser",
    { VISIBLE,
      { 60, 1, "", "sh", "/usr/bin/dash", "sh -c x" },
      { 61, 60, "", "pose", "/app/pose", "pose --type=renderer" } },
    "2",
    "14 unsandboxed-zygote 2, 15 HELPER 2, 41 gpu-in-app 2, 61 renderer 2" },
  /* bubblewrap has the command line of what it starts in its own. */
  { "bubblewrap-of-a-child",
    { VISIBLE,
      { 60, 1, "\t1", "bwrap", "/usr/bin/bwrap", "bwrap -- /pose --type=zygote" },
      { 61, 60, "\t2", "pose", "/app/pose", "/pose --type=zygote" } },
    "2",
    "14 unsandboxed-zygote 2, 41 gpu-in-app 2, 61 zygote 2" },
  /* The name alone makes no stand-in of anybody. */
  { "poser-with-a-stand-ins-name",
    { VISIBLE, { 61, 2, "", "nestbox-standin", "/app/pose", "pose --type=renderer" } },
    "2",
    "14 unsandboxed-zygote 2, 15 HELPER 2, 41 gpu-in-app 2, 61 renderer 2" },
  /* A compromised renderer starts a family of its own, to be compared with that. */
  { "browser-of-a-sandbox",
    { VISIBLE,
      SUB_SANDBOX,
      { 120, 19, "\t40", "chromium", "/x", "x" },
      { 121, 120, "\t41", "chromium", "/x", "x --type=renderer" } },
    "2",
    "14 unsandboxed-zygote 2, 19 zygote 2, 41 gpu-in-app 2, 107 renderer 2, 121 renderer "
    "2" },
  { "two-browsers",
    { VISIBLE,
      { 70, 1, "", "chromium", CHROMIUM, CHROMIUM " --user-data-dir=/x" },
      { 71, 70, "", "chromium", CHROMIUM, CHROMIUM " --type=gpu-process" } },
    "2 70",
    "14 unsandboxed-zygote 2, 15 HELPER 2, 41 gpu-in-app 2, 71 gpu-in-app 70" },
  { "no-browser",
    { { 60, 1, "", "sh", "/usr/bin/dash", "sh" },
      { 61, 60, "", "pose", "/app/pose", "pose --type=renderer" } },
    "",
    "" },
  { "nobody", { { 0 } }, "", "" },
  { "parents-in-a-circle",
    { VISIBLE,
      { 80, 81, "", "a", "/a", "a --type=renderer" },
      { 81, 80, "", "b", "/b", "b --type=renderer" } },
    "2",
    "14 unsandboxed-zygote 2, 15 HELPER 2, 41 gpu-in-app 2, 80 renderer 2, 81 renderer 2" },
};

/* --- folders that look like /proc --- */

static void
write_file (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

/* What a browser needs to be compared with. */
static void
write_place (const char *folder)
{
  static const char *const namespaces[] = { "pid", "net", "mnt", "ipc", "user" };

  write_file (folder, "mountinfo", "102 43 0:40 /newroot / rw - tmpfs tmpfs rw\n");
  write_file (folder, "net/dev", "a\nb\n    lo: 0\n");
  for (gsize i = 0; i < G_N_ELEMENTS (namespaces); i++)
    {
      g_autofree char *name = g_strconcat ("ns/", namespaces[i], NULL);

      write_file (folder, name, "");
    }
}

static void
write_process (const char *proc, const Process *process)
{
  g_autofree char *pid = g_strdup_printf ("%d", process->pid);
  g_autofree char *folder = g_build_filename (proc, pid, NULL);
  g_autofree char *exe = g_build_filename (folder, "exe", NULL);
  g_autofree char *comm = g_strconcat (process->name, "\n", NULL);
  g_autofree char *status = g_strdup_printf ("Name:\t%s\nNSpid:\t%d%s\n", process->name,
                                             process->pid, process->levels);
  g_autofree char *stat = g_strdup_printf (
      "%d (%s) S %d 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 2200 23 24\n",
      process->pid, process->name, process->parent);

  write_file (folder, "comm", comm);
  write_file (folder, "status", status);
  write_file (folder, "stat", stat);
  write_file (folder, "cmdline", process->command);
  write_place (folder);
  if (*process->executable != '\0')
    g_assert_cmpint (symlink (process->executable, exe), ==, 0);
}

static void
remove_tree (const char *path)
{
  GDir *folder
      = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  if (folder != NULL)
    g_dir_close (folder);
  g_assert_cmpint (g_remove (path), ==, 0);
}

/* --- what is found in them --- */

static char *
list_browsers (const NbFamily *family)
{
  g_autoptr (GString) list = g_string_new (NULL);

  for (guint i = 0; i < family->browsers->len; i++)
    g_string_append_printf (
        list, "%s%d", i > 0 ? " " : "",
        nb_process_get_pid (((NbBrowser *)family->browsers->pdata[i])->process));
  return g_strdup (list->str);
}

/* Two have one name. */
static const char *
name_role (NbRole role)
{
  return role == NB_ROLE_GPU_IN_APP       ? "gpu-in-app"
         : role == NB_ROLE_NETWORK_IN_APP ? "network-in-app"
                                          : nb_role_name (role);
}

static char *
list_subjects (const NbFamily *family)
{
  g_autoptr (GString) list = g_string_new (NULL);

  for (guint i = 0; i < family->subjects->len; i++)
    {
      const NbSubject *subject = family->subjects->pdata[i];
      const NbBrowser *browser = family->browsers->pdata[subject->browser];

      g_string_append_printf (list, "%s%d %s %d", i > 0 ? ", " : "",
                              nb_process_get_pid (subject->process),
                              subject->type == NB_SUBJECT_CHILD ? name_role (subject->role)
                              : subject->type == NB_SUBJECT_HELPER ? "HELPER"
                              : subject->type == NB_SUBJECT_ROUTER ? "ROUTER"
                                                                   : "STAND-IN",
                              nb_process_get_pid (browser->process));
    }
  return g_strdup (list->str);
}

static void
test_family (gconstpointer data)
{
  const FamilyCase *test = data;
  g_autofree char *proc = g_dir_make_tmp ("nb-proc-XXXXXX", NULL);
  nb_autofd fd = open (proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autoptr (NbFamily) family = NULL;
  g_autofree char *browsers = NULL, *subjects = NULL;

  write_file (proc, "uptime", "not a process");
  for (gsize i = 0; test->processes[i].pid != 0; i++)
    write_process (proc, &test->processes[i]);
  family = nb_family_find (fd, &programs);
  browsers = list_browsers (family);
  subjects = list_subjects (family);
  g_assert_cmpstr (browsers, ==, test->browsers);
  g_assert_cmpstr (subjects, ==, test->subjects);
  g_assert_cmpint (family->unreadable, ==, 0);
  g_assert_cmpuint (family->missed, ==, 0);
  g_assert_null (nb_family_lookup (family, 3));
  remove_tree (proc);
}

/* Compared with nothing, everything would be good. */
static void
test_unreadable_browser (void)
{
  static const Process processes[] = { VISIBLE };
  static const char *const needed[]
      = { "mountinfo", "net/dev", "ns/pid", "ns/net", "ns/mnt", "ns/ipc", "ns/user" };

  for (gsize i = 0; i < G_N_ELEMENTS (needed); i++)
    {
      g_autofree char *proc = g_dir_make_tmp ("nb-proc-XXXXXX", NULL);
      nb_autofd fd = open (proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      g_autofree char *path = g_build_filename (proc, "2", needed[i], NULL);
      g_autoptr (NbFamily) family = NULL;

      for (gsize j = 0; j < G_N_ELEMENTS (processes); j++)
        write_process (proc, &processes[j]);
      g_assert_cmpint (unlink (path), ==, 0);
      family = nb_family_find (fd, &programs);
      g_assert_cmpuint (family->browsers->len, ==, 0);
      g_assert_cmpuint (family->subjects->len, ==, 0);
      g_assert_cmpint (family->unreadable, ==, 2);
      remove_tree (proc);
    }
}

/* Whom nobody may look at is not left out without a word. */
static void
test_missed (void)
{
  static const Process processes[] = { VISIBLE };
  g_autofree char *proc = g_dir_make_tmp ("nb-proc-XXXXXX", NULL);
  nb_autofd fd = open (proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autoptr (NbFamily) family = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (processes); i++)
    write_process (proc, &processes[i]);
  write_file (proc, "41/status", "nothing that the kernel writes\n");
  family = nb_family_find (fd, &programs);
  g_assert_cmpuint (family->missed, ==, 1);
  g_assert_null (nb_family_lookup (family, 41));
  g_assert_nonnull (nb_family_lookup (family, 14));
  remove_tree (proc);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/find/family", family_cases, test_family);
  nb_test_add ("/find/unreadable-browser", test_unreadable_browser);
  nb_test_add ("/find/missed", test_missed);
  return g_test_run ();
}

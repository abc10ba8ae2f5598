/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the host preload does in a browser with any environment and any command line: it
 * takes out its own entries and no others, and what it executes in another's place is
 * complete. Its hooks are those of this program, which executes nothing.
 */
#include <glib.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "seccomp/confine.h"
#include "tests/fuzz/fuzz.h"

static struct
{
  const char *path;
  char *const *argv;
  char *const *envp;
} executed;
static char *executed_argv[64], *executed_envp[64];

/* What is executed is on the stack of who wants it. */
static void
copy_vector (char **to, char *const *from)
{
  size_t n = 0;

  for (; n < 63 && from[n] != NULL; n++)
    to[n] = from[n];
  to[n] = NULL;
}

/* Notes what would be executed; all else is the kernel's. */
static long
take_call (long number, ...)
{
  long words[5];
  va_list arguments;

  va_start (arguments, number);
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    words[i] = va_arg (arguments, long);
  va_end (arguments);
  if (number != SYS_execve)
    return syscall (number, words[0], words[1], words[2], words[3], words[4]);
  executed.path = (const char *)words[0];
  copy_vector (executed_argv, (char *const *)words[1]);
  copy_vector (executed_envp, (char *const *)words[2]);
  return -1;
}

/* In place of seccomp/confine.c: this process goes on. */
int
nb_confine_before_exec (NbKind kind, int *listener_out)
{
  (void)kind, (void)listener_out;
  return 0;
}

#define syscall take_call
#include "spawn/preload/helper-disguise.c"
#include "spawn/preload/host-preload.c"
#undef syscall

enum
{
  MAX_WORDS = 24,
};

/* --- the environment --- */

/* What is to be left of LD_PRELOAD; NULL: nothing. */
static char *
expect_preload (const char *list)
{
  g_auto (GStrv) words = g_strsplit_set (list != NULL ? list : "", ": ", -1);
  GString *rest = g_string_new (NULL);

  for (char **word = words; *word != NULL; word++)
    if (**word != '\0' && strcmp (*word, OWN_PATH) != 0)
      g_string_append_printf (rest, "%s%s", rest->len > 0 ? ":" : "", *word);
  return g_string_free (rest, rest->len == 0);
}

static void
check_environment (char **words)
{
  char **real = environ;
  g_autoptr (GPtrArray) expected = g_ptr_array_new ();
  g_autofree char *preload = NULL;
  size_t at = 0;

  environ = words;
  preload = expect_preload (getenv ("LD_PRELOAD"));
  for (char **word = words; *word != NULL; word++)
    if (strncmp (*word, "NESTBOX_", 8) != 0 && strncmp (*word, "LD_PRELOAD=", 11) != 0)
      g_ptr_array_add (expected, *word);
  leave_preload_list ();
  leave_environment ();
  nb_fuzz_check (g_strcmp0 (getenv ("LD_PRELOAD"), preload) == 0);
  for (char **entry = environ; *entry != NULL; entry++)
    if (strncmp (*entry, "LD_PRELOAD=", 11) != 0)
      {
        nb_fuzz_check (at < expected->len);
        nb_fuzz_check (*entry == expected->pdata[at++]);
      }
  nb_fuzz_check (at == expected->len);
  environ = real;
}

/* --- executing --- */

static void
check_vector (char *const *vector, char *const *head, char *const *rest)
{
  for (; *head != NULL; head++, vector++)
    nb_fuzz_check (*vector != NULL && strcmp (*vector, *head) == 0);
  for (; *rest != NULL; rest++, vector++)
    nb_fuzz_check (*vector == *rest);
  nb_fuzz_check (*vector == NULL);
}

static bool
starts (char *const *words, const char *with)
{
  for (; *words != NULL; words++)
    if (g_str_has_prefix (*words, with))
      return true;
  return false;
}

/* Ours last, and in place of whatever had their names. */
static void
check_zygote_environment (char **words)
{
  size_t at = 0;

  for (; *words != NULL; words++)
    if (!g_str_has_prefix (*words, "LD_PRELOAD=")
        && !g_str_has_prefix (*words, "NESTBOX_ZYGOTE="))
      nb_fuzz_check (executed_envp[at++] == *words);
  nb_fuzz_check (g_str_has_prefix (executed_envp[at++], "LD_PRELOAD=" ZYGOTE_PRELOAD));
  nb_fuzz_check (strcmp (executed_envp[at++], "NESTBOX_ZYGOTE=unsandboxed") == 0);
  nb_fuzz_check (executed_envp[at] == NULL);
}

/* `nestbox run` is told that it is a restart. */
static void
check_restart_environment (char **words)
{
  size_t at = 0;

  for (; *words != NULL; words++)
    if (!g_str_has_prefix (*words, "NESTBOX_RESTART="))
      nb_fuzz_check (executed_envp[at++] == *words);
  nb_fuzz_check (strcmp (executed_envp[at++], "NESTBOX_RESTART=1") == 0);
  nb_fuzz_check (executed_envp[at] == NULL);
}

/* A zygote that has to be sandboxed and is not given to the helper. */
static bool
is_refused (char **words)
{
  const char *const *list = (const char *const *)words;

  return g_strv_contains (list, "--type=zygote")
         && !g_strv_contains (list, "--no-zygote-sandbox")
         && !g_strv_contains (list, "--no-sandbox");
}

static void
check_refused (char **words)
{
  executed.path = NULL;
  nb_fuzz_check (execve ("/proc/self/exe", words, words) == -1);
  nb_fuzz_check (execve ("/usr/libexec/QtWebEngineProcess", words, words) == -1);
  nb_fuzz_check (executed.path == NULL);
}

/* argv[1] are options of `nestbox run`; the rest is the command line, and environment. */
static void
check_restart (char **words)
{
  static char exe[] = "/proc/self/exe";
  char *none[] = { NULL };
  g_auto (GStrv) options = g_strsplit (
      words[1] != NULL && strlen (words[1]) < sizeof self.options ? words[1] : "", "\n",
      -1);
  GPtrArray *head = g_ptr_array_new ();
  bool again;

  self.n_options = 0;
  keep_options (words[1]);
  g_ptr_array_add (head, (char *)"nestbox");
  g_ptr_array_add (head, (char *)"run");
  for (char **word = options; *word != NULL; word++)
    if (**word != '\0' && head->len < MAX_OPTIONS + 2)
      g_ptr_array_add (head, *word);
  g_ptr_array_add (head, (char *)"--");
  g_ptr_array_add (head, self.exe);
  g_ptr_array_add (head, NULL);
  again = (g_strv_contains ((const char *const *)words, "--type=relauncher")
           || !starts (words, "--type="))
          && !starts (words, "ELECTRON_RUN_AS_NODE=");
  nb_fuzz_check (execve (exe, words, words) == -1);
  nb_fuzz_check (strcmp (executed.path, again ? NB_BINDIR "/nestbox" : exe) == 0);
  if (again)
    check_vector (executed_argv, (char **)head->pdata, words + 1);
  else
    check_vector (executed_argv, none, words);
  if (!again && is_child_to_confine (words)
      && nb_kind_of_command ((const char *const *)words) == NB_KIND_UNSANDBOXED_ZYGOTE)
    check_zygote_environment (words);
  else if (again && !g_strv_contains ((const char *const *)words, "--type=relauncher"))
    check_restart_environment (words);
  else
    check_vector (executed_envp, none, words);
  (void)g_ptr_array_free (head, TRUE);
}

static void
check_helper (char **words)
{
  nb_fuzz_check (execv (nb_disguise_helper, words) == -1);
  nb_fuzz_check (strcmp (executed.path, STAND_IN) == 0);
  check_vector (executed_argv, words, words + g_strv_length (words));
  nb_fuzz_check (starts (executed_envp, "NESTBOX_BROKER=/run/x"));
  nb_fuzz_check (access ("/proc/self/exe", X_OK) == 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  NbFuzzInput input = { data, size };
  uint8_t choice = nb_fuzz_byte (&input);
  int n;
  char **words = nb_fuzz_words (&input, MAX_WORDS, &n);
  char *real[] = { NULL }, **before = environ;

  nb_fuzz_check (locate_helper ("chrome-sandbox"));
  (void)strcpy (self.broker, "NESTBOX_BROKER=/run/x");
  self.debug[0] = '\0';
  self.watched = false;
  environ = real;
  if (choice % 3 == 0)
    check_environment (words + 1);
  else if (choice % 3 == 1 && is_refused (words))
    check_refused (words);
  else if (choice % 3 == 1)
    check_restart (words);
  else
    check_helper (words);
  environ = before;
  free (words);
  return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox policy: what the base filter of a kind denies, for people (the table), for
 * libseccomp's friends (pseudo filter code) and for the kernel (the program that ships).
 */
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy-texts.h"
#include "seccomp/policy.h"
#include "seccomp/programs.h"
#include "spawn/base/log.h"
#include "spawn/base/macros.h"
#include "spawn/tool/commands.h"

static void
print_row (const NbPolicyRule *rule, int number)
{
  const char *condition = rule->condition.type == NB_IF_ALWAYS ? "" : rule->condition_text;

  (void)printf ("  %-24s %5d  %-14s %-42s %s\n", rule->call, number,
                strerrorname_np (rule->error), condition, rule->reason);
}

/* A group's heading is printed with the first of its rows. */
static int
print_table (NbKind kind)
{
  const NbPolicyRule *group = NULL;

  (void)printf ("Kind %s: allowed is what no row names. Numbers are this machine's.\n",
                nb_kind_name (kind));
  for (gsize i = 0; i < nb_n_policy_rules; i++)
    {
      const NbPolicyRule *rule = &nb_policy_rules[i];

      if (rule->call == NULL)
        group = rule;
      if (!nb_policy_rule_applies (rule, kind) || nb_policy_numbers[i] < 0)
        continue;
      if (group != NULL)
        (void)printf ("\n%s: %s\n", group->condition_text, group->reason);
      group = NULL;
      print_row (rule, nb_policy_numbers[i]);
    }
  return printf (
             "\nEvery number above %u: ENOSYS. Other architectures, 32-bit entries: the "
             "process is killed.\n",
             nb_policy_newest)
         < 0;
}

static int
print_pfc (NbKind kind)
{
  return fputs (nb_policy_texts[kind], stdout) < 0;
}

/* struct sock_filter, as bwrap --seccomp and scmp_bpf_disasm take it. */
static int
print_bpf (NbKind kind)
{
  const NbProgram *program = &nb_policy_programs[kind];

  if (isatty (STDOUT_FILENO))
    {
      nb_log_error ("the program is binary: nestbox policy %s --format=bpf >FILE",
                    nb_kind_name (kind));
      return NB_EXIT_USAGE;
    }
  return fwrite (program->instructions, sizeof *program->instructions, program->n, stdout)
         != program->n;
}

static const struct
{
  const char *name;
  int (*print) (NbKind kind);
} formats[] = { { "table", print_table }, { "pfc", print_pfc }, { "bpf", print_bpf } };

static void
add_kinds (GOptionContext *context)
{
  g_autoptr (GString) text = g_string_new ("Kinds:");

  for (NbKind kind = NB_KIND_NONE; kind < NB_N_KINDS; kind++)
    g_string_append_printf (text, " %s", nb_kind_name (kind));
  g_option_context_set_summary (
      context, "Prints what the base filter of a kind of child denies, and why.");
  g_string_append_c (text, '\n');
  g_option_context_set_description (context, text->str);
}

static gboolean
parse (int argc, char **argv, NbKind *kind, gsize *format, GError **error)
{
  g_autofree char *name = NULL;
  const GOptionEntry entries[] = {
    { "format", 0, 0, G_OPTION_ARG_STRING, &name,
      "table, pfc (libseccomp's notation) or bpf (the program)", "FORMAT" },
    { 0 },
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("KIND");

  g_set_prgname ("nestbox policy");
  g_option_context_add_main_entries (context, entries, NULL);
  add_kinds (context);
  if (!g_option_context_parse (context, &argc, &argv, error))
    return FALSE;
  *format = 0;
  while (name != NULL && *format < NB_ARRAY_SIZE (formats)
         && !g_str_equal (name, formats[*format].name))
    ++*format;
  if (*format < NB_ARRAY_SIZE (formats) && argc == 2 && nb_kind_parse (argv[1], kind))
    return TRUE;
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                       argc != 2 ? "one kind is wanted: see nestbox policy --help"
                       : *format == NB_ARRAY_SIZE (formats)
                           ? "--format is one of table, pfc, bpf"
                           : "there is no such kind: see nestbox policy --help");
  return FALSE;
}

int
nb_command_policy (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  NbKind kind = NB_KIND_NONE;
  gsize format = 0;

  if (parse (argc, argv, &kind, &format, &error))
    return formats[format].print (kind);
  nb_log_error ("%s", error->message);
  return NB_EXIT_USAGE;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Build-time tool: compiles the policies and the path wall with libseccomp and prints
 * them as C arrays of BPF instructions for every architecture that nestbox supports, and
 * as libseccomp's text. At run time programs are only attached (seccomp/apply.c):
 * libseccomp allocates, and must not run after fork().
 *
 * Only masked comparisons and lone "not equal" ones are used, and one "greater or equal"
 * for socket families: libseccomp up to 2.6.1 makes wrong code for other combinations.
 * What comes out is compared with the table, instruction by instruction, by the tests.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "seccomp/policy.h"
#include "seccomp/squeeze.h"
#include "spawn/base/macros.h"

#define X32_BIT 0x40000000U /* asm/unistd.h, __X32_SYSCALL_BIT */

enum
{
  MAX_BY_NUMBER = 32,
  MAX_FAMILIES = 64,
};

/* A call without a name in libseccomp, which refuses it for a foreign architecture. */
typedef struct
{
  uint32_t number;
  int error;
} ByNumber;

typedef struct
{
  scmp_filter_ctx filter;
  uint32_t architecture; /* libseccomp's token, which is the kernel's AUDIT_ARCH_… */
  size_t n_by_number;
  ByNumber by_number[MAX_BY_NUMBER];
} Program;

static const struct
{
  uint32_t token;
  const char *macro; /* that the compiler defines for it */
  const char *name;
} architectures[] = {
  { SCMP_ARCH_X86_64, "__x86_64__", "x86_64" },
  { SCMP_ARCH_AARCH64, "__aarch64__", "aarch64" },
};

/* The path wall's table, in the same form. */
static const NbPolicyRule path_wall[] = {
#define DENY(name, error_value, why)                                                       \
  { .call = #name, .number = -1, .error = error_value, .reason = why },
#define DENY_NUMBER(value, name, error_value, why)                                         \
  { .call = #name, .number = value, .error = error_value, .reason = why },
#include "seccomp/path-wall.def"
};

static void
check (int result, const char *what)
{
  if (result >= 0)
    return;
  (void)fprintf (stderr, "seccomp: %s: error %d\n", what, -result);
  exit (1);
}

/*
 * An unknown name is a typing error. A name that only another architecture has resolves
 * to a negative number, which libseccomp accepts and never matches: -1 here.
 */
static int
resolve (uint32_t token, const NbPolicyRule *rule)
{
  int number = rule->number;

  if (number >= 0)
    return number;
  number = seccomp_syscall_resolve_name_arch (token, rule->call);
  if (number == __NR_SCMP_ERROR)
    check (-ENOSYS, rule->call);
  return number < 0 ? -1 : number;
}

/* --- the rules of one program --- */

static void
add (Program *program, const NbPolicyRule *rule, int number, unsigned n_comparisons,
     struct scmp_arg_cmp comparison)
{
  check (seccomp_rule_add_array (program->filter, SCMP_ACT_ERRNO ((uint32_t)rule->error),
                                 number, n_comparisons, &comparison),
         rule->call);
}

/* Each smaller family by its value, everything above the largest by one comparison. */
static void
add_families (Program *program, const NbPolicyRule *rule, int number)
{
  unsigned above = MAX_FAMILIES;

  while (above > 0 && (rule->condition.mask >> (above - 1) & 1) == 0)
    above--;
  for (unsigned family = 0; family < above; family++)
    if ((rule->condition.mask >> family & 1) == 0)
      add (program, rule, number, 1, SCMP_A0 (SCMP_CMP_MASKED_EQ, 0xffffffffU, family));
  add (program, rule, number, 1, SCMP_A0 (SCMP_CMP_GE, above));
}

static void
add_by_number (Program *program, const NbPolicyRule *rule)
{
  if (program->n_by_number == MAX_BY_NUMBER || rule->condition.type != NB_IF_ALWAYS)
    check (-E2BIG, rule->call);
  program->by_number[program->n_by_number++]
      = (ByNumber){ (uint32_t)rule->number, rule->error };
}

static void
add_rule (Program *program, const NbPolicyRule *rule)
{
  const NbCondition *condition = &rule->condition;
  /* libseccomp takes its own architecture's number, and finds the filter's by the name. */
  int number = seccomp_syscall_resolve_name (rule->call);

  if (rule->number >= 0)
    add_by_number (program, rule);
  else if (resolve (program->architecture, rule) < 0)
    return;
  else if (condition->type == NB_IF_FAMILY_NOT_IN)
    add_families (program, rule, number);
  else if (condition->type == NB_IF_MASKED)
    add (program, rule, number, 1,
         SCMP_CMP (condition->argument, SCMP_CMP_MASKED_EQ, condition->mask,
                   condition->value));
  else if (condition->type == NB_IF_NOT_ZERO)
    add (program, rule, number, 1, SCMP_CMP (condition->argument, SCMP_CMP_NE, 0));
  else
    add (program, rule, number, 0, (struct scmp_arg_cmp){ 0 });
}

static void
program_init (Program *program, uint32_t architecture)
{
  *program = (Program){ .architecture = architecture };
  program->filter = seccomp_init (SCMP_ACT_ALLOW);
  check (program->filter == NULL ? -ENOMEM : 0, "seccomp_init");
  check (seccomp_arch_remove (program->filter, SCMP_ARCH_NATIVE), "seccomp_arch_remove");
  check (seccomp_arch_add (program->filter, architecture), "seccomp_arch_add");
  /* Foreign and 32-bit entry points would be ways around every rule. */
  check (seccomp_attr_set (program->filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS),
         "bad architecture action");
  check (seccomp_attr_set (program->filter, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimisation");
}

/* --- printing --- */

/* What is to be printed. */
static struct sock_filter code[BPF_MAXINSNS];
static size_t n_code;

static void
add_instruction (unsigned short what, size_t jump_true, size_t jump_false, uint32_t k)
{
  check (jump_true > UINT8_MAX || jump_false > UINT8_MAX || n_code == BPF_MAXINSNS ? -E2BIG
                                                                                   : 0,
         "instruction");
  code[n_code++] = (struct sock_filter){ what, (uint8_t)jump_true, (uint8_t)jump_false, k };
}

static uint32_t
lowest_by_number (const Program *program)
{
  uint32_t lowest = nb_policy_newest;

  for (size_t i = 0; i < program->n_by_number; i++)
    if (program->by_number[i].number < lowest)
      lowest = program->by_number[i].number;
  return lowest;
}

/*
 * How many instructions libseccomp's program begins with that tell nothing new of an own
 * call with a number that is none of x32's, and which is in the accumulator.
 */
static size_t
count_known (const Program *program, const struct sock_filter *filter, size_t n)
{
  size_t at = 0, known = 0;

  while (at < n)
    {
      const struct sock_filter *next = &filter[at];

      if (next->code == (BPF_LD | BPF_W | BPF_ABS)
          && next->k == offsetof (struct seccomp_data, nr))
        known = ++at;
      else if (next->code == (BPF_LD | BPF_W | BPF_ABS) && at + 1 < n
               && next->k == offsetof (struct seccomp_data, arch)
               && next[1].code == (BPF_JMP | BPF_JEQ | BPF_K)
               && next[1].k == program->architecture)
        at += 2 + (size_t)next[1].jt;
      else if (next->code == (BPF_JMP | BPF_JGE | BPF_K) && next->k == X32_BIT)
        at += 1 + (size_t)next->jf;
      else
        break;
    }
  return known == at ? known : 0;
}

/*
 * What libseccomp cannot say, in front of its program: numbers without a name, and every
 * number that is too new. Foreign architectures, x32 numbers and -1 (a tracer's "skip
 * this call") fall through to libseccomp's part, of which the first instructions are
 * known by then to all others.
 */
static void
add_prologue (const Program *program, size_t known)
{
  size_t n = program->n_by_number;
  /* Places of instructions; a jump's distance counts from the one after it. */
  size_t tests = 6, skip = tests + n, answers = skip + 1, too_new = answers + n;
  size_t rest = too_new + 1;

  add_instruction (BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof (struct seccomp_data, arch));
  add_instruction (BPF_JMP | BPF_JEQ | BPF_K, 0, rest - 2, program->architecture);
  add_instruction (BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof (struct seccomp_data, nr));
  /* Nearly all calls go on here: attaching runs the program once for each number. */
  add_instruction (BPF_JMP | BPF_JGE | BPF_K, 0, rest - 4 + known,
                   lowest_by_number (program));
  add_instruction (BPF_JMP | BPF_JSET | BPF_K, rest - 5, 0, X32_BIT);
  add_instruction (BPF_JMP | BPF_JGT | BPF_K, too_new - tests, 0, nb_policy_newest);
  for (size_t i = n; i-- > 0;) /* downwards, as libseccomp has it */
    add_instruction (BPF_JMP | BPF_JEQ | BPF_K, 2 * i + 1, 0, program->by_number[i].number);
  add_instruction (BPF_JMP | BPF_JA, 0, 0, (uint32_t)(rest - answers));
  for (size_t i = 0; i < n; i++)
    add_instruction (BPF_RET | BPF_K, 0, 0,
                     SECCOMP_RET_ERRNO | (uint32_t)program->by_number[i].error);
  add_instruction (BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS);
}

static void
print_program (const Program *program, const char *architecture, const char *name)
{
  static struct sock_filter filter[BPF_MAXINSNS];
  int fd = memfd_create ("bpf", MFD_CLOEXEC);
  ssize_t size;
  size_t n;

  check (fd < 0 ? -errno : 0, "memfd_create");
  check (seccomp_export_bpf (program->filter, fd), "seccomp_export_bpf");
  check (lseek (fd, 0, SEEK_SET) < 0 ? -errno : 0, "lseek");
  size = read (fd, filter, sizeof filter);
  check (size < 0 ? -errno : 0, "read");
  n = (size_t)size / sizeof *filter;
  n_code = 0;
  add_prologue (program, count_known (program, filter, n));
  for (size_t i = 0; i < n; i++)
    add_instruction (filter[i].code, filter[i].jt, filter[i].jf, filter[i].k);
  n_code = nb_squeeze (code, n_code);
  check (n_code == 0 ? -E2BIG : 0, "squeezing");
  printf ("static const struct sock_filter %s_%s[] = {\n", architecture, name);
  for (size_t i = 0; i < n_code; i++)
    printf ("  { 0x%04x, %d, %d, 0x%08xU },\n", code[i].code, code[i].jt, code[i].jf,
            code[i].k);
  printf ("};\n");
  (void)close (fd);
}

/* "unsandboxed-zygote" as an identifier. */
static const char *
identifier (NbKind kind)
{
  static char name[64];

  (void)snprintf (name, sizeof name, "%s", nb_kind_name (kind));
  for (char *at = name; *at != '\0'; at++)
    if (*at == '-')
      *at = '_';
  return name;
}

static void
compile_policy (Program *program, uint32_t architecture, NbKind kind)
{
  program_init (program, architecture);
  for (size_t i = 0; i < nb_n_policy_rules; i++)
    if (nb_policy_rule_applies (&nb_policy_rules[i], kind))
      add_rule (program, &nb_policy_rules[i]);
}

static void
print_numbers (uint32_t token, const char *name)
{
  printf ("static const int16_t %s_numbers[] = {", name);
  for (size_t i = 0; i < nb_n_policy_rules; i++)
    printf ("%s%d,", i % 16 == 0 ? "\n  " : " ",
            nb_policy_rules[i].call == NULL ? -1 : resolve (token, &nb_policy_rules[i]));
  printf ("\n};\n");
}

static void
print_programs (void)
{
  Program program;

  printf (
      "/* Made by seccomp/compile-main.c from seccomp/policy.def and path-wall.def. */\n"
      "#include <linux/filter.h>\n#include <stdint.h>\n");
  for (size_t i = 0; i < NB_ARRAY_SIZE (architectures); i++)
    {
      uint32_t token = architectures[i].token;

      printf ("#if defined(%s) || defined(NB_ALL_ARCHITECTURES)\n", architectures[i].macro);
      print_numbers (token, architectures[i].name);
      for (NbKind kind = NB_KIND_NONE; kind < NB_N_KINDS; kind++)
        {
          compile_policy (&program, token, kind);
          print_program (&program, architectures[i].name, identifier (kind));
          seccomp_release (program.filter);
        }
      program_init (&program, token);
      for (size_t rule = 0; rule < NB_ARRAY_SIZE (path_wall); rule++)
        add_rule (&program, &path_wall[rule]);
      print_program (&program, architectures[i].name, "path_wall");
      seccomp_release (program.filter);
      printf ("#endif\n");
    }
}

/* --- the policies as text --- */

static void
print_prologue_text (const Program *program)
{
  printf (
      "# in front of libseccomp's filter: numbers without a name, and too new ones\\n\"\n"
      "  \"if ($arch == %u)\\n\"\n",
      program->architecture);
  for (size_t i = 0; i < program->n_by_number; i++)
    printf ("  \"  if ($syscall == %u)\\n\"\n  \"    action ERRNO(%d);\\n\"\n",
            program->by_number[i].number, program->by_number[i].error);
  printf ("  \"  if ($syscall > %u and $syscall < 1073741824)\\n\"\n"
          "  \"    action ERRNO(%d);\\n\"\n  \"",
          nb_policy_newest, ENOSYS);
}

/* libseccomp's own notation, which has quotation marks in its comments. */
static void
print_text (NbKind kind)
{
  Program program;
  FILE *text = fdopen (memfd_create ("pfc", MFD_CLOEXEC), "w+e");

  check (text == NULL ? -errno : 0, "memfd_create");
  compile_policy (&program, seccomp_arch_native (), kind);
  check (seccomp_export_pfc (program.filter, fileno (text)), "seccomp_export_pfc");
  rewind (text);
  printf ("  \"");
  print_prologue_text (&program);
  for (int character = fgetc (text); character != EOF; character = fgetc (text))
    if (character == '\n')
      printf ("\\n\"\n  \"");
    else
      printf (character == '"' ? "\\%c" : "%c", character);
  printf ("\",\n");
  (void)fclose (text);
  seccomp_release (program.filter);
}

static void
print_texts (void)
{
  printf ("/* Made by seccomp/compile-main.c from seccomp/policy.def. */\n"
          "static const char *const nb_policy_texts[] = {\n");
  for (NbKind kind = NB_KIND_NONE; kind < NB_N_KINDS; kind++)
    print_text (kind);
  printf ("};\n");
}

int
main (int argc, char **argv)
{
  if (argc == 2 && strcmp (argv[1], "--texts") == 0)
    print_texts ();
  else if (argc == 1)
    print_programs ();
  else
    return 2;
  return ferror (stdout) != 0;
}

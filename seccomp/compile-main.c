/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Build-time tool: compiles a policy table with libseccomp and prints it as a C array of
 * BPF instructions for every architecture nestbox supports. At run time a filter is only
 * attached (seccomp/apply.c): libseccomp allocates, and must not run after fork().
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "spawn/base/macros.h"

typedef struct
{
  const char *name; /* NULL: by number */
  int number;
  int error;
} Rule;

static const Rule path_wall[] = {
#define DENY(call, error, reason) { #call, 0, error },
#define DENY_NUMBER(number, error, reason) { NULL, number, error },
#include "seccomp/path-wall.def"
};

static const struct
{
  uint32_t token;
  const char *macro; /* that the compiler defines for it */
} architectures[] = {
  { SCMP_ARCH_X86_64, "__x86_64__" },
  { SCMP_ARCH_AARCH64, "__aarch64__" },
};

static void
check (int result, const char *what)
{
  if (result >= 0)
    return;
  fprintf (stderr, "seccomp: %s: error %d\n", what, -result);
  exit (1);
}

/* An unknown name is a typing error; a name that another architecture has is left out. */
static void
add_rule (scmp_filter_ctx filter, uint32_t token, const Rule *rule)
{
  int number = rule->number;

  if (rule->name != NULL)
    {
      number = seccomp_syscall_resolve_name_arch (token, rule->name);
      if (number == __NR_SCMP_ERROR)
        check (-ENOSYS, rule->name);
      if (number < 0)
        return;
    }
  check (seccomp_rule_add (filter, SCMP_ACT_ERRNO ((uint32_t)rule->error), number, 0),
         rule->name != NULL ? rule->name : "rule by number");
}

static void
print_program (scmp_filter_ctx filter, const char *macro)
{
  struct sock_filter instruction;
  int fd = memfd_create ("bpf", MFD_CLOEXEC);

  check (fd < 0 ? -errno : 0, "memfd_create");
  check (seccomp_export_bpf (filter, fd), "seccomp_export_bpf");
  check (lseek (fd, 0, SEEK_SET) < 0 ? -errno : 0, "lseek");
  printf ("#ifdef %s\nstatic const struct sock_filter nb_path_wall[] = {\n", macro);
  while (read (fd, &instruction, sizeof instruction) == sizeof instruction)
    printf ("  { 0x%04x, %u, %u, 0x%08xU },\n", instruction.code, instruction.jt,
            instruction.jf, instruction.k);
  printf ("};\n#endif\n");
  (void)close (fd);
}

int
main (void)
{
  printf ("/* Made from seccomp/path-wall.def by seccomp/compile-main.c. */\n"
          "#include <linux/filter.h>\n");
  for (size_t i = 0; i < NB_ARRAY_SIZE (architectures); i++)
    {
      scmp_filter_ctx filter = seccomp_init (SCMP_ACT_ALLOW);

      check (filter == NULL ? -ENOMEM : 0, "seccomp_init");
      check (seccomp_arch_remove (filter, SCMP_ARCH_NATIVE), "seccomp_arch_remove");
      check (seccomp_arch_add (filter, architectures[i].token), "seccomp_arch_add");
      /* Foreign and 32-bit entry points would be ways around every rule. */
      check (seccomp_attr_set (filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS),
             "bad architecture action");
      check (seccomp_attr_set (filter, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimisation");
      for (size_t rule = 0; rule < NB_ARRAY_SIZE (path_wall); rule++)
        add_rule (filter, architectures[i].token, &path_wall[rule]);
      print_program (filter, architectures[i].macro);
      seccomp_release (filter);
    }
  return ferror (stdout) != 0;
}

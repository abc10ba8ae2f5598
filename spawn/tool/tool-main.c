/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nestbox-tool: what `nestbox` executes for every command but `nestbox run`, whose place
 * is spawn/run.
 */
#include <glib.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "spawn/base/log.h"
#include "spawn/base/macros.h"
#include "spawn/tool/commands.h"

static const char usage[]
    = "Usage: nestbox run [OPTION…] -- BROWSER [ARGUMENT…]\n"
      "       nestbox doctor [--json] [BROWSER]\n"
      "       nestbox policy KIND [--format=table|pfc|bpf]\n"
      "       nestbox audit [--json] PID|--all\n"
      "       nestbox ps [--json|--watch]\n"
      "       nestbox trace [--json] [--watch] [FILE]\n"
      "       nestbox identify [--json] --pid=PID|--fd=N\n"
      "       nestbox spawn [--bus-policy=FILE] [--kind=KIND] -- PROGRAM [ARGUMENT…]\n"
      "       nestbox bus-gate [--check] [--app=ID] POLICY\n"
      "       nestbox [COMMAND] --help | --version\n"
      "\n"
      "Gives Chromium-family browsers a real sandbox inside Flatpak.\n"
      "\n"
      "  run       start a browser with its zygote in a sub-sandbox of its own\n"
      "  doctor    say what works here, measured, and what to do about the rest\n"
      "  policy    print what the base filter of a kind of child denies\n"
      "  audit     say what confines the children of a running browser, measured\n"
      "  ps        list running browsers, their sub-sandboxes and children\n"
      "  trace     print the messages recorded of a browser, decoded\n"
      "  identify  say which child a process, or the peer of a socket, is\n"
      "  spawn     run a program of the app in a sub-sandbox\n"
      "  bus-gate  say what a policy gives a child on the session bus\n"
      "\n"
      "`nestbox COMMAND --help` lists the options of a command. Manual: nestbox(1).\n";

static const struct
{
  const char *name;
  int (*run) (int argc, char **argv);
} commands[] = {
  { "doctor", nb_command_doctor },   { "policy", nb_command_policy },
  { "audit", nb_command_audit },     { "ps", nb_command_ps },
  { "trace", nb_command_trace },     { "identify", nb_command_identify },
  { "spawn", nb_command_spawn },     { "bus-gate", nb_command_bus_gate },
  { "restart", nb_command_restart },
};

static int
print_version (void)
{
  return printf ("nestbox %s\n", NB_VERSION) < 0;
}

int
main (int argc, char **argv)
{
  const char *name = argc > 1 ? argv[1] : "";

  (void)setlocale (LC_ALL, "");
  if (!nb_log_init (g_getenv ("NESTBOX_DEBUG")))
    nb_log_error (NB_LOG_USAGE);
  for (gsize i = 0; i < NB_ARRAY_SIZE (commands); i++)
    if (strcmp (name, commands[i].name) == 0)
      return argc == 3 && strcmp (argv[2], "--version") == 0
                 ? print_version ()
                 : commands[i].run (argc - 1, argv + 1);
  if (strcmp (name, "--help") == 0 || strcmp (name, "-h") == 0)
    return fputs (usage, stdout) < 0;
  if (strcmp (name, "--version") == 0)
    return print_version ();
  (void)fputs (usage, stderr);
  return NB_EXIT_USAGE;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program in the zygote's place: tries what a page that took over its process would
 * try, before and after the chroot step and in a fork, and prints one line for each:
 *
 *     STAGE ATTEMPT = ok | errno name
 *
 * --file=PATH is one more file to read, and to write. The attempts before the chroot step
 * show that they work without the wall; those on the network and the buses must fail at
 * every stage.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum
{
  CONTROL_FD = 3, /* Chromium: content_descriptors.h, kZygoteSocketPairFd */
};

static void
report (const char *stage, const char *attempt, int result)
{
  int error = errno;

  (void)printf ("%s %s = %s\n", stage, attempt,
                result >= 0 ? "ok" : strerrorname_np (error));
  (void)fflush (stdout);
}

static void
try_open (const char *stage, const char *path, int flags)
{
  int fd = open (path, flags | O_CLOEXEC, 0600);

  report (stage, path, fd);
  if (fd >= 0)
    (void)close (fd);
}

static char *const *arguments;

/* What "--file=" names, for reading and then for writing. */
static void
try_named_files (const char *stage)
{
  for (char *const *word = arguments; *word != NULL; word++)
    if (strncmp (*word, "--file=", strlen ("--file=")) == 0)
      {
        try_open (stage, *word + strlen ("--file="), O_RDONLY);
        report (stage, "writing it", open (*word + strlen ("--file="), O_WRONLY));
      }
}

static void
try_files (const char *stage)
{
  const char *home = getenv ("HOME");

  try_named_files (stage);

  try_open (stage, "/proc/self/exe", O_RDONLY);
  try_open (stage, "/app", O_RDONLY | O_DIRECTORY);
  try_open (stage, "/app/bin/nestbox", O_RDONLY);
  try_open (stage, "/usr", O_RDONLY | O_DIRECTORY);
  try_open (stage, "/usr/bin/sh", O_RDONLY);
  try_open (stage, "/etc/passwd", O_RDONLY);
  try_open (stage, "/", O_RDONLY | O_DIRECTORY);
  try_open (stage, "/.flatpak-info", O_RDONLY);
  try_open (stage, "/tmp/probe", O_WRONLY | O_CREAT);
  if (home != NULL)
    try_open (stage, home, O_RDONLY | O_DIRECTORY);
}

static void
try_exec (const char *stage)
{
  int status = 0;
  pid_t pid = fork ();

  if (pid == 0)
    {
      execl ("/usr/bin/true", "true", (char *)NULL);
      _exit (errno);
    }
  (void)waitpid (pid, &status, 0);
  errno = WEXITSTATUS (status);
  report (stage, "execute", errno == 0 ? 0 : -1);
}

/* Besides the loopback; -1 when the list cannot be read. */
static int
count_interfaces (void)
{
  FILE *list = fopen ("/proc/self/net/dev", "re");
  char line[256];
  int count = 0;

  if (list == NULL)
    return -1;
  while (fgets (line, sizeof line, list) != NULL)
    count += strchr (line, ':') != NULL && strstr (line, " lo:") == NULL;
  (void)fclose (list);
  return count;
}

static void
try_network (const char *stage)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (9) };
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  (void)inet_pton (AF_INET, "192.0.2.1", &address.sin_addr);
  report (stage, "route",
          fd < 0 ? -1 : connect (fd, (struct sockaddr *)&address, sizeof address));
  (void)printf ("%s interfaces = %d\n", stage, count_interfaces ());
  (void)close (fd);
}

static void
try_bus (const char *stage, const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  report (stage, "socket of a bus", fd);
  report (stage, path, access (path, F_OK));
  if (fd < 0)
    return;
  (void)snprintf (address.sun_path, sizeof address.sun_path, "%s", path);
  report (stage, "connection to a bus",
          connect (fd, (struct sockaddr *)&address, sizeof address));
  (void)close (fd);
}

static void
try_buses (const char *stage)
{
  char path[128];

  try_bus (stage, "/run/flatpak/bus");
  try_bus (stage, "/run/dbus/system_bus_socket");
  (void)snprintf (path, sizeof path, "/run/user/%d/bus", (int)getuid ());
  try_bus (stage, path);
}

static void
show_environment (void)
{
  extern char **environ;

  for (char **entry = environ; *entry != NULL; entry++)
    (void)printf ("environment %s\n", *entry);
}

static void
show_fds (void)
{
  DIR *list = opendir ("/proc/self/fd");
  struct dirent *entry;

  while (list != NULL && (entry = readdir (list)) != NULL)
    {
      char path[300], target[256] = { 0 };

      (void)snprintf (path, sizeof path, "/proc/self/fd/%s", entry->d_name);
      if (entry->d_name[0] != '.' && atoi (entry->d_name) != dirfd (list)
          && readlink (path, target, sizeof target - 1) > 0)
        (void)printf ("fd %s = %s\n", entry->d_name, target);
    }
  if (list != NULL)
    (void)closedir (list);
}

/* As Chromium's setuid_sandbox_client.cc: ChrootMe, then the check of the namespace. */
static int
enter_chroot (void)
{
  const char *fd = getenv ("SBX_D"), *helper = getenv ("SBX_HELPER_PID");
  char answer = '\0';

  if (fd == NULL || helper == NULL || write (atoi (fd), "C", 1) != 1
      || waitpid (atoi (helper), NULL, 0) < 0 || read (atoi (fd), &answer, 1) != 1)
    return 0;
  (void)printf ("chroot answer = %c\npid checks = %d", answer, getpid () == 1);
  (void)printf (" %d\n", getpid () == 1);
  return answer == 'O';
}

static void
try_as_child (void)
{
  pid_t sibling = fork (), attacker;

  if (sibling == 0)
    {
      (void)pause ();
      _exit (0);
    }
  attacker = fork ();
  if (attacker == 0)
    {
      try_files ("child");
      report ("child", "signal sibling", kill (sibling, 0));
      report ("child", "signal parent", kill (getppid (), 0));
      _exit (0);
    }
  (void)waitpid (attacker, NULL, 0);
  (void)kill (sibling, SIGKILL);
  (void)waitpid (sibling, NULL, 0);
}

/* QtWebEngine starts its other zygote as the same program, which then has to stay. */
static bool
is_unsandboxed (char *const *argv)
{
  for (; *argv != NULL; argv++)
    if (strcmp (*argv, "--no-zygote-sandbox") == 0)
      return true;
  return false;
}

/* As a zygote does. QtWebEngine would end with us, before our last words are passed on. */
static int
stay_until_the_browser_ends (void)
{
  char command[256];

  while (read (CONTROL_FD, command, sizeof command) > 0)
    ;
  return 0;
}

int
main (int argc, char **argv)
{
  (void)argc;
  arguments = argv;
  if (is_unsandboxed (argv))
    return stay_until_the_browser_ends ();
  show_environment ();
  show_fds ();
  try_files ("before");
  try_exec ("before");
  try_network ("before");
  try_buses ("before");
  if (!enter_chroot ())
    {
      (void)printf ("no chroot\n");
      return 4;
    }
  try_files ("after");
  try_exec ("after");
  try_network ("after");
  try_as_child ();
  (void)printf ("done\n");
  (void)fflush (stdout);
  if (getenv ("QTWEBENGINE_CHROMIUM_FLAGS") != NULL)
    return stay_until_the_browser_ends ();
  return 0;
}

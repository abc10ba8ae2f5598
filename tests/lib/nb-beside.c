/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lib/nb-beside.h"

#include <unistd.h>

#include "spawn/base/fd.h"
#include "tests/lib/nb-test.h"

typedef struct
{
  const NbTestBeside *beside;
  const char *path;
} Start;

gboolean
nb_test_is_beside (void)
{
  return g_getenv ("NESTBOX_TEST_BESIDE") != NULL;
}

static void
become (gconstpointer data)
{
  const Start *start = data;
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  char *argv[] = { program, (char *)"-p", (char *)start->path, NULL };

  nb_test_child_check (dup2 (start->beside->output, STDOUT_FILENO) >= 0
                       && dup2 (start->beside->output, STDERR_FILENO) >= 0);
  (void)g_setenv ("NESTBOX_TEST_BESIDE", "1", TRUE);
  execv (program, argv);
  nb_test_child_verify (FALSE, __FILE__, __LINE__, start->path);
}

void
nb_test_beside_start (NbTestBeside *beside, const char *path)
{
  Start start = { .beside = beside, .path = path };

  beside->output = nb_test_text_file ("");
  beside->process = nb_test_fork_beside (become, &start);
}

/* One that was started before the tests keeps its file: each leaves what it found open. */
void
nb_test_beside_finish (NbTestBeside *beside, const char *path)
{
  gboolean is_started = beside->process > 0;
  g_autofree char *printed = NULL;
  int wait_status;

  if (!is_started)
    nb_test_beside_start (beside, path);
  wait_status = nb_test_wait_beside (beside->process);
  g_assert_cmpint (lseek (beside->output, 0, SEEK_SET), ==, 0);
  printed = nb_test_read_all (nb_fd_dup (beside->output, STDERR_FILENO + 1));
  if (wait_status != 0)
    g_error ("wait status 0x%x, \"%s\"", (guint)wait_status, printed);
  if (!is_started)
    nb_fd_clear (&beside->output);
}

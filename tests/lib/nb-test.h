/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every test of nestbox has around it: after each one the same descriptors are open
 * as before, and no child is left. Nothing here sleeps: tests wait for events, and a
 * deadline makes a missing one a failure.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Long enough for a loaded machine, short enough to be waited for. */
#define NB_TEST_DEADLINE_MS 20000

/* As g_test_init(); a program that hangs all the same is ended by an alarm. */
void nb_test_init (int *argc, char ***argv);

/* For programs that use GIO: it opens descriptors of its own at first use, and keeps them.
 */
void nb_test_warm_up_gio (void);

/* As g_test_add_func(), with the checks of descriptors and children around it. */
void nb_test_add (const char *path, void (*test) (void));

/* As g_test_add_data_func(), for row name of a table: the path is "path/name". */
void nb_test_add_case (const char *path, const char *name, gconstpointer data,
                       void (*test) (gconstpointer data));

/* As g_assert_cmpmem(), which -Wconversion does not like. */
#define nb_test_assert_bytes(first, first_size, second, second_size)                       \
  nb_test_compare_bytes ((first), (first_size), (second), (second_size), __FILE__, __LINE__)
void nb_test_compare_bytes (const void *first, size_t first_size, const void *second,
                            size_t second_size, const char *file, int line);

/* Whether fd gets readable (or ends) within this time. */
bool nb_test_is_readable_within (int fd, unsigned milliseconds);

/* Fails the test unless fd gets readable (or ends) before the deadline. */
void nb_test_wait_readable (int fd);

/* Whether fd is readable right now. */
bool nb_test_is_readable (int fd);

/* All that can be read until end of file, NUL-terminated; takes over fd. */
char *nb_test_read_all (int fd);

/* The child's wait status; the test fails when it does not end before the deadline. */
int nb_test_wait (pid_t pid);

/* Forks; the child runs body and ends with status 0, or with the test. Its pid. */
pid_t nb_test_fork (void (*body) (gconstpointer data), gconstpointer data);

/*
 * The same, for one that runs beside the tests until nb_test_wait_beside() has been called,
 * and that no test is asked about.
 */
pid_t nb_test_fork_beside (void (*body) (gconstpointer data), gconstpointer data);

/* Its wait status; the deadline is that of the whole program. */
int nb_test_wait_beside (pid_t pid);

/* Runs body in a child of its own; the test fails unless body returns. */
void nb_test_in_child (void (*body) (gconstpointer data), gconstpointer data);

/* In a child that does not return: what it did so far counts for coverage. */
void nb_test_child_count (void);

/* In such a child: root becomes an ordinary user, for good. */
void nb_test_child_drop_root (void);

/* In such a child, where an assertion of GLib would speak on the test's own output. */
#define nb_test_child_check(condition)                                                     \
  nb_test_child_verify ((condition), __FILE__, __LINE__, #condition)
void nb_test_child_verify (bool holds, const char *file, int line, const char *condition);

/* How many processes have this parent, zombies included. */
unsigned nb_test_count_children (pid_t parent);

/* An anonymous file with this text, close-on-exec, at its beginning. */
int nb_test_text_file (const char *text);

/* Where a file of tests/data is; NESTBOX_TEST_SOURCE names the source tree, default ".". */
char *nb_test_data_path (const char *name);

/* Adds a test for each row of a table whose rows have a name. */
#define nb_test_add_cases(path, cases, test)                                               \
  for (size_t row = 0; row < sizeof (cases) / sizeof ((cases)[0]); row++)                  \
  nb_test_add_case (path, (cases)[row].name, &(cases)[row], test)

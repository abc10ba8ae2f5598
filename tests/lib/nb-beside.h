/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests that have a process of their own, this program executed again for one of them, and
 * run at the same time: they wait for deadlines, or break what others need. In GTest each
 * is still a test with a result.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

typedef struct
{
  pid_t process; /* 0: not started */
  int output;    /* what it prints */
} NbTestBeside;

/* Whether this process runs one such test, and no other. */
gboolean nb_test_is_beside (void);

/* Starts the test at this path, which has to outlive it. */
void nb_test_beside_start (NbTestBeside *beside, const char *path);

/* Waits for its end; it has to have passed. Starts it now, if that was not done yet. */
void nb_test_beside_finish (NbTestBeside *beside, const char *path);

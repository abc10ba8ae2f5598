/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lib/nb-host.h"

#include "tests/lib/nb-test.h"

NestboxEvent
nb_test_host_expect (NestboxConnection *connection, NestboxEventType type,
                     NestboxHandle child)
{
  NestboxEvent event = { 0 };
  int result;

  while ((result = nestbox_connection_dispatch (connection, &event)) == 0)
    nb_test_wait_readable (nestbox_connection_get_fd (connection));
  g_assert_cmpint (result, ==, 1);
  g_assert_cmpint (event.type, ==, type);
  g_assert_cmpuint (event.child, ==, child);
  return event;
}

void
nb_test_host_expect_nothing (NestboxConnection *connection)
{
  NestboxEvent event;

  g_assert_cmpint (nestbox_connection_dispatch (connection, &event), ==, 0);
}

void
nb_test_host_expect_closed (NestboxConnection *connection)
{
  NestboxEvent event = nb_test_host_expect (connection, NESTBOX_EVENT_CLOSED, 0);

  g_assert_cmpint (event.failure.code, ==, NESTBOX_ERROR_CLOSED);
  g_assert_cmpint (nestbox_connection_dispatch (connection, &event), ==, -1);
}

NestboxHandle
nb_test_host_launch (NestboxConnection *connection)
{
  static const char *const argv[] = { "/app/bin/x", NULL };
  static const NestboxLaunch worker = { .kind = NESTBOX_KIND_WORKER, .argv = argv };
  NestboxFailure failure;
  NestboxHandle child = nestbox_connection_launch (connection, &worker, &failure);

  if (child == 0)
    g_error ("not launched: %s", failure.text);
  return child;
}

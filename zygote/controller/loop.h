/* SPDX-License-Identifier: BSD-3-Clause */
/* How descriptors get into and out of the controller's epoll set. */
#pragma once

typedef struct
{
  int (*watch) (int fd); /* for reading; 0 or -errno */
  void (*unwatch) (int fd);
} NbLoop;

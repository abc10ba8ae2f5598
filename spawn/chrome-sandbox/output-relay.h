/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps the terminal out of the sandbox: where standard output or error is a terminal,
 * the child gets a pipe, and what it writes is copied (Chromium: crbug.com/376567).
 */
#pragma once

#include <stdbool.h>

typedef struct
{
  int terminal; /* 1 or 2; -1: nothing is relayed */
  int pipe;     /* our end, non-blocking; owned */
} NbOutputRelay;

/*
 * What the child is to have as descriptor number fd (1 or 2): a descriptor of its own
 * that the caller closes, or fd itself when that is no terminal. Or -errno.
 */
int nb_output_relay_init (NbOutputRelay *relay, int fd);

/* Copies some of what is there; ends the relay at end of file. Whether there was any. */
bool nb_output_relay_pump (NbOutputRelay *relay);

/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose a process of this sub-sandbox is: by its pidfd, and by the kernel's word alone. */
#pragma once

#include "zygote/controller/child-table.h"

/*
 * The child that the process is, or that has started it, or its parent, and so on. Reads
 * /proc, and asks afterwards whether the process is still alive, as its parents are: no
 * number can have become another's meanwhile. Fills in what a controller knows: program,
 * descends, claim, pid, start; program is 0 where whoever started it has ended.
 *
 * 0; -ESRCH when it has ended, or is not in this PID namespace; -EAGAIN when it got other
 * parents whenever it was looked at; -EBADF when it is no pidfd.
 */
int nb_identify (int pidfd, NbChildTable *children, NbIdentity *identity_out);

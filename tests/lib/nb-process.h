/* SPDX-License-Identifier: BSD-3-Clause */
/* For tests of what is measured of processes. */
#pragma once

#include "spawn/audit/process.h"

/* The process of this pid, which has to be there. Owned. */
NbProcess *nb_test_open_process (pid_t pid);

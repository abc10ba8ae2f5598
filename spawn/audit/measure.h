/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a process is confined by, measured from outside and without help of the process.
 * Each measurement says only what it proves. A process that is not dumpable, as
 * Chromium's zygote and its children are, lets nobody of the same user look into it: its
 * namespaces, descriptors and root are closed, and the rest of /proc/PID has to do.
 */
#pragma once

#include "spawn/audit/browser.h"
#include "spawn/audit/expectations.h"

/* Whether the caller's sockets tell of the browser's network namespace. */
gboolean nb_measure_can_compare_networks (const NbBrowser *browser,
                                          const NbSockets *sockets);

/*
 * Measures the process. Its folder may be of another /proc than the browser's: what then
 * cannot be compared is UNKNOWN. FALSE when it ended or executed another program
 * meanwhile; then nothing was measured.
 */
gboolean nb_measure (const NbProcess *process, const NbBrowser *browser, NbSockets *sockets,
                     NbMeasurement *measurement_out);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bubblewrap whose parent is killed while it makes a sub-sandbox can stay for ever: its
 * child waits for a word of it (bubblewrap 0.8 to 0.11: bubblewrap.c, main, child_wait_fd,
 * an eventfd, which has no end of file). Where PIDs are visible that child is in the app's
 * PID namespace, and the whole app does not end before it.
 */
#pragma once

/*
 * Ends those of ours in the PID namespace of /proc here: bubblewraps that were to execute
 * the controller, whose parent is gone, and that have no child. What has made its
 * sub-sandbox has one. Called when a sub-sandbox ended before it was ready.
 */
void nb_orphans_end (void);

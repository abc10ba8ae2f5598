/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/*
 * What nestbox's controller is not: one that does for whoever writes to it what its channel
 * and its door are for, until end of file. It shows that the attacks on channels work where
 * they are listened to. Takes a child's id for its PID.
 */
void nb_attack_trusting_controller (int fd);

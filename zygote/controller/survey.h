/* SPDX-License-Identifier: BSD-3-Clause */
/* What runs in this sub-sandbox, for `nestbox ps`: from outside it may not be seen. */
#pragma once

#include "zygote/wire/message.h"

/*
 * What the /proc/PID open as folder tells of a process; its PIDs are left alone but for
 * the parent. False when it has ended, a zombie included.
 */
bool nb_survey_look_at (int folder, NbSurveyProcess *process);

/*
 * Fills in the processes of the /proc open as proc, but for process 1 and self, and how
 * many there was no room for. stand_in says the PID by which the browser knows one; 0:
 * none of its own. What cannot be read is left out, or 0; filters are then -1.
 */
void nb_survey_take (NbSurvey *survey, int proc, pid_t self, int32_t (*stand_in) (pid_t));

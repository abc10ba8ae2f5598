/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages as words for people who look for a cause: names, numbers, and of what may be
 * secret (arguments, environments, texts) the sizes alone. Tables say what is told of which
 * message. No allocation; what does not fit is cut off, and always ends with a NUL.
 */
#pragma once

#include <stddef.h>

#include "zygote/wire/message.h"
#include "zygote/wire/zygote-command.h"

enum
{
  NB_TRACE_TEXT_BYTES = 400, /* enough for any of them */
};

/* One of nestbox's own: "EXEC serial=1 child=1 kind=zygote arguments=9 …". */
void nb_trace_text_of_message (const NbMessage *message, char *out, size_t room);

/* What the browser asks its zygote: "Fork type=renderer arguments=31 …". */
void nb_trace_text_of_command (const NbZygoteCommand *command, char *out, size_t room);

/*
 * What a zygote says: the greeting, or the answer to what was asked, such as
 * "Fork-reply pid=64"; else "unexpected".
 */
void nb_trace_text_of_reply (const void *bytes, size_t size, NbZygoteCommandType asked,
                             char *out, size_t room);

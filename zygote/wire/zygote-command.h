/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chromium's own conversation between browser and zygote, byte for byte
 * (content/common/zygote/zygote_commands_linux.h, content/zygote/zygote_linux.cc; the
 * same from Chromium 87 to 156). Strings are borrowed from the message decoded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zygote/wire/pickle-writer.h"

/* Sent by the zygote as plain text, with the NUL: 12, 10 and 11 bytes. */
#define NB_ZYGOTE_BOOT "ZYGOTE_BOOT"
#define NB_ZYGOTE_HELLO "ZYGOTE_OK"
#define NB_ZYGOTE_PING "CHILD_PING"

typedef enum
{
  NB_ZYGOTE_FORK = 0,
  NB_ZYGOTE_REAP = 1,
  NB_ZYGOTE_TERMINATION_STATUS = 2,
  NB_ZYGOTE_SANDBOX_STATUS = 3,
  NB_ZYGOTE_FORK_REAL_PID = 4,
  NB_ZYGOTE_REINITIALIZE_LOGGING = 5,
} NbZygoteCommandType;

enum
{
  NB_ZYGOTE_MAX_ARGUMENTS = 512,
  NB_ZYGOTE_MAX_KEYS = 15, /* 16 descriptors, the first being the PID oracle */
};

typedef struct
{
  const char *data;
  size_t length;
} NbSlice;

typedef struct
{
  NbZygoteCommandType type;
  bool known_dead; /* TERMINATION_STATUS */
  int32_t pid;     /* REAP, TERMINATION_STATUS, FORK_REAL_PID (-1: no ping was received) */
  /* FORK */
  NbSlice process_type; /* the value of --type= */
  size_t n_arguments;
  NbSlice arguments[NB_ZYGOTE_MAX_ARGUMENTS];
  size_t timezone_units; /* UTF-16 code units; the text itself is not looked at */
  size_t n_keys;         /* descriptors beside the PID oracle */
  uint32_t keys[NB_ZYGOTE_MAX_KEYS];
} NbZygoteCommand;

typedef struct
{
  int32_t pid;      /* <= 0: the fork failed */
  NbSlice uma_name; /* "" unless a histogram is to be recorded */
} NbZygoteForkReply;

typedef struct
{
  int32_t status;      /* base/process/kill.h: TerminationStatus */
  int32_t wait_status; /* as wait(2) has it, not an exit code */
} NbZygoteStatusReply;

/*
 * Decodes a request of the browser that came with n_fds descriptors. 0; -EBADMSG when it
 * is malformed; -EPROTO when the number of descriptors is not the command's; -ENOSYS when
 * the command is unknown (its number is then in command_out->type).
 */
int nb_zygote_command_decode (const void *message, size_t size, size_t n_fds,
                              NbZygoteCommand *command_out);

/*
 * Whether it is a request to fork a child of this type (the value of --type=). The rest of
 * the message is not looked at. Nothing is allocated: for a zygote that is about to fork.
 */
bool nb_zygote_command_is_fork_of (const void *message, size_t size,
                                   const char *process_type);
/* As Chromium calls it: "Fork", … */
const char *nb_zygote_command_name (NbZygoteCommandType type);

/* Decodes a reply of the zygote to FORK or TERMINATION_STATUS. 0 or -EBADMSG. */
int nb_zygote_fork_reply_decode (const void *message, size_t size,
                                 NbZygoteForkReply *reply_out);
int nb_zygote_status_reply_decode (const void *message, size_t size,
                                   NbZygoteStatusReply *reply_out);

/* Encodes a request. 0 and the size, or -EMSGSIZE. */
int nb_zygote_command_encode (NbPickleWriter *writer, const NbZygoteCommand *command,
                              size_t *size_out);

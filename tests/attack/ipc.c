/* SPDX-License-Identifier: BSD-3-Clause */
/* System V and POSIX IPC, which know no descriptors, and legacy AIO. */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/attack/attack.h"

/* The victim's own error, where it may not make a segment either. */
static int
attach_segment (const NbScene *scene)
{
  if (scene->state->segment < 0)
    return scene->state->segment;
  return shmat (scene->state->segment, NULL, SHM_RDONLY) == (void *)-1 ? -errno : 0;
}

static int
message_queue (const NbScene *scene)
{
  int id = msgget (IPC_PRIVATE, IPC_CREAT | 0600);

  (void)scene;
  if (id < 0)
    return -errno;
  (void)msgctl (id, IPC_RMID, NULL);
  return 0;
}

static int
semaphore (const NbScene *scene)
{
  int id = semget (IPC_PRIVATE, 1, IPC_CREAT | 0600);

  (void)scene;
  if (id < 0)
    return -errno;
  (void)semctl (id, 0, IPC_RMID);
  return 0;
}

static int
posix_queue (const NbScene *scene)
{
  long fd = syscall (SYS_mq_open, "nb-attack", O_RDWR | O_CREAT, 0600, NULL);

  (void)scene;
  if (fd < 0)
    return -errno;
  (void)syscall (SYS_mq_unlink, "nb-attack");
  (void)close ((int)fd);
  return 0;
}

static int
legacy_aio (const NbScene *scene)
{
  aio_context_t context = 0;

  (void)scene;
  if (syscall (SYS_io_setup, 1, &context) < 0)
    return -errno;
  (void)syscall (SYS_io_destroy, context);
  return 0;
}

static const NbAttack attacks[] = {
  { "shmat of a sibling's segment", NB_TARGET_SIBLING, attach_segment, NULL },
  { "msgget", NB_TARGET_SIBLING, message_queue, NULL },
  { "semget", NB_TARGET_SIBLING, semaphore, NULL },
  { "mq_open", NB_TARGET_SIBLING, posix_queue, NULL },
  { "io_setup", NB_TARGET_SIBLING, legacy_aio, NULL },
};

const NbAttackTable nb_attacks_on_ipc = NB_ATTACK_TABLE (attacks);

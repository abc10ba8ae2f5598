/* SPDX-License-Identifier: BSD-3-Clause */
#include "zygote/controller/zygotes.h"

#include <errno.h>
#include <stdio.h>

#include "seccomp/landlock.h"
#include "spawn/base/fd.h"
#include "zygote/controller/background.h"
#include "zygote/controller/gpu-environment.h"
#include "zygote/controller/oom-scores.h"
#include "zygote/controller/proc-door.h"
#include "zygote/preload/helper-environment.h"

#ifndef NB_PKGLIBDIR
#  error "NB_PKGLIBDIR: where libnestbox-zygote.so is installed"
#endif

enum
{
  CONTROL_FD = 3, /* Chromium: content_descriptors.h, kZygoteSocketPairFd */
  MAX_ZYGOTES = 4,
};

static int doors[MAX_ZYGOTES];
static size_t n_doors;
static NbRelay *relays[MAX_ZYGOTES];
static size_t n_relays;
static const NbLoop *the_loop;

/* --- door --- */

/* The end for the zygote, and its number there, above all the targets asked for. */
static int
add_door (NbSpawn *spawn, int *child_end_out)
{
  int ends[2], result, target = CONTROL_FD;

  if (n_doors == MAX_ZYGOTES)
    return -ENOSPC;
  for (size_t i = 0; i < spawn->n_fds; i++)
    target = spawn->targets[i] >= target ? spawn->targets[i] + 1 : target;
  result = nb_channel_pair (ends);
  if (result < 0)
    return result;
  result = nb_channel_pass_credentials (ends[0]);
  if (result == 0)
    result = the_loop->watch (ends[0]);
  if (result < 0)
    {
      nb_fd_clear (&ends[0]);
      nb_fd_clear (&ends[1]);
      return result;
    }
  doors[n_doors++] = ends[0];
  spawn->fds[spawn->n_fds] = ends[1];
  spawn->targets[spawn->n_fds++] = target;
  *child_end_out = ends[1];
  return target;
}

/* --- relay --- */

/* The browser's control socket stays here; the zygote gets one of ours in its place. */
static int
add_relay (NbPacket *packet, size_t link, bool greets, NbSpawn *spawn, int *zygote_end_out)
{
  size_t control = 0;
  nb_autofd browser = -1, link_fd = -1;
  NbRelay *relay;

  while (control < spawn->n_fds && spawn->targets[control] != CONTROL_FD)
    control++;
  if (control == spawn->n_fds)
    return -EBADF;
  if (n_relays == MAX_ZYGOTES)
    return -ENOSPC;
  for (size_t i = 0; i < packet->n_fds; i++)
    if (packet->fds[i] == spawn->fds[control])
      browser = nb_packet_steal_fd (packet, i);
  link_fd = nb_packet_steal_fd (packet, link);
  relay = nb_relay_new (browser, link_fd, greets, the_loop, zygote_end_out);
  if (relay == NULL)
    return -errno;
  (void)nb_fd_steal (&browser);
  (void)nb_fd_steal (&link_fd);
  relays[n_relays++] = relay;
  spawn->fds[control] = *zygote_end_out;
  return 0;
}

/* --- for the controller --- */

/* What Chromium expects of its helper. Without one it would move the bus address, too. */
static int
extend_for_chromium (NbExec *exec)
{
  static const char *const helper[] = { NB_HELPER_ENVIRONMENT };
  bool overflow = false;

  if (exec->kind == NB_KIND_UNSANDBOXED_ZYGOTE)
    {
      nb_strings_append (&exec->envp, NB_NO_BUS, &overflow);
      return overflow ? -E2BIG : nb_gpu_environment_extend (&exec->envp);
    }
  for (size_t i = 0; i < NB_ARRAY_SIZE (helper); i++)
    nb_strings_append (&exec->envp, helper[i], &overflow);
  return overflow ? -E2BIG : 0;
}

/*
 * What loads the zygote preload and tells it what to do; the preload takes these entries,
 * which stand last, out again.
 */
static int
extend_for_preload (NbExec *exec, int door, bool watch)
{
  static const char *const walls[]
      = { "NESTBOX_WALL=auto", "NESTBOX_WALL=landlock", "NESTBOX_WALL=seccomp" };
  static char door_entry[32];
  bool overflow = false;

  nb_strings_append (&exec->envp, "LD_PRELOAD=" NB_PKGLIBDIR "/libnestbox-zygote.so",
                     &overflow);
  nb_strings_append (&exec->envp,
                     exec->kind == NB_KIND_UNSANDBOXED_ZYGOTE ? "NESTBOX_ZYGOTE=gpu"
                                                              : "NESTBOX_ZYGOTE=1",
                     &overflow);
  nb_strings_append (&exec->envp, walls[exec->wall], &overflow);
  (void)snprintf (door_entry, sizeof door_entry, "NESTBOX_PROC_DOOR=%d", door);
  nb_strings_append (&exec->envp, door_entry, &overflow);
  if (watch)
    nb_strings_append (&exec->envp, "NESTBOX_WATCHED=1", &overflow);
  return overflow ? -E2BIG : 0;
}

/* Leaves the link out of what the zygote gets; n_fds where there is none. */
static size_t
take_out_link (const NbExec *exec, NbSpawn *spawn, const NbPacket *packet)
{
  size_t link = 0, kept = 0;

  while (link < exec->n_targets && exec->targets[link] != NB_TARGET_LINK)
    link++;
  for (size_t i = 0; i < spawn->n_fds; i++)
    if (i != link)
      {
        spawn->fds[kept] = spawn->fds[i];
        spawn->targets[kept++] = spawn->targets[i];
      }
  spawn->n_fds = kept;
  return link < packet->n_fds ? link : packet->n_fds;
}

int
nb_zygote_prepare (NbExec *exec, NbPacket *packet, bool relayed, const NbLoop *loop,
                   NbSpawn *spawn, int made_out[2])
{
  size_t link = take_out_link (exec, spawn, packet);
  int door = -1, result = 0;

  the_loop = loop;
  made_out[0] = made_out[1] = -1;
  if (relayed)
    result = link < packet->n_fds ? add_relay (packet, link, exec->kind == NB_KIND_ZYGOTE,
                                               spawn, &made_out[0])
                                  : -EPROTO;
  if (result == 0)
    result = extend_for_chromium (exec);
  if (result == 0)
    {
      door = add_door (spawn, &made_out[1]);
      result = door < 0 ? door : 0;
    }
  return result < 0 ? result : extend_for_preload (exec, door, spawn->watch);
}

/* No zygote preload is in it, so its domain is entered before it is executed. */
int
nb_gpu_prepare (NbExec *exec, NbSpawn *spawn)
{
  if (exec->wall != NB_WALL_SECCOMP && nb_landlock_abi () > 0)
    spawn->confine = nb_landlock_enter_gpu_and_execute;
  return nb_gpu_environment_extend (&exec->envp);
}

/* Where PIDs are visible the browser's is translated by the broker already. */
int
nb_zygotes_adjust_oom (bool relayed, int32_t pid, int32_t score)
{
  pid_t inner = relayed ? 0 : pid;

  for (size_t i = 0; i < n_relays && inner == 0; i++)
    inner = nb_relay_find_child (relays[i], pid);
  return inner > 0 ? nb_oom_scores_set (inner, score) : -ESRCH;
}

int32_t
nb_zygotes_find_stand_in (pid_t pid)
{
  int32_t found = 0;

  for (size_t i = 0; i < n_relays && found == 0; i++)
    found = nb_relay_find_stand_in (relays[i], pid);
  return found;
}

int
nb_zygotes_find_pidfd (int32_t browser_pid)
{
  int found = -1;

  for (size_t i = 0; i < n_relays && found < 0; i++)
    found = nb_relay_find_pidfd (relays[i], browser_pid);
  return found;
}

/* What comes there comes from a child just forked. */
static void
serve_door (size_t number)
{
  nb_background_begin (the_loop);
  if (nb_proc_door_serve (doors[number], the_loop) == 0)
    return;
  nb_fd_clear (&doors[number]);
  doors[number] = doors[--n_doors];
}

void
nb_zygotes_serve (int fd)
{
  if (nb_background_serve (fd, the_loop))
    return;
  for (size_t i = 0; i < n_doors; i++)
    if (doors[i] == fd)
      {
        serve_door (i);
        return;
      }
  for (size_t i = 0; i < n_relays; i++)
    if (nb_relay_owns (relays[i], fd))
      {
        if (nb_relay_serve (relays[i], fd) < 0)
          {
            nb_relay_free (relays[i]);
            relays[i] = relays[--n_relays];
          }
        return;
      }
  if (the_loop != NULL)
    (void)nb_oom_scores_serve (fd, the_loop);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One sub-sandbox: its Spawn, the controller in it, and the programs started through
 * that. Asked for early; programs wait until it is ready. It either gets ready and is
 * what it should be, or ends with a reason: there is no third outcome.
 */
#pragma once

#include "spawn/broker/sandbox/profile.h"
#include "spawn/broker/sandbox/program.h"
#include "spawn/broker/sandbox/questions.h"
#include "spawn/broker/sandbox/waiters.h"
#include "spawn/portal/portal-client.h"
#include "zygote/wire/message.h"

typedef struct _NbSandbox NbSandbox;

/* How the browser knows the children of its zygote. */
typedef enum
{
  NB_PIDS_AUTO,     /* visible where the portal can, else by stand-ins */
  NB_PIDS_VISIBLE,  /* or not at all */
  NB_PIDS_STAND_IN, /* also where they could be visible */
} NbPids;

/* Does nothing yet. The portal must outlive it. */
NbSandbox *nb_sandbox_new (NbPortal *portal, NbProfile profile, NbWall wall, NbPids pids);

/* Before it is started: folders that it sees, read-only; borrowed. NULL: none. */
void nb_sandbox_expose (NbSandbox *sandbox, char *const *folders);

/*
 * Has settled() called once: when it is ready (reason is NULL) or has ended before, at once
 * if it is or has. nb_sandbox_forget() takes it back.
 */
void nb_sandbox_when_settled (NbSandbox *sandbox, NbSettled settled, gpointer data);

/* Whether its PIDs are hidden, or taken to be; known once it is ready. */
gboolean nb_sandbox_is_relayed (NbSandbox *sandbox);

/* What its controller and the portal have told; text is borrowed until it ends. */
NbBrokerPlace nb_sandbox_describe (NbSandbox *sandbox);

/* This folder of the app's sandbox folder is to be there, read-only. Before it starts. */
void nb_sandbox_expose_endpoint (NbSandbox *sandbox, const char *name);

/* Sends the Spawn if the portal, which has been probed, can do what is needed. */
void nb_sandbox_start (NbSandbox *sandbox);

/*
 * Starts a program, now or as soon as the sandbox is ready. exec is copied, fds are
 * duplicated. Returns the child's id.
 */
guint32 nb_sandbox_exec (NbSandbox *sandbox, const NbExec *exec, const int *fds,
                         const NbObserver *observer);

/*
 * Sets the OOM score of a zygote's child, by the pid that the browser knows. answer() is
 * called once, with 0, ESRCH when it is no child of this sandbox, ETIMEDOUT when nothing
 * came back, or another errno.
 */
void nb_sandbox_adjust_oom (NbSandbox *sandbox, gint32 pid, gint32 score,
                            void (*answer) (gpointer data, int error), gpointer data);

/*
 * Asks its controller what runs in it. answer() is called once, while which
 * nb_sandbox_describe_survey() has the answer; with an error when there is none.
 */
void nb_sandbox_survey (NbSandbox *sandbox, NbQuestionAnswer answer, gpointer data);

/* A SURVEYED without serial: what it is, and, in the above answer(), what runs in it. */
void nb_sandbox_describe_survey (NbSandbox *sandbox, NbMessage *message_out);

/*
 * Asks its controller whether a process is one of its own: that of pidfd, borrowed, or with
 * stand_in above 0 the one that the browser knows by this PID. answer() is called once,
 * while which nb_sandbox_describe_identity() has what it is, if it is one: the program by
 * the sandbox's id, its kind as it was asked for. instance is borrowed.
 */
void nb_sandbox_identify (NbSandbox *sandbox, int pidfd, gint32 stand_in,
                          NbQuestionAnswer answer, gpointer data);
gboolean nb_sandbox_describe_identity (NbSandbox *sandbox, NbIdentity *identity_out);

/* Nobody is interested in the answer, or whether it is ready, any more. */
void nb_sandbox_forget (NbSandbox *sandbox, gpointer data);

/*
 * Sends a signal to a child that was not told to have exited. One that waits for the
 * sandbox is answered by ECANCELED at SIGKILL, and does not know other signals.
 */
void nb_sandbox_signal (NbSandbox *sandbox, guint32 child, gint32 number);

/* Nobody is interested in the child any more: it is ended, and its observer forgotten. */
void nb_sandbox_abandon (NbSandbox *sandbox, guint32 child);

/* Ends it for this reason; waiting programs are told. Later calls change nothing. */
void nb_sandbox_fail (NbSandbox *sandbox, const char *reason);

/*
 * Likewise, because the sub-sandbox of the pages ended for it: who waits is answered by
 * ESHUTDOWN in place of ECONNREFUSED, so that the reason is said once, by the pages'
 * helper.
 */
void nb_sandbox_fail_with_pages (NbSandbox *sandbox, const char *reason);

/* Whether it has ended, for whatever reason. */
gboolean nb_sandbox_has_ended (NbSandbox *sandbox);

/* Whether every process of it is known to be gone, or there never was one. */
gboolean nb_sandbox_is_gone (NbSandbox *sandbox);

/* The last resorts, in this order, when it does not go by itself. */
void nb_sandbox_kill (NbSandbox *sandbox, gboolean by_portal);

/* What a Spawn brings that is answered later is ended as well. */
void nb_sandbox_free (NbSandbox *sandbox);

/* SPDX-License-Identifier: BSD-3-Clause */
/* What is open in a process, told apart by what it gives to whoever holds it. */
#pragma once

#include <glib.h>

#include "spawn/audit/process.h"
#include "spawn/audit/sockets.h"

/* What a class is called is in descriptors.c. */
typedef enum
{
  NB_FD_PLAIN,      /* pipes, events, memory, /dev/null and the like */
  NB_FD_SOCKET,     /* a Unix socket with no name at either end */
  NB_FD_PROGRAM,    /* files of program and system, read-only */
  NB_FD_OUTPUT,     /* what the browser was given as standard input and output */
  NB_FD_STATISTICS, /* /proc/PID/{stat,statm,status} */
  NB_FD_OWN_PROC,   /* the folder /proc that the process itself has */
  NB_FD_PAGES,      /* files of the profile that the browser hands to pages */
  NB_FD_SHADERS,    /* the cache of the GPU process, which the browser opens for it */
  NB_FD_OWN_FILE,   /* made by itself, in memory that only its sub-sandbox has mounted */
  NB_FD_HOME,       /* any other file of the home, app's data included */
  NB_FD_FILE,       /* any other file */
  NB_FD_DIRECTORY,  /* any other folder */
  NB_FD_DEVICE,     /* any other device, a terminal included */
  NB_FD_GPU,        /* what drivers open: /dev/dri and the like, and what /sys tells */
  NB_FD_NAMED,      /* a Unix socket that has a name, or is connected to one */
  NB_FD_BUS,        /* of these, one that is connected to a bus */
  NB_FD_DISPLAY,    /* of these, one that is connected to an X server or a compositor */
  NB_FD_SOUND,      /* of these, one that is connected to a sound server */
  NB_FD_NETWORK,    /* a socket of any other family */
  NB_FD_OTHER,      /* a kernel object that no child of Chromium needs */
  NB_FD_UNKNOWN,    /* a socket of which not enough can be found out */
  NB_N_FD_CLASSES,
} NbFdClass;

#define NB_FD_BIT(fd_class) (1u << (fd_class))

typedef struct
{
  int error; /* 0, or why they cannot be looked at: EACCES */
  guint counts[NB_N_FD_CLASSES];
  char *examples[NB_N_FD_CLASSES]; /* owned; "NUMBER TARGET" of the first of each class */
} NbDescriptors;

/* What of the browser is needed to tell its descriptors from others. */
typedef struct
{
  const char *home; /* absolute, or NULL */
  NbSockets *sockets;
  const NbProcess *browser;
} NbDescriptorContext;

/* Looks at all that is open in the process. Initialises *descriptors_out. */
void nb_descriptors_measure (const NbProcess *process, const NbDescriptorContext *context,
                             NbDescriptors *descriptors_out);
void nb_descriptors_clear (NbDescriptors *descriptors);

/* "3 files of the home (20 /home/…)" for each class of the mask that occurs; "" for none.
 */
char *nb_descriptors_describe (const NbDescriptors *descriptors, guint classes);

/* The classes that occur. */
guint nb_descriptors_classes (const NbDescriptors *descriptors);

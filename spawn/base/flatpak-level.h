/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where this process runs, as Flatpak tells it: /.flatpak-info, a small read-only file
 * that Flatpak's bubblewrap puts there and that no process inside can change. Nothing
 * here blocks or speaks D-Bus. Thread-safe.
 */
#pragma once

typedef enum
{
  NB_FLATPAK_NONE,        /* not in Flatpak */
  NB_FLATPAK_APP,         /* in an app's own sandbox: may ask for sub-sandboxes */
  NB_FLATPAK_SUB_SANDBOX, /* in a sandbox made with the portal's SANDBOX flag */
} NbFlatpakLevel;

typedef struct
{
  NbFlatpakLevel level;
  char app_id[256];  /* [Application] name; "" when unknown */
  char version[32];  /* [Instance] flatpak-version; "" when unknown */
  char instance[32]; /* [Instance] instance-id, as `flatpak ps` has it; "" when unknown */
} NbFlatpakInfo;

/*
 * Reads path (normally NB_FLATPAK_INFO). A missing file is NB_FLATPAK_NONE and success.
 * The sub-sandbox is told by [Instance] sandbox=true (flatpak: common/flatpak-run.c).
 * 0, or -errno when the file is there and cannot be understood.
 */
int nb_flatpak_info_read (const char *path, NbFlatpakInfo *info_out);

#define NB_FLATPAK_INFO "/.flatpak-info"

/* "none", "app" or "sub-sandbox". */
const char *nb_flatpak_level_name (NbFlatpakLevel level);

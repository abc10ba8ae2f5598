/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the pages' sub-sandbox sees of the profile: the folder of Widevine, which its zygote
 * loads before it gives up opening files. Read-only, and nothing else, ever.
 */
#pragma once

#include <glib.h>

enum
{
  NB_EXPOSURE_MAX = 4, /* profiles of one app */
};

/* Folders that could be opened, as the portal wants them. Owned; cleared by the caller. */
typedef struct
{
  int fds[NB_EXPOSURE_MAX];
  gsize n;
} NbExposure;

/* paths may be NULL. What is no folder of this user, or a link, is left out. */
void nb_exposure_open (NbExposure *exposure, char *const *paths);
void nb_exposure_clear (NbExposure *exposure);

/*
 * Folders of Widevine, absolute and free of links, that there are by now; owned and
 * NULL-terminated. choice is "auto", "off" or the path of one. With "auto" they are looked
 * for in the profile that argv names by --user-data-dir=, or else below the user's
 * configuration, where Chromium-family browsers have their profiles.
 */
char **nb_exposure_find_widevine (const char *choice, char *const *argv);

/* Whether that is a choice: one of the words, or an absolute path that ends as it should.
 */
gboolean nb_exposure_is_choice (const char *choice);

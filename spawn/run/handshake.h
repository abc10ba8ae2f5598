/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When the browser reads its zygote's greeting. From 156 on Chromium can do so when it
 * first needs the zygote (feature DeferZygoteHandshake, off by itself), and boots while
 * Flatpak makes the sub-sandbox. Older ones ignore the name of a feature they do not have.
 */
#pragma once

#include <glib.h>

/*
 * Whether that executable, absolute, is Chromium's own program or one derived from it. Not
 * those that embed Chromium (Electron, CEF, QtWebEngine) and read their arguments
 * themselves: they may take one more for a file to open.
 */
gboolean nb_handshake_is_browser (const char *executable);

/*
 * argv with the feature asked for: in the list of features that counts, if there is one,
 * and nowhere if that list names it already. What --disable-features says wins in any case.
 * Chromium: base/command_line.cc (the last of a switch counts, and none after "--"),
 * base/feature_list.cc. Owned, NULL-terminated.
 */
char **nb_handshake_defer (char *const *argv);

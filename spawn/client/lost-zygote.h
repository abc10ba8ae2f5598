/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What becomes of a browser whose zygote is gone while it runs. Chromium does not start
 * another one: it would stay, with windows that remain empty. It is told to end, as by a
 * session that ends, so that it still saves what it would save then.
 */
#pragma once

#include <sys/types.h>

/*
 * Says what ended, and sends SIGTERM to the browser if zygote, the path of the zygote's
 * program, is the browser's own executable, as Chromium's is. A program that embeds
 * QtWebEngine starts another one, and has more to do than to show pages: it is left alone.
 * browser_pidfd, borrowed, is of the process browser.
 */
void nb_tell_zygote_is_lost (int browser_pidfd, pid_t browser, const char *zygote,
                             const char *what_ended);

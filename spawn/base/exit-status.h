/* SPDX-License-Identifier: BSD-3-Clause */
/* What the programs of nestbox end with, where it is not a child's own. */
#pragma once

enum
{
  NB_EXIT_BAD = 1, /* something is not as it has to be */
  NB_EXIT_USAGE = 2,
  NB_EXIT_UNMEASURED = 3, /* nothing bad was found, and not all was measured */
  NB_EXIT_NO_CHILD = 4,   /* there is nothing to be measured */
  NB_EXIT_REFUSED = 125,  /* nothing was started, for a reason of ours */
  NB_EXIT_CANNOT_EXECUTE = 126,
  NB_EXIT_NOT_FOUND = 127,
};

/* SPDX-License-Identifier: BSD-3-Clause */
/* What a decoder writes on standard output: this, and then width x height pixels, RGBA. */
#pragma once

#include <stdint.h>

#define PICTURE_MAGIC "pixels1"

enum
{
  MAX_SIDE = 4096,
};

typedef struct
{
  char magic[8];
  uint32_t width, height; /* 1 to MAX_SIDE: the reader checks, and believes nothing else */
} PictureHeader;

/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/fuzz/layout.h"

#include <stdlib.h>
#include <string.h>

/* --- Chromium's base::Pickle --- */

static size_t
round_up (size_t size)
{
  return (size + 3) & ~(size_t)3;
}

/*
 * PickleIterator::WithData: the payload is the message's last payload_size bytes, and its
 * beginning has to be aligned; else there is nothing to read.
 */
NbModel
nb_model (const uint8_t *message, size_t size)
{
  NbModel model = { .message = message };
  uint32_t payload;

  if (size < sizeof payload)
    {
      model.failed = true;
      return model;
    }
  memcpy (&payload, message, sizeof payload);
  if (payload > size - sizeof payload || (size - payload) % 4 != 0)
    {
      model.failed = true;
      return model;
    }
  model.at = size - payload;
  model.end = size;
  if (model.at != sizeof payload)
    model.lenient |= NB_LENIENT_GAP;
  if (payload % 4 != 0)
    model.lenient |= NB_LENIENT_UNALIGNED;
  return model;
}

const uint8_t *
nb_model_take (NbModel *model, size_t size)
{
  const uint8_t *field = model->message + model->at;

  if (model->failed || size > model->end - model->at)
    {
      model->failed = true;
      model->at = model->end;
      return NULL;
    }
  if (round_up (size) > model->end - model->at)
    {
      model->lenient |= NB_LENIENT_PADDING;
      model->at = model->end;
    }
  else
    model->at += round_up (size);
  return field;
}

int32_t
nb_model_int (NbModel *model)
{
  const uint8_t *field = nb_model_take (model, 4);
  int32_t value = 0;

  if (field != NULL)
    memcpy (&value, field, 4);
  return value;
}

const uint8_t *
nb_model_counted (NbModel *model, size_t unit, size_t *units_out)
{
  int32_t units = nb_model_int (model);

  *units_out = 0;
  if (model->failed)
    return NULL;
  if (units < 0)
    {
      model->failed = true;
      return NULL;
    }
  *units_out = (size_t)units;
  return nb_model_take (model, (size_t)units * unit);
}

/* --- layouts --- */

typedef struct
{
  NbModel model;
  uint8_t *canonical; /* NULL: not asked for */
  size_t last_count;
} Match;

/* What stands behind size bytes of the field that was read last is padding: zeros. */
static void
clear_padding (Match *match, const uint8_t *field, size_t size)
{
  size_t from = (size_t)(field - match->model.message) + size;

  if (match->canonical != NULL)
    memset (match->canonical + from, 0, round_up (size) - size);
}

static bool
is_range (Match *match, uint32_t low, uint32_t high, uint32_t *value_out)
{
  uint32_t value = (uint32_t)nb_model_int (&match->model);

  *value_out = value;
  return !match->model.failed && value >= low && value <= high;
}

static bool
fits_bool (Match *match)
{
  const uint8_t *field = nb_model_take (&match->model, 1);
  uint32_t written;

  if (field == NULL)
    return false;
  written = *field != 0;
  if (match->canonical != NULL && (match->model.lenient & NB_LENIENT_PADDING) == 0)
    memcpy (match->canonical + (field - match->model.message), &written, sizeof written);
  return true;
}

static bool
fits_text (Match *match, size_t unit, size_t *units_out)
{
  const uint8_t *field = nb_model_counted (&match->model, unit, units_out);

  if (field == NULL || match->model.lenient != 0)
    return false;
  clear_padding (match, field, *units_out * unit);
  return true;
}

static bool
fits_n_ints (Match *match, uint32_t n)
{
  while (n-- > 0)
    (void)nb_model_int (&match->model);
  return !match->model.failed;
}

/* The least bytes that one element of a list takes: no field is shorter than 4. */
static size_t
least_bytes (const char *layout)
{
  size_t bytes = 0;

  for (; *layout != ')'; layout++)
    bytes += strchr ("iubsSe", *layout) != NULL ? 4 : 0;
  return bytes;
}

static bool fits (Match *match, const char *layout);

static bool
fits_list (Match *match, uint32_t max, const char *element)
{
  uint32_t n;

  if (!is_range (match, 0, max, &n)
      || n > (match->model.end - match->model.at) / least_bytes (element))
    return false;
  match->last_count = n;
  while (n-- > 0)
    if (!fits (match, element))
      return false;
  return true;
}

/* Up to the layout's end, or the end of a list's element. */
static bool
fits (Match *match, const char *layout)
{
  while (*layout != '\0' && *layout != ')')
    {
      char letter = *layout++;
      uint32_t number = 0, value;
      size_t units = 0;
      bool good = true;
      char *end = (char *)layout;

      if (letter == 'e' || letter == '*')
        number = (uint32_t)strtoul (layout, &end, 10);
      layout = end + (letter == 'e' || letter == '*');
      if (letter == 'i' || letter == 'u')
        (void)nb_model_int (&match->model);
      else if (letter == 'q')
        (void)nb_model_take (&match->model, 8);
      else if (letter == 'b')
        good = fits_bool (match);
      else if (letter == 's' || letter == 'S')
        good = fits_text (match, letter == 's' ? 1 : 2, &units);
      else if (letter == 'e')
        good = is_range (match, 0, number, &value);
      else if (letter == 'k')
        {
          good = is_range (match, 1, 16, &value) && fits_n_ints (match, value - 1);
          match->last_count = value;
        }
      else if (letter == 'h')
        good = fits_text (match, 1, &units) && (units == 0 || fits_n_ints (match, 2));
      else if (letter == '*')
        {
          good = fits_list (match, number, layout);
          layout = strchr (layout, ')') + 1;
        }
      if (!good || match->model.failed || match->model.lenient != 0)
        return false;
    }
  return true;
}

bool
nb_layout_fits (const char *layout, const uint8_t *message, size_t size, uint8_t *canonical,
                size_t *last_count_out)
{
  Match match = { .model = nb_model (message, size), .canonical = canonical };

  if (canonical != NULL)
    memcpy (canonical, message, size);
  if (match.model.failed || match.model.lenient != 0 || !fits (&match, layout))
    return false;
  *last_count_out = match.last_count;
  return match.model.at == match.model.end;
}

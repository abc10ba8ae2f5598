/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput(): linked
 * with libFuzzer it is fuzzed (make fuzz), linked with replay.c it runs the inputs of
 * tests/fuzz/corpus once (make check). Libc only, unless a target brings GLib itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole interface of a target to either main(): returns 0, aborts on a finding. */
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* What must hold for every input. */
#define nb_fuzz_check(condition)                                                           \
  ((condition) ? (void)0 : nb_fuzz_fail (#condition, __FILE__, __LINE__))
_Noreturn void nb_fuzz_fail (const char *condition, const char *file, int line);

/* An input as a sequence of decisions; at its end everything is 0. */
typedef struct
{
  const uint8_t *data;
  size_t left;
} NbFuzzInput;

uint8_t nb_fuzz_byte (NbFuzzInput *input);
uint16_t nb_fuzz_u16 (NbFuzzInput *input);
uint32_t nb_fuzz_u32 (NbFuzzInput *input);

/* At most wanted bytes, borrowed; *size_out says how many there are. */
const uint8_t *nb_fuzz_bytes (NbFuzzInput *input, size_t wanted, size_t *size_out);

/* A NUL-terminated copy of what is left; the caller frees it. */
char *nb_fuzz_rest (NbFuzzInput *input);

/*
 * The rest as words, cut at NUL bytes, at most max; argv[0] is "program". One block that
 * the caller frees.
 */
char **nb_fuzz_words (NbFuzzInput *input, int max, int *n_out);

/* How many of the low numbers are open descriptors: equal before and after, or a leak. */
unsigned nb_fuzz_count_fds (void);

/* A descriptor of nothing in particular, to be passed. */
int nb_fuzz_some_fd (void);

/* An anonymous file with this content, and its name below /proc; closed with *fd_out. */
const char *nb_fuzz_file (const void *data, size_t size, int *fd_out);

/* Reads beyond size are findings, although the array is larger. Undone with open. */
void nb_fuzz_close_memory (const void *start, size_t size);
void nb_fuzz_open_memory (const void *start, size_t size);

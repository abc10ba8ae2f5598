/* SPDX-License-Identifier: BSD-3-Clause */
/* A program that was made smaller decides as it did: for made-up calls of all kinds. */
#include "seccomp/squeeze.h"

#include <stddef.h>
#include <string.h>

#include "spawn/base/macros.h"
#include "tests/lib/bpf-sim.h"
#include "tests/lib/nb-test.h"

enum
{
  PROGRAMS = 20000,
  CALLS = 60,
  MAX_LENGTH = 80,
  SMALL = 12, /* numbers below it, so that tests meet */
};

static const uint32_t corners[]
    = { 0, 1, SMALL, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 8 };

static uint32_t
any_number (GRand *random)
{
  if (g_rand_int_range (random, 0, 5) == 0)
    return corners[g_rand_int_range (random, 0, G_N_ELEMENTS (corners))];
  return (uint32_t)g_rand_int_range (random, 0, SMALL);
}

static struct sock_filter
any_test (GRand *random, size_t left)
{
  static const uint16_t tests[] = { BPF_JEQ, BPF_JEQ, BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
  uint16_t code = tests[g_rand_int_range (random, 0, G_N_ELEMENTS (tests))];
  int furthest = (int)MIN (left, 9);

  return (struct sock_filter){ (uint16_t)(BPF_JMP | BPF_K | code),
                               (uint8_t)g_rand_int_range (random, 0, furthest),
                               (uint8_t)g_rand_int_range (random, 0, furthest),
                               any_number (random) };
}

/* What libseccomp writes and what it does not: loads, masks, runs, jumps, ends. */
static size_t
make_program (GRand *random, struct sock_filter *code)
{
  size_t n = (size_t)g_rand_int_range (random, 3, MAX_LENGTH);

  for (size_t i = 0; i < n; i++)
    {
      size_t left = n - i - 1;
      int what = left == 0 ? 9 : g_rand_int_range (random, 0, 10);

      if (what < 2)
        code[i] = (struct sock_filter){ BPF_LD | BPF_W | BPF_ABS, 0, 0,
                                        4 * (uint32_t)g_rand_int_range (random, 0, 4) };
      else if (what == 2)
        code[i] = (struct sock_filter){ BPF_ALU | BPF_AND | BPF_K, 0, 0,
                                        g_rand_boolean (random) ? any_number (random) : 0 };
      else if (what == 3)
        code[i] = (struct sock_filter){
          BPF_JMP | BPF_JA, 0, 0, (uint32_t)g_rand_int_range (random, 0, (int)MIN (left, 5))
        };
      else if (what < 9)
        code[i] = any_test (random, left);
      else
        code[i] = (struct sock_filter){ BPF_RET | BPF_K, 0, 0,
                                        (uint32_t)g_rand_int_range (random, 0, 3) };
    }
  return n;
}

/* Numbers downwards to one end: a run, now and then with a gap. */
static void
add_run (GRand *random, struct sock_filter *code, size_t n)
{
  size_t length = (size_t)g_rand_int_range (random, 2, 8);
  size_t at = (size_t)g_rand_int_range (random, 0, (int)n);
  uint32_t k = any_number (random);

  for (size_t i = 0; i < length && at + length + 1 < n; i++, k--)
    code[at + i]
        = (struct sock_filter){ BPF_JMP | BPF_JEQ | BPF_K, (uint8_t)(length - i), 0, k };
}

/* The same for bits of one word. */
static void
add_bits (GRand *random, struct sock_filter *code, size_t n)
{
  size_t tests = (size_t)g_rand_int_range (random, 1, 5), length = 3 * tests;
  size_t at = (size_t)g_rand_int_range (random, 0, (int)n);

  for (size_t i = 0; i < tests && at + length + 2 < n; i++)
    {
      uint32_t bit = 1U << g_rand_int_range (random, 0, 32);

      code[at++] = (struct sock_filter){ BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 };
      code[at++] = (struct sock_filter){ BPF_ALU | BPF_AND | BPF_K, 0, 0, bit };
      code[at++] = (struct sock_filter){ BPF_JMP | BPF_JEQ | BPF_K,
                                         (uint8_t)(3 * (tests - i - 1)), 0, bit };
    }
}

static void
compare (GRand *random, const struct sock_filter *before, size_t n_before,
         const struct sock_filter *after, size_t n_after)
{
  for (int i = 0; i < CALLS; i++)
    {
      struct seccomp_data call
          = { .nr = (int)any_number (random),
              .arch = any_number (random),
              .instruction_pointer
              = (uint64_t)any_number (random) << 32 | any_number (random) };

      g_assert_cmpuint (nb_bpf_sim_run (before, n_before, &call), ==,
                        nb_bpf_sim_run (after, n_after, &call));
    }
}

static void
test_random (void)
{
  GRand *random = g_rand_new_with_seed ((guint32)g_test_rand_int ());
  struct sock_filter before[MAX_LENGTH], after[MAX_LENGTH];
  size_t sum_before = 0, sum_after = 0;

  for (int i = 0; i < PROGRAMS; i++)
    {
      size_t n = make_program (random, before), left;

      add_run (random, before, n);
      if (i % 2 == 0)
        add_bits (random, before, n);
      memcpy (after, before, n * sizeof *before);
      left = nb_squeeze (after, n);
      g_assert_cmpuint (left, >, 0);
      g_assert_cmpuint (left, <=, n);
      compare (random, before, n, after, left);
      sum_before += n;
      sum_after += left;
    }
  g_test_message ("%zu instructions of %zu", sum_after, sum_before);
  g_rand_free (random);
}

#define LOAD(where) BPF_STMT (BPF_LD | BPF_W | BPF_ABS, where)
#define EQUAL(k, yes, no) BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, k, yes, no)
#define GREATER(k, yes, no) BPF_JUMP (BPF_JMP | BPF_JGT | BPF_K, k, yes, no)
#define RETURN(what) BPF_STMT (BPF_RET | BPF_K, what)

typedef struct
{
  const char *name;
  struct sock_filter code[12];
  size_t n, left;
} Case;

static const Case cases[] = {
  { "nothing-to-do", { LOAD (0), EQUAL (5, 0, 1), RETURN (1), RETURN (2) }, 4, 4 },
  { "range",
    { LOAD (0), EQUAL (7, 4, 0), EQUAL (6, 3, 0), EQUAL (5, 2, 0), EQUAL (4, 1, 0),
      RETURN (1), RETURN (2) },
    7,
    5 },
  { "range-with-a-gap",
    { LOAD (0), EQUAL (7, 3, 0), EQUAL (5, 2, 0), EQUAL (4, 1, 0), RETURN (1), RETURN (2) },
    6,
    6 },
  { "range-at-an-end",
    { LOAD (0), GREATER (6, 3, 0), EQUAL (6, 3, 0), EQUAL (5, 2, 0), RETURN (1), RETURN (1),
      RETURN (2) },
    7,
    5 },
  { "never",
    { LOAD (0), GREATER (6, 1, 0), EQUAL (7, 0, 1), RETURN (1), RETURN (2) },
    5,
    4 },
  { "no-bit",
    { LOAD (4), BPF_STMT (BPF_ALU | BPF_AND | BPF_K, 0), EQUAL (0, 0, 1), RETURN (1),
      RETURN (2) },
    5,
    2 },
  { "equal-ends", { LOAD (0), EQUAL (5, 0, 1), RETURN (1), RETURN (1) }, 4, 3 },
};

/* It is known for what comes out how long it is at most, and that it does the same. */
static void
test_case (gconstpointer data)
{
  const Case *row = data;
  GRand *random = g_rand_new_with_seed (1);
  struct sock_filter after[NB_ARRAY_SIZE (row->code)];
  size_t left;

  memcpy (after, row->code, sizeof after);
  left = nb_squeeze (after, row->n);
  g_assert_cmpuint (left, ==, row->left);
  compare (random, row->code, row->n, after, left);
  g_rand_free (random);
}

/* None that the kernel would take: nothing comes out. */
static void
test_no_program (void)
{
  struct sock_filter beyond[] = { LOAD (0), EQUAL (5, 0, 1), RETURN (1) };
  struct sock_filter endless[] = { LOAD (0) };
  struct sock_filter far[] = { BPF_STMT (BPF_JMP | BPF_JA, 0xffffffff), RETURN (1) };

  g_assert_cmpuint (nb_squeeze (beyond, NB_ARRAY_SIZE (beyond)), ==, 0);
  g_assert_cmpuint (nb_squeeze (endless, NB_ARRAY_SIZE (endless)), ==, 0);
  g_assert_cmpuint (nb_squeeze (far, NB_ARRAY_SIZE (far)), ==, 0);
  g_assert_cmpuint (nb_squeeze (far, 0), ==, 0);
}

int
main (int argc, char **argv)
{
  nb_test_init (&argc, &argv);
  nb_test_add_cases ("/squeeze", cases, test_case);
  nb_test_add ("/squeeze/no-program", test_no_program);
  nb_test_add ("/squeeze/random", test_random);
  return g_test_run ();
}

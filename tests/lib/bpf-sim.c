/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lib/bpf-sim.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

static uint32_t
load (const struct seccomp_data *data, uint32_t offset)
{
  uint32_t value;

  g_assert_cmpuint (offset % sizeof value, ==, 0);
  g_assert_cmpuint (offset, <=, sizeof *data - sizeof value);
  memcpy (&value, (const uint8_t *)data + offset, sizeof value);
  return value;
}

static bool
holds (uint16_t code, uint32_t accumulator, uint32_t operand)
{
  switch (BPF_OP (code))
    {
    case BPF_JEQ:
      return accumulator == operand;
    case BPF_JGT:
      return accumulator > operand;
    case BPF_JGE:
      return accumulator >= operand;
    case BPF_JSET:
      return (accumulator & operand) != 0;
    default:
      g_error ("unknown jump 0x%04x", code);
    }
}

/* Jumps only go forward, so the program ends; the kernel makes sure that it ends in RET. */
uint32_t
nb_bpf_sim_run (const struct sock_filter *program, size_t length,
                const struct seccomp_data *data)
{
  uint32_t accumulator = 0;

  for (size_t at = 0; at < length; at++)
    {
      const struct sock_filter *step = &program[at];

      if (step->code == (BPF_RET | BPF_K))
        return step->k;
      if (step->code == (BPF_LD | BPF_W | BPF_ABS))
        accumulator = load (data, step->k);
      else if (step->code == (BPF_ALU | BPF_AND | BPF_K))
        accumulator &= step->k;
      else if (step->code == (BPF_JMP | BPF_JA))
        at += step->k;
      else if (BPF_CLASS (step->code) == BPF_JMP && BPF_SRC (step->code) == BPF_K)
        at += holds (step->code, accumulator, step->k) ? step->jt : step->jf;
      else
        g_error ("unknown instruction 0x%04x", step->code);
    }
  g_error ("the program has no end");
}

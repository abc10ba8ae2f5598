/* SPDX-License-Identifier: BSD-3-Clause */
#include "seccomp/squeeze.h"

#include <stdbool.h>
#include <stdint.h>

enum
{
  SHORTEST_RUN = 3, /* a range takes two instructions */
  NO_WAY = BPF_MAXINSNS,
};

#define LOAD (BPF_LD | BPF_W | BPF_ABS)
#define AND (BPF_ALU | BPF_AND | BPF_K)
#define EQUAL (BPF_JMP | BPF_JEQ | BPF_K)
#define GREATER (BPF_JMP | BPF_JGT | BPF_K)
#define AT_LEAST (BPF_JMP | BPF_JGE | BPF_K)
#define ANY_BIT (BPF_JMP | BPF_JSET | BPF_K)
#define ALWAYS (BPF_JMP | BPF_JA)
#define END (BPF_RET | BPF_K)

/* An instruction with the places that it leads to; two different ones only for tests. */
typedef struct
{
  size_t yes, no;
  size_t place; /* in what comes out */
  uint32_t k;
  uint32_t least, most; /* that the accumulator can hold here */
  uint16_t code;
  bool is_reached;
} Node;

static Node nodes[BPF_MAXINSNS];
static size_t n_nodes;

static bool
is_test (const Node *node)
{
  return BPF_CLASS (node->code) == BPF_JMP && node->code != ALWAYS;
}

static bool
is (size_t at, uint16_t code)
{
  return at < n_nodes && nodes[at].code == code;
}

/* Where the accumulator's value means nothing any more. */
static bool
begins_anew (size_t at)
{
  return is (at, LOAD) || is (at, END);
}

static bool
read_program (const struct sock_filter *code, size_t n)
{
  n_nodes = n;
  if (n == 0 || n > BPF_MAXINSNS)
    return false;
  for (size_t i = 0; i < n; i++)
    {
      bool jumps = BPF_CLASS (code[i].code) == BPF_JMP;
      bool always = code[i].code == ALWAYS;

      nodes[i] = (Node){ .code = code[i].code, .k = always ? 0 : code[i].k };
      nodes[i].yes = i + 1 + (always ? code[i].k : jumps ? code[i].jt : 0);
      nodes[i].no = i + 1 + (always ? code[i].k : jumps ? code[i].jf : 0);
      if (code[i].code == END)
        nodes[i].yes = nodes[i].no = i;
      else if (nodes[i].yes >= n || nodes[i].no >= n)
        return false;
    }
  return true;
}

/* --- what says the same with less --- */

static size_t
count_ways_to (size_t at)
{
  size_t n = 0;

  for (size_t i = 0; i < n_nodes; i++)
    if (nodes[i].code != END && nodes[i].is_reached)
      n += (nodes[i].yes == at ? 1U : 0U)
           + (is_test (&nodes[i]) && nodes[i].no == at ? 1U : 0U);
  return n;
}

/* LOAD; AND 0; EQUAL 0 */
static void
skip_what_always_holds (size_t at)
{
  if (is (at, LOAD) && is (at + 1, AND) && nodes[at + 1].k == 0 && is (at + 2, EQUAL)
      && nodes[at + 2].k == 0 && begins_anew (nodes[at + 2].yes))
    nodes[at] = (Node){ .code = ALWAYS, .yes = nodes[at + 2].yes, .no = nodes[at + 2].yes };
}

/* LOAD; AND BIT; EQUAL BIT, and the same for other bits where it does not hold */
static void
join_bits (size_t at)
{
  uint32_t bit = is (at + 1, AND) ? nodes[at + 1].k : 0;
  size_t yes, no;

  if (!is (at, LOAD) || bit == 0 || (bit & (bit - 1)) != 0 || !is (at + 2, EQUAL)
      || nodes[at + 2].k != bit || count_ways_to (at + 1) != 1)
    return;
  yes = nodes[at + 2].yes;
  no = nodes[at + 2].no;
  if (!begins_anew (yes) || !begins_anew (no))
    return;
  if (is (no, LOAD) && nodes[no].k == nodes[at].k && is (no + 1, ANY_BIT)
      && nodes[no + 1].yes == yes)
    {
      bit |= nodes[no + 1].k;
      no = nodes[no + 1].no;
    }
  nodes[at + 1] = (Node){ .code = ANY_BIT, .k = bit, .yes = yes, .no = no };
}

/* How many tests from here on are for this number, the one below it, and so on. */
static size_t
measure_run (size_t at, size_t *last_out)
{
  size_t n = 1, yes = nodes[at].yes;

  for (size_t next = nodes[at].no;
       is (next, EQUAL) && nodes[next].yes == yes && nodes[at].k > 0
       && nodes[next].k == nodes[at].k - 1 && count_ways_to (next) == 1;
       next = nodes[at].no)
    {
      at = next;
      n++;
    }
  *last_out = at;
  return n;
}

/* One of the range's ends need not be asked for where the accumulator ends as well. */
static void
join_run (size_t at)
{
  size_t last, second = nodes[at].no, n = is (at, EQUAL) ? measure_run (at, &last) : 0;
  bool is_end
      = n > 1 && (nodes[at].most == nodes[at].k || nodes[last].least == nodes[last].k);

  if (n < SHORTEST_RUN && !is_end)
    return;
  nodes[second] = (Node){ .code = AT_LEAST,
                          .k = nodes[last].k,
                          .yes = nodes[at].yes,
                          .no = nodes[last].no,
                          .is_reached = true };
  nodes[at].code = GREATER;
  nodes[at].yes = nodes[second].no;
}

/* --- what the accumulator can hold --- */

static uint32_t
lower (uint32_t a, uint32_t b)
{
  return a < b ? a : b;
}

static uint32_t
higher (uint32_t a, uint32_t b)
{
  return a > b ? a : b;
}

/* One more way leads there. One with nothing in between is never gone. */
static void
widen (size_t at, uint32_t least, uint32_t most)
{
  if (least > most)
    return;
  nodes[at].least = lower (nodes[at].least, least);
  nodes[at].most = higher (nodes[at].most, most);
}

static void
widen_beyond (const Node *node)
{
  uint32_t k = node->k, least = node->least, most = node->most;

  switch (node->code)
    {
    case GREATER:
      if (k < UINT32_MAX)
        widen (node->yes, higher (least, k + 1), most);
      widen (node->no, least, lower (most, k));
      break;
    case AT_LEAST:
      widen (node->yes, higher (least, k), most);
      if (k > 0)
        widen (node->no, least, lower (most, k - 1));
      break;
    case EQUAL:
      widen (node->yes, higher (least, k), lower (most, k));
      widen (node->no, least + (least == k && k < UINT32_MAX ? 1U : 0U),
             most - (most == k && k > 0 ? 1U : 0U));
      break;
    case ANY_BIT:
    case ALWAYS:
      widen (node->yes, least, most);
      widen (node->no, least, most);
      break;
    default: /* it holds something new */
      widen (node->yes, 0, UINT32_MAX);
    }
}

/* Ways lead forwards: who comes later has heard of all before. */
static void
find_bounds (void)
{
  for (size_t i = 0; i < n_nodes; i++)
    {
      nodes[i].least = i == 0 ? 0 : UINT32_MAX;
      nodes[i].most = i == 0 ? UINT32_MAX : 0;
    }
  for (size_t i = 0; i < n_nodes; i++)
    if (nodes[i].code != END && nodes[i].least <= nodes[i].most)
      widen_beyond (&nodes[i]);
}

static bool
holds (const Node *node, uint32_t value)
{
  return node->code == GREATER    ? value > node->k
         : node->code == AT_LEAST ? value >= node->k
                                  : value == node->k;
}

/* Which way is taken, whatever comes; NO_WAY: that depends. */
static size_t
only_way (const Node *node)
{
  bool is_range = node->code == GREATER || node->code == AT_LEAST;

  if (node->yes == node->no)
    return node->yes;
  if (node->code == EQUAL && (node->k < node->least || node->k > node->most))
    return node->no;
  if ((is_range || (node->code == EQUAL && node->least == node->most))
      && holds (node, node->least) == holds (node, node->most))
    return holds (node, node->least) ? node->yes : node->no;
  return NO_WAY;
}

static void
skip_what_is_known (size_t at)
{
  size_t way = is_test (&nodes[at]) ? only_way (&nodes[at]) : NO_WAY;

  if (way != NO_WAY)
    nodes[at] = (Node){ .code = ALWAYS, .yes = way, .no = way };
}

/* --- what leads where --- */

static size_t
follow (size_t at)
{
  while (is (at, ALWAYS))
    at = nodes[at].yes;
  if (is (at, END))
    for (size_t i = n_nodes; i-- > at;)
      if (is (i, END) && nodes[i].k == nodes[at].k)
        return i;
  return at;
}

static void
shorten_ways (void)
{
  for (size_t i = 0; i < n_nodes; i++)
    if (BPF_CLASS (nodes[i].code) == BPF_JMP)
      {
        nodes[i].yes = follow (nodes[i].yes);
        nodes[i].no = follow (nodes[i].no);
      }
}

/* All ways lead forwards. How many there are. */
static size_t
mark_reached (void)
{
  size_t n = 0;

  for (size_t i = 0; i < n_nodes; i++)
    nodes[i].is_reached = i == 0;
  for (size_t i = 0; i < n_nodes; i++)
    if (nodes[i].is_reached)
      {
        nodes[nodes[i].yes].is_reached = nodes[nodes[i].no].is_reached = true;
        n++;
      }
  return n;
}

/* --- what comes out --- */

static bool
write_node (const Node *node, struct sock_filter *out)
{
  size_t yes = nodes[node->yes].place - node->place - 1;
  size_t no = nodes[node->no].place - node->place - 1;

  *out = (struct sock_filter){ .code = node->code, .k = node->k };
  if (node->code == ALWAYS)
    out->k = (uint32_t)yes;
  if (!is_test (node))
    return true;
  out->jt = (uint8_t)yes;
  out->jf = (uint8_t)no;
  return yes <= UINT8_MAX && no <= UINT8_MAX;
}

static size_t
write_program (struct sock_filter *code)
{
  size_t n = 0;

  for (size_t i = 0; i < n_nodes; i++)
    if (nodes[i].is_reached)
      nodes[i].place = n++;
  for (size_t i = 0; i < n_nodes; i++)
    if (nodes[i].is_reached && !write_node (&nodes[i], &code[nodes[i].place]))
      return 0;
  return n;
}

/* Each time one is skipped, others may be known. */
static void
skip_tests (void)
{
  size_t before, left = mark_reached ();

  do
    {
      before = left;
      find_bounds ();
      for (size_t i = 0; i < n_nodes; i++)
        if (nodes[i].is_reached)
          skip_what_is_known (i);
      shorten_ways ();
      left = mark_reached ();
    }
  while (left < before);
}

size_t
nb_squeeze (struct sock_filter *code, size_t n)
{
  if (!read_program (code, n))
    return 0;
  for (size_t i = n; i-- > 0;)
    skip_what_always_holds (i);
  shorten_ways ();
  (void)mark_reached ();
  for (size_t i = n; i-- > 0;)
    if (nodes[i].is_reached)
      join_bits (i);
  (void)mark_reached ();
  find_bounds ();
  for (size_t i = 0; i < n; i++)
    if (nodes[i].is_reached)
      join_run (i);
  skip_tests ();
  return write_program (code);
}

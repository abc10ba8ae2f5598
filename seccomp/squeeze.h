/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes a seccomp program smaller that does the same. The kernel compiles a program each
 * time that a process takes it upon itself, and runs it once for each number: a third less
 * of it is a third less of that. At build time only (seccomp/compile-main.c); what comes
 * out is held against the table, and against what went in, by the tests.
 */
#pragma once

#include <linux/filter.h>
#include <stddef.h>

/*
 * Changes the program in place; how many instructions are left. 0: it is none that the
 * kernel would take, or a jump would be too long; then nothing is to be relied on. Knows
 * what libseccomp 2.5 and 2.6 write:
 *
 *  - a comparison of no bit holds always: the upper half of an int argument;
 *  - tests of single bits of one word, with one outcome, are one test of them all;
 *  - numbers in a row, with one outcome, are a range;
 *  - a test is none where what came before it leaves one outcome;
 *  - jumps to jumps, equal ends, and what nothing leads to.
 */
size_t nb_squeeze (struct sock_filter *code, size_t n);

/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a seccomp filter on a made-up system call, so that a policy can be checked without
 * attaching it: for every call, and also for architectures that this machine is not.
 */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The filter's verdict (SECCOMP_RET_…, with the errno in its data). A program that the
 * kernel would not take, or an instruction that libseccomp never makes, aborts.
 */
uint32_t nb_bpf_sim_run (const struct sock_filter *program, size_t length,
                         const struct seccomp_data *data);

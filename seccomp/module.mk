# SPDX-License-Identifier: BSD-3-Clause
policy_sources := seccomp/policy.c spawn/base/kind.c
seccomp_compile_sources := seccomp/compile-main.c $(policy_sources)
# What a process takes upon itself.
confine_sources := seccomp/landlock.c seccomp/apply.c seccomp/programs.c

# SPDX-License-Identifier: BSD-3-Clause
policy_sources := seccomp/policy.c spawn/base/kind.c
seccomp_compile_sources := seccomp/compile-main.c seccomp/squeeze.c $(policy_sources)
# What a process takes upon itself.
confine_sources := seccomp/landlock.c seccomp/apply.c seccomp/programs.c
# Whoever holds the listener of a watched filter.
watch_sources := seccomp/watch.c seccomp/programs.c $(policy_sources)

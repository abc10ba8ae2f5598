# SPDX-License-Identifier: BSD-3-Clause
confine_sources := seccomp/landlock.c seccomp/apply.c
seccomp_compile_sources := seccomp/compile-main.c

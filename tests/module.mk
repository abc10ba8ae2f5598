# SPDX-License-Identifier: BSD-3-Clause
test_support_sources :=
unit_tests :=

# What the real-Flatpak tests run inside the app.
test_programs := launch-like-chromium probe-walls execute-itself bench-exec
bench-exec_sources = spawn/base/fd.c $(wire_sources)
# What they run on the host.
rig_programs := fault-portal

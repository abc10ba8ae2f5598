# SPDX-License-Identifier: BSD-3-Clause
# What every compiled test has.
test_support_sources := tests/lib/nb-test.c

unit_tests := test-audit-print test-audit-sockets test-channel test-child-table \
  test-descriptors test-environment test-expectations test-fd test-find test-flatpak-level \
  test-hello-check test-kind test-landlock test-measure test-message test-mounts \
  test-nursery test-oom-scores test-path-wall test-pickle test-proc-text test-process \
  test-relay test-relay-hostile test-spawn-request test-zygote-command \
  test-zygote-recorded
audit_test_sources = $(audit_sources) spawn/base/fd.c spawn/base/kind.c
test-audit-print_sources = spawn/tool/audit-print.c $(audit_test_sources)
test-audit-sockets_sources = spawn/audit/sockets.c spawn/audit/sock-diag.c \
  spawn/audit/process.c spawn/audit/proc-text.c spawn/base/fd.c
test-channel_sources = zygote/wire/channel.c spawn/base/fd.c
test-child-table_sources = zygote/controller/child-table.c spawn/base/fd.c
test-environment_sources = spawn/client/environment.c
test-descriptors_sources = $(audit_test_sources)
test-expectations_sources = $(audit_test_sources)
test-fd_sources = spawn/base/fd.c
test-find_sources = $(audit_test_sources)
test-flatpak-level_sources = spawn/base/flatpak-level.c spawn/base/fd.c
test-hello-check_sources = spawn/broker/hello-check.c
test-kind_sources = spawn/base/kind.c
test-landlock_sources = seccomp/landlock.c spawn/base/fd.c
test-measure_sources = $(audit_test_sources)
test-message_sources = $(wire_sources) spawn/base/fd.c
test-mounts_sources = spawn/audit/mounts.c spawn/audit/proc-text.c
test-nursery_sources = tests/lib/nb-nursery.c spawn/chrome-sandbox/nursery.c \
  $(wire_sources) spawn/base/fd.c
test-oom-scores_sources = zygote/controller/oom-scores.c spawn/base/fd.c
test-path-wall_sources = seccomp/apply.c spawn/base/fd.c tests/lib/bpf-sim.c
test-pickle_sources = zygote/wire/pickle-reader.c zygote/wire/pickle-writer.c
test-proc-text_sources = spawn/audit/proc-text.c
test-process_sources = spawn/audit/process.c spawn/audit/proc-text.c spawn/base/fd.c
test-relay_sources = tests/lib/nb-relay.c zygote/controller/relay.c \
  zygote/controller/relay-children.c zygote/wire/zygote-command.c $(wire_sources) \
  spawn/base/fd.c spawn/base/log.c
test-relay-hostile_sources = $(test-relay_sources)
test-spawn-request_sources = spawn/portal/spawn-request.c spawn/base/fd.c
test-zygote-recorded_sources = $(test-zygote-command_sources)
test-zygote-command_sources = zygote/wire/zygote-command.c zygote/wire/pickle-reader.c \
  zygote/wire/pickle-writer.c

# These drive what was built, from $(O).
integration_tests := test-controller test-controller-life
controller_test_sources = tests/lib/nb-controller.c $(wire_sources) spawn/base/fd.c
test-controller_sources = $(controller_test_sources)
test-controller-life_sources = $(controller_test_sources) spawn/base/flatpak-level.c \
  seccomp/landlock.c

# What the real-Flatpak tests run inside the app.
test_programs := launch-like-chromium probe-walls execute-itself bench-exec bench-stand-in \
  talk-to-zygote fake-zygote pose-as-child
bench-stand-in_sources = spawn/chrome-sandbox/nursery.c spawn/base/fd.c $(wire_sources)
bench-exec_sources = spawn/base/fd.c $(wire_sources)
browser_side_sources = tests/lib/browser-side.c spawn/base/fd.c $(wire_sources) \
  zygote/wire/zygote-command.c
launch-like-chromium_sources = $(browser_side_sources)
talk-to-zygote_sources = $(browser_side_sources)
pose-as-child_sources = spawn/base/fd.c
fake-zygote_sources = spawn/base/fd.c $(wire_sources) zygote/wire/zygote-command.c
# What they run on the host.
rig_programs := fault-portal

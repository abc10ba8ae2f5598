# SPDX-License-Identifier: BSD-3-Clause
# What every compiled test has.
test_support_sources := tests/lib/nb-test.c spawn/base/proc-stat.c

unit_tests := \
  test-audit-print \
  test-audit-sockets \
  test-background \
  test-bridge \
  test-bus-policy \
  test-channel \
  test-child-table \
  test-descriptors \
  test-display \
  test-environment \
  test-expectations \
  test-exposure \
  test-fd \
  test-find \
  test-flatpak-level \
  test-gpu-router \
  test-handshake \
  test-hello-check \
  test-host-preload \
  test-identify \
  test-kind \
  test-landlock \
  test-launch \
  test-lost-zygote \
  test-measure \
  test-message \
  test-mounts \
  test-no-bus \
  test-nursery \
  test-oom-scores \
  test-orphans \
  test-path-wall \
  test-pickle \
  test-pidfd \
  test-policy \
  test-policy-live \
  test-portal-reply \
  test-proc-stat \
  test-proc-text \
  test-process \
  test-proxy-check \
  test-ps-print \
  test-qtwebengine \
  test-rendezvous \
  test-restart \
  test-relay \
  test-relay-hostile \
  test-sandbox \
  test-spawn-request \
  test-squeeze \
  test-start-broker \
  test-survey \
  test-trace \
  test-watch \
  test-zygote-command \
  test-zygote-recorded \
  test-zypak

audit_test_sources = tests/lib/nb-process.c $(audit_sources) spawn/base/fd.c spawn/base/kind.c
test-audit-print_sources = spawn/tool/audit-print.c $(audit_test_sources)
test-audit-sockets_sources = tests/lib/nb-process.c spawn/audit/sockets.c spawn/audit/sock-diag.c \
  spawn/audit/process.c spawn/audit/proc-text.c spawn/base/proc-stat.c spawn/base/fd.c
test-background_sources = zygote/controller/background.c spawn/base/fd.c
test-bridge_sources = spawn/chrome-sandbox/bridge.c $(trace_sources) $(wire_sources) \
  spawn/base/fd.c spawn/base/kind.c
test-bus-policy_sources = spawn/bus-gate/policy.c
test-channel_sources = zygote/wire/channel.c spawn/base/fd.c
test-child-table_sources = zygote/controller/child-table.c spawn/base/fd.c
test-environment_sources = spawn/client/environment.c spawn/base/kind.c
test-descriptors_sources = $(audit_test_sources)
test-display_sources = spawn/client/display.c spawn/base/fd.c
test-expectations_sources = $(audit_test_sources)
test-exposure_sources = spawn/broker/sandbox/exposure.c spawn/base/fd.c
test-fd_sources = spawn/base/fd.c
test-find_sources = $(audit_test_sources)
test-flatpak-level_sources = spawn/base/flatpak-level.c spawn/base/fd.c
test-gpu-router_sources = spawn/gpu-router/router.c spawn/gpu-router/routed-children.c \
  zygote/wire/zygote-command.c $(wire_sources) spawn/base/fd.c spawn/base/log.c
test-handshake_sources = spawn/run/handshake.c
test-hello-check_sources = spawn/broker/sandbox/hello-check.c spawn/base/no-bus.c spawn/base/fd.c spawn/broker/sandbox/profile.c \
  spawn/base/kind.c
test-orphans_sources = tests/lib/nb-pids.c spawn/broker/sandbox/orphans.c spawn/base/proc-stat.c spawn/base/pidfd.c spawn/base/fd.c spawn/base/log.c
test-host-preload_sources = spawn/base/kind.c spawn/base/log.c spawn/base/fd.c \
  spawn/preload/qtwebengine.c $(confine_sources) seccomp/confine.c
test-identify_sources = tests/lib/nb-pids.c zygote/controller/identify.c zygote/controller/child-table.c \
  zygote/controller/survey.c spawn/base/proc-stat.c zygote/wire/channel.c spawn/base/pidfd.c spawn/base/fd.c \
  spawn/base/kind.c
test-kind_sources = spawn/base/kind.c
test-landlock_sources = seccomp/landlock.c spawn/base/fd.c
test-launch_sources = $(library_sources)
test-lost-zygote_sources = spawn/client/lost-zygote.c spawn/base/log.c spawn/base/fd.c
test-measure_sources = $(audit_test_sources)
test-message_sources = $(wire_sources) spawn/base/fd.c
test-mounts_sources = spawn/audit/mounts.c spawn/audit/proc-text.c
test-no-bus_sources = spawn/base/no-bus.c spawn/base/fd.c spawn/base/kind.c
test-nursery_sources = tests/lib/nb-nursery.c spawn/chrome-sandbox/nursery.c \
  $(wire_sources) spawn/base/fd.c
test-oom-scores_sources = zygote/controller/oom-scores.c spawn/base/pidfd.c spawn/base/fd.c
test-path-wall_sources = seccomp/apply.c seccomp/programs.c $(policy_sources) spawn/base/fd.c tests/lib/bpf-sim.c
test-policy_sources = $(policy_sources) seccomp/programs.c tests/lib/bpf-sim.c
test-policy-live_sources = seccomp/apply.c seccomp/programs.c seccomp/confine.c \
  seccomp/landlock.c $(policy_sources) spawn/base/fd.c
test-pickle_sources = zygote/wire/pickle-reader.c zygote/wire/pickle-writer.c
test-pidfd_sources = spawn/base/pidfd.c spawn/base/fd.c
test-portal-reply_sources = spawn/portal/portal-reply.c spawn/portal/spawn-request.c
test-qtwebengine_sources = spawn/preload/qtwebengine.c
test-rendezvous_sources = spawn/base/rendezvous.c spawn/base/fd.c
test-restart_sources = spawn/run/restart.c spawn/base/log.c
test-proc-stat_sources = spawn/base/proc-stat.c
test-proc-text_sources = spawn/audit/proc-text.c
test-process_sources = tests/lib/nb-pids.c spawn/audit/process.c spawn/audit/proc-text.c spawn/base/proc-stat.c spawn/base/fd.c
test-proxy-check_sources = spawn/bus-gate/proxy-check.c spawn/base/fd.c
test-ps-print_sources = spawn/tool/ps-print.c spawn/tool/audit-print.c \
  $(audit_test_sources)
test-relay_sources = tests/lib/nb-relay.c zygote/controller/relay.c \
  zygote/controller/relay-children.c zygote/wire/zygote-command.c $(wire_sources) \
  spawn/base/fd.c spawn/base/log.c
test-relay-hostile_sources = $(test-relay_sources)
test-sandbox_sources = tests/lib/nb-fake-portal.c spawn/portal/spawn-request.c \
  $(filter-out spawn/broker/broker.c,$(broker_sources)) $(wire_sources) \
  spawn/base/fd.c spawn/base/log.c
test-spawn-request_sources = spawn/portal/spawn-request.c spawn/base/fd.c
test-squeeze_sources = seccomp/squeeze.c tests/lib/bpf-sim.c
test-start-broker_sources = spawn/run/start-broker.c spawn/broker/command-line.c \
  spawn/broker/sandbox/profile.c spawn/base/kind.c spawn/base/fd.c
test-survey_sources = zygote/controller/survey.c spawn/base/proc-stat.c spawn/base/fd.c spawn/base/kind.c
test-trace_sources = $(trace_sources) $(wire_sources) spawn/base/fd.c spawn/base/kind.c \
  spawn/tool/trace-print.c spawn/tool/audit-print.c $(audit_test_sources)
test-watch_sources = $(watch_sources) $(confine_sources) seccomp/confine.c \
  zygote/wire/channel.c spawn/base/fd.c
test-zypak_sources = spawn/run/zypak.c
test-zygote-recorded_sources = $(test-zygote-command_sources)
test-zygote-command_sources = zygote/wire/zygote-command.c zygote/wire/pickle-reader.c \
  zygote/wire/pickle-writer.c

# These drive what was built, from $(O).
integration_tests := \
  test-broker \
  test-broker-bounds \
  test-broker-clients \
  test-broker-faults \
  test-broker-identify \
  test-broker-log \
  test-broker-program \
  test-broker-loss \
  test-broker-survey \
  test-chrome-sandbox \
  test-controller \
  test-controller-life \
  test-controller-zygote \
  test-gpu-router-program \
  test-library \
  test-library-broker \
  test-library-gio \
  test-library-zygote \
  test-nestbox
test-nestbox_sources = spawn/base/fd.c
test-chrome-sandbox_sources = $(wire_sources) spawn/base/fd.c
broker_test_sources = tests/lib/nb-broker.c tests/lib/nb-portal.c $(broker_sources) \
  $(portal_sources) spawn/client/client.c $(wire_sources) spawn/base/fd.c spawn/base/log.c
test-broker_sources = $(broker_test_sources)
test-broker-bounds_sources = tests/lib/nb-beside.c $(broker_test_sources)
test-broker-log_sources = $(broker_test_sources) $(confine_sources) seccomp/confine.c
test-broker-program_sources = spawn/library/execute.c $(client_sources) $(wire_sources) \
  spawn/base/fd.c spawn/base/kind.c
test-broker-faults_sources = tests/lib/nb-beside.c $(broker_test_sources)
test-gpu-router-program_sources = $(filter-out %/gpu-router-main.c,$(gpu_router_sources))
test-broker-clients_sources = $(test-broker_sources)
test-library_sources = $(sort tests/lib/nb-host.c $(test-broker_sources) $(library_sources))
test-library-broker_sources = $(test-library_sources)
test-library-zygote_sources = $(test-library_sources)
test-library-gio_sources = $(test-library_sources) $(gio_sources)
test-broker-identify_sources = $(test-broker_sources) spawn/ps/brokers.c
test-broker-survey_sources = $(test-broker_sources) spawn/ps/brokers.c
test-broker-loss_sources = $(test-broker_sources)
controller_test_sources = tests/lib/nb-controller.c $(wire_sources) spawn/base/fd.c
test-controller_sources = $(controller_test_sources)
test-controller-zygote_sources = $(controller_test_sources) zygote/wire/zygote-command.c \
  zygote/preload/proc-door-client.c
test-controller-life_sources = $(controller_test_sources) spawn/base/flatpak-level.c \
  seccomp/landlock.c

# Those that have threads: GDBus's, and the test's own.
threaded_tests := test-broker test-broker-identify test-broker-survey test-broker-bounds test-broker-faults test-broker-log test-broker-loss \
  test-broker-clients test-library test-library-broker test-library-gio test-library-zygote
# They need pidfds, filters or all descriptors, or run other programs: not with valgrind 3.19.
valgrind_unfit := test-broker test-broker-identify test-broker-loss test-lost-zygote test-broker-survey test-broker-bounds test-broker-faults test-broker-log test-sandbox \
  test-broker-clients test-library test-library-broker test-library-gio test-library-zygote test-gpu-router-program \
  test-broker-program test-chrome-sandbox test-nestbox test-child-table test-controller test-controller-life \
  test-controller-zygote test-fd test-landlock \
  test-nursery test-oom-scores test-path-wall test-policy-live test-relay test-relay-hostile test-watch
# Nor these: the limits that they set and what they read of /proc are valgrind's there. The
# sanitizers, and the count of descriptors after each test, remain.
valgrind_unfit += test-proxy-check test-identify test-orphans test-pidfd test-descriptors test-process

# What is fuzzed, and replays its corpus in every check.
fuzz_targets := broker bus-policy channel command-line host-preload message nursery pickle portal \
  proc relay text zygote-command
fuzz-broker_sources = tests/lib/nb-fake-portal.c tests/fuzz/quiet-log.c \
  spawn/portal/spawn-request.c $(filter-out spawn/broker/broker.c spawn/broker/sandbox/orphans.c,$(broker_sources)) \
  $(wire_sources) spawn/base/fd.c
fuzz-bus-policy_sources = spawn/bus-gate/policy.c
fuzz-channel_sources = zygote/controller/proc-door.c zygote/controller/oom-scores.c spawn/base/pidfd.c \
  zygote/wire/channel.c spawn/base/fd.c
# These include the files whose functions they test: command-line, host-preload, text.
fuzz-command-line_sources = tests/fuzz/quiet-log.c spawn/broker/sandbox/exposure.c spawn/broker/sandbox/profile.c \
  spawn/broker/command-line.c spawn/run/handshake.c spawn/run/restart.c spawn/base/fd.c spawn/base/kind.c \
  spawn/base/flatpak-level.c spawn/chrome-sandbox/stand-in.c spawn/client/lost-zygote.c \
  spawn/chrome-sandbox/output-relay.c spawn/chrome-sandbox/nursery.c spawn/chrome-sandbox/bridge.c \
  $(trace_sources) $(client_sources) $(wire_sources)
fuzz-host-preload_sources = tests/fuzz/quiet-log.c spawn/base/kind.c spawn/preload/qtwebengine.c
fuzz-message_sources = tests/fuzz/layout.c $(trace_sources) $(wire_sources) spawn/base/kind.c spawn/base/fd.c
fuzz-nursery_sources = spawn/chrome-sandbox/nursery.c $(wire_sources) spawn/base/fd.c
fuzz-proc_sources = spawn/audit/proc-text.c spawn/base/proc-stat.c
fuzz-pickle_sources = tests/fuzz/layout.c zygote/wire/pickle-reader.c \
  zygote/wire/pickle-writer.c
fuzz-portal_sources = spawn/portal/portal-reply.c spawn/portal/spawn-request.c
fuzz-relay_sources = tests/fuzz/quiet-log.c zygote/controller/relay.c \
  zygote/controller/relay-children.c zygote/wire/zygote-command.c $(wire_sources) \
  spawn/base/fd.c
fuzz-text_sources = spawn/base/pidfd.c spawn/base/flatpak-level.c spawn/base/fd.c spawn/base/kind.c \
  spawn/base/log.c spawn/broker/sandbox/diagnostics.c spawn/client/environment.c
fuzz-zygote-command_sources = tests/fuzz/layout.c $(trace_sources) $(wire_sources) \
  spawn/base/fd.c spawn/base/kind.c

# What the real-Flatpak tests run inside the app.
test_programs := launch-like-chromium probe-walls execute-itself bench-exec bench-stand-in \
  talk-to-zygote fake-zygote act-as-child bench-filters pose-as-child reach-bus bus-host
bench-stand-in_sources = spawn/chrome-sandbox/nursery.c spawn/base/fd.c $(wire_sources)
bench-filters_sources = $(confine_sources) spawn/base/fd.c
bench-exec_sources = spawn/base/fd.c $(wire_sources)
browser_side_sources = tests/lib/browser-side.c spawn/base/fd.c $(wire_sources) \
  zygote/wire/zygote-command.c
launch-like-chromium_sources = $(browser_side_sources)
talk-to-zygote_sources = $(sort $(browser_side_sources) tests/lib/browser-library.c \
  $(library_sources))
bus-host_sources = $(library_sources)
reach-bus_sources = spawn/base/fd.c spawn/base/kind.c $(wire_sources)
pose-as-child_sources = spawn/base/fd.c
fake-zygote_sources = spawn/base/fd.c $(wire_sources) zygote/wire/zygote-command.c
# The attack suite: one program, run in each place.
attack_programs := nb-attack
attack_sources = $(wildcard tests/attack/*.c) $(browser_side_sources)
# What they run on the host.
rig_programs := fault-portal without-landlock

# SPDX-License-Identifier: BSD-3-Clause
base_sources := spawn/base/fd.c spawn/base/log.c spawn/base/flatpak-level.c spawn/base/kind.c
portal_sources := spawn/portal/spawn-request.c spawn/portal/portal-reply.c \
  spawn/portal/portal-client.c
bus_gate_sources := spawn/bus-gate/policy.c spawn/bus-gate/proxy-check.c spawn/tool/bus-gate.c
# What records, and decodes what is recorded.
trace_sources := spawn/client/trace.c zygote/wire/trace-text.c zygote/wire/zygote-command.c
# One sub-sandbox and what belongs to it; who asks for something; and the broker of both.
broker_sandbox_sources := $(addprefix spawn/broker/sandbox/,diagnostics.c exposure.c \
  hello-check.c orphans.c profile.c program.c questions.c sandbox.c sandbox-channel.c \
  sandbox-programs.c sandbox-questions.c sandbox-spawn.c sandboxes.c waiters.c)
broker_client_sources := $(addprefix spawn/broker/client/,client-connection.c \
  client-programs.c client-questions.c identification.c survey-run.c)
broker_sources = spawn/broker/broker.c spawn/broker/denials.c spawn/broker/pid-translation.c \
  $(broker_sandbox_sources) $(broker_client_sources) spawn/bus-gate/endpoint.c \
  spawn/base/no-bus.c spawn/base/pidfd.c spawn/base/proc-stat.c spawn/base/rendezvous.c spawn/client/environment.c \
  spawn/client/lost-zygote.c $(trace_sources) $(watch_sources)
stand_in_sources = spawn/chrome-sandbox/stand-in.c spawn/client/lost-zygote.c spawn/chrome-sandbox/output-relay.c \
  spawn/chrome-sandbox/nursery.c spawn/chrome-sandbox/bridge.c $(trace_sources) $(client_sources) $(base_sources) $(wire_sources)
library_core_sources := spawn/library/connection.c spawn/library/children.c spawn/library/failure.c \
  spawn/library/outbox.c spawn/library/identify.c spawn/library/oom-scores.c \
  spawn/base/rendezvous.c
client_sources := spawn/client/client.c spawn/client/environment.c $(library_core_sources) \
  spawn/base/pidfd.c

# Only what each really needs: these run inside the browser, or once per browser.
host_preload_sources = spawn/preload/host-preload.c spawn/preload/helper-disguise.c spawn/preload/qtwebengine.c \
  spawn/base/fd.c spawn/base/log.c \
  $(confine_sources) seccomp/confine.c spawn/base/kind.c
chrome_sandbox_sources = spawn/chrome-sandbox/chrome-sandbox-main.c \
  spawn/chrome-sandbox/confined-child.c $(stand_in_sources) $(confine_sources) \
  seccomp/confine.c
gpu_router_sources = spawn/gpu-router/gpu-router-main.c spawn/gpu-router/router.c \
  spawn/gpu-router/routed-children.c spawn/client/display.c \
  $(stand_in_sources)
# The public libraries. What helpers do without is in library_only_sources.
library_host_sources := spawn/library/launch.c spawn/library/open.c spawn/library/execute.c
library_only_sources := spawn/base/no-bus.c $(library_host_sources)
library_sources = $(client_sources) $(library_only_sources) spawn/base/fd.c \
  spawn/base/kind.c spawn/base/flatpak-level.c $(wire_sources)
gio_sources := spawn/gio/client.c spawn/gio/child.c spawn/gio/on-cancel.c
library_headers := spawn/library/nestbox.h spawn/gio/nestbox-gio.h

audit_sources := spawn/audit/proc-text.c spawn/base/proc-stat.c spawn/audit/process.c spawn/audit/sock-diag.c \
  spawn/audit/sockets.c spawn/audit/mounts.c spawn/audit/descriptors.c \
  spawn/audit/browser.c spawn/audit/expectations.c spawn/audit/measure.c spawn/audit/find.c
ps_sources := spawn/ps/brokers.c spawn/ps/tree.c
# `nestbox run`, which is in the browser's way: GLib alone.
nestbox_sources = $(addprefix spawn/run/,nestbox-main.c run.c handshake.c restart.c start-broker.c \
  zypak.c zypak-wrapper.c) spawn/broker/command-line.c spawn/broker/sandbox/profile.c \
  spawn/broker/sandbox/exposure.c spawn/library/execute.c spawn/base/rendezvous.c $(trace_sources) \
  $(base_sources) $(wire_sources)
broker_program_sources = spawn/broker/broker-main.c spawn/broker/command-line.c \
  $(broker_sources) $(portal_sources) $(base_sources) $(wire_sources) $(confine_sources)
# Every other command.
tool_sources = $(addprefix spawn/tool/,tool-main.c doctor.c policy.c audit.c audit-print.c here.c \
  terminal.c ps.c ps-print.c restart.c trace.c trace-print.c identify.c spawn.c) \
  $(library_core_sources) $(library_host_sources) $(bus_gate_sources) spawn/client/client.c \
  spawn/client/display.c $(audit_sources) $(ps_sources) \
  $(filter-out spawn/broker/broker.c $(broker_client_sources),$(broker_sources)) $(portal_sources) \
  $(base_sources) $(wire_sources) $(confine_sources)

# SPDX-License-Identifier: BSD-3-Clause
base_sources := spawn/base/fd.c spawn/base/log.c spawn/base/flatpak-level.c spawn/base/kind.c
portal_sources := spawn/portal/spawn-request.c spawn/portal/portal-reply.c \
  spawn/portal/portal-client.c
broker_sources = spawn/broker/broker.c spawn/broker/client-connection.c \
  spawn/broker/sandbox.c spawn/broker/sandboxes.c spawn/broker/profile.c \
  spawn/broker/program.c spawn/broker/diagnostics.c \
  spawn/broker/hello-check.c spawn/broker/denials.c \
  spawn/broker/pid-translation.c spawn/client/environment.c spawn/client/lost-zygote.c \
  $(watch_sources)
stand_in_sources = spawn/chrome-sandbox/stand-in.c spawn/chrome-sandbox/output-relay.c \
  spawn/chrome-sandbox/nursery.c $(client_sources) $(base_sources) $(wire_sources)
client_sources := spawn/client/client.c spawn/client/environment.c spawn/client/lost-zygote.c

# Only what each really needs: these run inside the browser, or once per browser.
host_preload_sources = spawn/preload/host-preload.c spawn/preload/qtwebengine.c \
  spawn/base/fd.c spawn/base/log.c \
  $(confine_sources) seccomp/confine.c spawn/base/kind.c
chrome_sandbox_sources = spawn/chrome-sandbox/chrome-sandbox-main.c \
  spawn/chrome-sandbox/confined-child.c $(stand_in_sources) $(confine_sources) \
  seccomp/confine.c
gpu_router_sources = spawn/gpu-router/gpu-router-main.c spawn/gpu-router/router.c \
  spawn/gpu-router/routed-children.c spawn/client/display.c \
  zygote/wire/zygote-command.c $(stand_in_sources)
audit_sources := spawn/audit/proc-text.c spawn/audit/process.c spawn/audit/sock-diag.c \
  spawn/audit/sockets.c spawn/audit/mounts.c spawn/audit/descriptors.c \
  spawn/audit/browser.c spawn/audit/expectations.c spawn/audit/measure.c spawn/audit/find.c
nestbox_sources = spawn/tool/nestbox-main.c spawn/tool/run.c spawn/tool/start-broker.c \
  spawn/tool/doctor.c spawn/tool/policy.c spawn/tool/audit.c spawn/tool/audit-print.c \
  spawn/client/display.c $(audit_sources) $(broker_sources) \
  $(portal_sources) $(base_sources) $(wire_sources) \
  $(confine_sources)

# SPDX-License-Identifier: BSD-3-Clause
wire_sources := zygote/wire/pickle-reader.c zygote/wire/pickle-writer.c \
  zygote/wire/channel.c zygote/wire/message.c
controller_sources = zygote/controller/nestbox-controller-main.c \
  zygote/controller/controller.c zygote/controller/child-table.c zygote/controller/exec.c \
  zygote/controller/listeners.c zygote/controller/zygotes.c zygote/controller/background.c \
  zygote/controller/gpu-environment.c zygote/controller/proc-door.c \
  zygote/controller/relay.c zygote/controller/relay-children.c \
  zygote/controller/oom-scores.c zygote/controller/survey.c spawn/base/proc-stat.c zygote/controller/identify.c spawn/base/pidfd.c spawn/base/no-bus.c \
  zygote/wire/zygote-command.c $(base_sources) \
  $(wire_sources) $(confine_sources) seccomp/confine.c $(watch_sources)
zygote_preload_sources = zygote/preload/zygote-preload.c zygote/preload/proc-door-client.c \
  zygote/wire/channel.c zygote/wire/pickle-reader.c zygote/wire/pickle-writer.c \
  zygote/wire/zygote-command.c spawn/base/fd.c spawn/base/log.c spawn/base/no-bus.c $(confine_sources)

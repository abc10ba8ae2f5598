# SPDX-License-Identifier: BSD-3-Clause
# One non-recursive makefile; every folder lists its files in a module.mk.
# `make help` lists the targets.

VERSION := 0.1.0
SOVERSION := 0

# --- what a packager may set -----------------------------------------------------------
PREFIX ?= /app
DESTDIR ?=
bindir ?= $(PREFIX)/bin
libdir ?= $(PREFIX)/lib
libexecdir ?= $(PREFIX)/libexec
includedir ?= $(PREFIX)/include
datadir ?= $(PREFIX)/share
mandir ?= $(datadir)/man
pkglibdir := $(libdir)/nestbox
pkglibexecdir := $(libexecdir)/nestbox
testdir := $(libexecdir)/nestbox-tests
CC ?= cc
AR ?= ar
OBJCOPY ?= objcopy
CFLAGS ?= -O2 -g
CPPFLAGS ?=
LDFLAGS ?=
O ?= build/out
V ?= 0
WERROR ?= 0
PKG_CONFIG ?= pkg-config

MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all
all:

# `make asan check`: the same goals with sanitizers, in a folder of their own. The preloads
# then do not fit into a browser, so the real-Flatpak tests are left out.
ifneq ($(filter asan,$(MAKECMDGOALS)),)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
O := build/asan
VARIANT := O=$(O) SANITIZE='$(SANITIZE)'
endif
# `make tsan check-unit`: the same with ThreadSanitizer, for the tests that have threads.
ifneq ($(filter tsan,$(MAKECMDGOALS)),)
SANITIZE := -fsanitize=thread -fno-omit-frame-pointer
O := build/tsan
VARIANT := O=$(O) SANITIZE='$(SANITIZE)'
export TSAN_OPTIONS := suppressions=tests/lib/tsan.suppressions
endif

# --- goals that work before the packages are there ---------------------------------------
PREPARING := help setup check demo repo bench soak clean asan tsan fuzz fuzz-merge coverage \
  check-chromium-patch
ifneq ($(filter-out $(PREPARING),$(or $(MAKECMDGOALS),all)),)
NEEDS_PACKAGES := 1
endif

# A missing dependency is named the way pkg-config and the distribution know it.
define require
ifeq ($$(shell $(PKG_CONFIG) --exists '$(1)' && echo yes),)
$$(error '$(1)' is missing (Debian: $(2)). Run ./tests/setup, or install it)
endif
endef
ifdef NEEDS_PACKAGES
ifeq ($(shell command -v $(PKG_CONFIG)),)
$(error pkg-config is missing (Debian: pkg-config). Run ./tests/setup, or install it)
endif
$(eval $(call require,gio-unix-2.0 >= 2.68,libglib2.0-dev))
$(eval $(call require,libseccomp >= 2.5,libseccomp-dev))
# -isystem: GLib's headers are not ours to keep clean of -Wconversion.
GIO_CFLAGS := $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags gio-unix-2.0))
GIO_LIBS := $(shell $(PKG_CONFIG) --libs gio-unix-2.0)
GLIB_LIBS := $(shell $(PKG_CONFIG) --libs glib-2.0)
SECCOMP_CFLAGS := $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags libseccomp))
SECCOMP_LIBS := $(shell $(PKG_CONFIG) --libs libseccomp)
endif

# --- flags -------------------------------------------------------------------------------
WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
  -Wpointer-arith -Wwrite-strings -Wformat=2 -Wno-format-nonliteral -Wundef -Wvla -Wcast-align -Wnull-dereference
# Partial initialisers are the usual way to zero the rest.
WARNINGS += -Wno-missing-field-initializers
ifeq ($(WERROR),1)
WARNINGS += -Werror
endif
DEFINES := -D_GNU_SOURCE -DNB_VERSION='"$(VERSION)"' -DNB_BINDIR='"$(bindir)"' \
  -DNB_PKGLIBDIR='"$(pkglibdir)"' -DNB_PKGLIBEXECDIR='"$(pkglibexecdir)"' \
  -DGLIB_VERSION_MIN_REQUIRED=GLIB_VERSION_2_68 -DGLIB_VERSION_MAX_ALLOWED=GLIB_VERSION_2_68
# -z now: a preload must not resolve symbols between fork and exec, or under a filter.
HARDENING := -fPIC -fstack-protector-strong -fvisibility=hidden
ALL_CPPFLAGS := -I. -I$(O)/gen -Ispawn/library -Ispawn/gio $(DEFINES) $(CPPFLAGS)
ALL_CFLAGS := -std=gnu11 $(WARNINGS) $(HARDENING) $(SANITIZE) $(CFLAGS)
ALL_LDFLAGS := -Wl,-z,relro,-z,now -Wl,--as-needed $(SANITIZE) $(LDFLAGS)
quiet = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)';)

# --- what is built: each module.mk appends -----------------------------------------------
test_programs :=
fuzz_targets :=
unit_tests :=
integration_tests :=
include spawn/module.mk zygote/module.mk seccomp/module.mk tests/module.mk

objects_of = $(patsubst %.c,$(O)/%.o,$(filter %.c,$(1)))
c_sources := $(sort $(shell find spawn zygote seccomp tests -name '*.c'))
c_headers := $(sort $(shell find spawn zygote seccomp tests -name '*.h'))

# Changed flags rebuild everything.
flags := $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS)
ifdef NEEDS_PACKAGES
$(shell mkdir -p $(O)/gen; echo '$(subst ','\'',$(flags))' | cmp -s - $(O)/flags || \
  echo '$(subst ','\'',$(flags))' > $(O)/flags)
endif

$(O)/%.o: %.c $(O)/flags Makefile
	@mkdir -p $(@D)
	$(call quiet,CC,$<)$(CC) $(ALL_CPPFLAGS) $(GIO_CFLAGS) $(SECCOMP_CFLAGS) $(ALL_CFLAGS) \
	  -MMD -MP -c -o $@ $<

# $(call program,path,sources,libraries)
define program
$(O)/$(1): $(call objects_of,$(2))
	@mkdir -p $$(@D)
	$$(call quiet,LINK,$(1))$$(CC) $$(ALL_CFLAGS) -o $$@ $$(filter %.o,$$^) $$(ALL_LDFLAGS) $(3)
endef
# $(call shared,path,sources): a library without soname, for LD_PRELOAD
define shared
$(O)/$(1): $(call objects_of,$(2))
	@mkdir -p $$(@D)
	$$(call quiet,LINK,$(1))$$(CC) $$(ALL_CFLAGS) -shared -o $$@ $$(filter %.o,$$^) $$(ALL_LDFLAGS)
endef

# $(call library,name,sources,map,libraries): for others to link. The archive is one object
# in which everything but the map's symbols is local, so that no name of ours is in the way.
define library
$(O)/$(1).so.$(SOVERSION): $(call objects_of,$(2)) $(3)
	@mkdir -p $$(@D)
	$$(call quiet,LINK,$(1).so)$$(CC) $$(ALL_CFLAGS) -shared -o $$@ $$(filter %.o,$$^) \
	  -Wl,-soname,$(1).so.$(SOVERSION) -Wl,--version-script=$(3) $$(ALL_LDFLAGS) $(4)
	@ln -sf $(1).so.$(SOVERSION) $(O)/$(1).so
$(O)/$(1).a: $(call objects_of,$(2))
	@mkdir -p $$(@D)
	$$(call quiet,AR,$(1).a)rm -f $$@ && ld -r -o $$(@:.a=.o) $$^ && \
	  $(OBJCOPY) --localize-hidden $$(@:.a=.o) && $(AR) rcs $$@ $$(@:.a=.o)
endef
$(eval $(call library,libnestbox,$(library_sources),spawn/library/libnestbox.map,))
$(eval $(call library,libnestbox-gio,$(gio_sources),spawn/gio/libnestbox-gio.map,\
  -L$(O) -lnestbox $(GIO_LIBS)))
$(O)/libnestbox-gio.so.$(SOVERSION): $(O)/libnestbox.so.$(SOVERSION)
$(O)/%.pc: Makefile $(O)/flags
	@mkdir -p $(@D)
	$(call quiet,GEN,$@)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(libdir)|' \
	  -e 's|@INCLUDEDIR@|$(includedir)|' -e 's|@VERSION@|$(VERSION)|' $(filter %.in,$^) > $@
$(O)/nestbox.pc: spawn/library/nestbox.pc.in
$(O)/nestbox-gio.pc: spawn/gio/nestbox-gio.pc.in

$(eval $(call program,nestbox,$(nestbox_sources),$(GLIB_LIBS)))
$(eval $(call program,nestbox-broker,$(broker_program_sources),$(GIO_LIBS)))
$(eval $(call program,nestbox-tool,$(tool_sources),$(GIO_LIBS)))
$(eval $(call program,nestbox-chrome-sandbox,$(chrome_sandbox_sources),))
$(eval $(call program,nestbox-gpu-router,$(gpu_router_sources),))
$(eval $(call program,nestbox-controller,$(controller_sources),))
$(eval $(call program,seccomp-compile,$(seccomp_compile_sources),$(SECCOMP_LIBS)))
$(eval $(call shared,libnestbox-host.so,$(host_preload_sources)))
$(eval $(call shared,libnestbox-zygote.so,$(zygote_preload_sources)))
$(foreach test,$(unit_tests),$(eval $(call program,tests/unit/$(test),\
  tests/unit/$(test).c $($(test)_sources) $(test_support_sources),$(GIO_LIBS))))
$(foreach test,$(integration_tests),$(eval $(call program,tests/integration/$(test),\
  tests/integration/$(test).c $($(test)_sources) $(test_support_sources),$(GIO_LIBS))))
# With a main() that runs the corpus once, or with libFuzzer's: see `make fuzz`.
$(foreach name,$(fuzz_targets),$(eval $(call program,tests/fuzz/fuzz-$(name),\
  tests/fuzz/fuzz-$(name).c tests/fuzz/fuzz.c $(if $(FUZZER),,tests/fuzz/replay.c) \
  $(fuzz-$(name)_sources),$(FUZZER) $(GIO_LIBS))))
$(foreach name,$(test_programs) $(rig_programs),$(eval $(call program,tests/programs/$(name),\
  tests/programs/$(name).c $($(name)_sources),$(GIO_LIBS))))
$(eval $(call program,tests/programs/nb-attack,$(attack_sources),))

$(O)/gen/policy-programs.h: $(O)/seccomp-compile
	$(call quiet,GEN,$@)$< > $@
$(O)/gen/policy-texts.h: $(O)/seccomp-compile
	$(call quiet,GEN,$@)$< --texts > $@
$(O)/spawn/tool/policy.o: $(O)/gen/policy-texts.h
$(O)/seccomp/programs.o $(O)/tests/unit/test-policy.o $(O)/tests/unit/test-path-wall.o: $(O)/gen/policy-programs.h
$(O)/seccomp/policy.o: seccomp/policy.def
$(O)/seccomp/compile-main.o: seccomp/path-wall.def

binaries := nestbox nestbox-broker nestbox-tool nestbox-chrome-sandbox nestbox-gpu-router \
  nestbox-controller libnestbox-host.so libnestbox-zygote.so
libraries := libnestbox.so.$(SOVERSION) libnestbox-gio.so.$(SOVERSION)
archives := libnestbox.a libnestbox-gio.a
pc_files := nestbox.pc nestbox-gio.pc
all: $(addprefix $(O)/,$(binaries) $(libraries) $(archives) $(pc_files)) ## build everything (default)

-include $(shell find $(O) -name '*.d' 2>/dev/null)

# --- install ------------------------------------------------------------------------------
.PHONY: install install-tests
install: all ## install; DESTDIR= and PREFIX= (default /app)
	install -D -m 755 $(O)/nestbox $(DESTDIR)$(bindir)/nestbox
	ln -sf nestbox $(DESTDIR)$(bindir)/zypak-wrapper
	ln -sf nestbox $(DESTDIR)$(bindir)/zypak-wrapper.sh
	install -d $(DESTDIR)$(pkglibexecdir) $(DESTDIR)$(pkglibdir)
	install -m 755 $(O)/nestbox-broker $(O)/nestbox-tool $(O)/nestbox-controller \
	  $(O)/nestbox-chrome-sandbox $(O)/nestbox-gpu-router $(DESTDIR)$(pkglibexecdir)
	install -m 755 $(O)/libnestbox-host.so $(O)/libnestbox-zygote.so $(DESTDIR)$(pkglibdir)
	install -D -m 644 spawn/library/nestbox-library.3 \
	  $(DESTDIR)$(mandir)/man3/nestbox-library.3
	install -m 755 $(addprefix $(O)/,$(libraries)) $(DESTDIR)$(libdir)
	install -m 644 $(addprefix $(O)/,$(archives)) $(DESTDIR)$(libdir)
	for name in $(libraries:.so.$(SOVERSION)=.so); do \
	  ln -sf $$name.$(SOVERSION) $(DESTDIR)$(libdir)/$$name; done
	install -d $(DESTDIR)$(includedir) $(DESTDIR)$(libdir)/pkgconfig
	install -m 644 $(library_headers) $(DESTDIR)$(includedir)
	install -m 644 $(addprefix $(O)/,$(pc_files)) $(DESTDIR)$(libdir)/pkgconfig
	install -d $(DESTDIR)$(mandir)/man1
	install -m 644 spawn/tool/*.1 $(DESTDIR)$(mandir)/man1
	install -D -m 644 spawn/tool/completion/nestbox.bash \
	  $(DESTDIR)$(datadir)/bash-completion/completions/nestbox
	install -D -m 644 spawn/tool/completion/_nestbox \
	  $(DESTDIR)$(datadir)/zsh/site-functions/_nestbox
	install -D -m 644 spawn/tool/completion/nestbox.fish \
	  $(DESTDIR)$(datadir)/fish/vendor_completions.d/nestbox.fish

.PHONY: test-programs rig-programs
rig-programs: $(addprefix $(O)/tests/programs/,$(rig_programs) $(attack_programs))
test-programs: $(addprefix $(O)/tests/programs/,$(test_programs) $(attack_programs))
install-tests: test-programs ## install what the real-Flatpak tests run inside the app
	install -d $(DESTDIR)$(testdir)
	install -m 755 $(addprefix $(O)/tests/programs/,$(test_programs) $(attack_programs)) \
	  $(DESTDIR)$(testdir)

# gcov writes its data when a program executes another. A child of vfork() would do that for
# its parent, whose own data would then never be written; and where the test's own execve()
# returns, what was counted until then would be forgotten.
ifeq ($(COVERAGE),1)
$(O)/zygote/controller/exec.o $(O)/tests/unit/test-host-preload.o \
  $(O)/tests/fuzz/fuzz-host-preload.o: ALL_CFLAGS += -fno-builtin-execve -fno-builtin-execv
endif

# --- fuzzing ----------------------------------------------------------------------------------
# FUZZ= names single targets: make fuzz FUZZ=relay SECONDS=600
SECONDS ?= 60
fuzz_programs := $(addprefix $(O)/tests/fuzz/fuzz-,$(fuzz_targets))
fuzz_variant := O=build/fuzz CC=clang FUZZER=-fsanitize=fuzzer \
  SANITIZE='-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all'

.PHONY: fuzz fuzz-merge fuzz-programs
fuzz-programs: $(fuzz_programs)
fuzz: ## fuzz every target for SECONDS=60 each
	@$(MAKE) $(fuzz_variant) fuzz-programs
	@tests/fuzz/run $(SECONDS) $(or $(FUZZ),$(fuzz_targets))
fuzz-merge: ## keep what fuzzing found to reach more, in tests/fuzz/corpus
	@$(MAKE) $(fuzz_variant) fuzz-programs
	@tests/fuzz/run merge $(or $(FUZZ),$(fuzz_targets))

# --- tests ----------------------------------------------------------------------------------
# TESTS= names single files: make check-flatpak TESTS=tests/flatpak/test_sandbox.py
.PHONY: setup check check-all check-unit check-static check-flatpak check-attack check-faults \
  check-chromium-patch asan tsan demo repo bench soak
compiled_tests := $(addprefix $(O)/tests/unit/,$(unit_tests)) \
  $(addprefix $(O)/tests/integration/,$(integration_tests)) $(fuzz_programs)
# Its filters deny what the sanitizers themselves need.
ifneq ($(SANITIZE),)
compiled_tests := $(filter-out %/test-policy-live,$(compiled_tests))
endif
ifneq ($(filter tsan,$(MAKECMDGOALS)),)
compiled_tests := $(addprefix $(O)/tests/integration/,$(threaded_tests))
endif
static_tests := tests/static/check-sources tests/static/check-library tests/static/check-commands \
  tests/static/check-chromium-patch
flatpak_tests := $(sort $(wildcard tests/flatpak/test_*.py))
analyze_flags = $(ALL_CPPFLAGS) $(GIO_CFLAGS) $(SECCOMP_CFLAGS)
valgrind_programs = $(filter-out $(addprefix %/,$(valgrind_unfit)),$(compiled_tests))
run_tap = NESTBOX_TEST_BUILD=$(O) LC_ALL=C.UTF-8 G_DEBUG=fatal-warnings tests/lib/run-tap \
  $(if $(filter 1,$(V)),-v)

setup: ## install the distribution packages that building and testing needs
	@tests/setup

check: setup ## every test, unit to real Flatpak, set-up included
	@$(MAKE) $(VARIANT) $(if $(SANITIZE),check-unit,check-all)

check-all: export ANALYZE_FLAGS = $(analyze_flags)
check-all: export VALGRIND_PROGRAMS = $(valgrind_programs)
check-all: all rig-programs test-programs $(compiled_tests)
	@tests/flatpak/rig up
	@$(run_tap) $(or $(TESTS),$(static_tests) $(compiled_tests) $(analyzers) $(flatpak_tests))

check-unit: all test-programs $(compiled_tests) ## unit and integration tests only
	@$(run_tap) $(or $(TESTS),$(compiled_tests))

check-static: all ## what can be checked by reading
	@$(run_tap) $(static_tests)

check-flatpak: all rig-programs ## the real-Flatpak tests only
	@tests/flatpak/rig up
	@$(run_tap) $(or $(TESTS),$(flatpak_tests))

check-attack: all rig-programs ## the attack suite only; prints its table
	@tests/flatpak/rig up
	@$(run_tap) tests/flatpak/test_attack.py; status=$$?; \
	  cat $(or $(NESTBOX_BUILD),build)/rig/logs/attack-table.txt; exit $$status

check-faults: all rig-programs ## the whole kill matrix; prints its table
	@tests/flatpak/rig up
	@NESTBOX_FAULTS=all $(run_tap) tests/flatpak/test_faults.py; status=$$?; \
	  cat $(or $(NESTBOX_BUILD),build)/rig/logs/fault-table.txt; exit $$status

check-chromium-patch: ## does third_party/chromium fit the newest source? fetches 1 GB; not in check
	@tests/chromium/check-patch

asan: ## with other goals (asan check): do them with ASan and UBSan; alone: build so
	@$(if $(filter-out asan,$(MAKECMDGOALS)),:,$(MAKE) $(VARIANT) all)

tsan: ## with check-unit: the tests that have threads, with ThreadSanitizer
	@$(if $(filter-out tsan,$(MAKECMDGOALS)),:,$(MAKE) $(VARIANT) all)

demo: setup ## show an unmodified Chromium sandboxed in real Flatpak
	@tests/flatpak/demo

# GPG_KEY in the keyring of GNUPGHOME. REPO_URL: where it will be served, if not here.
repo: setup ## a signed Flatpak repository in build/repo; GPG_KEY=ID signs
	@tests/flatpak/repo --key='$(GPG_KEY)' $(if $(REPO_URL),--url='$(REPO_URL)')

bench: setup ## measure speed and memory; build/bench.json, bench.svg, bench.png
	@tests/bench/bench
	@cd $(or $(NESTBOX_BUILD),build) && $(CURDIR)/tests/bench/chart bench.json bench.svg bench.png

# MINUTES for each way for PIDs; SOAK_FLAGS as tests/flatpak/soak --help has them.
soak: setup ## tabs opened, crashed, killed and closed at random; MINUTES=10
	@tests/flatpak/soak --minutes=$(or $(MINUTES),10) $(SOAK_FLAGS)

# --- analyzers ------------------------------------------------------------------------------
# Each prints TAP and is part of `make check`; tests/static/variants is the builds with
# sanitizers and the coverage (fuzzing finds by luck: `make fuzz`).
.PHONY: analyze valgrind coverage check-variants
analyzers := tests/static/analyze tests/static/variants tests/lib/run-valgrind
analyze: export ANALYZE_FLAGS = $(analyze_flags)
analyze: $(O)/gen/policy-programs.h $(O)/gen/policy-texts.h ## gcc -fanalyzer, clang-tidy and cppcheck
	@$(run_tap) tests/static/analyze

valgrind: export VALGRIND_PROGRAMS = $(valgrind_programs)
valgrind: $(compiled_tests) ## lost memory, descriptors left open, of what valgrind can run
	@$(run_tap) tests/lib/run-valgrind

# Tests call __gcov_dump() only where it is there, so that it has to be asked for; and the
# policies are compiled again, since that counts, too.
coverage: ## lines that unit, integration and fuzz tests reach, by file and folder
	@rm -f $$(find build/coverage -name '*.gcda' 2>/dev/null) build/coverage/gen/policy-*.h
	@$(MAKE) O=build/coverage COVERAGE=1 CFLAGS='-O0 -g --coverage -fprofile-update=atomic' \
	  LDFLAGS='-Wl,-u,__gcov_dump' check-unit
	@tests/lib/coverage build/coverage

check-variants: ## asan, tsan and coverage, one after the other
	@$(run_tap) tests/static/variants

# --- development ----------------------------------------------------------------------------
.PHONY: format clean help
format: ## format the sources
	clang-format -i $(c_sources) $(c_headers)

clean: ## remove what was built; `tests/flatpak/rig clean` removes the rig as well
	rm -rf build/out build/asan build/tsan build/fuzz build/coverage build/clang

help: ## this list
	@echo 'nestbox $(VERSION): make [GOAL] [VARIABLE=VALUE]'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 24
	@echo 'Variables: CC CFLAGS LDFLAGS PREFIX DESTDIR O=build/out V=1 WERROR=1 TESTS='

# SPDX-License-Identifier: MIT
#
# Makefile - the whole build, not recursive. `make help` lists the targets.
#
# Variables: B (build folder), CC, CFLAGS, DEVELOPER=1 (-Werror), SANITIZE=address,undefined | thread (clang for thread),
# UCONTEXT=1 (portable switch), NO_DEPS=1 (installs no packages), PREFIX, DESTDIR and the folders below, TEST_SCALE
# (a factor for the tests' counts), TEST_TIMEOUT (seconds per test), QUICK=1, ROWS (patterns; both of bench and
# bench-runtime), V=1 (shows the commands).

VERSION := $(file < VERSION)
B ?= build
CC = gcc
AR = ar
JOBS := $(shell nproc)
# As many jobs as there are processors, unless -j says otherwise.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(JOBS)
endif

.DEFAULT_GOAL := all
.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:

# ---- flags ----------------------------------------------------------------------------------------------------------

CFLAGS ?= -O2 -g
STANDARD := -std=c11 -D_GNU_SOURCE -I. -I$(B)/gen -DBATON_VERSION='"$(VERSION)"'
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
	-Wpointer-arith -Wwrite-strings
HARDENING := -fno-common -fvisibility=hidden -fPIC -fno-omit-frame-pointer -fstack-clash-protection \
	-fstack-protector-strong -pthread
LINKING := -pthread -Wl,-z,relro,-z,now
ifeq ($(DEVELOPER),1)
WARNINGS += -Werror
endif
ifneq ($(SANITIZE),)
CFLAGS := -O1 -g
STANDARD += -DBATON_SANITIZE
HARDENING += -fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined
LINKING += -fsanitize=$(SANITIZE)
else
HARDENING += -D_FORTIFY_SOURCE=2
endif
ifeq ($(UCONTEXT),1)
STANDARD += -DCO_SWITCH_UCONTEXT
endif
COMPILE = $(CC) $(STANDARD) $(CFLAGS) $(WARNINGS) $(HARDENING)

EVENT_LIBS := $(shell pkg-config --libs libevent_core 2>/dev/null || echo -levent_core)
PROTOBUF_LIBS := $(shell pkg-config --libs libprotobuf-c 2>/dev/null || echo -lprotobuf-c)
SYSTEMD_LIBS := $(shell pkg-config --libs libsystemd 2>/dev/null || echo -lsystemd)
CMOCKA_LIBS := $(shell pkg-config --libs cmocka 2>/dev/null || echo -lcmocka)

# $(call say,WHAT,FILE) is a line in place of the command that $(Q) hides; V=1 shows the command.
ifeq ($(V),)
Q := @
say = @printf '  %-6s %s\n' $(1) $(2)
endif

# ---- packages -------------------------------------------------------------------------------------------------------

# A stamp per group of packages, made once scripts/deps has found or installed them. NO_DEPS=1: nobody looks.
deps-of = $(if $(filter 1,$(NO_DEPS)),,$(1:%=$(B)/.deps-%))
DEPS := $(call deps-of,build)

deps: $(call deps-of,build check) ## install the packages that build and check need, where they are missing

$(B)/.deps-%: scripts/deps
	@mkdir -p $(@D)
	@CC=$(CC) scripts/deps $*
	@touch $@

# ---- what is built from what ----------------------------------------------------------------------------------------

objects = $(patsubst %,$(B)/obj/%.o,$(basename $(1)))

BASE := $(wildcard base/*.c)
PROTO := $(wildcard proto/*.c)
PROTOS := $(wildcard proto/baton/v1/*.proto)
GENERATED := $(patsubst proto/%.proto,$(B)/gen/%.pb-c.c,$(PROTOS))
RUNTIME := $(wildcard runtime/*.c) $(wildcard runtime/*.S)
OBJECTS := $(wildcard daemon/objects/*.c)
DAEMON := $(filter-out daemon/main.c,$(wildcard daemon/*.c))
CLIENT := $(wildcard clientlib/*.c)
CLI := $(filter-out cli/main.c,$(wildcard cli/*.c))
GENERATED_OBJECTS := $(GENERATED:$(B)/gen/%.c=$(B)/obj/gen/%.o)

PROGRAMS := $(if $(wildcard daemon/main.c),$(B)/batond) $(if $(wildcard cli/main.c),$(B)/baton)
LIBRARIES := $(if $(CLIENT),$(B)/libbaton.so.0 $(B)/libbaton.a)

PAGES := $(addprefix $(B)/man/,libbaton.3 baton-recipes.7 baton-semantics.7) # those that are made

all: $(LIBRARIES) $(PROGRAMS) $(PAGES) ## batond, baton, libbaton.so.0 and libbaton.a in build/

$(B)/man/%.3: docs/%.3.in clientlib/baton.h scripts/synopsis.awk
	@mkdir -p $(@D)
	@scripts/synopsis.awk clientlib/baton.h $< >$@

RECIPES := $(wildcard docs/recipes/*.sh)

$(B)/man/baton-recipes.7: $(RECIPES) scripts/recipes-page.awk
	@mkdir -p $(@D)
	@scripts/recipes-page.awk $(RECIPES) >$@

$(B)/man/baton-semantics.7: docs/semantics.md scripts/semantics-page.awk
	@mkdir -p $(@D)
	@scripts/semantics-page.awk $< >$@

# Libraries for the project's own programs and tests; each is linked after those that use it.
$(B)/libbase.a: $(call objects,$(BASE))
$(B)/libproto.a: $(call objects,$(PROTO)) $(GENERATED_OBJECTS)
$(B)/libruntime.a: $(call objects,$(RUNTIME))
$(B)/libobjects.a: $(call objects,$(OBJECTS))
$(B)/libdaemon.a: $(call objects,$(DAEMON))
$(B)/libclient.a: $(call objects,$(CLIENT))
$(B)/libcli.a: $(call objects,$(CLI))
$(B)/libbase.a $(B)/libproto.a $(B)/libruntime.a $(B)/libobjects.a $(B)/libdaemon.a $(B)/libclient.a $(B)/libcli.a:
	@mkdir -p $(@D)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/batond: $(B)/obj/daemon/main.o $(B)/libdaemon.a $(B)/libobjects.a $(B)/libruntime.a $(B)/libproto.a $(B)/libbase.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LINKING) -o $@ $^ $(EVENT_LIBS) $(PROTOBUF_LIBS) $(SYSTEMD_LIBS)

$(B)/baton: $(B)/obj/cli/main.o $(B)/libcli.a $(B)/libclient.a $(B)/libproto.a $(B)/libbase.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LINKING) -o $@ $^ $(PROTOBUF_LIBS)

$(B)/libbaton.so.0: $(call objects,$(CLIENT) $(PROTO) $(BASE)) $(GENERATED_OBJECTS) clientlib/libbaton.map
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LINKING) -shared -Wl,-soname,libbaton.so.0 -Wl,--version-script=clientlib/libbaton.map \
		$(if $(SANITIZE),,-Wl$(comma)-z$(comma)defs) -o $@ $(filter %.o,$^) $(PROTOBUF_LIBS)
	@ln -sf libbaton.so.0 $(B)/libbaton.so
comma := ,

$(B)/libbaton.a: $(call objects,$(CLIENT) $(PROTO) $(BASE)) $(GENERATED_OBJECTS)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# ---- compiling ------------------------------------------------------------------------------------------------------

$(B)/obj/%.o: %.c | $(GENERATED) $(DEPS)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

$(B)/obj/%.o: %.S | $(DEPS)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

$(B)/obj/gen/%.o: $(B)/gen/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(STANDARD) $(CFLAGS) $(HARDENING) -MMD -MP -c -o $@ $<

$(B)/gen/%.pb-c.c: proto/%.proto $(PROTOS) | $(DEPS)
	@mkdir -p $(B)/gen
	$(call say,PROTO,$<)
	$(Q)protoc-c -Iproto --c_out=$(B)/gen $<

-include $(shell find $(B)/obj $(B)/headers -name '*.d' 2>/dev/null)

# ---- tests ----------------------------------------------------------------------------------------------------------

# Programs: a test_*.c each, linked with what they test. Scripts: test_*.sh and test_*.py. tests/run starts both alike.
programs-in = $(patsubst %.c,$(B)/%,$(wildcard $(1:%=tests/%/test_*.c)))
scripts-in = $(wildcard $(1:%=tests/%/test_*.sh) $(1:%=tests/%/test_*.py))
UNIT := $(call programs-in,unit objects)
# The examples between processes: processes_*.c and sh_*.sh.
INTEGRATION := $(call programs-in,integration cli) $(call scripts-in,integration cli sim) \
	$(patsubst %.c,$(B)/%,$(wildcard tests/examples/processes_*.c)) $(wildcard tests/examples/sh_*.sh)
STRESS := $(call programs-in,stress) $(call scripts-in,stress)
# What is not about the code's behaviour runs once, not in every sanitizer: installing, examples, units.
ONCE := $(wildcard $(addprefix tests/integration/test_,install.sh readme.py demo.sh))
SYSTEMD := $(wildcard tests/integration/test_systemd.sh)
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,$(B)/tests/fuzz/replay_%,$(wildcard tests/fuzz/fuzz_*.c))

TEST_LIBRARIES = $(B)/libdaemon.a $(B)/libobjects.a $(B)/libruntime.a $(B)/libclient.a $(B)/libproto.a $(B)/libbase.a
TEST_SUPPORT := $(call objects,$(wildcard tests/lib/*.c))
TEST_TIMEOUT ?= 120
RUN = @TEST_SANITIZE=$(SANITIZE) tests/run -j $(JOBS) -t $(TEST_TIMEOUT) -b $(B)
LINK_TEST = $(CC) $(CFLAGS) $(LINKING) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
	$(EVENT_LIBS) $(PROTOBUF_LIBS) $(SYSTEMD_LIBS)

$(B)/tests/%: $(B)/obj/tests/%.o $(TEST_SUPPORT) $(TEST_LIBRARIES)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(LINK_TEST) $(CMOCKA_LIBS)

# Simulations: the files of runtime/sim, and a daemon's socket.c of their own, come before the libraries, whose members of
# the same names are then left out. The scheduler's question which coroutine is next goes to them too. See sim.h.
SIMULATED := $(call objects,$(wildcard runtime/sim/*.c) $(filter-out tests/sim/sim_%,$(wildcard tests/sim/*.c)))
SIM := $(patsubst %.c,$(B)/%,$(wildcard tests/sim/sim_*.c))

$(SIM): $(B)/tests/sim/%: $(B)/obj/tests/sim/%.o $(SIMULATED) $(TEST_LIBRARIES)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(LINK_TEST) -Wl,--wrap=co_queue_pick

# The tool's have no daemon in them: it has names of its own.
$(B)/tests/unit/test_cli_%: $(B)/obj/tests/unit/test_cli_%.o $(B)/libcli.a $(B)/libclient.a $(B)/libproto.a $(B)/libbase.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(LINK_TEST) $(CMOCKA_LIBS)

# The runtime's tests and examples are linked with nothing that lies above it.
EXAMPLES := $(patsubst %.c,$(B)/%,$(wildcard tests/examples/co_*.c))
TEST_RUNTIME := $(call objects,$(addprefix tests/lib/,co_test.c co_stress.c child.c sockets.c)) $(B)/libruntime.a $(B)/libbase.a
LINK_RUNTIME = $(CC) $(CFLAGS) $(LINKING) -o $@ $^ $(EVENT_LIBS)

$(B)/tests/unit/test_runtime_%: $(B)/obj/tests/unit/test_runtime_%.o $(TEST_RUNTIME)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(LINK_RUNTIME) $(CMOCKA_LIBS)

$(B)/tests/stress/test_runtime_%: $(B)/obj/tests/stress/test_runtime_%.o $(TEST_RUNTIME)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(LINK_RUNTIME) $(CMOCKA_LIBS)

$(B)/tests/examples/co_%: $(B)/obj/tests/examples/co_%.o $(B)/libruntime.a $(B)/libbase.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(LINK_RUNTIME)

$(B)/tests/unit/test_runtime_examples: | $(EXAMPLES)

$(call objects,$(wildcard tests/*/*.c)): | $(call deps-of,check)

# A fuzz target's corpus, replayed by any compiler.
$(B)/tests/fuzz/replay_%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/replay.o $(TEST_LIBRARIES)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(LINK_TEST)

# The messages for the Python client: all in one go, their stamp is the last.
PYTHON := $(B)/gen/python/.made
$(PYTHON): $(PROTOS) | $(call deps-of,check)
	@mkdir -p $(@D)
	$(call say,PROTO,$(@D))
	$(Q)protoc -Iproto --python_out=$(@D) $(PROTOS)
	@touch $@

tests: all $(UNIT) $(filter $(B)/%,$(INTEGRATION) $(STRESS)) $(SIM) $(FUZZ) $(PYTHON) ## all test programs, not run

check: tests header-check layer-check symbols-check semantics-check go-tests-check ## build, then every test that takes seconds
	$(RUN) $(UNIT) $(FUZZ) $(filter-out $(SYSTEMD),$(INTEGRATION))

check-tests: tests # what is repeated with sanitizers and other switches
	$(RUN) $(UNIT) $(FUZZ) $(filter-out $(SYSTEMD) $(ONCE),$(INTEGRATION)) $(STRESS)

SEEDS ?= 1000
SEED ?= $(shell date +%s)

sim: $(SIM) ## the daemon in simulations under faults: SEEDS=n of them (1000) from SEED=first (else any); see docs/reliability.md
	@set -e; for simulation in $(SIM); do $$simulation --first $(SEED) --seeds $(SEEDS); done

FAULT_SEEDS ?= 10000

sim-faults: $(SIM) ## whether the simulation finds each fault of tests/sim/faults within FAULT_SEEDS=10000 seeds: takes long
	@scripts/sim-faults $(B) $(FAULT_SEEDS)

check-stress: tests ## races and failures, many times over; TEST_SCALE=10 for ten times as often
	$(RUN) -j 1 $(STRESS)

asan: ## all tests under AddressSanitizer, UBSan and LeakSanitizer (clang)
	$(MAKE) B=$(B)-asan CC=clang SANITIZE=address,undefined TEST_TIMEOUT=600 check-tests

tsan: ## all tests under ThreadSanitizer (clang)
	$(MAKE) B=$(B)-tsan CC=clang SANITIZE=thread TEST_TIMEOUT=600 check-tests

check-procs: ## what has a daemon in it, with daemons on 2 and on 4 threads
	TEST_PROCS=2 $(MAKE) check-daemons
	TEST_PROCS=4 $(MAKE) check-daemons

check-daemons: tests
	$(RUN) $(filter-out $(SYSTEMD) $(ONCE),$(INTEGRATION)) $(filter %libbaton_races,$(STRESS))

check-ucontext: ## all tests with the portable switch
	$(MAKE) B=$(B)-ucontext UCONTEXT=1 TEST_TIMEOUT=300 check-tests

ARM64_CC := aarch64-linux-gnu-gcc
ARM64_SWITCH := tests/unit/arm64_switch.c runtime/switch_frame.c runtime/switch_aarch64.S

ARM64_LIBRARIES := $(abspath $(B)-arm64/sysroot/usr)
ARM64_LINK := -L$(ARM64_LIBRARIES)/lib/aarch64-linux-gnu -Wl,-rpath,$(ARM64_LIBRARIES)/lib/aarch64-linux-gnu
# What the emulator is no kernel for: it keeps a thread of its own (no deadlock), does not give pages back, does not start
# other programs of its machine, and is slow to be interrupted.
ARM64_TESTS := $(filter-out %_deadlock %_examples %_many %_million %_quit %_run %_typed, \
	$(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_runtime_*.c tests/stress/test_runtime_*.c)))

check-arm64: ## the arm64 stack switch and the runtime's tests under qemu-user; skipped where that is missing
	@if ! command -v $(ARM64_CC) >/dev/null || ! command -v qemu-aarch64 >/dev/null; then \
		echo "check-arm64: skipped, needs $(ARM64_CC) and qemu-aarch64 (gcc-aarch64-linux-gnu, qemu-user)"; \
	else \
		$(MAKE) $(B)/arm64_switch && qemu-aarch64 $(B)/arm64_switch && scripts/arm64-sysroot $(B)-arm64/sysroot && \
		$(MAKE) B=$(B)-arm64 NO_DEPS=1 CC=$(ARM64_CC) CFLAGS="-O2 -g -isystem $(ARM64_LIBRARIES)/include" \
			EVENT_LIBS="$(ARM64_LINK) -levent_core" CMOCKA_LIBS="$(ARM64_LINK) -lcmocka" check-arm64-tests; \
	fi

check-arm64-tests: $(ARM64_TESTS)
	@TEST_EMULATOR="qemu-aarch64 -L /usr/aarch64-linux-gnu" TEST_SCALE=0.02 \
		tests/run -j $(JOBS) -t $(TEST_TIMEOUT) -b $(B) $(ARM64_TESTS)

$(B)/arm64_switch: $(ARM64_SWITCH) runtime/switch.h
	@mkdir -p $(@D)
	$(ARM64_CC) -std=c11 -D_GNU_SOURCE -I. -O2 -g $(WARNINGS) -static -o $@ $(ARM64_SWITCH)

check-model: $(call deps-of,model) ## every state of the models of what threads and a reader agree on (spin); tests/model
	@CC=$(CC) tests/model/check $(B)/model

check-mutations: $(call deps-of,model) # faults planted in the models are found
	@CC=$(CC) tests/model/check $(B)/model --mutations

# One after the other: each uses all processors itself.
check-all: $(call deps-of,check-all lint model) ## check, sanitizers, stress, other switches and guards, fuzzing, units, lint
	$(MAKE) check
	$(MAKE) lint
	$(MAKE) B=$(B)-clang CC=clang tests
	$(RUN) $(SYSTEMD)
	$(MAKE) check-stress
	$(MAKE) sim SEEDS=5000
	$(MAKE) check-ucontext
	$(MAKE) check-arm64
	$(MAKE) check-model
	$(MAKE) check-mutations
	$(MAKE) check-procs
	$(MAKE) asan
	$(MAKE) tsan
	$(MAKE) fuzz FUZZ_SECONDS=10

# ---- fuzzing --------------------------------------------------------------------------------------------------------

FUZZ_SECONDS ?= 60
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)-fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

fuzz: $(call deps-of,fuzz) ## run every fuzz target for FUZZ_SECONDS (clang); findings stay in build-fuzz/
	$(MAKE) B=$(B)-fuzz CC=clang SANITIZE=fuzzer-no-link,address,undefined NO_DEPS=1 fuzzers
	scripts/fuzz $(B)-fuzz $(FUZZ_SECONDS)

fuzzers: $(patsubst tests/fuzz/%.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))

$(B)/fuzz_%: $(B)/obj/tests/fuzz/fuzz_%.o $(TEST_LIBRARIES)
	$(call say,LINK,$@)
	$(Q)$(LINK_TEST) -fsanitize=fuzzer

# ---- speed ----------------------------------------------------------------------------------------------------------

BENCH := $(call objects,$(wildcard tests/bench/peers/*.c))

$(B)/bench/peers: $(BENCH) $(B)/libclient.a $(B)/libproto.a $(B)/libbase.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LINKING) -o $@ $^ $(PROTOBUF_LIBS)

bench: all $(B)/bench/peers ## batond and its peers side by side, QUICK=1 within five minutes; table in build/bench/server.tsv
	@BATON_BUILD=$(abspath $(B)) QUICK=$(QUICK) tests/bench/run $(ROWS)

BENCH_RUNTIME := $(call objects,$(wildcard tests/bench/runtime/*.c))
BENCH_GO := tests/bench/runtime/go

$(B)/bench/runtime: $(BENCH_RUNTIME) $(B)/libruntime.a $(B)/libbase.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LINKING) -o $@ $^ $(EVENT_LIBS)

$(B)/bench/runtime-go: $(wildcard $(BENCH_GO)/*)
	@mkdir -p $(@D)
	@command -v go >/dev/null || { echo "bench-runtime: needs go, which is not installed (make deps-bench)" >&2; exit 1; }
	$(call say,GO,$@)
	$(Q)cd $(BENCH_GO) && GOCACHE=$(abspath $(B))/go-cache GOFLAGS= GO111MODULE=on go build -o $(abspath $@) .

bench-runtime: $(B)/bench/runtime $(B)/bench/runtime-go ## the coroutine runtime and Go's side by side, QUICK=1 shorter; build/bench/runtime.tsv
	@BATON_BUILD=$(abspath $(B)) QUICK=$(QUICK) tests/bench/runtime/run $(ROWS)

deps-bench: ## install what bench and bench-runtime compare with; leaves no server running
	@scripts/deps-bench

# ---- looking at the code --------------------------------------------------------------------------------------------

HEADERS := $(wildcard $(addsuffix /*.h,base proto runtime runtime/sim daemon daemon/objects clientlib cli tests/lib tests/sim \
	tests/examples))
SOURCES := $(wildcard $(addsuffix /*.c,base proto runtime runtime/sim daemon daemon/objects clientlib cli))
TESTS := $(wildcard tests/*/*.[ch] tests/bench/peers/*.[ch] tests/bench/runtime/*.[ch])
SCRIPTS := $(filter-out %.py %.awk,$(wildcard tests/model/check scripts/* docs/recipes/* .ci/run demo/* tests/*/*.sh))

header-check: $(HEADERS:%=$(B)/headers/%.ok) # each header compiles alone
$(B)/headers/%.ok: % | $(GENERATED) $(call deps-of,build check)
	@mkdir -p $(@D)
	@$(COMPILE) -MMD -MP -MF $(B)/headers/$*.d -MT $@ -fsyntax-only -x c $< && touch $@

layer-check: ## includes go one way only
	@scripts/layer-check

semantics-check: ## each rule of docs/semantics.md names its test
	@scripts/semantics-check

go-tests-check: ## docs/go-tests.md names tests that exist
	@scripts/go-tests-check.py

symbols-check: $(LIBRARIES) # libbaton exports what baton.h declares
	@$(if $(LIBRARIES),scripts/symbols-check $(B)/libbaton.so.0 clientlib/baton.h clientlib/libbaton.map)

lint: lint-format lint-tidy lint-cppcheck lint-shell layer-check ## clang-format, clang-tidy, cppcheck, shellcheck, layers

lint-format: $(call deps-of,lint)
	@clang-format --dry-run -Werror $(sort $(HEADERS) $(SOURCES) $(TESTS))

lint-tidy: $(GENERATED) $(call deps-of,lint)
	@printf '%s\n' $(SOURCES) | xargs -P $(JOBS) -n 4 sh -c 'clang-tidy --quiet "$$@" -- \
		-std=c11 -D_GNU_SOURCE -DBATON_VERSION=\"0\" -I. -I$(B)/gen 2>/dev/null' tidy

# uninitvar and autoVariables: wrong about callbacks and what is filled in elsewhere; clang's analyzer follows those.
lint-cppcheck: $(call deps-of,lint)
	@cppcheck --quiet -j $(JOBS) --std=c11 --language=c --enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem --suppress=uninitvar --suppress=autoVariables --error-exitcode=1 \
		-D_GNU_SOURCE -D__x86_64__ -I. $(SOURCES)

# SC2154: what the tests' library sets.
lint-shell: $(call deps-of,lint)
	@shellcheck -S warning -e SC1010,SC2154 $(SCRIPTS)

format: ## reformat all C files
	@clang-format -i $(sort $(HEADERS) $(SOURCES) $(TESTS))

# ---- seeing it work -------------------------------------------------------------------------------------------------

demo: all ## several processes share real work, in front of your eyes
	@PATH="$(abspath $(B)):$$PATH" demo/count-words

# ---- installing -----------------------------------------------------------------------------------------------------

DESTDIR ?=
PREFIX ?= /usr/local
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib$(if $(filter /usr /usr/local,$(PREFIX)),$(MULTIARCH:%=/%))
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/baton
PROTODIR ?= $(PREFIX)/share/baton/proto
UNITDIR ?= $(PREFIX)/lib/systemd/system
USERUNITDIR ?= $(PREFIX)/lib/systemd/user
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
GDBDIR ?= $(PREFIX)/share/gdb/auto-load
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions

# What goes where, a row each: folder, mode, files. A link and baton.pc come besides.
define INSTALLED
$(BINDIR) 755 $(B)/batond $(B)/baton
$(LIBDIR) 644 $(B)/libbaton.so.0 $(B)/libbaton.a
$(INCLUDEDIR) 644 clientlib/baton.h
$(MANDIR)/man1 644 $(wildcard docs/*.1)
$(MANDIR)/man3 644 $(filter %.3,$(PAGES))
$(MANDIR)/man7 644 $(filter %.7,$(PAGES))
$(MANDIR)/man8 644 $(wildcard docs/*.8)
$(DOCDIR) 644 README.md ARCHITECTURE.md CHANGELOG.md SECURITY.md LICENSE $(filter-out docs/go%.md,$(wildcard docs/*.md))
$(DOCDIR)/recipes 755 $(RECIPES)
$(DOCDIR)/examples 644 systemd/tcp.conf
$(PROTODIR)/baton/v1 644 $(PROTOS)
$(UNITDIR) 644 systemd/batond.service systemd/batond.socket
$(USERUNITDIR) 644 systemd/user/batond.service systemd/user/batond.socket
$(SYSUSERSDIR) 644 systemd/sysusers.d/baton.conf
$(TMPFILESDIR) 644 systemd/tmpfiles.d/baton.conf
$(GDBDIR)$(BINDIR) 644 scripts/batond-gdb.py
$(COMPLETIONDIR) 644 cli/completion/baton
endef
export INSTALLED

install: all ## put everything where Debian would, under DESTDIR and PREFIX (/usr/local)
	@$(MAKE) --no-print-directory install-files

install-files: # what is built, as it is: tests that run meanwhile use it
	@scripts/install "$(DESTDIR)" bindir="$(BINDIR)" libdir="$(LIBDIR)" includedir="$(INCLUDEDIR)" \
		version="$(VERSION)"

uninstall: ## remove what install put there
	@scripts/install --remove "$(DESTDIR)" libdir="$(LIBDIR)"

dist: ## a source archive of the last commit, the same bytes each time
	@mkdir -p $(B)
	git archive --prefix=baton-$(VERSION)/ HEAD | gzip -n9 >$(B)/baton-$(VERSION).tar.gz

clean: ## remove what was built
	rm -rf $(B) $(B)-asan $(B)-tsan $(B)-ucontext $(B)-clang $(B)-fuzz $(B)-arm64

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-16s %s\n", $$1, $$2 }' Makefile

.PHONY: all asan bench bench-runtime check check-all check-arm64 check-arm64-tests check-daemons check-model \
	check-mutations check-procs check-stress check-tests check-ucontext clean demo deps deps-bench dist format fuzz fuzzers go-tests-check header-check help install install-files layer-check lint \
	lint-cppcheck lint-format lint-shell lint-tidy semantics-check sim sim-faults symbols-check tests tsan uninstall

# SPDX-License-Identifier: MIT
#
# Makefile - the whole build, not recursive. `make help` lists the targets.
#
# Variables: B (build folder), CC, CFLAGS, DEVELOPER=1 (-Werror), SANITIZE=address,undefined | thread (clang for thread),
# UCONTEXT=1 (portable switch), NO_DEPS=1 (make deps installs nothing), PREFIX, DESTDIR.

VERSION := $(file < VERSION)
B ?= build
CC = gcc
AR = ar
PREFIX ?= /usr/local
DESTDIR ?=

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
COMPILE = $(CC) $(STANDARD) $(CFLAGS) $(WARNINGS) $(HARDENING) -MMD -MP

EVENT_LIBS := $(shell pkg-config --libs libevent_core 2>/dev/null || echo -levent_core)
PROTOBUF_LIBS := $(shell pkg-config --libs libprotobuf-c 2>/dev/null || echo -lprotobuf-c)
SYSTEMD_LIBS := $(shell pkg-config --libs libsystemd 2>/dev/null || echo -lsystemd)
CMOCKA_LIBS := $(shell pkg-config --libs cmocka 2>/dev/null || echo -lcmocka)

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

all: $(LIBRARIES) $(PROGRAMS) ## batond, baton, libbaton.so.0 and libbaton.a in build/

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
	$(AR) rcs $@.new $^ && mv $@.new $@

$(B)/batond: $(B)/obj/daemon/main.o $(B)/libdaemon.a $(B)/libobjects.a $(B)/libruntime.a $(B)/libproto.a $(B)/libbase.a
	$(CC) $(CFLAGS) $(LINKING) -o $@ $^ $(EVENT_LIBS) $(PROTOBUF_LIBS) $(SYSTEMD_LIBS)

$(B)/baton: $(B)/obj/cli/main.o $(B)/libcli.a $(B)/libclient.a $(B)/libproto.a $(B)/libbase.a
	$(CC) $(CFLAGS) $(LINKING) -o $@ $^ $(PROTOBUF_LIBS)

$(B)/libbaton.so.0: $(call objects,$(CLIENT) $(PROTO) $(BASE)) $(GENERATED_OBJECTS) clientlib/libbaton.map
	$(CC) $(CFLAGS) $(LINKING) -shared -Wl,-soname,libbaton.so.0 -Wl,--version-script=clientlib/libbaton.map \
		-Wl,-z,defs -o $@ $(filter %.o,$^) $(PROTOBUF_LIBS)
	ln -sf libbaton.so.0 $(B)/libbaton.so

$(B)/libbaton.a: $(call objects,$(CLIENT) $(PROTO) $(BASE)) $(GENERATED_OBJECTS)
	rm -f $@ && $(AR) rcs $@ $^

# ---- compiling ------------------------------------------------------------------------------------------------------

$(B)/obj/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

$(B)/obj/%.o: %.S
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

$(B)/obj/gen/%.o: $(B)/gen/%.c
	@mkdir -p $(@D)
	$(CC) $(STANDARD) $(CFLAGS) $(HARDENING) -MMD -MP -c -o $@ $<

$(B)/gen/%.pb-c.c: proto/%.proto $(PROTOS)
	@mkdir -p $(B)/gen
	protoc-c -Iproto --c_out=$(B)/gen $<

# ---- tests ----------------------------------------------------------------------------------------------------------

UNIT := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c tests/objects/test_*.c tests/stress/test_*.c))
TEST_LIBRARIES = $(B)/libdaemon.a $(B)/libobjects.a $(B)/libruntime.a $(B)/libclient.a $(B)/libproto.a $(B)/libbase.a
TEST_SUPPORT := $(call objects,$(wildcard tests/lib/*.c))

$(B)/tests/%: $(B)/obj/tests/%.o $(TEST_SUPPORT) $(TEST_LIBRARIES)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LINKING) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		$(EVENT_LIBS) $(PROTOBUF_LIBS) $(SYSTEMD_LIBS) $(CMOCKA_LIBS)

tests: $(UNIT)

clean: ## remove what was built
	rm -rf $(B)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

.PHONY: all tests clean

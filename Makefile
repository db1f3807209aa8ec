# SPDX-License-Identifier: GPL-3.0-or-later
# xnsd: see `make help`. Products go to build/ (or BUILD=dir), nothing generated lands in the tree.
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:

VERSION := 0.1.0
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR ?=
BUILD ?= build
CC := gcc
CLANG ?= clang
PYTHON ?= /usr/bin/python3
V ?= 0
Q := $(if $(filter 1,$V),,@)
say = $(if $(filter 1,$V),,@printf '  %-8s%s\n' $1 $2)

PKGS := libknot libdnssec libbpf libxdp lmdb libuv yaml-0.1 jansson libcap
HAVE_PKGS := $(shell pkg-config --exists $(PKGS) 2>/dev/null && command -v $(CLANG) bpftool >/dev/null 2>&1 && echo yes)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

WARN := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wvla
CFLAGS ?= -O2 -g
XNS_CFLAGS := -std=gnu11 $(WARN) -D_GNU_SOURCE -DXNS_VERSION='"$(VERSION)"' -Ibpf -Iuserspace -I$(BUILD) $(PKG_CFLAGS)
LIBS := $(PKG_LIBS) -lpthread
SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1 -g

ARCH := $(shell uname -m)
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -D__TARGET_ARCH_$(if $(filter aarch64,$(ARCH)),arm64,x86) -Ibpf -I/usr/include/$(ARCH)-linux-gnu

# Everything but the two main()s is one set of objects; the tests link it with sanitizers.
LIB_SRC := $(wildcard userspace/*/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
LIB_SAN := $(LIB_SRC:%.c=$(BUILD)/san/%.o)
LOADER_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard loader/*.c))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
PROGRAMS := $(BUILD)/xnsd.bpf.o $(BUILD)/xnsd $(BUILD)/xnsload $(BUILD)/xnsctl

all: $(PROGRAMS) ## build everything (the default)

$(BUILD)/xnsd.bpf.o: bpf/xnsd.bpf.c $(wildcard bpf/*.h)
	$(call say,BPF,$@)
	$Qmkdir -p $(@D)
	$Q$(CLANG) $(BPF_CFLAGS) -c $< -o $@.tmp && llvm-strip -g $@.tmp && mv $@.tmp $@

$(BUILD)/xnsd.skel.h: $(BUILD)/xnsd.bpf.o
	$(call say,SKEL,$@)
	$Qbpftool gen skeleton $< name xnsd_bpf > $@

$(LOADER_OBJ): $(BUILD)/xnsd.skel.h

$(BUILD)/obj/%.o: %.c
	$(call say,CC,$@)
	$Qmkdir -p $(@D)
	$Q$(CC) $(XNS_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/san/%.o: %.c
	$(call say,CC,$@)
	$Qmkdir -p $(@D)
	$Q$(CC) $(XNS_CFLAGS) $(SAN) -MMD -MP -c $< -o $@

$(BUILD)/xnsd: $(BUILD)/obj/userspace/xnsd.o $(LIB_OBJ)
$(BUILD)/xnsctl: $(BUILD)/obj/userspace/xnsctl.o $(LIB_OBJ)
$(BUILD)/xnsload: $(LOADER_OBJ) $(LIB_OBJ)
$(BUILD)/xnsd $(BUILD)/xnsctl $(BUILD)/xnsload:
	$(call say,LD,$@)
	$Q$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LIBS) -o $@

$(BUILD)/tests/unit/%: $(BUILD)/san/tests/unit/%.o $(LIB_SAN)
	$(call say,LD,$@)
	$Qmkdir -p $(@D)
	$Q$(CC) $(SAN) $^ $(LIBS) -lcmocka -o $@

unit: $(UNIT_TESTS)
	$Qset -e; for t in $^; do $$t; done

clean: ## remove build/
	rm -rf $(BUILD)

.PHONY: all unit clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

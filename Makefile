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
# Of builds below `make test` and its like, and of fuzz targets.
JOBS ?= $(shell nproc)
Q := $(if $(filter 1,$V),,@)
say = $(if $(filter 1,$V),,@printf '  %-8s%s\n' $1 $2)

# On a machine where packages are missing every goal first runs scripts/setup, then make anew.
GOALS := $(or $(MAKECMDGOALS),all)
TEST_GOALS := test demo rig bench bench-quick check unit packet interop diff kernels fuzz fuzz-quick format format-check
NEED := $(if $(filter-out clean help uninstall,$(GOALS)),$(if $(filter $(TEST_GOALS),$(GOALS)),all,build))
MISSING := $(if $(NEED),$(shell scripts/setup --missing $(filter build,$(NEED))))
ifneq ($(MISSING),)
ifdef SETUP_DONE
$(error scripts/setup has run, and still missing: $(MISSING))
endif
.PHONY: $(GOALS)
$(GOALS):
	@scripts/setup $(filter build,$(NEED))
	@$(MAKE) --no-print-directory SETUP_DONE=1 $@
else

PKGS := libknot libdnssec gnutls libbpf libxdp lmdb libuv yaml-0.1 jansson libcap
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

WARN := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wvla
CFLAGS ?= -O2 -g
XNS_CFLAGS := -std=gnu11 $(WARN) -D_GNU_SOURCE -DXNS_VERSION='"$(VERSION)"' -Ibpf -Iuserspace -Itests -I$(BUILD) $(PKG_CFLAGS)
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

$(LOADER_OBJ) $(patsubst %,$(BUILD)/%/userspace/publish/maker.o,obj san fuzz): $(BUILD)/xnsd.skel.h

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

$(BUILD)/tests/unit/test_incremental: $(addprefix $(BUILD)/san/tests/,model/kernel.o model/world.o packet/sign.o)
$(BUILD)/tests/unit/%: $(BUILD)/san/tests/unit/%.o $(LIB_SAN)
	$(call say,LD,$@)
	$Qmkdir -p $(@D)
	$Q$(CC) $(SAN) $^ $(LIBS) -lzscanner -lcmocka -o $@

unit: $(UNIT_TESTS) ## unit tests, with ASan and UBSan; no root
	$Qtests/run -j$(JOBS) $(foreach t,$^,$(notdir $t)=$t) bench_replies="$(PYTHON) -B -m pytest -q -p no:cacheprovider tests/bench"

# Fuzz targets are of clang, with all that they test; tests/fuzz/README.md.
FUZZ := $(BUILD)/fuzz
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_OBJ := $(patsubst %.c,$(FUZZ)/%.o,$(LIB_SRC) $(filter-out tests/fuzz/fuzz_%,$(wildcard tests/fuzz/*.c tests/model/*.c)) tests/packet/sign.c)
FUZZ_SECONDS ?= 600
fuzz-quick: FUZZ_SECONDS := 8

$(FUZZ)/%.o: %.c
	$(call say,CC,$@)
	$Qmkdir -p $(@D)
	$Q$(CLANG) -Itests/fuzz/shim $(XNS_CFLAGS) $(SAN) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

$(addprefix $(FUZZ)/,$(FUZZ_TARGETS)): $(FUZZ)/%: $(FUZZ)/tests/fuzz/fuzz_%.o $(FUZZ_OBJ)
	$(call say,LD,$@)
	$Q$(CLANG) $(SAN) -fsanitize=fuzzer $^ $(LIBS) -lzscanner -o $@

fuzz-seeds:
	$Q$(PYTHON) -B tests/fuzz/seeds.py $(FUZZ)/seeds

fuzz fuzz-quick: $(addprefix $(FUZZ)/,$(FUZZ_TARGETS)) fuzz-seeds ## fuzz targets, FUZZ_SECONDS (600) each; -quick: 8 s each
	$Qtests/run -j$(JOBS) $(foreach t,$(FUZZ_TARGETS),fuzz-$t="tests/fuzz/run $(FUZZ) $t $(FUZZ_SECONDS)")

# packet_test runs wherever a program may be loaded; veth_test also wants network namespaces.
PACKET := $(BUILD)/tests/packet
PACKET_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out %/veth_test.c %/stress_test.c,$(wildcard tests/packet/*.c)))
$(PACKET)/packet_test: $(PACKET_OBJ) $(LIB_OBJ)
$(PACKET)/veth_test: $(addprefix $(BUILD)/obj/tests/packet/,veth_test.o frame.o rig.o fill.o) $(LIB_OBJ)
$(PACKET)/stress_test: $(addprefix $(BUILD)/obj/tests/packet/,stress_test.o frame.o rig.o sign.o zones.o) $(LIB_OBJ)
$(PACKET)/packet_test $(PACKET)/veth_test $(PACKET)/stress_test:
	$(call say,LD,$@)
	$Qmkdir -p $(@D)
	$Q$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LIBS) -lzscanner -lcmocka -o $@

packet: $(BUILD)/xnsd.bpf.o $(PACKET)/packet_test $(PACKET)/veth_test $(PACKET)/stress_test ## the packet path by BPF_PROG_TEST_RUN and on veth; root
	$Qtests/run packet_test="$(PACKET)/packet_test $<" veth_test="$(PACKET)/veth_test $<" stress_test="$(PACKET)/stress_test $<"

$(BUILD)/tests/pass.bpf.o: tests/kernels/pass.bpf.c
	$(call say,BPF,$@)
	$Qmkdir -p $(@D)
	$Q$(CLANG) $(BPF_CFLAGS) -c $< -o $@

interop: all $(BUILD)/tests/pass.bpf.o ## real primaries and clients in network namespaces; root. PYTEST=... for more arguments
	$Q$(PYTHON) -B -m pytest -q -p no:cacheprovider tests/interop --build=$(abspath $(BUILD)) $(PYTEST)

# Queries go by C programs: Python would take minutes for the replies.
DIFF_DIR := $(BUILD)/tests/diff
$(DIFF_DIR)/ask: $(addprefix $(BUILD)/obj/tests/diff/,ask.o sockets.o frames.o window.o corpus.o)
$(DIFF_DIR)/compare: $(addprefix $(BUILD)/obj/tests/diff/,compare.o classes.o rules.o view.o corpus.o)
$(DIFF_DIR)/ask $(DIFF_DIR)/compare:
	$(call say,LD,$@)
	$Qmkdir -p $(@D)
	$Q$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LIBS) -o $@

diff: all $(BUILD)/tests/pass.bpf.o $(DIFF_DIR)/ask $(DIFF_DIR)/compare ## every answer against Knot DNS, NSD and BIND; root. QUERIES=, SEED=, DIFF=...
	$Q$(PYTHON) -B tests/diff/run.py --build=$(abspath $(BUILD)) $(QUERIES:%=--queries=%) $(SEED:%=--seed=%) $(DIFF)

# The query flood: rig.py starts it.
BENCH_DIR := $(BUILD)/tests/bench
$(BENCH_DIR)/%.bpf.o: tests/bench/%.bpf.c tests/bench/flood.h
	$(call say,BPF,$@)
	$Qmkdir -p $(@D)
	$Q$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BENCH_DIR)/flood.skel.h: $(BENCH_DIR)/flood.bpf.o
	$(call say,SKEL,$@)
	$Qbpftool gen skeleton $< name flood_bpf > $@

FLOOD_OBJ := $(addprefix $(BUILD)/obj/tests/bench/,flood.o flood_list.o flood_run.o)
$(FLOOD_OBJ): $(BENCH_DIR)/flood.skel.h
$(BENCH_DIR)/flood: $(FLOOD_OBJ)
	$(call say,LD,$@)
	$Q$(CC) $(CFLAGS) $(LDFLAGS) $^ -lbpf -lpthread -o $@

$(BENCH_DIR)/latency: $(BUILD)/obj/tests/bench/latency.o
	$(call say,LD,$@)
	$Q$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@

rig: all $(BUILD)/tests/pass.bpf.o $(addprefix $(BENCH_DIR)/,flood latency bounce.bpf.o)

bench: rig ## how fast, beside Knot DNS and NSD in the same run; root, a quarter of an hour. BENCH="flood --workload=hot,100k"; BENCH=--help
	$Q$(PYTHON) -B tests/bench/run.py --build=$(abspath $(BUILD)) $(BENCH:quick=--quick)

bench-quick: rig ## the same in a minute: hot name, 100 k names, NXDOMAIN; root
	$Q$(PYTHON) -B tests/bench/run.py --build=$(abspath $(BUILD)) --quick flood

kernels: all $(PACKET)/packet_test ## the program on Debian's stock kernels, in qemu
	$QBUILD=$(abspath $(BUILD)) scripts/kernels

test: ## unit, packet, interop and differential tests, a little fuzzing; root
	$Qtests/run $(foreach t,unit packet interop diff fuzz-quick,$t="$(MAKE) -j$(JOBS) --no-print-directory $t")

check: ## what needs no root: formatting, both compilers, unit tests, a little fuzzing
	$Qtests/run $(foreach t,format-check build-gcc build-clang unit fuzz-quick,$t="$(MAKE) -j$(JOBS) --no-print-directory $t")

build-gcc build-clang: build-%: ## -Werror build with one compiler, in a directory of its own
	$Q$(MAKE) -j$(JOBS) --no-print-directory BUILD=$(BUILD)/$* CC=$* all

demo: all $(BUILD)/tests/pass.bpf.o ## see it work: two namespaces, a primary, xnsd, dig; root. KEEP=1 leaves it running
	$QBUILD=$(abspath $(BUILD)) KEEP=$(KEEP) scripts/demo

format format-check: ## clang-format on every C file; -check only tells
	$Qscripts/format $(if $(filter %check,$@),--check)

SBIN := $(DESTDIR)$(PREFIX)/sbin
LIB := $(DESTDIR)$(PREFIX)/lib/xnsd
UNITS := $(DESTDIR)$(PREFIX)/lib/systemd/system
MAN := $(DESTDIR)$(PREFIX)/share/man
DOC := $(DESTDIR)$(PREFIX)/share/doc/xnsd
ETC := $(DESTDIR)$(SYSCONFDIR)/xnsd
SYSUSERS := $(DESTDIR)$(PREFIX)/lib/sysusers.d
COMPLETIONS := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
MAN_PAGES := $(wildcard docs/man/*.[1-8])
UNIT_FILES := $(wildcard docs/systemd/*.service)

install: all ## to PREFIX (/usr/local), under DESTDIR; keeps /etc/xnsd/xnsd.yaml
	install -d $(SBIN) $(LIB) $(UNITS) $(DOC) $(ETC) $(COMPLETIONS) $(SYSUSERS)
	install -m 755 $(BUILD)/xnsd $(BUILD)/xnsload $(BUILD)/xnsctl $(SBIN)
	install -m 644 $(BUILD)/xnsd.bpf.o $(LIB)
	install -m 644 scripts/completions/xnsctl $(COMPLETIONS)
	install -m 644 docs/systemd/xnsd.sysusers $(SYSUSERS)/xnsd.conf
	install -m 644 README.md LICENSE docs/xnsd.yaml.example $(DOC)
	[ -e $(ETC)/xnsd.yaml ] || install -m 640 docs/xnsd.yaml.example $(ETC)/xnsd.yaml
	set -e; for m in $(MAN_PAGES); do install -D -m 644 $$m $(MAN)/man$${m##*.}/$${m##*/}; done
	set -e; for u in $(UNIT_FILES); do sed 's|@SBIN@|$(PREFIX)/sbin|; s|@ETC@|$(SYSCONFDIR)/xnsd|' $$u > $(UNITS)/$${u##*/}; done

uninstall: ## what install put there, but not the configuration
	rm -f $(addprefix $(SBIN)/,xnsd xnsload xnsctl) $(addprefix $(UNITS)/,$(notdir $(UNIT_FILES)))
	rm -rf $(LIB) $(DOC) $(COMPLETIONS)/xnsctl $(SYSUSERS)/xnsd.conf
	for m in $(MAN_PAGES); do rm -f $(MAN)/man$${m##*.}/$${m##*/}; done

.PHONY: all unit fuzz fuzz-quick fuzz-seeds packet interop diff rig bench bench-quick kernels test check build-gcc build-clang demo format format-check install uninstall
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
endif

clean: ## remove build/
	rm -rf $(BUILD)

help: ## this list
	@echo 'make [GOAL] [BUILD=dir] [V=1] [CC=gcc] [PREFIX=/usr/local] [DESTDIR=]'
	@awk -F ':.*## ' '/^[a-z][a-z -]*:.*## / {printf "  %-22s %s\n", $$1, $$2}' Makefile

.PHONY: clean help

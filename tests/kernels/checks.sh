#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What scripts/kernels checks on each kernel, in a virtual machine or in namespaces of their own where
# nothing else is: the program loads, answers, attaches to each kind of interface, alone and beside
# another program. One line "ok NAME" or "not ok NAME" for each check, output of a failed one behind "| ".
#
#   checks.sh [DEVICE]    DEVICE: a NIC besides veth, with 10.0.2.2 answering pings behind it
# Environment: EXPECT_DISPATCHER=yes: the kernel is known to take libxdp's dispatcher
#              OBJECT: the program for the packet tests, xnsd.bpf.o
# In the working directory: pass.bpf.o. In PATH: xnsload, packet_test, attach_other, bpftool, busybox.
set -u
out=${TMPDIR:-/tmp}/check.$$
pins=/sys/fs/bpf/xnsd

check() { # NAME COMMAND...
	name=$1
	shift
	if "$@" >"$out" 2>&1; then
		echo "ok $name"
	else
		echo "not ok $name"
		sed 's/^/| /' "$out"
	fi
}

status_has() { # IFACE TEXT: a line of its status
	xnsload status "$1" | tee "$out.status"
	grep -q -- "$2" "$out.status"
}

# Packets that the program has seen: the sum of all counters on all CPUs.
packets_seen() {
	bpftool -j map dump pinned $pins/counters | tr ',{' '\n\n' |
		sed -n 's/^"value":\([0-9][0-9]*\).*/\1/p' | awk '{ sum += $1 } END { print sum + 0 }'
}

# ping goes through, and the program has looked at the replies.
traffic_passes() { # IFACE ADDRESS
	before=$(packets_seen)
	busybox ping -c 3 -W 5 -I "$1" "$2" || return 1
	after=$(packets_seen)
	echo "counters: $before before, $after after"
	[ "$after" -gt "$before" ]
}

# How many instructions the verifier went through, global functions included (the kernel's own count: it refuses
# a program beyond the limit). A program that has used half of it is too near: the next kernel may count otherwise.
verifier_limit=1000000
verified() {
	insns=$(xnsload status --json v0 | sed -n 's/.*"verified_insns": \([0-9]*\).*/\1/p' | head -n 1)
	[ "${insns:-0}" -gt 0 ] || return 1
	echo "verifier: $insns of $verifier_limit instructions, $((insns * 100 / verifier_limit)) %"
	[ $((insns * 2)) -le $verifier_limit ]
}

# cmocka's own words, then a line with the number of tests; none is a failure. The groups that are about the program: those
# about the agent's maps make a hundred of them for each case, which takes seconds on 6.1 where the processor is emulated.
packet_tests() {
	packet_test "${OBJECT:-xnsd.bpf.o}" frames maps parts denial sizes hostile zones dname >"$out.tests" 2>&1
	rc=$?
	cat "$out.tests"
	n=$(grep -c '^\[ *OK \]' "$out.tests")
	echo "packet tests: $n passed"
	[ $rc = 0 ] && [ "$n" -gt 0 ]
}

# Is each of these among the packet tests that passed?
answered() { # TEST...
	for wanted; do
		grep -q "^\[ *OK \] $wanted\$" "$out.tests" || { echo "$wanted has not passed"; return 1; }
	done
}

refused() { # COMMAND...: exit status 1 and no other
	"$@"
	[ $? = 1 ]
}

nothing_left() { # IFACE
	ls -A $pins
	status_has "$1" 'not attached' && [ -d $pins ] && [ -z "$(ls -A $pins)" ]
}

attach_and_detach() { # IFACE ADDRESS KIND
	check "$3: attach natively" xnsload attach --mode native "$1"
	check "$3: native mode" status_has "$1" 'attached, native mode'
	check "$3: packets pass" traffic_passes "$1" "$2"
	check "$3: replace the program" xnsload attach --mode native "$1"
	check "$3: packets pass still" traffic_passes "$1" "$2"
	check "$3: detach" xnsload detach "$1"
	check "$3: nothing is left" nothing_left "$1"
}

# Another program is there first. Whether ours can stand beside it depends on kernel and libxdp; if not,
# it must be left alone.
beside_another() {
	check "another program attaches through libxdp" attach_other pass.bpf.o v0
	if [ "${EXPECT_DISPATCHER-}" = yes ] || xnsload attach v0 >/dev/null 2>&1; then
		check "beside another: attach" xnsload attach v0
		check "beside another: in the dispatcher" status_has v0 "in libxdp's dispatcher"
		check "beside another: both are there" status_has v0 'other .*, other,'
		check "beside another: packets pass" traffic_passes v0 192.0.2.2
		check "beside another: replace the program" xnsload attach v0
		check "beside another: no second one of ours" sh -c '! xnsload status v0 | grep "xnsd too"'
		check "beside another: detach" xnsload detach v0
	else
		check "beside another: refused" refused xnsload attach v0
	fi
	check "beside another: it is left" status_has v0 'not attached; another program is there'
	check "another program is replaced with --force" xnsload attach --force --mode native v0
	check "forced: packets pass" traffic_passes v0 192.0.2.2
	check "forced: detach" xnsload detach v0
}

alone_before() {
	check "another program attaches alone" attach_other pass.bpf.o v0 alone
	check "somebody else's program is not replaced" refused xnsload attach v0
	check "and stays" status_has v0 'other .*, other,'
	check "but with --force" xnsload attach --force v0
	check "forced over it: detach" xnsload detach v0
	check "forced over it: nothing is left" nothing_left v0
}

# v0 here, v1 in a namespace without a name, which ends with its only process.
unshare -n sleep 3600 &
peer=$!
trap 'kill $peer' EXIT
while [ "$(readlink /proc/$peer/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do :; done
# Not by name: busybox prefers an ip of its own, which knows no namespaces.
ip=$(which ip)
$ip link add v0 type veth peer name v1 netns $peer
$ip addr add 192.0.2.1/24 dev v0
$ip link set v0 up
nsenter -t $peer -n "$ip" addr add 192.0.2.2/24 dev v1
nsenter -t $peer -n "$ip" link set v1 up

check "the program loads" xnsload attach v0
[ -e $pins/program ] || exit # nothing of what follows can work; the reason stands above
check "the verifier is far from its limit" verified
sed 's/^/| /' "$out"
if [ "${EXPECT_DISPATCHER-}" = yes ]; then
	check "the dispatcher is used" status_has v0 "in libxdp's dispatcher"
fi
check "detach" xnsload detach v0
check "packet tests" packet_tests
echo "| $(tail -n 1 "$out")"
check "answers: wildcards" answered test_wildcard test_wildcard_flags
check "answers: referrals" answered test_referral test_prove_cut
check "answers: signed zones, NODATA and NXDOMAIN with NSEC" answered test_signed_zone test_nsec
check "answers: the same with NSEC3" answered test_nsec3
attach_and_detach v0 192.0.2.2 veth
if [ $# -gt 0 ]; then
	attach_and_detach "$1" 10.0.2.2 "$1"
	check "two interfaces at once" xnsload attach v0 "$1"
	check "two interfaces: the second is attached" status_has "$1" 'attached, native mode'
	check "two interfaces: detach one" xnsload detach v0
	check "two interfaces: the other goes on" traffic_passes "$1" 10.0.2.2
	check "two interfaces: detach all" xnsload detach
	check "two interfaces: nothing is left" nothing_left "$1"
fi
alone_before
beside_another
check "in the end nothing is left" nothing_left v0
rm -f "$out" "$out".*

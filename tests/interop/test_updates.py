# SPDX-License-Identifier: GPL-3.0-or-later
"""A change at the primary reaches the interface: NOTIFY, refresh, fail-over between primaries."""
import socket
import struct
import time

import pytest

import ask
from ask import query
from lab import FIRST4, SECOND4, SERVER4, SERVER6, wait_until
from stream import Stream, rcode

SERVFAIL, NOTIMP, REFUSED, NOTAUTH = 2, 4, 5, 9


def zone(serial, address="192.0.2.1", refresh=3600, retry=3600, expire=86400, more=""):
    """A small zone; by default its own timers never fire in a test."""
    return (f"$ORIGIN example.com.\n$TTL 300\n@ SOA ns hostmaster {serial} {refresh} {retry} {expire} 60\n@ NS ns\n"
            f"ns A 192.0.2.1\nwww A {address}\n{more}\n")


def address_of(world, name="www.example.com"):
    reply = ask.udp_one(world.client, SERVER4, query(name).wire(1))
    return socket.inet_ntoa(reply[-4:]) if reply and reply[3] & 15 == 0 and reply[7] else None


@pytest.mark.parametrize("kind", ["knot", "nsd", "named"])
def test_notify(world, kind):
    """The new answer comes by the primary's own NOTIFY, from the interface, and no query is lost meanwhile."""
    w = world({"example.com": zone(1)}, kinds=(kind,), notify=True)
    w.xnsd.start()
    w.xnsd.wait_served("example.com", serial=1)
    with Stream(w.client, SERVER4, query("www.example.com")) as stream:
        stream.wait_asked(20)
        before = w.xnsd.counters()
        w.primary.update("example.com", zone(2, "192.0.2.2"))
        w.xnsd.wait_served("example.com", serial=2)
        stream.wait_asked(20)
    moved = w.xnsd.counters() - before
    assert stream.lost == 0
    assert [reply[-4:] for _, reply in stream.seen] == [b"\xc0\0\2\1", b"\xc0\0\2\2"]
    # None, one or more: Knot DNS sends it over TCP, others send it again when they like.
    assert moved.passed == moved.get("pass-header", 0), f"only NOTIFY goes up: {moved}"


def notify_wire(name="example.com", serial=None):
    wire = struct.pack("!6H", 77, 4 << 11 | 0x400, 1, 1 if serial else 0, 0, 0)
    wire += ask.wire_name(name) + struct.pack("!HH", 6, 1)
    if serial:
        rdata = ask.wire_name("ns.example.com") + ask.wire_name("h.example.com") + struct.pack("!5I", serial, 1, 1, 1, 1)
        wire += ask.wire_name(name) + struct.pack("!HHIH", 6, 1, 0, len(rdata)) + rdata
    return wire


@pytest.mark.parametrize("over_tcp", [False, True], ids=["UDP", "TCP"])
@pytest.mark.parametrize("v6", [False, True], ids=["IPv4", "IPv6"])
def test_notify_by_hand(world, over_tcp, v6):
    """From an address in notify-from: taken, over UDP and TCP. From another: NOTAUTH, nothing happens."""
    w = world({"example.com": zone(1)})
    w.xnsd.start()
    w.xnsd.wait_served("example.com", serial=1)
    w.primary.update("example.com", zone(2))

    def send(source):
        with w.client.entered():
            sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET,
                                 socket.SOCK_STREAM if over_tcp else socket.SOCK_DGRAM)
        with sock:
            sock.settimeout(5)
            sock.bind((source, 0))
            sock.connect((SERVER6 if v6 else SERVER4, 53))
            wire = notify_wire()
            sock.sendall(struct.pack("!H", len(wire)) + wire if over_tcp else wire)
            return ask.tcp_receive(sock) if over_tcp else sock.recv(4096)

    refused = send("2001:db8::1" if v6 else "192.0.2.1")
    assert refused[3] & 15 in (NOTAUTH, REFUSED)
    w.xnsd.process.wait_log(f"zone example.com.: NOTIFY from {'2001:db8::1' if v6 else '192.0.2.1'}@")
    accepted = send(w.primary.v6 if v6 else w.primary.v4)
    assert accepted[:2] == struct.pack("!H", 77) and accepted[2] & 0xF8 == 0x80 | 4 << 3 and accepted[3] & 15 == 0
    w.xnsd.wait_served("example.com", serial=2)


def test_refresh_timer(world):
    """No NOTIFY: the SOA's refresh does it."""
    w = world({"example.com": zone(1, refresh=1, retry=1)})
    w.xnsd.start()
    w.xnsd.wait_served("example.com", serial=1)
    w.primary.update("example.com", zone(2, refresh=1, retry=1))
    w.xnsd.wait_served("example.com", serial=2, timeout=20)


def test_commands_refresh_and_retransfer(world):
    w = world({"example.com": zone(5)})
    w.xnsd.start()
    w.xnsd.wait_served("example.com", serial=5)
    w.primary.update("example.com", zone(6, "192.0.2.6"))
    w.xnsd.ctl("zone-refresh", "example.com")
    w.xnsd.wait_served("example.com", serial=6)
    assert address_of(w) == "192.0.2.6"
    # A lower serial is no news, but zone-retransfer takes it.
    w.primary.stop()
    w.primary.write("example.com", zone(4, "192.0.2.4"))
    w.primary.start()
    w.xnsd.ctl("zone-refresh", "example.com")
    wait_until(lambda: w.xnsd.zone_status("example.com")["activity"] == "idle", what="an end of the refresh")
    assert w.xnsd.zone_status("example.com")["serial"] == 6
    w.xnsd.ctl("zone-retransfer", "example.com")
    w.xnsd.wait_served("example.com", serial=4)
    assert address_of(w) == "192.0.2.4"


def test_fail_over(world):
    """The first primary is down at the start, then the other one goes."""
    zones = [{"domain": "example.com", "primaries": ["first", "second"], "notify-from": ["first", "second"]}]
    w = world({"example.com": zone(1)}, kinds=("nsd", "knot"), xnsd_zones=zones, notify=True)
    first, second = w.primaries
    first.stop()
    w.xnsd.start()
    w.xnsd.wait_served("example.com", serial=1)
    assert w.xnsd.zone_status("example.com")["primary"].startswith(SECOND4)
    second.update("example.com", zone(2))
    w.xnsd.wait_served("example.com", serial=2)
    assert FIRST4 in w.xnsd.process.log(), "the dead primary is named in the log"
    second.stop()
    first.write("example.com", zone(3))
    first.start()
    w.xnsd.ctl("zone-refresh", "example.com")
    w.xnsd.wait_served("example.com", serial=3)
    assert w.xnsd.zone_status("example.com")["primary"].startswith(FIRST4)


def test_names_come_and_go(world):
    """Deletions, insertions, new types, an owner that becomes an empty non-terminal, negative answers' SOA."""
    w = world({"example.com": zone(1, more="a A 192.0.2.3\nb.ent A 192.0.2.4\nent TXT x")}, notify=True)
    w.xnsd.start()
    w.xnsd.wait_served("example.com", serial=1)
    steps = {2: "b.ent A 192.0.2.4\nnew AAAA 2001:db8::7\nc CNAME new", 3: "ent TXT y\nc A 192.0.2.9\n*.wild TXT w",
             4: "", 5: "a A 192.0.2.3\nb.ent A 192.0.2.4\nent TXT x"}
    names = ["a", "b.ent", "ent", "new", "c", "x.wild", "nothing", "www"]
    for serial, more in steps.items():
        w.primary.update("example.com", zone(serial, more=more))
        w.xnsd.wait_served("example.com", serial=serial)
        wires = [query(f"{name}.example.com", qtype, edns=1232).wire(0) for name in names for qtype in (1, 16, 28)]
        ours, theirs = ask.udp(w.client, SERVER4, wires), ask.udp(w.client, w.primary.v4, wires)
        assert [ask.summary(a) for a in ours] == [ask.summary(b) for b in theirs], f"serial {serial}"


def test_held_but_never_transferred(world):
    """SERVFAIL; names in no zone: REFUSED; and it comes by itself when the primary does."""
    w = world({"example.com": zone(1)}, notify=True)
    w.primary.stop()
    w.xnsd.start()
    assert rcode(w.client, SERVER4, "www.example.com") == SERVFAIL
    assert rcode(w.client, SERVER6, "www.example.com") == SERVFAIL
    assert rcode(w.client, SERVER4, "www.example.org") == REFUSED
    status = w.xnsd.zone_status("example.com")
    assert status["state"] == "empty" and status["serial"] is None
    w.primary.start()
    w.xnsd.wait_served("example.com", serial=1, timeout=30)
    assert rcode(w.client, SERVER4, "www.example.com") == 0


def test_parent_and_child(world):
    """Both held: the child's own data win; DS and what lies beside the cut are the parent's."""
    parent = zone(1, more="child NS ns.child\nns.child A 192.0.2.7\nchild DS 1 13 2 " + "00" * 32 + "\nchildish A 192.0.2.8")
    child = "$ORIGIN child.example.com.\n$TTL 300\n@ SOA ns h 7 3600 3600 86400 60\n@ NS ns\nns A 192.0.2.70\nwww A 192.0.2.71\n"
    w = world({"example.com": parent, "child.example.com": child})
    w.xnsd.start()
    w.xnsd.wait_served("example.com", "child.example.com")
    questions = [(name, qtype) for name in ("child", "www.child", "ns.child", "no.child", "childish", "www", "no", "")
                 for qtype in ("A", "NS", "SOA", "DS", "TXT")]
    wires = [query(f"{name}.example.com".lstrip("."), qtype, edns=1232).wire(0) for name, qtype in questions]
    ours, theirs = ask.udp(w.client, SERVER4, wires), ask.udp(w.client, w.primary.v4, wires)
    over_tcp = ask.tcp(w.client, SERVER4, wires)
    for question, our, stream, their in zip(questions, ours, over_tcp, theirs):
        assert ask.summary(our) == ask.summary(their), f"{question}\n{ask.describe(our)}\n--- knot\n{ask.describe(their)}"
        assert ask.summary(stream) == ask.summary(their), question


def test_many_zones(world):
    zones = {f"z{i}.example": f"$ORIGIN z{i}.example.\n@ 300 SOA ns h {i + 1} 3600 3600 86400 60\n@ 300 NS ns\n"
                              f"ns 300 A 192.0.2.1\nwww 300 A 10.0.{i // 256}.{i % 256}\n" for i in range(200)}
    w = world(zones)
    start = time.monotonic()
    w.xnsd.start()
    w.xnsd.wait_served(*zones, timeout=30)
    print(f"{len(zones)} zones in {time.monotonic() - start:.1f} s")
    wires = [query(f"www.{name}").wire(0) for name in zones]
    with w.xnsd.counting() as moved:
        replies = ask.udp(w.client, SERVER4, wires)
    assert [reply[-4:] for reply in replies] == [bytes([10, 0, i // 256, i % 256]) for i in range(len(zones))]
    assert moved["answer-positive"] == len(zones)

# SPDX-License-Identifier: GPL-3.0-or-later
"""What replies say in their OPT: NSID, ZONEVERSION, extended errors; at the interface and from the sockets alike."""
import struct

import pytest

import ask
from ask import Frames, Query, query
from hostile import Primary, Zone
from lab import SECOND4, SERVER4, SERVER6, wait_until
from malformed import Summary

NSID = "nsid-" + "n" * 123  # as long as one can be
NSID_CODE, EDE_CODE, VERSION_CODE = 3, 15, 19
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, REFUSED, BADVERS = 0, 1, 2, 3, 5, 16
ODD = 0x40  # a header bit that the packet path passes up and nobody looks at

ROOT = """. 3600 SOA ns.nic.test. hostmaster.nic.test. 4000000001 3600 900 604800 300
. 3600 NS ns.nic.test.
ns.nic.test. 3600 A 192.0.2.1
deep.test. 3600 NS ns.deep.test.
ns.deep.test. 3600 A 192.0.2.9
"""
EXAMPLE = """$ORIGIN example.com.
$TTL 3600
@ SOA ns hostmaster 7 3600 900 604800 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.10
alias CNAME www
loose CNAME nowhere
*.wild TXT "from the wildcard"
sub NS ns.sub
ns.sub A 192.0.2.20
child NS ns.child
ns.child A 192.0.2.30
mx MX 10 host1
mx MX 20 host2
""" + "".join(f"host{i} A 192.0.2.{i}\nhost{i} AAAA 2001:db8::{i}\n" for i in (1, 2)) + \
    "".join(f'medium TXT "{i}{"x" * 250}"\n' for i in range(3)) + "".join(f'big TXT "{i}{"x" * 250}"\n' for i in range(6))
CHILD = """$ORIGIN child.example.com.
@ 3600 SOA ns hostmaster 99 3600 900 604800 300
@ 3600 NS ns
ns 3600 A 192.0.2.30
"""


def option(code, data=b""):
    return struct.pack("!HH", code, len(data)) + data


ASK_NSID, ASK_VERSION, UNKNOWN = option(NSID_CODE), option(VERSION_CODE), option(65001, b"hello")

# name, type; rcode; labels and serial of the zone that answers
ANSWERS = [
    ("www.example.com", "A", NOERROR, 2, 7),
    ("WWW.example.COM", "AAAA", NOERROR, 2, 7),
    ("example.com", "SOA", NOERROR, 2, 7),
    ("alias.example.com", "A", NOERROR, 2, 7),
    ("loose.example.com", "A", NXDOMAIN, 2, 7),
    ("no.example.com", "A", NXDOMAIN, 2, 7),
    ("a.b.wild.example.com", "TXT", NOERROR, 2, 7),
    ("a.wild.example.com", "A", NOERROR, 2, 7),
    ("www.sub.example.com", "A", NOERROR, 2, 7),
    ("www.example.com", "ANY", NOERROR, 2, 7),
    ("big.example.com", "TXT", NOERROR, 2, 7),
    ("child.example.com", "SOA", NOERROR, 3, 99),
    ("no.child.example.com", "A", NXDOMAIN, 3, 99),
    ("child.example.com", "DS", NOERROR, 2, 7),
    (".", "NS", NOERROR, 0, 4000000001),
    ("no.such.name", "A", NXDOMAIN, 0, 4000000001),
    ("www.deep.test", "A", NOERROR, 0, 4000000001),
]


@pytest.fixture(scope="module")
def w(shared_world):
    def make(new):
        zones = {".": ROOT, "example.com": EXAMPLE, "child.example.com": CHILD}
        world = new(zones, server={"nsid": NSID})
        world.xnsd.start()
        world.xnsd.wait_served(*zones)
        return world
    return shared_world("edns", make)


def transports(world):
    """name: function(wires) -> replies; the first two are answered at the interface."""
    def frames(v6):
        def send(wires):
            sender = Frames(world.lab, v6=v6)
            try:
                return sender.ask(SERVER6 if v6 else SERVER4, wires)
            finally:
                sender.close()
        return send

    def odd(wires):
        return ask.udp(world.client, SERVER4, [wire[:3] + bytes([wire[3] | ODD]) + wire[4:] for wire in wires])
    return {"frames": frames(False), "frames, IPv6": frames(True), "UDP, passed up": odd,
            "TCP": lambda wires: ask.tcp(world.client, SERVER4, wires)}


def options_of(wire):
    """{code: data}; each at most once."""
    found = Summary(wire, wire).options
    assert len(dict(found)) == len(found), f"an option twice: {found}"
    return dict(found)


def version(labels, serial):
    return struct.pack("!BBI", labels, 0, serial)


def test_options(w):
    """Whoever answers, and whatever: the same options."""
    asked = [(answer, asked) for answer in ANSWERS
             for asked in (b"", ASK_NSID, ASK_VERSION, ASK_NSID + ASK_VERSION,
                           UNKNOWN + ASK_VERSION + UNKNOWN + ASK_NSID + ASK_NSID, option(NSID_CODE, b"data"))]
    wires = [query(name, qtype, edns=1232, options=options, do=bool(i % 2)).wire(0)
             for i, ((name, qtype, *_), options) in enumerate(asked)]
    for transport, send in transports(w).items():
        with w.xnsd.counting() as moved:
            replies = send(wires)
        for ((name, qtype, rcode, labels, serial), options), reply in zip(asked, replies):
            what = f"{transport}: {name} {qtype} {options}"
            assert reply, what
            expect = {}
            if option(NSID_CODE)[:2] in options:
                expect[NSID_CODE] = NSID.encode()
            if ASK_VERSION in options:
                expect[VERSION_CODE] = version(labels, serial)
            assert reply[3] & 15 == rcode and options_of(reply) == expect, what
        if transport.startswith("frames"):
            assert moved.answered == len(wires), f"not all at the interface: {dict(moved)}"
        assert not moved.impossible


@pytest.mark.parametrize("name,qtype", [("medium.example.com", "TXT"), ("mx.example.com", "MX")])
def test_room(w, name, qtype):
    """Options count: at every limit of the client's the reply is whole, trimmed or TC=1, alike from everywhere."""
    sizes = range(512, 1000)
    for options in (b"", ASK_NSID, ASK_VERSION, ASK_NSID + ASK_VERSION):
        wires = [query(name, qtype, edns=size, options=options).wire(0) for size in sizes]
        seen = {}
        for transport, send in transports(w).items():
            if transport == "TCP":
                continue
            replies = send(wires)
            for size, reply in zip(sizes, replies):
                assert reply and len(reply) <= size, f"{transport}, {size}: {ask.describe(reply)}"
                assert NSID_CODE in options_of(reply) or ASK_NSID not in options
            seen[transport] = [ask.summary(reply) for reply in replies]
        first = seen.pop("frames")
        assert len(set(first)) > (qtype == "TXT"), "the sizes make no difference"
        for transport, summaries in seen.items():
            for size, one, other in zip(sizes, first, summaries):
                assert one == other, f"{transport} is not as frames at size {size}, options {options}: {other} {one}"


def test_small(w):
    """NSID and TC=1 in 512 bytes with the longest name there is."""
    name = b"".join(bytes([63]) + bytes([c]) * 63 for c in b"abc") + b"\x31" + b"d" * 49 + ask.wire_name("example.com")
    assert len(name) == 255
    wires = [Query(name, 1, edns=size, options=ASK_NSID + ASK_VERSION).wire(0) for size in (0, 1, 511, 512) if size]
    for transport, send in transports(w).items():
        for reply in send(wires):
            assert reply and len(reply) <= 512, transport
            assert options_of(reply) == {NSID_CODE: NSID.encode(), VERSION_CODE: version(2, 7)}, transport


def test_refused_and_bad(w):
    """What no zone answers: no ZONEVERSION; BADVERS has no options."""
    bad_version = Query(ask.wire_name("www.example.com"), 1, edns=1232, version=1, options=ASK_NSID + ASK_VERSION).wire(0)
    full = query("www.example.com", edns=1232, options=option(VERSION_CODE, b"\2\0\0\0\0\7")).wire(0)
    for transport, send in transports(w).items():
        badvers, formerr = send([bad_version, full])
        assert Summary(badvers, badvers).rcode == BADVERS and options_of(badvers) == {}, transport
        assert formerr[3] & 15 == FORMERR, transport


def test_extended_errors(world):
    """A zone never transferred, one expired, one not held: the code says which."""
    short = Zone("expiring.test.")
    short.soa = lambda serial: short.rrset("@", "SOA", f"ns1 hostmaster {serial} 1 1 2 300")
    zones = [{"domain": "expiring.test", "primaries": ["second"]}, {"domain": "never.test", "primaries": ["second"]}]
    w = world({"example.com": EXAMPLE}, xnsd_zones=["example.com", *zones], server={"nsid": "me"})
    primary = Primary(w.client, SECOND4, short)
    w.lab.closers.append(primary.close)
    w.xnsd.start()
    w.xnsd.wait_served("example.com", "expiring.test")
    primary.close()
    wait_until(lambda: w.xnsd.zone_status("expiring.test")["state"] == "expired", 10, "expiry")
    expect = {
        "www.never.test": (SERVFAIL, {EDE_CODE: b"\0\x0ezone not transferred yet"}),
        "www.expiring.test": (SERVFAIL, {EDE_CODE: b"\0\x18zone has expired", VERSION_CODE: version(2, 1)}),
        "www.example.org": (REFUSED, {EDE_CODE: b"\0\x14"}),
        "www.example.com": (NOERROR, {VERSION_CODE: version(2, 7)}),
    }
    wires = [query(name, edns=1232, options=ASK_NSID + ASK_VERSION).wire(0) for name in expect]
    plain = [query(name).wire(0) for name in expect]
    for transport, send in transports(w).items():
        for (name, (rcode, options)), reply in zip(expect.items(), send(wires)):
            assert reply[3] & 15 == rcode, f"{transport}: {name}"
            assert options_of(reply) == {NSID_CODE: b"me", **options}, f"{transport}: {name}"
        for (name, (rcode, _)), reply in zip(expect.items(), send(plain)):
            assert reply[3] & 15 == rcode and reply[11] == 0, f"{transport}: {name} without EDNS"


STALE = b"\0\x03"


def test_stale(world):
    """No primary for a refresh and a retry: extended error 3 until one is back, if configured; else as ever."""
    short = Zone("stale.test.")
    short.soa = lambda serial: short.rrset("@", "SOA", f"ns1 hostmaster {serial} 2 1 600 300")
    w = world({"example.com": EXAMPLE}, xnsd_zones=["example.com", {"domain": "stale.test", "primaries": ["second"]}],
              server={"nsid": "me"})

    def new_primary(serial):
        primary = Primary(w.client, SECOND4, short)
        primary.serve(serial)
        w.lab.closers.append(primary.close)
        return primary

    def wait_stale(expect):
        wait_until(lambda: (w.xnsd.served("stale.test") or {"maps": {}})["maps"].get("stale") is expect, 20,
                   lambda: f"stale: {expect}: {w.xnsd.zone_status('stale.test')}")

    def expect(code):
        """What clients are told of the zone."""
        asked = [("host1.stale.test", "A", NOERROR), ("host1.stale.test", "MX", NOERROR), ("no.stale.test", "A", NXDOMAIN)]
        full = ASK_NSID + ASK_VERSION
        wires = [query(name, qtype, edns=1232, options=options, do=do).wire(0)
                 for name, qtype, _ in asked for options in (b"", full) for do in (False, True)]
        plain = [query(name, qtype).wire(0) for name, qtype, _ in asked]
        others = [query("www.example.com", edns=1232).wire(0),
                  Query(ask.wire_name("host1.stale.test"), 1, edns=1232, version=1, options=full).wire(0)]
        seen = {}
        for transport, send in transports(w).items():
            with w.xnsd.counting() as moved:
                replies = seen[transport] = send(wires)
            for i, reply in enumerate(replies):
                assert reply[3] & 15 == asked[i // 4][2], transport
                assert options_of(reply).get(EDE_CODE) == code, f"{transport}: {wires[i]}"
                assert (NSID_CODE in options_of(reply)) == (VERSION_CODE in options_of(reply)) == (i % 4 > 1), transport
            assert not transport.startswith("frames") or moved.answered == len(wires), dict(moved)
            assert all(reply[11] == 0 for reply in send(plain)), f"{transport}: without EDNS"
            assert all(EDE_CODE not in options_of(reply) for reply in send(others)), f"{transport}: others"
        for transport, replies in seen.items():
            assert all(reply[2:] == first[2:] for reply, first in zip(replies, seen["frames"])), \
                f"{transport}: other bytes than at the interface"

    primary = new_primary(1)
    w.xnsd.start()
    w.xnsd.wait_served("example.com", "stale.test")
    expect(None)
    assert w.xnsd.zone_status("stale.test")["stale_at"] is None
    primary.close()
    wait_stale(True)
    status = w.xnsd.zone_status("stale.test")
    assert status["state"] == "active" and status["answered_by"] == "interface"
    # Not before a refresh and a retry behind the last success, in whole seconds.
    assert status["stale_at"] >= status["last_transfer"]["at"] + 3
    assert "\nstale          since " in w.xnsd.ctl("zone-status", "stale.test").stdout
    assert not w.xnsd.zone_status("example.com")["maps"]["stale"]
    expect(STALE)

    # It stays so while nobody is there to know better; the next agent knows it from its database.
    w.xnsd.kill()
    assert all(options_of(reply)[EDE_CODE] == STALE for reply in
               transports(w)["frames"]([query("host1.stale.test", edns=1232).wire(0)]))
    w.xnsd.start()
    w.xnsd.wait_served("stale.test")
    expect(STALE)

    # Not to be told.
    w.xnsd.stop()
    w.xnsd.config["server"]["ede-stale"] = False
    w.xnsd.write_config()
    w.xnsd.start()
    wait_stale(False)
    assert w.xnsd.zone_status("stale.test")["stale_at"] is not None
    expect(None)
    w.xnsd.stop()
    del w.xnsd.config["server"]["ede-stale"]
    w.xnsd.write_config()
    w.xnsd.start()
    wait_stale(True)
    expect(STALE)

    # The primary is back, with the same serial, then with another.
    primary = new_primary(1)
    wait_stale(False)
    expect(None)
    assert primary.transfers == 0
    primary.close()
    wait_stale(True)
    new_primary(2)
    wait_stale(False)
    w.xnsd.wait_served("stale.test", serial=2)
    expect(None)

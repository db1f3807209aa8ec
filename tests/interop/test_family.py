# SPDX-License-Identifier: GPL-3.0-or-later
"""A parent and a child zone, both held: the child's data wins, DS is the parent's; then either of them expires, is taken
away, and comes back. At the interface and from the sockets alike."""
import dns.message
import pytest

from ask import Frames, query, tcp
from hostile import Primary, Zone
from lab import FIRST4, SECOND4, SERVER4, wait_until

NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
DIGEST = "A1" * 32


class Family:
    """Two primaries, of which either can fall silent; each zone is written so that it tells who answers."""

    def __init__(self, world):
        self.parent, self.child = Zone("example.com."), Zone("child.example.com.")
        self.short = set()  # zones that are to expire after two seconds
        for zone in (self.parent, self.child):
            zone.soa = lambda serial, zone=zone: zone.rrset(
                "@", "SOA", f"ns1 hostmaster {serial} " + ("1 1 2 300" if zone in self.short else "7200 3600 86400 300"))
        self.parent.body = lambda serial: [
            self.parent.rrset("@", "NS", "ns1"), self.parent.rrset("ns1", "A", "192.0.2.2"),
            self.parent.rrset("www", "A", "192.0.2.10"), self.parent.rrset("child", "NS", "ns1.child"),
            self.parent.rrset("child", "DS", f"7 13 2 {DIGEST}"), self.parent.rrset("ns1.child", "A", "192.0.2.99"),
            self.parent.rrset("to-child", "CNAME", "www.child")]
        self.child.body = lambda serial: [
            self.child.rrset("@", "NS", "ns1"), self.child.rrset("ns1", "A", "192.0.2.3"),
            self.child.rrset("www", "A", "192.0.2.30")]
        self.w = world({}, kinds=(), xnsd_zones=self.zones("parent", "child"))
        self.primary = {name: Primary(self.w.client, address, zone) for name, address, zone in
                        (("parent", FIRST4, self.parent), ("child", SECOND4, self.child))}
        self.w.lab.closers += [primary.close for primary in self.primary.values()]

    @staticmethod
    def zones(*names):
        all_of = {"parent": {"domain": "example.com", "primaries": ["first"]},
                  "child": {"domain": "child.example.com", "primaries": ["second"]}}
        return [all_of[name] for name in names]

    def start(self, *names):
        """xnsd anew, with these zones."""
        xnsd = self.w.xnsd
        if xnsd.process and xnsd.process.alive():
            assert xnsd.stop() == 0
        xnsd.config["zones"] = self.zones(*names)
        xnsd.write_config()
        xnsd.start()
        xnsd.wait_served(*(zone["domain"] for zone in xnsd.config["zones"]))

    def expire(self, which):
        zone = {"parent": "example.com", "child": "child.example.com"}[which]
        self.primary[which].close()
        wait_until(lambda: self.w.xnsd.zone_status(zone)["state"] == "expired", 10, "expiry")

    def check(self, expect, passed=()):
        """{(name, type): (rcode, AA, answer, authority)}, sections as (owner, type) sets; passed: what is not answered
        at the interface."""
        asked = list(expect)
        wires = [query(name, qtype).wire(0) for name, qtype in asked]
        frames = Frames(self.w.lab)
        answered = []
        for wire in wires:
            with self.w.xnsd.counting() as moved:
                answered += frames.ask(SERVER4, [wire])
            assert bool(moved.answered) != (asked[len(answered) - 1] in passed), (asked[len(answered) - 1], dict(moved))
        frames.close()
        for transport, replies in (("interface", answered), ("TCP", tcp(self.w.client, SERVER4, wires))):
            for (name, qtype), reply in zip(asked, replies):
                message = dns.message.from_wire(reply)
                found = (message.rcode(), bool(message.flags & 0x400), *({
                    (rrset.name.to_text(), dns.rdatatype.to_text(rrset.rdtype)) for rrset in section}
                    for section in (message.answer, message.authority)))
                assert found == expect[name, qtype], f"{name} {qtype} over {transport}:\n{message}"


@pytest.fixture
def family(world):
    return Family(world)


SOA_PARENT, SOA_CHILD = {("example.com.", "SOA")}, {("child.example.com.", "SOA")}
CHILD_NS = {("child.example.com.", "NS")}

WWW = {("www.example.com", "A"): (NOERROR, True, {("www.example.com.", "A")}, set())}
DS = {("child.example.com", "DS"): (NOERROR, True, {("child.example.com.", "DS")}, set())}
CHILD = {
    ("www.child.example.com", "A"): (NOERROR, True, {("www.child.example.com.", "A")}, set()),
    ("ns1.child.example.com", "A"): (NOERROR, True, {("ns1.child.example.com.", "A")}, set()),
    ("child.example.com", "NS"): (NOERROR, True, CHILD_NS, set()),
    ("child.example.com", "A"): (NOERROR, True, set(), SOA_CHILD),
    ("no.child.example.com", "A"): (NXDOMAIN, True, set(), SOA_CHILD),
}
REFERRED = {key: (NOERROR, False, set(), CHILD_NS) for key in CHILD}
# RFC 1034 §4.3.2: the chain goes on in the zone that it began in, which has only the delegation, as in Knot DNS.
CHAIN = {("to-child.example.com", "A"): (NOERROR, True, {("to-child.example.com.", "CNAME")}, CHILD_NS)}


def all_of(answers, rcode):
    return {key: (rcode, False, set(), set()) for key in answers}


def test_both(family):
    family.start("parent", "child")
    family.check({**WWW, **DS, **CHILD, **CHAIN})


def test_child_expires(family):
    family.short.add(family.child)
    family.start("parent", "child")
    family.check({**WWW, **DS, **CHILD})
    family.expire("child")
    family.check({**WWW, **DS, **CHAIN, **all_of(CHILD, SERVFAIL)})


def test_parent_expires(family):
    family.short.add(family.parent)
    family.start("parent", "child")
    family.check({**WWW, **DS, **CHILD})
    family.expire("parent")
    family.check({**CHILD, **all_of({**WWW, **DS, **CHAIN}, SERVFAIL)})


def test_child_taken_away(family):
    family.start("parent", "child")
    family.check({**WWW, **DS, **CHILD})
    family.start("parent")
    family.check({**WWW, **DS, **REFERRED, **CHAIN})
    family.start("parent", "child")
    family.check({**WWW, **DS, **CHILD, **CHAIN})


def test_parent_taken_away(family):
    family.start("parent", "child")
    family.check({**WWW, **DS, **CHILD})
    family.start("child")
    refused = {**WWW, **CHAIN}
    nodata = {("child.example.com", "DS"): (NOERROR, True, set(), SOA_CHILD)}
    family.check({**CHILD, **nodata, **all_of(refused, REFUSED)}, passed=refused)
    family.start("parent", "child")
    family.check({**WWW, **DS, **CHILD, **CHAIN})

# SPDX-License-Identifier: GPL-3.0-or-later
"""A zone that has every shape of answer and of denial, and questions of each shape with what a validator must say.

A question is (shape, name, type, rcode, verdict); the verdict is "secure", "insecure", or "any" where it depends on
what of the zone's names an opt-out span has (RFC 5155 §9.2), but it must never be bogus.
"""
from dataclasses import dataclass

import dns.name
import dns.rdatatype

from ask import Query, rng_for, spell
from validators import CHILD

NOERROR, NXDOMAIN = 0, 3
NAMES, UNSIGNED, SIGNED = 240, 120, 40
DIGEST = "0123456789abcdef" * 4

SHAPES = """
@ NS ns
@ NS ns.outside.org.
@ MX 10 mail
@ MX 20 www
@ TXT "apex"
ns A 192.0.2.53
ns AAAA 2001:db8::53
mail A 192.0.2.25
www A 192.0.2.80
www A 192.0.2.81
www AAAA 2001:db8::80
MiXed.Case A 192.0.2.1
txt TXT "only"
big TXT {big}
_sip._tcp SRV 0 5 5060 www
web HTTPS 1 . alpn=h2
esc\\.aped A 192.0.2.2
bin\\000\\255\\032 A 192.0.2.2
*.bin A 192.0.2.2
deep.under.ent A 192.0.2.3
other.ent TXT "x"
*.wild A 192.0.2.4
*.wild TXT "wild"
known.wild A 192.0.2.5
x.blocks.wild A 192.0.2.5
b.*.star A 192.0.2.6
*.alias CNAME www
*.lost CNAME nothing
*.again CNAME x.wild
*.again2 CNAME deep.er.again
*.into CNAME host.plain
*.mx MX 10 www
alias CNAME www
chain CNAME alias
to-nothing CNAME nothing
to-nothing-deep CNAME a.b.c.nothing
chain-nothing CNAME to-nothing
to-below-wild CNAME y.known.wild
to-nodata CNAME txt
to-ent CNAME ent
to-wild CNAME some.wild
to-wild-deep CNAME so.me.wild
to-alias CNAME x.alias
to-lost CNAME x.lost
to-child CNAME host.child
to-plain CNAME host.plain
to-dname CNAME x.moved
moved DNAME target
gone DNAME nothing
x.target A 192.0.2.7
*.target TXT "below the target"
plain NS ns.plain
ns.plain A {child}
child NS ns.child
child DS {ds}
ns.child A {child}
"""

BELOW = """
@ NS ns
ns A 192.0.2.53
host A 192.0.2.8
*.wild A 192.0.2.9
deep.under.ent A 192.0.2.3
"""


def soa(serial):
    return f"$TTL 3600\n@ SOA ns hostmaster {serial} 3600 900 604800 300\n"


def zone_text(serial, ds):
    """Another serial has other names among n0, n1...: the chain of denial changes in many places."""
    rng = rng_for("zone", serial)
    lines = [f"n{i} A 198.51.100.{i % 250}" for i in range(NAMES) if rng.random() < 0.8]
    lines += [f"m{rng.randrange(10 ** 6)}.sub{i % 7} A 198.51.100.{i}" for i in range(40)]
    for i in range(UNSIGNED):
        lines += [f"u{i} NS ns.u{i}", f"ns.u{i} A {CHILD}"]
    for i in range(SIGNED):
        lines += [f"s{i} NS ns.s{i}", f"ns.s{i} A {CHILD}", f"s{i} DS {i + 1} 13 2 {DIGEST}"]
    shapes = SHAPES.format(big=" ".join(f'"{"x" * 200}{i}"' for i in range(4)), child=CHILD, ds=ds)
    return soa(serial) + shapes + "\n".join(lines) + "\n"


def below_text(serial):
    return soa(serial) + BELOW


@dataclass(frozen=True)
class Question:
    shape: str
    query: Query
    rcode: int
    verdict: str

    def __str__(self):
        return f"{self.shape}: {self.query.text}: want {dns.rdatatype.to_text(self.query.qtype)} {self.rcode} {self.verdict}"


# What is there only once: name, types, rcode, verdict.
ONCE = [
    ("positive", "@", "SOA NS MX TXT DNSKEY", NOERROR, "secure"),
    ("positive", "www", "A AAAA", NOERROR, "secure"),
    ("positive", "mixed.case", "A", NOERROR, "secure"),
    ("positive", "big", "TXT", NOERROR, "secure"),
    ("positive", "_sip._tcp", "SRV", NOERROR, "secure"),
    ("positive", "web", "HTTPS", NOERROR, "secure"),
    ("positive", "esc\\.aped", "A", NOERROR, "secure"),
    ("positive", "bin\\000\\255\\032", "A", NOERROR, "secure"),
    ("positive", "b.*.star", "A", NOERROR, "secure"),
    ("wildcard itself", "*.wild", "A TXT", NOERROR, "secure"),
    ("wildcard itself", "*.wild", "MX AAAA", NOERROR, "secure"),
    ("NODATA", "known.wild", "TXT", NOERROR, "secure"),
    ("NODATA at an ENT", "ent", "A TXT NS", NOERROR, "secure"),
    ("NODATA at an ENT", "under.ent", "A DS", NOERROR, "secure"),
    ("NODATA at an ENT", "blocks.wild", "A TXT", NOERROR, "secure"),
    ("NODATA at an ENT", "*.star", "A TXT", NOERROR, "secure"),
    ("NODATA at an ENT", "star", "A", NOERROR, "secure"),
    ("an ENT is found by its wildcard", "y.star", "A TXT", NOERROR, "secure"),
    ("blocked wildcard", "y.known.wild", "A TXT", NXDOMAIN, "secure"),
    ("blocked wildcard", "y.blocks.wild", "A TXT", NXDOMAIN, "secure"),
    ("CNAME", "alias", "A AAAA", NOERROR, "secure"),
    ("CNAME", "alias", "CNAME", NOERROR, "secure"),
    ("CNAME", "chain", "A AAAA", NOERROR, "secure"),
    ("CNAME to NODATA", "alias", "TXT MX", NOERROR, "secure"),
    ("CNAME to NODATA", "to-nodata", "A AAAA", NOERROR, "secure"),
    ("CNAME to NODATA", "to-ent", "A", NOERROR, "secure"),
    ("CNAME to NXDOMAIN", "to-nothing", "A TXT", NXDOMAIN, "secure"),
    ("CNAME to NXDOMAIN", "to-nothing-deep", "A", NXDOMAIN, "secure"),
    ("CNAME to NXDOMAIN", "chain-nothing", "A", NXDOMAIN, "secure"),
    ("CNAME to NXDOMAIN", "to-below-wild", "A", NXDOMAIN, "secure"),
    ("CNAME to a wildcard", "to-wild", "A TXT", NOERROR, "secure"),
    ("CNAME to a wildcard", "to-wild-deep", "A TXT", NOERROR, "secure"),
    ("CNAME to a wildcard CNAME", "to-alias", "A", NOERROR, "secure"),
    ("CNAME to a wildcard CNAME", "to-lost", "A", NXDOMAIN, "secure"),
    ("CNAME to wildcard NODATA", "to-wild", "MX", NOERROR, "secure"),
    ("CNAME to a child", "to-child", "A", NOERROR, "secure"),
    ("CNAME to an unsigned child", "to-plain", "A", NOERROR, "insecure"),
    ("DNAME", "moved", "DNAME", NOERROR, "secure"),
    ("DNAME", "x.moved", "A", NOERROR, "secure"),
    ("DNAME", "to-dname", "A", NOERROR, "secure"),
    ("DNAME to NODATA", "x.moved", "TXT", NOERROR, "secure"),
    ("DNAME to a wildcard", "y.moved", "TXT", NOERROR, "secure"),
    ("DNAME to wildcard NODATA", "y.moved", "A", NOERROR, "secure"),
    ("DNAME to NXDOMAIN", "x.gone", "A", NXDOMAIN, "secure"),
    ("ANY", "www", "ANY", NOERROR, "secure"),
    ("ANY", "@", "ANY", NOERROR, "secure"),
    ("ANY", "nothing", "ANY", NXDOMAIN, "secure"),
    ("ANY", "ent", "ANY", NOERROR, "secure"),
    ("DS present", "child", "DS", NOERROR, "secure"),
    ("DS absent", "plain", "DS", NOERROR, "secure"),
    ("below a signed child", "host.child", "A", NOERROR, "secure"),
    ("below a signed child", "child", "SOA NS DNSKEY", NOERROR, "secure"),
    ("below a signed child", "host.child", "MX", NOERROR, "secure"),
    ("below a signed child", "nothing.child", "A", NXDOMAIN, "secure"),
    ("below a signed child", "a.wild.child", "A", NOERROR, "secure"),
]


class Questions:
    """Of one zone. The same seed asks the same."""

    def __init__(self, zone, optout, seed):
        self.origin = dns.name.from_text(zone)
        self.optout = optout
        self.rng = rng_for(zone, seed)
        self.list = []

    def add(self, shape, name, qtype, rcode, verdict):
        name = self.origin if name == "@" else dns.name.from_text(name, self.origin) if isinstance(name, str) else name
        if self.optout and verdict == "secure":
            verdict = "any"
        wire = name.to_wire()
        if self.rng.random() < 0.3:
            wire = spell(wire, self.rng)
        query = Query(wire, dns.rdatatype.from_text(qtype), flags=0x0100, edns=4096, do=True)
        self.list.append(Question(shape, query, rcode, verdict))

    def label(self):
        rng = self.rng
        kind = rng.random()
        if kind < 0.5:
            return bytes(rng.choice(b"abcdefghijklmnopqrstuvwxyz0123456789-") for _ in range(rng.randint(6, 20)))
        if kind < 0.8:
            return b"~" + bytes(rng.randrange(256) for _ in range(rng.randint(2, 12)))
        if kind < 0.9:
            return b"n" + str(rng.randrange(10 ** 6, 10 ** 9)).encode()
        return bytes(rng.randrange(97, 123) for _ in range(63))

    def below(self, parent, depth=None):
        name = self.origin if parent == "@" else dns.name.from_text(parent, self.origin)
        for _ in range(depth or self.rng.choice((1, 1, 1, 2, 3, 6))):
            label = self.label()
            if len(name.to_wire()) + 1 + len(label) > 255:
                break
            name = dns.name.Name((label,) + name.labels)
        return name

    def once(self):
        for shape, name, types, rcode, verdict in ONCE:
            for qtype in types.split():
                self.add(shape, name, qtype, rcode, verdict)

    def many(self, n):
        """n random names of each shape of denial."""
        rng = self.rng
        for _ in range(n):
            parent = rng.choice(("@", "@", "@", "www", "ns", "ent", "under.ent", "known.wild", "x.blocks.wild",
                                 f"n{rng.randrange(NAMES)}", "sub3", "b.*.star", "esc\\.aped", "_tcp"))
            self.add("NXDOMAIN", self.below(parent), rng.choice(("A", "AAAA", "TXT", "DS")), NXDOMAIN, "secure")
            self.add("wildcard", self.below("wild"), rng.choice(("A", "TXT")), NOERROR, "secure")
            self.add("wildcard NODATA", self.below("wild"), rng.choice(("AAAA", "MX", "DS", "HTTPS")), NOERROR, "secure")
            self.add("wildcard CNAME", self.below("alias"), rng.choice(("A", "AAAA", "CNAME")), NOERROR, "secure")
            self.add("wildcard CNAME to NXDOMAIN", self.below("lost"), "A", NXDOMAIN, "secure")
            self.add("wildcard CNAME to a wildcard", self.below(rng.choice(("again", "again2"))), "A", NOERROR, "secure")
            self.add("wildcard CNAME to a child", self.below("into"), "A", NOERROR, "insecure")
            name = rng.choice(("www", "ns", "mail", "txt", "@", "_sip._tcp", "child", "sub1"))
            qtype = rng.choice(("CAA", "SSHFP", "PTR", "LOC", f"TYPE{rng.randrange(1000, 30000)}"))
            self.add("NODATA" if name != "sub1" else "NODATA at an ENT", name, qtype, NOERROR, "secure")
            unsigned = f"u{rng.randrange(UNSIGNED)}"
            self.add("DS absent", unsigned, "DS", NOERROR, "secure")
            self.add("DS present", f"s{rng.randrange(SIGNED)}", "DS", NOERROR, "secure")
            self.add("below an unsigned child", self.below(unsigned), "A", NOERROR, "insecure")
            self.add("below a signed child", self.below("child"), "A", NXDOMAIN, "secure")
            self.add("below a signed child", self.below("wild.child"), "A", NOERROR, "secure")

# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones that are hard to answer from, out of a seed.

A *family* is a zone, and perhaps zones below it that are held too. Its content is a list of groups, each a few
records that belong together (a feature): so a family can be made smaller by leaving groups out, then records, and what is
left is still a zone. Names are relative to the family's origin, so that many versions of it can stand side by side.
"""
import random
from dataclasses import dataclass, field

import names

OUT = "out.invalid."  # a target in no zone
HOSTS = ("www", "host", "a", "b", "ns", "x")


@dataclass(frozen=True)
class Record:
    owner: tuple  # labels below the family's origin
    rtype: str
    rdata: str  # of zone files; {o}, behind labels, and {top} stand for the origin
    ttl: int = 3600
    zone: int = 0  # 0: the family's first zone, n: its n-th child


@dataclass
class Family:
    name: str
    origin: tuple
    groups: list
    children: list = field(default_factory=list)  # owners (below the origin) where zones of their own begin
    minimum: int = 300

    def origins(self):
        return [self.origin] + [child + self.origin for child in self.children]


def clean(records, children=()):
    """Leaves out what may not stand beside what came before it (RFC 1034 §3.6.2, RFC 2181 §10.1, RFC 6672 §2.4)."""
    types, dnames, kept = {}, set(), []
    below_dname = set()  # names above which there may be no DNAME, as they or something below exist
    for record in records:
        owner = names.lower(record.owner)
        have = types.setdefault((record.zone, owner), set())
        key = lambda name: (record.zone, name)
        if "CNAME" in have or (record.rtype == "CNAME" and have):
            continue
        if any(key(owner[i:]) in dnames for i in range(1, len(owner) + 1)):
            continue
        if record.rtype == "DNAME" and ("DNAME" in have or "NS" in have or key(owner) in below_dname):
            continue
        if record.rtype == "NS" and "DNAME" in have:
            continue
        if record.rtype == "DS" and "NS" not in have:
            continue
        if record.rtype == "DNAME":
            dnames.add(key(owner))
        have.add(record.rtype)
        below_dname.update(key(owner[i:]) for i in range(1, len(owner) + 1))
        kept.append(record)
    return kept


def family_records(family, kind="u"):
    """What dnssec-signzone or a reference does not take is left out."""
    records = [record for group in family.groups for record in group]
    if kind not in "un":  # NSEC3: it looks for a wildcard below each name, and dies if that is no name
        records = [r for r in records if names.fits((b"*",) + r.owner + family.origin)]
        # Knot DNS takes the NSEC3 records for names below a DNAME.
        records = [r for r in records if r.rtype != "DNAME" or r.owner]
    return clean(records)


def zone_text(family, number, records, serial=1):
    """The zone file of one of the family's zones."""
    origin = family.origins()[number]
    cut = family.children[number - 1] if number else ()
    base = names.text(origin)
    lines = [f"{base} 3600 IN SOA ns.{OUT} hostmaster.{OUT} {serial} 3600 600 86400 {family.minimum}"]
    if not any(r.zone == number and r.owner == cut and r.rtype == "NS" for r in records):
        lines.append(f"{base} 3600 IN NS ns1.{OUT}")
    for record in records:
        if record.zone == number:
            owner = names.text(record.owner + family.origin)
            lines.append(f"{owner} {record.ttl} IN {record.rtype} {rdata(record, family.origin)}")
    return "\n".join(lines) + "\n"


def rdata(record, origin):
    return record.rdata.replace("{top}", names.text(origin)).replace("{o}", names.text(origin) if origin else "")


def target(name):
    """In rdata: a name below the family's origin."""
    return "".join(names.label_text(label) + "." for label in name) + "{o}" if name else "{top}"


# ---- features: (rng, base, room) → records. base: owner below which they stand; room: bytes left on the wire. ----

def address(rng, v6=False):
    if v6:
        return f"2001:db8::{rng.randrange(1, 65536):x}:{rng.randrange(65536):x}"
    return f"192.0.2.{rng.randrange(256)}"


def label(rng):
    return rng.choice((b"a", b"b", b"c", b"www", b"Host", b"mail", b"x1", b"x2", b"x10", b"zz", b"_tcp", b"e", b"m-n"))


def place(rng, base, depth=2):
    return tuple(label(rng) for _ in range(rng.randrange(1, depth + 1))) + base


def host(rng, owner, zone=0):
    records = [Record(owner, "A", address(rng), zone=zone)]
    if rng.random() < 0.5:
        records.append(Record(owner, "AAAA", address(rng, True), zone=zone))
    if rng.random() < 0.2:
        records.append(Record(owner, "A", address(rng), zone=zone))
    return records


def hosts(rng, base, room):
    return [record for _ in range(rng.randrange(1, 4)) for record in host(rng, place(rng, base))]


def some_target(rng, base):
    """Where aliases, mail and delegations lead."""
    kind = rng.randrange(10)
    if kind < 4:
        return target(place(rng, base, 1))
    if kind < 6:
        return target((rng.choice(HOSTS).encode(),))
    if kind < 7:
        return target((b"nobody", b"here") + base)
    if kind < 8:
        return target((b"q",) + place(rng, base, 1))
    if kind < 9:
        return target(())
    return "host." + OUT


def wildcard(rng, base, room):
    star = (b"*",) + (place(rng, base, 1) if rng.random() < 0.5 else base)
    kind = rng.randrange(9)
    if kind < 3:
        records = host(rng, star)
        if rng.random() < 0.5:
            records.append(Record(star, "TXT", '"wild"'))
    elif kind < 5:
        records = [Record(star, "CNAME", some_target(rng, base))]
    elif kind < 6:
        records = [Record(star, "MX", f"10 {some_target(rng, base)}"), Record(star, "MX", f"20 {target((b'www',))}")]
    elif kind < 7:
        records = [Record(star, "SRV", f"1 2 53 {some_target(rng, base)}")]
    elif kind < 8:
        records = [Record(star, "TXT", '"only text"', ttl=60)]
    else:
        records = [Record(star, "TYPE65280", "\\# 3 010203"), Record(star, "AAAA", address(rng, True))]
    if rng.random() < 0.3:
        records += host(rng, (b"blocks", b"ent") + star[1:])
    if rng.random() < 0.2:
        records += host(rng, (b"below",) + star)
    return records


def wildcard_dname(rng, base, room):
    """RFC 4592 §4.4. A wildcard with NS (§4.2, no meaning defined) is a zone that BIND refuses."""
    return [Record((b"*",) + place(rng, base, 1), "DNAME", some_target(rng, base))]


def star_in_the_middle(rng, base, room):
    owner = (label(rng), b"*") + place(rng, base, 1)
    if rng.random() < 0.5:
        return host(rng, owner)
    return [Record((b"*",) + owner, "TXT", '"stars"'), Record(owner, "CNAME", some_target(rng, base))]


def empty_non_terminals(rng, base, room):
    return host(rng, tuple(label(rng) for _ in range(rng.randrange(2, 6))) + base)


def delegation(rng, base, room):
    cut = place(rng, base, 3)
    records = [Record(cut, "NS", ns) for ns in {some_target(rng, base) for _ in range(rng.randrange(1, 3))}]
    if rng.random() < 0.6:
        for i in range(rng.randrange(1, 4)):
            ns = (b"ns%d" % i,) + cut
            records += [Record(cut, "NS", target(ns))] + host(rng, ns)
    if rng.random() < 0.4:
        for _ in range(rng.randrange(1, 3)):
            records.append(Record(cut, "DS", ds(rng)))
    if rng.random() < 0.3:  # sibling glue
        sibling = (label(rng) + b"-s",) + base
        records += [Record(sibling, "NS", target((b"ns",) + sibling)), Record(cut, "NS", target((b"ns",) + sibling))]
        records += host(rng, (b"ns",) + sibling)
    if rng.random() < 0.2:  # nested
        records += [Record((b"deeper",) + cut, "NS", "ns." + OUT), Record((b"deeper",) + cut, "DS", ds(rng))]
    if rng.random() < 0.3:
        records.append(Record((b"*",) + cut, rng.choice(("A", "A", "TXT")), "192.0.2.9"))
    if rng.random() < 0.2:
        records += [Record(cut, "TXT", '"beside NS"'), Record((b"hidden", b"ent") + cut, "A", "192.0.2.10")]
    return records


def ds(rng):
    return f"{rng.randrange(65536)} 13 2 {rng.getrandbits(256):064X}"


def alias(rng, base, room):
    return [Record(place(rng, base), "CNAME", some_target(rng, base)) for _ in range(rng.randrange(1, 3))]


def chain(rng, base, room):
    length = rng.choice((2, 3, 5, 8, 15, 19, 20, 25))
    start = b"chain%d-" % rng.randrange(10)
    records = [Record((start + b"%d" % i,) + base, "CNAME", target((start + b"%d" % (i + 1),) + base))
               for i in range(length)]
    end = (start + b"%d" % length,) + base
    kind = rng.randrange(5)
    if kind == 0:
        return records + host(rng, end)
    if kind == 1:
        return records + [Record(end, "CNAME", some_target(rng, base))]
    if kind == 2:  # a loop
        return records + [Record(end, "CNAME", target((start + b"%d" % rng.randrange(length + 1),) + base))]
    if kind == 3:
        return records + [Record((b"*",) + base, "CNAME", target((b"nobody",)))]
    return records


def dname(rng, base, room):
    owner = (b"d" + label(rng),) + base
    kind = rng.randrange(6)
    if kind < 2:
        goal = base if rng.random() < 0.5 else place(rng, base, 1)
        return [Record(owner, "DNAME", target(goal)), Record(owner, "A", address(rng))] + host(rng, (b"www",) + goal)
    if kind < 3:
        return [Record(owner, "DNAME", OUT)]
    if kind < 4:  # overflows for longer prefixes
        return [Record(owner, "DNAME", target(names.filled(room - 40)))] if room > 60 else []
    if kind < 5:  # one leads to another, and round
        other = (b"dd",) + base
        return [Record(owner, "DNAME", target(other)), Record(other, "DNAME", target(rng.choice((owner, base))))]
    return [Record(owner, "DNAME", target((b"www",))), Record((b"to-" + owner[0],) + base, "CNAME",
                                                             target((b"deep", b"er") + owner))]


def services(rng, base, room):
    owner = place(rng, base)
    choice = rng.randrange(6)
    if choice == 0:
        return [Record(owner, "MX", f"{i} {some_target(rng, base)}") for i in (5, 10, 20)]
    if choice == 1:
        return [Record((b"_sip", b"_udp") + owner, "SRV", f"0 {i} 5060 {some_target(rng, base)}") for i in range(2)]
    if choice == 2:
        return [Record(owner, "HTTPS", f"1 {rng.choice(('.', some_target(rng, base)))} alpn=h2,h3 port=8443"),
                Record(owner, "HTTPS", f"0 {some_target(rng, base)}"), Record(owner, "A", address(rng))]
    if choice == 3:
        return [Record(owner, "SVCB", f"2 {some_target(rng, base)} ipv4hint=192.0.2.1")]
    if choice == 4:
        return [Record(owner, "NAPTR", f'10 10 "u" "E2U+sip" "!^.*$!sip:x@example!" {rng.choice((".", some_target(rng, base)))}')]
    return [Record(owner, "MX", f"1 {target((b'm%d' % i,) + base)}") for i in range(9)] + \
        [r for i in range(9) for r in host(rng, (b"m%d" % i,) + base)]


def large(rng, base, room):
    owner = (b"large%d" % rng.randrange(3),) + base
    kind = rng.randrange(5)
    if kind == 0:
        return [Record(owner, "A", f"198.51.{rng.randrange(256)}.{i}") for i in range(rng.choice((20, 31, 60, 90)))]
    if kind == 1:
        return [Record(owner, "AAAA", f"2001:db8:1::{i:x}") for i in range(rng.choice((16, 40, 70)))]
    if kind == 2:
        return [Record(owner, "TXT", " ".join(f'"{i:0200d}"' for i in range(rng.choice((2, 3, 5, 6, 7)))))]
    if kind == 3:
        return [Record(owner, "TXT", f'"{i:0250d}"') for i in range(rng.choice((4, 30)))]
    return [Record(owner, "MX", f"10 {target((b'mx%d' % i,) + owner)}") for i in range(12)] + \
        [Record((b"mx%d" % i,) + owner, "AAAA", address(rng, True)) for i in range(12)]


def types(rng, base, room):
    owner = place(rng, base)
    every = [("TYPE65280", "\\# 4 0A000001"), ("TYPE731", "\\# 0"), ("CAA", '0 issue "ca.example"'), ("PTR", target((b"www",))),
             ("TLSA", "3 1 1 " + "AB" * 32), ("SSHFP", "4 2 " + "CD" * 32), ("HINFO", '"x" "y"'), ("LOC", "52 N 13 E 10m"),
             ("EUI48", "00-00-5e-00-53-2a"), ("SPF", '"v=spf1 -all"'), ("RP", f"{target((b'www',))} {target(())}"),
             ("AFSDB", f"1 {target((b'www',))}"), ("URI", '1 1 "ftp://x"'), ("TXT", '"" "a\\"b" "\\000\\255"'),
             ("OPENPGPKEY", "AQID"), ("CERT", "1 2 3 AQID"), ("KX", f"1 {target((b'www',))}")]
    return [Record(owner, *one, ttl=rng.choice((0, 60, 3600))) for one in rng.sample(every, rng.randrange(1, 9))]


def long_names(rng, base, room):
    kind = rng.randrange(4)
    if kind == 0:
        return host(rng, names.filled(room) + base)
    if kind == 1:
        return host(rng, names.filled(room, 1) + base)
    if kind == 2:
        return [Record((b"long",) + base, "CNAME", target(names.filled(room - 10) + base)),
                *host(rng, names.filled(room - 10) + base)]
    return [Record((b"*",) + names.filled(room - 30) + base, "A", "192.0.2.77"),
            Record((b"far",) + base, "MX", f"1 {target((b'q',) + names.filled(room - 30) + base)}")]


def strange_labels(rng, base, room):
    strange = rng.choice((b"\0", b"\xff\xfe", b"a.b", b"a\\b", b" ", b'"q"', b"\x01\x02", b"UPPER", b"@", b"[z{Z", b"\xe4",
                          bytes(range(1, 40)), b"*a", b"**", b"a*"))
    records = host(rng, (strange,) + base)
    if rng.random() < 0.4:
        records += host(rng, (label(rng), strange) + base)
    if rng.random() < 0.3:
        records.append(Record((b"to",) + base, "CNAME", target((strange,) + base)))
    return records


def upper_case(rng, base, room):
    owner = (b"CaSe",) + base
    return host(rng, owner) + [Record((b"MIXED",) + base, "CNAME", target((b"cAsE",) + base)),
                               Record((b"Mx",) + base, "MX", f"1 {target((b'CASE',) + base)}")]


def ttls(rng, base, room):
    owner = place(rng, base)
    return [Record(owner, "A", address(rng), ttl=0), Record(owner, "TXT", '"long"', ttl=604800),
            Record(owner, "MX", f"1 {some_target(rng, base)}", ttl=5)]


def apex(rng, base, room):
    records = [Record((), "A", address(rng)), Record((), "MX", f"1 {some_target(rng, ())}"), Record((), "TXT", '"top"'),
               Record((), "CAA", '0 issue ";"'), Record((), "HTTPS", "1 . alpn=h2")]
    return rng.sample(records, rng.randrange(1, 5))


def apex_servers(rng, base, room):
    return [Record((), "NS", target((b"ns",))), *host(rng, (b"ns",)), Record((), "NS", "ns." + OUT)]


def apex_dname(rng, base, room):
    return [Record((), "DNAME", OUT)]


FEATURES = ((hosts, 3), (wildcard, 5), (wildcard_dname, 1), (star_in_the_middle, 1), (empty_non_terminals, 2), (delegation, 5),
            (alias, 3), (chain, 1), (dname, 2), (services, 3), (large, 1), (types, 1), (long_names, 1), (strange_labels, 2),
            (upper_case, 1), (ttls, 1), (apex, 1), (apex_servers, 1))


def child(rng, family_children, cut):
    """A zone of its own below the family's, with what the zone above has of it."""
    number, above = len(family_children) + 1, len(family_children)
    family_children.append(cut)
    ns = (b"ns",) + cut
    parent = [Record(cut, "NS", target(ns), zone=above), *host(rng, ns, above)]
    if rng.random() < 0.5:
        parent.append(Record(cut, "DS", ds(rng), zone=above))
    own = [Record(cut, "NS", target(ns), zone=number), *host(rng, ns, number)]
    if rng.random() < 0.5:  # the two do not agree: the child's data win
        own.append(Record(cut, "NS", "ns2." + OUT, zone=number))
    groups = [parent, own]
    for _ in range(rng.randrange(2, 6)):
        feature = rng.choice((hosts, wildcard, alias, empty_non_terminals, delegation, services))
        groups.append([Record(r.owner, r.rtype, r.rdata, r.ttl, number) for r in feature(rng, cut, 60)])
    groups.append([Record((b"to-child",), "CNAME", target((b"www",) + cut)),
                   Record((b"mx-child",), "MX", f"1 {target(ns)}")])
    return groups


def tricky(seed, number, origin):
    """The number-th family of a seed, whatever its origin: only its length has a part in it."""
    rng = random.Random(f"{seed}/{number}")
    weighted = [feature for feature, weight in FEATURES for _ in range(weight)]
    groups, children = [], []
    if number % 12 == 5:
        groups.append(apex_dname(rng, (), 0))
        groups.append(apex(rng, (), 0))
    bases = [(), (), place(rng, ()), (b"e", b"sub")]
    for i in range(rng.randrange(8, 22)):
        base = rng.choice(bases)
        room = 255 - names.wire_len(base + origin)
        groups.append((FEATURES[number % len(FEATURES)][0] if i == 0 else rng.choice(weighted))(rng, base, room))
    if number % 4 == 3:
        groups += child(rng, children, (b"child",))
        if number % 8 == 7:
            groups += child(rng, children, (b"grand", b"child"))
    groups = [[r for r in group if names.fits(r.owner + origin)] for group in groups]
    return Family(f"tricky-{number}", origin, [g for g in groups if g], children, rng.choice((0, 60, 300, 7200)))


def tld(seed, origin, count):
    """Delegations and little else."""
    rng = random.Random(f"{seed}/tld")
    groups = [apex_servers(rng, (), 0), hosts(rng, (), 200)]
    for i in range(count):
        cut = (b"d%07d" % (i * 7919 % 10000019),)
        group = [Record(cut, "NS", f"ns1.{OUT}")] if i % 3 else \
            [Record(cut, "NS", target((b"ns%d" % k,) + cut)) for k in range(2)] + \
            [Record((b"ns%d" % k,) + cut, "A", address(rng)) for k in range(2)]
        if i % 3 == 1:
            group.append(Record(cut, "NS", target((b"ns0",) + (b"d%07d" % 0,))))
        if i % 5 == 0:
            group.append(Record(cut, "DS", ds(rng)))
        groups.append(group)
    return Family("tld", origin, groups, minimum=900)


def hosting(seed, number, origin):
    """One customer's zone."""
    rng = random.Random(f"{seed}/hosting/{number}")
    www = (b"www",)
    groups = [[Record((), "A", address(rng)), Record(www, "A", address(rng))], [Record((), "MX", f"10 {target((b'mail',))}"),
              Record((b"mail",), "A", address(rng))], [Record((), "TXT", '"v=spf1 mx -all"')]]
    if number % 2:
        groups.append([Record((b"ftp",), "CNAME", target(www)), Record((), "AAAA", address(rng, True))])
    if number % 3 == 0:
        groups.append([Record((b"*",), "A", address(rng))])
    if number % 7 == 0:
        groups.append([Record((b"sub",), "NS", "ns." + OUT)])
    return Family(f"hosting-{number}", origin, groups)

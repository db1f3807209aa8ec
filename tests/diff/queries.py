# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions about a family of zones: its names and their relatives, types, spellings, header flags and EDNS."""
import random
import struct

import names
import zones
from sign import KINDS

A, NS, CNAME, SOA, MX, TXT, AAAA, SRV, DNAME, DS, ANY = 1, 2, 5, 6, 15, 16, 28, 33, 39, 43, 255
TYPES = {"A": A, "NS": NS, "CNAME": CNAME, "SOA": SOA, "PTR": 12, "HINFO": 13, "MX": MX, "TXT": TXT, "RP": 17, "AFSDB": 18,
         "AAAA": AAAA, "LOC": 29, "SRV": SRV, "NAPTR": 35, "KX": 36, "CERT": 37, "DNAME": DNAME, "DS": DS, "SSHFP": 44,
         "TLSA": 52, "OPENPGPKEY": 61, "SVCB": 64, "HTTPS": 65, "SPF": 99, "EUI48": 108, "URI": 256, "CAA": 257}
COMMON = (A, A, A, AAAA, NS, DS, DS, MX, TXT, SOA, CNAME, DNAME, ANY, SRV, 65, 46, 47, 48, 50, 51, 59, 65280, 12, 257)
META = (128, 249, 250, 253, 254)
SIZES = (0, 0, 0, 512, 512, 1232, 1232, 1232, 1232, 4096, 4096, 100)

# corpus.h
WILDCARD, WILDCARD_CUT, WILDCARD_AGAIN, NO_APEX = 1, 2, 4, 255
PLAIN = 0
HEAD = struct.Struct("=HBBBB")

MOST_OWNERS = 10000  # of a family that are asked about


def type_number(rtype):
    return TYPES.get(rtype) or int(rtype[4:])


def message(name, qtype, flags=0, size=0, do=False, version=0, options=b"", qclass=1):
    wire = struct.pack("!6H", 0, flags, 1, 0, 0, 1 if size else 0) + names.wire(name) + struct.pack("!HH", qtype, qclass)
    if size:
        wire += struct.pack("!BHHBBHH", 0, 41, size, 0, version, 0x8000 if do else 0, len(options)) + options
    return wire


def entry(wire, apex=NO_APEX, name=0, zone=PLAIN):
    return HEAD.pack(len(wire), apex, name, zone, 0) + wire


class Knowledge:
    """What of a family decides how a name is answered. Names are absolute and lower case."""

    def __init__(self, family, records):
        self.origins = [names.lower(origin) for origin in family.origins()]
        self.types, self.exists, self.aliases = {}, set(self.origins), {}
        for record in records:
            owner = names.lower(record.owner) + self.origins[0]
            self.types.setdefault(owner, set()).add(record.rtype)
            if record.rtype == "CNAME":
                self.aliases[owner] = names.lower(names.parse(zones.rdata(record, family.origin)))
            for i in range(len(owner) - len(self.origins[0])):
                self.exists.add(owner[i:])
        self.cuts = {owner for owner, types in self.types.items() if "NS" in types and owner not in self.origins}
        self.dnames = {owner for owner, types in self.types.items() if "DNAME" in types}

    def zone_of(self, name):
        """The deepest origin above the lower-case name, or None."""
        held = [origin for origin in self.origins if name[len(name) - len(origin):] == origin or not origin]
        return max(held, key=len) if held else None

    def wildcard_of(self, name):
        """The wildcard that answers for the lower-case name, or None."""
        if name in self.exists or any(name[i:] in self.cuts or name[i:] in self.dnames for i in range(len(name))):
            return None
        i = 1
        while name[i:] not in self.exists:
            i += 1
        star = (b"*",) + name[i:]
        return star if star in self.types else None

    def comes_again(self, name):
        """A chain of CNAMEs goes through one wildcard twice."""
        seen, stars = set(), set()
        while name is not None and self.zone_of(name) is not None:
            star = self.wildcard_of(name) or (name if name[:1] == (b"*",) else None)
            if star in stars:
                return True
            if name in seen:
                break
            seen.add(name)
            stars |= {star} - {None}
            name = self.aliases.get(star or name)
        return False

    def head(self, name):
        """(apex, name) of corpus_head."""
        name = names.lower(name)
        origin = self.zone_of(name)
        if origin is None:
            return NO_APEX, 0
        apex = sum(len(label) + 1 for label in name[:len(name) - len(origin)])
        star = self.wildcard_of(name)
        flags = WILDCARD_AGAIN if self.comes_again(name) else 0
        if star:
            flags |= WILDCARD | (WILDCARD_CUT if self.types[star] & {"NS", "DNAME"} else 0)
        return apex, flags


def neighbours(name):
    """Names beside one, in the canonical order or nearly."""
    label, rest = name[0], name[1:]
    yield (label[:62] + b"\0",) + rest
    yield (label[:62] + b"0",) + rest
    yield (label[:-1] + bytes([max(label[-1] - 1, 0)]),) + rest
    yield (label[:-1] + bytes([min(label[-1] + 1, 255)]),) + rest
    if len(label) > 1:
        yield (label[:-1],) + rest
    yield (b"\0",) + name


def relatives(knowledge, owners):
    """Names beside, above and below the owners, and some that have nothing to do with them."""
    origin = knowledge.origins[0]
    for name in owners:
        yield (b"zzz",) + name
        yield (b"*",) + name
        yield (b"a", b"b") + name
        if len(name) > len(origin):
            yield from neighbours(name)
        if name[:1] == (b"*",):
            yield (b"q",) + name[1:]
            yield (b"wild",) + name[1:]
            yield (b"one", b"two") + name[1:]
            yield (b"x", b"*") + name[1:]
            yield (b"\0\xff",) + name[1:]
            yield names.filled(255 - names.wire_len(name[1:])) + name[1:]
        if name in knowledge.dnames:
            for room in (255, 200, 120, 60):
                yield names.filled(room - names.wire_len(name), 20) + name
            yield (b"www",) + name
            yield (b"*",) + name
        if name in knowledge.cuts:
            yield (b"ns1",) + name
            yield names.filled(255 - names.wire_len(name)) + name
    yield names.filled(255 - names.wire_len(origin)) + origin
    yield names.filled(255 - names.wire_len(origin), 1) + origin
    if origin:
        yield origin[1:]
        yield (origin[0] + b"x",) + origin[1:]
    yield (b"other", b"invalid")


def spell(name, rng):
    return tuple(bytes(c ^ 0x20 if (65 <= c <= 90 or 97 <= c <= 122) and rng.random() < 0.5 else c for c in label)
                 for label in name)


def options(rng):
    """NSID, unknown ones, an empty list most of the time."""
    kind = rng.random()
    text = b""
    if kind < 0.10:
        text += struct.pack("!HH", 3, 0)
    if 0.07 < kind < 0.15:
        text += struct.pack("!HH", 65001, 5) + b"hello"
    if 0.13 < kind < 0.15:
        text += struct.pack("!HH", 65002, 0)
    return text


class Asker:
    """Queries about one family in one kind of denial."""

    def __init__(self, family, records, kind, seed, nsec3=()):
        self.rng = random.Random(f"{seed}/{family.name}/{kind}/queries")
        self.knowledge = Knowledge(family, records)
        self.zone = KINDS[kind][0]
        owners = sorted(self.knowledge.exists)
        if len(owners) > MOST_OWNERS:
            owners = self.rng.sample(owners, MOST_OWNERS)
        more = {name for name in relatives(self.knowledge, owners) if names.fits(name)} - self.knowledge.exists
        more |= {(label,) + self.knowledge.origins[0] for label in nsec3}
        self.names = owners, sorted(more)

    def qtype(self, name):
        rng = self.rng
        kind = rng.random()
        if kind < 0.4:
            types = self.knowledge.types.get(name)
            i = 0
            while not types and i < len(name):
                i += 1
                types = self.knowledge.types.get((b"*",) + name[i:])
            if types:
                return type_number(rng.choice(sorted(types)))
        if kind > 0.997:
            return rng.choice(META)
        return rng.choice(COMMON)

    def one(self, name):
        rng = self.rng
        apex, flag = self.knowledge.head(name)
        size = rng.choice(SIZES)
        bits = (0x100 if rng.random() < 0.5 else 0) | (0x10 if rng.random() < 0.2 else 0) | (0x20 if rng.random() < 0.2 else 0)
        wire = message(spell(name, rng) if rng.random() < 0.5 else name, self.qtype(name), bits, size,
                       do=rng.random() < (0.75 if self.zone else 0.2), version=int(rng.random() < 0.004),
                       options=options(rng), qclass=3 if rng.random() < 0.002 else 1)
        return entry(wire, apex, flag, self.zone)

    def some(self, count):
        """Each name once, as far as that goes, and again; existing ones and others by turns."""
        lists = [list(part) for part in self.names]
        for part in lists:
            self.rng.shuffle(part)
        return [self.one(lists[i % 2][i // 2 % len(lists[i % 2])]) for i in range(count)]

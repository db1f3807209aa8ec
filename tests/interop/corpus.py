# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries about a zone: every name and its relatives, every type, variants of spelling and EDNS."""
import dns.name
import dns.zone

from ask import AD, CD, RD, Query, rng_for, spell

# Beside the types of the zone itself. DS, NSEC, RRSIG, DNSKEY: the ones with rules of their own.
TYPES = (1, 2, 5, 6, 12, 15, 16, 28, 33, 43, 46, 47, 48, 65, 257, 65280)
SIZES = (0, 0, 512, 1232, 1232, 4096, 100)


class Corpus:
    def __init__(self, name, text, seed=1):
        self.name = name
        self.origin = dns.name.from_text(name)
        self.zone = dns.zone.from_text(text, origin=self.origin, relativize=False, check_origin=False)
        self.rng = rng_for(name, seed)
        self.types = sorted(set(TYPES) | {int(rdataset.rdtype) for node in self.zone.values() for rdataset in node})
        # What the packet path has to recognise and may give to the sockets.
        owners = set(self.zone.keys())
        self.has_wildcard = any(b"*" == label for owner in owners for label in owner.labels)
        self.has_cut = any(self.zone.get_rdataset(o, "NS") for o in owners if o != self.origin)
        self.has_dname = any(self.zone.get_rdataset(o, "DNAME") for o in owners)

    @property
    def plain(self):
        """Everything in it is answered at the interface."""
        return not (self.has_wildcard or self.has_cut or self.has_dname)

    def existing(self):
        """Owners and the empty non-terminals above them."""
        names = set()
        for owner in self.zone.keys():
            while owner != self.origin:
                names.add(owner)
                owner = owner.parent()
        return sorted(names | {self.origin})

    def names(self):
        """Existing names, children, neighbours, parents of nothing, as wire."""
        names = self.existing()
        relatives = set()
        for name in names:
            relatives.add(self.child(name, b"zzz"))
            relatives.add(self.child(name, b"*"))
            if name != self.origin:
                relatives.add(self.child(name.parent(), name.labels[0][:62] + b"0"))
                relatives.add(self.child(name.parent(), bytes([max(name.labels[0][0] - 1, 0)])))
        relatives.add(self.child(self.origin, b"a" * 63))
        relatives.add(self.child(self.child(self.child(self.origin, b"x"), b"y"), b"z"))
        relatives -= set(names) | {None}
        return [name.to_wire() for name in names], [name.to_wire() for name in sorted(relatives)]

    @staticmethod
    def child(name, label):
        try:
            return dns.name.Name((label,) + name.labels)
        except dns.name.NameTooLong:
            return None

    def queries(self, most):
        """At most so many, the same ones for the same seed: all types at existing names, some at the others."""
        existing, relatives = self.names()
        pairs = [(name, qtype) for name in existing for qtype in self.types]
        pairs += [(name, qtype) for name in relatives for qtype in (1, self.rng.choice(self.types))]
        self.rng.shuffle(pairs)
        return [self.variant(*pair) for pair in pairs[:most]]

    def variant(self, name, qtype):
        rng = self.rng
        size = rng.choice(SIZES)
        flags = (RD if rng.random() < 0.5 else 0) | (CD if rng.random() < 0.2 else 0) | (AD if rng.random() < 0.2 else 0)
        return Query(spell(name, rng) if rng.random() < 0.5 else name, qtype, flags, size, do=bool(size) and rng.random() < 0.4)

    @staticmethod
    def limit(query, tcp=False, server=1232):
        """Bytes that a reply may have."""
        return 65535 if tcp else min(max(query.edns, 512), server) if query.edns else 512

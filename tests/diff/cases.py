# SPDX-License-Identifier: GPL-3.0-or-later
"""A corpus: families in each kind of denial, their zones signed, and the questions about them."""
from dataclasses import dataclass

import names
import queries
import sign
import zones


@dataclass
class Part:
    """A family in one kind, its zones' texts, and where its questions are in the corpus."""

    family: zones.Family
    kind: str
    records: list
    texts: dict = None
    first: int = 0
    entries: list = None


def parts_of(families, signer):
    """families: [(family, kind)]. All zones are signed here."""
    parts = [Part(family, kind, zones.family_records(family, kind)) for family, kind in families]
    jobs = [(part, origin, zones.zone_text(part.family, number, part.records))
            for part in parts for number, origin in enumerate(part.family.origins())]
    texts = signer.sign_all([(origin, text, part.kind) for part, origin, text in jobs])
    for (part, origin, _), text in zip(jobs, texts):
        part.texts = {**(part.texts or {}), origin: text}
    return parts


def ask_about(part, count, seed):
    nsec3 = sign.nsec3_owners(part.texts[part.family.origin])[:5] if part.kind in "hso" else ()
    part.entries = queries.Asker(part.family, part.records, part.kind, seed, nsec3).some(count)


def tricky_origin(number, kind):
    """All of one length: a family is the same whatever the kind."""
    return (b"f%03d%s" % (number, kind.encode()), b"test")


def main_families(args):
    """[(family, kind, weight)] of the first world: everything but zones of the root."""
    found = []
    for number in range(args.families):
        for kind in sign.KINDS:
            weight = 2 if kind in "nhos" else 1
            found.append((zones.tricky(args.seed, number, tricky_origin(number, kind)), kind, weight))
    for kind in ("nho" if args.tld < 200000 else "o"):
        found.append((zones.tld(args.seed, (b"tld" + kind.encode(),), args.tld), kind, args.families / 4))
    for number in range(args.hosting):
        kind = "nho"[number % 3] if number % 20 == 0 else "u"
        found.append((zones.hosting(args.seed, number, (b"h%05d" % number, b"host")), kind, args.families / args.hosting))
    return found


def root_families(args, kind):
    """A root zone, with TLDs, and a zone in it that is held too."""
    family = zones.tricky(args.seed, 1000 + 4 * "unhosi".index(kind) + 3, ())
    return [(family, kind, 1)]


def corpus(families, count, signer, seed):
    """The parts of a world, with `count` questions about them by weight."""
    parts = parts_of([(family, kind) for family, kind, _ in families], signer)
    total, first, due = sum(weight for _, _, weight in families), 0, 0.0
    for part, (_, _, weight) in zip(parts, families):
        due += count * weight / total
        part.first = first
        ask_about(part, max(1, round(due) - first), seed)
        first += len(part.entries)
    return parts


def texts_of(parts):
    return {origin: text for part in parts for origin, text in part.texts.items()}


def part_of(parts, index):
    return next(part for part in parts if part.first <= index < part.first + len(part.entries))


def question(entry):
    """The message in an entry of a queries file."""
    return entry[queries.HEAD.size:]


def describe_question(entry):
    wire, at, labels = question(entry), 12, []
    while wire[at]:
        labels.append(wire[at + 1:at + 1 + wire[at]])
        at += 1 + wire[at]
    qtype, qclass = int.from_bytes(wire[at + 1:at + 3], "big"), int.from_bytes(wire[at + 3:at + 5], "big")
    opt = wire[at + 5:]
    edns = f", EDNS {int.from_bytes(opt[3:5], 'big')} version {opt[6]}{' DO' if opt[7] & 0x80 else ''}" if opt else ""
    options = f", options {opt[11:].hex()}" if opt[11:] else ""
    return f"{names.text(tuple(labels))} type {qtype} class {qclass}, flags {wire[2:4].hex()}{edns}{options}"

# SPDX-License-Identifier: GPL-3.0-or-later
"""One question again, and the smallest zone that still shows what is wrong with the answer."""
import copy

import cases
import names
import queries
import sign
import zones
from world import World


def family_of(args, name, kind):
    sort, _, number = name.partition("-")
    if sort == "tld":
        return zones.tld(args.seed, (b"tld" + kind.encode(),), args.tld)
    if sort == "hosting":
        return zones.hosting(args.seed, int(number), (b"h%05d" % int(number), b"host"))
    origin = () if int(number) >= 1000 else cases.tricky_origin(int(number), kind)
    return zones.tricky(args.seed, int(number), origin)


def moved(entry, old, new):
    """The entry's question about a name below `old` asked below `new`, of the same length."""
    old, new = names.wire(old), names.wire(new)
    wire = cases.question(entry)
    end = 12
    while wire[end]:
        end += 1 + wire[end]
    at = end + 1 - len(old)
    if at < 12 or wire[at:end + 1].lower() != old.lower():
        return entry
    return entry[:queries.HEAD.size] + wire[:at] + new + wire[end + 1:]


def candidate(family, groups, number, kind):
    """The family with other groups, beside others of its length."""
    made = copy.copy(family)
    made.groups = groups
    if family.origin:
        label = b"%0*d" % (len(family.origin[0]), number)
        made.origin = (label,) + family.origin[1:]
    return made


def failing(args, candidates, kind, entry, signer, explain=None):
    """Which of the families still answer the question wrongly: all stand in one world."""
    parts = cases.parts_of([(family, kind) for family in candidates], signer)
    for i, part in enumerate(parts):
        part.first = i
        part.entries = [moved(entry, args.origin, part.family.origin)]
    world = World(args.build, cases.texts_of(parts))
    try:
        wrong = set()
        for told in world.compare([part.entries[0] for part in parts]):
            fault = told.get("verdict"), told.get("what")
            if fault[0] in args.verdicts and (args.fault or fault) == fault:
                args.found = fault
                wrong.add(told["query"])
                if explain:
                    explain(args, world, parts, told)
        return wrong
    finally:
        world.close()


def rounds(args, family, groups, kind, entry, signer):
    """Fewer and fewer groups: the halves, quarters ... whose absence changes nothing are left out."""
    size = max(1, len(groups) // 2)
    while groups:
        starts = range(0, len(groups), size)
        fewer = [groups[:at] + groups[at + size:] for at in starts]
        # A zone of the root stands alone in its world.
        batches = [list(range(len(fewer)))] if family.origin else [[i] for i in range(len(fewer))]
        wrong = set()
        for batch in batches:
            found = failing(args, [candidate(family, fewer[i], i, kind) for i in batch], kind, entry, signer)
            wrong |= {batch[i] for i in found}
            if wrong and not family.origin:
                break
        print(f"{len(groups)} pieces, {len(wrong)} of {len(fewer)} parts of {size} can be left out", flush=True)
        if len(wrong) > 1:
            both = [g for i, at in enumerate(starts) if i not in wrong for g in groups[at:at + size]]
            if failing(args, [candidate(family, both, 0, kind)], kind, entry, signer):
                groups = both
                continue
        if wrong:
            groups = fewer[min(wrong)]
        elif size == 1:
            break
        size = max(1, min(size, len(groups)) // 2) if not wrong else min(size, max(1, len(groups) // 2))
    return groups


def run(args, explain):
    """True when nothing is wrong any more."""
    args.seed, name, kind, entry = args.case.split("/")
    entry = bytes.fromhex(entry)
    family = family_of(args, name, kind)
    args.origin, args.fault = family.origin, None
    args.verdicts = {"bug", "note", "differs from the sockets"} | ({"passed up"} if args.passed else set())
    with sign.scratch() as directory:
        signer = sign.Signer(directory)
        if not failing(args, [family], kind, entry, signer, None if args.reduce else explain):
            print("nothing is wrong with this case")
            return True
        args.fault = args.found  # and not another that comes up on the way
        if not args.reduce:
            return False
        groups = rounds(args, family, family.groups, kind, entry, signer)
        # And the records of what is left, one by one.
        groups = rounds(args, family, [[record] for group in groups for record in group], kind, entry, signer)
        small = candidate(family, groups, 0, kind)
        failing(args, [small], kind, entry, signer, explain)
        print("\nThe zone:")
        for number in range(len(small.origins())):
            print(zones.zone_text(small, number, zones.family_records(small, kind)))
        return False

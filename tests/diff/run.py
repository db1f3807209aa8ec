#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The differential test: xnsd against Knot DNS, NSD and BIND. docs/testing.md says what it does.

Prints what is wrong with seed, zone and question, the table of what was answered at the interface, and at the end
`N passed, N failed`. `--case` asks one question anew, of which it was printed; with `--reduce` the zone is made as small
as it can be with the fault still there.
"""
import argparse
import collections
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import dns.message

import cases
import reduce
import sign
from world import World

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
SHOWN = 5


class Results:
    """Checks by name, each passed or failed; the table."""

    def __init__(self):
        self.checks = {}
        self.table = collections.Counter()
        self.totals = collections.Counter()
        self.notes = collections.Counter()
        self.passed_up = collections.Counter()

    def check(self, name, failed):
        self.checks[name] = not failed
        print(f"{'ok' if not failed else 'FAILED':7} {name}" + (f": {failed}" if failed else ""), flush=True)

    def count(self, told):
        if "class" in told:
            for key in ("asked", "answered", "documented", "truncated", "truncated_answered"):
                self.table[told["class"], told["column"], key] += told[key]
        elif "total" in told:
            for key in ("judged", "same_bytes", "bugs", "notes"):
                self.totals[told["total"], key] += told[key]

    def share(self):
        asked = sum(n for (_, _, key), n in self.table.items() if key == "asked")
        documented = sum(n for (_, _, key), n in self.table.items() if key == "documented")
        answered = sum(n for (_, _, key), n in self.table.items() if key == "answered")
        return answered, asked - documented, documented

    def print_table(self):
        columns = ["DO=0", "DO unsigned", "DO NSEC", "DO NSEC3", "DO opt-out", "DO iterations"]
        classes = list(dict.fromkeys(name for name, _, _ in self.table))
        print("\nAnswered at the interface, of the queries whose reply fits the size limit; + what is documented as passed up")
        print(f"{'':32}" + "".join(f"{column:>18}" for column in columns))
        for name in classes:
            print(f"{name:32}" + "".join(f"{self.cell(name, column):>18}" for column in columns))
        cut = sum(n for (_, _, key), n in self.table.items() if key == "truncated")
        cut_answered = sum(n for (_, _, key), n in self.table.items() if key == "truncated_answered")
        print(f"{'TC=1, of all classes':32}{f'{cut_answered}/{cut}':>18}")

    def cell(self, name, column):
        asked, answered, documented = (self.table[name, column, key] for key in ("asked", "answered", "documented"))
        if not asked:
            return "-"
        return f"{answered}/{asked - documented}" + (f" +{documented}" if documented else "")


def show(wire):
    if wire is None:
        return "no reply"
    try:
        return dns.message.from_wire(wire).to_text()
    except Exception as error:  # a broken reply is to be shown
        return f"{error!r}: {wire.hex()}"


def case_name(args, part, index):
    return f"{args.seed}/{part.family.name}/{part.kind}/{part.entries[index - part.first].hex()}"


def explain(args, world, parts, told):
    part = cases.part_of(parts, told["query"])
    print(f"\n---- {told['by']}: {told['verdict']}: {told['what']}\n"
          f"seed {args.seed}, {part.family.name}, kind {part.kind} "
          f"(zone {part.family.origin and b'.'.join(part.family.origin).decode() or 'root'})\n"
          f"{cases.describe_question(part.entries[told['query'] - part.first])}\n"
          f"again: tests/diff/run.py --reduce --case {case_name(args, part, told['query'])}")
    replies = world.told(told["query"])
    shown = {}
    transports = {"frames": ("frames", "udp")}.get(told["by"], (told["by"],))
    for name, wire in replies.items():
        if name.endswith(transports):
            shown.setdefault(wire and wire[2:], []).append(name)
    for wire, who in shown.items():
        print(f"-- {', '.join(who)}\n{show(replies[who[0]])}")


def run_world(args, results, name, families, count, signer):
    start = time.monotonic()
    parts = cases.corpus(families, count, signer, args.seed)
    entries = [entry for part in parts for entry in part.entries]
    signed = time.monotonic()
    world = World(args.build, cases.texts_of(parts))
    try:
        ready = time.monotonic()
        found = collections.defaultdict(list)
        for told in world.compare(entries):
            results.count(told)
            if "query" in told:
                found[told["by"], told["verdict"]].append(told)
        compared = time.monotonic()
        print(f"{name}: {len(world.zones)} zones, {len(entries)} queries; zones made in {signed - start:.1f} s, held after "
              f"{ready - signed:.1f} s, asked and compared in {compared - ready:.1f} s", flush=True)
        for by in ("frames", "udp", "tcp"):
            wrong = found[by, "bug"] + found[by, "differs from the sockets"]
            tell_kinds(args, world, parts, wrong)
            results.check(f"{name}: {by}", wrong and f"{len(wrong)} replies are wrong")
            for told in found[by, "note"]:
                results.notes[told["what"]] += 1
            if args.notes:
                tell_kinds(args, world, parts, found[by, "note"])
        for told in found["frames", "passed up"]:
            part = cases.part_of(parts, told["query"])
            results.passed_up[told["what"], part.kind] += 1
        if args.passed:
            tell_kinds(args, world, parts, found["frames", "passed up"])
        results.check(f"{name}: counters", world.moved.impossible)
        print({key: value for key, value in world.moved.items()})
    finally:
        if args.keep:
            input(f"in {world.dir}; Enter ends it ")
        world.close()


def tell_kinds(args, world, parts, wrong):
    """A few of each sort."""
    shown = collections.Counter()
    for told in wrong:
        shown[told["what"]] += 1
        if shown[told["what"]] <= args.show:
            explain(args, world, parts, told)
    if shown:
        print(dict(shown))


def run_all(args):
    results = Results()
    with sign.scratch() as directory:
        signer = sign.Signer(directory)
        roots = "" if args.only else "unhos"
        main = int(args.queries * (0.95 if roots else 1))
        run_world(args, results, "main", cases.main_families(args), main, signer)
        for kind in roots:
            run_world(args, results, f"root zone, {kind}", cases.root_families(args, kind), args.queries // 100, signer)
    results.print_table()
    for by in ("frames", "udp", "tcp"):
        print(f"{by:7}" + ", ".join(f"{results.totals[by, key]} {key.replace('_', ' ')}"
                                    for key in ("judged", "same_bytes", "bugs", "notes")))
    if results.notes:
        print("notes, where the references differ and xnsd is like none:", dict(results.notes))
    if results.passed_up:
        print("passed up and not documented:", {f"{what} {kind}": n for (what, kind), n in results.passed_up.items()})
    answered, of, documented = results.share()
    share = 100 * answered / of if of else 0
    print(f"interface share: {answered} of {of} = {share:.3f} %, and {documented} that are documented as passed up")
    results.check(f"interface share at least {args.share} %", share < args.share and f"{share:.3f} %")
    passed = sum(results.checks.values())
    print(f"{passed} passed, {len(results.checks) - passed} failed")
    return passed == len(results.checks)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=os.path.join(TOP, "build"))
    parser.add_argument("--seed", default="1")
    parser.add_argument("--queries", type=int, default=105000)
    parser.add_argument("--families", type=int, default=32, help="tricky ones, each in six kinds of denial")
    parser.add_argument("--tld", type=int, default=20000, help="delegations of the zones like a TLD")
    parser.add_argument("--hosting", type=int, default=2000, help="zones of the set like a hoster's")
    parser.add_argument("--share", type=float, default=99.9, help="per cent to be answered at the interface")
    parser.add_argument("--show", type=int, default=1, help="replies shown of each sort")
    parser.add_argument("--notes", action="store_true", help="show what is noted")
    parser.add_argument("--passed", action="store_true", help="show what was passed up and should not have been")
    parser.add_argument("--only", action="store_true", help="without the worlds with a root zone")
    parser.add_argument("--keep", action="store_true", help="leave the servers running until Enter")
    parser.add_argument("--case", help="SEED/FAMILY/KIND/QUERY as printed: this one alone")
    parser.add_argument("--reduce", action="store_true", help="with --case: the smallest zone that shows it")
    args = parser.parse_args()
    args.build = os.path.abspath(args.build)
    if os.geteuid() != 0:
        sys.exit("tests/diff/run.py makes network namespaces: run it as root")
    if args.case:
        sys.exit(not reduce.run(args, explain))
    sys.exit(not run_all(args))


if __name__ == "__main__":
    main()

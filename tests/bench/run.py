#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""make bench: how fast xnsd is, beside others measured in the same run. docs/testing.md says what is measured.

Each part is a function of a module that takes a report and adds rows to it: what, unit, and for each server its values, of
which the median is printed. --json writes the same with every value.
"""
import argparse
import json
import os
import platform
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../interop")]

import transfer

TOP = os.path.join(HERE, "../..")


class Report:
    """Rows: {what, unit, values: {server: [...]}}; those of the same name become one."""

    def __init__(self):
        self.rows = []

    def row(self, what, unit, values):
        for row in self.rows:
            if row["what"] == what and row["unit"] == unit:
                row["values"].update(values)
                return
        self.rows.append({"what": what, "unit": unit, "values": values})
        print(f"  {what}: " + self.cells(self.rows[-1]), flush=True)

    @staticmethod
    def cells(row):
        def show(values):
            text = f"{statistics.median(values):.4g}"
            return text + (f" ({min(values):.4g} to {max(values):.4g})" if len(values) > 1 else "")
        return ", ".join(f"{server} {show(values)}" for server, values in sorted(row["values"].items(), reverse=True)
                         ) + f" {row['unit']}"

    def table(self):
        servers = sorted({server for row in self.rows for server in row["values"]}, reverse=True)
        width = max(len(row["what"]) for row in self.rows)
        lines = [f"{'':{width}}  {'':10}" + "".join(f"{server:>28}" for server in servers)]
        for row in self.rows:
            cells = []
            for server in servers:
                values = row["values"].get(server, [])
                cell = f"{statistics.median(values):.4g}" if values else "-"
                if len(values) > 1:
                    cell += f" ({min(values):.4g}..{max(values):.4g})"
                cells.append(f"{cell:>28}")
            lines.append(f"{row['what']:{width}}  {row['unit']:10}" + "".join(cells))
        return "\n".join(lines)


def parts(args):
    """In this order: (name, what it does)."""
    return {
        "large": lambda report: transfer.large_zone(report, args.build, args.names, args.rounds),
        "many": lambda report: transfer.many_zones(report, args.build, args.zones, args.rounds),
        "change": lambda report: transfer.small_changes(report, args.build, args.sizes, args.changes),
    }


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(TOP, "build"))
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs: half a minute")
    parser.add_argument("--names", type=int, help="of the large zone (1,000,000)")
    parser.add_argument("--zones", type=int, help="of the many small ones (10,000)")
    parser.add_argument("--sizes", help="of zones with small changes (1000,100000,1000000)")
    parser.add_argument("--rounds", type=int, help="of what is measured by whole starts (3)")
    parser.add_argument("--changes", type=int, help="for each size (9)")
    parser.add_argument("--json", metavar="FILE", help="write every value there too")
    parser.add_argument("parts", nargs="*", help="only these: large, many, change")
    args = parser.parse_args()
    usual = (("names", 20_000, 1_000_000), ("zones", 200, 10_000), ("sizes", "1000,20000", "1000,100000,1000000"),
             ("rounds", 1, 3), ("changes", 3, 9))
    for name, quick, full in usual:
        if getattr(args, name) is None:
            setattr(args, name, quick if args.quick else full)
    args.sizes = [int(size) for size in args.sizes.split(",")]
    unknown = set(args.parts) - set(parts(args))
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return args


def main():
    args = arguments()
    if os.geteuid() != 0:
        sys.exit("make bench makes network namespaces and loads programs: run it as root")
    report, began = Report(), time.monotonic()
    print(f"{os.cpu_count()} CPUs, Linux {platform.release()}; medians (least..most)", flush=True)
    for name, part in parts(args).items():
        if not args.parts or name in args.parts:
            part(report)
    print("\n" + report.table())
    print(f"\n{time.monotonic() - began:.0f} s")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump({"cpus": os.cpu_count(), "kernel": platform.release(), "rows": report.rows}, file, indent=1)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""make bench: how fast xnsd is, beside others measured in the same run. docs/bench.md says how, and how to read it.

Parts, in this order; all, unless some are named:
  flood    replies a second on one CPU, each workload: the bounce, xnsd, Knot DNS with AF_XDP and over sockets, NSD
  latency  how long a client waits for a reply, idle and at half of the best rate
  large    from the start of a secondary to answers, by AXFR, in zones of several sizes; memory
  many     the same for many small zones
  change   from an IXFR of ten changed records to the new answers, in zones of several sizes

Each part writes build/bench/PART.json with every value; plots of what is there are build/bench/*.svg.
"""
import argparse
import os
import platform
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../interop")]

import latency
import plots
import speed
import transfer
import workloads
from report import Progress, Report, goal_lines, write_json

TOP = os.path.join(HERE, "../..")

# What --quick (make bench-quick) has instead: (option, quick, full).
USUAL = (("workload", ",".join(workloads.QUICK), None), ("servers", "bounce,xnsd,knot-xdp,nsd", ",".join(speed.SERVERS)),
         ("rounds", 3, 5), ("seconds", 0.2, 0.5), ("latency_seconds", 3.0, 10.0),
         ("names", "1000,20000", "1000,10000,100000,1000000"),
         ("zones", 200, 10_000), ("sizes", "1000,20000", "1000,10000,100000,1000000"), ("starts", 1, 3), ("changes", 3, 9))


def flood(args, progress):
    results = speed.run(args, progress)
    return {"workloads": results}, speed.tables(results), []  # goals stand in the table


def waiting(args, progress):
    found = latency.run(args, progress)
    return {"servers": found}, latency.tables(found), []


def rows_of(measure):
    """A part that gives rows."""
    def part(args, progress):
        report = Report()
        goals = measure(report, args, progress) or []
        progress.end()
        return {"rows": report.rows, "goals": goals}, report.table(), goals
    return part


PARTS = {
    "flood": (flood, speed.steps),
    "latency": (waiting, latency.steps),
    "large": (rows_of(transfer.large_zones), transfer.steps_large),
    "many": (rows_of(transfer.many_zones), transfer.steps_many),
    "change": (rows_of(transfer.small_changes), transfer.steps_change),
}


def numbers(text):
    return [int(part) for part in str(text).split(",")]


def arguments():
    parser = argparse.ArgumentParser(prog="make bench BENCH=", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=os.path.abspath, default=os.path.join(TOP, "build"), help="directory of the programs, and of bench/")
    parser.add_argument("--quick", action="store_true", help="few workloads, short rounds, small zones")
    parser.add_argument("--minutes", type=float, default=45, help="when it ends at the latest (45)")
    group = parser.add_argument_group("flood, latency")
    group.add_argument("--workload", metavar="NAME,...", help="of " + " ".join(w.name for w in workloads.WORKLOADS))
    group.add_argument("--servers", metavar="NAME,...", help="of " + " ".join(speed.SERVERS))
    group.add_argument("--rounds", type=int, help="of each server and workload, of which the median counts (5)")
    group.add_argument("--seconds", type=float, help="of a round (0.5)")
    group.add_argument("--latency-seconds", type=float, help="for each server (10)")
    group = parser.add_argument_group("large, many, change")
    group.add_argument("--names", metavar="N,...", help="of large zones (1000,10000,100000,1000000)")
    group.add_argument("--zones", type=int, help="how many small ones (10,000)")
    group.add_argument("--sizes", metavar="N,...", help="of zones with small changes (1000,10000,100000,1000000)")
    group.add_argument("--starts", type=int, help="of each server for each zone (3)")
    group.add_argument("--changes", type=int, help="for each size (9)")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    args = parser.parse_args()
    for name, quick, full in USUAL:
        if getattr(args, name) is None:
            setattr(args, name, quick if args.quick else full)
    if set(args.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(set(args.parts) - set(PARTS)))}")
    args.build = os.path.abspath(args.build)
    args.parts = [part for part in PARTS if part in (args.parts or PARTS)]
    args.names, args.sizes, args.servers = numbers(args.names), numbers(args.sizes), args.servers.split(",")
    if set(args.servers) - set(speed.SERVERS):
        parser.error(f"no such server: {', '.join(sorted(set(args.servers) - set(speed.SERVERS)))}")
    try:
        args.workloads = workloads.by_name(args.workload and args.workload.split(","))
    except KeyError as error:
        parser.error(error.args[0])
    return args


def parameters(args):
    return {key: value for key, value in vars(args).items() if key not in ("build", "workloads")}


def end(why):
    """A signal's handler. No context manager takes SystemExit for a server that does not start."""
    return lambda *_: sys.exit(f"\nmake bench: {why}")


def main():
    args = arguments()
    if os.geteuid() != 0:
        sys.exit("make bench makes network namespaces and loads programs: run it as root")
    if os.cpu_count() < 2:
        sys.exit("make bench wants two CPUs: one for the server, one for who asks")
    # Whatever ends it, what was started is ended: by the context managers, else by the kernel (lab.py).
    signal.signal(signal.SIGINT, end("interrupted"))
    signal.signal(signal.SIGTERM, end("ended"))
    signal.signal(signal.SIGALRM, end(f"not done after {args.minutes:g} minutes, see --minutes"))
    signal.setitimer(signal.ITIMER_REAL, args.minutes * 60)
    began, directory, shown, goals = time.monotonic(), os.path.join(args.build, "bench"), [], []
    print(f"{os.cpu_count()} CPUs, Linux {platform.release()}; medians (least..most)", flush=True)
    progress = Progress({step: seconds for part in args.parts for step, seconds in PARTS[part][1](args).items()})
    for part in args.parts:
        results, text, of_part = PARTS[part][0](args, progress)
        write_json(os.path.join(directory, part + ".json"), args.build, parameters(args), results)
        shown.append(text)
        goals += of_part
    print("\n" + "\n\n".join(shown))
    if goals:
        print("\nGoals\n" + goal_lines(goals))
    print(f"\n{time.monotonic() - began:.0f} s; {directory}: {' '.join(part + '.json' for part in args.parts)}, "
          f"plots {' '.join(plots.draw(directory))}")


if __name__ == "__main__":
    main()

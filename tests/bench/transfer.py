# SPDX-License-Identifier: GPL-3.0-or-later
"""How long from a primary's zones to answers: large zones, many zones, small changes; and in how much memory."""
import os
import random
import re
import shutil
import struct
import tempfile
import time

import memory
from lab import Lab
from probe import Interface, Sockets, is_answer, message, wait_answers
from servers import KNOT_PORT, KnotPrimary, KnotSecondary, XnsdSecondary
from zonefiles import Zone, address


class Bench:
    """A lab with a primary of these zones: {name: how many names}."""

    def __init__(self, build, zones, notify=()):
        self.dir = tempfile.mkdtemp(prefix="xnsd-bench-")
        os.chmod(self.dir, 0o755)
        self.build, self.zones = build, zones
        self.lab = None
        try:
            files = os.path.join(self.dir, "zones")
            os.mkdir(files)
            paths = {name: os.path.join(files, f"{i}.zone") for i, name in enumerate(zones)}
            for name, path in paths.items():
                Zone(name, zones[name]).write(path)
            self.lab = Lab(self.dir, build)
            for ns in (self.lab.client, self.lab.server):
                # Else the closed connections of one round would take the ports of the next.
                ns.run("sysctl", "-qw", "net.ipv4.tcp_max_tw_buckets=64")
            self.tap = Interface(self.lab)
            self.primary = KnotPrimary(self.lab, paths, notify).start()
            self.wait_primary()
        except BaseException:
            self.close()
            raise

    def wait_primary(self):
        """Until it has loaded all."""
        self.primary.process.wait_log("server started", 300)
        deadline = time.monotonic() + 300
        while self.primary.process.log().count("loaded, serial") < len(self.zones):
            if time.monotonic() > deadline:
                raise TimeoutError("the primary does not load its zones")
            time.sleep(0.05)

    def close(self):
        if self.lab:
            self.lab.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def secondaries(self):
        return [XnsdSecondary(self.lab, self.build, list(self.zones)),
                KnotSecondary(self.lab, list(self.zones))]

    def link(self, secondary):
        return self.tap if secondary.kind == "xnsd" else Sockets(self.lab, KNOT_PORT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def start_to_answers(bench, rounds, names, after=None):
    """Seconds from a secondary's start to the answer for the last of the names, and those of the CPUs, by kind; in turn."""
    seconds, cpu = {}, {}
    secondaries = bench.secondaries()
    for turn in range(rounds):
        for secondary in secondaries if turn % 2 else reversed(secondaries):
            secondary.forget()
            memory.wait_freed()  # of whoever was before it
            link = bench.link(secondary)
            began = time.time()
            secondary.start()
            seconds.setdefault(secondary.kind, []).append(wait_answers(link, names) - began)
            cpu.setdefault(secondary.kind, []).append(memory.cpu_seconds(secondary.main_pid))
            if after and turn == rounds - 1:
                after(secondary)
            secondary.end()
            if link is not bench.tap:
                link.close()
    return seconds, cpu


def steps_large(args):
    return {f"large {names}": 6 + names / 1e6 * (35 + 12 * args.starts) for names in args.names}


def large_zones(report, args, progress):
    """Zones of an A record for each name, one after the other, by AXFR; and what they take in memory. Returns goals."""
    for names in args.names:
        progress.next(f"large {names}", f"AXFR of {names:,} names")
        large_zone(report, args.build, names, args.starts)
    largest = max(args.names)
    if largest < 1_000_000:
        return []
    return [not_above_knot(report, f"AXFR of {largest:,} names to answers, of Knot's time", "start", largest),
            not_above_knot(report, f"memory a name, {largest:,} names, of Knot's", "memory", largest)]


def not_above_knot(report, what, key, names):
    """The goal that xnsd's median is at most Knot's."""
    xnsd, knot = report.median(key, "xnsd", names=names), report.median(key, "knot", names=names)
    return {"what": what, "value": xnsd / knot if xnsd and knot else None, "bound": 1, "at_least": False}


def large_zone(report, build, names, rounds):
    holds = {}

    def measure(secondary):
        time.sleep(1)  # what is freed late
        holds[secondary.kind] = {**memory.of_process(secondary.main_pid),
                                 "maps": memory.of_maps(bench.lab.server, build) if secondary.kind == "xnsd" else 0,
                                 "files": memory.of_files(os.path.join(secondary.dir, "db"))
                                 if secondary.kind == "xnsd" else memory.of_files(secondary.dir),
                                 "entries": entries_of_axfr(secondary)}

    with Bench(build, {"large.test.": names}) as bench:
        seconds, cpu = start_to_answers(bench, rounds, [f"n{names - 1}.large.test"], measure)
    report.row(f"start to answers, AXFR of {names:,} names", "s", seconds, key="start", names=names)
    report.row(f"CPU time of that, {names:,} names", "s", cpu, key="cpu", names=names)
    report.row(f"names answered for each second of it, {names:,} names", "names/s",
               {kind: [names / value for value in values] for kind, values in seconds.items()}, key="pace", names=names)
    if holds["xnsd"]["entries"]:
        report.row(f"entries written in the maps, {names:,} names", "entries/s",
                   {"xnsd": [holds["xnsd"]["entries"] / value for value in seconds["xnsd"]]}, key="entries", names=names)
    for key, what in (("own", "own memory of the process"), ("most", "most that was resident"), ("maps", "maps"),
                      ("files", "database on disk")):
        report.row(f"{what}, {names:,} names", "bytes/name",
                   {kind: [held[key] / names] for kind, held in holds.items() if held[key] or key != "maps"}, key=key,
                   names=names)
    report.row(f"own memory and maps, {names:,} names", "bytes/name",
               {kind: [(held["own"] + held["maps"]) / names] for kind, held in holds.items()}, key="memory", names=names)


def entries_of_axfr(secondary):
    """As the log tells; Knot's has no such thing."""
    found = re.findall(r"AXFR from .* (\d+) entries written", secondary.process.log())
    return int(found[-1]) if found else 0


def steps_many(args):
    return {"many": 6 + args.zones / 10_000 * (6 + 8 * args.starts)}


def many_zones(report, args, progress):
    """Small zones of one primary, ten records each."""
    zones = args.zones
    progress.next("many", f"AXFR of {zones:,} zones")
    with Bench(args.build, {f"z{i}.test.": 7 for i in range(zones)}) as bench:
        seconds, cpu = start_to_answers(bench, args.starts, [f"n6.{name}" for name in bench.zones])
    report.row(f"start to answers, {zones:,} zones of 10 records", "s", seconds, key="many", zones=zones)
    report.row(f"CPU time of that, {zones:,} zones", "s", cpu, key="cpu", zones=zones)


def wait_change(bench, link, secondary, name, wanted):
    """Until the name's address is this one. Returns from the last byte of the transfer to the answer, seconds."""
    wire, deadline = message(name, 1, 1), time.monotonic() + 60
    while time.monotonic() < deadline:
        link.send(wire)
        replies = link.receive(0.001)
        if link is not bench.tap:
            bench.tap.receive(0)
        for stamp, reply in replies:
            if is_answer(reply) and reply.endswith(wanted):
                return stamp - bench.tap.last_transfer
    raise TimeoutError(f"{secondary.kind}: no new address of {name}")


def entries_written(secondary, zone):
    """By each IXFR of the zone, as the log tells: twice what changes, staged and then in place."""
    return [int(count) for count in re.findall(rf"zone {re.escape(zone)}: IXFR .* (\d+) entries written",
                                               secondary.process.log())]


def steps_change(args):
    return {"change": 8 + sum(args.sizes) / 1e6 * (25 + 2 * args.changes)}


class Changes:
    """Of ten records each, made at the primary; how long the secondary takes for them."""

    def __init__(self, bench, records=10):
        self.bench, self.records = bench, records
        self.rng, self.serial, self.now = random.Random(1), 0, {}

    def one(self, secondary, link, zone, size):
        """Seconds."""
        self.serial += 1
        chosen, commands = self.rng.sample(range(1, size), self.records), []
        for i in chosen:
            commands.append(("zone-unset", f"n{i}.{zone}", "A", self.now.get((zone, i), address(i))))
            self.now[zone, i] = address(i, self.serial)
            commands.append(("zone-set", f"n{i}.{zone}", "3600", "A", self.now[zone, i]))
        self.bench.primary.change(zone, commands)
        wanted = struct.pack("4B", *map(int, self.now[zone, chosen[0]].split(".")))
        return wait_change(self.bench, link, secondary, f"n{chosen[0]}.{zone}", wanted)


def small_changes(report, args, progress):
    """An IXFR of ten changed records, in zones of these sizes. Returns goals."""
    progress.next("change", "IXFR of 10 records")
    zones = {f"size{size}.test.": size for size in args.sizes}
    with Bench(args.build, zones, notify=("xnsd", "knot")) as bench:
        changes = Changes(bench)
        for secondary in bench.secondaries():
            secondary.forget()
            secondary.start()
            link = bench.link(secondary)
            wait_answers(link, [f"n0.{name}" for name in zones])
            for zone, size in zones.items():
                seconds = [changes.one(secondary, link, zone, size) for _ in range(args.changes)]
                report.row(f"last byte of an IXFR to the answer, 10 records of {size:,} names", "ms",
                           {secondary.kind: [value * 1000 for value in seconds]}, key="change", names=size)
                if secondary.kind == "xnsd":
                    report.row(f"entries written in the maps for it, of {size:,} names", "entries",
                               {"xnsd": entries_written(secondary, zone)}, key="written", names=size)
            secondary.end()
    least, most = (report.median("change", "xnsd", names=size) for size in (min(args.sizes), max(args.sizes)))
    if max(args.sizes) < 1_000_000 or not least:
        return []
    return [{"what": f"IXFR of 10 records, {max(args.sizes):,} names, of the time at {min(args.sizes):,}",
             "value": most / least, "bound": 2, "at_least": False}]

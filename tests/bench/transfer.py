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
        names = sum(self.zones.values()) + 4 * len(self.zones)
        return [XnsdSecondary(self.lab, self.build, list(self.zones), max(1 << 16, names + names // 4)),
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


def large_zone(report, build, names, rounds):
    """A zone of an A record for each name, by AXFR; and what it takes in memory."""
    holds = {}

    def measure(secondary):
        time.sleep(1)  # what is freed late
        holds[secondary.kind] = {**memory.of_process(secondary.main_pid),
                                 "maps": memory.of_maps(bench.lab.server, build) if secondary.kind == "xnsd" else 0,
                                 "files": memory.of_files(os.path.join(secondary.dir, "db"))
                                 if secondary.kind == "xnsd" else memory.of_files(secondary.dir)}

    with Bench(build, {"large.test.": names}) as bench:
        seconds, cpu = start_to_answers(bench, rounds, [f"n{names - 1}.large.test"], measure)
    report.row(f"start to answers, AXFR of {names:,} names", "s", seconds)
    report.row(f"CPU time of that, {names:,} names", "s", cpu)
    for key, what in (("own", "own memory of the process"), ("most", "most that was resident"), ("maps", "maps"),
                      ("files", "database on disk")):
        report.row(f"{what}, {names:,} names", "bytes/name",
                   {kind: [held[key] / names] for kind, held in holds.items() if held[key] or key != "maps"})
    report.row(f"own memory and maps, {names:,} names", "bytes/name",
               {kind: [(held["own"] + held["maps"]) / names] for kind, held in holds.items()})


def many_zones(report, build, zones, rounds):
    """Small zones of one primary, ten records each."""
    with Bench(build, {f"z{i}.test.": 7 for i in range(zones)}) as bench:
        seconds, cpu = start_to_answers(bench, rounds, [f"n6.{name}" for name in bench.zones])
    report.row(f"start to answers, {zones:,} zones of 10 records", "s", seconds)
    report.row(f"CPU time of that, {zones:,} zones", "s", cpu)


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


def small_changes(report, build, sizes, rounds, records=10):
    """An IXFR of ten changed records, in zones of these sizes."""
    zones = {f"size{size}.test.": size for size in sizes}
    with Bench(build, zones, notify=("xnsd", "knot")) as bench:
        rng, serial = random.Random(1), 0
        old = {}
        for secondary in bench.secondaries():
            secondary.forget()
            secondary.start()
            link = bench.link(secondary)
            wait_answers(link, [f"n0.{name}" for name in zones])
            for zone, size in zones.items():
                delays = []
                for _ in range(rounds):
                    serial += 1
                    chosen = rng.sample(range(1, size), records)
                    commands = []
                    for i in chosen:
                        commands.append(("zone-unset", f"n{i}.{zone}", "A", old.get((zone, i), address(i))))
                        old[zone, i] = address(i, serial)
                        commands.append(("zone-set", f"n{i}.{zone}", "3600", "A", old[zone, i]))
                    bench.primary.change(zone, commands)
                    wanted = struct.pack("4B", *map(int, old[zone, chosen[0]].split(".")))
                    delays.append(wait_change(bench, link, secondary, f"n{chosen[0]}.{zone}", wanted))
                report.row(f"last byte of an IXFR to the answer, {records} records of {size:,} names", "ms",
                           {secondary.kind: [delay * 1000 for delay in delays]})
                if secondary.kind == "xnsd":
                    report.row(f"entries written in the maps for it, of {size:,} names", "entries",
                               {"xnsd": entries_written(secondary, zone)})
            secondary.end()

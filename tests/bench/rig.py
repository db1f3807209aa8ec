#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers under a flood of queries: how many replies a second, on one CPU.

    ┌ client, one CPU ──────────────────────┐          ┌ server, the other CPU ─────────────┐
    │ generate: live frames, whole queries  │   veth   │ s0's NAPI thread: XDP program,     │
    │ of a list, paced              c0 ─────┼─────────▶│ AF_XDP, sockets; the server's      │
    │ count: c0's NAPI thread ◀─────────────┼──────────┤ processes                          │
    └───────────────────────────────────────┘          └────────────────────────────────────┘

Each server has a lab of its own (two namespaces, a link), so several can be up and measured in turns. flood.c sends and
counts; replies that it samples are checked here.
"""
import argparse
import collections
import json
import os
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../interop")]

from ask import ones_sum
from lab import SERVER4, SERVER6, die_with_parent
from targets import KINDS
from workloads import by_name

WARM = 0.06  # from the start of a run to what is counted, seconds
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}


def open_frame(frame):
    """(error text or None, DNS message): both checksums are verified."""
    if frame[12:14] == b"\x08\x00":
        ip, addresses = frame[14:34], frame[26:34]
        if ones_sum(ip) != 0xFFFF:
            return "the IPv4 header's checksum is wrong", b""
        rest = frame[34:14 + int.from_bytes(ip[2:4], "big")]
    else:
        addresses, rest = frame[22:54], frame[54:54 + int.from_bytes(frame[18:20], "big")]
    if len(rest) < 20 or int.from_bytes(rest[4:6], "big") != len(rest):
        return "lengths of IP and UDP differ", b""
    if rest[6:8] != b"\0\0" and ones_sum(addresses + struct.pack("!HH", 17, len(rest)) + rest) != 0xFFFF:
        return "the UDP checksum is wrong", b""
    return None, rest[8:]


def question_end(message):
    at = 12
    while message[at]:
        at += message[at] + 1
    return at + 5


class Queries:
    """A list that flood has loaded. check(query, reply): None, or what is wrong."""

    def __init__(self, rig, source, check=None):
        self.check = check
        self.path = source if isinstance(source, str) else self.write(rig, source)
        self.process = subprocess.Popen([rig.tool("flood"), self.path, str(rig.client_cpu)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)

    @staticmethod
    def write(rig, source):
        fd, path = tempfile.mkstemp(prefix="queries-", dir=rig.dir)
        with os.fdopen(fd, "wb", 1 << 20) as file:
            for message in source:
                file.write(struct.pack("=H", len(message)) + message)
        return path

    def send(self, **words):
        self.process.stdin.write(" ".join(f"{key}={value}" for key, value in words.items()) + "\n")
        self.process.stdin.flush()

    def result(self):
        if not select.select([self.process.stdout], [], [], 60)[0]:
            raise TimeoutError("flood does not end")
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"flood ended with {self.process.wait()}")
        result = json.loads(line)
        if "error" in result:
            raise RuntimeError("flood: " + result["error"])
        return result

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def verdict(self, server, query, frame):
        """What is wrong with this reply, or None."""
        error, reply = open_frame(frame)
        if error:
            return error
        if server.bounce:
            return None if reply == query else "not what was sent"
        end = question_end(query)
        if reply[:2] != query[:2] or not reply[2] & 0x80 or reply[4:6] != b"\0\1" or reply[12:end] != query[12:end]:
            return "ID, QR or question are not the query's"
        return self.check(query, reply) if self.check else None


Point = collections.namedtuple("Point", "rate sent received busy")  # rate: as asked for, 0 for all that go; by the second


class Sweep:
    """Rates that were tried."""

    def __init__(self):
        self.points = []

    def add(self, rate, run):
        self.points.append(Point(rate, run["sent"] / run["elapsed"], run["received"] / run["elapsed"], run["busy"]))
        return self.points[-1]

    @property
    def best(self):
        """Of the rate with the highest median."""
        rates = {}
        for point in self.points:
            rates.setdefault(point.rate, []).append(point.received)
        best = max(rates, key=lambda rate: statistics.median(rates[rate]))
        return next(point for point in self.points if point.rate == best)


class Result:
    """Of one server under one list. The rate is void when a reply was wrong."""

    def __init__(self, server, sweep):
        self.server, self.sweep = server.name, sweep
        self.rounds, self.busy, self.rcodes, self.wrong = [], [], {}, []
        self.truncated = self.sampled = self.total = self.octets = 0
        self.ns = None

    @property
    def rate(self):
        return statistics.median(self.rounds) if self.rounds else 0.0

    @property
    def bytes(self):
        return self.octets / self.total if self.total else 0.0

    def add(self, server, load, run, is_round=True):
        if is_round:
            self.rounds.append(run["received"] / run["elapsed"])
            self.busy.append(run["busy"])
        self.total += run["received"]
        self.octets += run["bytes"]
        self.truncated += run["truncated"]
        for number, count in enumerate(run["rcodes"]):
            if count:
                name = RCODES.get(number, str(number))
                self.rcodes[name] = self.rcodes.get(name, 0) + count
        if run["wrong"]:
            self.wrong.append(f"{run['wrong']} replies without the query's ID, or no replies")
        if run["received"] and not run["samples"]:
            self.wrong.append(f"none of {run['received']} replies was sampled")
        for query, frame in run["samples"]:
            query, frame = bytes.fromhex(query), bytes.fromhex(frame)
            error = load.verdict(server, query, frame)
            self.sampled += 1
            if error:
                self.wrong.append(f"{error}; query {query.hex()}, frame {frame.hex()}")

    def json(self):
        return {"server": self.server, "rate": self.rate, "rounds": self.rounds, "busy": self.busy,
                "offered": self.sweep.best.rate,
                "sweep": sorted((point.sent, point.received) for point in self.sweep.points), "ns": self.ns,
                "rcodes": self.rcodes, "truncated": self.truncated, "bytes": self.bytes, "sampled": self.sampled,
                "wrong": self.wrong[:10]}


class Rig:
    def __init__(self, build, server_cpu=1, client_cpu=0):
        self.build, self.server_cpu, self.client_cpu = build, server_cpu, client_cpu
        self.dir = tempfile.mkdtemp(prefix="xnsd-rig-")
        os.chmod(self.dir, 0o755)
        self.servers, self.loads = [], []
        # Idle CPUs poll, as long as this is open: to wake one that sleeps is work of whoever wakes it, and much on a VM.
        self.awake = open("/dev/cpu_dma_latency", "wb", buffering=0) if os.path.exists("/dev/cpu_dma_latency") else None
        if self.awake:
            self.awake.write(struct.pack("=i", 0))

    def tool(self, name):
        return os.path.join(self.build, "tests/bench", name)

    def serve(self, kind, zones, build=None, name=None):
        """A server that answers all of the zones: {name: path of the file}. kind: one of targets.KINDS."""
        server = KINDS[kind](self, name or kind, zones, build or self.build)
        self.servers.append(server)
        server.open()
        return server

    def queries(self, source, check=None):
        """The list to send, in this order: an iterable of DNS messages, or a file as flood.c reads it."""
        load = Queries(self, source, check)
        self.loads.append(load)
        return load

    def begin(self, server, load, rate, seconds, v6=False, **more):
        """Starts a flood in the background: `rate` queries a second (0: all that go); end() gives what came of it."""
        load.send(netns=f"/proc/{server.lab.client.pid}/ns/net", dev="c0", dmac=server.lab.server_mac,
                  server=SERVER6 if v6 else SERVER4, bounce=int(server.bounce), rate=f"{rate:.0f}",
                  seconds=f"{seconds:.3f}", warm=WARM, **more)

    @staticmethod
    def end(load):
        return load.result()

    def run(self, server, load, rate, seconds, v6=False, **more):
        """What flood.c says of it, and "busy": which part of its CPU the server has used."""
        self.begin(server, load, rate, seconds, v6, **more)
        time.sleep(WARM)
        before, began = server.cpu_seconds(), time.monotonic()
        time.sleep(seconds * 0.9)
        used, elapsed = server.cpu_seconds() - before, time.monotonic() - began
        return {**self.end(load), "busy": used / elapsed}

    def sweep(self, server, load, v6=False, seconds=0.1):
        """Rates by the second, from all that go down to where nothing is lost, then closer around the best, the best ones again."""
        found = Sweep()

        def measure(rate):
            return found.add(rate, self.run(server, load, rate, seconds, v6))

        point = measure(0)
        rate = point.sent
        while point.received < 0.98 * point.sent and rate > 20_000 and len(found.points) < 12:
            rate /= 1.6
            point = measure(rate)
        for step in (1.26, 1.12):
            best = found.best.rate or found.best.sent
            for rate in (best / step, best * step):
                if rate < found.points[0].sent:
                    measure(rate)
        for point in sorted(found.points, key=lambda point: -point.received)[:2]:  # by luck?
            measure(point.rate)
            measure(point.rate)
        return found

    def race(self, servers, load, v6=False, rounds=5, seconds=0.5, stats=True):
        """Each at the best rate of its sweep, in turns. {name: Result}"""
        results = {server.name: Result(server, self.sweep(server, load, v6)) for server in servers}

        def measure(server, **more):
            return self.run(server, load, results[server.name].sweep.best.rate, seconds, v6, samples=200, **more)

        for turn in range(rounds):
            for server in servers if turn % 2 else reversed(servers):
                results[server.name].add(server, load, measure(server))
        for server in servers if stats else []:
            program = server.program()
            if program:
                run = measure(server, program=program)
                results[server.name].add(server, load, run, is_round=False)
                results[server.name].ns = run["program_ns"] / max(1, run["program_runs"])
        return results

    def close(self):
        for thing in reversed(self.loads + self.servers):
            thing.close()
        if self.awake:
            self.awake.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---- from the command line: builds against each other ----

def arguments():
    parser = argparse.ArgumentParser(description="Builds of xnsd, and the bounce, in turns under the same floods.")
    parser.add_argument("--build", action="append", type=os.path.abspath, help="build directory; several are compared")
    parser.add_argument("--server", action="append", default=[], choices=sorted(KINDS), help="these too")
    parser.add_argument("--workload", action="append", help="of workloads.py (hot, 100k)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3, help="of a round")
    args = parser.parse_args()
    args.build = args.build or [os.path.abspath(os.path.join(HERE, "../../build"))]
    try:
        args.workload = by_name(args.workload or ["hot", "100k"])
    except KeyError as error:
        parser.error(error.args[0])
    return args


def show(server, result, bounce):
    ratios = [mine / most for mine, most in zip(result.rounds, bounce.rounds)]
    print(f"  {server.name:8} {result.rate / 1e6:6.3f} M/s ({min(result.rounds) / 1e6:.3f} to {max(result.rounds) / 1e6:.3f})"
          f"  {statistics.median(ratios):.3f} of the bounce  CPU {statistics.median(result.busy):.0%}  {result.ns or 0:6.1f} ns  {result.bytes:.0f} B  {result.rcodes}"
          f"  {result.sampled} checked, {len(result.wrong)} wrong  {server.build}", flush=True)
    for text in result.wrong[:3]:
        print("    WRONG: " + text)


def compare(rig, workload, args):
    zones = {workload.zone.name: workload.zone.cached(os.path.join(args.build[0], "bench/zones"))}
    servers = [rig.serve("bounce", {})]
    servers += [rig.serve("xnsd", zones, build, f"xnsd-{i}") for i, build in enumerate(args.build)]
    servers += [rig.serve(kind, zones) for kind in args.server]
    load = rig.queries(workload.queries(), workload.check)
    began = time.monotonic()
    results = rig.race(servers, load, workload.v6, args.rounds, args.seconds)
    print(f"{workload.title}: {time.monotonic() - began:.1f} s")
    for server in servers:
        show(server, results[server.name], results["bounce"])
    for thing in [load] + servers:
        thing.close()


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: all that was started ends
    with Rig(args.build[0]) as rig:
        for workload in args.workload:
            compare(rig, workload, args)


if __name__ == "__main__":
    main()

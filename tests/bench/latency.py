# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a real client waits for replies while the server is flooded at half of the most that it can answer."""
import os
import subprocess

from lab import SERVER4, die_with_parent
from report import table
from rig import Rig
from speed import serve
from workloads import by_name

SERVERS = ("xnsd", "knot-xdp", "knot", "nsd")
QUANTILES = (("median", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999))
WORKLOAD = "100k"


def steps(args):
    return {f"latency {kind}": 6 + 1.4 * args.latency_seconds for kind in SERVERS if kind in args.servers}


def quantile(ordered, share):
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ask(rig, server, path, seconds):
    """Microseconds of each reply, and how many queries had none."""
    done = subprocess.run(server.lab.client.inside([rig.tool("latency"), path, SERVER4, rig.client_cpu, seconds]),
                          capture_output=True, text=True, check=True, timeout=seconds + 30, preexec_fn=die_with_parent)
    found = [int(line) / 1000 for line in done.stdout.split()]
    return sorted(value for value in found if value), sum(not value for value in found)


def under_flood(rig, server, load, rate, seconds):
    rig.begin(server, load, rate, seconds + 0.5, quantum=10e-6, batch=64)  # no bursts: what is waited for is the server
    try:
        return ask(rig, server, load.path, seconds)
    finally:
        rig.end(load)


def describe(samples, lost, rate):
    found = {"rate": rate, "replies": len(samples), "lost": lost}
    if samples:
        found.update({name: quantile(samples, share) for name, share in QUANTILES})
        found["percentiles"] = [quantile(samples, i / 100) for i in range(100)]
    return found


def run(args, progress):
    """{server: {idle: ..., half: ...}}, microseconds."""
    workload, found = by_name([WORKLOAD])[0], {}
    path = workload.zone.cached(os.path.join(args.build, "bench/zones"))
    with Rig(args.build) as rig:
        load = rig.queries(workload.queries(), workload.check)
        for kind in [kind for kind in SERVERS if kind in args.servers]:
            progress.next(f"latency {kind}", f"latency of {kind}")
            for server in serve(rig, [kind], workload.zone, path):
                peak = rig.race([server], load, rounds=3, stats=False)[server.name]
                if peak.wrong:
                    print(f"  WRONG {kind}: {peak.wrong[0]}")
                    continue
                found[kind] = {"peak": peak.rate, "idle": describe(*ask(rig, server, load.path, args.latency_seconds / 3), 0),
                               "half": describe(*under_flood(rig, server, load, peak.rate / 2, args.latency_seconds),
                                                peak.rate / 2)}
                say(kind, found[kind])
                server.close()
    progress.end()
    return found


def say(kind, found):
    cells = [f"{what} {state[what]:.0f}" for state in (found["half"],) for what, _ in QUANTILES if what in state]
    print(f"  {kind}: " + ", ".join(cells) + f" µs at {found['half']['rate']:,.0f} queries/s", flush=True)


def tables(found):
    head = ["µs"] + [f"{when} {what}" for when in ("idle", "half") for what, _ in QUANTILES] + ["lost", "of"]
    rows = [[kind, *(f"{states[when][what]:.0f}" if what in states[when] else "-"
                     for when in ("idle", "half") for what, _ in QUANTILES),
             states["half"]["lost"], states["half"]["replies"] + states["half"]["lost"]] for kind, states in found.items()]
    return "How long a client waits for a reply, idle and at half of the server's best rate\n" + table(head, rows)

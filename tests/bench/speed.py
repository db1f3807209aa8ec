# SPDX-License-Identifier: GPL-3.0-or-later
"""Replies a second on one CPU: each workload (workloads.py) under the flood (rig.py), xnsd beside the ceiling and its peers."""
import contextlib
import itertools
import os
import statistics

import memory
from report import goal_text, table
from rig import Rig

SERVERS = ("bounce", "xnsd", "knot-xdp", "knot", "nsd")
PEERS = ("bounce", "knot-xdp", "knot", "nsd")

# How often xnsd's rate at least is the other's, in the same run.
GOALS = {
    "hot": {"bounce": 0.70, "knot-xdp": 6},
    "100k": {"bounce": 0.45, "knot-xdp": 5, "nsd": 18},
    "1M": {"bounce": 0.30},
    "nodata": {"bounce": 0.30},
    "referral": {"bounce": 0.30},
    "nxdomain": {"bounce": 0.40},
    "nsec3": {"bounce": 0.15, "knot-xdp": 4},
    "nsec": {"bounce": 0.12, "knot-xdp": 3},
}


def zones_of(workloads):
    """[(zone, its workloads)]"""
    return [(zone, list(group)) for zone, group in itertools.groupby(workloads, lambda workload: workload.zone)]


def starting(zone):
    """About how many seconds the servers take for this zone."""
    return 3 + zone.names / 1e6 * 14


def steps(args):
    """{name: seconds} of what is to come."""
    found = {}
    for zone, group in zones_of(args.workloads):
        for i, workload in enumerate(group):
            servers = len(servers_of(workload, args))
            found[workload.name] = servers * (3 + args.rounds * (args.seconds + 0.05)) + 3 + (starting(zone) if i == 0 else 0)
    return found


def servers_of(workload, args):
    return [kind for kind in args.servers if kind in (workload.servers or SERVERS)]


def has_memory(zone):
    """For the zone in all servers, the primary and a list of queries: about a kilobyte a name."""
    return memory.available() > zone.names * 1000


def serve(rig, kinds, zone, path):
    """[server]; one that does not start is told of and left out."""
    servers = []
    for kind in kinds:
        try:
            servers.append(rig.serve(kind, {zone.name: path} if zone else {}))
        except (AssertionError, RuntimeError, TimeoutError, OSError) as error:
            print(f"  {kind} does not start: {str(error).strip()[-300:]}", flush=True)
    return servers


def at_interface(servers):
    """Counters of xnsd's packet path now."""
    return next((server.agent.counters() for server in servers if server.kind == "xnsd"), None)


def measure(rig, servers, workload, args):
    """What is known of a workload: {name, title, servers: {name: Result as a dictionary}, ...}"""
    load = rig.queries(workload.queries(), workload.check)
    try:
        before = at_interface(servers)
        results = rig.race(servers, load, v6=workload.v6, rounds=args.rounds, seconds=args.seconds)
        moved = before and at_interface(servers) - before
    finally:
        load.close()
    found = {name: result.json() for name, result in results.items()}
    share = None
    if moved and moved.answered + moved.passed:
        share = moved.answered / (moved.answered + moved.passed)
    return {"name": workload.name, "title": workload.title, "zone": workload.zone.name, "names": workload.zone.names,
            "v6": workload.v6, "servers": found, "at_interface": share, "ratios": ratios(found),
            "goals": goals(workload, ratios(found))}


def valid(result):
    return result and result["rounds"] and not result["wrong"]


def ratios(servers):
    """Of xnsd to each other server, round by round; only of those that answered right."""
    ours, found = servers.get("xnsd"), {}
    if valid(ours):
        for peer in PEERS:
            if valid(servers.get(peer)):
                found[peer] = [our / their for our, their in zip(ours["rounds"], servers[peer]["rounds"]) if their]
    return {peer: values for peer, values in found.items() if values}


def goals(workload, found):
    return [{"what": f"{workload.title}: of {peer}", "versus": peer, "bound": bound, "at_least": True,
             "value": statistics.median(found[peer]) if peer in found else None}
            for peer, bound in GOALS.get(workload.name, {}).items()]


def say(result):
    """The line for this workload, as soon as it is known, and all that is wrong."""
    cells = [f"{server} {found['rate'] / 1e6:.3f}" + (" WRONG" if found["wrong"] else "")
             for server, found in result["servers"].items()]
    ceiling = result["ratios"].get("bounce")
    print("  " + ", ".join(cells) + " M/s" + (f"; xnsd {statistics.median(ceiling):.3f} of the bounce" if ceiling else ""),
          flush=True)
    for server, found in result["servers"].items():
        if found["wrong"]:
            print(f"  WRONG {server}, of {found['sampled']} replies checked one: {found['wrong'][0]}")
        if found["truncated"]:
            print(f"  {server}: {found['truncated']} replies were truncated")
    share = result["at_interface"]
    if share is not None and share < 0.9999:
        print(f"  xnsd: {share:.2%} of the queries were answered at the interface, the others by the sockets")


def run(args, progress):
    """[what is known of each workload]"""
    results = []
    with Rig(args.build) as rig:
        bounce = serve(rig, ["bounce"], None, None) if "bounce" in args.servers else []
        for zone, group in zones_of(args.workloads):
            if not has_memory(zone):
                print(f"{zone.names:,} names: left out, there is not enough memory free")
                continue
            with contextlib.ExitStack() as closing:
                servers = []
                for workload in group:
                    progress.next(workload.name, workload.title)
                    if not servers:
                        path = zone.cached(os.path.join(args.build, "bench/zones"))
                        servers = serve(rig, [kind for kind in servers_of(workload, args) if kind != "bounce"], zone, path)
                        for server in servers:
                            closing.callback(server.close)
                    results.append(measure(rig, bounce + servers, workload, args))
                    say(results[-1])
            memory.wait_freed()
    progress.end()
    return results


def rate(found):
    return "-" if not found else "wrong" if found["wrong"] else f"{found['rate'] / 1e6:.3f}"


def busy(found):
    """Of the server's CPU, while it answered at that rate."""
    return "-" if not found or not found["busy"] else f"{statistics.median(found['busy']):.0%}"


def nanoseconds(found):
    return "-" if not found or not found["ns"] else f"{found['ns']:.0f}"


def tables(results):
    """For people: rates, then ratios with the goals beside them."""
    kinds = [kind for kind in SERVERS if any(kind in result["servers"] for result in results)]
    rates = [[result["title"], *(rate(result["servers"].get(kind)) for kind in kinds),
              *(cell(result["servers"].get(kind)) for cell in (busy, nanoseconds) for kind in ("bounce", "xnsd"))]
             for result in results]
    text = "Replies a second on one CPU, millions; how busy it is; the XDP programs' time for a query, ns\n"
    text += table(["", *kinds, "CPU bounce", "CPU xnsd", "ns bounce", "ns xnsd"], rates)
    peers = [peer for peer in PEERS if peer in kinds]
    if "xnsd" not in kinds or not peers:
        return text
    rows = []
    for result in results:
        rows.append([result["title"]])
        for peer in peers:
            goal = next((goal for goal in result["goals"] if goal["versus"] == peer), None)
            values = result["ratios"].get(peer)
            rows[-1] += [f"{statistics.median(values):.3g}" if values else "-", goal_text(goal) if goal else ""]
    head = itertools.chain.from_iterable((f"of {peer}", "goal" if any(row[2 + 2 * i] for row in rows) else "")
                                         for i, peer in enumerate(peers))
    return text + "\n\nxnsd's replies a second, as a multiple of the others'\n" + table(["", *head], rows)

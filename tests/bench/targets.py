# SPDX-License-Identifier: GPL-3.0-or-later
"""What rig.py floods: the bounce, xnsd, Knot DNS with AF_XDP and over sockets, NSD; each in a lab of its own."""
import contextlib
import json
import os

from agent import Xnsd
from daemons import Knot, Nsd
from lab import RAW4, RAW6, SERVER4, SERVER6, Lab
from probe import Sockets, wait_answers
from servers import KnotPrimary, zone_section

SOA = 6


def napi_threads(device):
    """Of all namespaces."""
    found = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/comm", encoding="ascii") as file:
                    if file.read().startswith(f"napi/{device}-"):
                        found.add(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                pass
    return found


def napi_thread(namespace, device, cpu):
    """Gives the device's NAPI a thread, on this CPU: its id."""
    before = napi_threads(device)
    namespace.run("sh", "-c", f"echo 1 > /sys/class/net/{device}/threaded")
    (thread,) = napi_threads(device) - before
    os.sched_setaffinity(thread, {cpu})
    return thread


def threads(pid):
    """Of a process and its children."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        found.append(int(task))
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
            for child in file.read().split():
                found += threads(int(child))
    return found


class Target:
    """A server in its lab. open() returns when it answers; close() ends it, whatever state it is in."""

    kind = None
    bounce = False

    def __init__(self, rig, name, zones, build):
        self.rig, self.name, self.zones, self.build = rig, name, zones, build
        self.dir = os.path.join(rig.dir, f"{len(rig.servers)}-{name}")
        os.makedirs(self.dir)
        os.chmod(self.dir, 0o755)
        self.lab = None

    def open(self):
        self.lab = Lab(self.dir, self.rig.build)
        # With GRO the NAPI is there without an XDP program too, so that live frames arrive.
        for dev, ns in (("s0", self.lab.server), ("c0", self.lab.client)):
            ns.run("ethtool", "-K", dev, "gro", "on")
        self.napi = napi_thread(self.lab.server, "s0", self.rig.server_cpu)
        counter = napi_thread(self.lab.client, "c0", self.rig.client_cpu)
        os.sched_setscheduler(counter, os.SCHED_BATCH, os.sched_param(0))  # see flood.bpf.c
        os.setpriority(os.PRIO_PROCESS, counter, -20)
        self.lab.server.run("ip", "route", "add", "10.0.0.0/8", "via", RAW4)
        self.lab.server.run("ip", "route", "add", "2001:db8:1::/64", "via", RAW6)
        self.start()
        for pid in self.pids:
            for tid in threads(pid):
                os.sched_setaffinity(tid, {self.rig.server_cpu})

    def start(self):
        raise NotImplementedError

    @property
    def pids(self):
        return [self.process.pid] if self.process else []

    process = None

    def cpu_seconds(self):
        """Of the server's threads, the NAPI's among them, since they began."""
        total = 0
        for tid in [self.napi] + [tid for pid in self.pids for tid in threads(pid)]:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                with open(f"/proc/{tid}/schedstat", encoding="ascii") as file:
                    total += int(file.read().split()[0])
        return total / 1e9

    def wait_answers(self):
        link = Sockets(self.lab, 53)
        try:
            wait_answers(link, list(self.zones), SOA)
        finally:
            link.close()

    def program(self):
        """The id of the XDP program on the server's interface."""
        link = json.loads(self.lab.server.run("ip", "-j", "link", "show", "s0").stdout)[0]
        return link.get("xdp", {}).get("prog", {}).get("id")

    def close(self):
        if self.lab:
            self.lab.close()
            self.lab = None


class Bounce(Target):
    kind = "bounce"
    bounce = True

    def start(self):
        self.lab.server.run("mount", "-t", "bpf", "bpf", "/sys/fs/bpf")
        self.lab.server.run("ip", "link", "set", "s0", "xdpdrv", "obj", self.rig.tool("bounce.bpf.o"), "sec", "xdp")


class XnsdTarget(Target):
    kind = "xnsd"

    def start(self):
        primary = KnotPrimary(self.lab, self.zones).start()
        primary.process.wait_log("server started", 300)
        self.agent = Xnsd(self.lab, self.build, list(self.zones))
        self.agent.load()
        self.agent.start()
        self.agent.wait_served(*self.zones, timeout=600)
        primary.stop()

    @property
    def process(self):
        return self.agent.process


class DaemonTarget(Target):
    """One of daemons.py, in its zones' files."""

    def start(self):
        self.process = self.daemon().start(60).process
        self.wait_answers()


class KnotServer(Knot):
    def __init__(self, lab, zones, xdp):
        super().__init__(lab, "knotd", lab.server)
        self.zones, self.xdp = zones, xdp
        self.configure()

    def config(self):
        return (self.server(f"{SERVER4}@53", f"{SERVER6}@53") + self.xdp
                + self.template(zonefile_load="whole", journal_content="none") + zone_section(self.zones))


class KnotTarget(DaemonTarget):
    kind = "knot"
    xdp = ""

    def daemon(self):
        return KnotServer(self.lab, self.zones, self.xdp)


class KnotXdpTarget(KnotTarget):
    kind = "knot-xdp"
    xdp = "xdp:\n    listen: s0@53\n    udp: on\n"


class NsdServer(Nsd):
    def __init__(self, lab, zones):
        super().__init__(lab, "nsd", lab.server)
        self.zones = zones
        self.configure()

    def config(self):
        return (self.server(SERVER4, SERVER6, control=False, minimal_responses="yes")
                + "".join(f'zone:\n  name: "{name}"\n  zonefile: "{path}"\n' for name, path in self.zones.items()))


class NsdTarget(DaemonTarget):
    kind = "nsd"

    def daemon(self):
        return NsdServer(self.lab, self.zones)


KINDS = {cls.kind: cls for cls in (Bounce, XnsdTarget, KnotTarget, KnotXdpTarget, NsdTarget)}

# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that all hold the same zones, and asking them.

    client's namespace                        server's namespace
    192.0.2.2      NSD, the primary           192.0.2.53   xnsd: XDP on s0, asked by frames from c0;
    127.0.0.11-13  Knot DNS, NSD, BIND                     its sockets, asked over lo, where no program is

Each zone of a world has been asked for over SOA at every server before anything is compared.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../interop"))

import names
import queries
import servers
from agent import Xnsd
from lab import RAW4, RAW6, SERVER4, SERVER6, Lab, wait_until

# Answered at the interface whatever the other zones are: with it `ask frames` learns that a burst is over.
PROBE = (b"probe",)
PROBE_TEXT = "probe. 3600 IN SOA ns.probe. h.probe. 1 3600 600 86400 300\nprobe. 3600 IN NS ns.probe.\n" \
             "ns.probe. 3600 IN A 192.0.2.1\nprobe. 3600 IN A 192.0.2.2\n"
PROBE_QUERY = queries.entry(queries.message(PROBE, queries.A), apex=0)


class World:
    """zones: {origin: text}"""

    def __init__(self, build, zones, config=None):
        self.build = build
        # Not below a directory that is root's alone: servers may become somebody else.
        self.dir = tempfile.mkdtemp(prefix="xnsd-diff-")
        os.chmod(self.dir, 0o755)
        self.lab = None
        try:
            self.lab = Lab(self.dir, build)
            self.zones = {names.text(origin): text for origin, text in zones.items()}
            self.zones[names.text(PROBE)] = PROBE_TEXT
            self.origins = list(zones) + [PROBE]
            self.start(config or {})
        except BaseException:
            self.close()
            raise

    def start(self, config):
        servers.Primary(self.lab, self.zones).start()
        self.references = [kind(self.lab, self.zones) for kind in servers.REFERENCES]
        self.xnsd = Xnsd(self.lab, self.build, list(self.zones), {"nsid": servers.NSID, **config})
        self.xnsd.load()
        self.xnsd.start()
        for reference in self.references:
            reference.start()
        self.wait_ready()

    def file(self, name):
        return os.path.join(self.dir, name)

    def wait_ready(self):
        """Until every server has every zone, and xnsd the maps."""
        timeout = 60 + sum(len(text) for text in self.zones.values()) / 200e3
        self.write_queries("ready", [queries.entry(queries.message(o, queries.SOA)) for o in self.origins])
        deadline = time.monotonic() + timeout
        for who in [*(reference.kind for reference in self.references), "xnsd"]:
            wait_until(lambda w=who: not self.missing(w), max(1, deadline - time.monotonic()),
                       lambda w=who: f"{w} has no answer for {self.missing(w)[:5]}\n{self.log_of(w)}", 0.1)
        wait_until(lambda: not self.unpublished(), max(1, deadline - time.monotonic()),
                   lambda: f"not in the maps: {self.unpublished()[:5]}\n{self.xnsd.process.log()[-4000:]}", 0.1)

    def log_of(self, who):
        lines = next((r.process.log().splitlines() for r in self.references if r.kind == who), [])
        return "\n".join([line for line in lines if "fail" in line or "error" in line][-20:] + lines[-5:])

    def missing(self, who):
        self.ask(who, "udp", "ready", "ready-" + who)
        replies = self.replies("ready-" + who, len(self.origins))
        return [origin for origin, reply in zip(self.origins, replies)
                if not reply or reply[3] & 15 or not reply[2] & 4 or not reply[7]]

    def unpublished(self):
        return [zone["zone"] for zone in self.xnsd.ctl_json("zone-status")
                if (zone.get("maps") or {}).get("state") != "active"]

    # ---- asking ----

    def write_queries(self, name, entries):
        with open(self.file(name), "wb") as file:
            file.writelines(entries)

    def replies(self, name, count):
        with open(self.file(name), "rb") as file:
            data = file.read()
        found, at = [], 0
        for _ in range(count):
            size = int.from_bytes(data[at:at + 4], sys.byteorder)
            found.append(data[at + 4:at + 4 + size] or None)
            at += 4 + size
        return found

    def tool(self, name):
        return os.path.join(self.build, "tests/diff", name)

    def ask(self, who, transport, asked, told):
        """One server, by one transport: replies go to the file."""
        if transport == "frames":
            ns, where = self.lab.client, ["c0", self.lab.server_mac, RAW4, RAW6, SERVER4, SERVER6]
        elif who == "xnsd":
            ns, where = self.lab.server, [SERVER6 if transport == "tcp" else SERVER4, "53"]
        else:
            ns, where = self.lab.client, [next(r.address for r in self.references if r.kind == who), "53"]
        done = subprocess.run(ns.inside([self.tool("ask"), self.file(asked), self.file(told), transport, *where]),
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"{who} {transport}: {done.stderr}{self.xnsd.process.log()[-2000:]}")

    def compare(self, entries):
        """All are asked by all means; yields what `compare` says, as dictionaries."""
        self.write_queries("queries", [PROBE_QUERY, *entries])
        jobs = [(reference.kind, transport) for reference in self.references for transport in ("udp", "tcp")]
        jobs += [("xnsd", "udp"), ("xnsd", "tcp")]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda job: self.ask(*job, "queries", ".".join(job)), jobs))
        before = self.xnsd.counters()
        # What is passed up now has no reply: so it is known which ones the program answered.
        os.kill(self.xnsd.process.pid, signal.SIGSTOP)
        try:
            self.ask("xnsd", "frames", "queries", "xnsd.frames")
        finally:
            os.kill(self.xnsd.process.pid, signal.SIGCONT)
        self.moved = self.xnsd.counters() - before
        done = subprocess.run([self.tool("compare"), self.file("queries"), self.dir], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"compare: {done.returncode} {done.stderr}")
        # The probe is no question of ours: numbers are those of entries.
        for line in done.stdout.splitlines():
            told = json.loads(line)
            if "query" in told:
                told["query"] -= 1
            yield told

    def told(self, index):
        """Everybody's replies to one query: {"knot.udp": bytes or None, ...}"""
        files = [f"{r.kind}.{t}" for r in self.references for t in ("udp", "tcp")] + \
            ["xnsd.frames", "xnsd.udp", "xnsd.tcp"]
        return {name: self.replies(name, index + 2)[index + 1] for name in files}

    def close(self):
        if self.lab:
            self.lab.close()
        shutil.rmtree(self.dir, ignore_errors=True)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The references: Knot DNS, NSD and BIND as secondaries of the primary that xnsd has too.

They stand on addresses of the loopback in the client's namespace, and give the same NSID as xnsd.
"""
import os

from lab import FIRST4
from primaries import Nsd

NSID = "diff"


class Primary(Nsd):
    """With as many transfers at a time as four secondaries of thousands of zones ask for."""

    def start(self):
        self.process = self.lab.start(self.lab.client, self.argv(), self.name)
        self.process.wait_log(self.ready, 10 + sum(len(text) for text in self.zones.values()) / 1e6)
        return self

    def config(self):
        return super().config().replace("  server-count: 1\n", "  server-count: 1\n  tcp-count: 500\n  tcp-timeout: 10\n")


class Reference:
    kind = None
    address = None

    def __init__(self, lab, zones):
        self.lab, self.zones = lab, zones
        self.dir = os.path.join(lab.dir, self.kind + "-reference")
        os.makedirs(self.dir, exist_ok=True)
        self.conf = os.path.join(self.dir, "conf")
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(self.config())

    def start(self):
        # BIND listens only on what an interface has.
        self.lab.client.run("ip", "addr", "add", self.address + "/32", "dev", "lo")
        self.process = self.lab.start(self.lab.client, self.argv(), self.kind + "-reference")
        self.process.wait_log(self.ready, 60)
        return self


class Knot(Reference):
    kind, address, ready = "knot", "127.0.0.11", "server started"

    def argv(self):
        return ["knotd", "-c", self.conf]

    def config(self):
        zones = "".join(f'  - domain: "{zone}"\n' for zone in self.zones)
        return f"""
server:
    rundir: {self.dir}
    listen: {self.address}@53
    nsid: {NSID}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 4
    tcp-reuseport: off
database:
    storage: {self.dir}
log:
  - target: stderr
    any: info
remote:
  - id: primary
    address: {FIRST4}@53
template:
  - id: default
    storage: {self.dir}
    master: primary
    semantic-checks: off
    zonefile-sync: -1
    zonefile-load: none
    journal-content: none
zone:
{zones}"""


class NsdSecondary(Reference):
    kind, address, ready = "nsd", "127.0.0.12", "nsd started"

    def argv(self):
        return ["nsd", "-d", "-c", self.conf]

    def config(self):
        zones = "".join(f'zone:\n  name: "{zone}"\n  request-xfr: AXFR {FIRST4} NOKEY\n  allow-notify: {FIRST4} NOKEY\n'
                        for zone in self.zones)
        return f"""
server:
  ip-address: {self.address}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{self.dir}"
  database: ""
  pidfile: "{self.dir}/pid"
  xfrdfile: "{self.dir}/xfrd.state"
  xfrdir: "{self.dir}"
  zonelistfile: "{self.dir}/zone.list"
  cookie-secret-file: ""
  nsid: "ascii_{NSID}"
  reuseport: no
  tcp-query-count: 0
  tcp-timeout: 120
  minimal-responses: no
  refuse-any: no
  round-robin: no
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  xfrd-tcp-max: 64
  xfrd-tcp-pipeline: 100
  verbosity: 1
remote-control:
  control-enable: no
{zones}"""


class Named(Reference):
    kind, address, ready = "named", "127.0.0.13", "all zones loaded"

    def argv(self):
        return ["named", "-g", "-n", "2", "-c", self.conf]

    def config(self):
        zones = "".join(f'zone "{zone}" {{ type secondary; primaries {{ {FIRST4}; }}; }};\n' for zone in self.zones)
        return f"""
options {{
  directory "{self.dir}";
  pid-file "{self.dir}/pid";
  session-keyfile "{self.dir}/session.key";
  lock-file none;
  listen-on port 53 {{ {self.address}; }};
  listen-on-v6 {{ none; }};
  server-id "{NSID}";
  recursion no;
  dnssec-validation no;
  empty-zones-enable no;
  minimal-responses no;
  minimal-any no;
  answer-cookie no;
  allow-query {{ any; }};
  allow-transfer {{ none; }};
  notify no;
  transfers-in 200;
  transfers-per-ns 200;
  serial-query-rate 10000;
  check-names secondary ignore;
  check-names primary ignore;
  check-names response ignore;
  tcp-clients 1000;
  tcp-idle-timeout 1200;
  max-records 0;
  rrset-order {{ order none; }};
}};
controls {{ }};
{zones}"""


REFERENCES = (Knot, NsdSecondary, Named)

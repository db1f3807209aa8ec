# SPDX-License-Identifier: GPL-3.0-or-later
"""The references: Knot DNS, NSD and BIND as secondaries of the primary that xnsd has too.

They stand on addresses of the loopback in the client's namespace, and give the same NSID as xnsd.
"""
import daemons
import primaries
from lab import FIRST4

NSID = "diff"


class Primary(primaries.Nsd):
    """With as many transfers at a time as four secondaries of thousands of zones ask for."""

    server_keys = {**primaries.Nsd.server_keys, "tcp-count": 500, "tcp-timeout": 10}

    def start(self):
        return super().start(10 + sum(len(text) for text in self.zones.values()) / 1e6)


class Reference(daemons.Daemon):
    address = None

    def __init__(self, lab, zones):
        super().__init__(lab, self.kind + "-reference")
        self.zones = zones
        self.configure()

    def start(self):
        # BIND listens only on what an interface has.
        self.lab.client.run("ip", "addr", "add", self.address + "/32", "dev", "lo")
        return super().start(60)


class Knot(Reference, daemons.Knot):
    address = "127.0.0.11"

    def config(self):
        zones = "".join(f'  - domain: "{zone}"\n' for zone in self.zones)
        template = self.template(master="primary", zonefile_load="none", journal_content="none")
        return f"""{self.server(self.address + "@53", nsid=NSID, background_workers=4)}remote:
  - id: primary
    address: {FIRST4}@53
{template}zone:
{zones}"""


class Nsd(Reference, daemons.Nsd):
    address = "127.0.0.12"

    def config(self):
        zones = "".join(f'zone:\n  name: "{zone}"\n  request-xfr: AXFR {FIRST4} NOKEY\n  allow-notify: {FIRST4} NOKEY\n'
                        for zone in self.zones)
        return self.server(self.address, control=False, nsid=f'"ascii_{NSID}"', tcp_query_count=0, tcp_timeout=120,
                           minimal_responses="no", refuse_any="no", round_robin="no", xfrd_tcp_max=64,
                           xfrd_tcp_pipeline=100, verbosity=1) + zones


class Named(Reference, daemons.Named):
    address = "127.0.0.13"
    threads = 2

    def config(self):
        zones = "".join(f'zone "{zone}" {{ type secondary; primaries {{ {FIRST4}; }}; }};\n' for zone in self.zones)
        options = self.options(self.address, server_id=f'"{NSID}"', minimal_responses="no", minimal_any="no",
                               answer_cookie="no", allow_transfer="{ none; }", transfers_in=200, transfers_per_ns=200,
                               serial_query_rate=10000, tcp_clients=1000, tcp_idle_timeout=1200, max_records=0,
                               **{f"check-names {role}": "ignore" for role in ("secondary", "primary", "response")})
        return f"{options}controls {{ }};\n{zones}"


REFERENCES = (Knot, Nsd, Named)

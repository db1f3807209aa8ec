# SPDX-License-Identifier: GPL-3.0-or-later
"""Knot DNS, NSD and BIND as secondaries of xnsd, in the client's namespace at the second primary's addresses."""
import os

import daemons
from lab import SECOND4, SECOND6, SERVER4, SERVER6, wait_until


class Secondary(daemons.Daemon):
    """zones: names. key: (name, algorithm, base64 secret) or None."""

    def __init__(self, lab, zones, key=None, v6=False, ixfr=True):
        super().__init__(lab, f"{self.kind}-secondary")
        self.zones, self.key, self.ixfr = list(zones), key, ixfr
        self.v4, self.v6, self.server_at = SECOND4, SECOND6, SERVER6 if v6 else SERVER4
        self.own = SECOND6 if v6 else SECOND4
        self.configure()

    def serial(self, zone):
        done = self.lab.client.run("kdig", "+short", "+timeout=2", "+retry=0", f"@{self.v4}", zone, "SOA", check=False)
        fields = done.stdout.split()
        return int(fields[2]) if len(fields) == 7 else None

    def wait_serial(self, zone, serial, timeout=20.0):
        wait_until(lambda: self.serial(zone) == serial, timeout,
                   lambda: f"{self.name}: serial {serial} of {zone}; it has {self.serial(zone)}\n{self.process.log()[-4000:]}",
                   0.05)


class Knot(Secondary, daemons.Knot):
    def config(self):
        key = f"key:\n  - id: {self.key[0]}\n    algorithm: {self.key[1]}\n    secret: {self.key[2]}\n" if self.key else ""
        use = f"    key: {self.key[0]}\n" if self.key else ""
        zones = "".join(f"  - domain: {zone}\n" for zone in self.zones)
        template = self.template(acl="[notify, transfer]", master="xnsd", zonefile_load="none", journal_content="changes",
                                 refresh_min_interval=3600, retry_min_interval=3600)
        return f"""{self.server(self.v4 + "@53", self.v6 + "@53", log="debug")}{key}remote:
  - id: xnsd
    address: {self.server_at}@53
    via: {self.own}
{use}acl:
  - id: notify
    address: {self.server_at}
    action: notify
{use}  - id: transfer
    address: [192.0.2.0/24, 2001:db8::/64]
    action: transfer
{template}zone:
{zones}"""

    def refresh(self, zone):
        self.lab.client.run("knotc", "-c", self.conf, "zone-refresh", zone)


class Nsd(Secondary, daemons.Nsd):
    source = None  # of request-xfr, where it is another than the address and the key

    def config(self):
        name = self.key[0] if self.key else "NOKEY"
        key = (f"key:\n  name: {self.key[0]}\n  algorithm: {self.key[1]}\n  secret: \"{self.key[2]}\"\n" if self.key else "")
        source = self.source or f"{self.server_at} {name}"
        zones = "".join(f'zone:\n  name: "{zone}"\n  zonefile: "{self.dir}/{zone}.zone"\n'
                        f"  request-xfr: {'' if self.ixfr else 'AXFR '}{source}\n"
                        f"  allow-notify: {self.server_at} {name}\n  outgoing-interface: {self.own}\n"
                        "  provide-xfr: 192.0.2.0/24 NOKEY\n" for zone in self.zones)
        return self.server(self.v4, self.v6, verbosity=3, xfrd_reload_timeout=0) + key + zones

    def refresh(self, zone):
        self.lab.client.run("nsd-control", "-c", self.conf, "transfer", zone)


class Named(Secondary, daemons.Named):
    source = None

    def config(self):
        key = f'key "{self.key[0]}" {{ algorithm {self.key[1]}; secret "{self.key[2]}"; }};\n' if self.key else ""
        source = self.source or self.server_at + (f' key "{self.key[0]}"' if self.key else "")
        zones = "".join(f'zone "{zone}" {{ type secondary; file "{self.dir}/{zone}.zone"; primaries {{ {source}; }}; '
                        f"check-names ignore; request-ixfr {'yes' if self.ixfr else 'no'}; }};\n" for zone in self.zones)
        with open(os.path.join(self.dir, "rndc.key"), "w", encoding="utf-8") as file:
            file.write('key "rndc" { algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="; };\n')
        options = self.options(self.v4, self.v6, transfer_source=self.v4, transfer_source_v6=self.v6,
                               allow_transfer="{ any; }", minimal_responses="yes", serial_query_rate=1000,
                               min_refresh_time=3600, check_integrity="no", zero_no_soa_ttl="no")
        return f"""include "{self.dir}/rndc.key";
controls {{ inet {self.v4} port 953 allow {{ any; }} keys {{ "rndc"; }}; }};
{key}{options}{zones}"""

    def refresh(self, zone):
        self.lab.client.run("rndc", "-s", self.v4, "-p", "953", "-k", os.path.join(self.dir, "rndc.key"), "refresh", zone)


KINDS = {cls.kind: cls for cls in (Knot, Nsd, Named)}

# SPDX-License-Identifier: GPL-3.0-or-later
"""Knot DNS, NSD and BIND as secondaries of xnsd, in the client's namespace at the second primary's addresses."""
import os

from lab import SECOND4, SECOND6, SERVER4, SERVER6, wait_until


class Secondary:
    """zones: names. key: (name, algorithm, base64 secret) or None."""

    kind = None

    def __init__(self, lab, zones, key=None, v6=False, ixfr=True):
        self.lab, self.zones, self.key, self.ixfr = lab, list(zones), key, ixfr
        self.v4, self.v6, self.server = SECOND4, SECOND6, SERVER6 if v6 else SERVER4
        self.own = SECOND6 if v6 else SECOND4
        self.name = f"{self.kind}-secondary"
        self.dir = os.path.join(lab.dir, self.name)
        os.makedirs(self.dir, exist_ok=True)
        self.conf = os.path.join(self.dir, "conf")
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(self.config())
        self.process = None

    def start(self):
        self.process = self.lab.start(self.lab.client, self.argv(), self.name)
        self.process.wait_log(self.ready)
        return self

    def stop(self):
        self.process.kill()

    def serial(self, zone):
        done = self.lab.client.run("kdig", "+short", "+timeout=2", "+retry=0", f"@{self.v4}", zone, "SOA", check=False)
        fields = done.stdout.split()
        return int(fields[2]) if len(fields) == 7 else None

    def wait_serial(self, zone, serial, timeout=20.0):
        wait_until(lambda: self.serial(zone) == serial, timeout,
                   lambda: f"{self.name}: serial {serial} of {zone}; it has {self.serial(zone)}\n{self.process.log()[-4000:]}",
                   0.05)


class Knot(Secondary):
    kind = "knot"
    ready = "server started"

    def argv(self):
        return ["knotd", "-c", self.conf]

    def config(self):
        key = f"key:\n  - id: {self.key[0]}\n    algorithm: {self.key[1]}\n    secret: {self.key[2]}\n" if self.key else ""
        use = f"    key: {self.key[0]}\n" if self.key else ""
        zones = "".join(f"  - domain: {zone}\n" for zone in self.zones)
        return f"""
server:
    rundir: {self.dir}
    listen: [{self.v4}@53, {self.v6}@53]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    tcp-reuseport: off
database:
    storage: {self.dir}
log:
  - target: stderr
    any: debug
{key}remote:
  - id: xnsd
    address: {self.server}@53
    via: {self.own}
{use}acl:
  - id: notify
    address: {self.server}
    action: notify
{use}  - id: transfer
    address: [192.0.2.0/24, 2001:db8::/64]
    action: transfer
template:
  - id: default
    storage: {self.dir}
    acl: [notify, transfer]
    master: xnsd
    semantic-checks: off
    zonefile-sync: -1
    zonefile-load: none
    journal-content: changes
    refresh-min-interval: 3600
    retry-min-interval: 3600
zone:
{zones}"""

    def refresh(self, zone):
        self.lab.client.run("knotc", "-c", self.conf, "zone-refresh", zone)


class Nsd(Secondary):
    kind = "nsd"
    ready = "nsd started"

    def argv(self):
        return ["nsd", "-d", "-c", self.conf]

    def config(self):
        name = self.key[0] if self.key else "NOKEY"
        key = (f"key:\n  name: {self.key[0]}\n  algorithm: {self.key[1]}\n  secret: \"{self.key[2]}\"\n" if self.key else "")
        zones = "".join(f'zone:\n  name: "{zone}"\n  zonefile: "{self.dir}/{zone}.zone"\n'
                        f"  request-xfr: {'' if self.ixfr else 'AXFR '}{self.server} {name}\n"
                        f"  allow-notify: {self.server} {name}\n  outgoing-interface: {self.own}\n"
                        "  provide-xfr: 192.0.2.0/24 NOKEY\n" for zone in self.zones)
        return f"""
server:
  ip-address: {self.v4}
  ip-address: {self.v6}
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
  reuseport: no
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  verbosity: 3
  xfrd-reload-timeout: 0
remote-control:
  control-enable: yes
  control-interface: "{self.dir}/control"
{key}{zones}"""

    def refresh(self, zone):
        self.lab.client.run("nsd-control", "-c", self.conf, "transfer", zone)


class Named(Secondary):
    kind = "named"
    ready = "running"

    def argv(self):
        return ["named", "-g", "-n", "1", "-d", "1", "-c", self.conf]

    def config(self):
        key = f'key "{self.key[0]}" {{ algorithm {self.key[1]}; secret "{self.key[2]}"; }};\n' if self.key else ""
        use = f' key "{self.key[0]}"' if self.key else ""
        zones = "".join(f'zone "{zone}" {{ type secondary; file "{self.dir}/{zone}.zone"; primaries {{ {self.server}{use}; }}; '
                        f"check-names ignore; request-ixfr {'yes' if self.ixfr else 'no'}; }};\n" for zone in self.zones)
        with open(os.path.join(self.dir, "rndc.key"), "w", encoding="utf-8") as file:
            file.write('key "rndc" { algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="; };\n')
        return f"""
include "{self.dir}/rndc.key";
controls {{ inet {self.v4} port 953 allow {{ any; }} keys {{ "rndc"; }}; }};
{key}options {{
  directory "{self.dir}";
  pid-file "{self.dir}/pid";
  session-keyfile "{self.dir}/session.key";
  lock-file none;
  listen-on port 53 {{ {self.v4}; }};
  listen-on-v6 port 53 {{ {self.v6}; }};
  transfer-source {self.v4};
  transfer-source-v6 {self.v6};
  recursion no;
  dnssec-validation no;
  empty-zones-enable no;
  allow-transfer {{ any; }};
  allow-query {{ any; }};
  notify no;
  minimal-responses yes;
  serial-query-rate 1000;
  min-refresh-time 3600;
  check-integrity no;
  zero-no-soa-ttl no;
  rrset-order {{ order none; }};
}};
{zones}"""

    def refresh(self, zone):
        self.lab.client.run("rndc", "-s", self.v4, "-p", "953", "-k", os.path.join(self.dir, "rndc.key"), "refresh", zone)


KINDS = {cls.kind: cls for cls in (Knot, Nsd, Named)}

# SPDX-License-Identifier: GPL-3.0-or-later
"""Knot DNS, NSD, BIND and PowerDNS as primaries, from Debian's packages, each with a directory of its own."""
import os
import pathlib
import signal

from lab import FIRST4, FIRST6, SECOND4, SECOND6, SERVER4, SERVER6

SECONDARIES4, SECONDARIES6 = "192.0.2.0/24", "2001:db8::/64"


class Primary:
    """A name server in the client's namespace, at the first or second primary's addresses.

    zones: {name: text of the zone file}. notify: it notifies xnsd of each change. ixfr: it keeps what changes, to
    answer IXFR with differences. key: (name, algorithm, secret in base64); what is asked for must be signed with it,
    NOTIFY is.
    """

    kind = None

    def __init__(self, lab, zones, second=False, notify=False, ixfr=False, key=None):
        self.lab = lab
        self.notify = notify
        self.ixfr = ixfr
        self.key = key
        self.v4, self.v6 = (SECOND4, SECOND6) if second else (FIRST4, FIRST6)
        self.name = f"{self.kind}{2 if second else 1}"
        self.dir = os.path.join(lab.dir, self.name)
        os.makedirs(self.dir, exist_ok=True)
        self.conf = os.path.join(self.dir, "conf")
        self.zones = {}
        for zone, text in zones.items():
            self.write(zone, text)
        self.process = None
        self.configure()

    def write(self, zone, text):
        self.zones[zone] = text
        path = self.zone_file(zone)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def zone_file(self, zone):
        return os.path.join(self.dir, (zone.rstrip(".") or "root") + ".zone")

    def configure(self):
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(self.config())

    def start(self):
        self.process = self.lab.start(self.lab.client, self.argv(), self.name)
        self.process.wait_log(self.ready)
        return self

    def update(self, zone, text):
        """New content (with a new serial); returns when the server has been told."""
        self.write(zone, text)
        self.reload(zone)

    def stop(self):
        """As a power cut would."""
        self.process.kill()

    def state(self):
        """What it keeps beside the zone files: journals, differences. To be removed while it is stopped."""
        keep = {self.conf, *map(self.zone_file, self.zones)}
        return [path for path in pathlib.Path(self.dir).rglob("*") if path.is_file() and str(path) not in keep]


class Knot(Primary):
    kind = "knot"
    ready = "server started"

    def argv(self):
        return ["knotd", "-c", self.conf]

    def config(self):
        zones = "".join(f"  - domain: {zone}\n    file: {self.zone_file(zone)}\n" for zone in self.zones)
        key = "key:\n  - id: %s\n    algorithm: %s\n    secret: %s" % self.key if self.key else ""
        use_key = f"key: {self.key[0]}" if self.key else ""
        return f"""
{key}
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
    any: info
remote:
  - id: xnsd
    address: [{SERVER4}@53, {SERVER6}@53]
    via: [{self.v4}, {self.v6}]
    {use_key}
acl:
  - id: transfer
    address: [{SECONDARIES4}, {SECONDARIES6}]
    action: transfer
    {use_key}
template:
  - id: default
    storage: {self.dir}
    acl: transfer
    {"notify: xnsd" if self.notify else ""}
    semantic-checks: off
    zonefile-load: {"difference" if self.ixfr else "whole"}
    zonefile-sync: -1
    journal-content: {"changes" if self.ixfr else "none"}
zone:
{zones}"""

    def reload(self, zone):
        self.lab.client.run("knotc", "-c", self.conf, "-b", "zone-reload", zone)


class Nsd(Primary):
    kind = "nsd"
    ready = "nsd started"

    def argv(self):
        return ["nsd", "-d", "-c", self.conf]

    def config(self):
        name = self.key[0] if self.key else "NOKEY"
        key = 'key:\n  name: "%s"\n  algorithm: %s\n  secret: "%s"\n' % self.key if self.key else ""
        notify = f"  notify: {SERVER4} {name}\n  outgoing-interface: {self.v4}\n" if self.notify else ""
        ixfr = "  store-ixfr: yes\n  create-ixfr: yes\n  ixfr-number: 20\n" if self.ixfr else ""
        zones = "".join(f'zone:\n  name: "{zone}"\n  zonefile: "{self.zone_file(zone)}"\n'
                        f"  provide-xfr: {SECONDARIES4} {name}\n  provide-xfr: {SECONDARIES6} {name}\n{notify}{ixfr}"
                        for zone in self.zones)
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
  minimal-responses: yes
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  verbosity: 2
remote-control:
  control-enable: yes
  control-interface: "{self.dir}/control"
{key}{zones}"""

    def reload(self, zone):
        self.lab.client.run("nsd-control", "-c", self.conf, "reload", zone)


class Named(Primary):
    kind = "named"
    ready = "all zones loaded"

    def argv(self):
        return ["named", "-g", "-n", "1", "-c", self.conf]

    def config(self):
        zones = "".join(f'zone "{zone}" {{ type primary; file "{self.zone_file(zone)}"; check-names ignore; '
                        f"check-srv-cname ignore; check-mx-cname ignore; }};\n" for zone in self.zones)
        key = 'key "%s" { algorithm %s; secret "%s"; };' % self.key if self.key else ""
        who = f'key "{self.key[0]}"' if self.key else "any"
        with_key = who if self.key else ""
        notify = f"also-notify {{ {SERVER4} {with_key}; }}; notify explicit; notify-source {self.v4};" if self.notify else "notify no;"
        return f"""
{key}
options {{
  directory "{self.dir}";
  pid-file "{self.dir}/pid";
  session-keyfile "{self.dir}/session.key";
  lock-file none;
  listen-on port 53 {{ {self.v4}; }};
  listen-on-v6 port 53 {{ {self.v6}; }};
  recursion no;
  dnssec-validation no;
  empty-zones-enable no;
  minimal-responses yes;
  allow-transfer {{ {who}; }};
  allow-query {{ any; }};
  {notify}
  notify-delay 0;
  notify-rate 1000;
  startup-notify-rate 1000;
  check-integrity no;
  ixfr-from-differences {"yes" if self.ixfr else "no"};
  zero-no-soa-ttl no;
  rrset-order {{ order none; }};
}};
controls {{ }};
{zones}"""

    def reload(self, zone):
        os.kill(self.process.pid, signal.SIGHUP)


class Pdns(Primary):
    """PowerDNS with its bind backend: answers IXFR with the whole zone."""

    kind = "pdns"
    ready = "Done launching threads"

    def argv(self):
        return ["pdns_server", "--config-dir=" + self.dir]

    def configure(self):
        super().configure()
        self.conf = os.path.join(self.dir, "pdns.conf")
        notify = f"also-notify={SERVER4}\nonly-notify={SERVER4}/32\n" if self.notify else "only-notify=\n"
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(f"""launch=bind
bind-config={self.dir}/conf
primary=yes
local-address={self.v4},{self.v6}
query-local-address={self.v4},{self.v6}
allow-axfr-ips={SECONDARIES4},{SECONDARIES6}
socket-dir={self.dir}
guardian=no
daemon=no
write-pid=no
zone-cache-refresh-interval=0
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
loglevel=6
{notify}""")

    def config(self):
        return "".join(f'zone "{zone}" {{ type master; file "{self.zone_file(zone)}"; }};\n' for zone in self.zones)

    def reload(self, zone):
        self.lab.client.run("pdns_control", "--config-dir=" + self.dir, "bind-reload-now", zone)
        if self.notify:
            self.lab.client.run("pdns_control", "--config-dir=" + self.dir, "notify", zone)


KINDS = {cls.kind: cls for cls in (Knot, Nsd, Named, Pdns)}

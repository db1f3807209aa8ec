# SPDX-License-Identifier: GPL-3.0-or-later
"""Knot DNS, NSD, BIND and PowerDNS as primaries, from Debian's packages, each with a directory of its own."""
import os
import pathlib
import signal

import daemons
from lab import FIRST4, FIRST6, SECOND4, SECOND6, SERVER4, SERVER6

SECONDARIES4, SECONDARIES6 = "192.0.2.0/24", "2001:db8::/64"


class Primary(daemons.Daemon):
    """A name server in the client's namespace, at the first or second primary's addresses.

    zones: {name: text of the zone file}. notify: it notifies xnsd of each change. ixfr: it keeps what changes, to
    answer IXFR with differences. key: (name, algorithm, secret in base64); what is asked for must be signed with it,
    NOTIFY is.
    """

    def __init__(self, lab, zones, second=False, notify=False, ixfr=False, key=None):
        super().__init__(lab, f"{self.kind}{2 if second else 1}")
        self.notify = notify
        self.ixfr = ixfr
        self.key = key
        self.v4, self.v6 = (SECOND4, SECOND6) if second else (FIRST4, FIRST6)
        self.zones = {}
        for zone, text in zones.items():
            self.write(zone, text)
        self.configure()

    def write(self, zone, text):
        self.zones[zone] = text
        path = self.zone_file(zone)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def zone_file(self, zone):
        return os.path.join(self.dir, (zone.rstrip(".") or "root") + ".zone")

    def update(self, zone, text):
        """New content (with a new serial); returns when the server has been told."""
        self.write(zone, text)
        self.reload(zone)

    def state(self):
        """What it keeps beside the zone files: journals, differences. To be removed while it is stopped."""
        keep = {self.conf, *map(self.zone_file, self.zones)}
        return [path for path in pathlib.Path(self.dir).rglob("*") if path.is_file() and str(path) not in keep]


class Knot(Primary, daemons.Knot):
    def config(self):
        zones = "".join(f"  - domain: {zone}\n    file: {self.zone_file(zone)}\n" for zone in self.zones)
        key = "key:\n  - id: %s\n    algorithm: %s\n    secret: %s\n" % self.key if self.key else ""
        use_key = f"    key: {self.key[0]}\n" if self.key else ""
        template = self.template(acl="transfer", notify="xnsd" if self.notify else None,
                                 zonefile_load="difference" if self.ixfr else "whole",
                                 journal_content="changes" if self.ixfr else "none")
        return f"""{key}{self.server(self.v4 + "@53", self.v6 + "@53")}remote:
  - id: xnsd
    address: [{SERVER4}@53, {SERVER6}@53]
    via: [{self.v4}, {self.v6}]
{use_key}acl:
  - id: transfer
    address: [{SECONDARIES4}, {SECONDARIES6}]
    action: transfer
{use_key}{template}zone:
{zones}"""

    def reload(self, zone):
        self.lab.client.run("knotc", "-c", self.conf, "-b", "zone-reload", zone)


class Nsd(Primary, daemons.Nsd):
    server_keys = {"minimal-responses": "yes"}

    def config(self):
        name = self.key[0] if self.key else "NOKEY"
        key = 'key:\n  name: "%s"\n  algorithm: %s\n  secret: "%s"\n' % self.key if self.key else ""
        notify = f"  notify: {SERVER4} {name}\n  outgoing-interface: {self.v4}\n" if self.notify else ""
        ixfr = "  store-ixfr: yes\n  create-ixfr: yes\n  ixfr-number: 20\n" if self.ixfr else ""
        zones = "".join(f'zone:\n  name: "{zone}"\n  zonefile: "{self.zone_file(zone)}"\n'
                        f"  provide-xfr: {SECONDARIES4} {name}\n  provide-xfr: {SECONDARIES6} {name}\n{notify}{ixfr}"
                        for zone in self.zones)
        return self.server(self.v4, self.v6, **self.server_keys) + key + zones

    def reload(self, zone):
        self.lab.client.run("nsd-control", "-c", self.conf, "reload", zone)


class Named(Primary, daemons.Named):
    def config(self):
        zones = "".join(f'zone "{zone}" {{ type primary; file "{self.zone_file(zone)}"; check-names ignore; '
                        f"check-srv-cname ignore; check-mx-cname ignore; }};\n" for zone in self.zones)
        key = 'key "%s" { algorithm %s; secret "%s"; };\n' % self.key if self.key else ""
        with_key = f'key "{self.key[0]}";' if self.key else ""
        notify = {"also-notify": f"{{ {SERVER4} {with_key or ';'} }}", "notify": "explicit", "notify-source": self.v4,
                  "notify-delay": 0, "notify-rate": 1000, "startup-notify-rate": 1000} if self.notify else {}
        options = self.options(self.v4, self.v6, minimal_responses="yes", allow_transfer=f"{{ {with_key or 'any;'} }}",
                               check_integrity="no", ixfr_from_differences="yes" if self.ixfr else "no",
                               zero_no_soa_ttl="no", **notify)
        return f"{key}{options}controls {{ }};\n{zones}"

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

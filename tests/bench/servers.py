# SPDX-License-Identifier: GPL-3.0-or-later
"""Knot DNS as the primary of all and as the secondary that xnsd is measured beside, and xnsd.

The secondaries stand in the server's namespace: xnsd on port 53, Knot on port 5300, so that both have their transfers by
the same link from the same primary.
"""
import os
import shutil

from agent import Xnsd
from lab import FIRST4, SERVER4

KNOT_PORT = 5300

COMMON = """
server:
    rundir: {dir}
    listen: {listen}
    tcp-max-clients: 2000
    tcp-reuseport: off
{more}database:
    storage: {dir}
    journal-db-max-size: 4G
log:
  - target: stderr
    any: {level}
"""


class Knot:
    def __init__(self, lab, ns, name, listen, level="notice"):
        self.lab, self.ns, self.name = lab, ns, name
        self.dir = os.path.join(lab.dir, name)
        self.conf = os.path.join(self.dir, "conf")
        self.server = COMMON.format(dir=self.dir, listen=listen, level=level, more="{more}")
        self.process = None
        os.makedirs(self.dir)

    def write_config(self, text, more=""):
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(self.server.format(more=more) + text)

    def start(self):
        self.process = self.lab.start(self.ns, ["knotd", "-c", self.conf], self.name)
        return self

    def ctl(self, *arguments, stdin=None):
        return self.ns.run("knotc", "-c", self.conf, *arguments)

    def stop(self):
        self.process.stop(60)


class KnotPrimary(Knot):
    """zones: {name: path of its file}. Its journal keeps changes, so that it gives IXFR."""

    def __init__(self, lab, zones, notify=()):
        super().__init__(lab, lab.client, "primary", f"{FIRST4}@53", "info")
        # A zone file of a million names takes some seconds to load; transfers wait for that.
        self.write_config(f"""remote:
  - id: xnsd
    address: {SERVER4}@53
    via: {FIRST4}
  - id: knot
    address: {SERVER4}@{KNOT_PORT}
    via: {FIRST4}
acl:
  - id: transfer
    address: 192.0.2.0/24
    action: transfer
template:
  - id: default
    storage: {self.dir}
    acl: transfer
    semantic-checks: off
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: changes
{"    notify: [" + ", ".join(notify) + "]" if notify else ""}
zone:
""" + "".join(f"  - domain: {name}\n    file: {path}\n" for name, path in zones.items()))

    def change(self, zone, commands):
        """Records set and unset in one transaction; NOTIFY goes out with its end. The serial counts up by itself."""
        self.ctl("zone-begin", zone)
        for command in commands:
            self.ctl(command[0], zone, *command[1:])
        self.ctl("zone-commit", zone)


class KnotSecondary(Knot):
    """As Debian sets it up: in memory, its journal the store. Nothing of an earlier run is kept."""

    kind = "knot"
    port = KNOT_PORT

    def __init__(self, lab, zones):
        super().__init__(lab, lab.server, "secondary", f"{SERVER4}@{KNOT_PORT}")
        self.write_config(f"""remote:
  - id: primary
    address: {FIRST4}@53
acl:
  - id: notify
    address: {FIRST4}
    action: notify
template:
  - id: default
    storage: {self.dir}
    master: primary
    acl: notify
    semantic-checks: off
    zonefile-sync: -1
    zonefile-load: none
    journal-content: none
zone:
""" + "".join(f"  - domain: {name}\n" for name in zones))

    def forget(self):
        for name in ("journal", "timers", "catalog"):
            shutil.rmtree(os.path.join(self.dir, name), ignore_errors=True)

    def end(self):
        self.stop()

    @property
    def main_pid(self):
        return self.process.pid


class XnsdSecondary(Xnsd):
    """xnsd at the interface, as a user installs it: attached, then started with an empty database."""

    kind = "xnsd"
    port = 53

    def __init__(self, lab, build, zones):
        super().__init__(lab, build, zones)
        self.load()

    def start(self):
        self.process = self.lab.start(self.lab.server, [self.tool("xnsd"), "-c", self.conf], self.name)
        return self

    def forget(self):
        shutil.rmtree(os.path.join(self.dir, "db"), ignore_errors=True)

    def end(self):
        """The maps are emptied as well: the next one begins from nothing."""
        self.process.stop(60)
        self.load("detach")
        self.load()

    @property
    def main_pid(self):
        return self.process.pid

# SPDX-License-Identifier: GPL-3.0-or-later
"""Knot DNS as the primary of all and as the secondary that xnsd is measured beside, and xnsd.

The secondaries stand in the server's namespace: xnsd on port 53, Knot on port 5300, so that both have their transfers by
the same link from the same primary.
"""
import os
import shutil

from agent import Xnsd
from daemons import Knot
from lab import FIRST4, SERVER4

KNOT_PORT = 5300

# As an operator leaves them: Knot chooses itself how many threads it has.
OWN_CHOICE = {"udp_workers": None, "tcp_workers": None, "background_workers": None}


def zone_section(zones):
    """zones: {name: path of its file, or None}."""
    return "zone:\n" + "".join(f"  - domain: {name}\n" + (f"    file: {path}\n" if path else "")
                               for name, path in zones.items())


class KnotPrimary(Knot):
    """zones: {name: path of its file}. Its journal keeps changes, so that it gives IXFR."""

    ready = None  # it loads zones for seconds: whoever needs them waits

    def __init__(self, lab, zones, notify=()):
        super().__init__(lab, "primary")
        self.zones, self.notify = zones, notify
        self.configure()

    def config(self):
        # A zone file of a million names takes some seconds to load; transfers wait for that.
        return self.server(f"{FIRST4}@53", database={"journal-db-max-size": "4G"}, tcp_max_clients=2000, **OWN_CHOICE) + f"""remote:
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
""" + self.template(acl="transfer", zonefile_load="whole", journal_content="changes",
                    notify=f"[{', '.join(self.notify)}]" if self.notify else None) + zone_section(self.zones)

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

    ready = None  # it is asked

    def __init__(self, lab, zones):
        super().__init__(lab, "secondary", lab.server)
        self.zones = zones
        self.configure()

    def config(self):
        return self.server(f"{SERVER4}@{KNOT_PORT}", log="notice", tcp_max_clients=2000, **OWN_CHOICE) + f"""remote:
  - id: primary
    address: {FIRST4}@53
acl:
  - id: notify
    address: {FIRST4}
    action: notify
""" + self.template(master="primary", acl="notify", zonefile_load="none",
                    journal_content="none") + zone_section(dict.fromkeys(self.zones))

    def forget(self):
        for name in ("journal", "timers", "catalog"):
            shutil.rmtree(os.path.join(self.dir, name), ignore_errors=True)

    def end(self):
        self.process.stop(60)

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

# SPDX-License-Identifier: GPL-3.0-or-later
"""xnsd, xnsload and xnsctl under test, in the server's namespace."""
import base64
import contextlib
import json
import os
import re

import dns.tsig

from lab import FIRST4, FIRST6, SECOND4, SECOND6, SERVER4, SERVER6, wait_until

PIN_DIR = "/sys/fs/bpf/xnsd"
ABI = os.path.join(os.path.dirname(__file__), "../../bpf/xns_abi.h")


def counter_names():
    """The packet path's counters in their order, from the header that both of its sides include."""
    with open(ABI, encoding="utf-8") as file:
        return re.findall(r'^\tX\([A-Z_0-9]+, "([a-z-]+)"', file.read(), re.M)


class Counters(dict):
    """Of the packet path, by name. a - b: what moved between b and a."""

    def __sub__(self, before):
        return Counters({name: value - before.get(name, 0) for name, value in self.items()
                         if value != before.get(name, 0)})

    @property
    def answered(self):
        return sum(value for name, value in self.items() if name.startswith("answer-"))

    @property
    def passed(self):
        """Passed up, neighbour discovery and other things that are not for our address and port left out."""
        return sum(value for name, value in self.items() if name.startswith("pass-") and name != "pass-not-ours")

    @property
    def impossible(self):
        return {name: self[name] for name in ("pass-internal", "drop-write") if self.get(name)}


class Xnsd:
    """zones: names, or mappings as in the configuration's `zones`. server: more keys of `server`. sections: lists
    for the sections keys, tls, acl, templates, and more remotes; see also put() and key()."""

    def __init__(self, lab, build, zones, server=None, name="xnsd", v6_first=False, **sections):
        self.lab, self.build = lab, build
        self.dir = os.path.join(lab.dir, name)
        os.makedirs(self.dir, exist_ok=True)
        os.chmod(self.dir, 0o755)
        self.conf = os.path.join(self.dir, "xnsd.yaml")
        self.name = name
        order = (lambda a, b: [b, a]) if v6_first else (lambda a, b: [a, b])
        self.config = {
            "server": {"listen": [SERVER4 + "@53", SERVER6 + "@53"], "interfaces": ["s0"],
                       "database": os.path.join(self.dir, "db"), "rundir": os.path.join(self.dir, "run"),
                       **(server or {})},
            "remotes": [{"id": "first", "address": order(FIRST4 + "@53", FIRST6 + "@53")},
                        {"id": "second", "address": order(SECOND4 + "@53", SECOND6 + "@53")}],
            "zones": [zone if isinstance(zone, dict) else
                      {"domain": zone, "primaries": ["first"], "notify-from": ["first"]} for zone in zones],
        }
        for section, items in sections.items():
            for item in items:
                self.put(section, **item)
        self.process = None
        self.write_config()

    def write_config(self):
        # JSON is YAML.
        with open(self.conf, "w", encoding="utf-8") as file:
            # Secrets are not for all, but `user` has to read it again.
            secret = self.config.get("keys") and "user" not in self.config["server"]
            os.fchmod(file.fileno(), 0o600 if secret else 0o644)
            json.dump(self.config, file, indent=1)

    # ---- the configuration; write_config() and perhaps reload() make it known ----

    def put(self, section, **item):
        """Adds an item to a section, or keys to the one with this id or domain; '_' stands for '-' in keys:
        put("zones", domain="example.com", notify=["second"], journal_max_depth=3). None removes a key."""
        item = {key.replace("_", "-"): value for key, value in item.items()}
        id_key = "domain" if section == "zones" else "id"
        items = self.config.setdefault(section, [])
        found = next((old for old in items if old[id_key] == item[id_key]), None)
        if found is None:
            found = {}
            items.append(found)
        found.update(item)
        for key in [key for key, value in found.items() if value is None]:
            del found[key]
        return found

    def drop(self, section, name):
        """Removes the item with this id or domain; a section that is empty then goes too."""
        id_key = "domain" if section == "zones" else "id"
        self.config[section] = [item for item in self.config[section] if item[id_key] != name]
        if not self.config[section]:
            del self.config[section]

    def key(self, name="key.example", algorithm="hmac-sha256", secret=b"0123456789abcdef" * 4):
        """Adds a TSIG key and returns it as dnspython's. put("remotes", id="first", key="key.example") uses it."""
        self.put("keys", id=name, algorithm=algorithm, secret=base64.b64encode(secret).decode())
        return dns.tsig.Key(name, secret, algorithm)

    def reload(self, check=True):
        """Writes the configuration and has xnsd read it."""
        self.write_config()
        return self.ctl("reload", check=check)

    def tool(self, name):
        return os.path.join(self.build, name)

    # ---- the programs ----

    def load(self, *command, check=True):
        """xnsload COMMAND...; `attach s0` when none is given."""
        return self.lab.server.run(self.tool("xnsload"), *(command or ("attach",)), "--config", self.conf, check=check)

    def start(self):
        self.process = self.lab.start(self.lab.server, [self.tool("xnsd"), "-c", self.conf], self.name)
        self.process.wait_log(" started: ")
        return self

    def stop(self):
        return self.process.stop()

    def kill(self):
        self.process.kill()

    def ctl(self, *arguments, check=True):
        return self.lab.server.run(self.tool("xnsctl"), "-c", self.conf, *arguments, check=check)

    def ctl_json(self, *arguments):
        return json.loads(self.ctl("--json", *arguments).stdout)

    # ---- what it has ----

    def zone_status(self, zone, check=True):
        """Not check: {} of a zone that is not held."""
        done = self.ctl("--json", "zone-status", zone, check=check)
        result = json.loads(done.stdout) if done.returncode == 0 else {"zones": {}}
        zones = result.get("zones", result) if isinstance(result, dict) else result
        return zones[0] if isinstance(zones, list) else zones

    def served(self, zone, serial=None):
        """The zone's status if it is answered at the interface, with that serial; else None."""
        status = self.zone_status(zone, check=False)
        maps = status.get("maps") or {}
        if maps.get("state") != "active" or not maps.get("complete"):
            return None
        return status if serial is None or maps.get("serial") == serial == status["serial"] else None

    def wait_served(self, *zones, serial=None, timeout=15.0):
        """Until the zones are whole in the maps."""
        for zone in zones:
            wait_until(lambda z=zone: self.served(z, serial), timeout,
                       lambda z=zone: f"{z} at the interface: {self.zone_status(z, check=False)}\n{self.process.log()}", 0.02)

    def wait_active(self, *zones, serial=None, timeout=15.0):
        """Until the agent has the zones, whether there is a packet path or not."""
        def active(zone):
            status = self.zone_status(zone, check=False)
            return status.get("state") == "active" and serial in (None, status["serial"])
        for zone in zones:
            wait_until(lambda z=zone: active(z), timeout,
                       lambda z=zone: f"{z} active: {self.zone_status(z, check=False)}\n{self.process.log()}", 0.02)

    # ---- the maps, read without xnsd's own tools ----

    def dump(self, map_name):
        return json.loads(self.lab.server.run("bpftool", "-j", "map", "dump", "pinned", f"{PIN_DIR}/{map_name}").stdout)

    def counters(self):
        values = [sum(cpu["value"] for cpu in entry["formatted"]["values"]) for entry in self.dump("counters")]
        return Counters(zip(counter_names(), values))

    @contextlib.contextmanager
    def counting(self):
        """with xnsd.counting() as moved: ...; then `moved` has the counters that moved in the block."""
        moved, before = Counters(), self.counters()
        yield moved
        moved.update(self.counters() - before)

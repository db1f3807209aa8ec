# SPDX-License-Identifier: GPL-3.0-or-later
"""Knot DNS, NSD and BIND in the foreground, each with a directory of its own: what is the same of them whatever they are
for. Further keys of their sections are arguments, '_' for '-'; None leaves a key out."""
import os


def keys(form, *mappings):
    """A line for each key, of the last mapping that has it."""
    merged = {}
    for mapping in mappings:
        merged.update({key.replace("_", "-"): value for key, value in mapping.items()})
    return "".join(form.format(key, value) + "\n" for key, value in merged.items() if value is not None)


class Daemon:
    """
    A server in the client's namespace of a lab, or another one. config() is what its configuration file says; in the log
    it says `ready` when it is.
    """

    kind = ready = None

    def __init__(self, lab, name, ns=None):
        self.lab, self.name, self.ns = lab, name, ns or lab.client
        self.dir = os.path.join(lab.dir, name)
        os.makedirs(self.dir, exist_ok=True)
        self.conf = os.path.join(self.dir, "conf")
        self.process = None

    def configure(self):
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(self.config())

    def start(self, timeout=10.0):
        self.process = self.lab.start(self.ns, self.argv(), self.name)
        if self.ready:
            self.process.wait_log(self.ready, timeout)
        return self

    def stop(self):
        """As a power cut would."""
        self.process.kill()


class Knot(Daemon):
    kind = "knot"
    ready = "server started"

    def argv(self):
        return ["knotd", "-c", self.conf]

    def ctl(self, *arguments):
        return self.ns.run("knotc", "-c", self.conf, *arguments)

    def server(self, *addresses, log="info", database=None, **more):
        """Sections server, database, log."""
        server = {"rundir": self.dir, "listen": f"[{', '.join(addresses)}]", "udp-workers": 1, "tcp-workers": 1,
                  "background-workers": 1, "tcp-reuseport": "off"}
        return (f"server:\n{keys('    {}: {}', server, more)}"
                f"database:\n{keys('    {}: {}', {'storage': self.dir}, database or {})}"
                f"log:\n  - target: stderr\n    any: {log}\n")

    def template(self, **more):
        """Section template: zones in files that are never written."""
        default = {"storage": self.dir, "semantic-checks": "off", "zonefile-sync": -1}
        return "template:\n  - id: default\n" + keys("    {}: {}", default, more)


class Nsd(Daemon):
    kind = "nsd"
    ready = "nsd started"

    def argv(self):
        return ["nsd", "-d", "-c", self.conf]

    def server(self, *addresses, control=True, **more):
        """Sections server, remote-control."""
        server = {"server-count": 1, "username": '""', "chroot": '""', "zonesdir": f'"{self.dir}"', "database": '""',
                  "pidfile": f'"{self.dir}/pid"', "xfrdfile": f'"{self.dir}/xfrd.state"', "xfrdir": f'"{self.dir}"',
                  "zonelistfile": f'"{self.dir}/zone.list"', "cookie-secret-file": '""', "reuseport": "no",
                  "rrl-ratelimit": 0, "rrl-whitelist-ratelimit": 0, "verbosity": 2}
        remote = {"control-enable": "yes" if control else "no", "control-interface": f'"{self.dir}/control"'}
        listen = "".join(f"  ip-address: {address}\n" for address in addresses)
        return (f"server:\n{listen}{keys('  {}: {}', server, more)}"
                f"remote-control:\n{keys('  {}: {}', remote)}")


class Named(Daemon):
    kind = "named"
    ready = "all zones loaded"
    threads = 1

    def argv(self):
        return ["named", "-g", "-n", str(self.threads), "-c", self.conf]

    def options(self, v4, v6=None, port=53, **more):
        """Statement options."""
        options = {"directory": f'"{self.dir}"', "pid-file": f'"{self.dir}/pid"',
                   "session-keyfile": f'"{self.dir}/session.key"', "lock-file": "none",
                   f"listen-on port {port}": f"{{ {v4}; }}", f"listen-on-v6 port {port}": f"{{ {v6 or 'none'}; }}",
                   "recursion": "no", "dnssec-validation": "no", "empty-zones-enable": "no", "allow-query": "{ any; }",
                   "notify": "no", "rrset-order": "{ order none; }"}
        return f"options {{\n{keys('  {} {};', options, more)}}};\n"

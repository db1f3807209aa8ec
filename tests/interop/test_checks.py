# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks before a zone goes live: its digest (ZONEMD), a verifier of the operator's, bounds. What is refused leaves the old
zone serving, and the reason is in the status and in the log."""
import os

import pytest

import hostile
from lab import SECOND4, SERVER4, wait_until
from primaries import KINDS, Knot
from stream import Stream, rcode
from ask import query
from test_updates import zone

NOERROR = 0


class KnotZonemd(Knot):
    """Knot DNS that makes the digest, and signs."""

    denial = None

    def config(self):
        signing = "" if self.denial is None else "    dnssec-signing: on\n    dnssec-policy: test\n"
        policy = "" if self.denial is None else f"policy:\n  - id: test\n    nsec3: {self.denial}\n    single-type-signing: on\n"
        return super().config().replace("template:\n", policy + "template:\n").replace(
            "zonefile-load: whole\n", "zonefile-load: difference-no-serial\n").replace(
            "    journal-content: none\n",
            f"    journal-content: all\n    zonemd-generate: zonemd-sha384\n{signing}")


class KnotZonemdNsec(KnotZonemd):
    denial = "off"


class KnotZonemdNsec3(KnotZonemd):
    denial = "on"


KINDS.update({"zonemd": KnotZonemd, "zonemd-nsec": KnotZonemdNsec, "zonemd-nsec3": KnotZonemdNsec3})


def body(n):
    """Names that take part in a digest in every way: spelling, delegations with glue, wildcards, many records."""
    return zone(n) + """
Mixed.CASE  MX 10 Mail.Example.COM.
srv         SRV 1 2 3 Target.Example.ORG.
sub         NS ns.sub
ns.sub      A 192.0.2.77
*.wild      TXT "any"
a.b.c       TXT "deep"
many        A 192.0.2.9
many        A 192.0.2.10
many        AAAA 2001:db8::9
"""


def other(n):
    return f"$TTL 3600\n@ SOA ns host {n} 3600 900 864000 300\n@ NS ns\nns A 192.0.2.2\nwww A 192.0.2.{n}\n"


def last_error(w, name="example.com"):
    return (w.xnsd.zone_status(name).get("last_error") or {}).get("text", "")


@pytest.mark.parametrize("kind", ["zonemd", "zonemd-nsec", "zonemd-nsec3"])
def test_zonemd_of_knot(world, kind):
    zones = [{"domain": "example.com", "primaries": ["first"], "notify-from": ["first"], "zonemd-verify": True}]
    w = world({"example.com": body(1)}, kinds=(kind,), xnsd_zones=zones, notify=True)
    w.xnsd.start()
    w.xnsd.wait_served("example.com")
    before = w.xnsd.zone_status("example.com")["serial"]
    w.primary.update("example.com", body(1) + "new TXT new\n")
    wait_until(lambda: w.xnsd.zone_status("example.com")["serial"] != before, 10, lambda: last_error(w))
    wait_until(lambda: rcode(w.client, SERVER4, "new.example.com", "TXT") == NOERROR, 5, "the new name")
    assert last_error(w) == ""
    assert "ZONEMD" not in w.xnsd.process.log()


class Digested(hostile.Zone):
    digest = None

    def body(self, serial):
        yield from super().body(serial)
        if self.digest:
            yield self.rrset("@", "ZONEMD", f"{serial} 1 1 {self.digest}")


class Scene:
    """A primary that does as it is told, for example.com."""

    def __init__(self, world, **more):
        self.w = world({"other.test": other(1)}, xdp=False, xnsd_zones=[
            {"domain": "example.com", "primaries": ["bad"], "notify-from": ["bad"], "request-ixfr": False, **more},
            {"domain": "other.test", "primaries": ["first"], "notify-from": ["first"]}], notify=True)
        self.w.xnsd.config["remotes"].append({"id": "bad", "address": [SECOND4]})
        self.w.xnsd.write_config()
        self.w.xnsd.load()
        self.zone = Digested("example.com.")
        self.primary = hostile.Primary(self.w.client, SECOND4, self.zone)
        self.w.lab.closers.append(self.primary.close)

    def start(self):
        self.w.xnsd.start()
        self.w.xnsd.wait_served("example.com", "other.test")
        return self

    def update(self, serial):
        self.primary.serve(serial)
        self.w.xnsd.ctl("zone-refresh", "example.com")

    def refused(self, serial, why, timeout=10):
        """The primary's serial is not taken, for this reason; the old one goes on."""
        self.update(serial)
        wait_until(lambda: why in last_error(self.w), timeout, lambda: last_error(self.w))
        status = self.w.xnsd.zone_status("example.com")
        assert status["serial"] != serial and status["state"] == "active"
        assert status["maps"]["serial"] == status["serial"]
        assert rcode(self.w.client, SERVER4, "serial.example.com", "TXT") == NOERROR
        line = [line for line in self.w.xnsd.process.log().splitlines() if why in line][-1]
        assert "example.com." in line and SECOND4 in line and "warning" in line

    def taken(self, serial):
        self.update(serial)
        self.w.xnsd.wait_served("example.com", serial=serial)
        wait_until(lambda: last_error(self.w) == "", 5, lambda: last_error(self.w))


def test_zonemd_wrong(world):
    scene = Scene(world, **{"zonemd-verify": True}).start()  # none there: nothing to check
    scene.zone.digest = "00" * 48
    scene.refused(2, "ZONEMD")
    scene.zone.digest = None
    scene.taken(3)


def test_zonemd_not_asked_for(world):
    scene = Scene(world)
    scene.zone.digest = "00" * 48
    scene.start()
    scene.taken(2)


def verifier(w, text):
    path = os.path.join(w.dir, "verifier")
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + text)
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)
    return path


def test_verifier(world, tmp_path):
    tmp_path.chmod(0o755)

    class Place:
        dir = str(tmp_path)

    path = verifier(Place, "exit 0\n")
    scene = Scene(world, verifier=[path, "--strict"], **{"verifier-timeout": 2}).start()
    verifier(Place, 'grep -q "^serial.example.com.*\\"2\\"" && [ "$1 $XNSD_ZONE $XNSD_SERIAL" = "--strict example.com. 2" ]\n')
    scene.taken(2)
    verifier(Place, "cat > /dev/null; echo the MX is missing >&2; exit 7\n")
    scene.refused(3, "the MX is missing")
    # While one verifier thinks the other zones go on.
    verifier(Place, "sleep 1000\n")
    scene.update(4)
    scene.w.primary.update("other.test", other(2))
    scene.w.xnsd.wait_served("other.test", serial=2, timeout=1.9)
    scene.refused(4, "not done after 2 s")
    verifier(Place, "exit 0\n")
    scene.taken(5)
    assert os.listdir(os.path.join(scene.w.xnsd.dir, "db")) and not [
        name for name in os.listdir(os.path.join(scene.w.xnsd.dir, "db")) if "zone" in name]


def test_reload_while_verifying(world, tmp_path):
    """The verifier of a zone that is taken out of the configuration is killed."""
    tmp_path.chmod(0o755)

    class Place:
        dir = str(tmp_path)

    path = verifier(Place, "exit 0\n")
    scene = Scene(world, verifier=[path]).start()
    verifier(Place, f"echo $$ > {tmp_path}/pid; exec sleep 1000\n")
    os.chmod(tmp_path, 0o777)
    scene.update(2)
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), 10, "the verifier")
    pid = int((tmp_path / "pid").read_text())
    scene.w.xnsd.config["zones"].pop(0)
    scene.w.xnsd.write_config()
    with Stream(scene.w.client, SERVER4, query("www.other.test")) as stream:
        scene.w.xnsd.ctl("reload")
        stream.wait_asked(50)
    assert stream.lost == 0
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 10, "the end of the verifier")


def test_bounds(world):
    scene = Scene(world, **{"zone-max-records": 200, "zone-max-size": 20000}).start()
    big = hostile.Zone.body

    def more(names):
        def made(zone_, serial):
            yield from big(zone_, serial)
            for i in range(names):
                yield zone_.rrset(f"more{i}", "A", "192.0.2.1")
        return made

    def long_texts(zone_, serial):
        yield from big(zone_, serial)
        for i in range(90):
            yield zone_.rrset(f"more{i}", "TXT", '"' + "x" * 250 + '"')

    scene.zone.body = more(150).__get__(scene.zone)
    scene.refused(2, "more than 200 records (zone-max-records)")
    scene.zone.body = long_texts.__get__(scene.zone)
    scene.refused(3, "zone-max-size")
    scene.zone.body = big.__get__(scene.zone)
    scene.taken(4)

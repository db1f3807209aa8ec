# SPDX-License-Identifier: GPL-3.0-or-later
"""Catalog zones (RFC 9432): their members come and go at run time, and nobody else notices."""
import socket

import pytest

import ask
from ask import query
from lab import FIRST4, SECOND4, SERVER4, wait_until
from primaries import KINDS, Knot
from stream import Stream

REFUSED = 5
MEMBERS = ("a.test", "b.test", "c.test")


def zone(name, serial=1, address="192.0.2.1"):
    return (f"$ORIGIN {name}.\n$TTL 300\n@ SOA ns hostmaster {serial} 3600 3600 86400 60\n@ NS ns\nns A 192.0.2.1\n"
            f"www A {address}\n")


def catalog(serial, *records, name="catalog.test", version="2"):
    """records: `UNIQUE MEMBER`, `group.UNIQUE TXT`, `coo.UNIQUE CATALOG`."""
    text = f"$ORIGIN {name}.\n$TTL 0\n@ SOA invalid. invalid. {serial} 3600 3600 86400 0\n@ NS invalid.\n"
    text += f'version TXT "{version}"\n' if version else ""
    for record in records:
        owner, value = record.split()
        text += f'{owner}.zones {"TXT" if owner.startswith("group.") else "PTR"} {value}\n'
    return text


def members(*names):
    return [f"u{name[0]} {name}." for name in names]


def make(world, kinds=("knot",), catalogs=None, notify=True, **more):
    """A primary with the catalog, all that ever are members, and static.test, which the file names."""
    catalogs = catalogs or {"catalog.test": catalog(1)}
    zones = {name: zone(name) for name in (*MEMBERS, "static.test")} | catalogs
    w = world(zones, kinds=kinds, xnsd_zones=["static.test"], notify=notify, **more)
    w.xnsd.put("templates", id="member", primaries=["first"], notify_from=["first"])
    w.xnsd.put("templates", id="other", primaries=["second"], notify_from=["second"])
    for name in catalogs:
        w.xnsd.put("zones", domain=name, primaries=["first"], notify_from=["first"], catalog_role="interpret",
                   catalog_template=["member", "other"])
    w.xnsd.write_config()
    w.xnsd.start()
    w.xnsd.wait_active("static.test", *catalogs)
    return w


def reply_of(w, name):
    return ask.udp_one(w.client, SERVER4, query("www." + name).wire(1))


def address_of(w, name):
    reply = reply_of(w, name)
    return socket.inet_ntoa(reply[-4:]) if reply and reply[3] & 15 == 0 and reply[7] else None


def is_held(w, name):
    return address_of(w, name) is not None


def is_refused(w, name):
    reply = reply_of(w, name)
    return reply is not None and reply[3] & 15 == REFUSED


def wait_held(w, *names):
    for name in names:
        wait_until(lambda n=name: is_held(w, n), 15, lambda n=name: f"{n} is held\n{w.xnsd.process.log()}")


def wait_refused(w, *names):
    for name in names:
        wait_until(lambda n=name: is_refused(w, n), 15, lambda n=name: f"{n} is held no more\n{w.xnsd.process.log()}")


def transfers(w, name):
    """How often the whole zone came, not having been there before."""
    return sum(f"zone {name}.: " in line and "serial none -> " in line for line in w.xnsd.process.log().splitlines())


@pytest.mark.parametrize("kind", ["knot", "nsd", "named"])
def test_members_come_and_go(world, kind):
    """At the interface, while other zones, members too, are asked all the time and lose no query."""
    w = make(world, kinds=(kind,), catalogs={"catalog.test": catalog(1, *members("a.test"))})
    w.xnsd.wait_served("static.test", "a.test")
    with Stream(w.client, SERVER4, query("www.static.test")) as static, \
            Stream(w.client, SERVER4, query("www.a.test")) as kept:
        static.wait_asked(20)
        kept.wait_asked(20)
        w.primary.update("catalog.test", catalog(2, *members("a.test", "b.test", "c.test")))
        w.xnsd.wait_served("b.test", "c.test")
        assert address_of(w, "b.test") == "192.0.2.1"
        w.primary.update("catalog.test", catalog(3, *members("a.test", "c.test")))
        wait_refused(w, "b.test")
        static.wait_asked(20)
        kept.wait_asked(20)
    assert static.lost == 0 and kept.lost == 0
    assert len(static.seen) == 1 and len(kept.seen) == 1, "one answer all the time"
    assert is_held(w, "c.test") and transfers(w, "a.test") == 1
    # What a removed member left is gone: it is transferred anew when it comes back.
    w.primary.update("catalog.test", catalog(4, *members("a.test", "b.test", "c.test")))
    w.xnsd.wait_served("b.test")
    assert transfers(w, "b.test") == 2


def test_members_are_refreshed(world):
    """A member is a zone like others: NOTIFY, new serials."""
    w = make(world, catalogs={"catalog.test": catalog(1, *members("a.test"))})
    w.xnsd.wait_served("a.test", serial=1)
    w.primary.update("a.test", zone("a.test", 2, "192.0.2.77"))
    w.xnsd.wait_served("a.test", serial=2)
    assert address_of(w, "a.test") == "192.0.2.77"


def test_groups(world):
    """A group is the name of a template; one that is not known is none; it may change."""
    w = make(world, kinds=("knot", "nsd"), xdp=False, notify=False, catalogs={"catalog.test": catalog(
        1, *members("a.test", "b.test", "c.test"), "group.ub other", "group.uc nobody-knows")})
    wait_held(w, *MEMBERS)

    def primaries():
        return [w.xnsd.zone_status(name)["primary"].split("@")[0] for name in MEMBERS]

    def wait_primaries(*expect):
        wait_until(lambda: primaries() == list(expect), 15, lambda: f"{primaries()}\n{w.xnsd.process.log()}")

    wait_primaries(FIRST4, SECOND4, FIRST4)
    w.primary.update("catalog.test", catalog(2, *members(*MEMBERS), "group.ua other", "group.uc nobody-knows",
                                             "group.uc other"))
    w.xnsd.ctl("zone-refresh", "catalog.test")
    wait_until(lambda: w.xnsd.zone_status("catalog.test")["serial"] == 2, what="the catalog's new serial")
    for name in MEMBERS:
        w.xnsd.ctl("zone-retransfer", name)
    wait_primaries(SECOND4, FIRST4, SECOND4)


@pytest.mark.parametrize("what, text", [
    ("no version", catalog(2, *members("b.test"), version=None)),
    ("version 1", catalog(2, *members("b.test"), version="1")),
    ("two members at a label", catalog(2, "ub b.test.", "ub c.test.")),
    ("a member twice", catalog(2, "ub b.test.", "uc b.test.")),
    ("two new owners", catalog(2, "ub b.test.", "coo.ub x.", "coo.ub y.")),
])
def test_broken(world, what, text):
    """Ignored whole, the reason is told, over a restart too; mended it is the catalog again."""
    w = make(world, xdp=False, catalogs={"catalog.test": catalog(1, *members("a.test"))})
    wait_held(w, "a.test")
    w.primary.update("catalog.test", text)
    w.xnsd.wait_active("catalog.test", serial=2)
    w.xnsd.process.wait_log("zone catalog.test.: ")
    wait_until(lambda: any("catalog.test." in line and "broken" in line for line in w.xnsd.process.log().splitlines()),
               what=lambda: f"{what} is told:\n{w.xnsd.process.log()}")
    assert is_held(w, "a.test") and is_refused(w, "b.test")
    w.xnsd.kill()
    w.xnsd.start()
    wait_held(w, "a.test")
    assert is_refused(w, "b.test")
    w.primary.update("catalog.test", catalog(3, *members("b.test")))
    wait_held(w, "b.test")
    wait_refused(w, "a.test")


def test_restart_without_primaries(world):
    """Members are held at once, with what was held of them."""
    w = make(world, catalogs={"catalog.test": catalog(1, *members("a.test", "b.test"))})
    w.xnsd.wait_served("a.test", "b.test")
    w.xnsd.kill()
    w.primary.stop()
    w.xnsd.start()
    w.xnsd.wait_served("a.test", "b.test")
    assert address_of(w, "a.test") == "192.0.2.1" and is_refused(w, "c.test")


def test_unique_label(world):
    """Another label means that the zone is to begin anew (§5.4); the same label, that nothing is."""
    w = make(world, xdp=False, catalogs={"catalog.test": catalog(1, "x a.test.", "y b.test.")})
    wait_held(w, "a.test", "b.test")
    w.primary.update("catalog.test", catalog(2, "z a.test.", "y b.test."))
    wait_until(lambda: transfers(w, "a.test") == 2, 15, lambda: w.xnsd.process.log())
    wait_held(w, "a.test")
    assert transfers(w, "b.test") == 1


def test_clash_with_the_file(world):
    """The file's zone stays the file's, whatever catalogs say and then no longer say; and the catalog itself."""
    w = make(world, xdp=False, catalogs={"catalog.test": catalog(
        1, *members("a.test"), "s static.test.", "self catalog.test.")})
    wait_held(w, "a.test", "static.test")
    w.xnsd.process.wait_log("static.test.")
    w.primary.update("catalog.test", catalog(2, *members("b.test")))
    wait_held(w, "b.test")
    wait_refused(w, "a.test")
    assert is_held(w, "static.test") and transfers(w, "static.test") == 1
    assert w.xnsd.zone_status("catalog.test")["serial"] == 2


def test_change_of_ownership(world):
    """By coo the new catalog gets the zone as it is (same label); without coo it does not."""
    w = make(world, xdp=False, catalogs={
        "catalog.test": catalog(1, "x a.test.", "y b.test."),
        "new.test": catalog(1, name="new.test")})
    wait_held(w, "a.test", "b.test")
    w.primary.update("catalog.test", catalog(2, "x a.test.", "coo.x new.test.", "y b.test."))
    w.xnsd.wait_active("catalog.test", serial=2)
    w.primary.update("new.test", catalog(2, "x a.test.", "y b.test.", name="new.test"))
    w.xnsd.wait_active("new.test", serial=2)
    # Now a.test is the new one's: it leaves with that, and not with the old one. b.test is the old one's.
    w.primary.update("catalog.test", catalog(3, "c c.test.", "y b.test."))
    wait_held(w, "c.test")
    assert is_held(w, "a.test") and transfers(w, "a.test") == 1 and is_held(w, "b.test")
    w.primary.update("new.test", catalog(3, name="new.test"))
    wait_refused(w, "a.test")
    assert is_held(w, "b.test")


def test_catalog_leaves_the_file(world):
    """Its members leave with it at a reload, and come back with it."""
    w = make(world, xdp=False, catalogs={"catalog.test": catalog(1, *members("a.test"))})
    wait_held(w, "a.test")
    item = dict(next(z for z in w.xnsd.config["zones"] if z["domain"] == "catalog.test"))
    w.xnsd.drop("zones", "catalog.test")
    w.xnsd.reload()
    wait_refused(w, "a.test")
    assert is_held(w, "static.test")
    w.xnsd.config["zones"].append(item)
    w.xnsd.reload()
    wait_held(w, "a.test")


class Producer(Knot):
    """Knot DNS that makes the catalog of the zones that it has, itself."""

    kind = "producer"

    def config(self):
        text = super().config()
        for name in self.zones:
            role = "    catalog-role: generate\n" if name == "catalog.test" else (
                "    catalog-role: member\n    catalog-zone: catalog.test.\n" +
                ("    catalog-group: other\n" if name == "b.test" else ""))
            text = text.replace(f"  - domain: {name}\n", f"  - domain: {name}\n{role}")
        return text.replace(f"    file: {self.zone_file('catalog.test')}\n", "")

    def set_zones(self, *names):
        self.zones = {name: zone(name) for name in names} | {"catalog.test": ""}
        for name in names:
            self.write(name, zone(name))
        self.configure()
        self.lab.client.run("knotc", "-c", self.conf, "-b", "reload")


def test_generated_by_knot(world, monkeypatch):
    monkeypatch.setitem(KINDS, "producer", Producer)
    w = world({"a.test": zone("a.test"), "catalog.test": ""}, kinds=("producer", "nsd"), xdp=False,
              xnsd_zones=["static.test"], notify=True)
    w.xnsd.drop("zones", "static.test")
    w.xnsd.put("templates", id="member", primaries=["first"], notify_from=["first"])
    w.xnsd.put("templates", id="other", primaries=["first"], notify_from=["first"], zone_max_records=1)
    w.xnsd.put("zones", domain="catalog.test", primaries=["first"], notify_from=["first"], catalog_role="interpret",
               catalog_template=["member", "other"])
    w.xnsd.write_config()
    w.xnsd.start()
    wait_held(w, "a.test")
    w.primary.set_zones("a.test", "b.test", "c.test")
    wait_held(w, "a.test", "c.test")
    # b.test is of the group whose template takes no zone of more than one record.
    wait_until(lambda: any("zone b.test.: " in line and "records" in line for line in w.xnsd.process.log().splitlines()),
               15, lambda: w.xnsd.process.log())
    assert w.xnsd.zone_status("b.test")["state"] == "empty"
    w.primary.set_zones("c.test")
    wait_refused(w, "a.test", "b.test")
    assert is_held(w, "c.test") and transfers(w, "c.test") == 1

# SPDX-License-Identifier: GPL-3.0-or-later
"""IXFR from real primaries: single differences, chains of them, and AXFR where there is none that fits."""
import re

import pytest

import ask
from ask import query
from lab import SERVER4, wait_until

NAMES = 200
KINDS = ["knot", "nsd", "named"]


def zone(serial, changes=None, more=""):
    """A zone of NAMES addresses, of which some are others. Its own timers never fire in a test."""
    changes = changes or {}
    hosts = "".join(f"h{i} A {changes.get(i, '192.0.2.1')}\n" for i in range(NAMES) if changes.get(i, "") is not None)
    return (f"$ORIGIN example.com.\n$TTL 300\n@ SOA ns hostmaster {serial} 3600 3600 86400 60\n@ NS ns\nns A 192.0.2.1\n"
            f"{hosts}{more}\n")


def address(world, name):
    """The last four bytes of the answer; None: no such name."""
    reply = ask.udp_one(world.client, SERVER4, query(f"{name}.example.com").wire(1))
    return ".".join(map(str, reply[-4:])) if reply[3] & 15 == 0 and reply[7] else None


def transfers(world):
    """What the log says of each transfer: [(kind, old serial, new serial, names changed)]."""
    return re.findall(r"zone example\.com\.: (.+?) from \S+: serial (\S+) -> (\d+)\b.*? (\d+) names? changed",
                      world.xnsd.process.log())


def expect(world, serial, kind, names=None):
    """The zone is served with this serial, by a transfer of this kind which changed so many names."""
    world.xnsd.wait_served("example.com", serial=serial)
    wait_until(lambda: transfers(world) and transfers(world)[-1][2] == str(serial), what="the line of the transfer")
    last = transfers(world)[-1]
    assert re.fullmatch(kind, last[0]), last
    if names is not None:
        assert int(last[3]) == names, last
    return last


@pytest.mark.parametrize("kind", KINDS)
def test_each_change(world, kind):
    """Changed, added and removed names, one serial after the other, told by NOTIFY."""
    w = world({"example.com": zone(1)}, kinds=(kind,), ixfr=True, notify=True)
    w.xnsd.start()
    expect(w, 1, "AXFR")
    w.primary.update("example.com", zone(2, {5: "192.0.2.2"}))
    expect(w, 2, "IXFR", names=2)  # and the apex
    assert address(w, "h5") == "192.0.2.2" and address(w, "h6") == "192.0.2.1"
    w.primary.update("example.com", zone(3, {5: None, 7: "192.0.2.3"}, "new A 192.0.2.4\n*.wild A 192.0.2.5"))
    expect(w, 3, "IXFR", names=5)
    assert address(w, "h5") is None and address(w, "h7") == "192.0.2.3"
    assert address(w, "new") == "192.0.2.4" and address(w, "x.y.wild") == "192.0.2.5"
    w.primary.update("example.com", zone(4))
    expect(w, 4, "IXFR", names=5)
    assert address(w, "h5") == address(w, "h7") == "192.0.2.1" and address(w, "x.wild") is None
    assert w.xnsd.zone_status("example.com")["serial"] == 4


@pytest.mark.parametrize("kind", KINDS)
def test_chain(world, kind):
    """Several serials at once: what was missed while xnsd was down. Names that came and went leave nothing."""
    w = world({"example.com": zone(1)}, kinds=(kind,), ixfr=True)
    w.xnsd.start()
    expect(w, 1, "AXFR")
    w.xnsd.stop()
    for serial in range(2, 9):
        w.primary.update("example.com", zone(serial, {serial: None, 100: f"192.0.2.{serial}"}, f"only{serial} A 192.0.2.9"))
        wait_until(lambda n=serial: primary_serial(w) == n, what=f"serial {serial} at the primary")
    w.xnsd.start()
    w.xnsd.ctl("zone-refresh", "example.com")
    expect(w, 8, "IXFR", names=4)
    assert address(w, "h100") == "192.0.2.8" and address(w, "h8") is None and address(w, "h7") == "192.0.2.1"
    assert address(w, "only8") == "192.0.2.9" and address(w, "only7") is None


def primary_serial(world):
    reply = ask.udp_one(world.lab.server, world.primary.v4, query("example.com", "SOA").wire(1))
    return int.from_bytes(reply[-20:-16], "big") if reply and reply[7] == 1 and reply[11] == 0 else None


@pytest.mark.parametrize("kind", KINDS + ["pdns"])
def test_no_history(world, kind):
    """A primary that keeps no differences answers IXFR with the whole zone."""
    w = world({"example.com": zone(1)}, kinds=(kind,), notify=True)
    w.xnsd.start()
    expect(w, 1, "AXFR")
    w.primary.update("example.com", zone(2, {5: "192.0.2.2"}))
    expect(w, 2, r"AXFR in answer to IXFR|AXFR instead of IXFR \(.*\)", names=2)
    assert address(w, "h5") == "192.0.2.2"


@pytest.mark.parametrize("kind", KINDS)
def test_inconsistent(world, kind):
    """The primary's serial 2 was another zone than ours: what the difference removes is not here. AXFR follows."""
    w = world({"example.com": zone(2)}, kinds=(kind,), ixfr=True)
    w.xnsd.start()
    expect(w, 2, "AXFR")
    # The same serial, more names: behind xnsd's back.
    w.primary.stop()
    for path in w.primary.state():
        path.unlink(missing_ok=True)  # another process of NSD's may be removing the file of its pid
    w.primary.write("example.com", zone(2, more="ghost A 192.0.2.66"))
    w.primary.start()
    w.primary.update("example.com", zone(3, {1: "192.0.2.3"}))
    wait_until(lambda: primary_serial(w) == 3, what="serial 3 at the primary")
    w.xnsd.ctl("zone-refresh", "example.com")
    last = expect(w, 3, r"AXFR instead of IXFR \(.*\)", names=2)
    assert "ghost.example.com" in last[0] or "not there" in last[0], last
    assert address(w, "h1") == "192.0.2.3"
    # From then on differences fit again.
    w.primary.update("example.com", zone(4))
    wait_until(lambda: primary_serial(w) == 4, what="serial 4 at the primary")
    w.xnsd.ctl("zone-refresh", "example.com")
    expect(w, 4, "IXFR", names=2)


@pytest.mark.parametrize("kind", KINDS)
def test_wrap(world, kind):
    """Serials wrap (RFC 1982)."""
    w = world({"example.com": zone(4294967295)}, kinds=(kind,), ixfr=True, notify=True)
    w.xnsd.start()
    expect(w, 4294967295, "AXFR")
    w.primary.update("example.com", zone(1, {5: "192.0.2.2"}))
    expect(w, 1, "IXFR", names=2)
    assert address(w, "h5") == "192.0.2.2"


def test_not_asked_for(world):
    """request-ixfr: false"""
    zones = [{"domain": "example.com", "primaries": ["first"], "notify-from": ["first"], "request-ixfr": False}]
    w = world({"example.com": zone(1)}, ixfr=True, notify=True, xnsd_zones=zones)
    w.xnsd.start()
    expect(w, 1, "AXFR")
    w.primary.update("example.com", zone(2, {5: "192.0.2.2"}))
    expect(w, 2, "AXFR", names=2)


def test_mixed_primaries(world):
    """The first has no history and goes away; the second has."""
    zones = [{"domain": "example.com", "primaries": ["first", "second"], "notify-from": ["first", "second"]}]
    w = world({"example.com": zone(1)}, kinds=("pdns", "knot"), ixfr=True, notify=True, xnsd_zones=zones)
    w.xnsd.start()
    expect(w, 1, "AXFR")
    w.primaries[0].update("example.com", zone(2, {5: "192.0.2.2"}))
    expect(w, 2, "AXFR in answer to IXFR", names=2)
    w.primaries[1].update("example.com", zone(2, {5: "192.0.2.2"}))
    w.primaries[0].stop()
    w.primaries[1].update("example.com", zone(3, {5: "192.0.2.3"}))
    expect(w, 3, "IXFR", names=2)
    assert address(w, "h5") == "192.0.2.3"

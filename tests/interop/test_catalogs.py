# SPDX-License-Identifier: GPL-3.0-or-later
"""Several catalog zones (RFC 9432), and many members; one catalog is in test_catalog.py."""
import time

import pytest

from lab import wait_until
from test_reload import held, zone


def catalog(name, serial, members):
    """members: {zone: unique label, or (label, the catalog that may take it over)}."""
    text = f"$ORIGIN {name}.\n$TTL 0\n@ SOA invalid. invalid. {serial} 36000 36000 864000 0\n@ NS invalid.\nversion TXT \"2\"\n"
    for member, label in members.items():
        label, heir = label if isinstance(label, tuple) else (label, None)
        text += f"{label}.zones PTR {member}.\n"
        if heir:
            text += f"coo.{label}.zones PTR {heir}.\n"
    return text


def make(world, catalogs, members):
    """xnsd with the catalogs, whose members the primary has."""
    w = world({**catalogs, **{name: zone(name) for name in members}}, kinds=("named",), xnsd_zones=list(catalogs), notify=True)
    w.xnsd.put("templates", id="member", primaries=["first"], notify_from=["first"])
    for name in catalogs:
        w.xnsd.put("zones", domain=name, catalog_role="interpret", catalog_template=["member"])
    w.xnsd.write_config()
    w.xnsd.start()
    w.xnsd.wait_served(*catalogs)
    return w


def update(w, name, text):
    w.primary.update(name, text)


def test_clash(world):
    """A name that the file, the operator or another catalog has is left alone, with one warning."""
    w = make(world, {"one.test": catalog("one.test", 1, {"a.test": "u1", "file.test": "u2", "one.test": "u3"}),
                     "two.test": catalog("two.test", 1, {"b.test": "u1"})}, ["a.test", "b.test", "file.test"])
    w.xnsd.put("zones", domain="file.test", primaries=["first"])
    w.xnsd.reload()
    w.xnsd.wait_served("a.test", "b.test", "file.test")
    assert w.xnsd.zone_status("file.test")["source"] == "config"
    for serial in (2, 3):
        update(w, "two.test", catalog("two.test", serial, {"b.test": "u1", "a.test": "u2"}))
        w.xnsd.wait_served("two.test", serial=serial)
    wait_until(lambda: "member a.test. is left alone: it is a member of the catalog zone one.test." in w.xnsd.process.log(), 5,
               "the clash is told")
    assert w.xnsd.process.log().count("member a.test. is left alone") == 1
    assert w.xnsd.zone_status("a.test")["catalog"] == "one.test."
    assert "catalog zone one.test.: member one.test. is left alone" in w.xnsd.process.log()
    # It goes to the other when the first lets go of it.
    update(w, "one.test", catalog("one.test", 2, {}))
    wait_until(lambda: w.xnsd.zone_status("a.test")["catalog"] == "two.test.", 5, "a.test is of two.test")
    w.xnsd.wait_served("a.test")


@pytest.mark.parametrize("same", [True, False], ids=["same label", "other label"])
def test_change_of_ownership(world, same):
    """coo (§4.4.1), in both orders: nothing is reset if the unique label is the same."""
    w = make(world, {"one.test": catalog("one.test", 1, {"a.test": "u1", "b.test": "u2"}), "two.test": catalog("two.test", 1, {})},
             ["a.test", "b.test"])
    w.xnsd.wait_served("a.test", "b.test")
    before = w.xnsd.zone_status("a.test")["maps"]["generation"]
    label = "u1" if same else "v1"
    update(w, "one.test", catalog("one.test", 2, {"a.test": ("u1", "two.test"), "b.test": "u2"}))
    w.xnsd.wait_served("one.test", serial=2)
    update(w, "two.test", catalog("two.test", 2, {"a.test": label}))
    wait_until(lambda: w.xnsd.zone_status("a.test")["catalog"] == "two.test.", 10, lambda: w.xnsd.process.log()[-2000:])
    w.xnsd.wait_served("a.test")
    assert (w.xnsd.zone_status("a.test")["maps"]["generation"] == before) == same
    update(w, "one.test", catalog("one.test", 3, {"b.test": "u2"}))
    w.xnsd.wait_served("one.test", serial=3)
    assert held(w) == {"one.test", "two.test", "a.test", "b.test"}
    # The new one first.
    update(w, "two.test", catalog("two.test", 3, {"a.test": label, "b.test": "u2"}))
    w.xnsd.process.wait_log("catalog zone two.test.: member b.test. is left alone")
    update(w, "one.test", catalog("one.test", 4, {"b.test": ("u2", "two.test")}))
    wait_until(lambda: w.xnsd.zone_status("b.test")["catalog"] == "two.test.", 10, lambda: w.xnsd.process.log()[-2000:])


def test_many(world):
    """Thousands in one go: one change of the table. They are held at once after a restart."""
    n = 10000
    names = {f"z{i}.many.test": f"u{i}" for i in range(n)}
    w = world({"cat.test": catalog("cat.test", 1, {})}, kinds=("named",), xnsd_zones=["cat.test"], notify=True)
    w.xnsd.put("templates", id="member", primaries=["first"])
    w.xnsd.put("zones", domain="cat.test", catalog_role="interpret", catalog_template=["member"])
    w.xnsd.write_config()
    w.xnsd.start()
    w.xnsd.wait_served("cat.test")
    began = time.monotonic()
    update(w, "cat.test", catalog("cat.test", 2, names))
    w.xnsd.process.wait_log(f"{n} zones: is held now", 30)
    taken = time.monotonic() - began
    assert w.xnsd.ctl_json("status")["zones"]["from_catalogs"] == n
    assert taken < 10, f"{taken:.1f} s"
    w.xnsd.stop()
    w.xnsd.start()
    assert w.xnsd.ctl_json("status")["zones"]["from_catalogs"] == n
    began = time.monotonic()
    update(w, "cat.test", catalog("cat.test", 3, {}))
    w.xnsd.ctl("zone-refresh", "cat.test")
    w.xnsd.process.wait_log(f"{n} zones: is held no more", 30)
    assert time.monotonic() - began < 10

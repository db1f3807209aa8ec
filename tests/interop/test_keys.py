# SPDX-License-Identifier: GPL-3.0-or-later
"""TSIG with real primaries: SOA queries, AXFR, IXFR and NOTIFY are signed; what is wrong with a key is told."""
import base64
import re

import pytest

from lab import wait_until
from test_ixfr import address, expect, zone

SECRET = b"a secret of thirty-two octets..."
ALGORITHMS = ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]


def make(world, kind, algorithm="hmac-sha256", secret=SECRET):
    """The primary has SECRET; xnsd what is given."""
    w = world({"example.com": zone(1)}, kinds=(kind,), ixfr=True, notify=True,
              key=("key.example", algorithm, base64.b64encode(SECRET).decode()))
    w.xnsd.key("key.example", algorithm, secret)
    w.xnsd.put("remotes", id="first", key="key.example")
    w.xnsd.write_config()
    w.xnsd.start()
    return w


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("kind", ["knot", "nsd", "named"])
def test_signed(world, kind, algorithm):
    w = make(world, kind, algorithm)
    expect(w, 1, "AXFR")
    w.xnsd.process.wait_log(", key key.example")
    w.primary.update("example.com", zone(2, {5: "192.0.2.2"}))
    expect(w, 2, "IXFR", names=2)
    assert address(w, "h5") == "192.0.2.2"
    assert SECRET.decode() not in w.xnsd.process.log()


@pytest.mark.parametrize("kind", ["knot", "nsd", "named"])
def test_wrong_secret(world, kind):
    """The zone is not transferred, status and log say why; the right secret, reloaded, is used at once."""
    w = make(world, kind, secret=b"another secret of thirty-two octe")

    def primary():
        return w.xnsd.zone_status("example.com")["primaries"][0]

    wait_until(lambda: primary().get("error"), what="an error")
    assert "BADSIG" in primary()["error"] or "signature" in primary()["error"].lower(), primary()
    assert "key.example" in primary()["error"] or "TSIG" in primary()["error"], primary()
    w.xnsd.key("key.example", "hmac-sha256", SECRET)
    w.xnsd.reload()
    expect(w, 1, "AXFR")
    assert not primary().get("error")


def test_unsigned(world):
    """xnsd has no key, the primary wants one."""
    w = world({"example.com": zone(1)}, key=("key.example", "hmac-sha256", base64.b64encode(SECRET).decode()))
    w.xnsd.start()
    wait_until(lambda: w.xnsd.zone_status("example.com")["primaries"][0].get("error"), what="an error")
    assert re.search("NOTAUTH|REFUSED", w.xnsd.zone_status("example.com")["primaries"][0]["error"])

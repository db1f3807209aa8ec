# SPDX-License-Identifier: GPL-3.0-or-later
"""TSIG from primaries: taken where it is right, also with messages in between that are not signed; refused in every other way,
with the reason in the log and in zone-status, and the zone that is there stays."""
import base64
import re

import dns.rcode
import dns.tsig
import pytest

import hostile_tsig
from hostile import reply
from hostile_tsig import WAYS, Signer, Sparse
from lab import FIRST4
from scene import Stage

FROM = re.escape(f"{FIRST4}@53")


@pytest.fixture(scope="module")
def scene(build):
    secret = b"0123456789abcdef" * 2
    key = dns.tsig.Key("key.example", secret, "hmac-sha256")

    def prepare(xnsd):
        xnsd.put("keys", id="key.example", algorithm="hmac-sha256", secret=base64.b64encode(secret).decode())
        xnsd.put("remotes", id="first", key="key.example")
    one = Stage(build, [{"domain": "example.com", "primaries": ["first"], "notify-from": ["first"]}], prepare, key=key)
    try:
        one.first.new_signer = Signer
        one.xnsd.start()
        one.good()
    except BaseException:
        one.close()
        raise
    yield one
    one.end()


@pytest.fixture(autouse=True)
def calm(scene):
    scene.first.new_signer = Signer
    status = scene.xnsd.zone_status("example.com")
    if status["serial"] != scene.serial or status["last_error"] or scene.first.errors:
        scene.first.errors.clear()
        scene.good("zone-retransfer")


def test_key_is_told(scene):
    mark = scene.mark()
    scene.good()
    assert "key.example" in scene.wait_line(r"serial \d+ -> \d+", mark)


@pytest.mark.parametrize("trigger", ["zone-refresh", "zone-retransfer"])
def test_unsigned_in_between(scene, trigger):
    serial, mark = scene.next_serial(), scene.mark()
    scene.first.serve(serial)

    def messages(records):
        def way(c, query):
            size = -(-len(records) // 9)  # 9 messages
            parts = [records[i:i + size] for i in range(0, len(records), size)]
            while len(parts) < 9:
                longest = max(range(len(parts)), key=lambda i: len(parts[i]))
                parts[longest:longest + 1] = [parts[longest][:1], parts[longest][1:]]
            for part in parts:
                c.reply(query, *part)
        return way
    scene.first.new_signer = lambda query, key: (Sparse if query.question[0].rdtype in (251, 252) else Signer)(query, key)
    zone = scene.zone
    scene.first.ixfr = messages([zone.soa(serial), zone.soa(scene.serial), zone.text(scene.serial), zone.soa(serial), zone.text(serial),
                                 *(zone.rrset(f"n{i}", "A", "192.0.2.1") for i in range(3)), zone.soa(serial)])
    scene.first.axfr = messages(zone.records(serial))
    scene.xnsd.ctl(trigger, "example.com")
    kind = "IXFR" if trigger == "zone-refresh" else "AXFR"
    assert " 9 messages" in scene.wait_line(rf"zone example\.com\.: {kind} from {FROM}: serial \d+ -> {serial}\b", mark)
    scene.serial = serial
    scene.check_served()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_transfer(scene, way):
    """SOA queries are answered by the book; no transfer is."""
    serial, mark = scene.next_serial(), scene.mark()
    scene.first.serve(serial)
    scene.first.new_signer = lambda query, key: (way if query.question[0].rdtype == 252 else Signer)(query, key)
    scene.xnsd.ctl("zone-retransfer", "example.com")
    scene.check_failure(scene.wait_line(rf"zone example\.com\.: AXFR from {FROM}: ", mark), WAYS[way])
    scene.check_served()
    scene.good()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_ixfr(scene, way):
    """The IXFR is signed so: AXFR follows."""
    serial, mark = scene.next_serial(), scene.mark()
    scene.first.serve(serial)
    several = [scene.zone.ixfr(scene.serial, serial)[:2], scene.zone.ixfr(scene.serial, serial)[2:]]
    scene.first.ixfr = lambda c, query: [c.reply(query, *part) for part in several]
    scene.first.new_signer = lambda query, key: (way if query.question[0].rdtype == 251 else Signer)(query, key)
    scene.xnsd.ctl("zone-refresh", "example.com")
    assert WAYS[way] in scene.wait_line(rf"zone example\.com\.: IXFR from {FROM}: ", mark)
    scene.wait_line(rf"AXFR instead of IXFR .*from {FROM}: serial {scene.serial} -> {serial}\b", mark)
    scene.serial = serial
    scene.check_served()


TELLS = (hostile_tsig.BadKey, hostile_tsig.BadSig, hostile_tsig.BadTime, hostile_tsig.BadTrunc)
# With one message there is no later one.
LATER = (hostile_tsig.LastNotSigned, hostile_tsig.OtherSecretLater, hostile_tsig.Backwards, hostile_tsig.Replayed)


@pytest.mark.parametrize("way", [way for way in WAYS if way not in LATER], ids=lambda way: way.__name__)
def test_soa(scene, way):
    """On UDP what is not signed well is not there, so TCP is asked too; what the primary tells is believed at once."""
    serial, mark = scene.next_serial(), scene.mark()
    scene.first.serve(serial)
    scene.first.new_signer = way
    scene.xnsd.ctl("zone-refresh", "example.com")
    line = scene.wait_line(rf"zone example\.com\.: SOA query to {FROM}: ", mark)
    scene.check_failure(line, WAYS[way])
    assert ("(TCP)" in line) == (way not in TELLS)
    scene.check_served()
    scene.first.new_signer = Signer
    scene.good()


def test_forged_before_the_answer(scene):
    """Replies of others, without the key, do not keep the right one out."""
    serial, mark = scene.next_serial(), scene.mark()
    scene.first.serve(serial)
    state = {}

    class First(Signer):
        """Of two replies to a query the first is not signed."""

        def sign(self, wire):
            state["n"] = state.get("n", 0) + 1
            return wire if state["n"] == 1 else super().sign(wire)
    scene.first.soa = lambda query: [reply(query, scene.zone.soa(serial + 1000)), reply(query, scene.zone.soa(serial))]
    scene.first.tcp_soa = lambda connection, query: connection.reset()
    scene.first.new_signer = lambda query, key: (First if query.question[0].rdtype == 6 else Signer)(query, key)
    scene.xnsd.ctl("zone-refresh", "example.com")
    scene.wait_line(rf"-> {serial}\b", mark)
    scene.serial = serial
    scene.check_served()


def test_no_key_there(scene):
    """A primary that knows nothing of TSIG at all: unsigned FORMERR, also without EDNS."""
    mark = scene.mark()
    scene.first.serve(scene.next_serial())
    scene.first.new_signer = hostile_tsig.NotSigned
    for name in ("axfr", "ixfr", "tcp_soa"):
        setattr(scene.first, name, lambda c, query: c.reply(query, rcode=dns.rcode.FORMERR))
    scene.xnsd.ctl("zone-retransfer", "example.com")
    scene.check_failure(scene.wait_line(rf"zone example\.com\.: AXFR from {FROM}: ", mark),
                        "answered FORMERR without a signature, though with key key.example. it had to be signed")
    scene.check_served()
    scene.first.new_signer = Signer
    scene.good()

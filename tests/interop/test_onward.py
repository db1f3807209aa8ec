# SPDX-License-Identifier: GPL-3.0-or-later
"""xnsd as a primary of other secondaries: AXFR, IXFR, NOTIFY, TSIG, who may and who may not."""
import base64
import random
import re
import time

import dns.edns
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.tsigkeyring
import pytest

import secondaries
from conftest import example_zones
from lab import CLIENT4, SECOND4, SERVER4, SERVER6, wait_until
from signing import Policy, Signer

ALGORITHMS = ["hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]
SECRET = base64.b64encode(b"a secret that is as long as SHA-512's blocks want it to be: 64 b").decode()


def zone(serial, names=20, more=""):
    """Each serial differs from the one before in a few names."""
    text = f"$ORIGIN example.com.\n$TTL 300\n@ SOA ns hostmaster {serial} 3600 3600 86400 60\n@ NS ns\nns A 192.0.2.1\n"
    text += "".join(f"h{i} A 192.0.2.{(i + (serial if i % 7 == serial % 7 else 0)) % 250}\n" for i in range(names))
    text += f"only{serial} TXT \"serial {serial}\"\nmarker 3600 TXT \"{serial}\"\n"
    return text + more


def onward(world, zones, kind="knot", key=None, keys=(), notify=True, acl=None, zone_keys=None, **more):
    """A primary with the zones, and xnsd, which lets the second address have them. keys: (id, algorithm, secret);
    key: the one that is used with the secondary."""
    remote = {"key": key[0]} if key else {}
    w = world(zones, kinds=(kind,), xdp=False, notify=True, **more)
    config = w.xnsd.config
    if keys or key:
        config["keys"] = [{"id": name, "algorithm": algorithm, "secret": secret}
                          for name, algorithm, secret in keys or [key]]
    config["remotes"][1].update(address=[SECOND4 + "@53"], **remote)
    config["acl"] = acl or [{"id": "down", "address": [SECOND4, "2001:db8::3"], "action": ["transfer"], **remote}]
    config["zones"] = [{"domain": name, "primaries": ["first"], "notify-from": ["first"],
                        "acl": [item["id"] for item in config["acl"]],
                        **({"notify": ["second"]} if notify else {}), **(zone_keys or {})} for name in zones]
    w.xnsd.write_config()
    w.xnsd.start()
    w.xnsd.wait_active(*zones)
    return w


def lines(text):
    """Of kdig's output: the zone's records, the order not minded, each name in lower case."""
    records = []
    for line in text.splitlines():
        if not line or line.startswith(";"):
            continue
        owner, ttl, rest = line.split(None, 2)
        records.append(f"{owner.lower()} {ttl} {' '.join(rest.split())}")
    return records


def axfr(client, server, name, *more):
    done = client.run("kdig", "+noall", "+answer", f"@{server}", name, "AXFR", *more, timeout=120)
    records = lines(done.stdout)
    assert records, done.stdout + done.stderr
    return sorted(records)


def wait_same(w, secondary, expected):
    """NSD's old process may take a connection or two after the new one answers queries."""
    wait_until(lambda: axfr(w.client, secondary.v4, "example.com") == expected, 5, f"the zone at {secondary.name}", 0.05)


def counters(w):
    return w.xnsd.ctl_json("stats")["responder"]


# ---- the zone as it is ----

def test_axfr_is_the_zone(world):
    """Every example zone, signed ones too, over IPv4 and IPv6: the same records as the primary sends."""
    zones = example_zones()
    w = onward(world, zones, notify=False, acl=[{"id": "all", "address": ["192.0.2.0/24", "2001:db8::/64"], "action": ["transfer"]}])
    for name in zones:
        expected = axfr(w.client, w.primary.v4, name)
        assert axfr(w.client, SERVER4, name) == expected
        assert axfr(w.client, SERVER6, name) == expected
        dig = w.client.run("dig", "+noall", "+answer", f"@{SERVER4}", name, "AXFR")
        assert len(lines(dig.stdout)) == len(expected)
    assert counters(w)["axfr-out"] == 3 * len(zones)
    assert counters(w)["transfer-failed"] == 0


def signed_text(serial):
    """RRsets of different TTLs at one name, an apex with much, a delegation."""
    return (f"$TTL 300\n@ SOA ns hostmaster {serial} 3600 3600 86400 60\n@ NS ns\n@ 7200 MX 5 mail\n@ TXT \"s{serial}\"\n"
            f"ns A 192.0.2.1\nmail 60 A 192.0.2.{serial}\nmail 7200 AAAA 2001:db8::1\nmail TXT x\n"
            f"sub NS ns.sub\nns.sub A 192.0.2.9\n*.w A 192.0.2.8\na.b.c A 192.0.2.7\nn{serial} A 192.0.2.6\n")


@pytest.mark.parametrize("kind", list(secondaries.KINDS))
@pytest.mark.parametrize("salt", [None, "-"], ids=["NSEC", "NSEC3"])
def test_signed_zone(world, tmp_path, kind, salt):
    """Denial chains and signatures of RRsets with different TTLs, by AXFR, then by IXFR."""
    signer = Signer(str(tmp_path), "example.com", Policy(salt=salt))
    w = onward(world, {"example.com": signer.sign(signed_text(1))})
    secondary = secondaries.KINDS[kind](w.lab, ["example.com"]).start()
    for serial in range(1, 6):
        secondary.wait_serial("example.com", serial)
        expected = axfr(w.client, w.primary.v4, "example.com")
        assert axfr(w.client, SERVER4, "example.com", "-b", SECOND4) == expected
        wait_same(w, secondary, expected)
        w.primary.update("example.com", signer.sign(signed_text(serial + 1)))
        w.xnsd.wait_active("example.com", serial=serial + 1)
    assert "IXFR of serials 4 to 5 out to 192.0.2.3@" in w.xnsd.process.log()


# ---- secondaries ----

@pytest.mark.parametrize("kind", list(secondaries.KINDS))
def test_chain(world, kind):
    """A primary, xnsd, a secondary: over many serials each is notified of, transferred by IXFR, and the same."""
    w = onward(world, {"example.com": zone(1)})
    secondary = secondaries.KINDS[kind](w.lab, ["example.com"]).start()
    secondary.wait_serial("example.com", 1)
    before = counters(w)
    for serial in range(2, 32):
        w.primary.update("example.com", zone(serial, names=20 + serial % 5))
        w.xnsd.wait_active("example.com", serial=serial)
        secondary.wait_serial("example.com", serial)
        if serial % 10 == 0:
            wait_same(w, secondary, axfr(w.client, w.primary.v4, "example.com"))
    wait_same(w, secondary, axfr(w.client, w.primary.v4, "example.com"))
    moved = {name: value - before[name] for name, value in counters(w).items()}
    assert moved["ixfr-out"] >= 30 and moved["axfr-out"] == 0, moved
    log = w.xnsd.process.log()
    assert re.search(r"zone example\.com\.: IXFR of serials 30 to 31 out to 192\.0\.2\.3@\d+ over (TCP|UDP) done: "
                     r"\d+ messages?, \d+ records?, \d+ bytes, [\d.]+ s", log)
    assert "given up" not in log


@pytest.mark.parametrize("kind", list(secondaries.KINDS))
def test_behind(world, kind):
    """A secondary that was away for some serials gets all of them as differences in one reply."""
    w = onward(world, {"example.com": zone(1)})
    secondary = secondaries.KINDS[kind](w.lab, ["example.com"]).start()
    secondary.wait_serial("example.com", 1)
    secondary.lab.client.run("kill", "-STOP", str(secondary.process.pid))
    for serial in range(2, 8):
        w.primary.update("example.com", zone(serial))
        w.xnsd.wait_active("example.com", serial=serial)
    secondary.lab.client.run("kill", "-CONT", str(secondary.process.pid))
    secondary.refresh("example.com")
    secondary.wait_serial("example.com", 7)
    wait_same(w, secondary, axfr(w.client, w.primary.v4, "example.com"))
    assert "IXFR of serials 1 to 7 out to 192.0.2.3@" in w.xnsd.process.log()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("kind", list(secondaries.KINDS))
def test_tsig(world, kind, algorithm):
    """Transfers and NOTIFY signed, with each algorithm that the secondary has."""
    key = ("key.example", algorithm, SECRET)
    w = onward(world, {"example.com": zone(1)}, key=key)
    secondary = secondaries.KINDS[kind](w.lab, ["example.com"], key=key).start()
    secondary.wait_serial("example.com", 1)
    w.primary.update("example.com", zone(2))
    secondary.wait_serial("example.com", 2)
    wait_same(w, secondary, axfr(w.client, w.primary.v4, "example.com"))
    log = w.xnsd.process.log()
    assert re.search(r"IXFR of serials 1 to 2 out to .* key key\.example\.", log), log
    assert counters(w)["tsig-good"] >= 2 and counters(w)["tsig-bad"] == 0
    assert "refused" not in log and "given up" not in log


# ---- who may ----

def ask_tcp(w, qtype, name="example.com", source=SECOND4, keyring=None, keyname=None, algorithm=None, serial=None, server=SERVER4,
            udp=False, options=()):
    """The first reply."""
    query = dns.message.make_query(name, qtype, use_edns=0, options=list(options))
    if serial is not None:
        query.authority.append(dns.rrset.from_text(name + ".", 0, "IN", "SOA", f". . {serial} 0 0 0 0"))
    if keyring is not None:
        query.use_tsig(keyring, keyname=keyname, algorithm=algorithm)
    with w.client.entered():
        return (dns.query.udp if udp else dns.query.tcp)(query, server, source=source, timeout=5, one_rr_per_rrset=True)


def test_refusals(world):
    ring = dns.tsigkeyring.from_text({"good.": SECRET, "other.": SECRET, "unknown.": SECRET})
    w = onward(world, {"example.com": zone(1)}, keys=[(name, "hmac-sha256", SECRET) for name in ("good.", "other.")],
               notify=False, acl=[
        {"id": "not-this", "address": [CLIENT4], "action": ["transfer"], "deny": True},
        {"id": "by-key", "address": ["192.0.2.0/24"], "key": ["good."], "action": ["transfer"]},
        {"id": "one", "address": ["2001:db8::3"], "action": ["transfer"]}])

    for qtype, more in (("AXFR", {}), ("IXFR", {"serial": 0}), ("IXFR", {"serial": 0, "udp": True})):
        def rcode(**how):
            return ask_tcp(w, qtype, **more, **how).rcode()
        assert rcode() == dns.rcode.REFUSED
        assert rcode(keyring=ring, keyname="other.", algorithm="hmac-sha256") == dns.rcode.REFUSED
        assert rcode(keyring=ring, keyname="good.", algorithm="hmac-sha256") == dns.rcode.NOERROR
        assert rcode(keyring=ring, keyname="good.", algorithm="hmac-sha256", source=CLIENT4) == dns.rcode.REFUSED
        assert rcode(name="example.org") == dns.rcode.NOTAUTH
        assert rcode(source="2001:db8::3", server=SERVER6) == dns.rcode.NOERROR
        assert rcode(source="2001:db8::2", server=SERVER6) == dns.rcode.REFUSED
        with pytest.raises(dns.tsig.PeerBadKey):
            rcode(keyring=ring, keyname="unknown.", algorithm="hmac-sha256")
        with pytest.raises(dns.tsig.PeerBadKey):
            rcode(keyring=ring, keyname="good.", algorithm="hmac-sha512")
        bad = dns.tsigkeyring.from_text({"good.": base64.b64encode(b"wrong").decode()})
        with pytest.raises(dns.tsig.PeerBadSignature):
            rcode(keyring=bad, keyname="good.", algorithm="hmac-sha256")
    assert "secret" not in w.xnsd.process.log()
    assert counters(w)["transfer-refused"] > 0 and counters(w)["tsig-bad"] == 9


def test_serials(world):
    """RFC 1995: what a client is answered that has this serial."""
    w = onward(world, {"example.com": zone(7)}, notify=False)
    for serial in (8, 9):
        w.primary.update("example.com", zone(serial))
        w.xnsd.wait_active("example.com", serial=serial)
    answer = {}
    for serial in (9, 10, 8, 7, 3):
        for udp in (False, True):
            reply = ask_tcp(w, "IXFR", serial=serial, udp=udp)
            soas = [rr.serial for rrset in reply.answer if rrset.rdtype == dns.rdatatype.SOA for rr in rrset]
            answer[serial, udp] = soas
    for udp in (False, True):
        assert answer[9, udp] == answer[10, udp] == [9]
    assert answer[8, False] == answer[8, True] == [9, 8, 9, 9]
    assert answer[7, False] == answer[7, True] == [9, 7, 8, 8, 9, 9]
    assert answer[3, False] == [9, 9] and answer[3, True] == [9]
    assert ask_tcp(w, "IXFR").rcode() == dns.rcode.FORMERR
    assert "answered with the whole zone of serial 9" in w.xnsd.process.log()


def test_expire_option(world):
    """RFC 7314: what is left."""
    w = onward(world, {"example.com": zone(1)}, notify=False)
    option = dns.edns.GenericOption(9, b"")
    for how in ({"qtype": "SOA"}, {"qtype": "AXFR"}, {"qtype": "IXFR", "serial": 1}):
        reply = ask_tcp(w, options=[option], **how)
        data = [o.data if hasattr(o, "data") else o.to_wire() for o in reply.options if o.otype == 9]
        assert len(data) == 1 and 86000 < int.from_bytes(data[0], "big") <= 86400, how
    assert not ask_tcp(w, "SOA").options
    assert not ask_tcp(w, "A", name="h1.example.com", options=[option]).options


def test_zone_not_there(world):
    """Never transferred, expired: SERVFAIL."""
    w = world({"example.com": zone(1)}, xdp=False)
    w.primary.stop()
    w.xnsd.config["acl"] = [{"id": "all", "address": ["0.0.0.0/0"], "action": ["transfer"]}]
    w.xnsd.config["zones"][0]["acl"] = ["all"]
    w.xnsd.write_config()
    w.xnsd.start()
    assert ask_tcp(w, "AXFR").rcode() == dns.rcode.SERVFAIL
    assert ask_tcp(w, "IXFR", serial=1).rcode() == dns.rcode.SERVFAIL


# ---- large ----

def large_zone(serial, n):
    rng = random.Random(5)
    rows = [f"$ORIGIN example.com.\n$TTL 300\n@ SOA ns hostmaster {serial} 3600 3600 86400 60\n@ NS ns\nns A 192.0.2.1\n"]
    rows += [f"n{i} A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n" for i in range(n)]
    rows.append("big TXT " + " ".join('"' + "".join(rng.choices("abcdef", k=250)) + '"' for _ in range(200)) + "\n")
    rows += [f"wide TXT \"{i} {'x' * 200}\"\n" for i in range(250)]
    return "".join(rows)


def test_large(world):
    """200,000 names: the same as the primary's; its time is printed."""
    w = onward(world, {"example.com": large_zone(1, 200_000)}, notify=False)
    begun = time.monotonic()
    got = axfr(w.client, SERVER4, "example.com", "-b", SECOND4)
    took = time.monotonic() - begun
    assert got == axfr(w.client, w.primary.v4, "example.com")
    line = re.search(r"AXFR of serial 1 out .*", w.xnsd.process.log())
    print(f"\n200,000 names: kdig {took:.2f} s; {line[0]}")

# SPDX-License-Identifier: GPL-3.0-or-later
"""Zone transfer over TLS (RFC 9103), in and out, and queries over TLS; who is believed, and what is said of the others."""
import pytest

from ask import query
import ask
from lab import FIRST4, FIRST6, SECOND4, SERVER4, SERVER6, wait_until
from xot import HOST, SECONDARIES, XOT, Certificates

ZONE = "example.com"


def zone(serial, names=0):
    more = "".join(f"host{i} A 192.0.2.{i % 250 + 1}\n TXT \"{'x' * 200}\"\n" for i in range(names))
    return (f"$ORIGIN {ZONE}.\n$TTL 300\n@ SOA ns hostmaster {serial} 3600 3600 86400 60\n@ NS ns\n"
            f"ns A 192.0.2.1\nwww A 192.0.2.1\n{more}")


@pytest.fixture
def certificates(tmp_path_factory):
    made = Certificates(str(tmp_path_factory.mktemp("tls")))
    made.ca()
    made.ca("other-ca")
    return made


class Xot:
    """A world whose first primary has its zones over TLS only."""

    def __init__(self, w, kind, text, certificate, client_ca=None):
        self.world = w
        w.primaries = [XOT[kind](w.lab, {ZONE: text}, certificate, client_ca, notify=True).start()]

    def start(self, tls, v6=False, via=None):
        xnsd = self.world.xnsd
        first = {"id": "first", "address": [(FIRST6 if v6 else FIRST4) + "@853"], "tls": "xot"}
        if via:
            first["via"] = via
        xnsd.config["tls"] = [{"id": "xot", **tls}]
        # Its NOTIFY comes without TLS (RFC 9103 §6.1).
        xnsd.config["remotes"] = [first, {"id": "notifier", "address": [FIRST4, FIRST6]}]
        xnsd.config["zones"] = [{"domain": ZONE, "primaries": ["first"], "notify-from": ["notifier"]}]
        xnsd.write_config()
        return xnsd.start()

    def refused(self, reason):
        """The zone is not there, and the reason is in the log and in zone-status."""
        xnsd = self.world.xnsd
        xnsd.process.wait_log(reason)
        status = wait_until(lambda: (s := xnsd.zone_status(ZONE)).get("last_error") and s, what="an error in zone-status")
        assert reason in status["last_error"]["text"]
        assert status["state"] == "empty"
        for line in xnsd.process.log().splitlines():
            if reason in line:
                assert ZONE in line and "@853" in line


@pytest.fixture
def xot(world):
    def make(kind, text, certificate, client_ca=None):
        # The world's own primary makes place for one with TLS.
        return Xot(world({}, kinds=(), xnsd_zones=[ZONE]), kind, text, certificate, client_ca)
    return make


KINDS = pytest.mark.parametrize("kind", ["nsd", "named"])


@KINDS
@pytest.mark.parametrize("v6", [False, True], ids=["IPv4", "IPv6"])
def test_strict(xot, certificates, kind, v6):
    """CA and host name; a zone of many messages; its change by NOTIFY."""
    x = xot(kind, zone(1, 5000), certificates.sign("server", HOST))
    xnsd = x.start({"ca-file": certificates.path("ca.pem"), "hostname": HOST}, v6=v6)
    xnsd.wait_served(ZONE, serial=1)
    x.world.primary.update(ZONE, zone(2, 5001))
    xnsd.wait_served(ZONE, serial=2)
    assert ask.udp_one(x.world.client, SERVER4, query("host5000." + ZONE).wire(1))[3] & 15 == 0


@KINDS
def test_pin(xot, certificates, kind):
    """Nothing but the key is known; another pin beside it does no harm."""
    x = xot(kind, zone(1), certificates.sign("server", "unknown.example", "other-ca"))
    x.start({"pin": ["A" * 43 + "=", certificates.pin("server")]}).wait_served(ZONE, serial=1)


@KINDS
def test_opportunistic(xot, certificates, kind):
    x = xot(kind, zone(1), certificates.expired("server", "unknown.example", "other-ca"))
    x.start({"mode": "opportunistic"}).wait_served(ZONE, serial=1)


def test_mutual(xot, certificates):
    x = xot("named", zone(1), certificates.sign("server", HOST), certificates.path("ca.pem"))
    cert, key = certificates.sign("client", "secondary.example")
    x.start({"ca-file": certificates.path("ca.pem"), "hostname": HOST, "cert-file": cert,
             "key-file": key}).wait_served(ZONE, serial=1)


def test_source_address(xot, certificates):
    x = xot("named", zone(1), certificates.sign("server", HOST))
    xnsd = x.world.xnsd
    xnsd.lab.server.run("ip", "addr", "add", "192.0.2.54/24", "dev", "s0")
    x.start({"pin": [certificates.pin("server")]}, via=["192.0.2.54"]).wait_served(ZONE, serial=1)
    assert "client @" in x.world.primary.process.log() and "192.0.2.54#" in x.world.primary.process.log()


# What is wrong, how the server's certificate is made, what the reason is.
REFUSALS = {
    "another CA": (lambda c: c.sign("server", HOST, "other-ca"), "certificate is of no CA that is trusted"),
    "another host": (lambda c: c.sign("server", "ns2.example"), f"certificate is not valid for host name {HOST}"),
    "expired": (lambda c: c.expired("server", HOST), "certificate has expired (2020-02-01 00:00:00 UTC)"),
}


@KINDS
@pytest.mark.parametrize("what", list(REFUSALS))
def test_certificate_refused(xot, certificates, kind, what):
    make, reason = REFUSALS[what]
    x = xot(kind, zone(1), make(certificates))
    x.start({"ca-file": certificates.path("ca.pem"), "hostname": HOST})
    x.refused(reason)


@KINDS
def test_wrong_pin(xot, certificates, kind):
    """What is said is what would have to be in the configuration."""
    x = xot(kind, zone(1), certificates.sign("server", HOST))
    x.start({"ca-file": certificates.path("ca.pem"), "hostname": HOST, "pin": ["A" * 43 + "="]})
    x.refused(f"pin does not match: got {certificates.pin('server')}")


def test_no_certificate_of_ours(xot, certificates):
    x = xot("named", zone(1), certificates.sign("server", HOST), certificates.path("ca.pem"))
    x.start({"ca-file": certificates.path("ca.pem"), "hostname": HOST})
    x.refused("it asked for a certificate of ours")


def test_no_tls_there(world, certificates):
    """A primary whose port speaks plain DNS: it is never spoken to so."""
    w = world({ZONE: zone(1)})
    w.xnsd.config["tls"] = [{"id": "xot", "mode": "opportunistic"}]
    w.xnsd.config["remotes"] = [{"id": "first", "address": [FIRST4 + "@53"], "tls": "xot"}]
    w.xnsd.config["zones"] = [{"domain": ZONE, "primaries": ["first"]}]
    w.xnsd.write_config()
    w.xnsd.start()
    wait_until(lambda: w.xnsd.zone_status(ZONE).get("last_error"), what="an error")
    assert w.xnsd.zone_status(ZONE)["state"] == "empty"
    assert "AXFR" not in w.primary.process.log()


def test_fail_over(world, certificates):
    """The first is not believed, the second is."""
    w = world({}, kinds=(), xnsd_zones=[ZONE])
    XOT["nsd"](w.lab, {ZONE: zone(7)}, certificates.sign("bad", "ns9.example")).start()
    XOT["named"](w.lab, {ZONE: zone(1)}, certificates.sign("good", HOST), second=True).start()
    w.xnsd.config["tls"] = [{"id": "xot", "ca-file": certificates.path("ca.pem"), "hostname": HOST}]
    w.xnsd.config["remotes"] = [{"id": "first", "address": [FIRST4], "tls": "xot"},
                                {"id": "second", "address": [SECOND4], "tls": "xot"}]
    w.xnsd.config["zones"] = [{"domain": ZONE, "primaries": ["first", "second"]}]
    w.xnsd.write_config()
    w.xnsd.start()
    w.xnsd.wait_served(ZONE, serial=1)
    assert f"certificate is not valid for host name {HOST}" in w.xnsd.process.log()


# ---- listen-tls: queries, and transfers out ----

XNSD_HOST = "xnsd.example"


def serve(world, certificates, text, client_ca=None):
    """xnsd with the zone from a primary, and listen-tls; transfers are given over any transport."""
    cert, key = certificates.sign("xnsd", XNSD_HOST)
    w = world({ZONE: text}, notify=True)
    w.xnsd.config["server"].update({"listen-tls": [SERVER4, SERVER6], "tls-cert-file": cert, "tls-key-file": key})
    if client_ca:
        w.xnsd.config["server"]["tls-client-ca-file"] = client_ca
    w.xnsd.config["acl"] = [{"id": "out", "address": ["192.0.2.0/24", "2001:db8::/64"], "action": ["transfer"]}]
    # Also told of each serial; by UDP, to the plain port.
    w.xnsd.config["remotes"].append({"id": "secondary", "address": [SECOND4 + "@53"]})
    w.xnsd.config["zones"] = [{"domain": ZONE, "primaries": ["first"], "notify-from": ["first"], "acl": ["out"],
                               "notify": ["secondary"]}]
    w.xnsd.write_config()
    w.xnsd.start()
    w.xnsd.wait_served(ZONE, serial=1)
    return w


def kdig(w, *arguments, check=True):
    done = w.client.run("kdig", "+timeout=5", "+retry=0", *arguments, check=False)
    # kdig's status is 0 where it has had any reply.
    assert not check or (done.returncode == 0 and "WARNING" not in done.stdout + done.stderr), done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("v6", [False, True], ids=["IPv4", "IPv6"])
def test_queries(world, certificates, v6):
    w = serve(world, certificates, zone(1, 2000))
    at = "@" + (SERVER6 if v6 else SERVER4)
    strict = (f"+tls-ca={certificates.path('ca.pem')}", f"+tls-hostname={XNSD_HOST}")
    reply = kdig(w, at, "+tls", *strict, "www." + ZONE)
    assert "NOERROR" in reply and "192.0.2.1" in reply and "TLS1.3" in reply
    assert "NXDOMAIN" in kdig(w, at, "+tls", f"+tls-pin={certificates.pin('xnsd')}", "nope." + ZONE)
    axfr = kdig(w, at, "+tls", *strict, ZONE, "AXFR")
    assert axfr.count("\tIN\tTXT") + axfr.count(" TXT") >= 2000 and axfr.count("SOA") >= 2
    # Its plain ports do not speak TLS, and the other way round.
    assert "NOERROR" not in kdig(w, at, "-p", "53", "+tls", "+timeout=1", "www." + ZONE, check=False)
    assert "NOERROR" not in kdig(w, at, "-p", "853", "+tcp", "www." + ZONE, check=False)
    stats = w.xnsd.ctl_json("stats")["responder"]
    assert stats["tls-connections"] >= 4 and stats["tls-failed"] >= 1 and stats["axfr-out"] == 1


@KINDS
@pytest.mark.parametrize("mutual", [False, True], ids=["server's certificate", "mutual"])
def test_secondary(world, certificates, kind, mutual):
    """A secondary of another kind gets the zone from xnsd, and each new serial, over TLS."""
    own = certificates.sign("secondary", "secondary.example") if mutual else None
    w = serve(world, certificates, zone(1, 3000), certificates.path("ca.pem") if mutual else None)
    secondary = SECONDARIES[kind](w.lab, [ZONE], certificates.path("ca.pem"), XNSD_HOST, own)
    secondary.start()

    def has(name):
        reply = ask.udp_one(w.client, SECOND4, query(name + "." + ZONE).wire(1))
        return reply and reply[3] & 15 == 0 and reply[7] == 1

    why = lambda: secondary.process.log() + w.xnsd.process.log()
    wait_until(lambda: has("host2999"), 30, why, 0.05)
    w.primary.update(ZONE, zone(2, 3001))
    w.xnsd.wait_served(ZONE, serial=2)
    wait_until(lambda: has("host3000"), 30, why, 0.05)
    assert "over TLS done" in w.xnsd.process.log() and "over TCP done" not in w.xnsd.process.log()


@KINDS
def test_secondary_without_certificate(world, certificates, kind):
    w = serve(world, certificates, zone(1), certificates.path("ca.pem"))
    SECONDARIES[kind](w.lab, [ZONE], certificates.path("ca.pem"), XNSD_HOST).start()
    w.xnsd.process.wait_log("TLS: the other side has no certificate", timeout=20)
    assert "connection over TLS from 192.0.2." in w.xnsd.process.log()
    assert w.xnsd.ctl_json("stats")["responder"]["axfr-out"] == 0


def test_new_certificate(world, certificates):
    """The files are others: read with the configuration, used for new connections."""
    w = serve(world, certificates, zone(1))
    before = certificates.pin("xnsd")
    certificates.sign("xnsd", XNSD_HOST)
    after = certificates.pin("xnsd")
    assert before != after
    assert "NOERROR" in kdig(w, "@" + SERVER4, "+tls", f"+tls-pin={before}", "www." + ZONE)
    w.xnsd.ctl("reload")
    wait_until(lambda: "NOERROR" in kdig(w, "@" + SERVER4, "+tls", f"+tls-pin={after}", "www." + ZONE, check=False),
               what="the new certificate", interval=0.1)
    # One that cannot be read: that of before stays, and the log says so.
    with open(certificates.path("xnsd.key"), "w", encoding="utf-8") as file:
        file.write("no key\n")
    w.xnsd.ctl("reload", check=False)
    w.xnsd.process.wait_log("the certificate of before stays in use")
    assert "NOERROR" in kdig(w, "@" + SERVER4, "+tls", f"+tls-pin={after}", "www." + ZONE)


def test_new_trust(xot, certificates):
    """The primary's key is another; the new pin comes with a reload."""
    x = xot("named", zone(1), certificates.sign("server", HOST))
    xnsd = x.start({"pin": ["A" * 43 + "="]})
    x.refused("pin does not match")
    xnsd.config["tls"][0]["pin"] = [certificates.pin("server")]
    xnsd.write_config()
    xnsd.ctl("reload")
    xnsd.ctl("zone-refresh", ZONE)
    xnsd.wait_served(ZONE, serial=1)

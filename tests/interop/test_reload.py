# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones, remotes, keys and limits change while xnsd runs: no query is lost, and no transfer."""
import os
import signal
import threading

import dns.message
import dns.query
import dns.rcode
import pytest

import ask
from ask import query
from hostile import Primary, Zone
from lab import FIRST4, SECOND4, SERVER4, wait_until
from stream import Stream, rcode

REFUSED, SERVFAIL, NXDOMAIN, NOERROR = 5, 2, 3, 0


def zone(name, serial=1, more="", address="192.0.2.1"):
    """Its own timers never fire in a test."""
    return (f"$ORIGIN {name}.\n$TTL 300\n@ SOA ns hostmaster {serial} 36000 36000 864000 60\n@ NS ns\nns A 192.0.2.1\n"
            f"www A {address}\n{more}\n")


def zones(*names, **more):
    return {name: zone(name, **more) for name in names}


def held(w):
    return {item["zone"].rstrip(".") for item in w.xnsd.ctl_json("zone-status")}


def hold(w, *names, **more):
    for name in names:
        w.xnsd.put("zones", domain=name, primaries=["first"], notify_from=["first"], **more)


def first_address(w, name):
    reply = ask.udp_one(w.client, SERVER4, query(name).wire(1))
    return ".".join(str(octet) for octet in reply[-4:]) if reply[3] & 15 == 0 and reply[7] else None


def ask_sockets(w, name, qtype="A"):
    """Over TCP, so not from the interface."""
    with w.client.entered():
        return dns.query.tcp(dns.message.make_query(name, qtype), SERVER4, timeout=5)


@pytest.mark.parametrize("how", ["xnsctl", "SIGHUP"])
def test_zones(world, how):
    """They come and go; what is kept is answered without a gap, from the interface."""
    w = world(zones("kept.test", "goes.test", "comes.test", "also.test"), xnsd_zones=["kept.test", "goes.test"], notify=True)
    w.xnsd.start()
    w.xnsd.wait_served("kept.test", "goes.test")
    before = w.xnsd.zone_status("kept.test")
    with Stream(w.client, SERVER4, query("www.kept.test")) as stream:
        stream.wait_asked(20)
        moved = w.xnsd.counters()
        hold(w, "comes.test", "also.test")
        w.xnsd.drop("zones", "goes.test")
        if how == "SIGHUP":
            w.xnsd.write_config()
            os.kill(w.xnsd.process.pid, signal.SIGHUP)
            w.xnsd.process.wait_log("2 zones added, 1 removed, 3 held now")
        else:
            assert "2 zones added, 1 removed, 3 held now" in w.xnsd.reload().stdout
        assert held(w) == {"kept.test", "comes.test", "also.test"}
        w.xnsd.wait_served("comes.test", "also.test")
        stream.wait_asked(100)
        moved = w.xnsd.counters() - moved
    assert stream.lost == 0 and len(stream.seen) == 1
    assert moved.get("pass-not-ready", 0) == 0 and not moved.impossible, moved
    assert w.xnsd.zone_status("kept.test")["last_transfer"] == before["last_transfer"]
    wait_until(lambda: rcode(w.client, SERVER4, "www.goes.test") == REFUSED, 5, "goes.test is gone from the interface")
    assert ask_sockets(w, "www.goes.test").rcode() == REFUSED
    # Its notifications, too, are for the new table.
    w.primary.update("comes.test", zone("comes.test", 2, address="192.0.2.9"))
    w.xnsd.wait_served("comes.test", serial=2)
    assert first_address(w, "www.comes.test") == "192.0.2.9"


def test_content_comes_back(world):
    """A zone that leaves the file keeps its content, and is served at once when it comes back."""
    w = world(zones("a.test", "b.test"))
    w.xnsd.start()
    w.xnsd.wait_served("a.test", "b.test")
    w.xnsd.drop("zones", "b.test")
    w.xnsd.reload()
    assert held(w) == {"a.test"}
    w.primary.stop()
    hold(w, "b.test")
    w.xnsd.reload()
    w.xnsd.wait_served("b.test", serial=1)
    w.xnsd.drop("zones", "b.test")
    w.xnsd.reload()
    assert "1 zone purged" in w.xnsd.ctl("zone-purge", "--orphan").stdout
    hold(w, "b.test")
    w.xnsd.reload()
    assert w.xnsd.zone_status("b.test")["state"] == "empty"
    assert w.xnsd.zone_status("a.test")["state"] == "active"


def test_child(world):
    """A zone below one that is held comes and goes; at no time is there a wrong answer."""
    child = "kid NS ns.kid\nns.kid A 192.0.2.7\nother A 192.0.2.8"
    w = world({"p.test": zone("p.test", more=child), "kid.p.test": zone("kid.p.test", address="192.0.2.77"),
               "own.p.test": zone("own.p.test", address="192.0.2.78")}, xnsd_zones=["p.test"])
    w.xnsd.start()
    w.xnsd.wait_served("p.test")
    with Stream(w.client, SERVER4, query("other.p.test")) as above, \
            Stream(w.client, SERVER4, query("www.kid.p.test")) as below, \
            Stream(w.client, SERVER4, query("www.own.p.test")) as own:
        for stream in (above, below, own):
            stream.wait_asked(20)
        for _ in range(2):
            hold(w, "kid.p.test", "own.p.test")
            w.xnsd.reload()
            w.xnsd.wait_served("p.test", "kid.p.test", "own.p.test")
            below.wait_asked(20)
            assert first_address(w, "www.kid.p.test") == "192.0.2.77"
            w.xnsd.drop("zones", "kid.p.test")
            w.xnsd.drop("zones", "own.p.test")
            w.xnsd.reload()
            w.xnsd.wait_served("p.test")
            below.wait_asked(20)
    assert above.lost == below.lost == own.lost == 0
    assert len(above.seen) == 1, [reply.hex() for _, reply in above.seen]
    # The referral, SERVFAIL while the zone has not come, its answer; or NXDOMAIN of the zone above.
    for stream, absent in ((below, NOERROR), (own, NXDOMAIN)):
        for _, reply in stream.seen:
            code, answers = reply[1] & 15, reply[5]
            assert (code, answers) in {(absent, 0), (SERVFAIL, 0), (NOERROR, 1)}, reply.hex()


def test_remotes(world):
    """Another primary, another address of one: from now on that one is asked."""
    w = world(zones("a.test"), kinds=("knot", "named"))
    w.xnsd.start()
    w.xnsd.wait_served("a.test", serial=1)
    w.primaries[0].update("a.test", zone("a.test", 2))
    w.primaries[1].update("a.test", zone("a.test", 3))
    wait_until(lambda: " 3 " in w.client.run("kdig", "+short", f"@{SECOND4}", "a.test", "SOA").stdout, 10, "the second's new serial")
    w.xnsd.put("zones", domain="a.test", primaries=["second"])
    w.xnsd.reload()
    w.xnsd.ctl("zone-refresh", "a.test")
    w.xnsd.wait_served("a.test", serial=3)
    assert w.xnsd.zone_status("a.test")["primary"].startswith(SECOND4)
    w.xnsd.put("remotes", id="second", address=[FIRST4])
    w.xnsd.reload()
    w.xnsd.ctl("zone-retransfer", "a.test")
    w.xnsd.wait_served("a.test", serial=2)
    assert {item["address"] for item in w.xnsd.zone_status("a.test")["primaries"]} == {FIRST4 + "@53"}


def test_key(world):
    """A key for transfers out is there with the reload, and away with the next."""
    w = world(zones("a.test"), xdp=False)
    w.xnsd.start()
    w.xnsd.wait_active("a.test")

    def transfer(key=None):
        message = dns.message.make_query("a.test", "AXFR")
        if key:
            message.use_tsig(key)
        with w.client.entered():
            return dns.query.tcp(message, SERVER4, timeout=5, one_rr_per_rrset=True)

    assert transfer().rcode() in (dns.rcode.REFUSED, dns.rcode.NOTAUTH)
    key = w.xnsd.key("out.example")
    w.xnsd.put("acl", id="out", key="out.example", action=["transfer"])
    w.xnsd.put("zones", domain="a.test", acl=["out"])
    w.xnsd.reload()
    assert transfer(key).rcode() == dns.rcode.NOERROR
    assert transfer().rcode() in (dns.rcode.REFUSED, dns.rcode.NOTAUTH)
    w.xnsd.put("zones", domain="a.test", acl=None)
    w.xnsd.drop("acl", "out")
    w.xnsd.drop("keys", "out.example")
    w.xnsd.reload()
    assert ask_sockets(w, "www.a.test").rcode() == dns.rcode.NOERROR


def test_transfer_under_way(world):
    """A transfer goes on over a reload that adds and removes other zones; the primary sees one."""
    w = world({}, kinds=(), xdp=False, xnsd_zones=["a.test", "b.test"])
    w.xnsd.config["remotes"] = [{"id": "first", "address": [FIRST4]}, {"id": "second", "address": [SECOND4]}]
    w.xnsd.write_config()
    began, go_on, transfers = threading.Event(), threading.Event(), []

    def slow(connection, question):
        transfers.append(question.question[0].name.to_text())
        if transfers[-1] == "b.test.":
            return
        records = primary.zone.records(1)
        connection.reply(question, *records[:5])
        began.set()
        assert go_on.wait(20)
        connection.stream(question, records[5:])

    primary = Primary(w.client, FIRST4, Zone("a.test."))
    w.lab.closers.append(primary.close)
    primary.axfr = slow
    w.xnsd.start()
    assert began.wait(10)
    w.xnsd.drop("zones", "b.test")
    hold(w, "c.test")
    w.xnsd.reload()
    assert held(w) == {"a.test", "c.test"}
    assert w.xnsd.zone_status("a.test")["activity"] == "transfer"
    go_on.set()
    w.xnsd.wait_active("a.test", serial=1)
    assert transfers.count("a.test.") == 1, transfers


def test_removed_under_way(world):
    """A zone goes while it is transferred: nothing of it is left, and it may come again."""
    w = world({}, kinds=(), xdp=False, xnsd_zones=["a.test", "keep.test"])
    w.xnsd.config["remotes"] = [{"id": "first", "address": [FIRST4]}, {"id": "second", "address": [SECOND4]}]
    w.xnsd.write_config()
    began, go_on = threading.Event(), threading.Event()

    def slow(connection, question):
        connection.reply(question, *primary.zone.records(1)[:5])
        began.set()
        go_on.wait(20)
        connection.stream(question, primary.zone.records(1)[5:])

    primary = Primary(w.client, FIRST4, Zone("a.test."))
    w.lab.closers.append(primary.close)
    primary.axfr = slow
    w.xnsd.start()
    assert began.wait(10)
    w.xnsd.drop("zones", "a.test")
    w.xnsd.reload()
    go_on.set()
    assert held(w) == {"keep.test"}
    assert ask_sockets(w, "serial.a.test").rcode() == REFUSED
    primary.serve(2)
    hold(w, "a.test")
    w.xnsd.reload()
    w.xnsd.wait_active("a.test", serial=2)


def test_errors(world):
    """A file with errors changes nothing; the errors go to xnsctl and to the log."""
    w = world(zones("a.test", "b.test"), xnsd_zones=["a.test"])
    w.xnsd.start()
    w.xnsd.wait_served("a.test")
    hold(w, "b.test")
    w.xnsd.put("zones", domain="c.test", primaries=["nobody"])
    w.xnsd.put("zones", domain="a.test", zone_max_size=-1)
    failed = w.xnsd.reload(check=False)
    assert failed.returncode == 1
    for text in ("nobody", "zone-max-size", w.xnsd.conf + ":"):
        assert text in failed.stderr and text in w.xnsd.process.log()
    assert held(w) == {"a.test"}
    os.rename(w.xnsd.conf, w.xnsd.conf + ".away")
    failed = w.lab.server.run(w.xnsd.tool("xnsctl"), "-s", os.path.join(w.xnsd.dir, "run/xnsd.sock"), "reload", check=False)
    assert failed.returncode == 1 and "No such file" in failed.stderr
    os.rename(w.xnsd.conf + ".away", w.xnsd.conf)
    assert held(w) == {"a.test"}
    w.xnsd.drop("zones", "c.test")
    w.xnsd.put("zones", domain="a.test", zone_max_size=None)
    w.xnsd.reload()
    assert held(w) == {"a.test", "b.test"}


def test_restart_needed(world):
    """What takes a restart is named, and stays; the rest of the file is in force."""
    w = world(zones("a.test", "b.test"), xnsd_zones=["a.test"])
    w.xnsd.start()
    w.xnsd.wait_served("a.test")
    w.xnsd.config["server"]["listen"] = [SERVER4 + "@5353"]
    w.xnsd.config["server"]["database"] += "2"
    w.xnsd.config["server"]["identity"] = "one"
    hold(w, "b.test")
    w.xnsd.reload()
    w.xnsd.wait_served("a.test", "b.test")
    log = w.xnsd.process.log()
    assert "server.listen is another" in log and "server.database is another" in log and "server.rundir" not in log
    assert rcode(w.client, SERVER4, "www.a.test") == NOERROR
    with w.client.entered():
        reply = dns.query.tcp(dns.message.make_query("id.server", "TXT", "CH"), SERVER4, timeout=5)
    assert "one" in reply.answer[0].to_text()


def test_many_reloads(world):
    """One behind the other, several at once, under queries."""
    w = world(zones("a.test", "b.test"))
    w.xnsd.start()
    w.xnsd.wait_served("a.test", "b.test")
    with Stream(w.client, SERVER4, query("www.a.test")) as stream:
        for i in range(20):
            (w.xnsd.drop if i % 2 else hold)(*(["zones", "b.test"] if i % 2 else [w, "b.test"]))
            w.xnsd.write_config()
            threads = [threading.Thread(target=w.xnsd.ctl, args=("reload",)) for _ in range(3)]
            for thread in threads:
                thread.start()
            os.kill(w.xnsd.process.pid, signal.SIGHUP)
            for thread in threads:
                thread.join()
            assert held(w) == ({"a.test"} if i % 2 else {"a.test", "b.test"})
    assert stream.lost == 0 and len(stream.seen) == 1
    assert w.xnsd.stop() == 0


# ---- the operator's own zones ----

def with_template(w, **server):
    w.xnsd.config["server"].update({"zone-add": True, **server})
    w.xnsd.put("templates", id="member", primaries=["first"], notify_from=["first"])
    w.xnsd.put("templates", id="bare")
    w.xnsd.write_config()


def test_zone_add(world):
    w = world(zones("a.test", "b.test", "c.test"), xnsd_zones=["a.test"])
    with_template(w)
    w.xnsd.start()
    w.xnsd.wait_served("a.test")
    w.xnsd.ctl("zone-add", "B.test", "member")
    w.xnsd.wait_served("b.test")
    assert w.xnsd.zone_status("b.test")["source"] == "zone-add"
    for arguments, text in ((("zone-add", "b.test", "member"), "added before"), (("zone-add", "a.test", "member"), "file"),
                            (("zone-add", "c.test", "no"), "no template"), (("zone-add", "c.test", "bare"), "no primaries"),
                            (("zone-add", "..", "member"), "not a domain name"), (("zone-remove", "a.test"), "file"),
                            (("zone-remove", "c.test"), "not a zone here"), (("zone-purge", "x.test"), "nothing")):
        failed = w.xnsd.ctl(*arguments, check=False)
        assert failed.returncode == 1 and text in failed.stderr, (arguments, failed.stderr)
    # Over a reload, and over a restart, when no primary is there any more.
    w.xnsd.reload()
    assert held(w) == {"a.test", "b.test"}
    w.primary.stop()
    w.xnsd.stop()
    w.xnsd.start()
    w.xnsd.wait_served("a.test", "b.test")
    assert held(w) == {"a.test", "b.test"}
    w.xnsd.ctl("zone-remove", "b.test")
    assert held(w) == {"a.test"}
    wait_until(lambda: rcode(w.client, SERVER4, "www.b.test") == REFUSED, 5, "b.test is gone")
    # The file may take it over; its template may not go while it is there.
    w.xnsd.ctl("zone-add", "b.test", "member")
    w.xnsd.drop("templates", "member")
    failed = w.xnsd.reload(check=False)
    assert failed.returncode == 1 and "b.test" in failed.stderr and "member" in failed.stderr
    assert held(w) == {"a.test", "b.test"}
    hold(w, "b.test")
    w.xnsd.reload()
    assert w.xnsd.zone_status("b.test")["source"] == "config"


def test_template_lost_over_a_restart(world):
    """The zone is left out, which is told; others are added and removed all the same."""
    w = world(zones("a.test", "b.test", "c.test"), xnsd_zones=["a.test"], xdp=False)
    with_template(w)
    w.xnsd.put("templates", id="lost", primaries=["first"])
    w.xnsd.write_config()
    w.xnsd.start()
    w.xnsd.ctl("zone-add", "b.test", "lost")
    w.xnsd.stop()
    w.xnsd.drop("templates", "lost")
    w.xnsd.write_config()
    w.xnsd.start()
    assert held(w) == {"a.test"} and "'lost', which is not there" in w.xnsd.process.log()
    w.xnsd.ctl("zone-add", "c.test", "member")
    assert held(w) == {"a.test", "c.test"}
    w.xnsd.ctl("zone-remove", "c.test")
    failed = w.xnsd.reload(check=False)
    assert failed.returncode == 1 and "b.test" in failed.stderr and "lost" in failed.stderr
    w.xnsd.put("templates", id="lost", primaries=["first"])
    w.xnsd.reload()
    assert held(w) == {"a.test", "b.test"}


def test_zone_add_is_not_allowed(world):
    w = world(zones("a.test"))
    w.xnsd.put("templates", id="member", primaries=["first"])
    w.xnsd.write_config()
    w.xnsd.start()
    for command in (("zone-add", "b.test", "member"), ("zone-remove", "a.test")):
        failed = w.xnsd.ctl(*command, check=False)
        assert failed.returncode == 1 and "zone-add" in failed.stderr


def test_zone_purge(world):
    w = world(zones("a.test"))
    w.xnsd.start()
    w.xnsd.wait_served("a.test")
    w.primary.stop()
    w.xnsd.ctl("zone-purge", "a.test")
    assert w.xnsd.zone_status("a.test")["state"] == "empty"
    wait_until(lambda: rcode(w.client, SERVER4, "www.a.test") == SERVFAIL, 5, "a.test has no content")
    w.primary.start()
    w.xnsd.ctl("zone-refresh", "a.test")
    w.xnsd.wait_served("a.test", serial=1)


def test_zone_export(world):
    """What is written loads elsewhere, and is what was transferred; a file is replaced whole or not at all."""
    w = world(zones("a.test", "empty.test", more='t TXT "a\\"b\\\\c;" "\\195\\164"\n*.w MX 1 www'), xnsd_zones=["a.test"])
    w.xnsd.put("zones", domain="none.test", primaries=["first"])
    w.xnsd.write_config()
    w.xnsd.start()
    w.xnsd.wait_active("a.test")
    path = os.path.join(w.dir, "a.zone")
    w.xnsd.ctl("zone-export", "a.test", path)
    assert os.stat(path).st_mode & 0o777 == 0o640
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert w.xnsd.ctl("zone-export", "a.test").stdout == text
    result = w.xnsd.ctl_json("zone-export", "a.test")
    assert (result["zone"], result["serial"], "".join(result["text"])) == ("a.test.", 1, text)
    assert w.lab.client.run("named-checkzone", "a.test", path).returncode == 0
    with w.client.entered():
        theirs = {str(r) for r in dns.query.tcp(dns.message.make_query("t.a.test", "TXT"), FIRST4, timeout=5).answer}
    assert {str(r) for r in ask_sockets(w, "t.a.test", "TXT").answer} == theirs
    failed = w.xnsd.ctl("zone-export", "none.test", path, check=False)
    assert failed.returncode == 1 and "no content" in failed.stderr
    failed = w.xnsd.ctl("zone-export", "a.test", os.path.join(w.dir, "no/where"), check=False)
    assert failed.returncode == 1 and "No such file" in failed.stderr
    with open(path, encoding="utf-8") as file:
        assert file.read() == text
    assert not [name for name in os.listdir(w.dir) if name.startswith("a.zone.")]

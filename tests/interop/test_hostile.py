# SPDX-License-Identifier: GPL-3.0-or-later
"""Broken and hostile primaries: whatever they send, the zone that is there goes on being served, the log tells zone, primary,
reason and next try, and the next good transfer is taken."""
import os
import re

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

import hostile
from hostile import WAYS, reply
from lab import FIRST4, SECOND4, SERVER4
from scene import Stage

class Scene(Stage):
    """Two hostile primaries. example.com has the first; spare.test has both."""

    def __init__(self, build):
        super().__init__(build, [
            {"domain": "example.com", "primaries": ["first"], "notify-from": ["first"], "zone-max-size": 1000000,
             "request-ixfr": False},
            {"domain": "spare.test", "primaries": ["first", "second"], "notify-from": ["first", "second"],
             "request-ixfr": False},
        ], spare="spare.test.")
        try:
            self.xnsd.start()
            self.good()
        except BaseException:
            self.close()
            raise


@pytest.fixture(scope="module")
def scene(build):
    one = Scene(build)
    yield one
    one.end()


@pytest.fixture(autouse=True)
def calm(scene):
    """Each test begins with a good serial in force, whatever the one before it left."""
    status = scene.xnsd.zone_status("example.com")
    if status["serial"] != scene.serial or status["last_error"]:
        scene.good("zone-retransfer")


# By a check for a newer serial, or straight away. What takes seconds is done in one way only.
SLOW = (hostile.endless_slow, hostile.drip)
CASES = [("zone-refresh", way) for way in WAYS] + [("zone-retransfer", way) for way in WAYS if way not in SLOW]


@pytest.mark.parametrize("trigger,way", CASES, ids=lambda value: getattr(value, "__name__", value))
def test_transfer(scene, trigger, way):
    mark = scene.mark()
    scene.first.announce(scene.next_serial(), way)
    scene.xnsd.ctl(trigger, "example.com")
    line = scene.wait_line(r"zone example\.com\.: AXFR from ", mark)
    scene.check_failure(line, WAYS[way])
    scene.check_served()
    scene.good()
    assert not scene.xnsd.zone_status("example.com")["last_error"]


# ---- SOA queries ----

def wrong_id(query, answer):
    return [reply(query, answer, ident=query.id ^ 0x100)]


def other_question(query, answer):
    other = dns.message.make_query("example.net.", "SOA")
    other.id = query.id
    return [reply(other, answer)]


def garbage(query, answer):
    return [b"", b"\0", os.urandom(12), os.urandom(500), query.to_wire()]


def nothing(query, answer):
    return []


def truncated(query, answer):
    return [reply(query, tc=True)]


SOA_WAYS = [wrong_id, other_question, garbage, nothing, truncated]


@pytest.mark.parametrize("way", SOA_WAYS, ids=lambda way: way.__name__)
def test_soa_over_tcp_instead(scene, way):
    """UDP gives no answer that counts: TCP does, and the new serial comes."""
    serial, mark = scene.next_serial(), scene.mark()
    scene.first.serve(serial)
    scene.first.soa = lambda query: way(query, scene.zone.soa(serial + 1000))
    scene.xnsd.ctl("zone-refresh", "example.com")
    scene.wait_line(rf"-> {serial}, ", mark)
    scene.serial = serial
    scene.check_served()


@pytest.mark.parametrize("way", SOA_WAYS, ids=lambda way: way.__name__)
def test_forged_before_the_answer(scene, way):
    """What is not the answer is ignored, the answer behind it is taken."""
    serial, mark = scene.next_serial(), scene.mark()
    scene.first.serve(serial)
    if way is not truncated:
        scene.first.soa = lambda query: way(query, scene.zone.soa(serial + 1000)) + [reply(query, scene.zone.soa(serial))]
        scene.first.tcp_soa = lambda connection, query: connection.reset()
    scene.xnsd.ctl("zone-refresh", "example.com")
    scene.wait_line(rf"-> {serial}, ", mark)
    scene.serial = serial
    scene.check_served()


@pytest.mark.parametrize("more,reason", [({"rcode": dns.rcode.REFUSED}, "answered REFUSED"),
                                         ({"aa": False}, "not authoritative"),
                                         ({}, "without the zone's SOA")], ids=["refused", "aa", "empty"])
def test_soa_refused(scene, more, reason):
    """An answer that is none: no other way is tried at this primary."""
    mark = scene.mark()
    scene.first.soa = lambda query: [reply(query, **more)]
    scene.xnsd.ctl("zone-refresh", "example.com")
    scene.check_failure(scene.wait_line("SOA query to", mark), reason)
    scene.check_served()
    scene.good()


def test_soa_nobody(scene):
    mark = scene.mark()
    scene.first.soa = lambda query: []
    scene.first.tcp_soa = lambda connection, query: connection.pause(30)
    scene.xnsd.ctl("zone-refresh", "example.com")
    scene.check_failure(scene.wait_line("SOA query to", mark), "silent for 1.0 s")
    scene.check_served()
    scene.good()


def test_older_serial(scene):
    """An older serial is told and not taken; the operator may want it."""
    good, mark = scene.serial, scene.mark()
    scene.first.serve(0)
    scene.xnsd.ctl("zone-refresh", "example.com")
    scene.wait_line(rf"zone example\.com\.: {re.escape(FIRST4)}@53 has serial 0, which is older than serial {good}", mark)
    scene.check_served()
    # promises a new one, brings an old one
    mark = scene.mark()
    scene.first.serve(0)
    scene.first.soa = lambda query: [reply(query, scene.zone.soa(good + 500))]
    scene.xnsd.ctl("zone-refresh", "example.com")
    scene.wait_line(rf"brought serial 0, which is not newer than serial {good}", mark)
    scene.check_served()
    mark = scene.mark()
    scene.xnsd.ctl("zone-retransfer", "example.com")
    scene.wait_line(rf"serial {good} -> 0, ", mark)
    scene.serial = 0
    scene.check_served()
    scene.good()


# ---- fail-over ----

@pytest.mark.parametrize("way", [hostile.refused, hostile.soa_in_the_middle, hostile.two_cnames, hostile.reset_at_once,
                                 hostile.silent], ids=lambda way: way.__name__)
def test_failover(scene, way):
    """The first primary is no good: its failure is told with who is next, the second one's zone is taken."""
    serial, mark = scene.next_serial(), scene.mark()
    scene.first.announce(serial, lambda c, query, zone, s: way(c, query, scene.spare, s))
    scene.first.soa = lambda query: [reply(query, scene.spare.soa(serial))]
    scene.second.serve(serial)
    scene.xnsd.ctl("zone-retransfer", "spare.test")
    line = scene.wait_line(rf"zone spare\.test\.: AXFR from {re.escape(FIRST4)}@53: ", mark)
    assert re.search(rf"(keeping serial \d+|no content yet), trying {re.escape(SECOND4)}@53$", line), line
    scene.wait_line(rf"zone spare\.test\.: AXFR from {re.escape(SECOND4)}@53: serial \S+ -> {serial}, ", mark)
    answer = scene.ask("serial.spare.test.")
    assert answer.answer[0].to_text().endswith(f'"{serial}"')


def test_notify(scene):
    """NOTIFY makes the check; a NOTIFY from a stranger does not."""
    serial, mark = scene.next_serial(), scene.mark()
    scene.first.serve(serial)
    notify = dns.message.make_query("example.com.", "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    notify.flags |= dns.flags.AA
    asked = scene.first.udp_queries
    with scene.lab.client.entered():
        answer = dns.query.udp(notify, SERVER4, timeout=5, source=SECOND4)
        assert answer.rcode() in (dns.rcode.REFUSED, dns.rcode.NOTAUTH)
        assert scene.first.udp_queries == asked
        assert dns.query.udp(notify, SERVER4, timeout=5, source=FIRST4).rcode() == dns.rcode.NOERROR
    scene.wait_line(rf"-> {serial}, ", mark)
    scene.serial = serial
    scene.check_served()

# SPDX-License-Identifier: GPL-3.0-or-later
"""IXFR from primaries that do it well, in all its forms, and from those that do not: then AXFR follows at once and heals it;
where that is no good either, the zone that is there stays, and why is in the log and in zone-status."""
import re

import dns.message
import dns.opcode
import dns.query
import dns.rcode
import pytest

import hostile
import hostile_ixfr
from hostile import reply, serial_of
from hostile_ixfr import FORMS, WAYS
from lab import FIRST4, SERVER4, wait_until
from scene import Stage

FROM = re.escape(f"{FIRST4}@53")
STEP = 10  # from serial to serial: the ways use those between


@pytest.fixture(scope="module")
def scene(build):
    one = Stage(build, [{"domain": "example.com", "primaries": ["first"], "notify-from": ["first"], "zone-max-size": 1000000}])
    try:
        one.xnsd.start()
        one.good()
    except BaseException:
        one.close()
        raise
    yield one
    one.end()


@pytest.fixture(autouse=True)
def calm(scene):
    """Each test begins with a good serial in force, whatever the one before it left."""
    status = scene.xnsd.zone_status("example.com")
    if status["serial"] != scene.serial or status["last_error"] or scene.first.errors:
        scene.first.errors.clear()
        scene.good("zone-retransfer")
    # A difference that a form made beside the serial's is taken back.
    if "192.0.2.77" in scene.ask("host0.example.com.", "A").answer[0].to_text():
        scene.good("zone-retransfer")


def offer(scene, way):
    """SOA and AXFR tell of a new serial by the book, IXFR does what the way is. Returns the new serial."""
    serial = scene.serial + STEP
    while scene.next_serial() < serial:
        pass
    scene.first.serve(serial)
    scene.first.ixfr = lambda c, query: way(c, query, scene.zone, serial_of(query), serial)
    scene.first.transfers = scene.first.ixfrs = 0
    return serial


@pytest.mark.parametrize("way", FORMS, ids=lambda way: way.__name__)
def test_forms(scene, way):
    serial, mark = offer(scene, way), scene.mark()
    scene.xnsd.ctl("zone-refresh", "example.com")
    scene.wait_line(rf"zone example\.com\.: {FORMS[way]} from {FROM}: serial {scene.serial} -> {serial}\b", mark)
    assert (scene.first.ixfrs, scene.first.transfers) == (1, 0)
    scene.serial = serial
    scene.check_served()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_axfr_heals(scene, way):
    """Old serial in force until the AXFR's is; the reason why IXFR was no good is told."""
    serial, mark = offer(scene, way), scene.mark()
    scene.xnsd.ctl("zone-refresh", "example.com")
    line = scene.wait_line(rf"zone example\.com\.: IXFR from {FROM}: ", mark)
    assert WAYS[way] in line and f"; keeping serial {scene.serial}, trying AXFR from {FIRST4}@53" in line, line
    scene.wait_line(rf"zone example\.com\.: AXFR instead of IXFR .*from {FROM}: serial {scene.serial} -> {serial}\b", mark)
    assert scene.first.transfers == 1
    scene.serial = serial
    scene.check_served()
    assert not scene.xnsd.zone_status("example.com")["last_error"]


@pytest.mark.parametrize("axfr", [hostile.refused, hostile.soa_in_the_middle, hostile.two_cnames, hostile.no_final_soa],
                         ids=lambda way: way.__name__)
@pytest.mark.parametrize("ixfr", [hostile_ixfr.closed, hostile_ixfr.does_not_chain, hostile_ixfr.removes_what_is_not_there],
                         ids=lambda way: way.__name__)
def test_nothing_heals(scene, ixfr, axfr):
    serial, mark = offer(scene, ixfr), scene.mark()
    scene.first.axfr = lambda c, query: axfr(c, query, scene.zone, serial)
    scene.xnsd.ctl("zone-refresh", "example.com")
    scene.check_failure(scene.wait_line(rf"zone example\.com\.: AXFR from {FROM}: ", mark), hostile.WAYS[axfr])
    scene.check_served()
    scene.good()


def test_edns_refused(scene):
    """A primary that knows no EDNS: FORMERR to queries with it. The same is asked without."""
    serial, mark = offer(scene, hostile_ixfr.one_difference), scene.mark()
    soa, ixfr = scene.first.soa, scene.first.ixfr

    def without_edns(answer):
        def way(c, query):
            if query.edns >= 0:
                c.reply(dns.message.make_query("example.com.", "IXFR", use_edns=-1), rcode=dns.rcode.FORMERR, ident=query.id)
            else:
                answer(c, query)
        return way
    scene.first.soa = lambda query: [reply(query, rcode=dns.rcode.FORMERR)] if query.edns >= 0 else soa(query)
    scene.first.ixfr = without_edns(ixfr)
    scene.xnsd.ctl("zone-refresh", "example.com")
    scene.wait_line(rf"zone example\.com\.: IXFR from {FROM}: serial {scene.serial} -> {serial}\b", mark)
    assert scene.first.transfers == 0
    scene.serial = serial
    scene.check_served()


# ---- lies about serials ----

def test_promised_and_not_there(scene):
    """SOA promises a serial, IXFR says that there is nothing newer: nothing happens, and nothing goes on for ever."""
    mark, serial = scene.mark(), scene.serial
    promised = offer(scene, lambda c, query, zone, old, new: c.reply(query, zone.soa(old)))
    scene.xnsd.ctl("zone-refresh", "example.com")
    scene.wait_line(rf"zone example\.com\.: .*{FROM}.* (brought )?serial {serial}, ", mark)
    assert (scene.first.ixfrs, scene.first.transfers) == (1, 0)
    scene.check_served()
    scene.first.serve(promised)
    scene.xnsd.ctl("zone-refresh", "example.com")
    scene.wait_line(rf"-> {promised}\b", mark)
    scene.serial = promised
    scene.check_served()


def test_notify_for_nothing(scene):
    """NOTIFY tells of a serial that is not there: asked, told the old one, no transfer."""
    scene.first.serve(scene.serial)
    scene.first.transfers = scene.first.ixfrs = 0
    notify = dns.message.make_query("example.com.", "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    notify.answer = [scene.zone.soa(scene.serial + 100)]
    asked = scene.first.udp_queries
    with scene.lab.client.entered():
        assert dns.query.udp(notify, SERVER4, timeout=5, source=FIRST4).rcode() == dns.rcode.NOERROR
    wait_until(lambda: scene.first.udp_queries > asked, 10.0, "the primary is asked")
    scene.check_served()
    assert (scene.first.ixfrs, scene.first.transfers) == (0, 0)


def test_older_than_ours(scene):
    """A primary that fell back: IXFR of an older serial is told and not taken."""
    good, mark = scene.serial, scene.mark()
    offer(scene, lambda c, query, zone, old, new: c.reply(query, zone.soa(old - 1)))
    scene.xnsd.ctl("zone-refresh", "example.com")
    scene.wait_line(rf"serial {good - 1}, which is not newer than serial {good}", mark)
    scene.check_served()
    scene.good()


def test_difference_to_an_older_serial(scene):
    """Promises a new serial, then a difference that leads back, and an AXFR of an old one."""
    good, mark = scene.serial, scene.mark()
    offer(scene, lambda c, query, zone, old, new: c.stream(query, zone.ixfr(old, old - 5)))
    scene.first.axfr = lambda c, query: c.stream(query, scene.zone.records(good - 5))
    scene.xnsd.ctl("zone-refresh", "example.com")
    scene.wait_line(rf"IXFR from {FROM}: differences that lead to serial {good - 5}, which is not newer than serial {good}", mark)
    scene.wait_line(rf"AXFR from {FROM} brought serial {good - 5}, which is not newer", mark)
    scene.check_served()
    scene.good()


def test_wrap(scene):
    """Serial arithmetic (RFC 1982): over the end of the numbers and on."""
    start = scene.serial
    for serial in (start + 0x7FFFFFFF, 0xFFFFFFFF, 5):
        mark = scene.mark()
        scene.first.serve(serial)
        scene.xnsd.ctl("zone-refresh", "example.com")
        scene.wait_line(rf"zone example\.com\.: IXFR from {FROM}: serial {scene.serial} -> {serial}\b", mark)
        scene.serial = serial
        scene.check_served()
    while scene.serial < start:  # back to where the other tests are, in steps that may be taken
        scene.good()

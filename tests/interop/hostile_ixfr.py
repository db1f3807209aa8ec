# SPDX-License-Identifier: GPL-3.0-or-later
"""What a primary may answer to IXFR, by the book and against it: function(connection, query, zone, old, new). old is what the
secondary has, new what SOA queries are told."""
import itertools
import struct

import dns.rcode

from hostile import Gone, many_names, reply

# ---- by the book: the difference is taken, nothing else is asked for ----


def one_difference(c, query, zone, old, new):
    c.stream(query, zone.ixfr(old, new))


def several(c, query, zone, old, new):
    """By way of serials that nobody has seen."""
    steps = [old, new - 6, new - 3, new]
    c.stream(query, [zone.soa(new), *itertools.chain(*map(zone.difference, steps, steps[1:])), zone.soa(new)])


def a_message_a_record(c, query, zone, old, new):
    """The first has nothing but the SOA, as if it were a reply to a secondary that is too old (RFC 1995 §2)."""
    for rrset in zone.ixfr(old, new):
        c.reply(query, rrset)


def cut_anywhere(c, query, zone, old, new):
    """Bytes trickle in."""
    wire = reply(query, *zone.ixfr(old, new))
    for byte in struct.pack("!H", len(wire)) + wire:
        c.raw(bytes([byte]))


def condensed(c, query, zone, old, new):
    """One difference, with a record that goes and comes back elsewhere."""
    gone, come = zone.rrset("host0", "A", "192.0.2.0"), zone.rrset("host0", "A", "192.0.2.77")
    c.stream(query, [zone.soa(new), zone.soa(old), zone.text(old), gone, zone.soa(new), zone.text(new), come, zone.soa(new)])


def whole_zone(c, query, zone, old, new):
    """The zone as an AXFR has it."""
    c.stream(query, zone.records(new))


FORMS = {one_difference: "IXFR", several: "IXFR", a_message_a_record: "IXFR", cut_anywhere: "IXFR", condensed: "IXFR",
         whole_zone: "AXFR in answer to IXFR"}


# ---- against it: AXFR heals ----

def rcode(code):
    def way(c, query, zone, old, new):
        c.reply(query, rcode=code)
    way.__name__ = dns.rcode.to_text(code).lower()
    return way


def closed(c, query, zone, old, new):
    raise Gone


def reset(c, query, zone, old, new):
    c.reset()


def silent(c, query, zone, old, new):
    c.pause(30)


def bare_newer(c, query, zone, old, new):
    """It does not fit, says a server to whom this came by UDP."""
    c.reply(query, zone.soa(new))
    c.pause(30)


def cut_off(c, query, zone, old, new):
    c.stream(query, zone.ixfr(old, new)[:-1])
    raise Gone


def cut_off_behind_the_first_soa(c, query, zone, old, new):
    c.reply(query, zone.soa(new))
    raise Gone


def frame_cut(c, query, zone, old, new):
    wire = reply(query, *zone.ixfr(old, new))
    c.raw(struct.pack("!H", len(wire)) + wire[:-9])
    raise Gone


def from_another_serial(c, query, zone, old, new):
    c.stream(query, [zone.soa(new), *zone.difference(new - 1, new), zone.soa(new)])


def does_not_chain(c, query, zone, old, new):
    c.stream(query, [zone.soa(new), *zone.difference(old, new - 6), *zone.difference(new - 3, new), zone.soa(new)])


def ends_too_early(c, query, zone, old, new):
    c.stream(query, [zone.soa(new), *zone.difference(old, new - 3), zone.soa(new)])


def leads_too_far(c, query, zone, old, new):
    c.stream(query, [zone.soa(new), *zone.difference(old, new + 1), zone.soa(new)])


def leads_back(c, query, zone, old, new):
    c.stream(query, [zone.soa(new), *zone.difference(old, new - 3), *zone.difference(new - 3, old),
                     *zone.difference(old, new), zone.soa(new)])


def removes_what_is_not_there(c, query, zone, old, new):
    c.stream(query, [zone.soa(new), zone.soa(old), zone.text(old), zone.rrset("host1", "A", "203.0.113.1"), zone.soa(new),
                     zone.text(new), zone.soa(new)])


def removes_a_name_that_is_not_there(c, query, zone, old, new):
    c.stream(query, [zone.soa(new), zone.soa(old), zone.text(old), zone.rrset("nobody", "A", "203.0.113.1"), zone.soa(new),
                     zone.text(new), zone.soa(new)])


def adds_what_is_there(c, query, zone, old, new):
    c.stream(query, [zone.soa(new), zone.soa(old), zone.text(old), zone.soa(new), zone.text(new),
                     zone.rrset("host1", "A", "192.0.2.1"), zone.soa(new)])


def adds_a_cname_beside(c, query, zone, old, new):
    c.stream(query, [zone.soa(new), zone.soa(old), zone.text(old), zone.soa(new), zone.text(new),
                     zone.rrset("host1", "CNAME", "host2"), zone.soa(new)])


def removes_the_last_ns(c, query, zone, old, new):
    c.stream(query, [zone.soa(new), zone.soa(old), zone.text(old), zone.rrset("@", "NS", "ns1"), zone.soa(new),
                     zone.text(new), zone.soa(new)])


def outside(c, query, zone, old, new):
    c.stream(query, [zone.soa(new), zone.soa(old), zone.text(old), zone.soa(new), zone.text(new),
                     zone.rrset("www.example.net.", "A", "192.0.2.1"), zone.soa(new)])


def other_class(c, query, zone, old, new):
    c.stream(query, [zone.soa(new), zone.soa(old), zone.text(old), zone.soa(new), zone.text(new),
                     zone.rrset("chaos", "TXT", '"x"', rdclass="CH"), zone.soa(new)])


def behind_the_end(c, query, zone, old, new):
    c.reply(query, *zone.ixfr(old, new), zone.rrset("x", "A", "192.0.2.1"))


def difference_then_zone(c, query, zone, old, new):
    """Changes its mind: an IXFR that goes on as an AXFR."""
    c.reply(query, *zone.ixfr(old, new)[:-1])
    c.stream(query, zone.records(new))


def zone_then_difference(c, query, zone, old, new):
    c.reply(query, zone.soa(new), *itertools.islice(zone.body(new), 10))
    c.reply(query, *zone.ixfr(old, new))


def serial_changes_on_the_way(c, query, zone, old, new):
    c.reply(query, *zone.ixfr(old, new)[:3])
    c.reply(query, *zone.ixfr(old, new + 1)[3:])


def last_soa_differs(c, query, zone, old, new):
    other = zone.rrset("@", "SOA", f"ns2 hostmaster {new} 7200 3600 86400 300")
    c.stream(query, [zone.soa(new), *zone.difference(old, new), other])


def endless(c, query, zone, old, new):
    """A difference that adds for ever."""
    c.stream(query, zone.ixfr(old, new)[:-1])
    for wire in many_names(query, zone):
        c.wire(wire)


def endless_slow(c, query, zone, old, new):
    c.stream(query, zone.ixfr(old, new)[:-1])
    for i in itertools.count():
        c.reply(query, zone.rrset(f"n{i}", "A", "192.0.2.1"))
        c.pause(0.1)


def endless_differences(c, query, zone, old, new):
    """Each leads to the next; the serials run towards one that never comes."""
    c.reply(query, zone.soa(new + (1 << 30)))
    for at in itertools.count(old, 200):
        c.reply(query, *itertools.chain(*(zone.difference(i, i + 1) for i in range(at, at + 200))))


def wrong_id(c, query, zone, old, new):
    c.reply(query, *zone.ixfr(old, new), ident=query.id ^ 1)


def empty(c, query, zone, old, new):
    c.reply(query)


def garbage(c, query, zone, old, new):
    c.wire(reply(query, zone.soa(new))[:12 + 13 + 4] + bytes(range(200, 250)))


# way: part of the reason
WAYS = {
    rcode(dns.rcode.SERVFAIL): "answered SERVFAIL",
    rcode(dns.rcode.NOTIMP): "answered NOTIMP",
    rcode(dns.rcode.REFUSED): "answered REFUSED",
    rcode(dns.rcode.FORMERR): "answered FORMERR",
    closed: "closed without an answer",
    reset: "connection reset",
    silent: "silent for 1.0 s",
    bare_newer: "silent for 1.0 s",
    cut_off: "closed before the final SOA",
    cut_off_behind_the_first_soa: "closed before the final SOA",
    frame_cut: "",
    from_another_serial: "begins with a difference from serial ",
    does_not_chain: "behind one that leads to serial ",
    ends_too_early: "behind one that leads to serial ",
    leads_too_far: "in a transfer of serial ",
    leads_back: "which is not newer",
    removes_what_is_not_there: "host1.example.com.",
    removes_a_name_that_is_not_there: "nobody.example.com.",
    adds_what_is_there: "host1.example.com.",
    adds_a_cname_beside: "host1.example.com.: CNAME beside other data",
    removes_the_last_ns: "example.com.: no NS at the apex",
    outside: "outside of the zone: www.example.net. A",
    other_class: "class CH: chaos.example.com. TXT",
    behind_the_end: "behind the final SOA: x.example.com. A",
    difference_then_zone: "behind the final SOA: example.com. NS",
    zone_then_difference: "behind the final SOA: example.com. SOA",
    serial_changes_on_the_way: "",
    last_soa_differs: "two SOAs of serial ",
    endless: "zone-max-size",
    endless_slow: "2.0 s",
    endless_differences: "after ",  # zone-max-size or max-transfer-time, whichever is first
    wrong_id: "another ID",
    empty: "without records",
    garbage: "malformed",
}

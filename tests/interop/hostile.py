# SPDX-License-Identifier: GPL-3.0-or-later
"""A primary that does as the test says: serves a zone, or breaks every rule of how a zone is served.

    primary = Primary(namespace, address, zone)     UDP and TCP on port 53, in threads
    primary.serve(serial)                           from now on: that serial, by the book
    primary.soa = function(query) -> [wire, ...]    what UDP says instead
    primary.axfr = function(connection, query)      what an AXFR gets instead; WAYS has many
    primary.ixfr = function(connection, query)      what an IXFR gets
    primary.tcp_soa = function(connection, query)

With a key (dnspython's) queries must be signed, and what is sent is signed; hostile_tsig.py has ways to do that wrong.
"""
import itertools
import random
import select
import socket
import struct
import threading
import time
import traceback

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

CHUNK = 20  # records in a message


class Gone(Exception):
    """The other side closed the connection, or the test is over."""


class Zone:
    """A small zone; its records carry the serial, so that an answer tells where it is from."""

    def __init__(self, name):
        self.name = dns.name.from_text(name)

    def rrset(self, owner, rdtype, *rdata, ttl=3600, rdclass="IN"):
        return dns.rrset.from_text_list(dns.name.from_text(owner, self.name), ttl, rdclass, rdtype, rdata,
                                        origin=self.name, relativize=False)

    def soa(self, serial):
        # A long refresh and retry: nothing happens but what the test asks for.
        return self.rrset("@", "SOA", f"ns1 hostmaster {serial} 7200 3600 86400 300")

    def body(self, serial):
        yield self.rrset("@", "NS", "ns1")
        yield self.rrset("ns1", "A", "192.0.2.2")
        yield self.text(serial)
        for i in range(50):
            yield self.rrset(f"host{i}", "A", f"192.0.2.{i}", f"198.51.100.{i}")

    def records(self, serial):
        return [self.soa(serial), *self.body(serial), self.soa(serial)]

    def text(self, serial):
        return self.rrset("serial", "TXT", f'"{serial}"')

    def difference(self, old, new):
        return [self.soa(old), self.text(old), self.soa(new), self.text(new)]

    def ixfr(self, old, new):
        """A reply to IXFR by the book."""
        return [self.soa(new)] if old == new else [self.soa(new), *self.difference(old, new), self.soa(new)]


def serial_of(query):
    """What an IXFR query says that the secondary has."""
    return query.authority[0][0].serial


class Connection:
    def __init__(self, primary, sock):
        self.primary, self.sock = primary, sock
        self.signer = None

    def read(self, length):
        data = b""
        while len(data) < length:
            part = self.sock.recv(length - len(data))
            if not part:
                raise Gone
            data += part
        return data

    def query(self):
        query = self.primary.parse(self.read(struct.unpack("!H", self.read(2))[0]))
        self.signer = self.primary.signer(query)
        return query

    def raw(self, data):
        self.sock.sendall(data)

    def wire(self, wire):
        wire = self.signer.sign(wire)
        self.raw(struct.pack("!H", len(wire)) + wire)

    def reply(self, query, *rrsets, **more):
        self.wire(reply(query, *rrsets, **more))

    def stream(self, query, rrsets):
        """The records in as many messages as they need."""
        rrsets = iter(rrsets)
        while chunk := list(itertools.islice(rrsets, CHUNK)):
            self.reply(query, *chunk)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        raise Gone

    def pause(self, seconds):
        """Silence, over at once when the other side has had enough."""
        ready, _, _ = select.select([self.sock], [], [], seconds)
        if ready and not self.sock.recv(1, socket.MSG_PEEK):
            raise Gone


def reply(query, *rrsets, rcode=0, ident=None, tc=False, aa=True, question=True, authority=(), additional=()):
    message = dns.message.make_response(query)
    message.flags = dns.flags.QR | (dns.flags.AA if aa else 0) | (dns.flags.TC if tc else 0)
    message.set_rcode(rcode)
    if ident is not None:
        message.id = ident
    if not question:
        message.question = []
    message.answer, message.authority, message.additional = list(rrsets), list(authority), list(additional)
    message.tsig = None  # the signer's
    message.use_edns(-1)  # records are what a message ends with: some ways add bytes behind them
    return message.to_wire(max_size=65535)


class Unsigned:
    """As signer: nothing is signed."""

    def sign(self, wire):
        return wire


class Primary:
    def __init__(self, namespace, address, zone, port=53, key=None):
        self.address, self.zone, self.key = f"{address}@{port}", zone, key
        self.new_signer = lambda query, key: Unsigned()  # of each conversation
        self.closing = False
        self.errors = []  # of the threads: the test's own mistakes
        self.transfers = self.ixfrs = self.udp_queries = 0
        with namespace.entered():
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.udp.bind((address, port))
            self.tcp.bind((address, port))
        self.tcp.listen()
        self.connections = set()
        self.serve(1)
        for loop in (self._udp_loop, self._tcp_loop):
            threading.Thread(target=loop, daemon=True).start()

    def serve(self, serial):
        self.soa = lambda query: [reply(query, self.zone.soa(serial))]
        self.tcp_soa = lambda connection, query: connection.reply(query, self.zone.soa(serial))
        self.axfr = lambda connection, query: connection.stream(query, self.zone.records(serial))
        self.ixfr = lambda connection, query: connection.stream(query, self.zone.ixfr(serial_of(query), serial))

    def parse(self, wire):
        return dns.message.from_wire(wire, keyring={self.key.name: self.key} if self.key else None)

    def signer(self, query):
        return self.new_signer(query, self.key)

    def announce(self, serial, axfr):
        """SOA queries see the serial, transfers get what `axfr` does."""
        self.serve(serial)
        self.axfr = lambda connection, query: axfr(connection, query, self.zone, serial)

    def close(self):
        self.closing = True
        for sock in (self.udp, self.tcp, *self.connections):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def _udp_loop(self):
        while not self.closing:
            try:
                wire, client = self.udp.recvfrom(4096)
                if self.closing:
                    return
                self.udp_queries += 1
                query = self.parse(wire)
                for answer in self.soa(query):
                    self.udp.sendto(self.signer(query).sign(answer), client)
            except OSError:
                continue
            except Exception:  # pylint: disable=broad-except
                self.errors.append(traceback.format_exc())

    def _tcp_loop(self):
        while not self.closing:
            try:
                sock, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(sock,), daemon=True).start()

    def _talk(self, sock):
        connection = Connection(self, sock)
        self.connections.add(sock)
        try:
            while True:
                query = connection.query()
                if query.question[0].rdtype == dns.rdatatype.AXFR:
                    self.transfers += 1
                    self.axfr(connection, query)
                elif query.question[0].rdtype == dns.rdatatype.IXFR:
                    self.ixfrs += 1
                    self.ixfr(connection, query)
                else:
                    self.tcp_soa(connection, query)
        except (Gone, OSError):
            pass
        except Exception:  # pylint: disable=broad-except
            self.errors.append(traceback.format_exc())
        finally:
            self.connections.discard(sock)
            sock.close()


# ---- ways to break a transfer: function(connection, query, zone, serial) ----

def no_final_soa(c, query, zone, serial):
    c.stream(query, zone.records(serial)[:-1])
    raise Gone


def soa_in_the_middle(c, query, zone, serial):
    c.stream(query, [zone.soa(serial), *zone.body(serial), zone.soa(serial + 1), *zone.body(serial + 1),
                     zone.soa(serial)])


def last_soa_differs(c, query, zone, serial):
    other = zone.rrset("@", "SOA", f"ns2 hostmaster {serial} 7200 3600 86400 300")
    c.stream(query, [zone.soa(serial), *zone.body(serial), other])


def soa_below_the_apex(c, query, zone, serial):
    below = zone.rrset("sub", "SOA", "ns1 hostmaster 1 1 1 1 1")
    c.stream(query, [zone.soa(serial), *zone.body(serial), below, zone.soa(serial)])


def begins_without_soa(c, query, zone, serial):
    c.stream(query, zone.records(serial)[1:])


def outside(c, query, zone, serial):
    c.stream(query, [zone.soa(serial), *zone.body(serial), zone.rrset("www.example.net.", "A", "192.0.2.99"),
                     zone.soa(serial)])


def parent(c, query, zone, serial):
    c.stream(query, [zone.soa(serial), *zone.body(serial), zone.rrset("com.", "NS", "ns1"), zone.soa(serial)])


def wrong_class(c, query, zone, serial):
    c.stream(query, [zone.soa(serial), *zone.body(serial), zone.rrset("chaos", "TXT", '"x"', rdclass="CH"),
                     zone.soa(serial)])


def two_cnames(c, query, zone, serial):
    c.stream(query, [zone.soa(serial), *zone.body(serial), zone.rrset("alias", "CNAME", "host1"),
                     zone.rrset("alias", "CNAME", "host2"), zone.soa(serial)])


def cname_and_more(c, query, zone, serial):
    c.stream(query, [zone.soa(serial), *zone.body(serial), zone.rrset("host1", "CNAME", "host2"), zone.soa(serial)])


def no_ns(c, query, zone, serial):
    c.stream(query, [zone.soa(serial), zone.rrset("host1", "A", "192.0.2.1"), zone.soa(serial)])


def behind_the_end(c, query, zone, serial):
    c.reply(query, zone.soa(serial), zone.rrset("@", "NS", "ns1"), zone.soa(serial), zone.rrset("x", "A", "192.0.2.1"))


def truncated_message(c, query, zone, serial):
    c.stream(query, [zone.soa(serial), *itertools.islice(zone.body(serial), 19)])
    c.wire(reply(query, *zone.body(serial))[:-3])


def tc_bit(c, query, zone, serial):
    c.reply(query, zone.soa(serial), tc=True)


def cut_frame(c, query, zone, serial):
    wire = reply(query, *zone.records(serial))
    c.raw(struct.pack("!H", len(wire)) + wire[:len(wire) // 2])
    raise Gone


def owner_loop(c, query, zone, serial):
    wire = bytearray(reply(query, zone.soa(serial)))
    wire[6:8] = struct.pack("!H", 2)
    at = len(wire)
    c.wire(bytes(wire) + struct.pack("!HHHIH", 0xC000 | at, 1, 1, 0, 4) + b"\xc0\0\2\1")


def owner_loop_of_two(c, query, zone, serial):
    wire = bytearray(reply(query, zone.soa(serial)))
    wire[6:8] = struct.pack("!H", 2)
    at = len(wire)
    c.wire(bytes(wire) + struct.pack("!HHHIH", 0xC000 | at + 12, 16, 1, 0, 2) + struct.pack("!H", 0xC000 | at))


def rdata_loop(c, query, zone, serial):
    wire = bytearray(reply(query, zone.soa(serial)))
    wire[6:8] = struct.pack("!H", 2)
    at = len(wire)
    c.wire(bytes(wire) + struct.pack("!HHHIH", 0xC00C, 15, 1, 0, 6) + struct.pack("!H", 10) + b"\1x" +
           struct.pack("!H", 0xC000 | at + 14))


def many_names(query, zone):
    """Messages without end, each with names of its own; made quickly."""
    wire = reply(query, *(zone.rrset(f"n000000-{k}", "TXT", '"' + "x" * 200 + '"') for k in range(CHUNK)))
    for i in itertools.count():
        yield wire.replace(b"n000000-", b"n%06d-" % i)


def endless_fast(c, query, zone, serial):
    c.reply(query, zone.soa(serial))
    for wire in many_names(query, zone):
        c.wire(wire)


def endless_slow(c, query, zone, serial):
    c.reply(query, zone.soa(serial))
    for i in itertools.count():
        c.reply(query, zone.rrset(f"n{i}", "A", "192.0.2.1"))
        c.pause(0.1)


def endless_same(c, query, zone, serial):
    c.reply(query, zone.soa(serial))
    wire = reply(query, *zone.body(serial))
    while True:
        c.wire(wire)


def drip(c, query, zone, serial):
    """A byte at a time, never silent for long."""
    wire = reply(query, *zone.records(serial))
    for byte in struct.pack("!H", len(wire)) + wire:
        c.raw(bytes([byte]))
        c.pause(0.1)


def silent(c, query, zone, serial):
    c.pause(30)


def silent_in_the_middle(c, query, zone, serial):
    c.stream(query, zone.records(serial)[:30])
    c.pause(30)


def closed_at_once(c, query, zone, serial):
    raise Gone


def reset_at_once(c, query, zone, serial):
    c.reset()


def reset_in_the_middle(c, query, zone, serial):
    c.stream(query, zone.records(serial)[:30])
    time.sleep(0.1)  # the data first: a reset may overtake it, and then there is another reason to tell
    c.reset()


def garbage(c, query, zone, serial):
    c.raw(random.Random(7).randbytes(4000))
    raise Gone


def garbage_behind_header(c, query, zone, serial):
    wire = reply(query, zone.soa(serial))[:12]
    c.wire(wire + random.Random(7).randbytes(400))


def http(c, query, zone, serial):
    c.raw(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n" + b"x" * 20000)
    raise Gone


def refused(c, query, zone, serial):
    c.reply(query, rcode=dns.rcode.REFUSED)


def servfail_in_the_middle(c, query, zone, serial):
    c.stream(query, zone.records(serial)[:20])
    c.reply(query, rcode=dns.rcode.SERVFAIL)


def notauth_bare(c, query, zone, serial):
    c.reply(query, rcode=dns.rcode.NOTAUTH, question=False)


def wrong_id(c, query, zone, serial):
    c.reply(query, *zone.records(serial), ident=query.id ^ 1)


def wrong_id_in_the_middle(c, query, zone, serial):
    records = zone.records(serial)
    c.reply(query, *records[:10])
    c.reply(query, *records[10:], ident=query.id ^ 1)


def other_question(c, query, zone, serial):
    other = dns.message.make_query("example.net.", "AXFR")
    other.id = query.id
    c.reply(other, *zone.records(serial))


def the_query_itself(c, query, zone, serial):
    c.wire(query.to_wire())


def empty_message(c, query, zone, serial):
    c.reply(query, *zone.records(serial)[:10])
    c.reply(query)


def zero_length(c, query, zone, serial):
    c.raw(b"\0\0")


def opt_among_records(c, query, zone, serial):
    opt = zone.rrset("@", "TYPE41", r"\# 4 00030000")
    c.reply(query, zone.soa(serial), zone.rrset("@", "NS", "ns1"), opt, zone.soa(serial))


def signed(c, query, zone, serial):
    tsig = b"\0" + struct.pack("!HHIH", 250, 255, 0, 17) + b"\0" + bytes(6) + struct.pack("!HHHHH", 300, 0, query.id, 0, 0)
    wire = bytearray(reply(query, *zone.records(serial)))
    wire[10:12] = struct.pack("!H", 1)
    c.wire(bytes(wire) + tsig)


def changes_its_mind(c, query, zone, serial):
    """Half of one serial, then another from its begin."""
    c.stream(query, [zone.soa(serial), *zone.body(serial)])
    c.stream(query, zone.records(serial + 1))


def rrset_of_64_kib(c, query, zone, serial):
    """An RRset that arrives in many messages and fits into none (RFC 1035 §2.3.4)."""
    big = [zone.rrset("big", "TXT", f'"{i:03}{"x" * 250}"') for i in range(250)]
    c.stream(query, [zone.soa(serial), *zone.body(serial), *big, zone.soa(serial)])


def signatures_of_64_kib(c, query, zone, serial):
    """The same of the signatures of one type; those of all types together may be more."""
    def sigs(covered, n):
        one = zone.rrset("host1", "RRSIG", f"{covered} 13 3 3600 20300101000000 20200101000000 0 @ {'A' * 340}")
        return [dns.rrset.from_rdata(one.name, one.ttl, one[0].replace(key_tag=i)) for i in range(n)]
    c.stream(query, [zone.soa(serial), *zone.body(serial), *sigs("AAAA", 200), *sigs("A", 250), zone.soa(serial)])


# way: part of the reason that the log gives
WAYS = {
    no_final_soa: "closed before the final SOA",
    soa_in_the_middle: "SOA in the middle",
    last_soa_differs: "the last SOA differs from the first",
    soa_below_the_apex: "SOA below the apex: sub.example.com. SOA",
    begins_without_soa: "begins with example.com. NS",
    rrset_of_64_kib: "big.example.com.: the records of type TXT are more than a message can carry",
    signatures_of_64_kib: "host1.example.com.: the records of type RRSIG are more than a message can carry",
    outside: "outside of the zone: www.example.net. A",
    parent: "outside of the zone: com. NS",
    wrong_class: "class CH: chaos.example.com. TXT",
    two_cnames: "alias.example.com.: more than one CNAME",
    cname_and_more: "host1.example.com.: CNAME beside",
    no_ns: "no NS",
    behind_the_end: "behind the final SOA: x.example.com. A",
    truncated_message: "malformed record host49.example.com. A",
    tc_bit: "truncated (TC=1)",
    cut_frame: "closed in the middle of a message",
    owner_loop: "malformed owner name",
    owner_loop_of_two: "malformed owner name",
    rdata_loop: "malformed record example.com. MX",
    endless_fast: "larger than 1000000 bytes (zone-max-size)",
    endless_slow: "not done after 2.0 s",
    endless_same: "larger than 1000000 bytes (zone-max-size)",
    drip: "not done after 2.0 s",
    silent: "silent for 1.0 s",
    silent_in_the_middle: "silent for 1.0 s, after",
    closed_at_once: "closed without an answer",
    reset_at_once: "connection reset by peer",
    reset_in_the_middle: ", after ",
    garbage: "",
    garbage_behind_header: "question",
    http: "",
    refused: "answered REFUSED",
    servfail_in_the_middle: "answered SERVFAIL",
    notauth_bare: "answered NOTAUTH",
    wrong_id: "another ID",
    wrong_id_in_the_middle: "another ID",
    other_question: "another question",
    the_query_itself: "not a reply",
    empty_message: "without records",
    zero_length: "shorter than a header",
    opt_among_records: "meta type among the records: example.com. OPT",
    signed: "signed with TSIG",
    changes_its_mind: "SOA in the middle",
}

# SPDX-License-Identifier: GPL-3.0-or-later
"""Malformed and odd queries, and what a server replies to each.

A table of messages (CASES), a client that sends one over UDP or TCP from a chosen address and waits for the
reply or for proof that none comes, and a summary of a reply that can be compared between servers.

Run by hand: malformed.py ADDR@PORT... prints each server's summary of each case side by side.
"""

import socket
import struct
import sys
import time

import dns.name

CLIENT = "127.0.0.2"  # not the address that may transfer or notify
ID = 0xBEEF

QUERY, IQUERY, STATUS, NOTIFY, UPDATE, DSO = 0, 1, 2, 4, 5, 6
QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10
A, NS, SOA, TXT, SRV, OPT, DS, SIG = 1, 2, 6, 16, 33, 41, 43, 24
TKEY, TSIG, IXFR, AXFR, ANY = 249, 250, 251, 252, 255
IN, CH, HS, NONE = 1, 3, 4, 254


def name(text):
    return dns.name.from_text(text).to_wire()


def header(flags=0, opcode=QUERY, qd=1, an=0, ns=0, ar=0, rcode=0):
    return struct.pack("!6H", ID, flags | opcode << 11 | rcode, qd, an, ns, ar)


def question(qname="www.example.com.", qtype=A, qclass=IN):
    wire = qname if isinstance(qname, bytes) else name(qname)
    return wire + struct.pack("!HH", qtype, qclass)


def rr(owner, rtype, rdata=b"", rclass=IN, ttl=0, rdlen=None):
    wire = owner if isinstance(owner, bytes) else name(owner)
    return wire + struct.pack("!HHIH", rtype, rclass, ttl, len(rdata) if rdlen is None else rdlen) + rdata


def opt(size=1232, version=0, do=False, rdata=b"", owner=b"\0", ext=0, z=0, rdlen=None):
    ttl = ext << 24 | version << 16 | (0x8000 if do else 0) | z
    return rr(owner, OPT, rdata, size, ttl, rdlen)


def option(code, data=b"", length=None):
    return struct.pack("!HH", code, len(data) if length is None else length) + data


def tsig(key="nobody.", alg="hmac-sha256.", mac=bytes(32), fudge=300, signed_at=None, error=0, rclass=255):
    signed_at = int(time.time()) if signed_at is None else signed_at
    rdata = name(alg) + signed_at.to_bytes(6, "big")
    rdata += struct.pack("!HH", fudge, len(mac)) + mac + struct.pack("!HHH", ID, error, 0)
    return rr(key, TSIG, rdata, rclass, 0)


def soa_rdata(serial=1):
    return name("ns1.example.com.") + name("hostmaster.example.com.") + struct.pack("!5I", serial, 1, 1, 1, 1)


LONG_LABELS = b"".join(b"\x3f" + bytes([c]) * 63 for c in b"abc")  # 192 bytes
APEX = name("example.com.")
NAME_255 = LONG_LABELS + b"\x31" + b"d" * 49 + APEX  # 192 + 50 + 13
NAME_256 = LONG_LABELS + b"\x32" + b"d" * 50 + APEX


class Case:
    def __init__(self, what, wire, tcp=True):
        self.what, self.wire, self.tcp = what, wire, tcp


def header_cases():
    q = question()
    yield Case("no bytes", b"", tcp=False)
    yield Case("one byte", b"\0")
    yield Case("header cut", header()[:11])
    yield Case("header alone, QDCOUNT 1", header())
    yield Case("header alone, QDCOUNT 0", header(qd=0))
    yield Case("header alone, QDCOUNT 0, OPT", header(qd=0, ar=1) + opt())
    yield Case("QR=1", header(QR) + q)
    yield Case("QR=1, opcode NOTIFY", header(QR, NOTIFY) + q)
    for flag, text in ((AA, "AA"), (TC, "TC"), (RD, "RD"), (RA, "RA"), (Z, "Z"), (AD, "AD"), (CD, "CD")):
        yield Case(f"{text}=1", header(flag) + q)
    yield Case("every flag but QR", header(AA | TC | RD | RA | Z | AD | CD) + q)
    yield Case("RD CD AD, name in no zone", header(RD | CD | AD) + question("example.org."))
    yield Case("RCODE 3 in the query", header(rcode=3) + q)
    yield Case("RCODE 15 in the query", header(rcode=15) + q)
    for opcode in (IQUERY, STATUS, 3, UPDATE, DSO, 7, 15):
        yield Case(f"opcode {opcode}", header(RD | CD, opcode) + q)
        yield Case(f"opcode {opcode}, OPT", header(0, opcode, ar=1) + q + opt())
        yield Case(f"opcode {opcode}, no question", header(0, opcode, qd=0))
    yield Case("UPDATE of the zone", header(0, UPDATE) + question("example.com.", SOA))
    yield Case("UPDATE of the zone with a record", header(0, UPDATE, ns=1) + question("example.com.", SOA)
               + rr("new.example.com.", A, b"\1\2\3\4"))
    yield Case("UPDATE of no zone", header(0, UPDATE) + question("example.org.", SOA))


def count_cases():
    q = question()
    yield Case("two questions", header(qd=2) + q + question("ns1.example.com."))
    yield Case("two equal questions", header(qd=2) + q + q)
    yield Case("QDCOUNT 2, one question", header(qd=2) + q)
    yield Case("QDCOUNT 65535", header(qd=65535) + q)
    yield Case("QDCOUNT 0, a question", header(qd=0) + q)
    yield Case("ANCOUNT 1, nothing", header(an=1) + q)
    yield Case("NSCOUNT 1, nothing", header(ns=1) + q)
    yield Case("ARCOUNT 1, nothing", header(ar=1) + q)
    yield Case("ARCOUNT 65535, an OPT", header(ar=65535) + q + opt())
    yield Case("a record in the answer section", header(an=1) + q + rr("www.example.com.", A, b"\1\2\3\4"))
    yield Case("a record in the authority section", header(ns=1) + q + rr("example.com.", SOA, soa_rdata()))
    yield Case("a record in the additional section", header(ar=1) + q + rr("www.example.com.", A, b"\1\2\3\4"))
    yield Case("a record before the OPT", header(ar=2) + q + rr("www.example.com.", A, b"\1\2\3\4") + opt())
    yield Case("a record after the OPT", header(ar=2) + q + opt() + rr("www.example.com.", A, b"\1\2\3\4"))
    yield Case("a record cut short", header(ar=1) + q + rr("www.example.com.", A, b"\1\2\3\4")[:-2])
    yield Case("one byte of garbage", header() + q + b"\0")
    yield Case("garbage", header() + q + bytes(range(100)))
    yield Case("garbage behind the OPT", header(ar=1) + q + opt() + b"\xff" * 7)
    yield Case("an OPT that ARCOUNT does not count", header() + q + opt())


def name_cases():
    yield Case("question cut in the name", header() + b"\3www\7exam")
    yield Case("question cut before the root", header() + b"\3www")
    yield Case("question cut in the type", header() + question()[:-3])
    yield Case("question cut in the class", header() + question()[:-1])
    yield Case("name is a pointer to itself", header() + question(b"\xc0\x0c"))
    yield Case("name is a pointer forward", header() + question(b"\xc0\x12") + b"\3www\0")
    yield Case("name is a pointer into the header", header() + question(b"\xc0\x04"))
    yield Case("name ends in a pointer to itself", header() + question(b"\3www\xc0\x0c"))
    yield Case("pointer cut", header() + b"\xc0")
    yield Case("label type 01", header() + question(b"\x41abc\0"))
    yield Case("label type 10", header() + question(b"\x81abc\0"))
    yield Case("name of 255 bytes", header() + question(NAME_255))
    yield Case("name of 256 bytes", header() + question(NAME_256))
    yield Case("name of 128 labels", header() + question(b"\1a" * 128 + b"\0"))
    yield Case("name of 300 labels", header() + question(b"\1a" * 300 + b"\0"))
    yield Case("NUL and dot inside a label", header() + question(b"\3a\0.\7example\3com\0"))
    yield Case("mixed case", header() + question("wWw.ExAmPlE.cOm."))
    yield Case("mixed case, no such name", header() + question("No.ExAmPlE.cOm."))
    yield Case("root", header() + question("."))
    yield Case("root NS", header() + question(".", NS))
    yield Case("parent of the zone", header() + question("com."))
    yield Case("name in no zone", header() + question("www.example.org."))
    yield Case("name in no zone, OPT", header(ar=1) + question("www.example.org.") + opt(do=True))


def type_cases():
    yield Case("A", header() + question())
    yield Case("A, OPT", header(ar=1) + question() + opt())
    yield Case("apex SOA", header() + question("example.com.", SOA))
    yield Case("apex NS", header() + question("example.com.", NS))
    yield Case("apex DS", header() + question("example.com.", DS))
    yield Case("NODATA", header() + question("www.example.com.", TXT))
    yield Case("NXDOMAIN", header() + question("no.example.com."))
    yield Case("empty non-terminal", header() + question("_tcp.example.com."))
    yield Case("CNAME", header() + question("alias.example.com."))
    yield Case("CNAME out of the zone", header() + question("away.example.com."))
    for qtype in (0, 3, 10, 11, 24, 46, 47, 65280, 65535):
        yield Case(f"type {qtype}", header() + question(qtype=qtype))
    for qtype in (OPT, 128, 249, TSIG, 253, 254):
        yield Case(f"meta type {qtype}", header() + question(qtype=qtype))
        yield Case(f"meta type {qtype}, no such name", header() + question("no.example.com.", qtype))
    yield Case("ANY", header() + question(qtype=ANY), tcp=False)
    yield Case("ANY, no such name", header() + question("no.example.com.", ANY))
    for qclass in (0, 2, CH, HS, NONE, 255, 65535):
        yield Case(f"class {qclass}", header() + question(qclass=qclass))
        yield Case(f"class {qclass}, OPT", header(ar=1) + question(qclass=qclass) + opt())
        yield Case(f"class {qclass}, name in no zone", header() + question("example.org.", qclass=qclass))
    for text in ("version.bind.", "version.server.", "id.server.", "hostname.bind.", "authors.bind.", "."):
        yield Case(f"CH TXT {text}", header() + question(text, TXT, CH))
        yield Case(f"CH TXT {text}, RD, OPT", header(RD, ar=1) + question(text, TXT, CH) + opt())
    yield Case("CH A version.bind.", header() + question("version.bind.", A, CH))
    yield Case("CH ANY version.bind.", header() + question("version.bind.", ANY, CH))


def transfer_cases():
    for qtype, text in ((AXFR, "AXFR"), (IXFR, "IXFR")):
        q = question("example.com.", qtype)
        yield Case(text, header() + q)
        yield Case(f"{text}, OPT", header(ar=1) + q + opt())
        yield Case(f"{text} of a name in the zone", header() + question("www.example.com.", qtype))
        yield Case(f"{text} of no zone", header() + question("example.org.", qtype))
        yield Case(f"{text}, class CH", header() + question("example.com.", qtype, CH))
    yield Case("IXFR with a SOA", header(ns=1) + question("example.com.", IXFR) + rr("example.com.", SOA, soa_rdata()))
    yield Case("IXFR with a SOA, OPT", header(ns=1, ar=1) + question("example.com.", IXFR)
               + rr("example.com.", SOA, soa_rdata()) + opt())
    yield Case("IXFR with an A", header(ns=1) + question("example.com.", IXFR) + rr("example.com.", A, b"\1\2\3\4"))


def notify_cases():
    soa = question("example.com.", SOA)
    yield Case("NOTIFY of a stranger", header(AA, NOTIFY) + soa)
    yield Case("NOTIFY, OPT", header(AA, NOTIFY, ar=1) + soa + opt())
    yield Case("NOTIFY with a SOA", header(AA, NOTIFY, an=1) + soa + rr("example.com.", SOA, soa_rdata(77)))
    yield Case("NOTIFY without AA", header(0, NOTIFY) + soa)
    yield Case("NOTIFY of type A", header(AA, NOTIFY) + question("example.com.", A))
    yield Case("NOTIFY of class CH", header(AA, NOTIFY) + question("example.com.", SOA, CH))
    yield Case("NOTIFY of a name in the zone", header(AA, NOTIFY) + question("www.example.com.", SOA))
    yield Case("NOTIFY of no zone", header(AA, NOTIFY) + question("example.org.", SOA))
    yield Case("NOTIFY without a question", header(AA, NOTIFY, qd=0))


def edns_cases():
    q = question()

    def with_opt(what, record, n=1, flags=0, tcp=True):
        return Case(what, header(flags, ar=n) + q + record, tcp)

    for size in (0, 1, 511, 512, 513, 1231, 1233, 4096, 65535):
        yield with_opt(f"OPT of size {size}", opt(size))
    yield with_opt("DO=1", opt(do=True))
    yield with_opt("all Z bits of EDNS", opt(z=0x7FFF))
    yield with_opt("extended RCODE in the query", opt(ext=1))
    for version in (1, 2, 255):
        yield with_opt(f"EDNS version {version}", opt(version=version))
    yield with_opt("EDNS version 1, DO, RD, CD", opt(version=1, do=True), flags=RD | CD)
    yield Case("EDNS version 1, name in no zone", header(ar=1) + question("example.org.") + opt(version=1))
    yield Case("EDNS version 1, NXDOMAIN", header(ar=1) + question("no.example.com.") + opt(version=1))
    yield Case("EDNS version 1, AXFR", header(ar=1) + question("example.com.", AXFR) + opt(version=1))
    yield Case("EDNS version 1, class CH", header(ar=1) + question("version.bind.", TXT, CH) + opt(version=1))
    yield Case("EDNS version 1, NOTIFY", header(AA, NOTIFY, ar=1) + question("example.com.", SOA) + opt(version=1))
    yield Case("EDNS version 1, STATUS", header(0, STATUS, ar=1) + q + opt(version=1))
    yield Case("EDNS version 1, no question", header(qd=0, ar=1) + opt(version=1))
    yield with_opt("EDNS version 1, two OPT", opt(version=1) + opt(version=1), 2)
    yield with_opt("two OPT", opt() + opt(), 2)
    yield with_opt("three OPT", opt() * 3, 3)
    yield with_opt("OPT of another owner", opt(owner=b"\3foo\0"))
    yield with_opt("OPT of an owner that is a pointer to the root", opt(owner=b"\xc0\x1c"))
    yield Case("OPT in the answer section", header(an=1) + q + opt())
    yield Case("OPT in the authority section", header(ns=1) + q + opt())
    yield with_opt("OPT, RDLENGTH 1 and nothing", opt(rdlen=1))
    yield with_opt("OPT, RDLENGTH 65535", opt(rdlen=65535))
    yield with_opt("OPT cut in the fixed part", opt()[:-1])
    yield with_opt("OPT cut to one byte", opt()[:1])
    yield with_opt("option cut in its code", opt(rdata=b"\0"))
    yield with_opt("option cut in its length", opt(rdata=b"\0\3\0"))
    yield with_opt("option longer than the OPT", opt(rdata=option(3, b"", 1)))
    yield with_opt("an option, then one cut", opt(rdata=option(65001, b"x") + b"\0\3\0"))
    yield with_opt("option 0", opt(rdata=option(0)))
    yield with_opt("unknown option", opt(rdata=option(65001, b"hello")))
    yield with_opt("forty options", opt(rdata=option(65001, b"x") * 40))
    yield with_opt("NSID", opt(rdata=option(3)))
    yield with_opt("NSID with data", opt(rdata=option(3, b"abc")))
    yield with_opt("client subnet", opt(rdata=option(8, b"\0\1\x18\0\xc0\0\2")))
    yield with_opt("client subnet, family 9", opt(rdata=option(8, b"\0\x09\x18\0\xc0\0\2")))
    yield with_opt("padding", opt(rdata=option(12, bytes(64))))
    yield with_opt("keepalive", opt(rdata=option(11)))
    yield with_opt("EXPIRE", opt(rdata=option(9)))
    yield with_opt("cookie of 7 bytes", opt(rdata=option(10, bytes(7))))


def option_cases():
    """Options that some server knows, with data that it may find wrong."""
    q = question()

    def with_options(what, rdata, **more):
        return Case(what, header(ar=1) + q + opt(rdata=rdata, **more))

    yield with_options("NSID twice", option(3) * 2)
    yield with_options("NSID, then an option cut", option(3) + b"\0\3")
    yield with_options("NSID, EDNS version 1", option(3), version=1)
    yield with_options("an option cut, EDNS version 1", b"\0\3\0\1", version=1)
    yield with_options("ZONEVERSION", option(19))
    yield with_options("ZONEVERSION with data", option(19, b"\2\0\0\0\0\1"))
    for length in (0, 1, 8, 9, 15, 16, 24, 40, 41):
        yield with_options(f"cookie of {length} bytes", option(10, bytes(length)))
    yield with_options("two cookies", option(10, b"12345678") * 2)
    for length in (7, 8, 16):
        yield Case(f"no question, cookie of {length} bytes", header(qd=0, ar=1) + opt(rdata=option(10, bytes(length))))
    yield Case("no question, NSID", header(qd=0, ar=1) + opt(rdata=option(3)))
    for what, data in (("empty", b""), ("of one byte", b"\0"), ("of no bits", b"\0\1\0\0"),
                       ("of 33 bits", b"\0\1\x21\0\1\2\3\4\5"), ("with a bit too many", b"\0\1\1\0\xff"),
                       ("with a scope", b"\0\1\x18\x18\1\2\3"), ("of too few bytes", b"\0\1\x18\0\1\2"),
                       ("of IPv6", b"\0\2\x38\0\x20\1\r\xb8\0\0\0")):
        yield with_options(f"client subnet {what}", option(8, data))
    for code, length in ((1, 18), (2, 4), (4, 16), (5, 1), (9, 4), (11, 1), (11, 2), (13, 1), (14, 1), (14, 2), (15, 1),
                         (15, 2), (18, 1), (20292, 4), (65535, 0)):
        yield with_options(f"option {code} of {length} bytes", option(code, bytes(length)))
    yield with_options("options of 4000 bytes", option(65001, bytes(3996)))


def odd_cases():
    q = question()
    yield Case("4000 bytes of garbage behind the question", header() + q + bytes(4000))
    yield Case("binary label", header() + question(b"\x09\0" + bytes(range(248, 256)) + APEX))
    yield Case("every octet in labels, out of zone",
               header() + question(b"".join(b"\x20" + bytes(range(i, i + 32)) for i in range(0, 192, 32)) + b"\0"))
    yield Case("127 labels in the zone", header() + question(b"\1a" * 121 + APEX))
    yield Case("an asterisk", header() + question("*.example.com."))
    yield Case("an asterisk below a name", header() + question("*.www.example.com."))
    yield Case("below a delegation", header() + question("a.b.sub.example.com."))
    yield Case("below a delegation, RD CD", header(RD | CD) + question("a.b.sub.example.com."))
    yield Case("delegation NS", header() + question("sub.example.com.", NS))
    yield Case("delegation DS", header() + question("sub.example.com.", DS))
    yield Case("delegation ANY", header() + question("sub.example.com.", ANY))
    yield Case("glue", header() + question("ns.sub.example.com."))
    yield Case("DS of no zone", header() + question("example.org.", DS))
    yield Case("DS of the root", header() + question(".", DS))
    yield Case("below a CNAME", header() + question("x.alias.example.com."))
    yield Case("ANY of a CNAME", header() + question("alias.example.com.", ANY))
    for qtype in (128, TKEY, TSIG, 253, 254):
        yield Case(f"meta type {qtype} of a CNAME", header() + question("alias.example.com.", qtype))
        yield Case(f"meta type {qtype} below a delegation", header() + question("x.sub.example.com.", qtype))
        yield Case(f"meta type {qtype} of no zone", header() + question("example.org.", qtype))
        yield Case(f"meta type {qtype}, OPT", header(ar=1) + question(qtype=qtype) + opt(do=True))
    yield Case("AXFR, class ANY", header() + question("example.com.", AXFR, 255))
    yield Case("AXFR, class NONE", header() + question("example.com.", AXFR, NONE))
    yield Case("IXFR, class ANY", header() + question("example.com.", IXFR, 255))
    yield Case("AXFR of the parent", header() + question("com.", AXFR))
    yield Case("AXFR of a delegation", header() + question("sub.example.com.", AXFR))
    yield Case("AXFR, RD AA TC", header(RD | AA | TC) + question("example.com.", AXFR))
    yield Case("AXFR, two OPT", header(ar=2) + question("example.com.", AXFR) + opt() * 2)
    yield Case("IXFR with two SOAs", header(ns=2) + question("example.com.", IXFR) + rr("example.com.", SOA, soa_rdata()) * 2)
    yield Case("IXFR with a broken SOA", header(ns=1) + question("example.com.", IXFR) + rr("example.com.", SOA, b"\0\0"))
    yield Case("a record with a broken name", header(ar=1) + q + rr("a.example.com.", NS, b"\xc0"))
    yield Case("an A of three bytes", header(ar=1) + q + rr("a.example.com.", A, b"\1\2\3"))
    yield Case("an empty A", header(an=1) + q + rr("www.example.com.", A))
    yield Case("an MX of one byte", header(ns=1) + q + rr("a.example.com.", 15, b"\1"))
    yield Case("an MX with more behind", header(ns=1) + q + rr("a.example.com.", 15, b"\0\1\0\0"))
    yield Case("an MX with a name compressed", header(ns=1) + q + rr("a.example.com.", 15, b"\0\1\xc0\x0c"))
    yield Case("an SRV with a name compressed", header(ns=1) + q + rr("a.example.com.", SRV, b"\0\1\0\1\0\1\xc0\x0c"))
    yield Case("a NAPTR cut", header(ns=1) + q + rr("a.example.com.", 35, b"\0\1\0\1\1"))
    yield Case("a TXT string too long", header(ns=1) + q + rr("a.example.com.", TXT, b"\5abc"))
    yield Case("an empty TXT", header(ns=1) + q + rr("a.example.com.", TXT))
    yield Case("an unknown type, empty", header(ns=1) + q + rr("a.example.com.", 65280))
    yield Case("a pointer forward in rdata", header(ns=1) + q + rr("a.example.com.", NS, b"\xc1\xff"))
    yield Case("a pointer into the header in rdata", header(ns=1) + q + rr("a.example.com.", NS, b"\xc0\x04"))
    yield Case("a CNAME record", header(an=1) + q + rr("www.example.com.", 5, APEX))
    yield Case("an A of class CH", header(an=1) + q + rr("www.example.com.", A, b"\1\2\3\4", CH))
    yield Case("an A of three bytes, class ANY", header(an=1) + q + rr("www.example.com.", A, b"\1\2\3", 255))
    yield Case("an empty A, class ANY", header(an=1) + q + rr("www.example.com.", A, b"", 255))
    yield Case("an empty A, class NONE", header(an=1) + q + rr("www.example.com.", A, b"", NONE))
    yield Case("an AXFR record", header(an=1) + q + rr("www.example.com.", AXFR))
    yield Case("an ANY record", header(an=1) + q + rr("www.example.com.", ANY))
    yield Case("a record of type 0", header(an=1) + q + rr("www.example.com.", 0))
    yield Case("TKEY in the additional section", header(ar=1) + question("k.example.com.", TKEY)
               + rr("k.example.com.", TKEY, name("gss-tsig.") + bytes(16), 255))
    yield Case("IQUERY with an answer", header(0, IQUERY, qd=0, an=1) + rr(".", A, b"\1\2\3\4"))
    yield Case("STATUS, two OPT", header(0, STATUS, ar=2) + q + opt() * 2)
    yield Case("STATUS, two questions", header(0, STATUS, qd=2) + q + q)
    yield Case("STATUS, question cut", header(0, STATUS) + q[:-1])
    yield Case("STATUS, a record cut", header(0, STATUS, ar=1) + q + rr("www.example.com.", A, b"\1\2\3\4")[:-1])
    yield Case("STATUS, no question, a record cut", header(0, STATUS, qd=0, ar=1) + rr(".", A, b"\1\2\3\4")[:-1])
    yield Case("opcode 15, a record cut", header(0, 15, ar=1) + q + rr("www.example.com.", A, b"\1\2\3\4")[:-1])
    yield Case("opcode 15, two questions", header(0, 15, qd=2) + q + q)
    yield Case("IQUERY, a record cut", header(0, IQUERY, qd=0, an=1) + rr(".", A, b"\1\2\3\4")[:-1])
    yield Case("STATUS, TSIG", header(0, STATUS, ar=1) + q + tsig())
    yield Case("UPDATE, OPT", header(0, UPDATE, ar=1) + question("example.com.", SOA) + opt())
    yield Case("UPDATE, TSIG", header(0, UPDATE, ar=1) + question("example.com.", SOA) + tsig())
    yield Case("UPDATE, cut", (header(0, UPDATE, ns=1) + question("example.com.", SOA)))
    yield Case("NOTIFY, two questions", header(AA, NOTIFY, qd=2) + question("example.com.", SOA) * 2)
    yield Case("NOTIFY with a broken SOA", header(AA, NOTIFY, an=1) + question("example.com.", SOA)
               + rr("example.com.", SOA, b"\0\0"))
    yield Case("NOTIFY with an A", header(AA, NOTIFY, an=1) + question("example.com.", SOA)
               + rr("example.com.", A, b"\1\2\3\4"))
    yield Case("NOTIFY, garbage behind", header(AA, NOTIFY) + question("example.com.", SOA) + b"\0")
    yield Case("NOTIFY with TC", header(AA | TC, NOTIFY) + question("example.com.", SOA))
    yield Case("NOTIFY of the class ANY", header(AA, NOTIFY) + question("example.com.", SOA, 255))
    yield Case("TSIG, class CH", header(ar=1) + question("version.bind.", TXT, CH) + tsig())
    yield Case("TSIG, no question", header(qd=0, ar=1) + tsig())
    yield Case("TSIG, EDNS version 1", header(ar=2) + q + opt(version=1) + tsig())
    yield Case("TSIG of the root", header(ar=1) + q + tsig(key="."))
    yield Case("TSIG, garbage behind", header(ar=1) + q + tsig() + b"\0")
    yield Case("TSIG, long MAC", header(ar=1) + q + tsig(mac=bytes(300)))
    yield Case("TSIG, error in the query", header(ar=1) + q + tsig(error=17))
    yield Case("SIG(0), OPT", header(ar=2) + q + opt() + rr(".", SIG, bytes(18) + b"\0" + bytes(64), 255))
    yield Case("SIG(0), empty", header(ar=1) + q + rr(".", SIG, b"", 255))


def truncation_cases():
    big = question("big.example.com.", TXT)
    yield Case("too large without OPT", header() + big)
    yield Case("too large for 512", header(ar=1) + big + opt(512))
    yield Case("too large for 1232", header(ar=1) + big + opt(4096, do=True))
    yield Case("medium without OPT", header(RD) + question("medium.example.com.", TXT))
    yield Case("medium with OPT", header(RD, ar=1) + question("medium.example.com.", TXT) + opt())


def tsig_cases():
    q = question()
    yield Case("TSIG, unknown key", header(ar=1) + q + tsig())
    yield Case("TSIG, unknown key, OPT", header(ar=2) + q + opt() + tsig())
    yield Case("TSIG, unknown key, name in no zone", header(ar=1) + question("example.org.") + tsig())
    yield Case("TSIG, unknown key, AXFR", header(ar=1) + question("example.com.", AXFR) + tsig())
    yield Case("TSIG, unknown key, NOTIFY", header(AA, NOTIFY, ar=1) + question("example.com.", SOA) + tsig())
    yield Case("TSIG, unknown algorithm", header(ar=1) + q + tsig(alg="rot13."))
    yield Case("TSIG before the OPT", header(ar=2) + q + tsig() + opt())
    yield Case("two TSIG", header(ar=2) + q + tsig() + tsig())
    yield Case("TSIG in the answer section", header(an=1) + q + tsig())
    yield Case("TSIG of class IN", header(ar=1) + q + tsig(rclass=IN))
    yield Case("TSIG, RDATA of 3 bytes", header(ar=1) + q + rr("nobody.", TSIG, b"\1a\0", 255))
    yield Case("TSIG, empty RDATA", header(ar=1) + q + rr("nobody.", TSIG, b"", 255))
    yield Case("TSIG, no MAC", header(ar=1) + q + tsig(mac=b""))
    yield Case("SIG(0)", header(ar=1) + q + rr(".", SIG, bytes(18) + b"\0" + bytes(64), 255))


def cases():
    for group in (header_cases, count_cases, name_cases, type_cases, transfer_cases, notify_cases,
                  edns_cases, option_cases, odd_cases, truncation_cases, tsig_cases):
        yield from group()


class Summary:
    """What is compared of a reply; `text` in one line."""

    def __init__(self, query, wire):
        self.silent = wire is None
        if self.silent:
            self.text = "-"
            return
        msgid, flags, *counts = struct.unpack("!6H", wire[:12])
        self.opcode = flags >> 11 & 15
        self.flags = [t for bit, t in ((QR, "QR"), (AA, "AA"), (TC, "TC"), (RD, "RD"), (RA, "RA"), (Z, "Z"),
                                       (AD, "AD"), (CD, "CD")) if flags & bit]
        self.counts = counts
        self.id_kept = msgid == struct.unpack("!H", query[:2])[0]
        self.opt = self.find_opt(wire)
        self.rcode = flags & 15 | (self.opt["ext"] << 4 if self.opt else 0)
        end = 12 + self.question_len(wire)
        self.echoed = counts[0] == 0 or wire[12:end] == query[12:end]
        self.options = options(self.opt["rdata"]) if self.opt else []
        tail = "" if self.opt is None else f" opt{self.opt['version']}{'+do' if self.opt['do'] else ''}"
        tail += "".join(f" {code}={data!r}" for code, data in self.options)
        self.text = (f"{self.rcode} {'+'.join(self.flags)} {counts}{tail}{'' if self.id_kept else ' BAD-ID'}"
                     f"{'' if self.echoed else ' NOT-ECHOED'}")

    @staticmethod
    def skip_name(wire, pos):
        while True:
            octet = wire[pos]
            if octet >= 0xC0:
                return pos + 2
            pos += 1 + octet
            if octet == 0:
                return pos

    @classmethod
    def question_len(cls, wire):
        if struct.unpack("!H", wire[4:6])[0] == 0:
            return 0
        return cls.skip_name(wire, 12) + 4 - 12

    @classmethod
    def find_opt(cls, wire):
        qd, an, ns, ar = struct.unpack("!4H", wire[4:12])
        pos = 12
        for _ in range(qd):
            pos = cls.skip_name(wire, pos) + 4
        for _ in range(an + ns + ar):
            pos = cls.skip_name(wire, pos)
            rtype, rclass, ttl, rdlen = struct.unpack("!HHIH", wire[pos:pos + 10])
            pos += 10 + rdlen
            if rtype == OPT:
                return {"size": rclass, "version": ttl >> 16 & 255, "ext": ttl >> 24, "do": bool(ttl & 0x8000),
                        "rdata": wire[pos - rdlen:pos]}
        return None


def options(rdata):
    """The options of an OPT: [(code, data), ...]."""
    found = []
    while rdata:
        code, length = struct.unpack("!HH", rdata[:4])
        found.append((code, rdata[4:4 + length]))
        rdata = rdata[4 + length:]
    return found


def plain_query(msgid):
    return struct.pack("!6H", msgid, 0, 1, 0, 0, 0) + question("example.com.", SOA)


def ask_udp(server, wire, timeout=5):
    """Sends the message and then a plain query from the same port. The message's reply, or None when the plain
    query's came and no other within a moment (servers may answer out of order, if several threads do)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((CLIENT, 0))
        sock.connect(server)
        sock.send(wire)
        sock.send(plain_query(0x1234))
        sock.settimeout(timeout)
        reply, plain = None, False
        while not plain or reply is None:
            try:
                got = sock.recv(65535)
            except socket.timeout:
                if not plain:
                    raise AssertionError(f"{server} no longer answers a plain query") from None
                return None
            if got[:2] == b"\x12\x34" and wire[:2] != b"\x12\x34":
                plain = True
                sock.settimeout(0.15)
            else:
                reply = got
        return reply


def recv_exactly(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def ask_tcp(server, wire, timeout=5):
    """The reply; None: the server closed the connection, or answered only the plain query behind the message."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind((CLIENT, 0))
        sock.settimeout(timeout)
        sock.connect(server)
        try:
            plain = plain_query(0x1234)
            sock.sendall(struct.pack("!H", len(wire)) + wire + struct.pack("!H", len(plain)) + plain)
            while True:
                got = recv_exactly(sock, struct.unpack("!H", recv_exactly(sock, 2))[0])
                if got[:2] != b"\x12\x34":
                    return got
                sock.settimeout(0.15)
        except (EOFError, ConnectionError, socket.timeout):
            return None


def ask(server, case, tcp):
    return Summary(case.wire, (ask_tcp if tcp else ask_udp)(server, case.wire))


def main(argv):
    servers = [(a, int(p)) for a, p in (arg.split("@") for arg in argv)]
    for case in cases():
        for tcp in (False, True) if case.tcp else (False,):
            texts = [ask(server, case, tcp).text for server in servers]
            mark = "  " if len(set(texts)) == 1 else "* "
            print(f"{mark}{case.what} [{'tcp' if tcp else 'udp'}]: " + " | ".join(texts))


if __name__ == "__main__":
    main(sys.argv[1:])

# SPDX-License-Identifier: GPL-3.0-or-later
"""Is this reply right? Of the zones of zonefiles.py, whose answers are known from the question: header, records and proofs."""
import base64
import functools
import hashlib
import struct

from zonefiles import A, NS, SOA

OPT, RRSIG, NSEC, NSEC3 = 41, 46, 47, 50
QR, AA, TC = 0x8000, 0x0400, 0x0200
NOERROR, NXDOMAIN = 0, 3


class Wrong(Exception):
    pass


def want(condition, text):
    if not condition:
        raise Wrong(text)


def read_name(message, at):
    """A name in lower case on the wire, and what is behind it. RFC 1035 §4.1.4."""
    parts, end, hops = [], None, 0
    while True:
        length = message[at]
        if length >= 0xC0:
            end = end or at + 2
            at = struct.unpack_from("!H", message, at)[0] & 0x3FFF
            hops += 1
            want(hops < 128, "a name without end")
            continue
        parts.append(message[at:at + 1 + length].lower())
        at += 1 + length
        if not length:
            return b"".join(parts), end or at


def labels(name):
    """From the root's side on: the order of these lists is the canonical one, RFC 4034 §6.1."""
    found, at = [], 0
    while name[at]:
        found.append(name[at + 1:at + 1 + name[at]])
        at += 1 + name[at]
    return found[::-1]


class Message:
    """sections: answer, authority, additional, each a list of (owner, type, rdata, where rdata begins)."""

    def __init__(self, message):
        self.bytes = message
        self.id, self.flags, _, *counts = struct.unpack_from("!6H", message)
        self.qname, at = read_name(message, 12)
        self.qtype = struct.unpack_from("!H", message, at)[0]
        at += 4
        self.sections, self.opt = [], None
        for count in counts:
            self.sections.append([])
            for _ in range(count):
                owner, at = read_name(message, at)
                kind, _, ttl, length = struct.unpack_from("!HHIH", message, at)
                at += 10
                if kind == OPT:
                    self.opt = ttl
                else:
                    self.sections[-1].append((owner, kind, message[at:at + length], at))
                at += length
        want(at == len(message), f"{len(message) - at} bytes behind the message")

    @property
    def do(self):
        return bool(self.opt and self.opt & 0x8000)

    def of(self, section, kind, owner=None):
        return [record for record in self.sections[section] if record[1] == kind and owner in (None, record[0])]


def signed(reply, section, owner, kind):
    return any(struct.unpack_from("!H", rdata)[0] == kind for _, _, rdata, _ in reply.of(section, RRSIG, owner))


def inside(before, key, after):
    """Does the link of a chain from `before` to `after` go over the key? The last link leads to the first."""
    return before < key < after if before < after else key > before or key < after


@functools.lru_cache(16)
def nsec3_hash(name):
    """Without salt and extra iterations, as zonefiles.py signs."""
    return hashlib.sha1(name).digest()


class Proofs:
    """The NSEC or NSEC3 records of a reply's authority section, each of which has to have a signature."""

    def __init__(self, zone, reply):
        self.key = labels if zone.denial == "nsec" else nsec3_hash
        self.links = []  # (from, to)
        for owner, kind, rdata, at in reply.sections[1]:
            if kind == NSEC:
                link = labels(owner), labels(read_name(reply.bytes, at)[0])
            elif kind == NSEC3:
                begin = 6 + rdata[4]  # behind the salt and the length of the next hash
                link = base64.b32hexdecode(owner[1:33].upper()), rdata[begin:begin + 20]
            else:
                continue
            want(signed(reply, 1, owner, kind), "a proof without signature")
            self.links.append(link)

    def matches(self, name):
        want(any(before == self.key(name) for before, _ in self.links), f"no proof of what is at {name!r}")

    def covers(self, name):
        key = self.key(name)
        want(any(inside(before, key, after) for before, after in self.links), f"no proof that there is no {name!r}")


def check_data(expected, reply):
    found = reply.of(0, reply.qtype, reply.qname)
    want(found, "no such record in the answer")
    want(expected.rdata in (None, found[0][2]) and (expected.rdata is None or len(found) == 1), "another record's data")


def check_soa(zone, reply):
    want(not reply.sections[0], "records in the answer section")
    want(len(reply.of(1, SOA, zone.apex)) == 1, "no SOA")


def check_denial(zone, expected, reply):
    """RFC 4035 §3.1.3, RFC 5155 §7.2. In these zones the closest encloser of what does not exist is the apex."""
    want(signed(reply, 1, zone.apex, SOA), "no signature of the SOA")
    proofs = Proofs(zone, reply)
    if expected.kind == "nodata":
        proofs.matches(reply.qname)
        return
    if zone.denial == "nsec3":
        proofs.matches(zone.apex)
    proofs.covers(reply.qname)
    proofs.covers(b"\1*" + zone.apex)


def check_referral(expected, reply):
    want(not reply.sections[0], "records in the answer section")
    servers = [read_name(reply.bytes, at)[0] for _, _, _, at in reply.of(1, NS, expected.cut)]
    want(len(servers) == 2, "no two name servers")
    for server in servers:
        # Glue below the delegation has to be there, RFC 9471.
        want(not server.endswith(expected.cut) or reply.of(2, A, server), "no glue")


def check(zone, query, reply):
    """What is wrong with the reply to this query, or None."""
    try:
        asked, reply = Message(query), Message(reply)
        expected = zone.expected(asked.qname, asked.qtype)
        want(reply.flags & QR and reply.qname == asked.qname and reply.qtype == asked.qtype, "no reply to this question")
        want(not reply.flags & TC, "truncated")
        want(reply.flags & 0xF == (NXDOMAIN if expected.kind == "nxdomain" else NOERROR), f"RCODE {reply.flags & 0xF}")
        want(bool(reply.flags & AA) == (expected.kind != "referral"), "AA")
        want((reply.opt is None) == (asked.opt is None), "EDNS")
        if expected.kind == "data":
            check_data(expected, reply)
        elif expected.kind == "referral":
            check_referral(expected, reply)
        else:
            check_soa(zone, reply)
        if zone.denial and asked.do:
            if expected.kind == "data":
                want(signed(reply, 0, reply.qname, reply.qtype), "no signature")
            else:
                check_denial(zone, expected, reply)
        elif any(kind == RRSIG for section in reply.sections for _, kind, _, _ in section):
            want(False, "signatures that nobody asked for")
    except Wrong as wrong:
        return str(wrong)
    except (IndexError, ValueError, struct.error) as error:
        return f"not a message: {error}"
    return None

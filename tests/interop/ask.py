# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries, many at a time, and what a reply says, in a form that can be compared.

Transports: udp (a socket in the client's namespace), tcp (all queries on one connection), frames (whole Ethernet
frames by AF_PACKET with room behind the message, as a real NIC leaves it; with VLAN tags too). Each takes a list
of wire messages and returns the list of their replies, None where none came.
"""
import ipaddress
import random
import select
import socket
import struct
import time
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rdatatype

from lab import RAW4, RAW6

A, NS, CNAME, SOA, MX, TXT, AAAA, OPT, ANY = 1, 2, 5, 6, 15, 16, 28, 41, 255
QR, AA, TC, RD, RA, AD, CD = 0x8000, 0x400, 0x200, 0x100, 0x80, 0x20, 0x10


@dataclass(frozen=True)
class Query:
    name: bytes  # on the wire, spelled as asked
    qtype: int
    flags: int = 0
    edns: int = 0  # UDP size; 0: no OPT
    do: bool = False
    version: int = 0
    qclass: int = 1
    options: bytes = b""

    def wire(self, ident):
        wire = struct.pack("!6H", ident, self.flags, 1, 0, 0, 1 if self.edns else 0)
        wire += self.name + struct.pack("!HH", self.qtype, self.qclass)
        if self.edns:
            ttl = self.version << 16 | (0x8000 if self.do else 0)
            wire += struct.pack("!BHHIH", 0, OPT, self.edns, ttl, len(self.options)) + self.options
        return wire

    @property
    def text(self):
        name = dns.name.from_wire(self.name, 0)[0].to_text()
        more = f" EDNS {self.edns}{' DO' if self.do else ''} v{self.version}" if self.edns else ""
        return f"{name} {dns.rdatatype.to_text(self.qtype)} flags {self.flags:#06x}{more}"


def wire_name(text):
    return dns.name.from_text(text).to_wire()


def query(name, qtype="A", **more):
    qtype = dns.rdatatype.from_text(qtype) if isinstance(qtype, str) else qtype
    return Query(wire_name(name) if isinstance(name, str) else name, qtype, **more)


def spell(name, rng):
    """The wire name with its letters in random case (0x20)."""
    return bytes(c ^ 0x20 if chr(c).isalpha() and c < 128 and rng.random() < 0.5 else c
                 for c in name) if name else name


# ---- transports ----

def _collect(send, receive, wires, window, timeout, tries):
    """Keeps `window` queries under way and sends again what is not answered within `timeout`."""
    replies = [None] * len(wires)
    for _ in range(tries):
        todo = [i for i, reply in enumerate(replies) if reply is None]
        waiting, position = {}, 0
        deadline = time.monotonic() + timeout
        while (position < len(todo) or waiting) and time.monotonic() < deadline:
            while position < len(todo) and len(waiting) < window:
                index = todo[position]
                ident = (index * 7919 + 13) & 0xFFFF
                if ident in waiting:
                    break
                send(struct.pack("!H", ident) + wires[index][2:])
                waiting[ident] = index
                position += 1
            for message in receive(max(0, deadline - time.monotonic())):
                index = waiting.pop(int.from_bytes(message[:2], "big"), None)
                if index is not None:
                    replies[index] = message
                    deadline = time.monotonic() + timeout
    return replies


def udp(ns, address, wires, port=53, window=32, timeout=1.0, tries=3):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with ns.entered():
        sock = socket.socket(family, socket.SOCK_DGRAM)
    with sock:
        sock.connect((address, port))
        sock.setblocking(False)

        def send(wire):
            try:
                sock.send(wire)
            except ConnectionRefusedError:
                pass

        def receive(wait):
            select.select([sock], [], [], wait)
            messages = []
            try:
                while True:
                    messages.append(sock.recv(65535))
            except (BlockingIOError, ConnectionRefusedError):
                return messages

        return _collect(send, receive, wires, window, timeout, tries)


def udp_one(ns, address, wire, **more):
    return udp(ns, address, [wire], **more)[0]


def tcp_connect(ns, address, port=53, timeout=5.0):
    with ns.entered():
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    sock.connect((address, port))
    return sock


def tcp_receive(sock):
    """One message, or None at the end of the stream."""
    data = b""
    while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
        want = 2 - len(data) if len(data) < 2 else 2 + int.from_bytes(data[:2], "big") - len(data)
        more = sock.recv(want)
        if not more:
            return None
        data += more
    return data[2:]


def tcp(ns, address, wires, port=53, window=20, timeout=5.0):
    """All on one connection, `window` of them under way; replies in any order."""
    replies = [None] * len(wires)
    with tcp_connect(ns, address, port, timeout) as sock:
        waiting, position = {}, 0
        while position < len(wires) or waiting:
            while position < len(wires) and len(waiting) < window:
                ident = position & 0xFFFF
                wire = struct.pack("!H", ident) + wires[position][2:]
                sock.sendall(struct.pack("!H", len(wire)) + wire)
                waiting[ident] = position
                position += 1
            message = tcp_receive(sock)
            if message is None:
                break
            index = waiting.pop(int.from_bytes(message[:2], "big"), None)
            if index is not None:
                replies[index] = message
    return replies


def ones_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


class FrameError(AssertionError):
    pass


@dataclass
class Frames:
    """Frames written and read by hand on c0, tags outermost first: ((tpid, tci), ...). Every reply is checked."""

    lab: object
    tags: tuple = ()
    v6: bool = False
    room: int = 1514  # length that frames are padded to, tags included
    port: int = 40053
    sock: socket.socket = field(default=None, repr=False)

    def __post_init__(self):
        with self.lab.client.entered():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.sock.bind(("c0", 0))
        # Tags that the kernel took off are given back beside the data: PACKET_AUXDATA.
        self.sock.setsockopt(263, 8, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.sock.setblocking(False)
        self.macs = [bytes.fromhex(mac.replace(":", "")) for mac in (self.lab.server_mac, self.lab.client_mac)]

    def close(self):
        self.sock.close()

    def frame(self, message, destination):
        source = ipaddress.ip_address(RAW6 if self.v6 else RAW4).packed
        target = ipaddress.ip_address(destination).packed
        udp_len = 8 + len(message)
        header = struct.pack("!HHH", self.port, 53, udp_len)
        pseudo = source + target + struct.pack("!IHBB", udp_len, 0, 0, 17)
        checksum = (0xFFFF - ones_sum(pseudo + header + b"\0\0" + message)) or 0xFFFF
        datagram = header + struct.pack("!H", checksum) + message
        if self.v6:
            packet = struct.pack("!IHBB", 6 << 28 | 0x12345, udp_len, 17, 7) + source + target + datagram
            ethertype = 0x86DD
        else:
            ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + udp_len, 0x1234, 0x4000, 7, 17, 0) + source + target
            ip = ip[:10] + struct.pack("!H", 0xFFFF - ones_sum(ip)) + ip[12:]
            packet = ip + datagram
            ethertype = 0x0800
        link = b"".join(struct.pack("!HH", tpid, tci) for tpid, tci in self.tags) + struct.pack("!H", ethertype)
        frame = self.macs[0] + self.macs[1] + link + packet
        return frame + bytes(max(0, self.room - len(frame)))

    def message(self, frame, address, auxdata):
        """The DNS message in a reply to our port, or None for any other frame; checks all that lies around it."""
        if frame[:6] != self.macs[1] or frame[6:12] != self.macs[0]:
            return None
        tags, position = (auxdata,) if auxdata else (), 12
        ethertype = int.from_bytes(frame[12:14], "big")
        while ethertype in (0x8100, 0x88A8):
            tags += ((ethertype, int.from_bytes(frame[position + 2:position + 4], "big")),)
            position += 4
            ethertype = int.from_bytes(frame[position:position + 2], "big")
        if ethertype != (0x86DD if self.v6 else 0x0800):
            return None
        ip = frame[position + 2:]
        source = ipaddress.ip_address(RAW6 if self.v6 else RAW4).packed
        if self.v6:
            if ip[6] != 17 or ip[24:40] != source:
                return None
            length, ttl, hosts, datagram = int.from_bytes(ip[4:6], "big"), ip[7], ip[8:40], ip[40:]
        else:
            if ip[0] != 0x45 or ip[9] != 17 or ip[16:20] != source:
                return None
            length, ttl, hosts = int.from_bytes(ip[2:4], "big") - 20, ip[8], ip[12:20]
            datagram = ip[20:]
            check(ones_sum(ip[:20]) == 0xFFFF, "IPv4 checksum", frame)
            check(int.from_bytes(ip[6:8], "big") & 0x3FFF == 0, "a fragment", frame)
        if datagram[2:4] != struct.pack("!H", self.port) or address == "own":
            return None
        udp_len, checksum = struct.unpack("!HH", datagram[4:8])
        check(tags == self.tags, f"VLAN tags {tags}, not {self.tags}", frame)
        check(ttl >= 32, f"TTL {ttl} is not set anew", frame)
        check(udp_len == length <= len(datagram), f"UDP length {udp_len}, IP says {length}", frame)
        check(checksum != 0, "no UDP checksum", frame)
        total = hosts + struct.pack("!IHBB", udp_len, 0, 0, 17) + datagram[:udp_len]
        check(ones_sum(total) == 0xFFFF, "UDP checksum", frame)
        return datagram[8:udp_len]

    def receive(self):
        """The messages in the replies that have come."""
        messages = []
        try:
            while True:
                frame, aux, _, source = self.sock.recvmsg(65535, 512)
                if source[2] == 4:  # PACKET_OUTGOING: our own
                    continue
                message = self.message(frame, source, _tag(aux))
                if message is not None:
                    messages.append(message)
        except BlockingIOError:
            return messages

    def ask(self, address, wires, window=32, timeout=1.0, tries=3):
        def send(wire):
            self.sock.send(self.frame(wire, address))

        def receive(wait):
            select.select([self.sock], [], [], wait)
            return self.receive()

        return _collect(send, receive, wires, window, timeout, tries)


def _tag(ancillary):
    for level, kind, data in ancillary:
        if level == 263 and kind == 8:
            status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", data[:20])
            if status & 0x10:  # TP_STATUS_VLAN_VALID
                return (tpid if status & 0x40 else 0x8100, tci)
    return None


def check(condition, what, frame):
    if not condition:
        raise FrameError(f"{what}: {frame.hex()}")


# ---- what a reply says ----

def summary(wire):
    """(flags with opcode and rcode, question bytes, three sections as sets, EDNS (version, DO) or None).

    Names are compared without case, as are names in data (RFC 4343, RFC 3597 §7): to_digestable; TTLs and types
    exactly.
    """
    message = dns.message.from_wire(wire, one_rr_per_rrset=True, ignore_trailing=False)
    sections = tuple(
        frozenset((rrset.name.to_text().lower(), rrset.rdtype, int(rrset.rdclass), rrset.ttl, rdata.to_digestable())
                  for rrset in section for rdata in (rrset or [None]) if rdata is not None)
        for section in (message.answer, message.authority, message.additional))
    counts = tuple(len(section) for section in (message.answer, message.authority, message.additional))
    assert counts == tuple(len(s) for s in sections), "a record twice in a section"
    edns = (message.edns, bool(message.ednsflags & dns.flags.DO)) if message.edns >= 0 else None
    position = 12
    for _ in range(int.from_bytes(wire[4:6], "big")):
        while wire[position]:
            position += 1 + wire[position]
        position += 5
    rcode = message.rcode()
    return int.from_bytes(wire[2:4], "big") & ~0xF, int(rcode), wire[12:position], sections, edns


def describe(wire):
    if wire is None:
        return "no reply"
    try:
        return dns.message.from_wire(wire).to_text()
    except Exception as error:  # a broken reply is to be shown, not to end the test's own message
        return f"{error!r}: {wire.hex()}"


def rng_for(*seed):
    return random.Random("/".join(map(str, seed)))

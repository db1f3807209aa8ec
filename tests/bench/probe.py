# SPDX-License-Identifier: GPL-3.0-or-later
"""When does an answer come?

Queries are frames from an address to which the server has no route: what the program sends back by XDP_TX comes, what the
sockets send does not. So an answer is one at the interface. (Knot's sockets are asked from an ordinary one.)
"""
import ipaddress
import select
import socket
import struct
import time

from ask import ones_sum
from lab import FIRST4, SERVER4

NOWHERE4 = "198.51.100.7"
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35


def message(name, qtype, ident):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".")) + b"\0"
    return struct.pack("!6H", ident, 0, 1, 0, 0, 0) + labels + struct.pack("!HH", qtype, 1)


def is_answer(reply):
    """NOERROR, AA, with a record."""
    flags, _, answers = struct.unpack("!HHH", reply[2:8])
    return flags & 0x840F == 0x8400 and answers > 0


class Interface:
    """Replies of the program, and when the primary last sent anything by TCP."""

    def __init__(self, lab):
        with lab.client.entered():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.sock.bind(("c0", 0))
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.sock.setblocking(False)
        macs = [bytes.fromhex(mac.replace(":", "")) for mac in (lab.server_mac, lab.client_mac)]
        self.link = macs[0] + macs[1] + b"\x08\x00"
        self.addresses = ipaddress.ip_address(NOWHERE4).packed + ipaddress.ip_address(SERVER4).packed
        self.nowhere, self.primary = self.addresses[:4], ipaddress.ip_address(FIRST4).packed
        self.last_transfer = 0.0  # CLOCK_REALTIME

    def close(self):
        self.sock.close()

    def send(self, wire):
        udp_len = 8 + len(wire)
        header = struct.pack("!HHHH", 40053, 53, udp_len, 0)
        pseudo = self.addresses + struct.pack("!HH", 17, udp_len)
        checksum = 0xFFFF - ones_sum(pseudo + header + wire) or 0xFFFF
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + udp_len, 0, 0, 64, 17, 0) + self.addresses
        ip = ip[:10] + struct.pack("!H", 0xFFFF - ones_sum(ip)) + ip[12:]
        frame = self.link + ip + header[:6] + struct.pack("!H", checksum) + wire
        try:
            self.sock.send(frame.ljust(1514, b"\0"))
        except BlockingIOError:
            pass

    def _message(self, frame):
        ip = frame[14:]
        if frame[12:14] != b"\x08\x00" or ip[0] != 0x45:
            return None
        if ip[9] == 17 and ip[16:20] == self.nowhere and ip[20:22] == b"\x00\x35":
            return ip[28:20 + int.from_bytes(ip[24:26], "big")]
        return None

    def _is_transfer(self, frame):
        ip = frame[14:]
        if frame[12:14] != b"\x08\x00" or ip[9] != 6 or ip[12:16] != self.primary or ip[20:22] != b"\x00\x35":
            return False
        return int.from_bytes(ip[2:4], "big") > 20 + (ip[32] >> 4) * 4  # has data

    def receive(self, wait):
        """[(time, message)]: CLOCK_REALTIME of the kernel."""
        replies = []
        select.select([self.sock], [], [], wait)
        try:
            while True:
                frame, ancillary, _, _ = self.sock.recvmsg(2048, 64)
                stamp = time.time()
                for level, kind, data in ancillary:
                    if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                        seconds, nanoseconds = struct.unpack("qq", data[:16])
                        stamp = seconds + nanoseconds / 1e9
                if self._is_transfer(frame):
                    self.last_transfer = stamp
                    continue
                wire = self._message(frame)
                if wire:
                    replies.append((stamp, wire))
        except BlockingIOError:
            return replies


class Sockets:
    """The same of a server that answers from sockets."""

    def __init__(self, lab, port):
        with lab.client.entered():
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.connect((SERVER4, port))

    def close(self):
        self.sock.close()

    def send(self, wire):
        try:
            self.sock.send(wire)
        except (BlockingIOError, ConnectionRefusedError):
            pass  # not there yet

    def receive(self, wait):
        replies = []
        select.select([self.sock], [], [], wait)
        try:
            while True:
                replies.append((time.time(), self.sock.recv(65535)))
        except (BlockingIOError, ConnectionRefusedError):
            return replies


def wait_answers(link, names, qtype=1, timeout=300.0, accept=is_answer, rate=2000):
    """When (CLOCK_REALTIME) the last of the names had its answer; asks for what has none, `rate` times a second.

    They are told apart by the ID: 65,536 at most.
    """
    pending = dict(enumerate(names))
    wires = {i: message(name, qtype, i) for i, name in pending.items()}
    deadline, last, turn = time.time() + timeout, 0.0, []
    batch = max(1, rate // 500)
    while pending:
        if time.time() > deadline:
            raise TimeoutError(f"{len(pending)} of {len(names)} names have no answer, {pending[min(pending)]} for one")
        for _ in range(min(batch, len(pending))):
            if not turn:
                turn = list(pending)
            index = turn.pop()
            if index in pending:
                link.send(wires[index])
        for stamp, reply in link.receive(0.002):
            index = int.from_bytes(reply[:2], "big")
            if index in pending and accept(reply):
                del pending[index]
                last = stamp
    return last

# SPDX-License-Identifier: GPL-3.0-or-later
"""A stream of queries in a thread: what must not be interrupted, and when an answer changed."""
import socket
import struct
import threading
import time

import ask


class Stream:
    """Asks one question again and again, at most `rate` times a second, each with one second to be answered.

    with Stream(lab.client, SERVER4, query) as stream: ... ; then stream.lost, stream.asked, stream.seen.
    """

    def __init__(self, ns, address, query, rate=2000):
        with ns.entered():
            self.sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.connect((address, 53))
        self.sock.settimeout(1)
        self.query, self.pause = query, 1 / rate
        self.asked = self.lost = 0
        self.seen = []  # (time, reply without its ID) whenever it is another than the one before
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.ending.is_set():
            self.asked += 1
            ident = self.asked & 0xFFFF
            reply = None
            try:
                self.sock.send(self.query.wire(ident))
                while reply is None or reply[:2] != struct.pack("!H", ident):
                    reply = self.sock.recv(65535)
            except OSError:
                self.lost += 1
                continue
            if not self.seen or self.seen[-1][1] != reply[2:]:
                self.seen.append((time.monotonic(), reply[2:]))
            self.ending.wait(self.pause)

    def wait_asked(self, more, timeout=10):
        """Until so many more queries have been answered."""
        goal, end = self.asked + more, time.monotonic() + timeout
        while self.asked < goal:
            assert time.monotonic() < end, f"{self.asked} of {goal} queries answered, {self.lost} lost"
            time.sleep(0.005)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()
        self.sock.close()


def rcode(ns, address, name, qtype="A", **more):
    """The rcode of one query over UDP, or None when nobody answers."""
    reply = ask.udp_one(ns, address, ask.query(name, qtype).wire(1), **more)
    return None if reply is None else reply[3] & 15

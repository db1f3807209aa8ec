# SPDX-License-Identifier: GPL-3.0-or-later
"""The responder's sockets: TCP as RFC 7766 has it, REFUSED, CHAOS, transfers refused."""
import select
import socket
import struct
import time

import pytest

import ask
from ask import query, tcp_connect, tcp_receive, wire_name
from lab import SERVER4, SERVER6
from test_updates import zone

REFUSED, NOTIMP, NOTAUTH = 5, 4, 9


@pytest.fixture(scope="module")
def w(shared_world):
    def make(new):
        world = new({"example.com": zone(1)}, server={"tcp-max-clients": 20, "tcp-idle-timeout": "2s",
                                                      "version": "test 1.0", "identity": "here"})
        world.xnsd.start()
        world.xnsd.wait_served("example.com")
        return world
    return shared_world("sockets", make)


@pytest.mark.parametrize("address", [SERVER4, SERVER6])
def test_pipelining(w, address):
    """Hundreds of queries on one connection, all sent before the first reply is read, in odd pieces."""
    wires = [query(f"n{i}.example.com").wire(i) for i in range(300)]
    stream = b"".join(struct.pack("!H", len(wire)) + wire for wire in wires)
    with tcp_connect(w.client, address) as sock:
        for position in range(0, len(stream), 997):
            sock.sendall(stream[position:position + 997])
        ids = {int.from_bytes(tcp_receive(sock)[:2], "big") for _ in wires}
    assert ids == set(range(300))


def test_length_and_message_apart(w):
    wire = query("www.example.com").wire(5)
    with tcp_connect(w.client, SERVER4) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in struct.pack("!H", len(wire)) + wire:
            sock.send(bytes([byte]))
        assert tcp_receive(sock)[:2] == b"\0\5"


def test_half_close(w):
    """A client that has said all it wants still gets its replies."""
    wire = query("www.example.com").wire(6)
    with tcp_connect(w.client, SERVER4) as sock:
        sock.sendall((struct.pack("!H", len(wire)) + wire) * 3)
        sock.shutdown(socket.SHUT_WR)
        assert [tcp_receive(sock)[:2] for _ in range(3)] == [b"\0\6"] * 3
        assert tcp_receive(sock) is None


def test_idle_timeout(w):
    with tcp_connect(w.client, SERVER4, timeout=10) as sock:
        start = time.monotonic()
        assert sock.recv(1) == b""
        assert 1 < time.monotonic() - start < 6


def test_limit_of_connections(w):
    """Past tcp-max-clients new connections do not starve the server: it goes on answering somebody new soon."""
    many = [tcp_connect(w.client, SERVER4) for _ in range(40)]
    try:
        closed = [sock for sock in many if select.select([sock], [], [], 0.05)[0] and not sock.recv(1)]
        assert len(closed) >= 20
        assert w.xnsd.ctl_json("stats")["responder"]["tcp-rejected"] >= 20 or closed
    finally:
        for sock in many:
            sock.close()
    assert ask.tcp(w.client, SERVER4, [query("www.example.com").wire(0)])[0][3] & 15 == 0


def test_zones_not_held(w):
    for address in (SERVER4, SERVER6):
        replies = ask.udp(w.client, address, [query(name).wire(0) for name in ("example.org", "com", ".", "xexample.com")])
        assert [reply[3] & 15 for reply in replies] == [REFUSED] * 4
        assert not any(reply[2] & 4 for reply in replies), "AA"


@pytest.mark.parametrize("qtype", ["AXFR", "IXFR"])
def test_transfers_are_not_given(w, qtype):
    wire = query("example.com", qtype).wire(0)
    for reply in (ask.tcp(w.client, SERVER4, [wire])[0], ask.udp_one(w.client, SERVER4, wire)):
        assert reply[3] & 15 in (REFUSED, NOTAUTH, NOTIMP) and reply[6:8] == b"\0\0"


@pytest.mark.parametrize("name, text", [("version.bind", b"test 1.0"), ("version.server", b"test 1.0"),
                                        ("id.server", b"here"), ("hostname.bind", b"here")])
def test_chaos(w, name, text):
    reply = ask.udp_one(w.client, SERVER4, ask.Query(wire_name(name), ask.TXT, qclass=3).wire(0))
    assert reply[3] & 15 == 0 and reply.endswith(bytes([len(text)]) + text)


def test_chaos_is_off_by_default(world):
    w = world({"example.com": zone(1)}, xdp=False)
    w.xnsd.start()
    reply = ask.udp_one(w.client, SERVER4, ask.Query(wire_name("version.bind"), ask.TXT, qclass=3).wire(0))
    assert reply[3] & 15 == REFUSED


def test_max_udp_size(world):
    """max-udp-size bounds what EDNS asks for, at the interface and from the sockets."""
    big = "\n".join(f"big A 198.51.100.{i}" for i in range(60))  # about 1 kB
    for xdp in (True, False):
        w = world({"example.com": zone(1, more=big)}, xdp=xdp, server={"max-udp-size": 700})
        w.xnsd.start()
        (w.xnsd.wait_served if xdp else w.xnsd.wait_active)("example.com")
        reply = ask.udp_one(w.client, SERVER4, query("big.example.com", edns=4096).wire(0))
        assert reply[2] & 2 and len(reply) <= 700
        assert int.from_bytes(reply[-8:-6], "big") == 700, "the size in its OPT"

# SPDX-License-Identifier: GPL-3.0-or-later
"""Every reply is the primary's: at the interface, from the sockets, over UDP and TCP, IPv4 and IPv6."""
import pytest

from ask import Frames, Query, tcp, udp, wire_name
from compare import differences, report
from conftest import example_zones
from corpus import Corpus
from lab import SERVER4, SERVER6


ZONES = example_zones()


def world_of(shared_world, kind, xdp=True):
    def make(new):
        world = new(ZONES, kinds=(kind,), xdp=xdp)
        world.xnsd.start()
        (world.xnsd.wait_served if xdp else world.xnsd.wait_active)(*ZONES)
        return world
    return shared_world((kind, xdp), make)


def compare(queries, ours, theirs, kind, is_tcp=False):
    found = []
    for query, our, their in zip(queries, ours, theirs):
        found += differences([query], [our], [their], kind=kind, tcp=is_tcp, limit=Corpus.limit(query, is_tcp))
    assert not found, report(found, len(queries))


# What of these zones is for the stack: below a DNAME, a wildcard that is a delegation, chains through these, answers to be trimmed.
FOR_THE_STACK = {"pass-dname", "pass-wildcard", "pass-node"}


def passed_by(moved):
    return {name for name in moved if name.startswith("pass-")} - {"pass-not-ours"}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("kind", ["knot", "nsd", "named"])
@pytest.mark.parametrize("v6", [False, True], ids=["IPv4", "IPv6"])
def test_interface(shared_world, request, kind, zone, v6):
    """Frames with room behind the message: all that the packet path can answer is answered there."""
    world = world_of(shared_world, kind)
    corpus = Corpus(zone, ZONES[zone], seed=f"{kind}{v6}")
    queries = corpus.queries(request.config.getoption("--queries"))
    wires = [query.wire(0) for query in queries]
    server, primary = (SERVER6, world.primary.v6) if v6 else (SERVER4, world.primary.v4)
    frames = Frames(world.lab, v6=v6)
    with world.xnsd.counting() as moved:
        ours = frames.ask(server, wires)
    frames.close()
    compare(queries, ours, udp(world.client, primary, wires), kind)
    print(f"{zone}: {moved.answered} of {len(queries)} at the interface", dict(moved))
    assert not moved.impossible
    assert moved.answered + moved.passed >= len(queries)
    if corpus.plain:
        assert moved.answered == len(queries), f"not all at the interface: {moved}"
    else:
        assert moved.answered > len(queries) / 2
        assert passed_by(moved) <= FOR_THE_STACK, f"{moved}"


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("v6", [False, True], ids=["IPv4", "IPv6"])
def test_interface_from_a_socket(shared_world, request, zone, v6):
    """An ordinary client on veth leaves no room behind its message: the reply grows at the head, or is passed up."""
    world = world_of(shared_world, "knot")
    corpus = Corpus(zone, ZONES[zone], seed=f"socket{v6}")
    queries = corpus.queries(request.config.getoption("--queries"))
    wires = [query.wire(0) for query in queries]
    server, primary = (SERVER6, world.primary.v6) if v6 else (SERVER4, world.primary.v4)
    with world.xnsd.counting() as moved:
        ours = udp(world.client, server, wires)
    compare(queries, ours, udp(world.client, primary, wires), "knot")
    assert not moved.impossible
    if corpus.plain:
        assert passed_by(moved) <= {"pass-no-room"}, f"{moved}"
        assert moved.answered > len(queries) / 2


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("kind", ["knot", "nsd", "named"])
def test_tcp(shared_world, request, kind, zone):
    world = world_of(shared_world, kind)
    queries = Corpus(zone, ZONES[zone], seed=f"tcp{kind}").queries(request.config.getoption("--queries") // 2)
    wires = [query.wire(0) for query in queries]
    for server, primary in ((SERVER4, world.primary.v4), (SERVER6, world.primary.v6)):
        half, wires_half = queries[::2], wires[::2]
        ours = tcp(world.client, server, wires_half)
        # BIND and NSD close after a number of queries on one connection.
        theirs = sum((tcp(world.client, primary, wires_half[i:i + 50]) for i in range(0, len(half), 50)), [])
        compare(half, ours, theirs, kind, is_tcp=True)
        queries, wires = queries[1:], wires[1:]


@pytest.mark.parametrize("zone", ZONES)
def test_sockets_alone(shared_world, request, zone):
    """No program is loaded: the responder gives the same answers."""
    world = world_of(shared_world, "knot", xdp=False)
    queries = Corpus(zone, ZONES[zone], seed="alone").queries(request.config.getoption("--queries"))
    wires = [query.wire(0) for query in queries]
    for server, primary in ((SERVER4, world.primary.v4), (SERVER6, world.primary.v6)):
        compare(queries[::2], udp(world.client, server, wires[::2]), udp(world.client, primary, wires[::2]), "knot")
        queries, wires = queries[1:], wires[1:]


@pytest.mark.parametrize("tags", [((0x8100, 100),), ((0x8100, 0xA064),), ((0x88A8, 7), (0x8100, 100)),
                                  ((0x8100, 7), (0x8100, 4000))],
                         ids=["802.1Q", "802.1Q-priority", "802.1ad", "QinQ-8100"])
@pytest.mark.parametrize("v6", [False, True], ids=["IPv4", "IPv6"])
def test_vlan(shared_world, tags, v6):
    """Answered in place, the tags kept (Frames checks them)."""
    world = world_of(shared_world, "knot")
    corpus = Corpus("example.com", ZONES["example.com"], seed=tags)
    queries = corpus.queries(400)
    wires = [query.wire(0) for query in queries]
    frames = Frames(world.lab, tags=tags, v6=v6)
    with world.xnsd.counting() as moved:
        ours = frames.ask(SERVER6 if v6 else SERVER4, wires)
    frames.close()
    compare(queries, ours, udp(world.client, world.primary.v6 if v6 else world.primary.v4, wires), "knot")
    assert moved.answered == len(queries), f"{moved}"


@pytest.mark.parametrize("edns", [0, 512, 1232], ids=["plain", "512", "1232"])
def test_every_type_at_the_interface(shared_world, edns):
    """All that are assigned and a sample of the rest, at one name. 128 to 255 and OPT are no types of data, RFC 6895 §3.1."""
    world = world_of(shared_world, "knot")
    types = [*range(1, 41), *range(42, 128), *range(256, 300), 32768, 32769, *range(65270, 65290), 65534]
    queries = [Query(wire_name("many.example.com"), qtype, edns=edns) for qtype in types]
    wires = [query.wire(0) for query in queries]
    frames = Frames(world.lab)
    with world.xnsd.counting() as moved:
        ours = frames.ask(SERVER4, wires)
    frames.close()
    compare(queries, ours, udp(world.client, world.primary.v4, wires), "knot")
    assert moved.answered == len(queries), f"{moved}"


def test_badvers_at_the_interface(shared_world):
    world = world_of(shared_world, "knot")
    queries = [Query(wire_name("www.example.com"), 1, edns=1232, version=version) for version in (1, 2, 255)]
    wires = [query.wire(0) for query in queries]
    with world.xnsd.counting() as moved:
        ours = udp(world.client, SERVER4, wires)
    compare(queries, ours, udp(world.client, world.primary.v4, wires), "knot")
    assert moved == {**moved, "answer-badvers": 3}


def test_any(shared_world):
    """RFC 8482: rcode and AA are the primary's, and there is an answer where it has one."""
    world = world_of(shared_world, "knot")
    existing, relatives = Corpus("example.com", ZONES["example.com"]).names()
    queries = [Query(name, 255, edns=1232) for name in existing + relatives]
    wires = [query.wire(0) for query in queries]
    ours, theirs = udp(world.client, SERVER4, wires), udp(world.client, world.primary.v4, wires)
    compare(queries, ours, theirs, "knot")

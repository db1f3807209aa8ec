# SPDX-License-Identifier: GPL-3.0-or-later
"""What the interface does when the agent dies, starts again, or never returns; attach and detach under way."""
import json
import signal
import time

import ask
from ask import query
from lab import SERVER4, SERVER6, wait_until
from stream import Stream, rcode
from test_updates import SERVFAIL, address_of, zone

WWW = query("www.example.com")


def test_killed_agent(world):
    """kill -9: a stream of queries loses nothing; started again it takes over without the primary."""
    w = world({"example.com": zone(1)})
    w.xnsd.start()
    w.xnsd.wait_served("example.com", serial=1)
    with Stream(w.client, SERVER4, WWW) as stream, Stream(w.client, SERVER6, query("no.example.com")) as negative:
        stream.wait_asked(50)
        w.xnsd.kill()
        stream.wait_asked(200)
        negative.wait_asked(200)
        w.primary.stop()
        w.xnsd.start()
        w.xnsd.wait_served("example.com", serial=1)
        stream.wait_asked(200)
    assert stream.lost == negative.lost == 0
    assert len(stream.seen) == len(negative.seen) == 1, "the answer changed"
    assert w.xnsd.zone_status("example.com")["state"] == "active"
    # The sockets have the zone from the store too.
    assert ask.tcp(w.client, SERVER4, [WWW.wire(0)])[0][-4:] == b"\xc0\0\2\1"
    # And it goes on from there when the primary is back.
    w.primary.write("example.com", zone(2, "192.0.2.2"))
    w.primary.start()
    w.xnsd.ctl("zone-refresh", "example.com")
    w.xnsd.wait_served("example.com", serial=2)
    assert address_of(w) == "192.0.2.2"


def test_killed_again_and_again(world):
    """Killed at any moment of a change: what is answered is a serial's, whole, and the last one comes in the end."""
    w = world({"example.com": zone(1, "192.0.2.1")}, notify=True)
    w.xnsd.start()
    w.xnsd.wait_served("example.com", serial=1)
    with Stream(w.client, SERVER4, WWW) as stream:
        for serial in range(2, 14):
            w.primary.update("example.com", zone(serial, f"192.0.2.{serial}"))
            time.sleep(0.004 * (serial - 2))  # another moment of the transfer and publication each time
            w.xnsd.kill()
            w.xnsd.start()
            w.xnsd.ctl("zone-refresh", "example.com")
            w.xnsd.wait_served("example.com", serial=serial)
            stream.wait_asked(20)
    assert stream.lost == 0
    assert [reply[-1] for _, reply in stream.seen] == list(range(1, 14))


def test_stopped_agent(world):
    w = world({"example.com": zone(1)})
    w.xnsd.start()
    w.xnsd.wait_served("example.com")
    with Stream(w.client, SERVER4, WWW) as stream:
        stream.wait_asked(20)
        assert w.xnsd.stop() == 0
        stream.wait_asked(100)
    assert stream.lost == 0


def test_expire_without_agent(world):
    """SOA expire is in the map: with xnsd dead the interface says SERVFAIL in time (the contract), and not before."""
    w = world({"example.com": zone(1, refresh=1, retry=1, expire=4)})
    w.xnsd.start()
    w.xnsd.wait_served("example.com")
    w.primary.stop()
    w.xnsd.kill()
    killed = time.monotonic()
    with w.xnsd.counting() as moved:
        wait_until(lambda: rcode(w.client, SERVER4, "www.example.com") == SERVFAIL, 10, "SERVFAIL after SOA expire", 0.05)
    assert 1.5 < time.monotonic() - killed < 6
    assert moved["answer-expired"] >= 1
    # It comes back by itself with the agent and the primary; until a primary answers it is SERVFAIL.
    w.xnsd.start()
    assert rcode(w.client, SERVER4, "www.example.com") == SERVFAIL
    w.primary.start()
    w.xnsd.wait_served("example.com", timeout=30)
    assert rcode(w.client, SERVER4, "www.example.com") == 0


def test_expire_with_agent(world):
    w = world({"example.com": zone(1, refresh=1, retry=1, expire=3)})
    w.xnsd.start()
    w.xnsd.wait_served("example.com")
    w.primary.stop()
    wait_until(lambda: rcode(w.client, SERVER4, "www.example.com") == SERVFAIL, 15, "SERVFAIL after SOA expire", 0.05)
    assert w.xnsd.zone_status("example.com")["state"] == "expired"
    w.primary.start()
    w.xnsd.wait_served("example.com", timeout=30)


def test_hung_agent(world):
    """SIGSTOP: the interface does not notice."""
    w = world({"example.com": zone(1)})
    w.xnsd.start()
    w.xnsd.wait_served("example.com")
    w.xnsd.process.popen.send_signal(signal.SIGSTOP)
    with Stream(w.client, SERVER4, WWW) as stream:
        stream.wait_asked(100)
    assert stream.lost == 0


def test_attach_again_without_a_gap(world):
    """The program is replaced under a stream of queries, the maps stay: nothing is lost, not even with xnsd dead."""
    w = world({"example.com": zone(1)})
    w.xnsd.start()
    w.xnsd.wait_served("example.com")
    w.xnsd.kill()

    def program():
        return w.xnsd.load("status", "--json").stdout
    before = program()
    with Stream(w.client, SERVER4, WWW) as stream:
        for _ in range(3):
            stream.wait_asked(50)
            w.xnsd.load()
        stream.wait_asked(50)
    assert stream.lost == 0 and len(stream.seen) == 1
    assert program() != before, "the program is another one"


def test_detach_and_attach(world):
    """Detach gives the interface back; the sockets go on. Attached anew, the agent fills the new maps."""
    w = world({"example.com": zone(1)})
    w.xnsd.start()
    w.xnsd.wait_served("example.com")
    w.xnsd.load("detach")
    assert "prog/xdp" not in w.lab.server.run("ip", "link", "show", "s0").stdout
    assert rcode(w.client, SERVER4, "www.example.com") == 0
    w.xnsd.load("attach")

    def at_interface():
        with w.xnsd.counting() as moved:
            assert rcode(w.client, SERVER4, "www.example.com") == 0
        return moved.get("answer-positive") == 1
    wait_until(at_interface, 10, lambda: f"an answer from the new maps:\n{w.xnsd.process.log()}")
    w.xnsd.load("detach")
    assert w.lab.server.run("sh", "-c", "ls /sys/fs/bpf/xnsd 2>/dev/null | wc -l").stdout.strip() == "0"


def test_agent_before_the_program(world):
    """xnsd first, xnsload later: noticed without a restart."""
    w = world({"example.com": zone(1)}, xdp=False)
    w.xnsd.start()
    w.xnsd.wait_active("example.com")
    assert rcode(w.client, SERVER4, "www.example.com") == 0
    w.xnsd.load()
    w.xnsd.wait_served("example.com")
    with w.xnsd.counting() as moved:
        assert rcode(w.client, SERVER6, "www.example.com") == 0
    assert moved["answer-positive"] == 1


def test_maps_of_another_version(world):
    """An upgrade where attach was forgotten: what is wrong is told, and that the interface goes on; done it works."""
    w = world({"example.com": zone(1)})
    config = "/sys/fs/bpf/xnsd/config"
    value = json.loads(w.lab.server.run("bpftool", "-j", "map", "dump", "pinned", config).stdout)[0]["value"]
    other = ["0x63", *value[1:]]
    w.lab.server.run("bpftool", "map", "update", "pinned", config, "key", "0", "0", "0", "0", "value", *other)
    w.lab.server.run("rm", "/sys/fs/bpf/xnsd/order")  # the other version has not all of the maps
    w.xnsd.start()
    w.xnsd.process.wait_log("are of another version of xnsd")
    assert "no maps under" not in w.xnsd.process.log()
    w.xnsd.load("detach")
    w.xnsd.load("attach")
    w.xnsd.wait_served("example.com")


def test_generic_mode(world):
    w = world({"example.com": zone(1)}, xdp=False)
    w.xnsd.load("attach", "--mode", "generic")
    w.xnsd.start()
    w.xnsd.wait_served("example.com")
    with w.xnsd.counting() as moved:
        assert address_of(w) == "192.0.2.1"
    assert moved["answer-positive"] == 1

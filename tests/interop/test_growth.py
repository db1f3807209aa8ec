# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps that grow with their content while they are asked, up to a bound; and agents that are killed while they do."""
import glob
import os
import random
import re
import socket
import time

import ask
from ask import query
from agent import PIN_DIR
from lab import SERVER4, wait_until
from stream import Stream

SEGMENTS = 16
WWW = query("www.example.com")


def zone(serial, names, first=0):
    """Names n(first) and up, whose addresses tell of name and serial."""
    lines = [f"$ORIGIN example.com.\n$TTL 300\n@ SOA ns hostmaster {serial} 3600 3600 86400 60\n@ NS ns\nns A 192.0.2.1\n"
             f"www A 192.0.2.{serial % 250}"]
    lines += [f"n{i} A 10.{serial % 250}.{i // 250 % 250}.{i % 250}" for i in range(first, first + names)]
    return "\n".join(lines) + "\n"


def address(w, name):
    """What a query for A says: an address, None for NXDOMAIN, "" for nothing or something else."""
    reply = ask.udp_one(w.client, SERVER4, query(f"{name}.example.com").wire(1))
    if not reply or reply[3] & 15 not in (0, 3):
        return ""
    return None if reply[3] & 15 == 3 else socket.inet_ntoa(reply[-4:])


def check(w, serial, names, n=300):
    for i in random.Random(serial).sample(range(names), min(n, names)):
        assert address(w, f"n{i}") == f"10.{serial % 250}.{i // 250 % 250}.{i % 250}", i
    for i in range(names, names + 20):
        assert address(w, f"n{i}") is None, i


def memory(w):
    return w.xnsd.ctl_json("status")["packet_path"]["memory"]


def pins(w):
    return set(w.lab.server.run("ls", f"{PIN_DIR}/segments").stdout.split())


def makers(w):
    """The process of the agent that makes maps: [pid]."""
    with open(f"/proc/{w.xnsd.process.pid}/task/{w.xnsd.process.pid}/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]


def test_grows_while_it_is_asked(world):
    """First all at once, then with each serial: no query is lost, no answer is another's, and nothing stays behind."""
    w = world({"example.com": zone(1, 1000)}, server={"max-names": 1024, "user": "nobody"})
    w.xnsd.start()
    w.xnsd.wait_served("example.com", serial=1)
    before = memory(w)
    assert before["can_grow"] and before["segments"] == SEGMENTS
    with Stream(w.client, SERVER4, WWW) as stream, Stream(w.client, SERVER4, query("no.example.com")) as negative, \
            Stream(w.client, SERVER4, query("n7.example.com")) as one:
        for serial, names in enumerate((3000, 9000, 30000, 31000, 60000), 2):
            w.primary.update("example.com", zone(serial, names))
            w.xnsd.ctl("zone-refresh", "example.com")
            w.xnsd.wait_served("example.com", serial=serial, timeout=60)
            stream.wait_asked(20)
            one.wait_asked(20)
            check(w, serial, names)
    assert stream.lost == negative.lost == one.lost == 0
    assert [reply[-1] for _, reply in stream.seen] == [reply[-3] for _, reply in one.seen] == [1, 2, 3, 4, 5, 6]
    # The serial is in force before all of it is where it stays.
    wait_until(lambda: memory(w)["maps"]["staged"]["entries_max"] < 20000, 20, lambda: f"{memory(w)}")
    now = memory(w)
    nodes = now["maps"]["nodes"]
    assert nodes["entries"] == 60003 < nodes["entries_max"] <= 4 * 60003 and nodes["entries_max"] > before["maps"]["nodes"]["entries_max"]
    assert now["maps"]["staged"]["entries"] == 0, "it has given its room back"
    assert now["bytes"] == sum(m["bytes"] for m in now["maps"].values()) <= now["bytes_max"]
    assert pins(w) == {f"{name}_{i}" for name in now["maps"] for i in range(SEGMENTS)}
    in_use = len(w.xnsd.dump("segments/nodes_3"))
    assert 60003 // SEGMENTS * 0.8 < in_use < 60003 // SEGMENTS * 1.2
    assert w.xnsd.dump("segments/nodes_3")[0]["formatted"]["value"]["zone"] == 1, "bpftool shows what it is"


def test_it_holds_nothing_but_that_capability(world):
    w = world({"example.com": zone(1, 10)}, server={"user": "nobody"})
    w.xnsd.start()
    (maker,) = makers(w)
    with open(f"/proc/{maker}/status", encoding="ascii") as file:
        status = dict(line.rstrip().split(":\t", 1) for line in file)
    assert status["Uid"].split() == [str(65534)] * 4
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 1 << 39, "CAP_BPF"
    assert int(status["CapBnd"], 16) == int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert sorted(os.listdir(f"/proc/{maker}/fd"), key=int)[:4] == ["0", "1", "2", "3"]
    held = [os.readlink(path) for path in glob.glob(f"/proc/{maker}/fd/*")]
    assert len([name for name in held if name.startswith("socket:")]) == 1 and not any("xnsd" in name for name in held), held
    w.xnsd.kill()
    wait_until(lambda: not os.path.exists(f"/proc/{maker}"), what="it ends with the agent")


def test_without_it(world):
    """It is killed: what there is goes on, what finds no place comes from the sockets, and status says so."""
    w = world({"example.com": zone(1, 1000)}, server={"max-names": 1024})
    w.xnsd.start()
    w.xnsd.wait_served("example.com", serial=1)
    os.kill(makers(w)[0], 9)
    w.primary.update("example.com", zone(2, 9000))
    w.xnsd.ctl("zone-refresh", "example.com")
    w.xnsd.wait_active("example.com", serial=2)
    wait_until(lambda: (w.xnsd.zone_status("example.com").get("maps") or {}).get("serial") == 2, what="published")
    assert w.xnsd.zone_status("example.com")["maps"]["complete"] is False
    check(w, 2, 9000)
    assert not memory(w)["can_grow"] and "cannot grow" in w.xnsd.ctl("status").stdout
    w.xnsd.stop()
    w.xnsd.start()
    w.xnsd.wait_served("example.com", serial=2)
    check(w, 2, 9000)


def test_no_capability(world):
    """As in a container that is not given CAP_BPF."""
    w = world({"example.com": zone(1, 5000)}, server={"max-names": 1024})
    argv = ["setpriv", "--bounding-set=-bpf,-sys_admin", w.xnsd.tool("xnsd"), "-c", w.xnsd.conf]
    w.xnsd.process = w.lab.start(w.lab.server, argv, w.xnsd.name)
    w.xnsd.process.wait_log(" started: ")
    assert len(re.findall("no CAP_BPF.*do not grow", w.xnsd.process.log())) == 1
    w.xnsd.wait_active("example.com", serial=1)
    wait_until(lambda: (w.xnsd.zone_status("example.com").get("maps") or {}).get("serial") == 1, what="published")
    assert w.xnsd.zone_status("example.com")["maps"]["complete"] is False and not memory(w)["can_grow"]
    assert makers(w) == []
    check(w, 1, 5000)


def test_bound(world):
    """Beyond maps-max-memory the stack answers; with more of it, everything comes from the interface again."""
    w = world({"example.com": zone(1, 60000)}, server={"max-names": 1024, "maps-max-memory": "16M"})
    w.xnsd.start()
    w.xnsd.wait_served("example.com", serial=1, timeout=60)
    check(w, 1, 60000)
    w.primary.update("example.com", zone(2, 90000))
    w.xnsd.ctl("zone-refresh", "example.com")

    def incomplete():
        # What is bounded has room for the change neither twice nor once: it is tried again some seconds later.
        assert memory(w)["bytes"] <= memory(w)["bytes_max"] == 16 << 20
        maps = w.xnsd.zone_status("example.com").get("maps") or {}
        return maps.get("serial") == 2 and maps["state"] == "active" and maps["complete"] is False
    wait_until(incomplete, 60, lambda: f"{memory(w)} {w.xnsd.process.log()}")
    assert "maps-max-memory is reached" in w.xnsd.process.log()
    with w.xnsd.counting() as moved:
        check(w, 2, 90000)
    assert moved.answered > 150 and moved.passed > 20, "what is there is answered at the interface"
    w.xnsd.config["server"]["maps-max-memory"] = "64M"
    w.xnsd.write_config()
    w.xnsd.reload()
    w.xnsd.wait_served("example.com", serial=2, timeout=60)
    with w.xnsd.counting() as moved:
        check(w, 2, 90000)
    assert not moved.passed
    # Memory that is free again is told of, too.
    w.primary.update("example.com", zone(3, 100))
    w.xnsd.ctl("zone-refresh", "example.com")
    w.xnsd.wait_served("example.com", serial=3, timeout=60)
    wait_until(lambda: memory(w)["maps"]["nodes"]["entries"] == 103, what="they are gone")


def test_killed_while_it_grows(world):
    """kill -9 at any moment: the next agent finds one map or the other in each slot, and goes on from there."""
    w = world({"example.com": zone(1, 500)}, server={"max-names": 1024})
    w.xnsd.start()
    w.xnsd.wait_served("example.com", serial=1)
    found, seed = 0, random.Random(7)
    with Stream(w.client, SERVER4, WWW) as stream:
        for serial in range(2, 26):
            names = 500 * serial
            w.primary.update("example.com", zone(serial, names))
            w.xnsd.ctl("zone-refresh", "example.com")
            end = time.monotonic() + 5  # in the middle of it, if it can be seen
            while serial % 3 and time.monotonic() < end and not any(pin.endswith("-new") for pin in pins(w)):
                pass
            time.sleep(seed.random() * 0.02)
            w.xnsd.kill()
            found += any(pin.endswith("-new") for pin in pins(w))
            w.xnsd.start()
            w.xnsd.ctl("zone-refresh", "example.com")
            w.xnsd.wait_served("example.com", serial=serial, timeout=60)
            check(w, serial, names, 100)
            # `staged` gives its room back when all is done.
            wait_until(lambda: len(pins(w)) == 6 * SEGMENTS and not any(pin.endswith("-new") for pin in pins(w)),
                       what=lambda: f"the pins of the segments: {sorted(pins(w))}")
            stream.wait_asked(20)
    assert stream.lost == 0
    assert [reply[-1] for _, reply in stream.seen] == list(range(1, 26))
    wait_until(lambda: memory(w)["maps"]["nodes"]["entries"] == 12503, what="all are there")

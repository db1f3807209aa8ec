# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at random moments, hundreds of times, in the middle of transfers: nothing that was seen is lost, and never is
a zone served in halves."""
import random
import socket
import time

import dns.message
import dns.rdatatype

from ask import Frames, query, tcp
from hostile import Primary, Zone
from lab import SECOND4, SERVER4
from test_updates import notify_wire

KILLS = 200
NAMES = 150


class Marked(Zone):
    """Every record says its serial; every third name is there with every second serial only."""

    def soa(self, serial):
        return self.rrset("@", "SOA", f"ns1 hostmaster {serial} 3600 3600 864000 300", ttl=60)

    def names(self, serial):
        return [f"n{i}" for i in range(NAMES) if i % 3 or serial % 2]

    def body(self, serial):
        yield self.rrset("@", "NS", "ns1")
        yield self.rrset("ns1", "A", "192.0.2.2")
        for name in [*self.names(serial), "*.wild"]:
            yield self.rrset(name, "TXT", f'"{serial}"')

    def difference(self, old, new):
        yield self.soa(old)
        for name in [*self.names(old), "*.wild"]:
            yield self.rrset(name, "TXT", f'"{old}"')
        yield self.soa(new)
        for name in [*self.names(new), "*.wild"]:
            yield self.rrset(name, "TXT", f'"{new}"')


class Changing(Primary):
    """A new serial whenever the test says so; IXFR from the last few serials, else AXFR."""

    def __init__(self, namespace, zone):
        self.differences = self.whole = 0
        super().__init__(namespace, SECOND4, zone)

    def serve(self, serial):
        super().serve(serial)
        self.serial = serial
        self.ixfr = self.tcp_soa = self.answer
        self.axfr = self.answer_whole

    def answer_whole(self, connection, request):
        self.whole += 1
        connection.stream(request, self.zone.records(self.serial))

    def answer(self, connection, request):
        new = self.serial
        if request.question[0].rdtype != dns.rdatatype.IXFR:
            connection.reply(request, self.zone.soa(new))
            return
        old = request.authority[0][0].serial
        if old == new:
            connection.reply(request, self.zone.soa(new))
        elif new % 5 == 0 or not new - 10 < old < new:
            self.answer_whole(connection, request)
        else:
            self.differences += 1
            steps = [record for serial in range(old, new) for record in self.zone.difference(serial, serial + 1)]
            connection.stream(request, [self.zone.soa(new), *steps, self.zone.soa(new)])


def serials(replies, names):
    """{serial: names} of what was answered."""
    seen = {}
    for name, reply in zip(names, replies):
        assert reply is not None, f"{name}: no answer"
        message = dns.message.from_wire(reply)
        if message.rcode() == 0 and message.answer:
            marker = int(message.answer[0][0].strings[0])
            seen.setdefault(marker, set()).add(name)
            # A name that comes and goes tells by being there, too.
            assert name[0] != "n" or int(name[1:].split(".")[0]) % 3 or marker % 2, (name, marker)
        else:
            assert message.rcode() == 3 and message.authority[0].name.to_text() == "example.com.", (name, reply.hex())
            serial = message.authority[0][0].serial
            assert int(name[1:].split(".")[0]) % 3 == 0 and serial % 2 == 0, (name, serial)
            seen.setdefault(serial, set()).add(name)
    return seen


class Watch:
    def __init__(self, w, primary, rng):
        self.w, self.primary, self.rng = w, primary, rng
        self.frames = Frames(w.lab)
        self.highest = {"interface": 0, "TCP": 0}  # serials seen
        with w.client.entered():
            self.notifier = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.notifier.bind((SECOND4, 0))

    def notify(self):
        self.primary.serve(self.primary.serial + 1)
        self.notifier.sendto(notify_wire(serial=self.primary.serial), (SERVER4, 53))

    def sample(self):
        picked = self.rng.sample(range(NAMES), 40)
        names = [f"n{i}.example.com" for i in picked] + [f"x{picked[0]}.wild.example.com"]
        return names, [query(name, "TXT").wire(i) for i, name in enumerate(names)]

    def check(self, replies, names, where):
        seen = serials(replies, names)
        assert len(seen) == 1, f"{where}: serials {({serial: len(names) for serial, names in seen.items()})}"
        serial = seen.popitem()[0]
        # What is in the maps was committed before; but they follow the database by some milliseconds.
        floor = max(self.highest.values()) if where == "TCP" else self.highest[where]
        assert serial >= floor, f"{where}: serial {serial} after {self.highest}"
        self.highest[where] = serial

    def at_the_interface(self):
        names, wires = self.sample()
        self.check(self.frames.ask(SERVER4, wires), names, "interface")

    def over_tcp(self):
        names, wires = self.sample()
        self.check(tcp(self.w.client, SERVER4, wires), names, "TCP")


def test_kill_at_random(world):
    rng = random.Random(20)
    zones = [{"domain": "example.com", "primaries": ["second"], "notify-from": ["second"]}]
    w = world({"other.test": "@ SOA ns host 1 3600 900 864000 300\n@ NS ns\nns A 192.0.2.2\n"}, xnsd_zones=zones)
    primary = Changing(w.client, Marked("example.com."))
    w.lab.closers.append(primary.close)
    w.xnsd.start()
    w.xnsd.wait_served("example.com")
    watch = Watch(w, primary, rng)
    w.lab.closers.append(watch.frames.close)
    for i in range(KILLS):
        began = time.monotonic()
        kill_after = rng.uniform(0, 0.25)
        while time.monotonic() - began < kill_after:
            watch.notify()
            time.sleep(rng.uniform(0, 0.05))
        w.xnsd.kill()
        watch.at_the_interface()
        w.xnsd.process = w.lab.start(w.lab.server, [w.xnsd.tool("xnsd"), "-c", w.xnsd.conf], "xnsd")
        if i % 2 == 0:  # the others are killed wherever they are: on a slow machine mostly in the start
            w.xnsd.process.wait_log(" started: ")
        if i % 4 == 0:
            watch.over_tcp()
    assert primary.errors == []
    assert primary.differences > KILLS / 4 and primary.whole > KILLS / 20, (primary.differences, primary.whole)
    # It goes on as if nothing had happened.
    w.xnsd.process.wait_log(" started: ")
    watch.notify()
    w.xnsd.wait_served("example.com", serial=primary.serial)
    watch.at_the_interface()
    watch.over_tcp()
    assert set(watch.highest.values()) == {primary.serial}
    w.xnsd.stop()
    assert "damaged" not in w.xnsd.process.log()

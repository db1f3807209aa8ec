# SPDX-License-Identifier: GPL-3.0-or-later
"""Validating resolvers that get all they know from xnsd, and what they say about it.

    ask.udp ──▶ Unbound 127.0.0.1@5301, or BIND 127.0.0.1@5302 ──▶ relay 127.0.0.3@53 ──▶ xnsd
                                                               └─▶ Child 192.0.2.4@53, for what is delegated

Unbound and BIND have trust anchors for the zones and no root. The relay makes a whole frame of each question, with
room behind it, so that what the packet path can answer it does answer; or it asks the sockets. It may also take a
record out of each reply: an answer that is still believed then had a record too many, or nobody looked.
"""
import os
import select
import socket
import struct
import threading

import dns.message
import dns.rdatatype
import dns.rrset

import daemons
from ask import AD, Frames, tcp_connect, tcp_receive, udp
from lab import SERVER4, wait_until

RELAY, CHILD = "127.0.0.3", "192.0.2.4"


class Server:
    """A loop in a thread that ends with the test. Sockets are made before, in the client's namespace."""

    def __init__(self, lab):
        self.lab = lab
        self.stopping, self.waker = os.pipe()
        self.error = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def listen(self, address):
        with self.lab.client.entered():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        sock.bind((address, 53))
        sock.setblocking(False)
        return sock

    def _run(self):
        try:
            while not self.turn():
                pass
        except Exception as error:  # told by close()
            self.error = error

    def wait(self, *sockets):
        """Those of sockets that have something, or None at the end."""
        ready = select.select([self.stopping, *sockets], [], [])[0]
        return None if self.stopping in ready else ready

    def close(self):
        os.write(self.waker, b"x")
        self.thread.join()
        os.close(self.waker)
        os.close(self.stopping)
        if self.error:
            raise self.error


def datagrams(sock):
    try:
        while True:
            yield sock.recvfrom(65535)
    except (BlockingIOError, ConnectionRefusedError):
        return


class Relay(Server):
    """Questions of the resolvers, to xnsd. change(message): a reply's wire made into another, or None."""

    def __init__(self, lab, frames):
        super().__init__(lab)
        self.udp = self.listen(RELAY)
        with lab.client.entered():
            self.tcp = socket.create_server((RELAY, 53))
        self.tcp.setblocking(False)
        self.frames = Frames(lab) if frames else None
        if not frames:
            with lab.client.entered():
                self.up = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.up.connect((SERVER4, 53))
            self.up.setblocking(False)
        self.change = None
        self.waiting = {}
        self.ident = 0
        self.asked = 0
        self.thread.start()

    def turn(self):
        upward = self.frames.sock if self.frames else self.up
        ready = self.wait(self.udp, self.tcp, upward)
        if ready is None:
            return True
        if self.udp in ready:
            for wire, source in datagrams(self.udp):
                self._send(wire, source)
        if upward in ready:
            for message in self.frames.receive() if self.frames else [data for data, _ in datagrams(self.up)]:
                self._reply(message)
        if self.tcp in ready:
            threading.Thread(target=self._stream, args=(self.tcp.accept()[0],), daemon=True).start()
        return False

    def _send(self, wire, source):
        self.ident = (self.ident + 1) & 0xFFFF
        self.asked += 1
        self.waiting[self.ident] = source, wire[:2]
        wire = struct.pack("!H", self.ident) + wire[2:]
        if self.frames:
            self.frames.sock.send(self.frames.frame(wire, SERVER4))
        else:
            self.up.send(wire)

    def _reply(self, message):
        source, ident = self.waiting.pop(int.from_bytes(message[:2], "big"), (None, None))
        if source is None:
            return
        if self.change:
            message = self.change(message)
        self.udp.sendto(ident + message[2:], source)

    def _stream(self, conn):
        """One connection, message by message, until either side ends it."""
        with conn, tcp_connect(self.lab.client, SERVER4) as up:
            conn.settimeout(60)
            try:
                while wire := tcp_receive(conn):
                    self.asked += 1
                    up.sendall(struct.pack("!H", len(wire)) + wire)
                    reply = tcp_receive(up)
                    if self.change:
                        reply = wire[:2] + self.change(reply)[2:]
                    conn.sendall(struct.pack("!H", len(reply)) + reply)
            except OSError:  # the resolver is gone
                return

    def close(self):
        super().close()
        self.udp.close()
        self.tcp.close()
        (self.frames or self.up).close()


class Child(Server):
    """The servers of every delegation: A for whatever is asked, nothing is signed."""

    def __init__(self, lab):
        super().__init__(lab)
        lab.client.run("ip", "addr", "add", CHILD + "/24", "dev", "c0")
        self.sock = self.listen(CHILD)
        self.thread.start()

    def turn(self):
        if self.wait(self.sock) is None:
            return True
        for wire, source in datagrams(self.sock):
            query = dns.message.from_wire(wire)
            reply = dns.message.make_response(query)
            reply.flags |= dns.flags.AA
            question = query.question[0]
            if question.rdtype == dns.rdatatype.A:
                reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", "192.0.2.99"))
            else:
                owner = question.name.parent() if len(question.name) > 2 else question.name
                reply.authority.append(dns.rrset.from_text(owner, 60, "IN", "SOA", "ns. host. 1 60 60 60 60"))
            self.sock.sendto(reply.to_wire(), source)
        return False

    def close(self):
        super().close()
        self.sock.close()


class Validator(daemons.Daemon):
    """zones: {name: trust anchor, or None where the zone above vouches for it}."""
    address = "127.0.0.1"

    def __init__(self, lab, zones, name):
        super().__init__(lab, name)
        self.zones = zones
        self.configure()
        self.process = lab.start(lab.client, self.argv(), name)
        wait_until(lambda: not self.process.alive() or self.ask([self.probe()], timeout=0.2)[0], 10,
                   lambda: f"{name} does not answer:\n{self.process.log()}")
        assert self.process.alive(), self.process.log()

    @staticmethod
    def probe():
        return dns.message.make_query("version.bind.", "TXT", "CH").to_wire()

    def ask(self, wires, timeout=10.0):
        return udp(self.lab.client, self.address, wires, port=self.port, window=24, timeout=timeout, tries=1)

    def judge(self, queries):
        """(rcode, AD) of each."""
        replies = self.ask([query.wire(0) for query in queries])
        return [reply and (reply[3] & 0xF, bool(reply[3] & AD)) for reply in replies]


class Unbound(Validator):
    port = 5301

    def argv(self):
        return ["unbound", "-d", "-c", self.conf]

    def config(self):
        anchors = "".join(f'  trust-anchor: "{anchor}"\n' for anchor in self.zones.values() if anchor)
        stubs = "".join(f'stub-zone:\n  name: "{zone}"\n  stub-addr: {RELAY}\n  stub-prime: no\n'
                        for zone in self.zones)
        # What it knows already it would not ask for: no answers out of cached proofs, nothing asked beside.
        return f"""
server:
  interface: {self.address}@{self.port}
  username: ""
  chroot: ""
  directory: "{self.dir}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 1
  val-log-level: 2
  log-time-ascii: no
  do-ip6: no
  do-not-query-localhost: no
  num-threads: 1
  module-config: "validator iterator"
  qname-minimisation: no
  aggressive-nsec: no
  harden-below-nxdomain: no
  harden-large-queries: no
  target-fetch-policy: "0 0 0 0 0"
  prefetch: no
  minimal-responses: no
  cache-max-ttl: 3600
  edns-buffer-size: 1232
  max-udp-size: 4096
  outgoing-num-tcp: 40
  val-bogus-ttl: 0
  infra-cache-min-rtt: 1000
  unblock-lan-zones: yes
{anchors}
{stubs}
remote-control:
  control-enable: no
"""


class Named(Validator, daemons.Named):
    port = 5302

    def config(self):
        anchors = ""
        for anchor in filter(None, self.zones.values()):
            name, _, _, flags, protocol, algorithm, *key = anchor.split()
            anchors += f'  "{name}" static-key {flags} {protocol} {algorithm} "{"".join(key)}";\n'
        stubs = "".join(f'zone "{zone}" {{ type static-stub; server-addresses {{ {RELAY}; }}; }};\n' for zone in self.zones)
        options = self.options(self.address, port=self.port, recursion="yes", dnssec_validation="yes", synth_from_dnssec="no",
                               qname_minimization="off", prefetch=0, edns_udp_size=1232, max_udp_size=4096,
                               minimal_responses="no", send_cookie="no")
        return f"{options}trust-anchors {{\n{anchors}}};\ncontrols {{ }};\n{stubs}"


VALIDATORS = {"unbound": Unbound, "named": Named}

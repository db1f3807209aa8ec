# SPDX-License-Identifier: GPL-3.0-or-later
"""A stage for hostile primaries: a lab, primaries that do as the test says, xnsd without an XDP program, its log."""
import itertools
import os
import re
import shutil
import tempfile

import dns.flags
import dns.message
import dns.query
import dns.rcode

from agent import Xnsd
from hostile import Primary, Zone
from lab import FIRST4, SECOND4, SERVER4, Lab, wait_until


class Stage:
    """example.com has the primary `first`; prepare(xnsd) changes its configuration before it starts."""

    def __init__(self, build, zones, prepare=None, key=None, spare=None):
        self.dir = tempfile.mkdtemp(prefix="xnsd-hostile-")
        os.chmod(self.dir, 0o755)
        self.lab = Lab(self.dir, build)
        self.zone, self.spare = Zone("example.com."), Zone(spare) if spare else None
        self.serials = itertools.count(2)  # 1 is what the primaries begin with
        self.serial = 0
        try:
            self.first = Primary(self.lab.client, FIRST4, self.zone, key=key)
            self.second = Primary(self.lab.client, SECOND4, self.spare) if spare else None
            self.lab.closers += [primary.close for primary in self.primaries]
            self.xnsd = Xnsd(self.lab, build, zones, {"tcp-remote-io-timeout": 1000, "max-transfer-time": 2})
            self.xnsd.config["remotes"] = [{"id": "first", "address": [FIRST4]}, {"id": "second", "address": [SECOND4]}]
            if prepare:
                prepare(self.xnsd)
            self.xnsd.write_config()
        except BaseException:
            self.close()
            raise

    @property
    def primaries(self):
        return [self.first, self.second] if self.second else [self.first]

    def close(self):
        self.lab.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def end(self):
        """xnsd must have lived through it all, and ends when told so."""
        log = self.xnsd.process.log()
        alive = self.xnsd.process.alive()
        status = self.xnsd.stop() if alive else self.xnsd.process.popen.returncode
        self.close()
        assert alive and status == 0, f"xnsd ended with {status}:\n{log[-4000:]}"

    # ---- the log ----

    def lines(self, since=0):
        return self.xnsd.process.log()[since:].splitlines()

    def mark(self):
        return len(self.xnsd.process.log())

    def wait_line(self, pattern, since, timeout=15.0):
        """The first line behind the mark that has the regular expression."""
        def find():
            # An unfinished line is not looked at.
            text = self.xnsd.process.log()[since:]
            return next((line for line in text[:text.rfind("\n") + 1].splitlines() if re.search(pattern, line)), None)
        line = wait_until(find, timeout, lambda: "\n".join([f"{pattern!r} in the log:", *self.lines(since), *self.errors]))
        assert not self.errors, self.errors
        return line

    @property
    def errors(self):
        return [error for primary in self.primaries for error in primary.errors]

    # ---- steps ----

    def next_serial(self):
        return next(self.serials)

    def good(self, trigger="zone-refresh"):
        """A new serial, by the book: it is taken."""
        serial, mark = self.next_serial(), self.mark()
        self.first.serve(serial)
        self.xnsd.ctl(trigger, "example.com")
        self.wait_line(rf"zone example\.com\.: .*from {re.escape(FIRST4)}@53: serial \S+ -> {serial}\b", mark)
        self.serial = serial
        self.check_served()

    def ask(self, name="serial.example.com.", qtype="TXT", tcp=False):
        query = dns.message.make_query(name, qtype)
        with self.lab.client.entered():
            return (dns.query.tcp if tcp else dns.query.udp)(query, SERVER4, timeout=5)

    def check_served(self):
        """The whole of the serial in force, over UDP and TCP, and nothing of a broken one."""
        for tcp in (False, True):
            answer = self.ask(tcp=tcp)
            assert answer.rcode() == dns.rcode.NOERROR and answer.flags & dns.flags.AA
            assert [rrset.to_text() for rrset in answer.answer] == [f'serial.example.com. 3600 IN TXT "{self.serial}"']
            soa = self.ask("example.com.", "SOA", tcp).answer[0][0]
            assert soa.serial == self.serial
            assert len(self.ask("host49.example.com.", "A", tcp).answer[0]) == 2
            assert self.ask("alias.example.com.", "A", tcp).rcode() == dns.rcode.NXDOMAIN
        status = self.xnsd.zone_status("example.com")
        assert (status["state"], status["serial"]) == ("active", self.serial)

    def check_failure(self, line, reason):
        """A failure's line: zone, primary, reason, what stays, next try; the reason in the status too."""
        assert reason in line, line
        assert re.search(rf"zone example\.com\.: .* {re.escape(FIRST4)}@53: .*; keeping serial {self.serial}, "
                         r"retry in \d+ s$", line), line
        error = self.xnsd.zone_status("example.com")["last_error"]["text"]
        assert reason in error and f"{FIRST4}@53" in error

# SPDX-License-Identifier: GPL-3.0-or-later
"""xnsd's sockets answer malformed and odd queries as Knot DNS, NSD and BIND do, where two of them agree.

    ┌ one namespace, loopback only ──────────────────────────────────────────┐
    │ 127.0.0.1@5301 knotd                                                   │
    │ 127.0.0.1@5302 nsd ── AXFR ──▶ 127.0.0.1@5304 xnsd                     │
    │ 127.0.0.1@5303 named                                                   │
    │ 127.0.0.2 the client: a stranger to all of them                        │
    └────────────────────────────────────────────────────────────────────────┘
"""
import json
import os
from collections import Counter

import pytest

import daemons
import malformed
from lab import Namespace, Process, wait_until

PORTS = {"knot": 5301, "nsd": 5302, "named": 5303, "xnsd": 5304}
NSID_CODE, EDE_CODE = 3, 15
NSID = "one-of-four"
REFERENCES = ("knot", "nsd", "named")

ZONE = """$ORIGIN example.com.
$TTL 3600
@ SOA ns1 hostmaster 2024010101 3600 900 604800 300
@ NS ns1
@ NS ns2
ns1 A 192.0.2.1
ns2 A 192.0.2.2
www A 192.0.2.10
www A 192.0.2.11
www AAAA 2001:db8::10
alias CNAME www
away CNAME www.example.net.
_sip._tcp SRV 0 5 5060 www
sub NS ns.sub
ns.sub A 192.0.2.20
""" + "".join(f'big TXT "{i}{"x" * 240}"\n' for i in range(8)) + "".join(f'medium TXT "{i}{"x" * 200}"\n' for i in range(3))

# Where two references agree and we do something else on purpose: (beginning of the case, over, what differs): why.
NO_UPDATE = "a secondary takes no updates: NOTIMP, as NSD answers; Knot DNS and BIND can do UPDATE and look at it first"
NO_TKEY = "TKEY is a type like any other, as for Knot DNS; NSD and BIND look at it"
EMPTY_VERSION = "RFC 9660: the option of a query is empty, else FORMERR, as NSD answers from 4.11 on; these know it not"
UNUSED = ("records that are not used are checked for the form that libknot has of their type, as Knot DNS does; NSD and "
          "BIND look into TXT and compare classes")
SHORT_TCP = "FORMERR, as over UDP; Knot DNS ignores such messages, NSD closes the connection when they are very short"
ALLOWED = {
    ("opcode 5", "both", "rcode"): NO_UPDATE,
    ("opcode 5", "both", "questions"): NO_UPDATE,
    ("UPDATE", "both", "rcode"): NO_UPDATE,
    ("UPDATE", "both", "questions"): NO_UPDATE,
    ("UPDATE, TSIG", "both", "records"): NO_UPDATE,
    ("TKEY in the additional section", "both", "rcode"): NO_TKEY,
    ("TKEY in the additional section", "both", "flags"): NO_TKEY,
    ("TKEY in the additional section", "both", "records"): NO_TKEY,
    **{(what, "both", fact): UNUSED for what in ("a TXT string too long", "an empty TXT", "an A of class CH")
       for fact in ("rcode", "flags", "records")},
    ("ZONEVERSION with data", "both", "rcode"): EMPTY_VERSION,
    ("ZONEVERSION with data", "both", "flags"): EMPTY_VERSION,
    ("ZONEVERSION with data", "both", "records"): EMPTY_VERSION,
    ("ZONEVERSION with data", "both", "opt"): EMPTY_VERSION,
    ("header alone, QDCOUNT 1", "tcp", "silent"): SHORT_TCP,
    ("question cut before the root", "tcp", "silent"): SHORT_TCP,
    ("pointer cut", "tcp", "silent"): SHORT_TCP,
    ("EDNS version 1, DO, RD, CD", "both", "flags"): "CD is clear in all our replies; NSD clears it in answers only",
}


class Server:
    """zone and conf in its directory."""

    def __init__(self, directory, build):
        self.dir, self.build, self.conf = directory, build, os.path.join(directory, "conf")
        for path, text in ((os.path.join(directory, "zone"), ZONE), (self.conf, self.config())):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)


class Knot(Server, daemons.Knot):
    def config(self):
        server = self.server(f"127.0.0.1@{PORTS['knot']}", identity='""', version='""', nsid=NSID, udp_max_payload=1232)
        return f"{server}{self.template()}zone:\n  - domain: example.com\n    file: {self.dir}/zone\n"


class Nsd(Server, daemons.Nsd):
    def config(self):
        server = self.server(f"127.0.0.1@{PORTS['nsd']}", control=False, nsid=f'"ascii_{NSID}"', hide_version="yes",
                             hide_identity="yes", ipv4_edns_size=1232, minimal_responses="yes", refuse_any="no")
        return f"{server}zone:\n  name: example.com\n  zonefile: {self.dir}/zone\n  provide-xfr: 127.0.0.1 NOKEY\n"


class Named(Server, daemons.Named):
    def config(self):
        options = self.options("127.0.0.1", port=PORTS["named"], allow_transfer="{ none; }", minimal_responses="yes",
                               max_udp_size=1232, edns_udp_size=1232, answer_cookie="no", version="none", hostname="none",
                               server_id=f'"{NSID}"', rate_limit="{ exempt-clients { any; }; }")
        return f'{options}controls {{ }};\nzone "example.com" {{ type primary; file "{self.dir}/zone"; }};\n'


class Xnsd(Server):
    def argv(self):
        return [os.path.join(self.build, "xnsd"), "-c", self.conf]

    def config(self):
        return json.dumps({
            "server": {"listen": [f"127.0.0.1@{PORTS['xnsd']}"], "nsid": NSID, "interfaces": ["lo"],
                       "database": os.path.join(self.dir, "db"), "rundir": os.path.join(self.dir, "run")},
            "remotes": [{"id": "nsd", "address": f"127.0.0.1@{PORTS['nsd']}"}],
            "zones": [{"domain": "example.com", "primaries": ["nsd"], "notify-from": ["nsd"]}]})


SERVERS = {"knot": Knot, "nsd": Nsd, "named": Named, "xnsd": Xnsd}


@pytest.fixture(scope="module")
def network(build, tmp_path_factory):
    """The namespace with the four servers in it, all answering."""
    network, processes = Namespace(), []
    try:
        for name, kind in SERVERS.items():
            server = kind(str(tmp_path_factory.mktemp(name)), build)
            process = Process(network.inside(server.argv()), os.path.join(server.dir, "log"))
            processes.append(process)
            with network.entered():
                wait_until(lambda p=process, n=name: answers(n) or not p.alive(), 15, process.log)
            assert process.alive(), process.log()
        yield network
    finally:
        for process in processes:
            process.kill()
        network.close()


def answers(name):
    """Does the server have the zone by now?"""
    try:
        reply = malformed.ask_udp(("127.0.0.1", PORTS[name]), malformed.plain_query(malformed.ID), timeout=0.2)
    except (AssertionError, OSError):
        return False
    return reply is not None and reply[3] & 15 == 0


def facts(summary):
    """What is compared of a reply."""
    if summary.silent:
        return {"silent": True}
    return {"silent": False, "id": summary.id_kept, "rcode": summary.rcode, "opcode": summary.opcode,
            "flags": "+".join(summary.flags), "questions": summary.counts[0], "records": tuple(summary.counts[1:]),
            "echo": summary.echoed, "opt": summary.opt and (summary.opt["version"], summary.opt["do"]),
            "nsid": tuple(data for code, data in summary.options if code == NSID_CODE),
            "error": tuple(data[:2] for code, data in summary.options if code == EDE_CODE)}


def common(replies, names):
    """The facts of these names of which at least two replies have the same value."""
    tops = {name: Counter(reply[name] for reply in replies).most_common(1)[0] for name in names if replies}
    return {name: value for name, (value, n) in tops.items() if n >= 2}


def agreed(references):
    """What at least two of the replies have in common. Of replies with different RCODEs nothing else is compared."""
    result = common(references, ("silent",))
    if result["silent"]:
        return result
    result |= common([reply for reply in references if not reply["silent"]], ("rcode",))
    if "rcode" in result:
        same = [reply for reply in references if reply.get("rcode") == result["rcode"]]
        result |= common(same, ("id", "opcode", "flags", "questions", "records", "echo", "opt", "nsid", "error"))
    return result


def allowed(case, over, fact):
    return any(case.what.startswith(what) and where in (over, "both") and fact == allowed_fact
               for what, where, allowed_fact in ALLOWED)


def differences(case, over, references, ours):
    """Facts that we have otherwise than agreed, the allowed ones left out."""
    expected = agreed(references)
    return [f"{fact}: {ours.get(fact)!r}, not {value!r}" for fact, value in expected.items()
            if ours.get(fact) != value and not allowed(case, over, fact)]


CASES = list(malformed.cases())


def test_cases_have_names_of_their_own():
    assert [name for name, n in Counter(case.what for case in CASES).items() if n > 1] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_as_the_references_do(network, case):
    for over, tcp in (("udp", False), ("tcp", True)) if case.tcp else (("udp", False),):
        with network.entered():
            replies = {name: malformed.ask(("127.0.0.1", port), case, tcp) for name, port in PORTS.items()}
        shown = "\n".join(f"{name:6}{reply.text}" for name, reply in replies.items())
        wrong = differences(case, over, [facts(replies[name]) for name in REFERENCES], facts(replies["xnsd"]))
        assert not wrong, f"over {over}: {'; '.join(wrong)}\n{shown}"

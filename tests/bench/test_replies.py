# SPDX-License-Identifier: GPL-3.0-or-later
"""A wrong answer does not score: each reply is right as it is, and each change to it is seen."""
import base64
import hashlib

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest

import replies
from zonefiles import Delegations, Zone

SIGNATURE = "13 2 3600 20361119065353 20261122065353 1 z. AAAA"
HEX32 = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHIJKLMNOPQRSTUV")


def hashed(name):
    return base64.b32encode(hashlib.sha1(dns.name.from_text(name).to_wire()).digest()).decode().translate(HEX32)


def chain3(names):
    """NSEC3 owners of these names, each with the next one."""
    owners = sorted(map(hashed, names))
    return dict(zip(owners, owners[1:] + owners[:1]))


def message(qname, qtype="A", do=False, sections=(), rcode=dns.rcode.NOERROR, aa=True):
    """(query, reply); sections: lists of records as text, with RRSIG of each for `signed`."""
    query = dns.message.make_query(qname, qtype, use_edns=0, payload=1232, want_dnssec=do)
    query.flags = 0
    reply = dns.message.make_response(query)
    reply.set_rcode(rcode)
    reply.flags |= dns.flags.AA if aa else 0
    for section, records in zip((reply.answer, reply.authority, reply.additional), sections):
        for line in records:
            owner, kind, data = line.split(None, 2)
            section.append(dns.rrset.from_text(owner, 60, "IN", kind, data))
    return query.to_wire(), reply


def signed(*lines):
    return [text for line in lines
            for text in (line, f"{line.split()[0]} RRSIG {line.split()[1]} {SIGNATURE}")]


SOA = "z. SOA ns.z. host.z. 1 3600 900 1209600 60"
NAMES = Zone("z.", 3)
NSEC = Zone("z.", 3, denial="nsec")
NSEC3 = Zone("z.", 3, denial="nsec3")
TLD = Delegations("z.", 6)
CHAIN3 = chain3(["z.", "n0.z.", "n1.z.", "n2.z.", "ns.z."])


def proof3(name, matches):
    """The record that matches the name, or the one that covers it."""
    key = hashed(name)
    owner = key if matches else max((owner for owner in CHAIN3 if owner < key), default=max(CHAIN3))
    return f"{owner}.z. NSEC3 1 0 0 - {CHAIN3[owner]} A RRSIG"


COVER, STAR = "ns.z. NSEC z. A RRSIG NSEC", "z. NSEC n0.z. SOA NS RRSIG NSEC"
PROOFS3 = [proof3("z.", True), proof3("x1.z.", False), proof3("*.z.", False)]
GLUE = ["ns1.d3.z. A 10.0.0.3", "ns2.d3.z. A 10.0.0.2"]

RIGHT = {
    "address": (NAMES, "n2.z.", {"sections": [["n2.z. A 10.0.0.2"]]}),
    "signed address": (NSEC, "n2.z.", {"do": True, "sections": [signed("n2.z. A 10.0.0.2")]}),
    "address of a signed zone, DO=0": (NSEC, "n2.z.", {"sections": [["n2.z. A 10.0.0.2"]]}),
    "NODATA": (NAMES, "n2.z.", {"qtype": "AAAA", "sections": [[], [SOA]]}),
    "NXDOMAIN": (NAMES, "x1.z.", {"rcode": 3, "sections": [[], [SOA]]}),
    "NXDOMAIN, past the last": (NAMES, "n3.z.", {"rcode": 3, "sections": [[], [SOA]]}),
    "NXDOMAIN, NSEC": (NSEC, "x1.z.", {"do": True, "rcode": 3, "sections": [[], signed(SOA, COVER, STAR)]}),
    "NODATA, NSEC": (NSEC, "n0.z.", {"do": True, "qtype": "AAAA",
                                     "sections": [[], signed(SOA, "n0.z. NSEC n1.z. A RRSIG NSEC")]}),
    "NXDOMAIN, NSEC3": (NSEC3, "x1.z.", {"do": True, "rcode": 3, "sections": [[], signed(SOA, *dict.fromkeys(PROOFS3))]}),
    "NODATA, NSEC3": (NSEC3, "n0.z.", {"do": True, "qtype": "AAAA", "sections": [[], signed(SOA, proof3("n0.z.", True))]}),
    "referral with glue": (TLD, "www.d3.z.", {"aa": False, "sections": [[], ["d3.z. NS ns1.d3.z.", "d3.z. NS ns2.d3.z."],
                                                                        GLUE]}),
    "referral": (TLD, "d4.z.", {"aa": False, "sections": [[], ["d4.z. NS ns1.h4.z.", "d4.z. NS ns2.h4.z."]]}),
}

WRONG = {
    "another address": (NAMES, "n2.z.", {"sections": [["n2.z. A 10.0.0.1"]]}),
    "another owner": (NAMES, "n2.z.", {"sections": [["n1.z. A 10.0.0.2"]]}),
    "two addresses": (NAMES, "n2.z.", {"sections": [["n2.z. A 10.0.0.2", "n2.z. A 10.0.0.3"]]}),
    "no answer": (NAMES, "n2.z.", {}),
    "another RCODE": (NAMES, "n2.z.", {"rcode": 2, "sections": [["n2.z. A 10.0.0.2"]]}),
    "not authoritative": (NAMES, "n2.z.", {"aa": False, "sections": [["n2.z. A 10.0.0.2"]]}),
    "signatures not asked for": (NSEC, "n2.z.", {"sections": [signed("n2.z. A 10.0.0.2")]}),
    "signature missing": (NSEC, "n2.z.", {"do": True, "sections": [["n2.z. A 10.0.0.2"]]}),
    "NODATA without SOA": (NAMES, "n2.z.", {"qtype": "AAAA"}),
    "NXDOMAIN for what is there": (NAMES, "n2.z.", {"rcode": 3, "sections": [[], [SOA]]}),
    "NODATA for what is not there": (NAMES, "x1.z.", {"sections": [[], [SOA]]}),
    "no cover of the wildcard": (NSEC, "x1.z.", {"do": True, "rcode": 3, "sections": [[], signed(SOA, COVER)]}),
    "no cover of the name": (NSEC, "x1.z.", {"do": True, "rcode": 3, "sections": [[], signed(SOA, STAR)]}),
    "an unsigned proof": (NSEC, "x1.z.", {"do": True, "rcode": 3, "sections": [[], signed(SOA, COVER) + [STAR]]}),
    "an unsigned SOA": (NSEC, "x1.z.", {"do": True, "rcode": 3, "sections": [[], [SOA] + signed(COVER, STAR)]}),
    "another name's NSEC": (NSEC, "n0.z.", {"do": True, "qtype": "AAAA",
                                            "sections": [[], signed(SOA, "n1.z. NSEC n2.z. A RRSIG NSEC")]}),
    **{f"NSEC3, without the {what}": (NSEC3, "x1.z.", {"do": True, "rcode": 3, "sections": [[], signed(
        SOA, *(proof for proof in dict.fromkeys(PROOFS3) if proof != PROOFS3[i]))]})
       for i, what in enumerate(("closest encloser", "cover of the name", "cover of the wildcard"))},
    "no glue": (TLD, "www.d3.z.", {"aa": False, "sections": [[], ["d3.z. NS ns1.d3.z.", "d3.z. NS ns2.d3.z."]]}),
    "another delegation": (TLD, "www.d3.z.", {"aa": False, "sections": [[], ["d4.z. NS ns1.h4.z.", "d4.z. NS ns2.h4.z."]]}),
    "an authoritative referral": (TLD, "d4.z.", {"sections": [[], ["d4.z. NS ns1.h4.z.", "d4.z. NS ns2.h4.z."]]}),
}


@pytest.mark.parametrize("what", RIGHT)
def test_right(what):
    zone, qname, form = RIGHT[what]
    query, reply = message(qname, **form)
    assert replies.check(zone, query, reply.to_wire()) is None


@pytest.mark.parametrize("what", WRONG)
def test_wrong(what):
    zone, qname, form = WRONG[what]
    query, reply = message(qname, **form)
    assert replies.check(zone, query, reply.to_wire())


@pytest.mark.parametrize("what", RIGHT)
def test_any(what):
    """TC, no EDNS, another question, less or more than a message."""
    zone, qname, form = RIGHT[what]
    query, reply = message(qname, **form)
    wire = reply.to_wire()
    reply.flags |= dns.flags.TC
    assert replies.check(zone, query, reply.to_wire()) == "truncated"
    reply.flags &= ~dns.flags.TC
    reply.use_edns(False)
    assert replies.check(zone, query, reply.to_wire()) == "EDNS"
    assert replies.check(zone, message("n1.z.")[0], wire)
    assert replies.check(zone, query, wire + b"\0")
    for end in range(len(wire)):
        assert replies.check(zone, query, wire[:end])

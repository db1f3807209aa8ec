# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed answers and denials, believed by independent validators: Unbound and BIND, each with a trust anchor.

What cannot be proved of a delegation without DS is insecure; all else is secure, nothing is bogus. And the checks
can fail: with a wrong anchor, and with one proof taken out of each reply, it is bogus.
"""
import collections
import contextlib
import os

import dns.dnssec
import dns.message
import dns.rdatatype
import pytest

from ask import rng_for
from signedzone import Questions, below_text, zone_text
from signing import Policy, Signer
from validators import VALIDATORS, Child, Relay

POLICIES = {
    "nsec": Policy(),
    "nsec-rsa": Policy("RSASHA256", bits=1024),
    "nsec3": Policy(salt="-"),
    "nsec3-rsa": Policy("RSASHA256", bits=2048, salt="-"),
    "nsec3-salt": Policy(salt="0123456789abcdef"),
    "nsec3-iterations": Policy(salt="beef", iterations=5),
    "nsec3-optout": Policy(salt="-", optout=True),
}
MANY = 50  # names of each shape, for each validator, serial and way
DS, NSEC, NSEC3, SERVFAIL = 43, 47, 50, 2


class Setting:
    """All kinds of zones with their children, on a primary and xnsd, and the way from the validators to it."""

    def __init__(self, new_world, directory, xdp):
        self.xdp = xdp
        self.signers, self.zones, self.anchors = {}, {}, {}
        for kind, policy in POLICIES.items():
            zone = f"{kind}.example"
            for name in ("child." + zone, zone):
                self.signers[name] = Signer(os.path.join(directory, name), name, policy)
            self.anchors |= {zone: self.signers[zone].anchor, "child." + zone: None}
        self.sign(1)
        self.world = new_world(self.zones, xdp=xdp)
        self.lab = self.world.lab
        self.world.xnsd.start()
        (self.world.xnsd.wait_served if xdp else self.world.xnsd.wait_active)(*self.zones, timeout=60)
        self.relay, self.child = Relay(self.lab, frames=xdp), Child(self.lab)
        self.lab.closers += [self.relay.close, self.child.close]
        self.validators = {}

    def sign(self, serial, salt=None):
        for kind in POLICIES:
            zone = f"{kind}.example"
            child = self.signers["child." + zone]
            salt = None if POLICIES[kind].salt == "-" else salt
            self.zones["child." + zone] = child.sign(below_text(serial), salt)
            self.zones[zone] = self.signers[zone].sign(zone_text(serial, child.ds), salt)

    def validator(self, name, anchors=None):
        """A running one; with anchors: one that knows nothing yet, for this test alone."""
        if anchors is not None:
            self.forget()  # the same port
            return VALIDATORS[name](self.lab, anchors, name + "-other")
        if name not in self.validators:
            self.validators[name] = VALIDATORS[name](self.lab, self.anchors, name)
        return self.validators[name]

    def counting(self):
        return self.world.xnsd.counting() if self.xdp else contextlib.nullcontext()

    def forget(self):
        for validator in self.validators.values():
            validator.stop()
        self.validators = {}


@pytest.fixture(params=[True, False], ids=["interface", "sockets"], scope="module")
def setting(request, shared_world, tmp_path_factory):
    def make(new):
        one = Setting(new, str(tmp_path_factory.mktemp("keys")), request.param)
        one.close = one.world.close
        return one
    return shared_world(request.param, make)


def questions(kind, seed, many=MANY, once=True):
    asked = Questions(f"{kind}.example", POLICIES[kind].optout, seed)
    if once:
        asked.once()
    asked.many(many)
    return asked.list


def wrong(question, verdict):
    """What is not as it has to be, or None."""
    if verdict is None:
        return "no reply"
    rcode, secure = verdict
    if rcode != question.rcode:
        return "bogus" if rcode == SERVFAIL else f"rcode {rcode}"
    if question.verdict != "any" and secure != (question.verdict == "secure"):
        return "secure" if secure else "insecure"
    return None


def check(asked, verdicts, log):
    """Fails with how many of each shape are wrong and the first of them."""
    bad = [(question, wrong(question, verdict)) for question, verdict in zip(asked, verdicts) if wrong(question, verdict)]
    if bad:
        shapes = collections.Counter((question.shape, what) for question, what in bad)
        totals = collections.Counter(question.shape for question in asked)
        lines = [f"{shape}: {n} of {totals[shape]} {what}" for (shape, what), n in sorted(shapes.items())]
        lines += [f"{question}: {what}" for question, what in bad[:12]]
        said = [line for line in log.splitlines() if "validation failure" in line or "validating" in line][-12:]
        raise AssertionError("\n".join([f"{len(bad)} of {len(asked)} wrong", *lines, *said]))


def check_interface(kind, moved):
    """Only what is documented was passed up: proofs of two targets, chains through a DNAME, NSEC3 with iterations."""
    assert not moved.impossible
    passed = {name for name in moved if name.startswith("pass-")} - {"pass-not-ours", "pass-node"}
    assert passed <= ({"pass-dnssec"} if POLICIES[kind].iterations else set()), f"{moved}"
    assert moved.get("pass-node", 0) <= MANY, f"{moved}"
    assert moved.answered > 0, f"{moved}"


@pytest.mark.parametrize("kind", POLICIES)
@pytest.mark.parametrize("name", VALIDATORS)
def test_believed(setting, name, kind):
    validator = setting.validator(name)
    asked = questions(kind, name + str(setting.xdp))
    start, before = len(validator.process.log()), setting.relay.asked
    with setting.counting() as moved:
        verdicts = validator.judge([question.query for question in asked])
    if setting.xdp:
        check_interface(kind, moved)
    check(asked, verdicts, validator.process.log()[start:])
    different = {(question.query.name.lower(), question.query.qtype) for question in asked}
    # A validator may ask once for two of them under way: a chain's target, and that name itself.
    assert setting.relay.asked - before >= 0.95 * len(different), "answered out of the cache"


@pytest.mark.parametrize("name", VALIDATORS)
def test_wrong_anchor(setting, name):
    """Nothing that is signed is believed on the word of another key."""
    wrong_keys = {zone: anchor and anchor[:-8] + ("AAAAAAA=" if anchor.endswith("=") else "AAAAAAAA")
                  for zone, anchor in setting.anchors.items()}
    validator = setting.validator(name, wrong_keys)
    asked = [question for kind in POLICIES for question in questions(kind, "anchor", many=2)]
    verdicts = validator.judge([question.query for question in asked])
    validator.stop()
    assert {verdict and verdict[0] for verdict in verdicts} == {SERVFAIL}


def without_one_proof(rng):
    """Takes one NSEC or NSEC3 with its signatures out of a reply's authority section."""
    def change(wire):
        message = dns.message.from_wire(wire)
        proofs = sorted({rrset.name for rrset in message.authority if rrset.rdtype in (NSEC, NSEC3)})
        if not proofs:
            return wire
        away = rng.choice(proofs)
        message.authority = [rrset for rrset in message.authority if rrset.name != away or
                             not {rrset.rdtype, rrset.covers} & {NSEC, NSEC3}]
        return message.to_wire()
    return change


@pytest.mark.parametrize("kind", [kind for kind in POLICIES if "optout" not in kind])
@pytest.mark.parametrize("name", VALIDATORS)
def test_no_proof_too_many(setting, name, kind):
    """Each proof is needed: with any one taken away the reply is bogus."""
    shapes = ("NXDOMAIN", "wildcard", "wildcard NODATA", "NODATA", "DS absent", "wildcard CNAME")
    # Unbound answers DS out of NSECs that it has from other replies, too.
    asked = [question for question in questions(kind, "less", many=12, once=False)
             if question.shape in shapes and (question.shape == "DS absent" or question.query.qtype != DS)]
    validator = setting.validator(name, setting.anchors)
    # The keys first, with all that it takes to believe them.
    assert validator.judge([asked[0].query]) != [None]
    setting.relay.change = without_one_proof(rng_for(name, kind))
    try:
        verdicts = validator.judge([question.query for question in asked[1:]])
    finally:
        setting.relay.change = None
        validator.stop()
    believed = [f"{question}" for question, verdict in zip(asked[1:], verdicts) if verdict and verdict[0] != SERVFAIL]
    assert not believed, f"{len(believed)} of {len(asked)}:\n" + "\n".join(believed[:10])


@pytest.mark.parametrize("serial", [2, 3])
def test_next_serial(setting, serial):
    """Signed anew with other names, another chain of denial, another salt: nothing of the old serial is left."""
    setting.sign(serial, salt=f"{serial:04x}")
    xnsd = setting.world.xnsd
    for zone, text in setting.zones.items():
        setting.world.primary.update(zone, text)
    xnsd.ctl("zone-refresh", "--all")
    (xnsd.wait_served if setting.xdp else xnsd.wait_active)(*setting.zones, serial=serial, timeout=60)
    setting.forget()
    for name in VALIDATORS:
        for kind in POLICIES:
            test_believed(setting, name, kind)

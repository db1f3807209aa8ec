# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones signed by BIND's tools (dnssec-keygen, dnssec-signzone), as files and trust anchors."""
import os
import subprocess
from dataclasses import dataclass

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype


@dataclass(frozen=True)
class Policy:
    """How a zone is signed. salt None: NSEC; "-": NSEC3 without salt."""

    algorithm: str = "ECDSAP256SHA256"
    bits: int = 0
    salt: str = None
    iterations: int = 0
    optout: bool = False


def _run(directory, *argv):
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


class Signer:
    """Signs one zone, serial after serial, with the same two keys. The directory is its own."""

    def __init__(self, directory, zone, policy):
        self.dir, self.zone, self.policy = directory, zone, policy
        os.makedirs(directory, exist_ok=True)
        size = ["-b", str(policy.bits)] if policy.bits else []
        keygen = ["dnssec-keygen", "-q", "-K", directory, "-a", policy.algorithm, *size]
        self.ksk = _run(directory, *keygen, "-f", "KSK", zone).strip()
        self.zsk = _run(directory, *keygen, zone).strip()

    def dnskey(self, key):
        """The DNSKEY of a key file, as rdata."""
        with open(os.path.join(self.dir, key + ".key"), encoding="utf-8") as file:
            line = next(line for line in file if not line.startswith(";"))
        return dns.rdata.from_text("IN", "DNSKEY", line.split("DNSKEY", 1)[1])

    @property
    def anchor(self):
        """The DNSKEY to trust, as a line of a zone file."""
        return f"{self.zone}. IN DNSKEY {self.dnskey(self.ksk).to_text()}"

    @property
    def ds(self):
        """For the zone above: the data of a DS record."""
        return dns.dnssec.make_ds(dns.name.from_text(self.zone), self.dnskey(self.ksk), "SHA256").to_text()

    def sign(self, text, salt=None):
        """The signed zone as text. salt: another one than the policy's."""
        policy = self.policy
        with open(os.path.join(self.dir, "unsigned"), "w", encoding="utf-8") as file:
            file.write(f"$ORIGIN {self.zone}.\n{text}\n")
            file.writelines(f"$INCLUDE {self.dir}/{key}.key\n" for key in (self.ksk, self.zsk))
        argv = ["dnssec-signzone", "-q", "-P", "-K", self.dir, "-o", self.zone, "-f", "signed", "-O", "full", "-d", self.dir]
        if policy.salt is not None:
            argv += ["-3", salt or policy.salt, "-H", str(policy.iterations)] + (["-A"] if policy.optout else [])
        _run(self.dir, *argv, "unsigned", self.ksk, self.zsk)
        with open(os.path.join(self.dir, "signed"), encoding="utf-8") as file:
            return file.read()

# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing with BIND's tools: ECDSA P-256, and a denial of each kind."""
import contextlib
import itertools
import os
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

import names

# Kinds of zones by letter, with what dnssec-signzone is told; the number is corpus.h's enum corpus_zone.
KINDS = {
    "u": (0, None),
    "n": (1, []),
    "h": (2, ["-3", "-", "-H", "0"]),
    "s": (2, ["-3", "aabbccddeeff0011", "-H", "0"]),
    "o": (3, ["-3", "-", "-H", "0", "-A"]),
    "i": (4, ["-3", "ab", "-H", "5"]),
}


@contextlib.contextmanager
def scratch():
    """A directory that goes away."""
    directory = tempfile.mkdtemp(prefix="xnsd-diff-sign-")
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


class Signer:
    """One key for all zones: files in a directory of its own."""

    def __init__(self, directory):
        self.dir = directory
        self.number = itertools.count()
        done = subprocess.run(["dnssec-keygen", "-q", "-K", directory, "-a", "ECDSAP256SHA256", "-f", "KSK", "key.invalid"],
                              check=True, capture_output=True, text=True)
        stem = os.path.join(directory, done.stdout.strip())
        self.tag = re.search(r"\+(\d+)$", stem)[1]
        with open(stem + ".key", encoding="utf-8") as file:
            self.key = re.search(r"DNSKEY (.*)", file.read())[1]
        with open(stem + ".private", encoding="utf-8") as file:
            self.private = file.read()

    def sign(self, origin, text, kind):
        """The signed zone's text."""
        options = KINDS[kind][1]
        if options is None:
            return text
        # A directory for each: the files of a key are named after its zone.
        directory = os.path.join(self.dir, str(next(self.number)))
        os.makedirs(directory)
        zone = names.text(origin)
        stem = os.path.join(directory, f"K{zone}+013+{self.tag}")
        for path, content in ((stem + ".key", f"{zone} IN DNSKEY {self.key}\n"), (stem + ".private", self.private),
                              (os.path.join(directory, "zone"), text)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
        done = subprocess.run(["dnssec-signzone", "-q", "-P", "-z", "-S", "-K", directory, "-d", directory, "-o", zone,
                               "-O", "full", "-n", "1" if len(text) < 1 << 20 else "2", "-f", os.path.join(directory, "signed"),
                               *options, os.path.join(directory, "zone")], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"dnssec-signzone {zone}: {done.stdout}{done.stderr}\n{text}")
        with open(os.path.join(directory, "signed"), encoding="utf-8") as file:
            return file.read()

    def sign_all(self, zones):
        """zones: [(origin, text, kind)] → texts, in order."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(lambda zone: self.sign(*zone), zones))


def nsec3_owners(text):
    """The first labels of the NSEC3 records."""
    return [owner.encode() for owner in re.findall(r"^([0-9A-V]{32})\.\S*\s+\d+\s+IN\s+NSEC3\s", text, re.M)]

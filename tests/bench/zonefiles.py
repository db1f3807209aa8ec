# SPDX-License-Identifier: GPL-3.0-or-later
"""The zones that queries are asked of: a file of each, made once and kept, and what the right answer to a question is.

A name tells its number, and the number its data: so the answer is known from the question alone.
"""
import os
import re
import shutil
import subprocess
import tempfile

A, NS, SOA, MX, AAAA = 1, 2, 6, 15, 28

HEAD = "$ORIGIN {name}\n$TTL 3600\n@ SOA ns host 1 3600 900 1209600 60\n@ NS ns\nns A 192.0.2.2\n"


def address(number, serial=0):
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{(number ^ serial) & 255}"


def wire(name):
    """A name, with or without the dot at its end, on the wire."""
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


class Expected:
    """kind: data, nodata, nxdomain or referral. rdata: of the answer's only record, where it is known."""

    def __init__(self, kind, rdata=None, cut=None):
        self.kind, self.rdata, self.cut = kind, rdata, cut


class Zone:
    """Names n0 to n(names - 1), each with an A record. infix: labels between these and the apex.

    denial: nsec, nsec3 or None."""

    def __init__(self, name, names, infix="", denial=None):
        self.name, self.names, self.infix, self.denial = name, names, infix, denial
        self.tail = wire(infix + name)
        self.apex = wire(name)

    @property
    def file(self):
        return f"{self.name}{self.names}.zone"

    def labels(self, numbers):
        """Of these names, the first."""
        return [b"n%d" % number for number in numbers]

    def lines(self):
        infix = "." + self.infix.rstrip(".") if self.infix else ""
        for i in range(self.names):
            yield f"n{i}{infix} A {address(i)}\n"

    def write(self, path):
        with open(path, "w", encoding="ascii") as file:
            file.write(HEAD.format(name=self.name))
            file.writelines(self.lines())
        if self.denial:
            sign(path, self.name, self.denial)

    def cached(self, directory):
        """The path of its file there, made if it is not."""
        path = os.path.join(directory, self.file)
        if not os.path.exists(path):
            os.makedirs(directory, exist_ok=True)
            try:
                self.write(path + ".new")
            except BaseException:
                if os.path.exists(path + ".new"):
                    os.unlink(path + ".new")
                raise
            os.rename(path + ".new", path)
        return path

    def expected(self, qname, qtype):
        if qname == self.apex:
            return Expected("data" if qtype in (NS, SOA) else "nodata")
        number = re.fullmatch(rb"n(0|[1-9]\d*)", qname[1:1 + qname[0]])
        if qname[1 + qname[0]:] != self.tail or not number or int(number[1]) >= self.names:
            return Expected("nxdomain")
        if qtype != A:
            return Expected("nodata")
        return Expected("data", bytes(map(int, address(int(number[1])).split("."))))


class Delegations(Zone):
    """Like a TLD: d0 to d(names - 1), two name servers each. Every third has its own, below it, with glue; the others are with
    one of 2,000 hosters, whose name servers have glue too."""

    HOSTERS = 2000

    def labels(self, numbers):
        return [b"d%d" % number for number in numbers]

    def lines(self):
        for i in range(self.HOSTERS):
            yield f"ns1.h{i} A {address(i)}\nns2.h{i} A {address(i, 1)}\nh{i} NS ns1.h{i}\nh{i} NS ns2.h{i}\n"
        for i in range(self.names):
            if i % 3 == 0:
                yield f"d{i} NS ns1.d{i}\nd{i} NS ns2.d{i}\nns1.d{i} A {address(i)}\nns2.d{i} A {address(i, 1)}\n"
            else:
                yield f"d{i} NS ns1.h{i % self.HOSTERS}\nd{i} NS ns2.h{i % self.HOSTERS}\n"

    def expected(self, qname, qtype):
        for start in (0, 1 + qname[0]):
            if qname[start + 1 + qname[start]:] == self.tail:
                return Expected("referral", cut=qname[start:])
        return Expected("nxdomain")


def sign(path, origin, denial):
    """Signs the file with BIND's tools: ECDSA P-256, and signatures that outlive the cache."""
    directory = tempfile.mkdtemp(prefix="xnsd-bench-sign-")

    def run(*argv):
        done = subprocess.run(argv, capture_output=True, text=True, cwd=directory)
        if done.returncode != 0:
            raise RuntimeError(f"{argv[0]}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    try:
        key = run("dnssec-keygen", "-q", "-K", directory, "-a", "ECDSAP256SHA256", "-f", "KSK", origin)
        with open(path, "a", encoding="ascii") as file, open(os.path.join(directory, key + ".key"), encoding="ascii") as public:
            file.write(public.read())
        run("dnssec-signzone", "-q", "-P", "-z", "-K", directory, "-o", origin, "-e", "+315360000", "-f", path + ".signed",
            *(["-3", "-", "-H", "0"] if denial == "nsec3" else []), path, key)
        os.rename(path + ".signed", path)
    finally:
        shutil.rmtree(directory, ignore_errors=True)

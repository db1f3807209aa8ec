# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked: for each workload a zone, and queries of it in the order in which they are sent, again and again.

All but the mix are of one kind. The mix is made after a real server's traffic: the types, the share of queries with EDNS and
that of names which do not exist are those of 7.1 million queries in a dump of the statistics of an authoritative BIND
(https://gist.github.com/jmoiron/9334419, March 2014: A 72.9 %, AAAA 25.6 %, NS 1.1 %, MX 0.2 %; EDNS 69 %; answers with
data 74 %, NODATA 26 %, NXDOMAIN 0.2 %); DO is set as often as SIDN saw it from validating resolvers in 2022, 60 %
(https://sidn.nl/en/news-and-blogs/majority-of-dutch-domains-and-internet-users-have-dnssec-security). Names are Zipf's.
"""
import functools
import itertools
import random
import struct

import replies
from zonefiles import A, AAAA, MX, NS, Delegations, Zone, wire

MOST = 4_000_000  # of different queries; more than any cache holds
OPT = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)
OPT_DO = b"\0" + struct.pack("!HHIH", 41, 1232, 0x8000, 0)

K1 = Zone("k1.bench.", 1_000)
K100 = Zone("k100.bench.", 100_000)
M1 = Zone("m1.bench.", 1_000_000)
M10 = Zone("m10.bench.", 10_000_000)
LONG = Zone("long.bench.", 100_000, infix=".".join(letter * 63 for letter in "abc") + ".")
NSEC = Zone("nsec.bench.", 100_000, denial="nsec")
NSEC3 = Zone("nsec3.bench.", 100_000, denial="nsec3")
TLD = Delegations("tld.", 1_000_000)


def messages(labels, tail, qtype=A, opt=OPT):
    """Queries for these labels, each below the name `tail`."""
    head = struct.pack("!6H", 0, 0, 1, 0, 0, bool(opt))
    end = tail + struct.pack("!HH", qtype, 1) + opt
    return [b"%b%c%b%b" % (head, len(label), label, end) for label in labels]


def shuffled(zone, rng):
    """Numbers of a zone's names, each once (of very many zones' names a part)."""
    return rng.sample(range(zone.names), min(zone.names, MOST))


def zipf(zone, rng, count=1_000_000):
    """Numbers of names, where the nth is asked for 1/n times as often as the first."""
    weights = list(itertools.accumulate(1 / rank for rank in range(1, zone.names + 1)))
    return rng.choices(range(zone.names), cum_weights=weights, k=count)


def unknown(rng, count=1_000_000):
    """Labels at random, as a flood of random subdomains has them; none is in a zone, as none begins with n."""
    return [b"x%011x" % rng.getrandbits(44) for _ in range(count)]


def hot(zone, rng):
    return messages(zone.labels([zone.names // 2]), zone.tail)


def names(zone, rng, **question):
    return messages(zone.labels(shuffled(zone, rng)), zone.tail, **question)


def popular(zone, rng):
    return messages(zone.labels(zipf(zone, rng)), zone.tail)


def missing(zone, rng, **question):
    return messages(unknown(rng), zone.tail, **question)


def referrals(zone, rng):
    """Half of the questions are for the delegated name, half for a name below it."""
    labels = zone.labels(shuffled(zone, rng))
    half = len(labels) // 2
    queries = messages(labels[:half], zone.tail)
    for label in labels[half:]:
        queries += messages([b"www"], bytes([len(label)]) + label + zone.tail)
    rng.shuffle(queries)
    return queries


def mixed(zone, rng, count=1_000_000):
    """See above."""
    queries = []
    for opt, of_opt in ((OPT_DO, 0.60), (OPT, 0.09), (b"", 0.31)):
        share = int(count * of_opt)
        labels = zone.labels(zipf(zone, rng, share))
        a, aaaa, mx = int(share * 0.729), int(share * 0.256), int(share * 0.002)
        queries += messages(labels[:a], zone.tail, A, opt)
        queries += messages(labels[a:a + aaaa], zone.tail, AAAA, opt)
        queries += messages(labels[a + aaaa:a + aaaa + mx], zone.tail, MX, opt)
        queries += messages(unknown(rng, int(share * 0.002)), zone.tail, A, opt)
        apex = wire(zone.name)
        queries += messages([apex[1:1 + apex[0]]] * int(share * 0.011), apex[1 + apex[0]:], NS, opt)
    rng.shuffle(queries)
    return queries


class Workload:
    """name: to choose it by. servers: those that take part, None for all."""

    def __init__(self, name, title, zone, make, v6=False, servers=None, **question):
        self.name, self.title, self.zone, self.v6, self.servers = name, title, zone, v6, servers
        self.make = functools.partial(make, **question)
        self.check = functools.partial(replies.check, zone)

    def queries(self):
        """The same in each run."""
        return self.make(self.zone, random.Random(self.name))


# Those of one zone stand together: the servers are started once for them.
WORKLOADS = (
    Workload("1k", "random, 1 k names", K1, names),
    Workload("hot", "hot name", K100, hot),
    Workload("100k", "random, 100 k names", K100, names),
    Workload("ipv6", "random, 100 k names, IPv6", K100, names, v6=True),
    Workload("1M", "random, 1 M names", M1, names),
    Workload("zipf", "Zipf, 1 M names", M1, popular),
    Workload("nodata", "NODATA (AAAA), 1 M names", M1, names, qtype=AAAA),
    Workload("nxdomain", "NXDOMAIN, 1 M names", M1, missing),
    Workload("referral", "referral, 1 M delegations", TLD, referrals),
    Workload("signed", "signed, 100 k names", NSEC3, names, opt=OPT_DO),
    Workload("nsec3", "signed NXDOMAIN, NSEC3, 100 k", NSEC3, missing, opt=OPT_DO),
    Workload("mix", "mix, NSEC3, 100 k names", NSEC3, mixed),
    Workload("nsec", "signed NXDOMAIN, NSEC, 100 k", NSEC, missing, opt=OPT_DO),
    Workload("long", "names of 210 bytes, 100 k", LONG, names),
    Workload("10M", "random, 10 M names", M10, names, servers=("bounce", "xnsd", "knot-xdp")),
)
QUICK = ("hot", "100k", "nxdomain")


def by_name(chosen=None):
    """These workloads, or all, in the order of the list."""
    known = {workload.name for workload in WORKLOADS}
    unknown_names = set(chosen or ()) - known
    if unknown_names:
        raise KeyError(f"no such workload: {', '.join(sorted(unknown_names))}; there are {', '.join(sorted(known))}")
    return [workload for workload in WORKLOADS if not chosen or workload.name in chosen]
